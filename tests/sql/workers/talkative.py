"""Says something on every channel, while it is imported and in every function."""

import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT

WAYS = ["print", "write", "buffer", "descriptor", "child", "shell", "logging", "warnings", "large", "input"]


def say(way: str) -> None:
    if way == "print":
        print("hello")
    elif way == "write":
        sys.stdout.write("no end of line")
        assert sys.__stdout__ is not None
        sys.__stdout__.write("hello\n")
    elif way == "buffer":
        sys.stdout.buffer.write(b"\x00\x01\x02\xff")
        sys.stdout.buffer.flush()
    elif way == "descriptor":
        os.write(1, b"\xff\xff\xff\xff\x10\x00\x00\x00hello")
    elif way == "child":
        subprocess.run(["echo", "hello"], check=True)
    elif way == "shell":
        os.system("echo hello; cat")
    elif way == "logging":
        logging.getLogger("talkative").warning("hello")
    elif way == "warnings":
        warnings.warn("hello", UserWarning, stacklevel=1)
    elif way == "large":
        print("x" * 2_000_000)
    elif way == "input":
        try:
            input("a question")
        except EOFError:
            return
        raise AssertionError("somebody answered")


logging.basicConfig(stream=sys.stdout, level="DEBUG")
warnings.simplefilter("always")
for way in WAYS:
    say(way)

talkative = dw.Catalog("talkative")


@talkative.scalar(stability="volatile")
def row(value: int, way: str) -> int:
    if value % 1000 == 0:
        say(way)
    return value


@talkative.scalar(stability="volatile")
def batch(value: pa.Int64Array, way: dw.Const[str]) -> pa.Int64Array:
    say(way)
    return value


@talkative.table_function(columns={"n": BIGINT})
def scan(batches: int, way: str) -> Iterator[object]:
    say(way)
    try:
        for n in range(batches):
            say(way)
            yield {"n": range(n * 100, (n + 1) * 100)}
    finally:
        say(way)
