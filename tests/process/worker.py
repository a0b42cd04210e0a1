"""Functions that can be interrupted at every kind of point; each writes down how it ended."""

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, BLOB

demo = dw.Catalog("demo")
MEGABYTE = bytes(1 << 20)


def reached(fifo: str) -> None:
    with open(fifo, "wb"):
        pass


@contextlib.contextmanager
def witnessed(path: str) -> Iterator[None]:
    end = "end"
    try:
        yield
    except BaseException as error:
        end = type(error).__name__
        raise
    finally:
        Path(path).write_text(end)


def computing() -> None:
    while True:
        sum(range(1000))


def sleeping() -> None:
    time.sleep(600)


BUSY = {"computing": computing, "sleeping": sleeping}


@demo.table_function(columns={"n": BIGINT})
def busy(how: str, fifo: str, witness: str, after: int) -> Iterator[object]:
    with witnessed(witness):
        for n in range(after):
            yield (n,)
        reached(fifo)
        BUSY[how]()


@demo.scalar
def busy_scalar(how: str, fifo: str, witness: str) -> int:
    with witnessed(witness):
        reached(fifo)
        BUSY[how]()
    return 0


@demo.table_function(columns={"n": BIGINT})
def numbers(count: int, witness: str) -> Iterator[object]:
    with witnessed(witness):
        for n in range(count):
            yield {"n": [n]}


@demo.table_function(columns={"data": BLOB})
def large(witness: str) -> Iterator[object]:
    with witnessed(witness):
        yield {"data": [b""]}
        while True:
            yield {"data": [MEGABYTE] * 4}


@demo.table_function(columns={"n": BIGINT})
def stubborn(fifo: str) -> Iterator[object]:
    try:
        while True:
            yield {"n": [0]}
    finally:
        reached(fifo)
        sleeping()


@demo.table_function(columns={"n": BIGINT})
def with_signals_of_its_own(count: int) -> Iterator[object]:
    seen = []
    signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    for _ in range(count):
        yield {"n": [len(seen)]}


@demo.table_function(columns={"n": BIGINT})
def with_children(count: int) -> Iterator[object]:
    for n in range(count):
        with multiprocessing.get_context("fork").Pool(2) as pool:  # leaving the block sends them SIGTERM
            yield {"n": pool.map(abs, [-n])}


@demo.table_function(columns={"n": BIGINT})
def with_fork(fifo: str) -> Iterator[object]:
    child = os.fork()
    if not child:
        reached(fifo)
        sleeping()
    while True:
        yield {"n": [child]}


@demo.table_function(columns={"n": BIGINT})
def interrupting() -> Iterator[object]:
    yield {"n": [0]}
    raise KeyboardInterrupt("by the author")


@demo.scalar(stability="volatile")
def open_descriptors(value: int) -> int:
    return len(os.listdir("/proc/self/fd"))


@demo.scalar
def reciprocal(value: float) -> float:
    return 1 / value


@demo.scalar
def loud(value: int) -> int:
    print("printed", value)
    sys.stdout.write("written\n")
    os.write(1, b"descriptor\n")
    os.system("echo from a child")
    return value


@demo.scalar
def double(value: pa.Int64Array) -> pa.Int64Array:
    import pyarrow.compute as pc

    return pc.multiply(value, 2)
