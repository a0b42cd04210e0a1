"""Table functions that tell the optimizer of their rows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from typing import Any

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, DATE, DOUBLE, GEOMETRY, LIST, VARCHAR

statistics = dw.Catalog("statistics")

NAN = float("nan")


def ids(count: int) -> dict[str, dw.ColumnStatistics]:
    return {"id": dw.ColumnStatistics(0, count - 1, nulls=False, distinct=count)}


@statistics.table_function(columns={"id": BIGINT}, cardinality=lambda count: count, statistics=ids)
def numbers(count: int) -> Any:
    yield {"id": pa.array(range(count), BIGINT)}


@statistics.table_function(columns={"id": BIGINT}, cardinality=dw.Cardinality(12345, 20000))
def many() -> Any:
    yield {"id": [1]}


@statistics.table_function(columns={"id": BIGINT}, cardinality=12345, statistics={"id": dw.ColumnStatistics(0, 10**9)})
def uncounted() -> Any:
    yield {"id": [1]}


@statistics.table_function(columns={"id": BIGINT})
def says_nothing() -> Any:
    yield {"id": [1]}


FRUIT = ["apple", "kiwi", "banana", "a very long name of a fruit", "bananaé"]


@statistics.table_function(columns={"s": VARCHAR}, statistics={"s": dw.ColumnStatistics("a", "kiwi", nulls=False)})
def fruit() -> Any:
    yield {"s": FRUIT}


@statistics.table_function(columns={"s": VARCHAR}, statistics={"s": dw.ColumnStatistics(max_length=3, unicode=False)})
def codes() -> Any:
    yield {"s": ["usd", "eu", "~~~", ""]}


@statistics.table_function(columns={"x": DOUBLE}, statistics={"x": dw.ColumnStatistics(1.0, NAN, nulls=False)})
def floats() -> Any:
    yield {"x": [1.0, NAN, 10.0]}


TABLE = pa.table(
    {
        "id": pa.array([5, 9, None], BIGINT),
        "name": ["b", "a", "ccc"],
        "x": pa.array([1.0, NAN, 3.0], DOUBLE),
        "day": pa.array([date(2020, 1, 1), date(2021, 1, 1), date(2022, 1, 1)], DATE),
        "items": pa.array([[1], [None], None], LIST(BIGINT)),
    }
)


@statistics.table_function(columns=TABLE.schema, statistics=dw.statistics_of(TABLE, distinct=True))
def table() -> Any:
    return TABLE


def schema_of(path: str) -> pa.Schema:
    import pyarrow.parquet as pq

    return pq.read_schema(path)


@statistics.table_function(columns=schema_of, statistics=lambda path: dw.statistics_of(path))
def parquet(path: str) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq

    yield from pq.ParquetFile(path).iter_batches()


POINTS = [
    bytes.fromhex("0101000000000000000000f03f000000000000f03f"),
    bytes.fromhex("010100000000000000000000400000000000000040"),
]


@statistics.table_function(columns={"g": GEOMETRY}, statistics={"g": dw.ColumnStatistics(POINTS[0], POINTS[1])})
def points() -> Any:
    yield {"g": POINTS}


def broken(count: int) -> Any:
    raise RuntimeError(f"no idea of {count}")


@statistics.table_function(columns={"pid": BIGINT}, cardinality=broken, statistics=broken)
def hopeless(count: int) -> Any:
    yield {"pid": [os.getpid()] * count}


def wrong(column: str) -> Any:
    return {column: dw.ColumnStatistics("a", "b")}


@statistics.table_function(columns={"id": BIGINT}, statistics=wrong)
def mistaken(column: str) -> Any:
    yield {"id": [1, 2]}


def by_context(count: int, ctx: dw.Context) -> int:
    ctx.log("counting", level="WARN")
    return count * 10


@statistics.table_function(columns={"id": BIGINT}, cardinality=by_context)
def with_context(count: int, ctx: dw.Context) -> Any:
    yield {"id": range(count)}
