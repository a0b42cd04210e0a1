"""Comparisons of whole arrays with DuckDB's meaning: NaN, time zones, and types that differ (spec 07, section 8)."""

from __future__ import annotations

import operator as python
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ArgumentError, FilterError
from ..types.convert import from_duckdb
from ..types.forms import is_list, is_text
from .cast import caster
from .keys import is_null, keys, one
from .plain import Convert, chain, compared_as, identities, plain, same
from .tree import ComparisonOperator

Value: TypeAlias = "pa.Array | pa.Scalar"

Compare = Callable[[Value, Value], Value]

MIRRORED: dict[ComparisonOperator, ComparisonOperator] = {
    "eq": "eq",
    "ne": "ne",
    "lt": "gt",
    "le": "ge",
    "gt": "lt",
    "ge": "le",
    "distinct_from": "distinct_from",
    "not_distinct_from": "not_distinct_from",
}
"""What an operator becomes when its sides change places."""

_PYTHON = {"eq": python.eq, "ne": python.ne, "lt": python.lt, "le": python.le, "gt": python.gt, "ge": python.ge}

_KERNELS = {
    "eq": pc.equal,
    "ne": pc.not_equal,
    "lt": pc.less,
    "le": pc.less_equal,
    "gt": pc.greater,
    "ge": pc.greater_equal,
}

_NULL = pa.scalar(None, pa.bool_())


@dataclass(frozen=True)
class Side:
    """One side of a comparison.

    Attributes:
        type: of its values.
        constant: its only value; None if it is computed for each row.
    """

    type: pa.DataType
    constant: pa.Scalar | None = None


def comparison(operator: ComparisonOperator, left: Side, right: Side) -> Compare:
    """How to compare values of two types; a constant must be on the right.

    Args:
        operator: the operator.
        left: what is compared.
        right: with what.

    Returns:
        A function over the values of both sides (that of a constant side is ignored), whose
        result is a BOOLEAN array of as many rows as the left side has.

    Raises:
        FilterError: values of these types cannot be compared.
    """
    if operator in ("distinct_from", "not_distinct_from"):
        return _distinct(operator == "distinct_from", left, right)
    to_left, to_right, common = _alignment(left, right)
    if right.constant is None:
        compare = _two_columns(operator, common)
        return lambda x, y: compare(to_left(x), to_right(y))
    beyond = _beyond(operator, left, right)
    if beyond is not None:
        return lambda x, _: pc.if_else(pc.is_valid(x), beyond, _NULL)
    constant = to_right(one(right.constant))
    with_constant = _with_constant(operator, common, constant)
    return lambda x, _: with_constant(to_left(x))


def membership(type_: pa.DataType, values: pa.Array) -> Callable[[Value], Value]:
    """How to tell whether values of a type are in a set: true, false, or NULL as SQL has it.

    Raises:
        FilterError: values of these types cannot be compared.
    """
    to_left, to_right, common = _alignment(Side(type_), Side(values.type))
    values = to_right(values)
    if common is None:
        is_member, has_null = _member_by_keys(keys(values))
    else:
        is_member, has_null = _member(common, values.drop_null()), values.null_count > 0

    def found(x: Value) -> Value:
        x = to_left(x)
        known = is_member(x)
        if has_null:  # whatever is not in the set may be in it
            return pc.if_else(known, True, _NULL)
        return pc.if_else(x.is_valid(), known, _NULL) if common is not None and x.null_count else known

    return found


def _member_by_keys(members: list[Any]) -> tuple[Callable[[Value], Value], bool]:
    known = frozenset(members)
    return (lambda x: pa.array([None if k is None else k in known for k in keys(x)], pa.bool_())), None in known


def _member(type_: pa.DataType, members: pa.Array) -> Callable[[Value], Value]:
    """Whether values are among ``members``; false for NULL."""
    if not pa.types.is_floating(type_):
        return lambda x: pc.is_in(x, value_set=members)
    if pc.any(pc.equal(members, 0.0)).as_py():  # Arrow looks for bits, and 0.0 equals -0.0
        members = pa.concat_arrays([members, pa.array([0.0, -0.0]).cast(type_)])
    if not pc.any(pc.is_nan(members)).as_py():
        return lambda x: pc.is_in(x, value_set=members)
    return lambda x: pc.or_(pc.is_in(x, value_set=members), pc.fill_null(pc.is_nan(x), False))


