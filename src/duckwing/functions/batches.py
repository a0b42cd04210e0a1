"""What a table function yields, as Arrow batches of its declared columns."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from ..errors import OutputError
from ..types.convert import to_duckdb
from ..types.names import sql_name
from ..types.values import from_values

MAX_BATCH_BYTES = 4 << 20
"""Larger batches are sent in pieces: beyond this, both sides only pay with memory."""

ROWS_PER_BATCH = 2048
"""Single rows are collected to this many, DuckDB's own vector size, at most."""

MAX_ROW_DELAY = 0.1
"""Seconds. A source that lets us wait longer for a row is slow: its rows are sent as they come."""


def to_batches(result: Any, schema: pa.Schema, what: str) -> Iterator[pa.RecordBatch]:
    """The batches of what a table function returned or yields.

    A dict, RecordBatch, Table or data frame is a batch of columns; a tuple, NamedTuple or
    dataclass is one row.

    Args:
        result: an iterable of such things, or one table.
        schema: the declared columns.
        what: names the function in error messages.

    Raises:
        OutputError: something that is yielded has no such form, or other columns.
    """
    rows: list[Sequence[Any]] = []
    enough = 1  # the first row goes out at once, then more and more wait for each other
    started = time.monotonic()
    for item in _items(result, what):
        columns = _columns(item, schema, what)
        if columns is None:
            rows.append(_row(item, schema, what))
            late = time.monotonic() - started > MAX_ROW_DELAY
            if len(rows) < enough and not late:
                continue
            enough = 1 if late else min(2 * enough, ROWS_PER_BATCH)
        if rows:
            yield from _pieces(_rows_batch(rows, schema, what))
            rows = []
        if columns is not None:
            yield from _pieces(columns)
        started = time.monotonic()
    if rows:
        yield from _pieces(_rows_batch(rows, schema, what))


def _items(result: Any, what: str) -> Iterable[Any]:
    one_table = isinstance(result, (Mapping, pa.RecordBatch, pa.Table)) or hasattr(result, "__arrow_c_stream__")
    if one_table and not isinstance(result, pa.RecordBatchReader):
        return [result]
    if isinstance(result, (str, bytes)) or not isinstance(result, Iterable):
        raise OutputError(f"{what} must yield rows or batches, or return a table; it returned {_shown(result)}")
    items: Iterable[Any] = result
    return items


def _columns(item: Any, schema: pa.Schema, what: str) -> pa.RecordBatch | pa.Table | None:
    """``item`` with exactly the declared columns, None if it is a row."""
    if isinstance(item, Mapping):
        return _from_mapping(item, schema, what)
    if not isinstance(item, (pa.RecordBatch, pa.Table)):
        if not hasattr(item, "__arrow_c_stream__"):
            return None
        item = pa.table(item)
    if item.schema.equals(schema):
        return item
    _check_names(item.schema.names, schema, what)
    arrays = [_array(item.column(field.name), field, what) for field in schema]
    if isinstance(item, pa.Table):
        return pa.Table.from_arrays(arrays, schema=schema)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _from_mapping(item: Mapping[str, Any], schema: pa.Schema, what: str) -> pa.RecordBatch | pa.Table:
    _check_names(list(item), schema, what)
    arrays = [_array(item[field.name], field, what) for field in schema]
    if len({len(array) for array in arrays}) > 1:
        lengths = ", ".join(f"'{f.name}' {len(a)}" for f, a in zip(schema, arrays, strict=True))
        raise OutputError(f"{what} yields columns of different lengths: {lengths}")
    if any(isinstance(array, pa.ChunkedArray) for array in arrays):
        return pa.Table.from_arrays(arrays, schema=schema)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


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
    if _is_typed(column):
        try:
            return to_duckdb(pa.array(column), field.type, what)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise OutputError(f"{what} must be {sql_name(field.type)}: {error}") from None
    return from_values(list(column), field.type, what)


def _is_typed(column: Any) -> bool:
    """Whether ``column`` is an array that knows the type of its values, such as one of numpy."""
    objects = getattr(getattr(column, "dtype", None), "kind", "") == "O"
    return hasattr(column, "__arrow_array__") or (hasattr(column, "__array__") and not objects)


def _check_names(names: Sequence[str], schema: pa.Schema, what: str) -> None:
    if sorted(names) == sorted(schema.names):
        return
    missing = [name for name in schema.names if name not in names]
    unknown = [name for name in names if name not in schema.names]
    problems = []
    if missing:
        problems.append(f"without the column{'s' * (len(missing) > 1)} {', '.join(map(repr, missing))}")
    if unknown:
        problems.append(f"with the undeclared column{'s' * (len(unknown) > 1)} {', '.join(map(repr, unknown))}")
    raise OutputError(f"{what} yields a batch {' and '.join(problems) or f'with repeated columns {list(names)}'}")


def _row(item: Any, schema: pa.Schema, what: str) -> Sequence[Any]:
    if isinstance(item, tuple):
        row: Sequence[Any] = item
    elif dataclasses.is_dataclass(item) and not isinstance(item, type):
        try:
            row = [getattr(item, name) for name in schema.names]
        except AttributeError as error:
            raise OutputError(f"{what} yields a row without a declared column: {error}") from None
    else:
        hint = " for a row of one column, yield a tuple: (value,)" if len(schema.names) == 1 else ""
        raise OutputError(f"{what} yields {_shown(item)}; expected a tuple, a dict of columns or an Arrow batch.{hint}")
    if len(row) != len(schema.names):
        raise OutputError(
            f"{what} yields a row of {len(row)} values for {len(schema.names)} columns ({', '.join(schema.names)})"
        )
    return row


def _rows_batch(rows: list[Sequence[Any]], schema: pa.Schema, what: str) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    arrays = [
        from_values(values, field.type, f"column '{field.name}' of {what}")
        for field, values in zip(schema, columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _pieces(data: pa.RecordBatch | pa.Table) -> Iterator[pa.RecordBatch]:
    """``data`` in batches of a size that is worth a message."""
    if data.num_rows == 0:
        return
    size = data.nbytes
    rows = data.num_rows
    if size > MAX_BATCH_BYTES:
        rows = max(1, data.num_rows * MAX_BATCH_BYTES // size)
        rows = max(ROWS_PER_BATCH, rows - rows % ROWS_PER_BATCH) if rows > ROWS_PER_BATCH else rows
    if isinstance(data, pa.Table):
        yield from data.to_batches(max_chunksize=rows)
    else:
        for start in range(0, data.num_rows, rows):
            yield data.slice(start, rows)


def _shown(value: Any) -> str:
    text = f"{type(value).__name__} {value!r}"
    return text if len(text) <= 80 else text[:77] + "..."
