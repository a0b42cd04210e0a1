"""Tables written to without transactions, each ATTACH with rows of its own; one breaks its promise of RETURNING."""

from __future__ import annotations

import dataclasses
from typing import Any

import pyarrow as pa

import duckwing as dw
from duckwing.catalog import writing
from duckwing.rpc.codec import encode_batch
from duckwing.types import BIGINT, VARCHAR

ID = "rowid"

COLUMNS = {
    "items": {"id": BIGINT, "name": VARCHAR, "qty": BIGINT, ID: BIGINT},
    "items_no_returning": {"id": BIGINT, "name": VARCHAR, "qty": BIGINT, ID: BIGINT},
    "items_insert_only": {"id": BIGINT, "name": VARCHAR, ID: BIGINT},
    "items_broken_returning": {"id": BIGINT, "name": VARCHAR, ID: BIGINT},
}

BROKEN = "items_broken_returning"


class Items:
    """What has been written to a table is a log; its rows are what comes out of that."""

    writes = ("insert", "update", "delete")
    frozen = True

    def tables(self, ctx: dw.Context) -> list[str]:
        return list(COLUMNS)

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        name = name.lower()
        if name not in COLUMNS:
            return None
        return dw.TableDefinition(
            COLUMNS[name],
            row_id=ID,
            writes=["insert"] if name in ("items_insert_only", BROKEN) else None,
            returning=name != "items_no_returning",
        )

    def scan(self, name: str, ctx: dw.Context) -> pa.Table:
        rows = self.rows(name, ctx)
        return pa.Table.from_pylist(list(rows.values()), pa.schema(list(COLUMNS[name.lower()].items())))

    def write(self, change: dw.Change, ctx: dw.Context) -> pa.Table:
        assert change.rows is not None
        before = self.rows(change.table, ctx)
        known = {} if change.operation == "insert" else before
        given = change.rows.to_pylist()
        for row in given:
            if change.operation != "insert" and row[ID] not in known:
                raise LookupError(f"table '{change.table}' has no row {row[ID]}")
        ctx.state.attachment.append(change.table.lower(), (change.operation, change.rows))
        if change.operation == "insert":
            found = given
        elif change.operation == "update":
            found = [before[row[ID]] | row for row in given]
        else:
            found = [before[row[ID]] for row in given]
        columns = [(column, type_) for column, type_ in COLUMNS[change.table.lower()].items() if column != ID]
        return pa.Table.from_pylist(found, pa.schema(columns))

    def rows(self, name: str, ctx: dw.Context) -> dict[int, dict[str, Any]]:
        """The rows of a table by their ids."""
        rows: dict[int, dict[str, Any]] = {}
        number = 0
        for operation, changed in ctx.state.attachment.read(name.lower()):
            for row in changed.to_pylist():
                if operation == "insert":
                    number += 1
                    rows[number] = {**row, ID: number}
                elif operation == "update":
                    rows[row[ID]].update(row)
                else:
                    rows.pop(row[ID], None)
        return rows


write_function = writing.write_function

COUNT_ONLY = encode_batch(pa.RecordBatch.from_pydict({"result_mode": ["count"], "on_conflict": ["throw"]}))
"""The options of a statement without RETURNING."""


def broken_write_function(mount: Any, operation: Any) -> Any:
    """As the library's, but an INSERT into one table never answers with rows."""
    function: Any = write_function(mount, operation)
    if operation != "insert":
        return function

    class Insert(function.function):  # type: ignore[misc]
        def __init__(self, table: str, *, write_options: bytes | None = None, **rest: Any):
            super().__init__(table, write_options=COUNT_ONLY if table == BROKEN else write_options, **rest)

    def columns(table: str, schema: str | None, write_options: bytes | None, ctx: dw.Context) -> pa.Schema:
        compute = function.columns.compute
        return compute(table, schema, COUNT_ONLY if table == BROKEN else write_options, ctx)

    return dataclasses.replace(
        function, function=Insert, columns=dataclasses.replace(function.columns, compute=columns)
    )


writing.write_function = broken_write_function

simple_writable = dw.Catalog("simple_writable")
simple_writable.mount(Items)

if __name__ == "__main__":
    dw.Worker(simple_writable).run()