def _distinct(negated: bool, left: Side, right: Side) -> Compare:
    if right.constant is not None and is_null(one(right.constant))[0].as_py():
        return (lambda x, _: pc.invert(is_null(x))) if negated else (lambda x, _: is_null(x))
    equal = comparison("eq", left, right)

    def not_distinct(x: Value, y: Value) -> Value:
        same = pc.fill_null(equal(x, y), False)
        if right.constant is None:
            same = pc.or_(same, pc.and_(is_null(x), is_null(y)))
        return same

    return (lambda x, y: pc.invert(not_distinct(x, y))) if negated else not_distinct


def _two_columns(operator: ComparisonOperator, common: pa.DataType | None) -> Compare:
    if common is None:
        compare = _PYTHON[operator]
        return lambda x, y: pa.array(
            [None if a is None or b is None else compare(a, b) for a, b in zip(keys(x), keys(y), strict=True)],
            pa.bool_(),
        )
    if not pa.types.is_floating(common):
        kernel: Compare = _KERNELS[operator]
        return kernel
    if operator in ("gt", "le"):
        flipped = _two_columns("lt" if operator == "gt" else "ge", common)
        return lambda x, y: flipped(y, x)
    if operator == "ge":
        return lambda x, y: pc.invert(_float_less(x, y))
    if operator == "lt":
        return _float_less
    return _float_equal if operator == "eq" else lambda x, y: pc.invert(_float_equal(x, y))


def _float_less(x: Value, y: Value) -> Value:
    return pc.or_(pc.less(x, y), pc.and_(pc.is_nan(y), pc.invert(pc.is_nan(x))))


def _float_equal(x: Value, y: Value) -> Value:
    return pc.or_(pc.equal(x, y), pc.and_(pc.is_nan(x), pc.is_nan(y)))


def _with_constant(
    operator: ComparisonOperator, common: pa.DataType | None, constant: pa.Array
) -> Callable[[Value], Value]:
    if common is None:
        compare, [bound] = _PYTHON[operator], keys(constant)
        return lambda x: pa.array(
            [None if k is None or bound is None else compare(k, bound) for k in keys(x)], pa.bool_()
        )
    value = constant[0]
    kernel = _KERNELS[operator]
    if not pa.types.is_floating(common) or not value.is_valid:
        return lambda x: kernel(x, value)
    if value.as_py() != value.as_py():
        return _with_nan(operator)
    if operator in ("gt", "ge"):  # NaN is the greatest; Arrow finds it neither greater nor less
        opposite = pc.less_equal if operator == "gt" else pc.less
        return lambda x: pc.invert(opposite(x, value))
    return lambda x: kernel(x, value)


def _with_nan(operator: ComparisonOperator) -> Callable[[Value], Value]:
    if operator in ("eq", "ge"):
        return lambda x: pc.is_nan(x)
    if operator in ("ne", "lt"):
        return lambda x: pc.invert(pc.is_nan(x))
    always = operator == "le"
    return lambda x: pc.if_else(pc.is_valid(x), always, _NULL)


def _beyond(operator: ComparisonOperator, left: Side, right: Side) -> bool | None:
    """What a comparison with an integer says that the type of the column cannot hold; None if it can."""
    constant = right.constant
    is_integer = pa.types.is_integer
    if constant is None or not constant.is_valid or not is_integer(left.type) or not is_integer(right.type):
        return None
    bits, signed = left.type.bit_width, pa.types.is_signed_integer(left.type)
    least, greatest = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    value = constant.as_py()
    if least <= value <= greatest:
        return None
    return operator in (("ne", "lt", "le") if value > greatest else ("ne", "gt", "ge"))


