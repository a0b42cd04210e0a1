"""Casts between numbers, rounded as DuckDB rounds; a value that does not fit is an error (spec 07, section 8)."""

from __future__ import annotations

import decimal
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import FilterError

Convert = Callable[[pa.Array], pa.Array]


def caster(actual: pa.DataType, target: pa.DataType) -> Convert:
    """How arrays of one type become arrays of another.

    The function that is returned raises ``FilterError`` or ``pyarrow.ArrowInvalid`` for a value that does not fit.

    Raises:
        FilterError: there is no such cast, or it depends on the settings of a session.
    """
    if actual.equals(target):
        return lambda array: array
    is_ = pa.types
    if is_.is_null(actual):
        return lambda array: pa.nulls(len(array), target)
    source, wanted = _kind(actual), _kind(target)
    if source == "extension" and _is_wide_integer(actual):
        return _of_python(actual, target)
    cast = _CASTS.get((source, wanted))
    if cast is None:
        if _same_family(actual, target):
            return lambda array: array.cast(target)
        raise FilterError(f"a cast from {actual} to {target} is not known here")
    return cast(actual, target)


def _kind(type_: pa.DataType) -> str:
    is_ = pa.types
    if isinstance(type_, pa.BaseExtensionType):
        return "extension"
    if is_.is_boolean(type_):
        return "bool"
    if is_.is_integer(type_):
        return "int"
    if is_.is_floating(type_):
        return "float"
    return "decimal" if is_.is_decimal(type_) else "other"


def _is_wide_integer(type_: pa.BaseExtensionType) -> bool:
    from ..types import BIGNUM, HUGEINT, UHUGEINT
    from ..types.forms import same_extension

    return any(same_extension(type_, wide) for wide in (HUGEINT, UHUGEINT, BIGNUM))


def _same_family(actual: pa.DataType, target: pa.DataType) -> bool:
    from .compare import identities, plain

    if identities(actual) != identities(target):
        return False
    first, second = plain(actual)[1], plain(target)[1]
    return first is not None and first.equals(second)


def _safely(actual: pa.DataType, target: pa.DataType) -> Convert:
    return lambda array: array.cast(target)


def _nearest(actual: pa.DataType, target: pa.DataType) -> Convert:
    return lambda array: array.cast(target, safe=False)


def _number_to_bool(actual: pa.DataType, target: pa.DataType) -> Convert:
    zero = pa.scalar(0).cast(actual)
    return lambda array: pc.not_equal(array, zero)


def _bool_to_number(actual: pa.DataType, target: pa.DataType) -> Convert:
    to_target = caster(pa.int8(), target)
    return lambda array: to_target(array.cast(pa.int8()))


def _float_to_int(actual: pa.DataType, target: pa.DataType) -> Convert:
    return lambda array: pc.round(array, round_mode="half_to_even").cast(target)


def _decimal_to_int(actual: pa.DataType, target: pa.DataType) -> Convert:
    return lambda array: _rounded(array, 0).cast(target)


def _int_to_decimal(actual: pa.DataType, target: pa.DataType) -> Convert:
    wide = pa.decimal256(20 + target.scale, target.scale)
    return lambda array: array.cast(pa.decimal256(20, 0)).cast(wide).cast(target)


def _decimal_to_decimal(actual: pa.DataType, target: pa.DataType) -> Convert:
    if target.scale >= actual.scale:
        wide = pa.decimal256(76, target.scale)
        return lambda array: array.cast(wide).cast(target)
    return lambda array: _rounded(array.cast(pa.decimal256(76, actual.scale)), target.scale).cast(target)


def _rounded(array: pa.Array, digits: int) -> pa.Array:
    return pc.round(array, ndigits=digits, round_mode="half_towards_infinity")


def _decimal_to_float(actual: pa.DataType, target: pa.DataType) -> Convert:
    """As DuckDB does it: one division where the digits fit a double, else whole part and fraction apart."""
    scale = actual.scale
    exact = 1 << (53 if target.bit_width == 64 else 24)

    def value(number: Any) -> float | None:
        if number is None:
            return None
        digits = int(number.scaleb(scale, _CONTEXT))
        if -exact <= digits <= exact or scale == 0:
            return float(digits) / float(10**scale)
        whole = abs(digits) // 10**scale
        rest = abs(digits) - whole * 10**scale
        result = float(whole) + float(rest) / float(10**scale)
        return result if digits >= 0 else -result

    if actual.precision <= 15 and target.bit_width == 64:
        import numpy as np

        power = float(10**scale)

        def fast(array: pa.Array) -> pa.Array:
            unscaled = pc.cast(array, pa.decimal128(actual.precision, scale)).view(pa.binary(16))
            words = np.frombuffer(unscaled.buffers()[1], np.int64)[2 * unscaled.offset :: 2][: len(array)]
            return pc.if_else(array.is_valid(), pa.array(words / power), pa.scalar(None, pa.float64()))

        return fast
    return lambda array: pa.array([value(number) for number in array.to_pylist()], pa.float64()).cast(
        target, safe=False
    )


_CONTEXT = decimal.Context(prec=100)


def _float_to_decimal(actual: pa.DataType, target: pa.DataType) -> Convert:
    """As DuckDB does it, with the little that it adds before rounding."""
    power, limit = 10.0**target.scale, 10.0**target.precision

    def value(number: float | None) -> decimal.Decimal | None:
        if number is None:
            return None
        scaled = number * power
        scaled += 1e-9 * ((scaled > 0) - (scaled < 0))
        if not -limit < scaled < limit:
            raise FilterError(f"{number} does not fit {target}")
        return decimal.Decimal(round(scaled)).scaleb(-target.scale, _CONTEXT)

    return lambda array: pa.array([value(number) for number in array.to_pylist()], target)


def _of_python(actual: pa.DataType, target: pa.DataType) -> Convert:
    """From integers of more than 64 bits."""
    from ..types.values import to_values

    kind = _kind(target)
    if kind == "float":
        return lambda array: pa.array([None if v is None else float(v) for v in to_values(array)], pa.float64()).cast(
            target, safe=False
        )
    if kind == "int":
        return lambda array: pa.array(to_values(array), target)
    if kind == "decimal":
        return lambda array: pa.array([None if v is None else decimal.Decimal(v) for v in to_values(array)], target)
    raise FilterError(f"a cast from {actual} to {target} is not known here")


_CASTS: dict[tuple[str, str], Callable[[pa.DataType, pa.DataType], Convert]] = {
    ("int", "int"): _safely,
    ("int", "float"): _nearest,
    ("int", "decimal"): _int_to_decimal,
    ("float", "float"): _nearest,
    ("float", "int"): _float_to_int,
    ("float", "decimal"): _float_to_decimal,
    ("decimal", "decimal"): _decimal_to_decimal,
    ("decimal", "int"): _decimal_to_int,
    ("decimal", "float"): _decimal_to_float,
    ("int", "bool"): _number_to_bool,
    ("float", "bool"): _number_to_bool,
    ("decimal", "bool"): _number_to_bool,
    ("bool", "int"): _bool_to_number,
    ("bool", "float"): _bool_to_number,
    ("bool", "decimal"): _bool_to_number,
}
