"""What callers pass, as columns and batches of the types that a function declares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from ..errors import ArgumentError, OutputError
from ..functions.nulls import take
from ..types.forms import SAME_TYPE, fits
from ..types.names import sql_name
from ..types.values import from_values

VECTOR_SIZE = 2048
"""Rows of the largest batch that is sent, as DuckDB does it."""


def is_column(value: object) -> bool:
    """Whether ``value`` is a column rather than one value: a list, a tuple, or an array of any library."""
    if isinstance(value, (list, tuple, pa.Array, pa.ChunkedArray)):
        return True
    if hasattr(value, "__arrow_c_array__") or hasattr(value, "__arrow_c_stream__"):
        return True
    return hasattr(value, "__array__") and getattr(value, "ndim", 1) > 0  # scalars of numpy are arrays, too


def as_array(column: Any) -> pa.Array:
    """An array of any library as one of Arrow."""
    if isinstance(column, pa.Array):
        return column
    if not isinstance(column, pa.ChunkedArray):
        column = pa.chunked_array(column) if hasattr(column, "__arrow_c_stream__") else pa.array(column)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def typed(values: Sequence[Any], type: pa.DataType | None, what: str) -> pa.Array:
    """Python values as an array.

    Args:
        values: the values, None for NULL.
        type: the declared type; None or ANY: that of the values.
        what: names them in error messages.

    Raises:
        ArgumentError: one does not fit.
    """
    if type is None or pa.types.is_null(type):
        try:
            return pa.array(values)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise ArgumentError(f"{what}: give an Arrow array of the type that you mean: {error}") from None
    try:
        return from_values([v.as_py() if isinstance(v, pa.Scalar) else v for v in values], type, what)
    except OutputError as error:
        raise ArgumentError(str(error)) from None


def one_value(value: Any, type: pa.DataType | None, what: str) -> pa.Array:
    """A single value as an array of one: a Python value, or an Arrow scalar where the type matters.

    Raises:
        ArgumentError: it is not of the declared type.
    """
    if isinstance(value, pa.ExtensionScalar):
        return cast(pa.ExtensionArray.from_storage(value.type, pa.repeat(value.value, 1)), type, what)
    return cast(pa.repeat(value, 1), type, what) if isinstance(value, pa.Scalar) else typed([value], type, what)


def cast(column: pa.Array, type: pa.DataType | None, what: str) -> pa.Array:
    """``column`` as the declared type, as DuckDB casts arguments, but never with a loss.

    Raises:
        ArgumentError: a value does not fit.
    """
    if type is None or _has_any(type) or fits(column.type, type) >= SAME_TYPE:
        return column
    try:
        return column.cast(type)
    except (pa.ArrowException, TypeError, ValueError) as error:
        first = str(error).split("\n", 1)[0]
        raise ArgumentError(f"{what} must be {sql_name(type)}, got {sql_name(column.type)}: {first}") from None


def columns(pairs: Sequence[tuple[pa.Field, Any]], what: str, rows: int | None = None) -> list[pa.Array]:
    """The column arguments of a call, of equal length; a single value stands for a column of it, as a literal in SQL.

    Args:
        pairs: the declared parameter and what is passed for it.
        what: names the function in error messages.
        rows: their number; None: that of the columns, or one if there are none.

    Raises:
        ArgumentError: the columns differ in length, or a value does not fit.
    """
    lengths: dict[str, int] = {} if rows is None else {"groups": rows}
    arrays: list[pa.Array | None] = []
    for field, value in pairs:
        named = f"{what}: argument '{field.name}'"
        array = None
        if isinstance(value, (list, tuple)):
            array = typed(value, field.type, named)
        elif is_column(value):
            array = cast(as_array(value), field.type, named)
        if array is not None:
            lengths[field.name] = len(array)
        arrays.append(array)
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length} rows" for name, length in lengths.items())
        raise ArgumentError(f"{what}: its columns differ in length: {told}")
    count = next(iter(lengths.values()), 1)
    nothing = pa.array([0] * count, pa.int32())
    return [
        take(one_value(value, field.type, f"{what}: argument '{field.name}'"), nothing) if array is None else array
        for array, (field, value) in zip(arrays, pairs, strict=True)
    ]


def table_batches(value: Any, what: str) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """A table's schema, and its rows in batches of at most 2,048 rows; what comes as a stream is not collected.

    Args:
        value: anything of which Arrow makes a table: one of it or of another library, a dict of lists, a reader.
        what: names the function in error messages.

    Raises:
        ArgumentError: Arrow makes none of it.
    """
    try:
        if isinstance(value, pa.RecordBatch):
            value = pa.Table.from_batches([value])
        if isinstance(value, pa.Table):
            reader = value.to_reader()
        elif isinstance(value, pa.RecordBatchReader):
            reader = value
        elif hasattr(value, "__arrow_c_stream__"):
            reader = pa.RecordBatchReader.from_stream(value)
        else:
            reader = pa.table(value).to_reader()
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise ArgumentError(f"{what} takes a table, such as pyarrow.table({{'a': [1, 2]}}): {error}") from None
    return reader.schema, slices(reader)


def slices(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """``batches`` cut to at most 2,048 rows each; empty ones are left out."""
    for batch in batches:
        for start in range(0, batch.num_rows, VECTOR_SIZE):
            yield batch.slice(start, VECTOR_SIZE)


def _has_any(type: pa.DataType) -> bool:
    return pa.types.is_null(type) or any(_has_any(type.field(i).type) for i in range(type.num_fields))
