"""What conditions compare columns with: constants as values of the column's type."""

from __future__ import annotations

import decimal
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

_ORDERS = ("lt", "le", "gt", "ge")


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


@dataclass(frozen=True)
class Fitted:
    """A test without cast, of constants that the column can have.

    Attributes:
        operator: as in the test, or one that says the same of rounded constants.
        values: the constants but for NULL, in the type of :func:`duckwing.types.forms.canonical` for the
            column's type. One for an order, any number else: ``eq`` means one of them, ``ne`` none of them.
    """

    operator: ComparisonOperator
    values: pa.Array


def fitted(test: ColumnTest) -> Fitted | None:
    """The test, said of the column itself; None: that cannot be said, or a constant is of another type."""
    from ..types.values import from_values, to_values

    declared = canonical(test.place.type)
    try:
        constants = test.constants.drop_null()
        if test.target is None:
            return Fitted(test.operator, _as_type(constants, declared))
        numbers = to_values(_as_type(constants, canonical(test.target)))
        if test.operator in _ORDERS:
            if not _keeps_value(test.place.type, test.target):
                return None
            operator, numbers = _rounded(test.operator, numbers, declared)
        elif _is_injective(test.place.type, test.target):
            operator = test.operator
            numbers = [floor for floor, exact in (_floor(n, declared) for n in numbers) if exact]
        else:
            return None
        return Fitted(operator, from_values(numbers, declared, "constant"))
    except _FAILURES:
        return None


def _as_type(values: pa.Array, declared: pa.DataType) -> pa.Array:
    convert = from_duckdb(values.type, declared)
    return values if convert is None else convert(values)


def _is_injective(source: pa.DataType, target: pa.DataType) -> bool:
    """Whether a cast makes different values of different values."""
    is_ = pa.types
    if is_.is_boolean(source):
        return bool(is_.is_integer(target) or is_.is_floating(target))
    if is_.is_decimal(source) and is_.is_float64(target):
        return bool(source.precision <= 15)  # so many digits survive in a double
    return _keeps_value(source, target)


def _keeps_value(source: pa.DataType, target: pa.DataType) -> bool:
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


def _rounded(
    operator: ComparisonOperator, numbers: list[Any], type_: pa.DataType
) -> tuple[ComparisonOperator, list[Any]]:
    """What a comparison with a number says in terms of values of ``type_``."""
    floors = [_floor(number, type_) for number in numbers]
    if not floors:
        return "eq", []
    [(floor, exact)] = floors
    greater = operator in ("gt", "ge")
    if floor is None:
        return ("ne" if greater else "eq"), []
    return operator if exact else "gt" if greater else "le", [floor]


def _floor(number: Any, type_: pa.DataType) -> tuple[Any, bool]:
    """The greatest value of ``type_`` that is not greater than ``number``, and whether they are equal.

    The value is None if all values of the type are greater.
    """
    is_ = pa.types
    if is_.is_boolean(type_):
        return (bool(number), True) if number in (0, 1) else (None, False)
    if is_.is_float32(type_):
        return _floor_float32(number)
    if is_.is_floating(type_):
        return number, True
    if is_.is_decimal(type_):
        scale, greatest = type_.scale, 10**type_.precision - 1
        least = -greatest
    else:
        bits, signed = type_.bit_width, is_.is_signed_integer(type_)
        scale, greatest = 0, (1 << bits - signed) - 1
        least = -(1 << bits - 1) if signed else 0
    if number == -math.inf:
        return None, False
    if number != number or number == math.inf:
        units, exact = greatest, False
    else:
        scaled = decimal.Decimal(number).scaleb(scale, _WIDE)
        units = int(scaled.to_integral_value(decimal.ROUND_FLOOR, _WIDE))
        exact = units == scaled
        if isinstance(number, float) and scale and not exact:
            units, exact = _nearest(number, units, scale)
    if units < least:
        return None, False
    if units > greatest:
        units, exact = greatest, False
    return (decimal.Decimal(units).scaleb(-scale, _WIDE) if is_.is_decimal(type_) else units), exact


def _nearest(number: float, floor: int, scale: int) -> tuple[int, bool]:
    """The decimal near ``floor`` that DuckDB makes the double ``number`` of, if there is one."""
    for units in (floor, floor + 1):
        if float(decimal.Decimal(units).scaleb(-scale, _WIDE)) == number:
            return units, True
    return floor, False


def _floor_float32(number: float) -> tuple[float, bool]:
    import numpy as np

    if math.isnan(number):
        return number, True
    with np.errstate(over="ignore"):
        near = np.float32(number)
    if near > number:
        near = np.nextafter(near, np.float32(-math.inf))
    return float(near), float(near) == number
