"""What DuckDB says of the SQL of tables, views and macros, which it drops without a word where it does not like it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from .. import engine
from ..protocol import metadata
from ..protocol.listing import MacroInfo, MacroType, ViewInfo
from ..protocol.tables import TableInfo
from ..types.names import sql_name
from .database import identifier, quoted
from .inventory import Contents

if TYPE_CHECKING:
    import duckdb


_MACRO = "CREATE MACRO m() AS {}"
"""Takes one expression, and nothing more."""


class Finding(NamedTuple):
    """A problem: its code, what has it, and what is wrong."""

    code: str
    subject: str
    message: str


def parse_all(catalog: Contents) -> Iterator[Finding]:
    """What DuckDB cannot parse: the code is DW401."""
    for view in catalog.views:
        found = _parse(f"CREATE VIEW v AS {view.definition}")
        if found is not None:
            yield Finding("DW401", _subject(catalog, view), f"DuckDB does not parse the view: {found}")
    for macro in catalog.macros:
        found = _parse(_create_macro(macro))
        if found is not None:
            yield Finding("DW401", _subject(catalog, macro), f"DuckDB does not parse the macro: {found}")
    for table in catalog.tables:
        for what, expression in _expressions(table):
            found = _parse(_MACRO.format(expression))
            if found is not None:
                yield Finding("DW401", _subject(catalog, table), f"DuckDB does not parse {what}: {found}")


def bind_all(connection: duckdb.DuckDBPyConnection, catalog: Contents, alias: str, location: str) -> Iterator[Finding]:
    """What DuckDB parses and cannot use: DW402, or DW106 where it depends on how a user attaches the catalog.

    Args:
        connection: to a database that has attached the catalog, with its name in the search path.
        catalog: its contents.
        alias: its name in the database.
        location: of the worker.
    """
    apart = connection.cursor()  # without the search path: generated columns do not find the catalog's functions
    for table in catalog.tables:
        for what, found in _bind_table(apart, table):
            yield Finding("DW402", _subject(catalog, table), f"DuckDB cannot use {what}: {found}")
        for message in _foreign_keys(catalog, table):
            yield Finding("DW403", _subject(catalog, table), message)
    unread = [table for table in catalog.tables for _, text in _expressions(table) if not _is_expression(text)]
    if unread or not (catalog.views or catalog.macros):
        return  # one table that DuckDB cannot read hides all tables of its schema from views
    elsewhere = f"{alias}_elsewhere"
    with engine.connect() as user:  # a database that has the catalog under this name alone
        user.execute(
            f"ATTACH {quoted(catalog.name)} AS {identifier(elsewhere)} (TYPE vgi, LOCATION {quoted(location)})"
        )
        for view in catalog.views:
            if _parse(f"CREATE VIEW v AS {view.definition}") is None:
                yield from _bind_view(apart, user, catalog, view, alias, elsewhere)
        for macro in catalog.macros:
            if _parse(_create_macro(macro)) is None:
                yield from _bind_macro(user, catalog, macro, elsewhere)


def _bind_view(
    apart: duckdb.DuckDBPyConnection,
    user: duckdb.DuckDBPyConnection,
    catalog: Contents,
    view: ViewInfo,
    alias: str,
    elsewhere: str,
) -> Iterator[Finding]:
    subject = _subject(catalog, view)
    query = "DESCRIBE {}." + ".".join(map(identifier, (*view.schema_path, view.name)))
    found = _run(user, query.format(identifier(elsewhere)))
    if found is None:
        return
    if _run(apart, query.format(identifier(alias))) is None:
        yield Finding(
            "DW106",
            subject,
            f"works only if the catalog is attached as {alias}: leave its name out of the view ({found})",
        )
    else:
        yield Finding("DW402", subject, f"DuckDB cannot use the view: {found}")


def _bind_macro(
    user: duckdb.DuckDBPyConnection, catalog: Contents, macro: MacroInfo, elsewhere: str
) -> Iterator[Finding]:
    """Look whether DuckDB finds what the macro names; whether its arguments fit depends on them."""
    import duckdb

    subject = _subject(catalog, macro)
    arguments = ", ".join("NULL" for _ in macro.parameters)
    name = ".".join(map(identifier, (elsewhere, *macro.schema_path, macro.name)))
    query = f"DESCRIBE {'FROM' if macro.macro_type is MacroType.TABLE else 'SELECT'} {name}({arguments})"
    found = _run(user, query, duckdb.CatalogException)
    if found is None:
        return
    user.execute(f"USE {identifier(elsewhere)}")
    after_use = _run(user, query, duckdb.CatalogException)
    user.execute("USE memory")
    if after_use is not None:
        yield Finding("DW402", subject, f"DuckDB cannot use the macro: {after_use}")
    elif macro.macro_type is MacroType.SCALAR:
        yield Finding(
            "DW106",
            subject,
            f"works only after USE of the catalog; a macro finds functions of its own schema ({found})",
        )


def _bind_table(connection: duckdb.DuckDBPyConnection, table: TableInfo) -> Iterator[tuple[str, str]]:
    """Make a table with each of the expressions, without rows."""
    plain = [field for field in table.columns if not _is(field, metadata.GENERATED_EXPRESSION, metadata.IS_ROW_ID)]
    columns = [f"{identifier(field.name)} {sql_name(field.type)}" for field in plain]
    for field in table.columns:
        if _is(field, metadata.GENERATED_EXPRESSION):
            expression = field.metadata[metadata.GENERATED_EXPRESSION].decode()
            if _is_expression(expression):
                column = f"{identifier(field.name)} {sql_name(field.type)} GENERATED ALWAYS AS ({expression}\n)"
                found = _create(connection, table, [*columns, column])
                if found is None:
                    columns.append(column)
                else:
                    yield f"the generated column '{field.name}'", found
    for what, expression in _expressions(table):
        if what.startswith("the generated") or not _is_expression(expression):
            continue
        is_check = what.startswith("the check")
        parts = [*columns, f"CHECK ({expression}\n)"] if is_check else [f"a VARCHAR DEFAULT ({expression}\n)"]
        found = _create(connection, table, parts)
        if found is not None:
            yield what, found


def _create(connection: duckdb.DuckDBPyConnection, table: TableInfo, parts: list[str]) -> str | None:
    name = f"temp.main.{identifier(table.name)}"
    return _run(connection, f"CREATE TEMPORARY TABLE {name} ({', '.join(parts)}); DROP TABLE {name}")


def _foreign_keys(catalog: Contents, table: TableInfo) -> Iterator[str]:
    for key in table.foreign_key_constraints:
        shown = ".".join((*key.referenced_schema_path, key.referenced_table))
        other = next((t for t in catalog.tables if _same(t, key.referenced_schema_path, key.referenced_table)), None)
        if other is None:
            yield f"a foreign key refers to table '{shown}', which is not there"
        else:
            for column in key.pk_columns:
                if column.casefold() not in map(str.casefold, other.columns.names):
                    yield f"a foreign key refers to column '{column}' of table '{shown}', which is not there"


def _same(table: TableInfo, schema_path: tuple[str, ...], name: str) -> bool:
    path = (*table.schema_path, table.name)
    return [part.casefold() for part in path] == [part.casefold() for part in (*schema_path, name)]


def _expressions(table: TableInfo) -> Iterator[tuple[str, str]]:
    """The SQL of a table: what it is, and its text."""
    for condition in table.check_constraints:
        yield f"the check {condition!r}", condition
    for field in table.columns:
        properties = field.metadata or {}
        if metadata.GENERATED_EXPRESSION in properties:
            yield f"the generated column '{field.name}'", properties[metadata.GENERATED_EXPRESSION].decode()
        elif metadata.COLUMN_DEFAULT in properties:
            yield f"the default of column '{field.name}'", properties[metadata.COLUMN_DEFAULT].decode()


def _is(field: object, *keys: bytes) -> bool:
    return any(key in (getattr(field, "metadata", None) or {}) for key in keys)


def _create_macro(macro: MacroInfo) -> str:
    table = "TABLE " if macro.macro_type is MacroType.TABLE else ""
    return f"CREATE MACRO m({', '.join(map(identifier, macro.parameters))}) AS {table}{macro.definition}"


def _is_expression(text: str) -> bool:
    return _parse(_MACRO.format(text)) is None


def _parse(statement: str) -> str | None:
    """Why DuckDB does not read this as one statement; None: it does."""
    import duckdb

    try:
        count = len(duckdb.extract_statements(statement))
    except duckdb.Error as error:
        return _one_line(error)
    return None if count == 1 else f"these are {count} statements"


def _run(connection: duckdb.DuckDBPyConnection, statement: str, errors: type[duckdb.Error] | None = None) -> str | None:
    """Why DuckDB does not run this, if it is for such an error; None: it does."""
    import duckdb

    try:
        connection.execute(statement).fetchall()
    except duckdb.Error as error:
        return _one_line(error) if errors is None or isinstance(error, errors) else None
    return None


def _one_line(error: Exception) -> str:
    """What DuckDB says, without its guess of what was meant and the picture of where."""
    return " ".join(re.split(r"\n+(?:LINE |Did you mean )", str(error))[0].split())


def _subject(catalog: Contents, item: TableInfo | ViewInfo | MacroInfo) -> str:
    return ".".join((catalog.name, *item.schema_path, item.name))
