"""Any SQLite file as a catalog, with columns, filters and order done by SQLite's own SQL.

    ATTACH 'sqlite' AS app (TYPE vgi, LOCATION 'duckwing run worker.py', file 'app.db');
    SELECT name FROM app.customers WHERE id = 7;
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, BLOB, BOOLEAN, DOUBLE, VARCHAR

BATCH = 10_000


class Tables:
    """The tables of one file."""

    def __init__(self, file: str):
        self.file = Path(file)

    def version(self, ctx: dw.Context) -> int:
        """SQLite counts the changes of the schema. 0 would mean "not known"."""
        with self.open() as db:
            return int(db.execute("PRAGMA schema_version").fetchone()[0]) + 1

    def tables(self, ctx: dw.Context) -> list[str]:
        with self.open() as db:
            found = db.execute("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name")
            return [name for (name,) in found if not name.startswith("sqlite_")]

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        with self.open() as db:
            columns = db.execute("SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo(?)", [name]).fetchall()
        if not columns:
            return None
        keys = sorted((place, column) for column, _, _, place in columns if place)
        return dw.TableDefinition(
            {column: type_of(declared) for column, declared, _, _ in columns},
            primary_key=[column for _, column in keys],
            not_null=[column for column, _, required, _ in columns if required],
        )

    def scan(self, name: str, ctx: dw.Context) -> Iterator[dict[str, list[Any]]]:
        columns = ", ".join(map(quoted, ctx.columns))
        where = ctx.filters.to_sql("sqlite")
        query = f"SELECT {columns} FROM {quoted(name)} WHERE {where.text or 'true'}"
        with self.open() as db:
            rows = db.execute(query, where.parameters)
            while batch := rows.fetchmany(BATCH):
                yield dict(zip(ctx.columns, map(list, zip(*batch, strict=True)), strict=True))

    @contextlib.contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        if not self.file.exists():
            raise FileNotFoundError(f"there is no file {self.file}")
        with contextlib.closing(sqlite3.connect(f"{self.file.absolute().as_uri()}?mode=ro", uri=True)) as db:
            yield db


def type_of(declared: str) -> pa.DataType:
    """The type for what SQLite calls the affinity of a column."""
    name = declared.upper()
    for part, type_ in (("BOOL", BOOLEAN), ("INT", BIGINT), ("CHAR", VARCHAR), ("TEXT", VARCHAR), ("CLOB", VARCHAR)):
        if part in name:
            return type_
    if any(part in name for part in ("REAL", "FLOA", "DOUB")):
        return DOUBLE
    return BLOB if name in ("", "BLOB") else VARCHAR


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


sqlite = dw.Catalog("sqlite", comment="Tables of a SQLite file")
sqlite.attach_option("file", VARCHAR, required=True, description="Path of the file")
sqlite.mount(Tables)

if __name__ == "__main__":
    dw.Worker(sqlite).run()
