"""Functions that end their process, one way or another."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator

import duckwing as dw
from duckwing.types import BIGINT

fatal = dw.Catalog("fatal")


def end(how: str) -> None:
    if how == "SystemExit":
        raise SystemExit
    if how == "sys.exit(0)":
        sys.exit(0)
    if how == "sys.exit(3)":
        sys.exit(3)
    if how == "os._exit(0)":
        os._exit(0)
    if how == "os._exit(3)":
        os._exit(3)
    if how == "KeyboardInterrupt":
        raise KeyboardInterrupt
    if how == "GeneratorExit":
        raise GeneratorExit
    if how == "segfault":
        ctypes.string_at(0)
    if how == "abort":
        os.abort()
    if how in signal.Signals.__members__:
        os.kill(os.getpid(), signal.Signals[how])
        signal.pause()


@fatal.scalar(stability="volatile")
def scalar_ends(value: int, how: str, at: int) -> int:
    if value == at:
        end(how)
    return value


@fatal.table_function(columns={"n": BIGINT})
def scan_ends(how: str, after: int) -> Iterator[dict[str, list[int]]]:
    for n in range(after):
        yield {"n": [n]}
    end(how)


@fatal.table_function(columns={"n": BIGINT})
def forks(rows: int) -> Iterator[tuple[int]]:
    """Has a child that lives on for a while, and does not know that it is none of the worker's business."""
    if os.fork() == 0:
        signal.alarm(5)
        signal.pause()
    for n in range(rows):
        yield (n,)


@fatal.table_function(columns={"n": BIGINT})
def forks_and_dies(rows: int) -> Iterator[tuple[int]]:
    yield from forks(rows)
    os.kill(os.getpid(), signal.SIGKILL)
