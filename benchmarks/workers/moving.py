"""Batches that are made once and moved often, and a scalar that only computes; for the case ``transports``.

With the word ``prefilled`` on the command line, what lies in shared memory already is not written again.
"""

import sys
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

import duckwing as dw
from duckwing.transports.shm import Segment
from duckwing.types import BIGINT, BLOB

COLUMNS = 8
ROWS = 65_536

VALUES = 64
VALUE_BYTES = 60_000

moving = dw.Catalog("moving")

_batch = pa.record_batch({f"c{i}": np.arange(ROWS, dtype=np.int64) + i for i in range(COLUMNS)})
_values = pa.record_batch({"value": pa.array([bytes(VALUE_BYTES)] * VALUES, pa.binary())})


@moving.table_function(columns=dict.fromkeys(_batch.schema.names, BIGINT))
def wide(batches: int) -> Iterator[pa.RecordBatch]:
    """The same batch again and again."""
    for _ in range(batches):
        yield _batch


@moving.table_function(columns={"value": BLOB})
def large(batches: int) -> Iterator[pa.RecordBatch]:
    """Values that DuckDB need not look at: what is left is moving them."""
    for _ in range(batches):
        yield _values


def steps_to_1(n: int) -> int:
    """Nothing but Python."""
    steps = 0
    while n > 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


moving.scalar(name="collatz")(steps_to_1)


@moving.scalar
def same(n: int) -> int:
    return n


class _Prefilled(Segment):
    """A segment whose places are written when they are first taken."""

    def __init__(self, name: str, size: int):
        super().__init__(name, size)
        self._written: set[tuple[int, int]] = set()

    def put(self, batch: pa.RecordBatch) -> tuple[int, int] | None:
        length = max((length for _, length in self._written), default=0)
        offset = self._allocate(length) if length else None
        if offset is not None and (offset, length) in self._written:
            return offset, length
        if offset is not None:
            self._free(offset)
        place = super().put(batch)
        if place is not None:
            self._written.add(place)
        return place


if "prefilled" in sys.argv:
    import duckwing.transports.shm

    duckwing.transports.shm.Segment = _Prefilled  # type: ignore[misc]
