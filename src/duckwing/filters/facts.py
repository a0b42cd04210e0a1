"""What the simplest conditions say: a column has one of some values, has none of them, or is beyond a bound.

Casts are gone from facts, and so are NULLs among constants and the forms in which constants arrive:
they are values of the column's type.
"""

from __future__ import annotations

import decimal
import math
from dataclasses import dataclass
from typing import Any, TypeAlias
from typing import Literal as OneOf

import pyarrow as pa

from ..errors import ArgumentError, FilterError
from ..types.convert import from_duckdb
from ..types.forms import canonical
from .keys import one
from .tree import Cast, Column, Comparison, Expression, In, IsNull, Literal, StructField

FactOperator: TypeAlias = OneOf["eq", "ne", "lt", "le", "gt", "ge"]

_OPPOSITES: dict[str, FactOperator] = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "le": "gt", "gt": "le"}

_FAILURES = (ArgumentError, FilterError, pa.ArrowException, ValueError, OverflowError, TypeError, ArithmeticError)
"""What is raised for constants that are no values of the column's type."""

_WIDE = decimal.Context(prec=200)


@dataclass(frozen=True)
class Fact:
    """Which values a column has in the rows where a condition is true; it has no others there.

    Attributes:
        place: the column, or a field of a struct in it.
        operator: ``eq`` for one of the values, ``ne`` for none of them; the others for an order.
        values: never NULL, in the type of :func:`duckwing.types.forms.canonical` for the column's type.
            One for an order, any number else.
        nulls: whether it may be NULL, too.
    """

    place: Column | StructField
    operator: FactOperator
    values: pa.Array
    nulls: bool = False


def fact(expression: Expression, truth: bool) -> Fact | bool | None:
    """What holds in the rows where a condition is true, or in those where it is false.

    Args:
        expression: the condition.
        truth: which of them.

    Returns:
        A fact that holds in these rows and in no others, where that can be said. True if they are all
        rows, False if there are no such rows. Else None.
    """
    match expression:
        case Literal(value):
            return value.is_valid and value.as_py() is truth
        case (Column() | StructField()) as place if path(place) and pa.types.is_boolean(place.type):
            return Fact(place, "eq", pa.array([truth], pa.bool_()))
        case IsNull(of, negated):
            while isinstance(of, Cast):
                of = of.of
            if not isinstance(of, (Column, StructField)) or not path(of):
                return None
            return _null(of, negated != truth)
        case In(of, values, negated):
            has_null = values.null_count > 0
            if negated == truth:
                return False if has_null else _fact(of, "ne", values)
            return _fact(of, "eq", values.drop_null()) if len(values) > values.null_count else False
        case Comparison():
            return _of_comparison(expression, truth)
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


def _of_comparison(expression: Comparison, truth: bool) -> Fact | bool | None:
    from .compare import MIRRORED

    operator, side, value = expression.operator, expression.left, _constant(expression.right)
    if value is None:
        operator, side, value = MIRRORED[operator], expression.right, _constant(expression.left)
    if value is None:
        return None
    if operator == "distinct_from" or operator == "not_distinct_from":
        same = (operator == "not_distinct_from") == truth
        if not value.is_valid:
            return fact(IsNull(side, not same), True)
        return _fact(side, "eq", one(value)) if same else _fact(side, "ne", one(value), nulls=True)
    if not value.is_valid:
        return False
    return _fact(side, operator if truth else _OPPOSITES[operator], one(value))


def _constant(expression: Expression) -> pa.Scalar | None:
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


def _null(place: Column | StructField, null: bool) -> Fact:
    nothing = pa.nulls(0, canonical(place.type))
    return Fact(place, "eq", nothing, nulls=True) if null else Fact(place, "ne", nothing)


def _fact(side: Expression, operator: FactOperator, constants: pa.Array, *, nulls: bool = False) -> Fact | None:
    """The fact that ``side`` compares so with constants that are not NULL; None if that cannot be said."""
    place, target = (side.of, side.type) if isinstance(side, Cast) else (side, None)
    if not isinstance(place, (Column, StructField)) or not path(place):
        return None
    try:
        if target is None:
            return Fact(place, operator, _as_type(constants, canonical(place.type)), nulls)
        return _without_cast(place, target, operator, constants, nulls)
    except _FAILURES:
        return None


def _as_type(values: pa.Array, declared: pa.DataType) -> pa.Array:
    convert = from_duckdb(values.type, declared)
    return values if convert is None else convert(values)


def _without_cast(
    place: Column | StructField, target: pa.DataType, operator: FactOperator, constants: pa.Array, nulls: bool
) -> Fact | None:
    from ..types.values import from_values, to_values

    declared = canonical(place.type)
    numbers = to_values(_as_type(constants, canonical(target)))
    if operator in ("eq", "ne"):
        if not _is_injective(place.type, target):
            return None
        numbers = [floor for floor, exact in (_floor(number, declared) for number in numbers) if exact]
    else:
        if not _keeps_value(place.type, target):
            return None
        floor, exact = _floor(numbers[0], declared)
        greater = operator in ("gt", "ge")
        if floor is None or (floor == math.inf and not exact):  # all values are greater, or none is
            operator, numbers = "ne" if greater == (floor is None) else "eq", []
        else:
            operator, numbers = operator if exact else "gt" if greater else "le", [floor]
    return Fact(place, operator, from_values(numbers, declared, "constant"), nulls)


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


def _floor(number: Any, type_: pa.DataType) -> tuple[Any, bool]:
    """The greatest value of ``type_`` that is not greater than ``number``, and whether a cast of it gives ``number``.

    It is None if all values of the type are greater, and infinite if none of them is greater or equal.
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
    if number == math.inf or number != number:
        return math.inf, False
    scaled = decimal.Decimal(number).scaleb(scale, _WIDE)
    units = int(scaled.to_integral_value(decimal.ROUND_FLOOR, _WIDE))
    exact = units == scaled
    if isinstance(number, float) and scale and not exact:
        units, exact = _nearest(number, units, scale)
    if units < least:
        return None, False
    if units > greatest:
        return math.inf, False
    return (decimal.Decimal(units).scaleb(-scale, _WIDE) if is_.is_decimal(type_) else units), exact


def _nearest(number: float, floor: int, scale: int) -> tuple[int, bool]:
    """The decimal near ``number`` that becomes this very double, if there is one."""
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
    if float(near) > number:
        near = np.nextafter(near, np.float32(-math.inf))
    return float(near), float(near) == number
