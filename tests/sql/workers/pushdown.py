"""Table functions that tell what was pushed into them: a line of JSON in a file for each thing that happens."""

import dataclasses
import datetime
import json
import random
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import duckwing as dw
from duckwing.types import (
    BIGINT,
    BLOB,
    BOOLEAN,
    DATE,
    DECIMAL,
    DOUBLE,
    FLOAT,
    INTEGER,
    LIST,
    STRUCT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    TINYINT,
    UBIGINT,
    VARCHAR,
)

pushdown = dw.Catalog("pushdown")


def note(file: str, **facts: Any) -> None:
    """A line of ``file``; none without one."""
    if file:
        with Path(file).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(facts) + "\n")


def note_scan(file: str, ctx: dw.Context) -> None:
    order = ctx.order and [ctx.order.column, ctx.order.descending, ctx.order.nulls_first, ctx.order.limit]
    sample = ctx.sample and [ctx.sample.percentage, ctx.sample.seed]
    note(file, columns=ctx.columns, filters=str(ctx.filters), order=order, sample=sample)


# Columns

COLUMNS = {"n": BIGINT, "a": VARCHAR, "b": VARCHAR}


@pushdown.table_function(columns=COLUMNS)
def narrow(ctx: dw.Context, file: str = "", *, rows: int = 20, leave_out: str = "") -> Iterator[dict[str, Any]]:
    """Yields the columns that are needed alone, and not even ``leave_out``."""
    note_scan(file, ctx)
    values = {"n": range(rows), "a": [f"a{i}" for i in range(rows)], "b": [f"b{i}" for i in range(rows)]}
    yield {name: values[name] for name in ctx.columns if name != leave_out}


@dataclasses.dataclass
class Row:
    b: str
    a: str
    n: Any


ROWS = [Row(f"b{i}", f"a{i}", i) for i in range(5)]


