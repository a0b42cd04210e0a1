"""Changes of rows: INSERT, UPDATE, DELETE (spec 04, section 10)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import pyarrow as pa

from ..errors import ArgumentError, CatalogError
from ..filters.build import Condition, find_column
from ..functions.nulls import take
from ..protocol import metadata
from ..protocol.calls import CallType
from ..protocol.listing import ObjectType
from ..protocol.shared import ObjectParams
from ..protocol.tables import (
    CATALOG_TABLE_DELETE_FUNCTION_GET,
    CATALOG_TABLE_INSERT_FUNCTION_GET,
    CATALOG_TABLE_UPDATE_FUNCTION_GET,
    ScanFunctionResult,
    TableInsertFunctionParams,
)
from ..rpc.codec import encode_batch
from ..rpc.errors import ProtocolError
from .arguments import encode_arguments
from .batches import shown
from .exchanges import exchanged
from .inputs import cast, columns, one_value, slices, table_batches
from .session import Session
from .tables import TableReader, is_row_id, source_arguments

Operation = Literal["insert", "update", "delete"]
OnConflict = Literal["throw", "nothing"]

_COUNT = pa.schema([pa.field("count", pa.int64(), nullable=False)])

_OPTIONS = pa.schema(
    [
        pa.field("result_mode", pa.utf8(), nullable=False),
        pa.field("on_conflict", pa.utf8()),
        pa.field("on_conflict_columns", pa.list_(pa.utf8())),
    ]
)


def insert(
    session: Session, table: TableReader, rows: Any, returning: bool, on_conflict: OnConflict, key: Sequence[str]
) -> int | pa.Table:
    """Add rows; columns that they do not have become NULL."""
    target = pa.schema([field for field in table.info.columns if not is_row_id(field)])
    given, batches = table_batches(rows, f"table '{table.info.name}'")
    for field in given:
        find_column(target, field.name)
    for field in target:
        if field.name not in given.names and metadata.COLUMN_DEFAULT in (field.metadata or {}):
            raise ArgumentError(
                f"column '{field.name}' of table '{table.info.name}' has a default, which only SQL computes; give its "
                "values"
            )
    return _write(session, table, "insert", target, _aligned(batches, target), returning, on_conflict, key)


def update(
    session: Session, table: TableReader, values: Mapping[str, Any], where: Condition | None, returning: bool
) -> int | pa.Table:
    """Set columns to constants in the rows that meet a condition."""
    stored = table.stored
    constants = {
        stored.names[find_column(stored, name)]: one_value(
            value, stored.field(find_column(stored, name)).type, f"column '{name}'"
        )
        for name, value in values.items()
    }
    # Who wants the rows back needs the columns that stay the same, too (spec 04, section 10.2).
    others = [n for n in table.columns.names if n not in constants] if returning else []
    found = table.scan(columns=[*others, table.row_id], where=where).read_all()
    arrays = [take(value, pa.array([0] * found.num_rows, pa.int32())) for value in constants.values()]
    rows = pa.Table.from_arrays([*arrays, *found.columns], names=[*constants, *found.column_names])
    return update_rows(session, table, rows, returning)


def update_rows(session: Session, table: TableReader, rows: Any, returning: bool) -> int | pa.Table:
    """Set columns of rows that are told by their row ids."""
    given, batches = table_batches(rows, f"table '{table.info.name}'")
    row_id = table.row_id
    if row_id not in given.names:
        raise ArgumentError(f"an update needs the row ids, column '{row_id}'; got ({shown(given)})")
    assigned = [table.stored.field(find_column(table.stored, name)) for name in given.names if name != row_id]
    if not assigned:
        raise ArgumentError(f"an update of table '{table.info.name}' sets at least one column")
    target = pa.schema([*assigned, table.stored.field(row_id)])
    return _write(session, table, "update", target, _aligned(batches, target), returning)


def delete(session: Session, table: TableReader, where: Condition | None, returning: bool) -> int | pa.Table:
    """Remove the rows that meet a condition."""
    found = table.scan(columns=[table.row_id], where=where).read_all()
    return delete_rows(session, table, found.column(0), returning)


def delete_rows(session: Session, table: TableReader, row_ids: Any, returning: bool) -> int | pa.Table:
    """Remove rows that are told by their row ids."""
    field = table.stored.field(table.row_id)
    [column] = columns([(field, row_ids)], f"DELETE on table '{table.info.name}'")
    target = pa.schema([field])
    batches = slices([pa.RecordBatch.from_arrays([column], schema=target)])
    return _write(session, table, "delete", target, batches, returning)


def _write(
    session: Session,
    table: TableReader,
    operation: Operation,
    target: pa.Schema,
    batches: Iterator[pa.RecordBatch],
    returning: bool,
    on_conflict: OnConflict = "throw",
    key: Sequence[str] = (),
) -> int | pa.Table:
    allowed = dict(table.info.write_result_modes).get(operation)
    if allowed is None:
        raise CatalogError(f"table '{table.info.name}' does not support {operation.upper()}")
    if returning and allowed == "count":
        raise CatalogError(f"table '{table.info.name}' does not give the rows of {operation.upper()} back")
    source = _function(session, table, operation)
    schema = source.schema_path[0] if source.schema_path else table.info.schema_path[0]
    listed = session.signatures(source.function_name, ObjectType.TABLE_FUNCTION, schema)
    options = pa.RecordBatch.from_pylist(
        [
            {
                "result_mode": "rows" if returning else "count",
                "on_conflict": on_conflict,
                "on_conflict_columns": list(key),
            }
        ],
        schema=_OPTIONS,
    )
    positional, named = source_arguments(source)
    request = session.request(
        source.function_name,
        CallType.TABLE,
        schema,
        arguments=encode_arguments(positional, {**named, "write_options": encode_batch(options)}),
        input_schema=target,
    )
    info = listed[0].info if listed else None
    start = session.bind(request, () if info is None else info.required_secrets)
    what = f"{operation.upper()} on table '{table.info.name}'"
    expected = pa.schema([f for f in table.info.columns if not is_row_id(f)]) if returning else _COUNT
    found = start.output_schema
    if found.names != expected.names or found.types != expected.types:
        raise ProtocolError(f"{what} gives ({shown(found)}) in place of ({shown(expected)})")
    answers = exchanged(session, start, target, batches, what, info is not None and info.has_finalize)
    if returning:
        return pa.Table.from_batches(answers, found)
    return sum(count for batch in answers for count in batch.column(0).to_pylist())


def _function(session: Session, table: TableReader, operation: Operation) -> ScanFunctionResult:
    info = table.info
    inlined = {"insert": info.insert_function, "update": info.update_function, "delete": info.delete_function}
    known = inlined[operation]
    if known is not None:
        return known
    place = (session.attachment, info.schema_path, info.name, session.transaction)
    if operation == "insert":
        return session.rpc.call(CATALOG_TABLE_INSERT_FUNCTION_GET, TableInsertFunctionParams(*place))
    method = CATALOG_TABLE_UPDATE_FUNCTION_GET if operation == "update" else CATALOG_TABLE_DELETE_FUNCTION_GET
    return session.rpc.call(method, ObjectParams(*place))


def _aligned(batches: Iterable[pa.RecordBatch], target: pa.Schema) -> Iterator[pa.RecordBatch]:
    """``batches`` with exactly the columns of ``target``; what is missing is NULL."""
    for batch in batches:
        by_name = {name.casefold(): column for name, column in zip(batch.schema.names, batch.columns, strict=True)}
        arrays = [
            cast(by_name[field.name.casefold()], field.type, f"column '{field.name}'")
            if field.name.casefold() in by_name
            else pa.nulls(batch.num_rows, field.type)
            for field in target
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=target)
