"""Probes that answer with the filters, orders and samples that DuckDB has pushed down."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, BOOLEAN, DOUBLE, GEOMETRY, LIST, VARCHAR

from .catalog import example
from .counting import Count, Size, exact, integers, ranges, texts
from .echo import NOTHING, debugged, discrete, echo

ECHO = {"n": BIGINT, "s": VARCHAR, "pushed_filters": VARCHAR}


def echo_rows(count: int, size: int, filters: dw.Filters) -> Iterator[dict[str, Any]]:
    """Rows that say by which filters they were asked for."""
    text = echo(filters)
    for start, stop in ranges(count, size):
        yield {
            "n": integers(start, stop),
            "s": texts("row_", start, stop),
            "pushed_filters": [text] * (stop - start),
        }


@example.table_function(columns=ECHO, cardinality=exact)
def filter_echo(count: Count, ctx: dw.Context, *, batch_size: Size = 2048) -> Iterator[dict[str, Any]]:
    """Echoes the filters that were pushed down when the scan began"""
    yield from echo_rows(count, batch_size, ctx.filters)


@example.table_function(columns=ECHO)
def filter_echo_table_scan(ctx: dw.Context) -> Iterator[dict[str, Any]]:
    """Echoes the filters on a table"""
    yield from echo_rows(100, 100, ctx.filters)


@example.table_function(columns={"n": BIGINT, "resolved": VARCHAR}, cardinality=exact)
def value_prune(count: Count, ctx: dw.Context, *, batch_size: int = 2048) -> Iterator[dict[str, Any]]:
    """Looks up the values that the filters name, in place of a scan"""
    wanted = discrete(ctx.filters, "n")
    if wanted is not None:
        values = sorted(value for value in wanted if value is not None)
        there = [value for value in values if 0 <= value < count]
        yield {"n": there, "resolved": [",".join(map(str, values))] * len(there)}
        return
    for start, stop in ranges(count, batch_size):
        yield {"n": integers(start, stop), "resolved": ["(scan)"] * (stop - start)}


@example.table_function(
    columns={
        "n": BIGINT,
        "tag": VARCHAR,
        "filtered_cols": VARCHAR,
        "has_n": BOOLEAN,
        "has_tag": BOOLEAN,
        "tag_values": VARCHAR,
    },
    cardinality=exact,
)
def filtered_columns_echo(count: Count, ctx: dw.Context, *, batch_size: int = 2048) -> Iterator[dict[str, Any]]:
    """Echoes which columns are filtered"""
    columns = sorted(ctx.filters.columns)
    tags = discrete(ctx.filters, "tag")
    values = NOTHING if tags is None else ",".join(sorted(tag for tag in tags if tag is not None))
    for start, stop in ranges(count, batch_size):
        rows = stop - start
        yield {
            "n": integers(start, stop),
            "tag": texts("t", start, stop),
            "filtered_cols": [",".join(columns)] * rows,
            "has_n": ["n" in columns] * rows,
            "has_tag": ["tag" in columns] * rows,
            "tag_values": [values] * rows,
        }


@example.table_function(columns={"n": BIGINT, "s": VARCHAR}, cardinality=exact)
def dict_filter_echo(count: Count, *, batch_size: int = 2048) -> Iterator[dict[str, pa.Array]]:
    """Three colours in turn, from a dictionary"""
    colors = pa.array(["red", "green", "blue"])
    for start, stop in ranges(count, batch_size):
        codes = pa.array(np.arange(start, stop) % 3, pa.int8())
        yield {"n": integers(start, stop), "s": pa.DictionaryArray.from_arrays(codes, colors)}


@example.table_function(columns={"n": BIGINT, "pushed_filters": VARCHAR}, cardinality=exact)
def dynamic_filter_echo(count: Size, ctx: dw.Context, *, batch_size: int = 100) -> Iterator[dict[str, Any]]:
    """Counts down, and echoes the filters in force for each batch"""
    for start, stop in ranges(count, batch_size):
        rows = np.arange(count - 1 - start, count - 1 - stop, -1, dtype=np.int64)
        yield {"n": rows, "pushed_filters": [debugged(ctx.filters)] * len(rows)}


@example.table_function(columns={"n": BIGINT, "x": DOUBLE, "y": DOUBLE, "geom": GEOMETRY}, cardinality=exact)
def spatial_filter_example(count: Size, *, batch_size: int = 1024) -> Iterator[dict[str, Any]]:
    """Points on a grid within the unit square"""
    side = math.ceil(math.sqrt(count))
    for start, stop in ranges(count, batch_size):
        points = [((i % side) / side, (i // side) / side) for i in range(start, stop)]
        yield {
            "n": integers(start, stop),
            "x": [x for x, _ in points],
            "y": [y for _, y in points],
            "geom": [struct.pack("<BIdd", 1, 1, x, y) for x, y in points],
        }


@example.table_function(
    columns={"id": BIGINT, "name": VARCHAR, "tags": LIST(VARCHAR), "score": DOUBLE}, cardinality=exact
)
def expression_filter_test(count: Size, *, batch_size: int = 1024) -> Iterator[dict[str, Any]]:
    """Rows for filters that are functions of lists and texts"""
    for start, stop in ranges(count, batch_size):
        yield {
            "id": integers(start, stop),
            "name": texts("item_", start, stop),
            "tags": [[f"tag_{i % 5}", f"tag_{(i + 1) % 5}"] for i in range(start, stop)],
            "score": [i * 1.1 for i in range(start, stop)],
        }


@example.table_function(
    columns={
        "n": BIGINT,
        "s": VARCHAR,
        "order_column": VARCHAR,
        "order_direction": VARCHAR,
        "order_null_order": VARCHAR,
        "order_limit": BIGINT,
    },
    cardinality=exact,
)
def order_echo(count: Count, ctx: dw.Context, *, batch_size: int = 2048) -> Iterator[dict[str, Any]]:
    """Echoes the order in which the first rows are wanted, and does not keep to it"""
    order = ctx.order
    if order is None:
        shown: tuple[Any, ...] = (NOTHING, NOTHING, NOTHING, -1)
    else:
        direction = "DESC" if order.descending else "ASC"
        nulls = "NULLS_FIRST" if order.nulls_first else "NULLS_LAST"
        shown = (order.column, direction, nulls, -1 if order.limit is None else order.limit)
    names = ("order_column", "order_direction", "order_null_order", "order_limit")
    for start, stop in ranges(count, batch_size):
        echoed = {name: [value] * (stop - start) for name, value in zip(names, shown, strict=True)}
        yield {"n": integers(start, stop), "s": texts("row_", start, stop), **echoed}


@example.table_function(
    columns={"n": BIGINT, "s": VARCHAR, "sample_percentage": DOUBLE, "sample_seed": BIGINT},
    cardinality=exact,
    samples=True,
    filters="none",
)
def sample_echo(count: Count, ctx: dw.Context, *, batch_size: int = 2048) -> Iterator[dict[str, Any]]:
    """Echoes the sample that is wanted, and does not take it"""
    sample = ctx.sample
    percentage = -1.0 if sample is None else sample.percentage
    seed = -1 if sample is None or sample.seed is None else sample.seed
    for start, stop in ranges(count, batch_size):
        yield {
            "n": integers(start, stop),
            "s": texts("row_", start, stop),
            "sample_percentage": [percentage] * (stop - start),
            "sample_seed": [seed] * (stop - start),
        }
