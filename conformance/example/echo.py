"""Pushed filters as the texts with which the probes answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckwing as dw
from duckwing.filters.tree import (
    And,
    Call,
    Column,
    Comparison,
    Expression,
    In,
    IsNull,
    Literal,
    Not,
    Or,
    Predicate,
    StructField,
    walk,
)

NOTHING = "(none)"

SHOWN_VALUES = 20
"""Of longer IN lists only the number of values is shown."""

_OPERATORS = {"eq": "=", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def echo(filters: dw.Filters) -> str:
    """The filters as text: at the top they are joined without brackets, below that always with."""
    return " AND ".join(text for predicate in filters if (text := shown(predicate.expression))) or NOTHING


def shown(expression: Expression) -> str:
    """One filter; an empty text for one that says nothing, and for functions, which have no text."""
    match expression:
        case And(children) | Or(children):
            texts = [text for child in children if (text := shown(child))]
            return f"({(' AND ' if isinstance(expression, And) else ' OR ').join(texts)})" if texts else ""
        case Call() | Not(Call()):
            return ""
        case Comparison(operator, left, right) if operator in _OPERATORS:
            return f"{shown(left)} {_OPERATORS[operator]} {shown(right)}"
        case In(of, values, negated):
            some = ", ".join(str(Literal(value)) for value in values)
            some = some if len(values) <= SHOWN_VALUES else f"{len(values)} values"
            return f"{shown(of)} {'NOT ' * negated}IN ({some})"
        case IsNull(of, negated):
            return f"{shown(of)} IS {'NOT ' * negated}NULL"
        case StructField(of, name):
            return f"{shown(of)}.{name}"
        case Column(name):
            return name
    return str(expression)


def debugged(filters: dw.Filters) -> str:
    """The filters as a debugger would show them."""
    texts = [_debugged(predicate.expression) for predicate in filters]
    return f"PushdownFilters([{', '.join(texts)}])" if texts else NOTHING


def _debugged(expression: Expression) -> str:
    match expression:
        case And(children):
            return f"AndFilter({' AND '.join(map(_debugged, children))})"
        case Or(children):
            return f"OrFilter({' OR '.join(map(_debugged, children))})"
        case Comparison():
            return f"ConstantFilter({shown(expression)})"
    return f"Filter({shown(expression)})"


def comparisons(predicates: dw.Filters, column: str) -> Iterator[Comparison | In]:
    """All that compares a column with constants, wherever it stands."""
    predicate: Predicate
    for predicate in predicates:
        for part in walk(predicate.expression):
            compared = part.left if isinstance(part, Comparison) else part.of if isinstance(part, In) else None
            if isinstance(part, (Comparison, In)) and isinstance(compared, Column) and compared.name == column:
                yield part


def discrete(predicates: dw.Filters, column: str) -> list[Any] | None:
    """The values that the first filter on a column that names some gives it; None: it may have any."""
    for predicate in predicates:
        expression = predicate.expression
        for part in expression.children if isinstance(expression, And) else (expression,):
            values = _values(part, column)
            if values is not None:
                return values
    return None


def _values(expression: Expression, column: str) -> list[Any] | None:
    match expression:
        case Comparison("eq", Column(name), Literal() as value) if name == column:
            return [value.value.as_py()]
        case In(Column(name), values, False) if name == column:
            return list(values.to_pylist())
        case Or(children):
            several = [_values(child, column) for child in children]
            known = [values for values in several if values is not None]
            return list(dict.fromkeys(value for values in known for value in values)) if known == several else None
    return None
