"""What a call gives back: rows that arrive batch by batch."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from types import TracebackType
from typing import Any

import pyarrow as pa

from ..rpc.errors import ProtocolError


class Batches(Iterator[pa.RecordBatch]):
    """Rows, as an iterator of batches. They are fetched while it runs, and once.

    Anything that takes Arrow streams takes this: ``pyarrow.table``, ``polars.DataFrame``, DuckDB.

    Attributes:
        schema: of every batch.
    """

    def __init__(self, schema: pa.Schema, batches: Generator[pa.RecordBatch, None, None]):
        self.schema = schema
        self._batches = batches

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> pa.RecordBatch:
        return next(self._batches)

    def __enter__(self) -> Batches:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it early: the worker is told to stop."""
        self._batches.close()

    def read_all(self) -> pa.Table:
        """All rows that are left."""
        return pa.Table.from_batches(self._batches, self.schema)

    def to_reader(self) -> pa.RecordBatchReader:
        """The same as an Arrow reader."""
        return pa.RecordBatchReader.from_batches(self.schema, self)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.to_reader().__arrow_c_stream__(requested_schema)


def checked(batch: pa.RecordBatch, expected: pa.Schema, what: str) -> pa.RecordBatch:
    """``batch`` with exactly the schema ``expected``.

    Raises:
        ProtocolError: its columns are others.
    """
    found = batch.schema
    if found.names != expected.names or found.types != expected.types:
        raise ProtocolError(f"{what} sent columns ({shown(found)}) in place of ({shown(expected)})")
    return pa.RecordBatch.from_arrays(batch.columns, schema=expected) if batch.num_columns else batch


def shown(schema: pa.Schema) -> str:
    """Columns for an error message."""
    from ..types.names import sql_name

    return ", ".join(f"{field.name} {sql_name(field.type)}" for field in schema)


def first(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """The first ``rows`` rows; no further batch is asked for than is needed."""
    if rows <= 0:
        return
    for batch in batches:
        yield batch.slice(0, rows)
        rows -= batch.num_rows
        if rows <= 0:
            return