def _alignment(left: Side, right: Side) -> tuple[Convert, Convert, pa.DataType | None]:
    """How values of both sides become values of one type that Arrow compares; None: their keys are compared."""
    first, second = left.type, right.type
    to_left: Convert = same
    to_right: Convert = same
    if identities(first) != identities(second):
        # DuckDB gives values of a type such as UUID as another one, here or inside of nested ones.
        if identities(first):
            to_right, second = _arrived(second, first), first
        else:
            to_left, first = _arrived(first, second), second
    plain_left, left_type = plain(first)
    plain_right, right_type = plain(second)
    if left_type is None or right_type is None:
        _check_family(first, second)
        return to_left, to_right, None
    cast_left, cast_right, common = _common(left_type, right_type, right.constant is not None)
    return (
        chain(to_left, plain_left, cast_left),
        chain(to_right, plain_right, cast_right),
        common,
    )


def _arrived(actual: pa.DataType, declared: pa.DataType) -> Convert:
    try:
        return from_duckdb(actual, declared) or same
    except ArgumentError as error:
        raise FilterError(f"{actual} and {declared} cannot be compared: {error}") from None


def _common(left: pa.DataType, right: pa.DataType, constant: bool) -> tuple[Convert, Convert, pa.DataType | None]:
    is_ = pa.types
    if left.equals(right):
        return same, same, left
    if is_.is_integer(left) and is_.is_integer(right):
        if constant:  # one that does not fit has been seen to
            return same, _to(left), left
        wide = pa.decimal128(20) if pa.uint64() in (left, right) else pa.int64()
        return _to(wide), _to(wide), wide
    exact = [is_.is_integer(type_) or is_.is_decimal(type_) for type_ in (left, right)]
    if all(exact):
        scale = max(getattr(type_, "scale", 0) for type_ in (left, right))
        wide = pa.decimal256(76, scale)
        return _to_decimal(left, wide), _to_decimal(right, wide), wide
    if all(number or is_.is_floating(type_) for number, type_ in zip(exact, (left, right), strict=True)):
        double = pa.float64()
        return caster(left, double), caster(right, double), double
    _check_family(left, right)
    return same, same, None


def _to(type_: pa.DataType) -> Convert:
    return lambda array: array.cast(type_)


def _to_decimal(actual: pa.DataType, wide: pa.DataType) -> Convert:
    if actual.equals(wide):
        return same
    if pa.types.is_integer(actual):
        return lambda array: array.cast(pa.decimal128(20)).cast(wide)
    return lambda array: array.cast(wide)


_FAMILIES: tuple[Callable[[pa.DataType], bool], ...] = (
    pa.types.is_timestamp,
    pa.types.is_time,
    pa.types.is_date,
    pa.types.is_boolean,
    lambda t: pa.types.is_integer(t) or pa.types.is_decimal(t),
    pa.types.is_floating,
    is_text,
    lambda t: (
        pa.types.is_binary(t)
        or pa.types.is_large_binary(t)
        or pa.types.is_fixed_size_binary(t)
        or pa.types.is_binary_view(t)
    ),
    pa.types.is_struct,
    pa.types.is_map,
    lambda t: is_list(t) or pa.types.is_fixed_size_list(t),
    pa.types.is_union,
    lambda t: pa.types.is_duration(t) or pa.types.is_interval(t),
)


def _check_family(left: pa.DataType, right: pa.DataType) -> None:
    """Refuse two types whose keys mean different things.

    Raises:
        FilterError: they do.
    """
    is_ = pa.types
    left, right = compared_as(left), compared_as(right)
    if left.equals(right) or is_.is_null(left) or is_.is_null(right):
        return
    if isinstance(left, pa.BaseExtensionType) or isinstance(right, pa.BaseExtensionType):
        alike = identities(left) == identities(right)
    else:
        alike = any(family(left) and family(right) for family in _FAMILIES)
        alike = alike and (left.num_fields == right.num_fields)
    if not alike:
        raise FilterError(f"{left} and {right} cannot be compared")
    for i in range(left.num_fields):
        _check_family(left.field(i).type, right.field(i).type)
