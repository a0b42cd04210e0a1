"""Writing to the tables of a provider: INSERT, UPDATE and DELETE as functions over a table (spec 04, section 10)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..errors import ArgumentError, CatalogError
from ..filters.pushed import Filters, PushedFilters
from ..filters.tree import Column, In, Predicate
from ..functions.changes import Change, Operation, append_change
from ..functions.columns import check_columns
from ..functions.context import Context
from ..functions.table_in_out import TableInOutFunction, declare_table_in_out
from ..rpc.codec import decode_batch
from ..scans.scan import Scan
from ..types import BIGINT
from ..types.convert import from_duckdb

if TYPE_CHECKING:
    from .providers import Mount, TableDefinition

WRITES: tuple[Operation, ...] = ("insert", "update", "delete")

COUNT = pa.schema([pa.field("count", BIGINT, nullable=False)])
"""The answer to a statement without RETURNING (spec 04, section 10.2)."""


def write_function(mount: Mount, operation: Operation) -> TableInOutFunction[..., Any]:
    """The function that DuckDB hands the rows of a statement to."""

    class Write:
        def __init__(self, table: str, *, schema: str | None = None, write_options: bytes | None = None, ctx: Context):
            self._table = table
            self._mount = mount.within(schema)
            self._ctx = ctx
            self._options = _options(write_options)
            self._streams = OpenStreams(ctx, journal=not mount.is_direct)
            self._streams.open()

        def process(self, rows: pa.RecordBatch) -> Any:
            definition = self._mount.definition(self._table, self._ctx)
            if operation == "update" and self._streams.are_several():
                raise _mixed_up(self._table)
            rows = _declared(rows, check_columns(definition.columns, f"table '{self._table}'"))
            result: Any = None
            if self._options["result_mode"] != "count":
                if self._streams.are_several():
                    raise CatalogError(
                        f"table '{self._table}': MERGE and ON CONFLICT cannot have RETURNING here; "
                        "DuckDB's vgi extension would crash"
                    )
                result = _returned(self._mount, operation, self._table, definition, rows, self._ctx)
            options = {"on_conflict": self._options["on_conflict"]} if operation == "insert" else {}
            change = Change(operation, self._table, rows, options=options, schema=self._mount.schema)
            count = rows.num_rows
            if self._mount.is_direct:
                done = self._mount.provider(self._ctx).write(change, self._ctx)
                if isinstance(done, int):
                    count = done
                elif done is not None and result is not None:
                    result = done
            else:
                record_change(self._mount, change, self._ctx)
            return {"count": [count]} if result is None else result

        def finish(self) -> Iterator[Any]:
            self._streams.close()
            if not self._mount.is_direct:
                check_changes(self._mount, self._ctx)
            return iter(())

    def columns(table: str, schema: str | None, write_options: bytes | None, ctx: Context) -> pa.Schema:
        if _options(write_options)["result_mode"] == "count":
            return COUNT
        return _visible(mount.within(schema).definition(table, ctx))

    Write.__doc__ = f"What {operation.upper()} does to a table of this schema; only DuckDB calls it."
    return declare_table_in_out(Write, name=f"{operation}_rows", columns=columns, stability="volatile")


def record_change(mount: Mount, change: Change, ctx: Context) -> None:
    """Keep a change until its transaction commits.

    Raises:
        CatalogError: the provider does not take such changes, or there is no transaction.
    """
    if change.operation not in mount.writes:
        raise CatalogError(
            f"schema '{mount.schema}' does not take {change.operation.replace('_', ' ').upper()}: '{change.operation}' "
            f"is not among the writes of its provider {mount.provider_name}"
        )
    append_change(ctx.transaction_store(), mount.home, dataclasses.replace(change, schema=mount.schema))


def check_changes(mount: Mount, ctx: Context) -> None:
    """Let the provider refuse, at the end of a statement, what the transaction has changed.

    Raises:
        Exception: whatever it raises.
    """
    check = getattr(mount.provider(ctx), "check", None)
    if check is not None:
        check(ctx.changes, ctx)


class OpenStreams:
    """The streams of writes that are open in a transaction: one for an ordinary statement, several for a MERGE."""

    _NAMESPACE = "_vgi/writes"

    def __init__(self, ctx: Context, *, journal: bool):
        self._store = ctx.transaction_store(journal=journal)
        self._key = ctx.execution_id

    def open(self) -> None:
        """This stream is open."""
        self._store.put(self._NAMESPACE, self._key, b"")

    def close(self) -> None:
        """This stream has ended."""
        self._store.delete(self._NAMESPACE, [self._key])

    def are_several(self) -> bool:
        """Whether there is another one."""
        return len(self._store.scan(self._NAMESPACE, limit=2)) > 1


def _mixed_up(table: str) -> CatalogError:
    """The error of a MERGE whose UPDATE would write the values of other columns.

    The extension hands over the first values of the whole MERGE in place of those that UPDATE sets (seen with
    the build of September 2026); inserted and deleted rows are right.
    """
    return CatalogError(
        f"table '{table}': DuckDB's vgi extension mixes up what UPDATE sets in a MERGE that has other actions, too; "
        "use a MERGE for the UPDATE alone, and another statement for the rest"
    )


def _options(data: bytes | None) -> dict[str, Any]:
    """What the statement asks for beside its rows."""
    if data is None:
        raise ArgumentError("this function is for DuckDB's INSERT, UPDATE and DELETE; it cannot be called by itself")
    row: dict[str, Any] = decode_batch(data).to_pylist()[0]
    return {"result_mode": row.get("result_mode") or "count", "on_conflict": row.get("on_conflict") or "throw"}


def _visible(definition: TableDefinition) -> pa.Schema:
    """The columns that SQL sees."""
    schema = check_columns(definition.columns, "a table")
    return pa.schema([field for field in schema if field.name != definition.options.get("row_id")])


def _declared(rows: pa.RecordBatch, columns: pa.Schema) -> pa.RecordBatch:
    """``rows`` in the declared types of their columns."""
    fields, arrays = [], []
    for field, array in zip(rows.schema, rows.columns, strict=True):
        declared = columns.field(field.name).type
        convert = from_duckdb(field.type, declared)
        arrays.append(convert(array) if convert else array)
        fields.append(pa.field(field.name, declared, nullable=field.nullable))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _returned(
    mount: Mount, operation: Operation, table: str, definition: TableDefinition, rows: pa.RecordBatch, ctx: Context
) -> Any:
    """The rows for RETURNING: those that were written, or those that are about to go."""
    names = _visible(definition).names
    if operation != "delete":
        return rows.select(names)
    row_id = definition.options["row_id"]
    return _rows_of(mount, table, names, row_id, rows.column(row_id), ctx)


def _rows_of(mount: Mount, table: str, names: list[str], row_id: str, ids: pa.Array, ctx: Context) -> pa.Table:
    """The rows with some row ids, by a scan of the table."""
    columns = check_columns(mount.definition(table, ctx).columns, f"table '{table}'")
    place = columns.get_field_index(row_id)
    pushed = PushedFilters(columns)
    pushed.current = Filters([Predicate("row ids", In(Column(row_id, place, columns.field(place).type), ids))])
    wanted = pa.schema([*(columns.field(name) for name in names), columns.field(place)])
    scan = Scan(columns, wanted, pushed)
    found = mount.table(table, ctx.scanning(scan))
    assert found is not None
    batches = [batch.data for batch in dataclasses.replace(found, context=ctx.scanning(scan)).bound.scan(scan)]
    return pa.Table.from_batches(batches, wanted).select(names)
