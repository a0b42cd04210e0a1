"""Scans in parts: what they were asked for goes as lines of JSON to a file."""

import datetime
import json
import os
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR

splits = dw.Catalog("splits")
other = dw.Catalog("other_splits")

COLUMNS = {"n": BIGINT, "part": BIGINT, "pid": BIGINT, "wide": VARCHAR}


def note(file: str, **facts: Any) -> None:
    """A line of ``file``, in one write; none without one."""
    if file:
        line = (json.dumps(facts) + "\n").encode()
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, line)
        os.close(descriptor)


class Ranges:
    """The numbers below ``rows``, in ``parts`` of about the same size."""

    def __init__(self, ctx: dw.Context, rows: int = 1000, parts: int = 10, *, file: str = ""):
        self.ctx = ctx
        self.rows = rows
        self.parts = parts
        self.file = file

    def plan(self) -> Iterator[list[int]]:
        chosen = list(range(self.parts))
        if self.ctx.filters.columns == ("part",):
            known = pa.RecordBatch.from_pydict({"part": chosen})
            chosen = self.ctx.filters.apply(known)["part"].to_pylist()
        facts = {"columns": self.ctx.columns, "filters": str(self.ctx.filters), "min_splits": self.ctx.min_splits}
        note(self.file, planned=chosen, pid=os.getpid(), **facts)
        for part in chosen:
            yield [part, self.rows * part // self.parts, self.rows * (part + 1) // self.parts]

    def scan(self, split: list[int]) -> Iterator[dict[str, Any]]:
        part, start, stop = split
        note(self.file, part=part, pid=os.getpid(), columns=self.ctx.columns, filters=str(self.ctx.filters))
        for first in range(start, stop, 1000):
            numbers = range(first, min(first + 1000, stop))
            values = {"n": numbers, "part": [part] * len(numbers), "pid": [os.getpid()] * len(numbers)}
            yield {name: values.get(name, ["w"] * len(numbers)) for name in self.ctx.columns}


@splits.table_function(columns=COLUMNS)
class ranges(Ranges):
    pass


@other.table_function(name="ranges", columns=COLUMNS)
class other_ranges(Ranges):
    pass


@splits.table_function(columns=COLUMNS)
class same_ranges(Ranges):
    """The same as another function."""


@splits.table_function(columns=COLUMNS, split_ttl=1)
class short_lived(Ranges):
    pass


@splits.table_function(columns=COLUMNS, split_ttl=3600)
class long_lived(Ranges):
    pass


@splits.table_function(columns={"n": BIGINT}, order="preserved")
class ordered:
    """Each second part waits until a later one has been read, if another thread reads it."""

    def __init__(self, directory: str, parts: int = 8, rows: int = 3000, *, empty: int = -1):
        self.directory = Path(directory)
        self.parts = parts
        self.rows = rows
        self.empty = empty

    def plan(self) -> range:
        return range(self.parts)

    def scan(self, split: int) -> Iterator[dict[str, Any]]:
        if split == self.empty:
            return
        later = self.directory / f"read {split + 1}"
        deadline = time.monotonic() + 1
        while split % 2 == 0 and not later.exists() and time.monotonic() < deadline:
            time.sleep(0.002)
        (self.directory / f"read {split}").touch()
        if later.exists():
            (self.directory / "overtaken").touch()
        start = split * self.rows
        yield {"n": range(start, start + self.rows // 2)}
        yield {"n": range(start + self.rows // 2, start + self.rows)}


VALUES: list[Any] = [
    None,
    True,
    2**80,
    1.5,
    "text",
    b"\0\xff",
    [1, [2, None]],
    (1, "a"),
    {"a": [1]},
    Decimal("1.50"),
    datetime.date(2024, 1, 2),
    datetime.datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=datetime.UTC),
    datetime.timedelta(seconds=1),
    uuid.UUID(int=5),
    frozenset({1}),
]


@splits.table_function(columns={"text": VARCHAR})
class valued:
    """Shows what arrives of each value."""

    def plan(self) -> list[Any]:
        return [dw.Split(value, rows=1, exact=True, bytes=10) if i % 2 else value for i, value in enumerate(VALUES)]

    def scan(self, split: Any) -> Iterator[tuple[str]]:
        yield (repr(split),)


@splits.table_function(columns={"n": BIGINT})
class mistaken:
    def __init__(self, how: str):
        self.how = how

    def plan(self) -> Any:
        if self.how == "plan raises":
            raise LookupError("nothing to plan")
        if self.how == "plan raises later":
            return self._cut_off()
        plans = {"no plan": None, "text": "abc", "values": [1, object()], "functions": [1, len], "none": []}
        return plans.get(self.how, [1, 2, 3])

    def scan(self, split: int) -> Iterator[Any]:
        if split == 2 and self.how == "scan raises":
            raise LookupError(f"nothing in {split}")
        yield "text" if split == 2 and self.how == "scan yields text" else (split,)

    def _cut_off(self) -> Iterator[int]:
        yield 1
        raise LookupError("the plan is cut off")


@splits.table_function(columns={"n": BIGINT, "region": VARCHAR}, partition_by="region", order="preserved")
class partitioned:
    """A part for each region, and one without rows."""

    def plan(self) -> list[str | None]:
        return ["north", None, "nowhere", "south"]

    def scan(self, split: str | None) -> Iterator[dict[str, Any]]:
        if split != "nowhere":
            yield {"n": range(100), "region": [split] * 100}


@splits.table_function(columns={"n": BIGINT})
class measured:
    def __init__(self, ctx: dw.Context):
        self.ctx = ctx

    def plan(self) -> range:
        return range(5)

    def scan(self, split: int) -> Iterator[tuple[int]]:
        self.ctx.measure("parts")
        yield (split,)
