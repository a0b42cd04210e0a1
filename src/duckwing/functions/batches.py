"""What a table function yields, as Arrow batches of its declared columns."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from ..errors import OutputError
from ..rpc.framing import empty_batch
from ..scans.partitions import partition_columns
from ..types.convert import to_duckdb
from ..types.forms import has_union
from ..types.values import from_values
from .libraries import frame_columns, result_array

MAX_BATCH_BYTES = 4 << 20
"""Larger batches are sent in pieces: beyond this, both sides only pay with memory."""

ROWS_PER_BATCH = 2048
"""Single rows are collected to this many, DuckDB's own vector size, at most."""

MAX_ROW_DELAY = 0.1
"""Seconds. A source that lets us wait longer for a row is slow: its rows are sent as they come."""


def to_batches(result: Any, schema: pa.Schema, what: str, wanted: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
    """The batches of what a table function returned or yields.

    A dict, RecordBatch, Table or data frame is a batch of columns; a tuple, NamedTuple or
    dataclass is one row.

    Args:
        result: an iterable of such things, or one table.
        schema: the declared columns.
        what: names the function in error messages.
        wanted: those of them that the batches need; None: all. Batches of columns may leave out the others.

    Raises:
        OutputError: something that is yielded has no such form, or other columns.
    """
    wanted = schema if wanted is None else wanted
    rows: list[Sequence[Any]] = []
    enough = 1  # the first row goes out at once, then more and more wait for each other
    started = time.monotonic()
    for item in _items(result, what):
        columns = columns_of(item, schema, what, wanted)
        if columns is None:
            rows.append(row_of(item, schema, what))
            late = time.monotonic() - started > MAX_ROW_DELAY
            if len(rows) < enough and not late:
                continue
            enough = 1 if late else min(2 * enough, ROWS_PER_BATCH)
        if rows:
            yield from _pieces(rows_batch(rows, schema, what, wanted))
            rows = []
        if columns is not None:
            yield from _pieces(columns)
        started = time.monotonic()
    if rows:
        yield from _pieces(rows_batch(rows, schema, what, wanted))


def _items(result: Any, what: str) -> Iterable[Any]:
    one_table = isinstance(result, (Mapping, pa.RecordBatch, pa.Table)) or hasattr(result, "__arrow_c_stream__")
    if one_table and not isinstance(result, pa.RecordBatchReader):
        return [result]
    if isinstance(result, (str, bytes)) or not isinstance(result, Iterable):
        raise OutputError(f"{what} must yield rows or batches, or return a table; it returned {_shown(result)}")
    items: Iterable[Any] = result
    return items


def columns_of(
    item: Any, schema: pa.Schema, what: str, wanted: pa.Schema | None = None
) -> pa.RecordBatch | pa.Table | None:
    """``item`` with exactly the declared columns, or those of them that are wanted; None if it is a row."""
    wanted = schema if wanted is None else wanted
    if isinstance(item, Mapping):
        return _from_mapping(item, schema, what, wanted)
    if not isinstance(item, (pa.RecordBatch, pa.Table)):
        frame = frame_columns(item, what)
        if frame is not None:
            return _from_mapping(frame, schema, what, wanted)
        if not hasattr(item, "__arrow_c_stream__"):
            return None
        try:
            item = pa.table(item)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise OutputError(f"{what} yields {_shown(item)}, which is no table ({error}); expected columns") from None
    if item.schema.equals(wanted):
        return item
    _check_names(item.schema.names, schema, what, wanted)
    arrays = [_array(item.column(field.name), field, what) for field in wanted]
    if isinstance(item, pa.Table):
        return pa.Table.from_arrays(arrays, schema=wanted)
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)


def _from_mapping(
    item: Mapping[str, Any], schema: pa.Schema, what: str, wanted: pa.Schema
) -> pa.RecordBatch | pa.Table:
    _check_names(list(item), schema, what, wanted)
    arrays = [_array(item[field.name], field, what) for field in wanted]
    if len({len(array) for array in arrays}) > 1:
        lengths = ", ".join(f"'{f.name}' {len(a)}" for f, a in zip(wanted, arrays, strict=True))
        raise OutputError(f"{what} yields columns of different lengths: {lengths}")
    if any(isinstance(array, pa.ChunkedArray) for array in arrays):
        return pa.Table.from_arrays(arrays, schema=wanted)
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)


def _array(column: Any, field: pa.Field, what: str) -> pa.Array:
    what = f"column '{field.name}' of {what}"
    if isinstance(column, pa.ChunkedArray):
        if column.type.equals(field.type):
            return column
        return pa.chunked_array([to_duckdb(chunk, field.type, what) for chunk in column.chunks], field.type)
    if isinstance(column, pa.Array):
        return to_duckdb(column, field.type, what)
    if isinstance(column, (str, bytes)) or not isinstance(column, Iterable):
        raise OutputError(f"{what} must be a list or an array, got {_shown(column)}; to yield one row, yield a tuple")
    if hasattr(column, "__array__") or hasattr(column, "__arrow_array__"):
        return result_array(column, field.type, what)
    return from_values(list(column), field.type, what)


