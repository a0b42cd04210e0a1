"""Functions of every kind that fail at the place they are told, with a message of one line or of several."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT

errors = dw.Catalog("errors")

MESSAGES = {"line": "one line", "lines": "the first line\nthe second line\n", "nothing": ""}


def fail(how: str) -> None:
    if how in MESSAGES:
        raise LookupError(MESSAGES[how])
    if how == "own":
        raise dw.OutputError("the author's own words")


@errors.scalar(name="SayNo")
def say_no(value: int, how: str) -> int:
    fail(how)
    return value


def columns(how: str) -> pa.Schema:
    fail("line" if how == "bind" else "")
    return pa.schema([("n", pa.int64())])


@errors.table_function(columns=columns)
def scan(how: str) -> Iterator[tuple[int]]:
    yield (1,)
    fail(how)


@errors.row_function(columns={"n": BIGINT})
def row(value: int, how: str) -> Iterator[tuple[int]]:
    fail(how)
    yield (value,)


@errors.table_in_out(columns={"n": BIGINT})
def in_out(rows: pa.RecordBatch, how: str) -> pa.RecordBatch:
    fail(how)
    return pa.record_batch({"n": rows.column(0)})


@errors.table_in_out(columns={"n": BIGINT})
class finishing:
    how: str = ""

    def __init__(self, how: str):
        self.how = how

    def process(self, rows: pa.RecordBatch) -> None:
        pass

    def finish(self) -> Iterator[tuple[int]]:
        fail(self.how)
        yield (1,)


@errors.buffering(columns={"n": BIGINT})
class buffered:
    def __init__(self, sink: str = "", source: str = ""):
        pass