class Frame:
    """As a data frame is to Arrow: anything with this method."""

    def __init__(self, table: pa.Table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.table.__arrow_c_stream__(requested_schema)


@pushdown.table_function(columns=COLUMNS)
def shaped(form: str) -> Iterator[Any]:
    """The same five rows in any form, with all columns, in another order where that has a meaning."""
    columns: dict[str, Any] = {name: [getattr(row, name) for row in ROWS] for name in ("b", "n", "a")}
    if form == "tuples":
        yield from ((row.n, row.a, row.b) for row in ROWS)
    elif form == "dataclasses":
        yield from ROWS
    elif form == "dicts":
        yield columns
    elif form == "batches":
        yield pa.RecordBatch.from_pydict(columns)
    elif form == "tables":
        yield pa.table(columns)
    elif form == "frames":
        yield Frame(pa.table(columns))
    elif form == "pandas":
        import pandas as pd

        yield pd.DataFrame(columns)
    elif form == "polars":
        import polars as pl

        yield pl.DataFrame(columns)


@pushdown.table_function(columns={"n": BIGINT, "bad": BIGINT})
def with_a_bad_column(form: str) -> Iterator[Any]:
    """The values of ``bad`` do not fit it."""
    if form == "tuples":
        yield (1, "x")
    elif form == "dicts":
        yield {"n": [1], "bad": ["x"]}
    elif form == "batches":
        yield pa.RecordBatch.from_pydict({"n": [1], "bad": ["x"]})
    elif form == "numpy":
        yield {"n": [1], "bad": np.array([1.5])}


# Filters

TYPES: dict[str, pa.DataType] = {
    "i32": INTEGER,
    "i64": BIGINT,
    "i8": TINYINT,
    "u64": UBIGINT,
    "f64": DOUBLE,
    "f32": FLOAT,
    "s": VARCHAR,
    "b": BOOLEAN,
    "d": DATE,
    "ts": TIMESTAMP,
    "tz": TIMESTAMPTZ,
    "tm": TIME,
    "dec": DECIMAL(18, 2),
    "bl": BLOB,
    "st": STRUCT({"a": INTEGER, "bb": STRUCT({"c": VARCHAR})}),
    "li": LIST(INTEGER),
    "odd name": VARCHAR,
}

START = datetime.datetime(2023, 11, 14, 22, 13, 20)


def typed_row(i: int) -> list[Any]:
    if i % 7 == 6:
        return [None] * len(TYPES)
    moment = START + datetime.timedelta(seconds=i)
    return [
        i,
        i * 10,
        i,
        i,
        float("nan") if i == 10 else float("inf") if i == 9 else i / 2,
        i / 2,
        f"v{i}",
        i % 2 == 0,
        datetime.date(2022, 1, 1) + datetime.timedelta(days=3 * i),
        moment,
        moment.replace(tzinfo=datetime.UTC),
        (datetime.datetime.min + datetime.timedelta(seconds=i)).time(),
        Decimal(i) / 2,
        bytes([i]),
        {"a": i, "bb": None if i % 5 == 4 else {"c": f"x{i}"}},
        [i, None if i % 3 == 2 else i + 1][: i % 4],
        "it's",
    ]


@pushdown.table_function(columns=TYPES)
def typed(ctx: dw.Context, file: str = "") -> Iterator[tuple[Any, ...]]:
    """20 rows of many types; all NULL in each seventh."""
    note_scan(file, ctx)
    yield from (tuple(typed_row(i)) for i in range(20))


@pushdown.table_function(columns={"n": BIGINT, "a": VARCHAR}, filters="mine")
def mine(ctx: dw.Context, file: str = "", *, how: str = "none") -> Iterator[Any]:
    """Leaves all rows, or applies the filters itself, in the way that it says."""
    note_scan(file, ctx)
    batch = pa.RecordBatch.from_pydict({"n": range(20), "a": [f"a{i}" for i in range(20)]})
    if how == "apply":
        yield ctx.filters.apply(batch)
    elif how == "evaluator":
        evaluator = ctx.filters.evaluator(batch.schema)
        for start in range(0, 20, 7):
            yield evaluator.apply(batch.slice(start, 7))
    elif how == "wrong":
        yield batch.slice(3, 2)
    else:
        yield batch


@pushdown.table_function(columns={"d": DECIMAL(38, 0), "n": BIGINT})
def large_decimals() -> Iterator[tuple[Decimal, int]]:
    """Does not fit a decimal with a place behind the point."""
    yield (Decimal(10) ** 37 * 9, 1)
    yield (Decimal(1), 2)


# While the scan runs


@pushdown.table_function(columns={"n": BIGINT, "v": BIGINT, "a": VARCHAR})
def many(
    ctx: dw.Context, file: str = "", *, rows: int = 50_000, batch: int = 1000, nulls: int = 0
) -> Iterator[dict[str, Any]]:
    """Numbers from 0 up, the last ``nulls`` of them NULL; ``v`` has but 10 values. Tells how its filters changed."""
    note_scan(file, ctx)
    seen = [str(ctx.filters)]
    ended = "exhausted"
    made = 0
    try:
        for start in range(0, rows, batch):
            size = min(batch, rows - start)
            numbers = [None if n >= rows - nulls else n for n in range(start, start + size)]
            made += size
            yield {"n": numbers, "v": [n % 10 for n in range(start, start + size)], "a": ["x"] * size}
            if str(ctx.filters) != seen[-1]:
                seen.append(str(ctx.filters))
    except (GeneratorExit, KeyboardInterrupt):  # the latter: the client's signal came while the next rows were made
        ended = "closed"
        raise
    finally:
        note(file, ended=ended, made=made, seen=seen)


@pushdown.table_function(columns={"n": BIGINT})
def endless(file: str) -> Iterator[dict[str, Any]]:
    note(file, started=True)
    try:
        while True:
            yield {"n": range(1000)}
    finally:
        note(file, ended=True)


@pushdown.table_function(columns={"n": BIGINT}, filters="mine")
def endless_and_mine(ctx: dw.Context, file: str) -> Iterator[Any]:
    """Its own filtering leaves nothing."""
    note(file, started=True)
    batch = pa.RecordBatch.from_pydict({"n": range(1000)})
    try:
        while True:
            yield ctx.filters.apply(batch)
    finally:
        note(file, ended=True)


@pushdown.table_function(columns={"n": BIGINT})
def late(file: str) -> Iterator[tuple[int]]:
    """Rows that nobody wants for longer than a silence may last, and then one that is wanted."""
    ends = time.monotonic() + 0.3
    n = 0
    while time.monotonic() < ends:
        yield (0,)
        n += 1
    note(file, unwanted=n)
    yield (1,)


# Samples


@pushdown.table_function(columns={"n": BIGINT}, samples=True)
def sampled(ctx: dw.Context, file: str = "", *, rows: int = 10_000) -> Iterator[dict[str, Any]]:
    """Takes the sample by itself."""
    note_scan(file, ctx)
    sample = ctx.sample
    if sample is None:
        yield {"n": range(rows)}
    else:
        choice = random.Random(sample.seed)
        yield {"n": [n for n in range(rows) if 100 * choice.random() < sample.percentage]}


# Partitions


def partitioned_batches(rows: int) -> Iterator[dict[str, Any]]:
    """Sorted by partition in two batches, of which the first one has several; then one that is not sorted."""
    half = rows // 2
    names = ["north", "south", None]
    yield {"n": range(half), "region": [names[3 * i // half] for i in range(half)], "size": [1] * half}
    yield {"n": range(half, rows), "region": ["east"] * (rows - half), "size": [2] * (rows - half)}
    yield {"n": range(6), "region": ["north", None, "north", "north", None, "east"], "size": [1, 1, 1, 2, 1, 2]}


@pushdown.table_function(columns={"n": BIGINT, "region": VARCHAR, "size": INTEGER}, partition_by=["region", "size"])
def regions(ctx: dw.Context, file: str = "", *, rows: int = 6000) -> Iterator[dict[str, Any]]:
    note_scan(file, ctx)
    for batch in partitioned_batches(rows):
        yield {name: batch[name] for name in ctx.columns}


@pushdown.table_function(columns={"n": BIGINT, "x": DOUBLE}, partition_by="x")
def by_double() -> Iterator[dict[str, Any]]:
    """NaN is a partition of its own, and -0.0 is the same as 0.0."""
    yield {"n": range(6), "x": [float("nan"), float("nan"), 0.0, -0.0, None, 1.5]}


@pushdown.table_function(columns={"n": BIGINT, "region": VARCHAR}, partition_by="region")
def forgetful(ctx: dw.Context) -> Iterator[dict[str, Any]]:
    """Leaves out a partition column that the query does not want."""
    yield {"n": [1]}


BOUNDED = {"day": DATE, "n": BIGINT}


def bounded_batches() -> Iterator[dict[str, Any]]:
    days = [datetime.date(2024, 1, day) for day in range(1, 11)]
    yield {"day": days[:5], "n": range(5)}
    yield {"day": [days[7], None, days[5]], "n": range(5, 8)}
    yield {"day": [None, None], "n": [8, 9]}


@pushdown.table_function(columns=BOUNDED, partition_by="day", partitions="disjoint")
def disjoint() -> Iterator[dict[str, Any]]:
    yield from bounded_batches()


@pushdown.table_function(columns=BOUNDED, partition_by=("day", "n"), partitions="overlapping")
def overlapping() -> Iterator[dict[str, Any]]:
    yield from bounded_batches()


@pushdown.table_function(columns={"li": LIST(INTEGER)}, partition_by="li", partitions="overlapping")
def without_bounds() -> Iterator[dict[str, Any]]:
    yield {"li": [[1], [2]]}


@pushdown.table_function(columns=lambda name: {"n": BIGINT, name: VARCHAR}, partition_by="region")
def computed(name: str) -> Iterator[dict[str, Any]]:
    """The columns are known at bind alone."""
    yield {"n": [1, 2, 3], name: ["x", "x", "y"]}
