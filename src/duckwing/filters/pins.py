"""What predicates say about one column: the only values that it can have, and between which bounds.

Everything here is about rows that all predicates accept, and never too narrow: a value that is not
among the pinned ones, or not in the range, is in no such row.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from ..errors import FilterError
from ..types import BIGNUM, HUGEINT, JSON, UHUGEINT, UUID
from .facts import Fact, FactOperator, fact, path
from .keys import keys
from .tree import And, Expression, Not, Or, Predicate, walk


@dataclass(frozen=True)
class Range:
    """The values between two bounds, in the order of DuckDB.

    NaN is the greatest of floating-point numbers there: a range without upper bound includes it.
    ``value in range`` tells whether a Python value, or None for NULL, is inside.

    Attributes:
        lower: the lower bound; None: there is none.
        lower_inclusive: whether ``lower`` itself is inside.
        upper: the upper bound; None: there is none.
        upper_inclusive: whether ``upper`` itself is inside.
        nulls: whether NULL is inside.
        empty: no value is inside, NULL perhaps excepted.
    """

    lower: Any = None
    lower_inclusive: bool = True
    upper: Any = None
    upper_inclusive: bool = True
    nulls: bool = True
    empty: bool = False

    def __contains__(self, value: Any) -> bool:
        if value is None:
            return self.nulls
        place = _order(value)
        if self.empty or (self.lower is not None and place < _order(self.lower)):
            return False
        if self.upper is not None and place > _order(self.upper):
            return False
        at_lower = self.lower is not None and place == _order(self.lower)
        at_upper = self.upper is not None and place == _order(self.upper)
        return (self.lower_inclusive or not at_lower) and (self.upper_inclusive or not at_upper)


ANYTHING = Range()
NOTHING = Range(nulls=False, empty=True)


def pinned_values(predicates: Sequence[Predicate], column: str) -> tuple[Any, ...] | None:
    """The only values that a column has in the rows that all predicates accept.

    They come from ``=``, ``IN``, ``IS NULL``, BOOLEAN columns, and what ``AND``, ``OR`` and ``NOT``
    make of them; required and advisory predicates count alike.

    Args:
        predicates: the predicates.
        column: the exact name of a column, or the dotted path of a field in it, such as ``address.city``.

    Returns:
        Python values as in :mod:`duckwing.types.values`, None for NULL, each once; no value if no row can
        be accepted. None if the column is not pinned.
    """
    name = _resolved(predicates, column)
    pins = _all_of(_pins(predicate.expression, name, True) for predicate in predicates)
    if pins is None:
        return None
    bounds = column_range(predicates, column)
    return tuple(value for value in pins.values() if value in bounds)


def column_range(predicates: Sequence[Predicate], column: str) -> Range:
    """Bounds of the values that a column has in the rows that all predicates accept.

    They come from comparisons and ``IN``, for numbers, texts, BLOBs, dates and times, UUIDs and BOOLEANs.

    Args:
        predicates: the predicates.
        column: as for :func:`pinned_values`.
    """
    name = _resolved(predicates, column)
    return functools.reduce(_both, (_range(predicate.expression, name, True) for predicate in predicates), ANYTHING)


# Pinned values

_Pins = dict[Any, Any]
"""Values by keys that are equal where DuckDB finds the values equal."""

_Name = tuple[str, ...]
"""The names that lead to a column or to a field in it."""


def _resolved(predicates: Sequence[Predicate], column: str) -> _Name:
    """The names that ``column`` means: a column of exactly that name comes before a field at the end of that path."""
    parts = (part for predicate in predicates for part in walk(predicate.expression))
    found = {name for name in map(path, parts) if name and ".".join(name) == column}
    return min(found, key=len, default=(column,))


def _pins(expression: Expression, name: _Name, truth: bool) -> _Pins | None:
    """The values of a column in the rows where ``expression`` is true, or where it is false."""
    match expression:
        case Not(of):
            return _pins(of, name, not truth)
        case And(children) | Or(children):
            found = (_pins(child, name, truth) for child in children)
            return _all_of(found) if isinstance(expression, And) == truth else _any_of(found)
    match fact(expression, truth):
        case False:
            return {}
        case Fact(place, "eq", values, nulls) if path(place) == name:
            return _pins_of(values, nulls)
    return None


def _pins_of(values: pa.Array, nulls: bool) -> _Pins | None:
    from ..types.values import to_values

    if _has_interval(values.type):
        return None
    pins: _Pins = {None: None} if nulls else {}
    try:
        for key, value in zip(keys(values), to_values(values), strict=True):
            pins.setdefault(key, value)
    except (FilterError, ValueError):
        return None
    return pins


def _all_of(found: Iterable[_Pins | None]) -> _Pins | None:
    some = [pins for pins in found if pins is not None]
    if not some:
        return None
    first, *others = some
    return {key: value for key, value in first.items() if all(key in other for other in others)}


def _any_of(found: Iterable[_Pins | None]) -> _Pins | None:
    together: _Pins = {}
    for pins in found:
        if pins is None:
            return None
        for key, value in pins.items():
            together.setdefault(key, value)
    return together


def _has_interval(type_: pa.DataType) -> bool:
    """Different INTERVALs can be equal, such as a day and 24 hours."""
    inside = (type_.field(i).type for i in range(type_.num_fields))
    return bool(pa.types.is_interval(type_)) or any(map(_has_interval, inside))


# Ranges


def _range(expression: Expression, name: _Name, truth: bool) -> Range:
    """Bounds of a column in the rows where ``expression`` is true, or where it is false."""
    match expression:
        case Not(of):
            return _range(of, name, not truth)
        case And(children) | Or(children):
            ranges = [_range(child, name, truth) for child in children]
            return functools.reduce(_both if isinstance(expression, And) == truth else _hull, ranges)
    match fact(expression, truth):
        case False:
            return NOTHING
        case Fact(place, operator, values, nulls) if path(place) == name:
            return replace(_range_of(operator, values), nulls=nulls)
    return ANYTHING


def _range_of(operator: FactOperator, constants: pa.Array) -> Range:
    from ..types.values import to_values

    if operator == "ne":
        return ANYTHING
    if not len(constants):
        return NOTHING
    try:
        values = to_values(constants) if _is_ordered(constants.type) else []
    except ValueError:
        values = []
    match operator, values:
        case _, []:
            return ANYTHING
        case "lt" | "le", [value]:
            return Range(upper=value, upper_inclusive=operator == "le")
        case "gt" | "ge", [value]:
            return Range(lower=value, lower_inclusive=operator == "ge")
    return Range(lower=min(values, key=_order), upper=max(values, key=_order))


def _both(some: Range, other: Range) -> Range:
    """What is in both ranges."""
    nulls = some.nulls and other.nulls
    if some.empty or other.empty:
        return Range(nulls=nulls, empty=True)
    lower, lower_inclusive = _tighter(
        (some.lower, some.lower_inclusive), (other.lower, other.lower_inclusive), greater=True
    )
    upper, upper_inclusive = _tighter(
        (some.upper, some.upper_inclusive), (other.upper, other.upper_inclusive), greater=False
    )
    if lower is not None and upper is not None:
        nothing = _order(lower) > _order(upper)
        nothing = nothing or (_order(lower) == _order(upper) and not (lower_inclusive and upper_inclusive))
        if nothing:
            return Range(nulls=nulls, empty=True)
    return Range(lower, lower_inclusive, upper, upper_inclusive, nulls)


def _tighter(some: tuple[Any, bool], other: tuple[Any, bool], *, greater: bool) -> tuple[Any, bool]:
    if some[0] is None or other[0] is None:
        return other if some[0] is None else some
    first, second = _order(some[0]), _order(other[0])
    if first == second:
        return some[0], some[1] and other[1]
    return some if (first > second) == greater else other


def _hull(some: Range, other: Range) -> Range:
    """The smallest range that includes both."""
    nulls = some.nulls or other.nulls
    if some.empty or other.empty:
        return replace(other if some.empty else some, nulls=nulls)
    lower, lower_inclusive = _wider(
        (some.lower, some.lower_inclusive), (other.lower, other.lower_inclusive), greater=False
    )
    upper, upper_inclusive = _wider(
        (some.upper, some.upper_inclusive), (other.upper, other.upper_inclusive), greater=True
    )
    return Range(lower, lower_inclusive, upper, upper_inclusive, nulls)


def _wider(some: tuple[Any, bool], other: tuple[Any, bool], *, greater: bool) -> tuple[Any, bool]:
    if some[0] is None or other[0] is None:
        return None, True
    first, second = _order(some[0]), _order(other[0])
    if first == second:
        return some[0], some[1] or other[1]
    return some if (first > second) == greater else other


def _order(value: Any) -> tuple[bool, Any]:
    nan = isinstance(value, float) and value != value
    return nan, 0 if nan else value


def _is_ordered(type_: pa.DataType) -> bool:
    """Whether Python orders values of ``type_`` as DuckDB does, NaN aside."""
    is_ = pa.types
    if isinstance(type_, pa.BaseExtensionType):
        return any(type_.equals(one) for one in (UUID, JSON, HUGEINT, UHUGEINT, BIGNUM))
    number = is_.is_boolean(type_) or is_.is_integer(type_) or is_.is_floating(type_) or is_.is_decimal(type_)
    text = is_.is_string(type_) or is_.is_binary(type_)
    return bool(number or text or is_.is_date(type_) or is_.is_time(type_) or is_.is_timestamp(type_))