def _check_names(names: list[str], schema: pa.Schema, what: str, wanted: pa.Schema) -> None:
    if names == wanted.names:
        return
    missing = [name for name in wanted.names if name not in names]
    unknown = [name for name in names if name not in schema.names]
    if not missing and not unknown and len(set(names)) == len(names):
        return
    problems = []
    if missing:
        problems.append(f"without the column{'s' * (len(missing) > 1)} {', '.join(map(repr, missing))}")
    partitions = [field.name for field in partition_columns(schema) if field.name in missing]
    if partitions:
        shown = ", ".join(map(repr, partitions))
        problems.append(f"{shown} is partition-annotated but absent from emitted batch")
    if unknown:
        problems.append(f"with the undeclared column{'s' * (len(unknown) > 1)} {', '.join(map(repr, unknown))}")
    raise OutputError(f"{what} yields a batch {' and '.join(problems) or f'with repeated columns {list(names)}'}")


def row_of(item: Any, schema: pa.Schema, what: str) -> Sequence[Any]:
    """``item`` as the values of one row.

    Raises:
        OutputError: it is no row of these columns.
    """
    if isinstance(item, tuple):
        row: Sequence[Any] = item
    elif dataclasses.is_dataclass(item) and not isinstance(item, type):
        try:
            row = [getattr(item, name) for name in schema.names]
        except AttributeError as error:
            raise OutputError(f"{what} yields a row without a declared column: {error}") from None
    else:
        hint = " For a row of one column, yield a tuple: (value,)" if len(schema.names) == 1 else ""
        raise OutputError(f"{what} yields {_shown(item)}; expected a tuple, a dict of columns or an Arrow batch.{hint}")
    if len(row) != len(schema.names):
        raise OutputError(
            f"{what} yields a row of {len(row)} values for {len(schema.names)} columns ({', '.join(schema.names)})"
        )
    return row


def rows_batch(
    rows: list[Sequence[Any]], schema: pa.Schema, what: str, wanted: pa.Schema | None = None
) -> pa.RecordBatch:
    """A batch of rows, which have a value for each column; of the columns that are wanted.

    Raises:
        OutputError: a value does not fit its column.
    """
    wanted = schema if wanted is None else wanted
    columns = dict(zip(schema.names, zip(*rows, strict=True), strict=True))
    arrays = [from_values(columns[field.name], field.type, f"column '{field.name}' of {what}") for field in wanted]
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)


def _pieces(data: pa.RecordBatch | pa.Table) -> Iterator[pa.RecordBatch]:
    """``data`` in batches of a size that is worth a message; one without rows shows that the function is at work."""
    if data.num_rows == 0:
        yield empty_batch(data.schema)
        return
    rows = data.num_rows
    # The buffers may be those of a larger whole, of which this is a part: only then it is worth to look closer.
    if data.get_total_buffer_size() > MAX_BATCH_BYTES and (size := _size(data)) > MAX_BATCH_BYTES:
        rows = max(1, data.num_rows * MAX_BATCH_BYTES // size)
        rows = max(ROWS_PER_BATCH, rows - rows % ROWS_PER_BATCH) if rows > ROWS_PER_BATCH else rows
    if isinstance(data, pa.Table):
        yield from data.to_batches(max_chunksize=rows)
    elif rows == data.num_rows:
        yield data
    else:
        for start in range(0, data.num_rows, rows):
            yield data.slice(start, rows)


def _size(data: pa.RecordBatch | pa.Table) -> int:
    """Bytes, about. (Not always ``nbytes``: it ends the process where a union that was read is empty.)"""
    if not any(has_union(field.type) for field in data.schema):
        size: int = data.nbytes
        return size
    batches = data.to_batches() if isinstance(data, pa.Table) else [data]
    return sum(pa.ipc.get_record_batch_size(batch) for batch in batches)


def _shown(value: Any) -> str:
    text = f"{type(value).__name__} {value!r}"
    return text if len(text) <= 80 else text[:77] + "..."


def one_batch(result: Any, schema: pa.Schema, what: str, wanted: pa.Schema | None = None) -> pa.RecordBatch:
    """All that a function returned or yields, as one batch of exactly the declared columns.

    Args:
        result: as for :func:`to_batches`.
        schema: the declared columns.
        what: names the function in error messages.
        wanted: those of them that the batch has; None: all.

    Raises:
        OutputError: something that is yielded has no such form, or other columns.
    """
    batches = list(to_batches(result, schema, what, wanted))
    if len(batches) == 1:
        return batches[0]
    if not batches:
        return empty_batch(schema if wanted is None else wanted)
    return pa.concat_batches(batches)
