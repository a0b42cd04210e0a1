"""Functions whose results are kept. Each run is a line in a file."""

import datetime
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR

cached = dw.Catalog("cached")

ROWS = 40_000
"""So many BIGINTs are more than 256 KiB, from which on DuckDB asks whether they still hold."""


def ran(file: str) -> int:
    """Count this run; how many there were, with it."""
    path = Path(file)
    with path.open("a", encoding="utf-8") as lines:
        lines.write("ran\n")
    return len(path.read_text(encoding="utf-8").splitlines())


def version(file: str) -> str | None:
    """What the file beside ``file`` says; counts how often it was asked."""
    with Path(f"{file}.asked").open("a", encoding="utf-8") as lines:
        lines.write("asked\n")
    path = Path(f"{file}.version")
    return path.read_text(encoding="utf-8") if path.exists() else None


def moment(file: str) -> datetime.datetime | None:
    text = version(file)
    return None if text is None else datetime.datetime.fromisoformat(text)


def no_version(file: str) -> str:
    raise LookupError(f"no version of {file}")


def batches(run: int, rows: int) -> Iterator[dict[str, Any]]:
    for start in range(0, rows, 1000):
        size = min(1000, rows - start)
        yield {"n": np.arange(start, start + size), "run": np.full(size, run), "text": ["x"] * size}


COLUMNS = {"n": BIGINT, "run": BIGINT, "text": VARCHAR}


@cached.table_function(columns=COLUMNS, cache=dw.Cache(ttl=3600))
def kept(file: str, rows: int = 3000, *, more: int = 0) -> Iterator[dict[str, Any]]:
    yield from batches(ran(file), rows)


@cached.table_function(columns=COLUMNS)
def not_kept(file: str, rows: int = 3000) -> Iterator[dict[str, Any]]:
    yield from batches(ran(file), rows)


@cached.table_function(columns=COLUMNS, cache=dw.Cache(ttl=datetime.timedelta(seconds=1)))
def briefly(file: str) -> Iterator[dict[str, Any]]:
    yield from batches(ran(file), 10)


@cached.table_function(columns=COLUMNS, cache=dw.Cache(ttl=0, validator=version))
def checked(file: str, rows: int = ROWS) -> Iterator[dict[str, Any]]:
    yield from batches(ran(file), rows)


@cached.table_function(columns=COLUMNS, cache=dw.Cache(ttl=0, validator=moment))
def dated(file: str) -> Iterator[dict[str, Any]]:
    yield from batches(ran(file), ROWS)


@cached.table_function(columns={"n": BIGINT}, cache=dw.Cache(ttl=60, validator=lambda: 5))  # type: ignore[arg-type, return-value]
def badly_checked() -> Iterator[tuple[int]]:
    yield (1,)


@cached.table_function(columns={"n": BIGINT}, cache=dw.Cache(ttl=60, validator=no_version))
def failing_check(file: str) -> Iterator[tuple[int]]:
    ran(file)
    yield (1,)


@cached.table_function(columns=COLUMNS, cache=dw.Cache(ttl=3600))
def slowly(file: str) -> Iterator[dict[str, Any]]:
    """Filters that leave nothing of the first rows make a silence that batches without rows interrupt."""
    run = ran(file)
    for start in range(4):
        time.sleep(0.06)
        yield {"n": [start], "run": [run], "text": ["x"]}


@cached.table_function(columns=COLUMNS, cache=dw.Cache(ttl=3600))
def fails_at_first(file: str) -> Iterator[dict[str, Any]]:
    run = ran(file)
    yield from batches(run, 3000)
    if run == 1:
        raise LookupError("not yet")


@cached.table_function(columns=COLUMNS, cache=dw.Cache(ttl=3600, scope="transaction"))
def per_transaction(file: str) -> Iterator[dict[str, Any]]:
    yield from batches(ran(file), 10)


@cached.table_function(
    columns={"n": BIGINT, "region": VARCHAR, "run": BIGINT},
    partition_by="region",
    cache=dw.Cache(ttl=3600, per_partition=True),
)
def by_region(file: str) -> Iterator[dict[str, Any]]:
    run = ran(file)
    for region in ("north", "south", None):
        yield {"n": range(100), "region": [region] * 100, "run": [run] * 100}


@cached.table_function(columns={"n": BIGINT}, cache=dw.Cache(ttl=3600))
class parts:
    def __init__(self, file: str, count: int = 4):
        self.file = file
        self.count = count

    def plan(self) -> range:
        return range(self.count)

    def scan(self, split: int) -> Iterator[dict[str, Any]]:
        ran(self.file)
        if split != 2:
            yield {"n": range(split * 100, split * 100 + 100)}


@cached.table_function(columns={"n": BIGINT}, order="preserved", cache=dw.Cache(ttl=3600))
class ordered_parts:
    """Some parts have no rows."""

    def __init__(self, file: str):
        self.file = file

    def plan(self) -> range:
        return range(4)

    def scan(self, split: int) -> Iterator[dict[str, Any]]:
        ran(self.file)
        if split not in (0, 2):
            yield {"n": range(split * 100, split * 100 + 100)}


@cached.table_function(columns={"n": BIGINT}, cache=dw.Cache(ttl=3600))
class steps:
    """A class whose ``next`` gives the rows."""

    def __init__(self, file: str):
        self.left = 3
        ran(file)

    def next(self) -> tuple[int] | None:
        self.left -= 1
        return (self.left,) if self.left >= 0 else None


@cached.buffering(cache=dw.Cache(ttl=3600))
def kept_of_input(rows: Iterator[pa.RecordBatch], *, file: str) -> Iterator[pa.RecordBatch]:
    ran(file)
    yield from rows


@cached.row_function(columns={"a": BIGINT, "b": BIGINT}, cache=dw.Cache(ttl=3600))
def kept_of_rows(n: int, ctx: dw.Context) -> Iterator[tuple[int, int]]:
    yield (n * 10, n * 100)


@cached.table_in_out(cache=dw.Cache(ttl=3600))
def kept_of_batches(rows: pa.RecordBatch, *, file: str) -> pa.RecordBatch:
    ran(file)
    return rows
