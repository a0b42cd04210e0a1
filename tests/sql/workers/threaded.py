"""A worker whose processes serve several connections at a time."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT

threaded = dw.Catalog("threaded")

worker = dw.Worker(threaded, threads=6)


@worker.on_start
def count_starts() -> None:
    global starts
    starts += 1


starts = 0

_together = threading.Barrier(2)


@threaded.scalar(stability="volatile")
def place(_n: int) -> str:
    """The process and the thread."""
    return f"{os.getpid()} {threading.get_ident()}"


@threaded.scalar(stability="volatile")
def meets_another(n: pa.Int64Array) -> pa.Int64Array:
    """Returns when two threads of the process are here at a time."""
    _together.wait(timeout=60)
    return n


@threaded.scalar(stability="volatile")
def started(_n: int) -> int:
    return starts


@threaded.scalar
def doubled(n: int) -> int:
    return 2 * n


@threaded.table_function(columns={"n": BIGINT})
def slowly(count: int) -> Iterator[dict[str, np.ndarray]]:
    for start in range(0, count, 2048):
        time.sleep(0.01)
        yield {"n": np.arange(start, min(start + 2048, count))}


@threaded.scalar(stability="volatile")
def dies(n: int) -> int:
    if n == 3000:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


@threaded.aggregate
class total:
    sum: dw.PerGroup[np.int64] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        groups.add(self.sum, value)

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.sum)


@threaded.aggregate
class longest:
    text: str = ""

    def update(self, value: str) -> None:
        self.text = max(self.text, value, key=len)

    def merge(self, other: longest) -> None:
        self.text = max(self.text, other.text, key=len)

    def result(self) -> str:
        return self.text


@threaded.buffering(columns="input")
def same(rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from rows
