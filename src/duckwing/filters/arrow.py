"""Predicates as a filter for ``pyarrow`` datasets and tables, which may let more rows pass, never fewer."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .facts import Fact, fact, path
from .tree import And, Call, Expression, Literal, Not, Or, Predicate


@dataclass(frozen=True, eq=False)
class ArrowFilter:
    """A filter for ``pyarrow``.

    Attributes:
        expression: true for all rows that are wanted; None: it is so for all rows.
        exact: it is true for no other rows.
    """

    expression: pc.Expression | None
    exact: bool


_ALL = ArrowFilter(None, True)
_UNKNOWN = ArrowFilter(None, False)


def to_pyarrow(predicates: Sequence[Predicate]) -> ArrowFilter:
    """A filter for ``pyarrow.dataset`` and tables that is true for every row that all predicates accept.

    Columns go by their names, and fields of structs by their paths. What Arrow cannot compute as DuckDB does
    is left out: comparisons of nested values, of two columns, casts that round, unknown functions.

    Args:
        predicates: the predicates.
    """
    return _all_of([_rows(predicate.expression, True) for predicate in predicates])


def _rows(expression: Expression, truth: bool) -> ArrowFilter:
    """What is true in the rows where ``expression`` is true, or in those where it is false."""
    match expression:
        case Not(of):
            return _rows(of, not truth)
        case And(children) | Or(children):
            parts = [_rows(child, truth) for child in children]
            return _all_of(parts) if isinstance(expression, And) == truth else _any_of(parts)
        case Call():
            return _of_call(expression, truth)
    match fact(expression, truth):
        case True:
            return _ALL
        case False:
            return ArrowFilter(pc.scalar(False), True)
        case Fact() as found:
            try:
                return ArrowFilter(_of_fact(found), True)
            except (
                pa.ArrowException,
                TypeError,
            ):  # Arrow has no kernel for the type, or the constant none of its values
                return _UNKNOWN
    return _UNKNOWN


def _all_of(parts: list[ArrowFilter]) -> ArrowFilter:
    said = [part.expression for part in parts if part.expression is not None]
    return ArrowFilter(functools.reduce(operator.and_, said) if said else None, all(part.exact for part in parts))


def _any_of(parts: list[ArrowFilter]) -> ArrowFilter:
    exact = all(part.exact for part in parts)
    if any(part.expression is None for part in parts):
        return ArrowFilter(None, any(part.expression is None and part.exact for part in parts))
    return ArrowFilter(functools.reduce(operator.or_, [part.expression for part in parts]), exact)


def _of_fact(known: Fact) -> pc.Expression:
    """The fact as an expression.

    Raises:
        pa.ArrowException, TypeError: Arrow cannot compute it as DuckDB does.
    """
    place, type_, values = pc.field(*path(known.place)), known.place.type, known.values
    if pa.types.is_union(type_):
        raise TypeError("a UNION has no validity of its own")
    if not len(values):
        if known.operator == "ne":
            return pc.scalar(True) if known.nulls else place.is_valid()
        return place.is_null() if known.nulls else pc.scalar(False)
    if type_.num_fields or pa.types.is_interval(type_):
        raise TypeError("Arrow compares members that are NULL, and intervals, in another way")
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if not values.type.equals(type_):
        values = values.cast(type_)
    compare = _floating if pa.types.is_floating(type_) else _plain
    expression = compare(known.operator, place, values)
    _check(known, expression)
    return expression | place.is_null() if known.nulls else expression


def _check(known: Fact, expression: pc.Expression) -> None:
    """Try the expression, without rows.

    Raises:
        pa.ArrowException: Arrow has no kernel for it.
    """
    names = path(known.place)
    type_ = known.place.type
    for name in reversed(names[1:]):
        type_ = pa.struct([(name, type_)])
    pa.table({names[0]: pa.nulls(0, type_)}).filter(expression)


def _plain(operator_: str, place: pc.Expression, values: pa.Array) -> pc.Expression:
    if operator_ == "eq":
        return place == values[0] if len(values) == 1 else place.isin(values)
    if operator_ == "ne":
        return place != values[0] if len(values) == 1 else ~place.isin(values) & place.is_valid()
    compare: Any = getattr(operator, operator_)
    return compare(place, values[0])


def _floating(operator_: str, place: pc.Expression, values: pa.Array) -> pc.Expression:
    """NaN equals itself and is greater than any other value; 0.0 and -0.0 are equal, also in sets."""
    nan = pc.is_nan(values)
    has_nan = bool(pc.any(nan).as_py())
    numbers = values.filter(pc.invert(nan))
    if operator_ in ("eq", "ne"):
        if len(numbers) > 1 and pc.any(pc.equal(numbers, 0)).as_py():
            numbers = pa.concat_arrays([numbers, pa.array([0.0, -0.0], numbers.type)])
        other = _plain(operator_, place, numbers)
        if operator_ == "eq":
            return (other | _is_nan(place) if len(numbers) else _is_nan(place)) if has_nan else other
        return other & ~pc.is_nan(place) if has_nan else other | _is_nan(place)
    if has_nan:
        if operator_ == "lt":
            return ~pc.is_nan(place)
        return {"le": place.is_valid(), "ge": _is_nan(place), "gt": pc.scalar(False)}[operator_]
    other = _plain(operator_, place, values)
    return other | _is_nan(place) if operator_ in ("gt", "ge") else other


def _is_nan(place: pc.Expression) -> pc.Expression:
    """Whether a value is NaN, such that no statistics say that none is.

    Those of Parquet files leave NaN out, and ``pyarrow`` believes them: of a row group of 1.0 and NaN it
    knows that the column is 1.0. A condition that it cannot compute in advance keeps it from skipping the group.
    """
    never = pc.Expression._call("random", [], pc.RandomOptions(initializer=0)) < 0.0
    return pc.is_nan(place) | never


def _of_call(call: Call, truth: bool) -> ArrowFilter:
    kernels = {"starts_with": pc.starts_with, "ends_with": pc.ends_with, "contains": pc.match_substring}
    place, needle = call.arguments
    names = path(place)
    if call.function not in kernels or not names or not isinstance(needle, Literal):
        return _UNKNOWN
    if not needle.value.is_valid:
        return ArrowFilter(pc.scalar(False), True)
    type_ = place.type
    if not (pa.types.is_string(type_) or pa.types.is_large_string(type_)):
        return _UNKNOWN
    expression = kernels[call.function](pc.field(*names), needle.value.as_py())
    return ArrowFilter(expression if truth else ~expression, True)
