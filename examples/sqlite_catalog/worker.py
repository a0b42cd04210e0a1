"""Any SQLite file as a catalog: columns and filters done by SQLite's own SQL, and writable.

    ATTACH 'sqlite' AS app (TYPE vgi, LOCATION 'duckwing run worker.py', file 'app.db');
    SELECT name FROM app.customers WHERE id = 7;
    UPDATE app.customers SET name = 'Ada' WHERE id = 7;

SQLite's own views are read like tables, because their SQL is SQLite's. What CREATE VIEW makes is DuckDB's SQL, which
stands in the file as a view that gives nothing but its text.

A transaction is a journal (``ctx.changes``) until it commits; then all of it is done in one transaction of
SQLite, or nothing. Whoever reads within it sees a copy of the file, in memory, with the changes done.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, BLOB, BOOLEAN, DOUBLE, VARCHAR

BATCH = 10_000

ROW_ID = "rowid"
"""SQLite's own name for the number of a row."""


DEFINITION = "duckdb_definition"
"""The only column of a view whose SQL is DuckDB's."""

LITERAL = re.compile(r"[+-]?\d+(\.\d+)?|'([^']|'')*'")
"""Defaults that mean the same in DuckDB."""


class Tables:
    """The tables of one file."""

    writes = (
        *("insert", "update", "delete"),
        *("create_table", "drop_table", "rename_table", "add_column", "drop_column", "rename_column"),
        *("create_view", "drop_view", "rename_view"),
    )

    def __init__(self, file: str):
        self.file = Path(file)

    def version(self, ctx: dw.Context) -> int:
        """SQLite counts the changes of the schema. 0 would mean "not known"."""
        with self.open(ctx) as db:
            return int(db.execute("PRAGMA schema_version").fetchone()[0]) + 1

    def tables(self, ctx: dw.Context) -> list[str]:
        with self.open(ctx) as db:
            found = db.execute(
                "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name"
            ).fetchall()
            return [name for (name,) in found if not name.startswith("sqlite_") and definition_of(db, name) is None]

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        with self.open(ctx) as db:
            query = 'SELECT name, type, "notnull", pk, dflt_value FROM pragma_table_xinfo(?)'
            columns = db.execute(query, [name]).fetchall()
            numbered = db.execute(
                "SELECT 1 FROM pragma_table_list WHERE name = ? COLLATE NOCASE AND type = 'table' AND NOT wr", [name]
            ).fetchone()
        if not columns or [column for column, *_ in columns] == [DEFINITION]:
            return None
        types = {column: type_of(declared) for column, declared, *_ in columns}
        has_row_id = numbered and ROW_ID not in map(str.lower, types)  # views and WITHOUT ROWID tables have none
        return dw.TableDefinition(
            types | ({ROW_ID: BIGINT} if has_row_id else {}),
            row_id=ROW_ID if has_row_id else None,
            primary_key=[
                column for _, column in sorted((place, column) for column, _, _, place, _ in columns if place)
            ],
            not_null=[column for column, _, required, *_ in columns if required],
            defaults={column: default for column, *_, default in columns if default and LITERAL.fullmatch(default)},
        )

    def views(self, ctx: dw.Context) -> list[str]:
        with self.open(ctx) as db:
            found = db.execute("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name").fetchall()
            return [name for (name,) in found if definition_of(db, name) is not None]

    def view(self, name: str, ctx: dw.Context) -> dw.ViewDefinition | None:
        with self.open(ctx) as db:
            text = definition_of(db, name)
            return None if text is None else dw.ViewDefinition(text)

    def scan(self, name: str, ctx: dw.Context) -> Iterator[dict[str, list[Any]]]:
        columns = ", ".join(map(quoted, ctx.columns))
        where = ctx.filters.to_sql("sqlite")
        query = f"SELECT {columns} FROM {quoted(name)} WHERE {where.text}"
        with self.open(ctx) as db:
            declared = dict(db.execute("SELECT name, type FROM pragma_table_xinfo(?)", [name]).fetchall())
            flags = [column for column in ctx.columns if type_of(declared.get(column, "")) == BOOLEAN]
            rows = db.execute(query, where.parameters)
            while batch := rows.fetchmany(BATCH):
                values = dict(zip(ctx.columns, map(list, zip(*batch, strict=True)), strict=True))
                for column in flags:  # SQLite has numbers for them
                    values[column] = [None if value is None else value != 0 for value in values[column]]
                yield values

    def check(self, changes: Sequence[dw.Change], ctx: dw.Context) -> None:
        """Have the statement fail that breaks a constraint, rather than the commit."""
        with self.open(ctx):
            pass

    def apply(self, changes: Sequence[dw.Change], ctx: dw.Context) -> None:
        with contextlib.closing(sqlite3.connect(self.file, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            for change in changes:
                do(db, change)
            db.execute("COMMIT")

    @contextlib.contextmanager
    def open(self, ctx: dw.Context) -> Iterator[sqlite3.Connection]:
        """The file as the transaction sees it."""
        if not self.file.exists():
            raise FileNotFoundError(f"there is no file {self.file}")
        with contextlib.closing(sqlite3.connect(f"{self.file.absolute().as_uri()}?mode=ro", uri=True)) as db:
            changes = ctx.changes
            if not changes:
                yield db
                return
            with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
                db.backup(copy)
                for change in changes:
                    do(copy, change)
                yield copy


def do(db: sqlite3.Connection, change: dw.Change) -> None:
    """One step of a transaction."""
    table, options = quoted(change.table), change.options
    match change.operation:
        case "insert":
            assert change.rows is not None
            names = ", ".join(map(quoted, change.rows.schema.names))
            marks = ", ".join("?" * change.rows.num_columns)
            how = "INSERT OR IGNORE" if options["on_conflict"] == "nothing" else "INSERT"
            db.executemany(f"{how} INTO {table} ({names}) VALUES ({marks})", values_of(change.rows))
        case "update":
            assert change.rows is not None
            sets = ", ".join(f"{quoted(name)} = ?" for name in change.rows.schema.names if name != ROW_ID)
            db.executemany(f"UPDATE {table} SET {sets} WHERE rowid = ?", values_of(change.rows))
        case "delete":
            assert change.rows is not None
            db.executemany(f"DELETE FROM {table} WHERE rowid = ?", values_of(change.rows))
        case "create_table":
            assert change.columns is not None
            parts = [definition(field, field.name in options["not_null"]) for field in change.columns]
            if options["primary_key"]:
                parts.append(f"PRIMARY KEY ({', '.join(map(quoted, options['primary_key']))})")
            parts += [f"UNIQUE ({', '.join(map(quoted, key))})" for key in options["unique"]]
            parts += [f"CHECK ({check})" for check in options["checks"]]
            db.execute(f"CREATE TABLE {table} ({', '.join(parts)})")
        case "drop_table":
            db.execute(f"DROP TABLE {table}")
        case "rename_table":
            db.execute(f"ALTER TABLE {table} RENAME TO {quoted(options['new_name'])}")
        case "add_column":
            assert change.columns is not None
            db.execute(f"ALTER TABLE {table} ADD COLUMN {definition(change.columns.field(0), False)}")
        case "drop_column":
            db.execute(f"ALTER TABLE {table} DROP COLUMN {quoted(options['column'])}")
        case "rename_column":
            db.execute(
                f"ALTER TABLE {table} RENAME COLUMN {quoted(options['column'])} TO {quoted(options['new_name'])}"
            )
        case "create_view":
            db.execute(f"CREATE VIEW {table} AS SELECT {literal(options['definition'])} AS {DEFINITION}")
        case "drop_view":
            db.execute(f"DROP VIEW {table}")
        case "rename_view":
            text = definition_of(db, change.table)
            assert text is not None
            db.execute(f"DROP VIEW {table}")
            db.execute(f"CREATE VIEW {quoted(options['new_name'])} AS SELECT {literal(text)} AS {DEFINITION}")


def definition_of(db: sqlite3.Connection, view: str) -> str | None:
    """DuckDB's SQL for a view; None if there is none of that name, or if its SQL is SQLite's."""
    query = "SELECT 1 FROM sqlite_schema WHERE type = 'view' AND name = ? COLLATE NOCASE AND sql LIKE ?"
    if db.execute(query, [view, f"% AS {DEFINITION}"]).fetchone() is None:
        return None
    return str(db.execute(f"SELECT {DEFINITION} FROM {quoted(view)}").fetchone()[0])


def values_of(rows: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    """Rows as SQLite takes them."""
    return zip(*(column.to_pylist() for column in rows.columns), strict=True)


def definition(field: pa.Field, not_null: bool) -> str:
    """A column as CREATE TABLE has it."""
    names = {VARCHAR: "TEXT", BLOB: "BLOB", BOOLEAN: "BOOLEAN"}
    if pa.types.is_integer(field.type):
        kind = "INTEGER"
    elif pa.types.is_floating(field.type):
        kind = "REAL"
    elif field.type in names:
        kind = names[field.type]
    else:
        raise TypeError(
            f"column '{field.name}': SQLite has no type for {field.type}; use BIGINT, DOUBLE, VARCHAR or BLOB"
        )
    default = (field.metadata or {}).get(b"default")
    return " ".join(
        [
            quoted(field.name),
            kind,
            *(["NOT NULL"] if not_null else []),
            *([f"DEFAULT ({default.decode()})"] if default else []),
        ]
    )


def type_of(declared: str) -> pa.DataType:
    """The type for what SQLite calls the affinity of a column."""
    name = declared.upper()
    for part, type_ in (("BOOL", BOOLEAN), ("INT", BIGINT), ("CHAR", VARCHAR), ("TEXT", VARCHAR), ("CLOB", VARCHAR)):
        if part in name:
            return type_
    if any(part in name for part in ("REAL", "FLOA", "DOUB")):
        return DOUBLE
    return BLOB if name in ("", "BLOB") else VARCHAR


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


sqlite = dw.Catalog("sqlite", comment="Tables of a SQLite file")
sqlite.attach_option("file", VARCHAR, required=True, description="Path of the file")
sqlite.mount(Tables)

if __name__ == "__main__":
    dw.Worker(sqlite).run()
