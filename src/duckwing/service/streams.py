"""The streams of functions without rows as input, and of scalars (spec 05, sections 5.4 to 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from ..rpc.framing import Batch

if TYPE_CHECKING:
    from ..functions.scalar import BoundScalar
    from ..protocol.calls import GlobalInitResponse


class ScalarStream:
    """The exchange of a scalar function: a batch of arguments, a batch of results."""

    def __init__(self, bound: BoundScalar, columns: pa.Schema, output: pa.Schema, header: GlobalInitResponse):
        self.header = header
        self.input_schema = columns
        self.output_schema = output
        self._bound = bound

    def turn(self, batch: Batch) -> Batch | None:
        """The results for one batch of arguments."""
        return Batch(pa.RecordBatch.from_arrays([self._bound(batch.data)], schema=self.output_schema))

    def close(self) -> None:
        """A scalar function holds nothing open."""


class TableStream:
    """A producer: a batch of rows for each tick.

    Args:
        batches: closed with the stream, if it can be.
        columns: of the batches.
        header: opens the answer.
        on_close: called when the stream has been closed.
    """

    def __init__(
        self,
        batches: Iterator[pa.RecordBatch],
        columns: pa.Schema,
        header: GlobalInitResponse,
        on_close: Callable[[], None] | None = None,
    ):
        self.header = header
        self.input_schema = None
        self.output_schema = columns
        self._batches = batches
        self._on_close = on_close

    def turn(self, batch: Batch) -> Batch | None:
        """The next batch of rows, None after the last."""
        rows = next(self._batches, None)
        return None if rows is None else Batch(rows)

    def close(self) -> None:
        """End the author's generator, so that its ``finally`` runs."""
        close = getattr(self._batches, "close", None)
        if close is not None:
            close()
        if self._on_close is not None:
            self._on_close()
