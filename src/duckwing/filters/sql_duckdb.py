"""Conditions in DuckDB's own SQL, where almost all can be said as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from ..errors import ArgumentError, FilterError
from ..types import BIGNUM, GEOMETRY, HUGEINT, INTERVAL, JSON, TIME_NS, TIMESTAMPTZ, TIMETZ, UHUGEINT
from ..types.convert import from_duckdb
from ..types.forms import canonical, same_extension
from ..types.names import sql_name
from .keys import one
from .sql_parts import MANY, Part, identifier
from .tree import (
    ARITHMETIC,
    COMPARISONS,
    And,
    Arithmetic,
    Call,
    Cast,
    Column,
    Comparison,
    Expression,
    In,
    IsNull,
    Literal,
    Negate,
    Not,
    Or,
    StructField,
    Unknown,
)


def print_duckdb(expression: Expression, truth: bool) -> Part | None:
    """What is true where ``expression`` is true, or where it is false; None: that cannot be said."""
    parameters: list[Any] = []
    try:
        text = _text(expression, None, parameters)
    except (FilterError, ArgumentError, ValueError, pa.ArrowException):
        return None
    return Part(text if truth else f"NOT {text}", tuple(parameters))


def _text(expression: Expression, beside: pa.DataType | None, parameters: list[Any]) -> str:
    """An expression; its parameters are appended to ``parameters``.

    Args:
        expression: the expression.
        beside: the type of what it is compared with; None: with nothing.
        parameters: those of the text before.

    Raises:
        FilterError, ArgumentError, ValueError, pa.ArrowException: it cannot be said.
    """

    def inner(part: Expression, beside: pa.DataType | None = None) -> str:
        return _text(part, beside, parameters)

    match expression:
        case Column(name):
            return _name(name)
        case StructField(of, name):
            return f"struct_extract({inner(of)}, '{_checked(name).replace(chr(39), chr(39) * 2)}')"
        case Literal(value):
            return _constant(one(value), beside, parameters)
        case Comparison(operator, left, right):
            return f"({inner(left, right.type)} {COMPARISONS[operator]} {inner(right, left.type)})"
        case IsNull(of, negated):
            return f"({inner(of)} IS {'NOT ' * negated}NULL)"
        case In(of, values, negated):
            text = _set(inner(of), of.type, values, parameters)
            return f"(NOT {text})" if negated else text
        case Cast(of, type_):
            return f"CAST({inner(of)} AS {sql_name(type_)})"
        case Negate(of):
            return f"(-{inner(of)})"
        case Arithmetic("add" | "subtract" | "multiply" as operator, left, right):
            return f"({inner(left, right.type)} {ARITHMETIC[operator]} {inner(right, left.type)})"
        case Call("list_contains", (left, right)):
            return f"list_contains({inner(left)}, {inner(right, left.type.value_type)})"
        case Call(function, (left, right)):
            return f"{function}({inner(left)}, {inner(right)})"
        case And(children):
            return f"({' AND '.join(map(inner, children))})"
        case Or(children):
            return f"({' OR '.join(map(inner, children))})"
        case Not(of):
            return f"(NOT {inner(of)})"
        case Unknown(what):
            raise FilterError(f"SQL has no form for the {what}")
    raise FilterError(f"SQL has no form for {expression} without a session")


def _name(name: str) -> str:
    return identifier(_checked(name))


def _checked(name: str) -> str:
    if "\0" in name:
        raise FilterError("no name in SQL holds NUL")
    return name


def _set(text: str, type_: pa.DataType, values: pa.Array, parameters: list[Any]) -> str:
    if not len(values):
        return f"({text} IS NULL AND NULL)"
    if len(values) > MANY:
        declared, items = _parameters(values, type_)
        if pa.types.is_floating(values.type):
            items = [None if item is None else str(item) for item in items]  # in a list, the driver binds NaN as NULL
        parameters.append(items)
        return f"({text} IN (SELECT unnest(CAST(? AS {declared}[]))))"
    constants = [_constant(values[i : i + 1], type_, parameters) for i in range(len(values))]
    return f"({text} IN ({', '.join(constants)}))"


def _constant(value: pa.Array, beside: pa.DataType | None, parameters: list[Any]) -> str:
    declared, [item] = _parameters(value, beside)
    if item is None:
        return f"CAST(NULL AS {declared})"
    if isinstance(item, bool):
        return str(item).upper()
    parameters.append(item)
    return f"CAST(? AS {declared})"


def _parameters(values: pa.Array, beside: pa.DataType | None) -> tuple[str, list[Any]]:
    """Constants as values that DuckDB's driver binds, and the type to cast them to."""
    from ..types.values import to_values

    declared = canonical(values.type)
    if beside is not None:
        try:
            convert = from_duckdb(values.type, canonical(beside))
            values, declared = values if convert is None else convert(values), canonical(beside)
        except (ArgumentError, pa.ArrowException):
            pass  # DuckDB compares values of these types, or says why not
    bind = _AS_TEXT.get(declared)
    if bind is None and not _binds(declared):
        raise FilterError(f"no parameter holds {sql_name(declared)}")
    items = to_values(values)
    if declared.num_fields and _has_nan(items):
        raise FilterError("inside of a value, the driver binds NaN as NULL")
    if bind is not None:
        items = [None if item is None else bind(item) for item in items]
    return ("VARCHAR" if declared.equals(JSON) else sql_name(declared)), items


def _interval(value: Any) -> str:
    months, days, nanoseconds = value
    return f"{months} months {days} days {nanoseconds // 1000} microseconds"


_AS_TEXT: dict[pa.DataType, Callable[[Any], str]] = {
    HUGEINT: str,
    UHUGEINT: str,
    BIGNUM: str,
    INTERVAL: _interval,
    TIME_NS: lambda value: value.isoformat(),
    TIMETZ: lambda value: value.isoformat(),
    TIMESTAMPTZ: lambda value: value.isoformat(),  # DuckDB's driver asks for another module
}
"""Types whose Python values the driver binds as something else, or not at all."""


def _binds(type_: pa.DataType) -> bool:
    """Whether the driver binds the Python values of ``type_`` as they are."""
    if type_ in _AS_TEXT or same_extension(type_, GEOMETRY) or pa.types.is_union(type_) or pa.types.is_map(type_):
        return False
    return all(_binds(type_.field(i).type) for i in range(type_.num_fields))


def _has_nan(item: Any) -> bool:
    if isinstance(item, (list, dict)):
        return any(map(_has_nan, item.values() if isinstance(item, dict) else item))
    return bool(item != item)
