"""Predicates as a WHERE clause with parameters, which may let more rows pass, never fewer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from typing import Literal as OneOf

import pyarrow as pa

from ..errors import FilterError
from ..types import HUGEINT, UHUGEINT, UUID
from .facts import Fact, fact, path
from .sql_duckdb import print_duckdb
from .sql_parts import MANY, Part, identifier
from .tree import COMPARISONS, And, Call, Column, Expression, Literal, Not, Or, Predicate

Dialect: TypeAlias = OneOf["duckdb", "postgresql", "sqlite"]

_TOO_MANY = 1000
"""Larger sets are told SQLite as their bounds: it takes 32,766 parameters for the whole statement."""


@dataclass(frozen=True)
class SqlFilter:
    """A condition in SQL.

    Attributes:
        text: true for all rows that are wanted; ``TRUE`` if there is nothing to say.
        parameters: Python values for the placeholders in ``text``, in their order. The placeholders are
            those of the usual drivers: ``?`` for ``duckdb`` and ``sqlite3``, ``%s`` for ``psycopg``.
        exact: it is true for no other rows.
    """

    text: str
    parameters: tuple[Any, ...]
    exact: bool


_TRUE = Part("TRUE")
_FALSE = Part("FALSE")

_Print = Callable[[Expression, bool], Part | None]
"""What is true in the rows where a condition that is no AND, OR or NOT is true, or where it is false."""


def to_sql(predicates: Sequence[Predicate], dialect: Dialect) -> SqlFilter:
    """A condition for WHERE that is true for every row that all predicates accept.

    Columns go by their names, and are taken to have the type of the database that comes closest to the declared
    one; other types are for DuckDB alone. What the database would answer differently from DuckDB is left out. SQLite
    databases are taken to be in UTF-8, and to hold BOOLEANs as 0 and 1, numbers as numbers.

    Args:
        predicates: the predicates.
        dialect: of the text.

    Raises:
        FilterError: there is no such dialect.
    """
    match dialect:
        case "duckdb":
            leaf: _Print = print_duckdb
        case "postgresql":
            leaf = _print_postgresql
        case "sqlite":
            leaf = _print_sqlite
        case _:
            raise FilterError(f"there is no SQL dialect '{dialect}'; take duckdb, postgresql or sqlite")
    parts = [_rows(predicate.expression, True, leaf) for predicate in predicates]
    said = _all_of(parts) or Part("TRUE", exact=False)
    return SqlFilter(said.text, said.parameters, said.exact)


def _rows(expression: Expression, truth: bool, leaf: _Print) -> Part | None:
    """What is true in the rows where ``expression`` is true, or in those where it is false; None: nothing is."""
    match expression:
        case Not(of):
            return _rows(of, not truth, leaf)
        case And(children) | Or(children):
            parts = [_rows(child, truth, leaf) for child in children]
            return _all_of(parts) if isinstance(expression, And) == truth else _any_of(parts)
    return leaf(expression, truth)


def _all_of(parts: Sequence[Part | None]) -> Part | None:
    said = [part for part in parts if part is not None]
    if not said:
        return None if parts else _TRUE
    joined = _joined(" AND ", [part for part in said if part.text != "TRUE"]) or _TRUE
    return Part(joined.text, joined.parameters, all(part is not None and part.exact for part in parts))


def _any_of(parts: Sequence[Part | None]) -> Part | None:
    said = [part for part in parts if part is not None]
    if any(part.text == "TRUE" and part.exact for part in said):
        return _TRUE
    if len(said) < len(parts):
        return None
    joined = _joined(" OR ", said)
    return joined and Part(joined.text, joined.parameters, all(part.exact for part in said))


def _joined(word: str, parts: Sequence[Part]) -> Part | None:
    if len(parts) < 2:
        return parts[0] if parts else None
    parameters = tuple(parameter for part in parts for parameter in part.parameters)
    return Part(f"({word.join(part.text for part in parts)})", parameters)


def _values(known: Fact) -> list[Any] | None:
    """The values of a fact as Python has them; None: they are no Python values."""
    from ..types.values import to_values

    try:
        return to_values(known.values)
    except ValueError:
        return None


def _name(place: Expression, dialect: Dialect) -> str | None:
    """The column; only DuckDB has fields of structs."""
    if not isinstance(place, Column) or "\0" in place.name:
        return None
    name = identifier(place.name)
    return name.replace("%", "%%") if dialect == "postgresql" else name


def _print_fact(
    expression: Expression, truth: bool, dialect: Dialect, of_fact: Callable[[Fact, str], Part | None]
) -> Part | None:
    match fact(expression, truth):
        case True:
            return _TRUE
        case False:
            return _FALSE
        case Fact() as known if (name := _name(known.place, dialect)) is not None:
            if not len(known.values):
                if known.operator == "ne":
                    return _TRUE if known.nulls else Part(f"{name} IS NOT NULL")
                return Part(f"{name} IS NULL") if known.nulls else _FALSE
            part = of_fact(known, name)
            if part is None or not known.nulls:
                return part
            return Part(f"({part.text} OR {name} IS NULL)", part.parameters, part.exact)
    return None


def _text_call(expression: Call, dialect: Dialect) -> tuple[str, str | None] | None:
    """The column and the constant of a test of texts; None: it is another test."""
    place, needle = expression.arguments
    name = _name(place, dialect)
    if expression.function == "list_contains" or name is None or not path(place) or not isinstance(needle, Literal):
        return None
    if not pa.types.is_string(place.type) and not pa.types.is_large_string(place.type):
        return None
    return name, needle.value.as_py()


# PostgreSQL


def _postgresql_type(type_: pa.DataType) -> str | None:
    is_ = pa.types
    if type_ in (HUGEINT, UHUGEINT) or is_.is_decimal(type_) or is_.is_unsigned_integer(type_):
        return "numeric"
    if is_.is_timestamp(type_):
        return None if type_.unit == "ns" else "timestamptz" if type_.tz else "timestamp"
    if type_.equals(UUID):
        return "uuid"
    return _POSTGRESQL_TYPES.get(type_)


_POSTGRESQL_TYPES = {
    pa.bool_(): "boolean",
    pa.int8(): "smallint",
    pa.int16(): "smallint",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.float32(): "real",
    pa.float64(): "double precision",
    pa.utf8(): "text",
    pa.binary(): "bytea",
    pa.date32(): "date",
    pa.time64("us"): "time",
}


def _print_postgresql(expression: Expression, truth: bool) -> Part | None:
    """Placeholders are ``%s``, so a ``%`` of a name is doubled."""
    if not isinstance(expression, Call):
        return _print_fact(expression, truth, "postgresql", _postgresql_fact)
    found = _text_call(expression, "postgresql")
    if found is None:
        return None
    name, needle = found
    if needle is None:
        return _FALSE
    if "\0" in needle:
        return _FALSE if truth else Part(f"{name} IS NOT NULL")  # no text there holds NUL
    text = f'{name} COLLATE "C"'
    match expression.function:
        case "starts_with":
            part = Part(f"starts_with({text}, %s)", (needle,))
        case "contains":
            part = Part(f"strpos({text}, %s) > 0", (needle,))
        case _:
            part = Part(f"right({text}, %s) = %s", (len(needle), needle))
    return part if truth else Part(f"NOT {part.text}", part.parameters)


def _postgresql_fact(known: Fact, name: str) -> Part | None:
    type_ = _postgresql_type(known.values.type)
    values = _values(known)
    if type_ is None or values is None:
        return None
    place = name
    if type_ == "text":
        if any("\0" in value for value in values) and known.operator not in ("eq", "ne"):
            return None
        values = [value for value in values if "\0" not in value]  # no text there holds it
        place += ' COLLATE "C"'
    if not values:
        return _FALSE if known.operator == "eq" else Part(f"{name} IS NOT NULL")
    if len(values) > MANY:
        word = "= ANY" if known.operator == "eq" else "<> ALL"
        return Part(f"{place} {word}(CAST(%s AS {type_}[]))", (values,))
    return _compared(place, known.operator, values, f"CAST(%s AS {type_})")


def _compared(place: str, operator: Any, values: Sequence[Any], placeholder: str) -> Part:
    if len(values) == 1:
        return Part(f"{place} {COMPARISONS[operator]} {placeholder}", tuple(values))
    word = "IN" if operator == "eq" else "NOT IN"
    return Part(f"{place} {word} ({', '.join([placeholder] * len(values))})", tuple(values))


# SQLite


def _print_sqlite(expression: Expression, truth: bool) -> Part | None:
    if not isinstance(expression, Call):
        return _print_fact(expression, truth, "sqlite", _sqlite_fact)
    found = _text_call(expression, "sqlite")
    if found is None:
        return None
    name, needle = found
    if needle is None:
        return _FALSE
    match expression.function:
        case "starts_with":  # not substr, which ends at a NUL
            return Part(f"instr({name}, ?) {'=' if truth else '<>'} 1", (needle,))
        case "contains":
            return Part(f"instr({name}, ?) {'>' if truth else '='} 0", (needle,))
    if not needle:
        return Part(f"{name} IS NOT NULL") if truth else _FALSE
    end = f"substr(CAST({name} AS BLOB), -length(CAST(? AS BLOB)))"
    text = f"{end} = CAST(? AS BLOB)" if truth else f"({name} IS NOT NULL AND {end} IS NOT CAST(? AS BLOB))"
    return Part(text, (needle, needle))  # the end of an empty text is NULL


def _sqlite_fact(known: Fact, name: str) -> Part | None:
    """Numbers, texts and BLOBs; what SQLite holds of other types is up to whoever wrote it.

    A FLOAT is read from a double there, of which many become the same FLOAT.
    """
    is_ = pa.types
    type_ = known.values.type
    small = is_.is_integer(type_) and type_ != pa.uint64()
    if not (small or is_.is_boolean(type_) or is_.is_float64(type_) or is_.is_string(type_) or is_.is_binary(type_)):
        return None
    values = _values(known)
    if values is None:
        return None
    operator = known.operator
    if is_.is_boolean(type_):
        values = [int(value) for value in values]
    if is_.is_float64(type_) and any(value != value for value in values):  # NaN, which is NULL there
        if operator not in ("eq", "ne"):
            return Part(f"{name} IS NOT NULL") if operator in ("lt", "le") else _FALSE
        values = [value for value in values if value == value]
    if not values:
        return _FALSE if operator == "eq" else Part(f"{name} IS NOT NULL")
    place = f"{name} COLLATE BINARY" if is_.is_string(type_) else name
    if len(values) > _TOO_MANY:
        if operator == "ne":
            return Part(f"{name} IS NOT NULL", exact=False)
        return Part(f"({place} >= ? AND {place} <= ?)", (min(values), max(values)), exact=False)
    return _compared(place, operator, values, "?")
