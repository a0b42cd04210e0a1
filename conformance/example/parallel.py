"""Scans in parts, which all threads and processes read at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR

from .catalog import example, plain
from .counting import Count, Size, exact, integers, ranges
from .echo import echo

Part = tuple[int, int]
"""A half-open range of rows."""


def shares(count: int) -> list[Part]:
    """The rows in 24 parts of about the same size."""
    return list(ranges(count, max(1, -(-count // 24))))


def pieces(part: Part, size: int) -> Iterator[Part]:
    """A part in pieces of ``size`` rows."""
    start, stop = part
    return ((first, min(first + size, stop)) for first in range(start, stop, size))


@plain(columns={"n": BIGINT}, cardinality=exact)
class partitioned_sequence:  # noqa: N801
    """Generates a partitioned sequence for multi-worker execution"""

    def __init__(self, count: Count, *, increment: Size = 1) -> None:
        self.count, self.increment = count, increment

    def plan(self) -> list[Part]:
        return shares(self.count)

    def scan(self, part: Part) -> Iterator[dict[str, Any]]:
        for start, stop in pieces(part, 1000):
            yield {"n": np.arange(start, stop, dtype=np.int64) * self.increment}


@example.table_function(columns={"n": BIGINT, "worker_pid": BIGINT, "pushed_filters": VARCHAR}, cardinality=exact)
class filter_echo_partitioned:  # noqa: N801
    """Multi-worker partitioned sequence that echoes pushed-down filters"""

    def __init__(self, count: Count, *, ctx: dw.Context) -> None:
        self.count, self.ctx = count, ctx

    def plan(self) -> list[Part]:
        return shares(self.count)

    def scan(self, part: Part) -> Iterator[dict[str, Any]]:
        text = echo(self.ctx.filters)
        for start, stop in pieces(part, 1000):
            rows = stop - start
            yield {"n": integers(start, stop), "worker_pid": [os.getpid()] * rows, "pushed_filters": [text] * rows}


class Thousands:
    """Parts of a thousand rows, one batch each."""

    def __init__(self, count: Count) -> None:
        self.count = count

    def plan(self) -> list[Part]:
        return list(ranges(self.count, 1000))

    def scan(self, part: Part) -> Iterator[dict[str, pa.Array]]:
        yield {"n": integers(*part)}


@plain(columns={"n": BIGINT}, cardinality=exact, order="preserved")
class partitioned_preserves_order(Thousands):  # noqa: N801
    """Parts whose rows come in order"""


@plain(columns={"n": BIGINT}, cardinality=exact, order="none")
class partitioned_no_order_guarantee(Thousands):  # noqa: N801
    """Parts whose rows come in any order"""


@plain(columns={"n": BIGINT}, cardinality=exact, order="fixed")
class partitioned_fixed_order(Thousands):  # noqa: N801
    """Parts that one thread reads"""


@plain(columns={"n": BIGINT}, cardinality=exact, order="preserved")
class partitioned_batch_index(Thousands):  # noqa: N801
    """Parts whose batches carry their place"""


@plain(columns={"partition_id": BIGINT, "seq": BIGINT}, cardinality=exact, order="preserved")
class partitioned_batch_index_marked:  # noqa: N801
    """Parts of several batches, all of which carry the place of the part"""

    def __init__(self, count: Count, *, chunk_size: Size = 1000) -> None:
        self.count, self.chunk_size = count, chunk_size

    def plan(self) -> list[tuple[int, int]]:
        return [(place, stop - start) for place, (start, stop) in enumerate(ranges(self.count, self.chunk_size))]

    def scan(self, part: tuple[int, int]) -> Iterator[dict[str, Any]]:
        place, rows = part
        for start, stop in ranges(rows, 256):
            yield {"partition_id": [place] * (stop - start), "seq": integers(start, stop)}
