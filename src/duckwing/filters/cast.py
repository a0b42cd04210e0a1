"""Casts between numbers, rounded as DuckDB rounds; a value that does not fit is an error (spec 07, section 8)."""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import FilterError
from .keys import keys
from .plain import Convert, identities, plain


def caster(actual: pa.DataType, target: pa.DataType) -> Convert:
    """How arrays of one type become arrays of another.

    The function that is returned raises ``FilterError`` or ``pyarrow.ArrowInvalid`` for a value that does not fit.
    For the target ``arrow.bool8`` it gives ``bool``.

    Raises:
        FilterError: there is no such cast, or it depends on the settings of a session.
    """
    if actual.equals(target) and not _is_bool8(target):
        return lambda array: array
    if pa.types.is_null(actual):
        return lambda array: pa.nulls(len(array), target)
    if pa.types.is_dictionary(actual) or _is_bool8(actual):
        to_plain, bare = plain(actual)
        if bare is not None:
            convert = caster(bare, target)
            return lambda array: convert(to_plain(array))
    if _is_bool8(target):
        return caster(actual, pa.bool_())
    source, wanted = _kind(actual), _kind(target)
    cast = _CASTS.get((source, wanted))
    if cast is None:
        if _same_family(actual, target):
            return lambda array: array.cast(target)
        raise FilterError(f"a cast from {actual} to {target} is not known here")
    return cast(actual, target)


def _kind(type_: pa.DataType) -> str:
    is_ = pa.types
    if isinstance(type_, pa.BaseExtensionType):
        from ..types import BIGNUM, HUGEINT, UHUGEINT
        from ..types.forms import same_extension

        return "wide" if any(same_extension(type_, wide) for wide in (HUGEINT, UHUGEINT, BIGNUM)) else "extension"
    if is_.is_boolean(type_):
        return "bool"
    if is_.is_integer(type_):
        return "int"
    if is_.is_floating(type_):
        return "float"
    return "decimal" if is_.is_decimal(type_) else "other"


def _is_bool8(type_: pa.DataType) -> bool:
    return getattr(type_, "extension_name", "") == "arrow.bool8"


def _same_family(actual: pa.DataType, target: pa.DataType) -> bool:
    if identities(actual) != identities(target):
        return False
    first, second = plain(actual)[1], plain(target)[1]
    return first is not None and first.equals(second)


def _safely(actual: pa.DataType, target: pa.DataType) -> Convert:
    return lambda array: array.cast(target)


def _nearest(actual: pa.DataType, target: pa.DataType) -> Convert:
    return lambda array: array.cast(target, safe=False)


def _number_to_bool(actual: pa.DataType, target: pa.DataType) -> Convert:
    zero = pa.scalar(decimal.Decimal(0) if pa.types.is_decimal(actual) else 0, actual)
    return lambda array: pc.not_equal(array, zero)


def _bool_to_number(actual: pa.DataType, target: pa.DataType) -> Convert:
    to_target = caster(pa.int8(), target)
    return lambda array: to_target(array.cast(pa.int8()))


def _float_to_float(actual: pa.DataType, target: pa.DataType) -> Convert:
    if target.bit_width >= actual.bit_width:
        return lambda array: array.cast(target)

    def convert(array: pa.Array) -> pa.Array:
        result = array.cast(target, safe=False)
        if pc.any(pc.and_(pc.is_inf(result), pc.is_finite(array))).as_py():
            raise FilterError(f"a number does not fit {target}")
        return result

    return convert


def _float_to_int(actual: pa.DataType, target: pa.DataType) -> Convert:
    unsigned = pa.types.is_unsigned_integer(target)

    def convert(array: pa.Array) -> pa.Array:
        if unsigned and pc.any(pc.less(array, 0)).as_py():  # -0.1, too
            raise FilterError(f"a number does not fit {target}")
        return pc.round(array, round_mode="half_to_even").cast(target)

    return convert


def _decimal_to_int(actual: pa.DataType, target: pa.DataType) -> Convert:
    wide = pa.decimal256(76, actual.scale)  # rounding needs a digit more than the type has
    return lambda array: _rounded(array.cast(wide), 0).cast(target)


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
    """As DuckDB does it: one division where the digits fit the float, else whole part and fraction apart."""
    import numpy as np

    real = np.float32 if target.bit_width == 32 else np.float64
    scale = actual.scale
    exact, divisor = 1 << (24 if real is np.float32 else 53), real(10.0**scale)
    unscaled = pa.decimal128(38, 0)

    def value(digits: int) -> Any:
        if scale == 0 or -exact <= digits <= exact:
            return _real(digits, real) / divisor
        whole, rest = divmod(abs(digits), 10**scale)
        result = _real(whole, real) + _real(rest, real) / divisor
        return result if digits >= 0 else -result

    def convert(array: pa.Array) -> pa.Array:
        words, valid = _words(array.cast(pa.decimal128(38, scale)).view(unscaled)), array.is_valid()
        if actual.precision > 18:
            digits = (int(low) | int(high) << 64 for low, high in zip(words[0].view(np.uint64), words[1], strict=True))
            numbers = np.fromiter((value(number) for number in digits), real, len(array))
        else:
            low = words[0]
            numbers = low.astype(real) / divisor
            if scale and (large := np.abs(low) > exact).any():
                whole, rest = np.divmod(np.abs(low), 10**scale)
                parts = whole.astype(real) + rest.astype(real) / divisor
                numbers = np.where(large, np.where(low < 0, -parts, parts), numbers)
        return pc.if_else(valid, pa.array(numbers), pa.scalar(None, target))

    return convert


