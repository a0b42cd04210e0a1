"""Functions that fail in every way, at the start or in the middle."""

import asyncio
import ctypes
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

import duckwing as dw
from duckwing.types import BIGINT

faults = dw.Catalog("faults")


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("this message cannot be made")


def helper() -> None:
    raise ValueError("a value, in a helper")


def endless() -> None:
    endless()


def fail(kind: str) -> None:
    if kind == "ValueError":
        helper()
    elif kind == "unprintable":
        raise Unprintable
    elif kind == "RecursionError":
        endless()
    elif kind == "MemoryError":
        bytearray(1 << 62)
    elif kind == "SystemExit":
        raise SystemExit(0)
    elif kind == "CancelledError":
        raise asyncio.CancelledError("cancelled by the author")
    elif kind == "KeyboardInterrupt":
        raise KeyboardInterrupt("interrupted by the author")
    elif kind == "GeneratorExit":
        raise GeneratorExit("closed by the author")
    elif kind == "StopIteration":
        raise StopIteration("stopped by the author")
    elif kind == "exit":
        os._exit(0)
    elif kind == "exit 3":
        os._exit(3)
    elif kind == "SIGKILL":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "SIGTERM":
        os.kill(os.getpid(), signal.SIGTERM)
    elif kind == "segfault":
        ctypes.string_at(0)


@faults.table_function(columns={"n": BIGINT})
def scan(kind: str, *, after: int = 0, witness: str = "") -> Iterator[object]:
    """Fails after a number of batches, of which it has ten."""
    try:
        for n in range(10):
            if n == after:
                fail(kind)
            yield {"n": range(n * 1000, (n + 1) * 1000)}
    finally:
        if witness:
            Path(witness).write_text("closed")


@faults.scalar
def batch(value: pa.Int64Array, kind: dw.Const[str], at: dw.Const[int]) -> pa.Int64Array:
    """Fails at a value."""
    if pc.any(pc.equal(value, at)).as_py():
        fail(kind)
    return value


@faults.scalar
def row(value: int, kind: str, at: int) -> int:
    if value == at:
        fail(kind)
    return value


@faults.scalar
def ok(value: int) -> int:
    return value + 1
