"""What conditions compare columns with: constants as values of the column's type."""

from __future__ import annotations

import decimal
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..errors import ArgumentError, FilterError
from ..types.convert import from_duckdb
from ..types.forms import canonical
from .keys import one
from .tree import Cast, Column, Comparison, ComparisonOperator, Expression, In, Literal, StructField

_FAILURES = (ArgumentError, FilterError, pa.ArrowException, ValueError, OverflowError, TypeError, ArithmeticError)

_WIDE = decimal.Context(prec=200)

_NOT_EXACT = object()


@dataclass(frozen=True)
class ColumnTest:
    """A column beside constants.

    Attributes:
        place: the column, or a field of a struct in it.
        target: what the column is cast to; None: it is compared as it is.
        operator: of a comparison, the column on its left; for a set, ``eq``.
        constants: one value, or those of a set.
    """

    place: Column | StructField
    target: pa.DataType | None
    operator: ComparisonOperator
    constants: pa.Array


def test_of(expression: Comparison | In) -> ColumnTest | None:
    """``expression`` as a test of one column against constants; None: it is something else."""
    from .compare import MIRRORED

    match expression:
        case In(of, values):
            operator: ComparisonOperator = "eq"
            side, constants = of, values
        case Comparison(operator, left, right):
            value = constant(right)
            if value is None:
                left, right, operator, value = right, left, MIRRORED[operator], constant(left)
            if value is None:
                return None
            side, constants = left, one(value)
    target = None
    if isinstance(side, Cast):
        side, target = side.of, side.type
    if not isinstance(side, (Column, StructField)) or not path(side):
        return None
    return ColumnTest(side, target, operator, constants)


def constant(expression: Expression) -> pa.Scalar | None:
    """The value of a literal, cast or not; None: it is no constant, or its cast fails."""
    match expression:
        case Literal(value):
            return value
        case Cast(Literal(value), type_):
            from .cast import caster

            try:
                return caster(value.type, type_)(one(value))[0]
            except _FAILURES:
                return None
    return None


def path(expression: Expression) -> tuple[str, ...]:
    """The names that lead to a column or to a field of a struct in it; empty for anything else."""
    match expression:
        case Column(name):
            return (name,)
        case StructField(of, name):
            outer = path(of)
            return (*outer, name) if outer else ()
    return ()


def values_of(test: ColumnTest) -> list[Any] | None:
    """The constants as Python values that the column must have to be equal to them, None for NULL.

    Those that the column cannot have are left out. Values come in the form that
    :mod:`duckwing.types.values` gives the column's type.

    Returns:
        None if it cannot be told, or if several values of the column are equal to one constant.
    """
    from ..types.values import to_values

    declared = canonical(test.place.type)
    try:
        if test.target is None:
            return to_values(as_type(test.constants, declared))
        if not is_injective(test.place.type, test.target):
            return None
        exact = _exact(declared)
        found = (exact(value) for value in to_values(as_type(test.constants, canonical(test.target))))
        return [value for value in found if value is not _NOT_EXACT]
    except _FAILURES:
        return None


def as_type(values: pa.Array, declared: pa.DataType) -> pa.Array:
    """``values``, in whatever form they came, as ``declared``.

    Raises:
        ArgumentError, FilterError, pa.ArrowException, ValueError: they are of another type.
    """
    convert = from_duckdb(values.type, declared)
    return values if convert is None else convert(values)


def is_injective(source: pa.DataType, target: pa.DataType) -> bool:
    """Whether a cast makes different values of different values."""
    is_ = pa.types
    if is_.is_boolean(source):
        return bool(is_.is_integer(target) or is_.is_floating(target))
    if is_.is_decimal(source) and is_.is_float64(target):
        return bool(source.precision <= 15)  # so many digits survive in a double
    return keeps_value(source, target)


def keeps_value(source: pa.DataType, target: pa.DataType) -> bool:
    """Whether a cast between numbers never changes the number."""
    is_ = pa.types
    if is_.is_integer(source):
        if is_.is_floating(target):
            return bool(source.bit_width < {16: 11, 32: 24, 64: 53}[target.bit_width])
        return bool(is_.is_integer(target) or is_.is_decimal(target))
    if is_.is_floating(source):
        return bool(is_.is_floating(target) and target.bit_width >= source.bit_width)
    if is_.is_decimal(source):
        return bool(is_.is_decimal(target) and target.scale >= source.scale)
    return False


def _exact(type_: pa.DataType) -> Callable[[Any], Any]:
    """How a number becomes the value of ``type_`` that a cast makes it of."""
    is_ = pa.types
    if is_.is_boolean(type_):
        convert: Callable[[Any], Any] = _exact_bool
    elif is_.is_integer(type_):
        bits, signed = type_.bit_width, is_.is_signed_integer(type_)
        least, greatest = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)

        def convert(value: Any) -> Any:
            whole = int(value) if _is_finite(value) and value == int(value) else None
            return whole if whole is not None and least <= whole <= greatest else _NOT_EXACT
    elif is_.is_float32(type_):
        convert = _exact_float32
    elif is_.is_decimal(type_):

        def convert(value: Any) -> Any:
            return _exact_decimal(value, type_)
    else:
        convert = _same
    return lambda value: None if value is None else convert(value)


def _same(value: Any) -> Any:
    return value


def _is_finite(value: Any) -> bool:
    return not isinstance(value, float) or abs(value) < float("inf")


def _exact_bool(value: Any) -> Any:
    return bool(value) if value in (0, 1) else _NOT_EXACT


def _exact_float32(value: float) -> Any:
    if value != value:
        return value
    try:
        near = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return _NOT_EXACT
    return value if near == value else _NOT_EXACT


def _exact_decimal(value: Any, type_: pa.DataType) -> Any:
    if not _is_finite(value):
        return _NOT_EXACT
    unit = decimal.Decimal(1).scaleb(-type_.scale, _WIDE)
    try:
        near = _WIDE.quantize(decimal.Decimal(value), unit)
    except decimal.InvalidOperation:
        return _NOT_EXACT  # more than 200 digits
    if abs(near) >= decimal.Decimal(10) ** (type_.precision - type_.scale):
        return _NOT_EXACT
    same = float(near) == value if isinstance(value, float) else near == value
    return near if same else _NOT_EXACT