def _words(array: pa.Array) -> Any:
    """The lower and the upper 64 bits of decimals of 128 bits, as signed numbers."""
    import numpy as np

    words = np.frombuffer(array.buffers()[1], np.int64)[2 * array.offset : 2 * (array.offset + len(array))]
    return words[::2], words[1::2]


def _real(number: int, real: Any) -> Any:
    """An integer of 128 bits as a float, as DuckDB makes it of two halves, which is not always the nearest."""
    import numpy as np

    upper, lower = number >> 64, number & _LOWER
    whole = -float(_LOWER - lower) - 1 if upper == -1 else float(lower) + float(upper) * float(_LOWER)
    with np.errstate(over="ignore"):  # a UHUGEINT may be infinite as a FLOAT
        return real(whole)


_LOWER = (1 << 64) - 1


_CONTEXT = decimal.Context(prec=100)


def _float_to_decimal(actual: pa.DataType, target: pa.DataType) -> Convert:
    """As DuckDB does it: rounded as a DOUBLE, half away from zero, and then of the type again."""
    import numpy as np

    real = np.float64 if actual.bit_width == 64 else np.float32
    power, limit = 10.0**target.scale, 10.0**target.precision

    def value(number: float | None) -> decimal.Decimal | None:
        if number is None:
            return None
        scaled = number * power
        if not -limit < scaled < limit:
            raise FilterError(f"{number} does not fit {target}")
        whole = math.floor(abs(scaled))
        rounded = whole + (abs(scaled) - whole >= 0.5)
        return decimal.Decimal(int(real(rounded if scaled >= 0 else -rounded))).scaleb(-target.scale, _CONTEXT)

    return lambda array: pa.array([value(number) for number in array.to_pylist()], target)


def _of_wide(actual: pa.DataType, target: pa.DataType) -> Convert:
    """From integers of more than 64 bits."""
    from ..types import BIGNUM
    from ..types.forms import same_extension

    kind = _kind(target)
    if kind == "bool":
        return lambda array: pa.array([None if v is None else v != 0 for v in keys(array)], pa.bool_())
    if kind == "float" and not same_extension(actual, BIGNUM):
        import numpy as np

        real = np.float32 if target.bit_width == 32 else np.float64
        return lambda array: pa.array([None if v is None else _real(v, real) for v in keys(array)], target)
    if kind == "int":
        return lambda array: pa.array(keys(array), target)
    if kind == "decimal":
        return lambda array: pa.array([None if v is None else decimal.Decimal(v) for v in keys(array)], target)
    if kind == "wide":
        return lambda array: _wide(keys(array), target)
    raise FilterError(f"a cast from {actual} to {target} is not known here")


def _to_wide(actual: pa.DataType, target: pa.DataType) -> Convert:
    """To integers of more than 64 bits."""
    if pa.types.is_decimal(actual):
        wide = pa.decimal256(76, actual.scale)
        return lambda array: _wide(_rounded(array.cast(wide), 0).to_pylist(), target)
    if pa.types.is_floating(actual):
        return lambda array: _wide([None if v is None else round(v) for v in array.to_pylist()], target)
    return lambda array: _wide(array.to_pylist(), target)


def _wide(values: list[Any], target: pa.DataType) -> pa.Array:
    from ..errors import OutputError
    from ..types.values import from_values

    try:
        return from_values([None if value is None else int(value) for value in values], target, "a number")
    except OutputError as error:
        raise FilterError(str(error)) from None


_CASTS: dict[tuple[str, str], Callable[[pa.DataType, pa.DataType], Convert]] = {
    ("int", "int"): _safely,
    ("int", "float"): _nearest,
    ("int", "decimal"): _int_to_decimal,
    ("float", "float"): _float_to_float,
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
    ("bool", "wide"): _bool_to_number,
    ("int", "wide"): _to_wide,
    ("float", "wide"): _to_wide,
    ("decimal", "wide"): _to_wide,
    **{("wide", kind): _of_wide for kind in ("bool", "int", "float", "decimal", "wide")},
}
