"""The streams of functions without rows as input, and of scalars (spec 05, sections 5.4 to 7)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Mapping
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
        cache = bound.function.cache
        self._tags = {} if cache is None else cache.row_tags()

    def turn(self, batch: Batch) -> Batch | None:
        """The results for one batch of arguments."""
        return Batch(pa.RecordBatch.from_arrays([self._bound(batch.data)], schema=self.output_schema), self._tags)

    def save(self) -> bytes:
        """Nothing: each batch stands for itself."""
        return b""

    def load(self, state: bytes) -> None:
        """Go on."""

    def close(self) -> None:
        """A scalar function holds nothing open."""


class TableStream:
    """A producer: a batch of rows for each tick.

    Args:
        batches: closed with the stream, if it can be.
        columns: of the batches.
        header: opens the answer.
        on_tick: called with the metadata of a tick that has some.
        on_close: called when the stream has been closed.
        lockstep: ticks tighten its conditions.
    """

    def __init__(
        self,
        batches: Iterator[Batch],
        columns: pa.Schema,
        header: GlobalInitResponse,
        on_tick: Callable[[Mapping[bytes, bytes]], None] | None = None,
        on_close: Callable[[], None] | None = None,
        *,
        lockstep: bool = False,
    ):
        self.header = header
        self.input_schema = None
        self.output_schema = columns
        self.lockstep = lockstep
        self._batches = batches
        self._on_tick = on_tick
        self._on_close = on_close

    def turn(self, batch: Batch) -> Batch | None:
        """The next batch of rows, None after the last."""
        if batch.metadata and self._on_tick is not None:
            self._on_tick(batch.metadata)
        return next(self._batches, None)

    def close(self) -> None:
        """End the author's generator, so that its ``finally`` runs."""
        close = getattr(self._batches, "close", None)
        if close is not None:
            close()
        if self._on_close is not None:
            self._on_close()


def plain(batches: Generator[pa.RecordBatch]) -> Iterator[Batch]:
    """``batches`` as messages without metadata; closing one closes the other."""
    with contextlib.closing(batches):
        for rows in batches:
            yield Batch(rows)
