"""Tables whose Arrow columns DuckDB would never choose: rows that are written must arrive in exactly these."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

import duckwing as dw

ID = "rowid"

MOMENT = pa.timestamp("ms", "UTC")

COLUMNS = [
    pa.field("id", pa.int64(), nullable=False),
    pa.field("ts", MOMENT, nullable=False),
    pa.field(
        "nested",
        pa.struct([pa.field("a", pa.int32(), nullable=False), ("b", pa.string()), ("ts2", MOMENT)]),
        nullable=False,
    ),
    pa.field(
        "tags",
        pa.list_(
            pa.field(
                "item", pa.struct([pa.field("k", pa.string(), nullable=False), ("v", pa.binary())]), nullable=False
            )
        ),
        nullable=False,
    ),
]

TABLES = {
    name: pa.schema([*COLUMNS, pa.field(ID, type_, nullable=False)])
    for name, type_ in {
        "demo": pa.int64(),
        "ts_demo": MOMENT,
        "struct_demo": pa.struct([pa.field("a", pa.int64(), nullable=False), ("b", pa.string())]),
    }.items()
}


class Tables:
    """Each table is a value in a SQLite file, which all processes share."""

    writes = ("insert", "update", "delete")

    def __init__(self) -> None:
        self.file = os.environ.get("VGI_SCHEMA_RECONCILE_DB") or os.path.join(
            tempfile.gettempdir(), f"schema_reconcile-{os.getpgrp()}.db"
        )

    def version(self, ctx: dw.Context) -> int:
        return 1

    def tables(self, ctx: dw.Context) -> list[str]:
        return list(TABLES)

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        columns = TABLES.get(name.lower())
        return None if columns is None else dw.TableDefinition(columns, row_id=ID, returning=False)

    def scan(self, name: str, ctx: dw.Context) -> pa.Table:
        with self.open() as db:
            return load(db, name.lower())

    def write(self, change: dw.Change, ctx: dw.Context) -> int:
        assert change.rows is not None
        name = change.table.lower()
        check(change.rows.schema, name, change.operation)
        given = change.rows.to_pylist()
        with self.open() as db:
            rows = load(db, name).to_pylist()
            if change.operation == "insert":
                for row in given:
                    rows.append({**row, ID: row_id(name, row, rows)})
                found = len(given)
            else:
                places = {repr(row[ID]): place for place, row in enumerate(rows)}
                known = [(places[repr(row[ID])], row) for row in given if repr(row[ID]) in places]
                found = len(known)
                if change.operation == "update":
                    for place, row in known:
                        rows[place].update(row)
                else:
                    gone = {place for place, _ in known}
                    rows = [row for place, row in enumerate(rows) if place not in gone]
            save(db, name, pa.Table.from_pylist(rows, TABLES[name]))
        return found

    @contextlib.contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """The file, for one reader or writer at a time."""
        with contextlib.closing(sqlite3.connect(self.file, timeout=60, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            with db:
                db.execute("CREATE TABLE IF NOT EXISTS tables (name TEXT PRIMARY KEY, rows BLOB)")
                yield db


def check(schema: pa.Schema, name: str, operation: str) -> None:
    """Refuse rows whose columns are not to the bit those that were declared.

    Raises:
        TypeError: they are not.
    """
    columns = TABLES[name]
    if operation == "insert":
        expected = pa.schema([field for field in columns if field.name != ID])
    elif operation == "update":
        expected = pa.schema([columns.field(column) for column in schema.names])
    else:
        expected = pa.schema([columns.field(ID)])
    if not schema.equals(expected) or (operation == "update" and schema.names[-1] != ID):
        raise TypeError(f"{operation} of table '{name}' wants the columns\n{expected}\nbut gets\n{schema}")


def row_id(name: str, row: dict[str, Any], rows: list[dict[str, Any]]) -> Any:
    """What identifies a new row."""
    if name == "ts_demo":
        return row["ts"]
    if name == "struct_demo":
        return {"a": row["id"], "b": row["nested"]["b"]}
    return 1 + max((other[ID] for other in rows), default=0)


def load(db: sqlite3.Connection, name: str) -> pa.Table:
    """The rows of a table."""
    found = db.execute("SELECT rows FROM tables WHERE name = ?", [name]).fetchone()
    return TABLES[name].empty_table() if found is None else pa.ipc.open_stream(found[0]).read_all()


def save(db: sqlite3.Connection, name: str, rows: pa.Table) -> None:
    """Replace the rows of a table."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    db.execute("INSERT OR REPLACE INTO tables VALUES (?, ?)", [name, sink.getvalue().to_pybytes()])


schema_reconcile = dw.Catalog("schema_reconcile")
schema_reconcile.mount(Tables)
