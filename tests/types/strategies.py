"""Types, and columns of Python values of them."""

from __future__ import annotations

import datetime
import struct
import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from duckwing.types import (
    ARRAY,
    BIGINT,
    BIGNUM,
    BIT,
    BLOB,
    BOOLEAN,
    DATE,
    DECIMAL,
    DOUBLE,
    FLOAT,
    GEOMETRY,
    HUGEINT,
    INTEGER,
    INTERVAL,
    JSON,
    LIST,
    MAP,
    SMALLINT,
    STRUCT,
    TIME,
    TIME_NS,
    TIMESTAMP,
    TIMESTAMP_MS,
    TIMESTAMP_NS,
    TIMESTAMP_S,
    TIMESTAMPTZ,
    TIMETZ,
    TINYINT,
    UBIGINT,
    UHUGEINT,
    UINTEGER,
    UNION,
    USMALLINT,
    UTINYINT,
    UUID,
    VARCHAR,
)


def integers(bits: int, *, signed: bool = True) -> st.SearchStrategy[int]:
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) if signed else st.integers(0, (1 << bits) - 1)


def decimals(precision: int, scale: int) -> st.SearchStrategy[Decimal]:
    last = 10**precision - 1
    return st.integers(-last, last).map(lambda unscaled: Decimal(f"{unscaled}E-{scale}"))


def moments(unit: int, first: int, last: int) -> st.SearchStrategy[datetime.datetime]:
    """Datetimes that are a multiple of ``unit`` microseconds."""
    start = datetime.datetime(1970, 1, 1)
    return st.datetimes(datetime.datetime(first, 1, 1), datetime.datetime(last, 12, 31)).map(
        lambda d: d - (d - start) % datetime.timedelta(microseconds=unit)
    )


def aware(moment: datetime.datetime) -> datetime.datetime:
    return moment.replace(tzinfo=datetime.timezone.utc)  # noqa: UP017 - compared with what pyarrow makes


OFFSETS = st.integers(-57_599, 57_599).map(lambda seconds: datetime.timezone(datetime.timedelta(seconds=seconds)))
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
IDS = st.integers(0, (1 << 128) - 1).map(lambda bits: uuid.UUID(int=bits))
INTERVALS = st.tuples(integers(32), integers(32), integers(64)).map(pa.MonthDayNano)
POINTS = st.builds(lambda x, y: struct.pack("<BIdd", 1, 1, x, y), *[st.floats(-1e9, 1e9)] * 2)

SCALARS: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (BOOLEAN, st.booleans()),
    (TINYINT, integers(8)),
    (SMALLINT, integers(16)),
    (INTEGER, integers(32)),
    (BIGINT, integers(64)),
    (UTINYINT, integers(8, signed=False)),
    (USMALLINT, integers(16, signed=False)),
    (UINTEGER, integers(32, signed=False)),
    (UBIGINT, integers(64, signed=False)),
    (HUGEINT, integers(128)),
    (UHUGEINT, integers(128, signed=False)),
    (BIGNUM, st.integers()),
    (FLOAT, st.floats(width=32, allow_nan=False)),
    (DOUBLE, st.floats(allow_nan=False)),
    (DECIMAL(1, 0), decimals(1, 0)),
    (DECIMAL(4, 2), decimals(4, 2)),
    (DECIMAL(18, 3), decimals(18, 3)),
    (DECIMAL(38, 10), decimals(38, 10)),
    (VARCHAR, TEXT),
    (BLOB, st.binary()),
    (BIT, st.text("01", min_size=1)),
    (UUID, IDS),
    (JSON, TEXT),
    (DATE, st.dates()),
    (TIME, st.times()),
    (TIME_NS, st.times()),
    (TIMETZ, st.builds(lambda t, z: t.replace(tzinfo=z), st.times(), OFFSETS)),
    (TIMESTAMP_S, moments(1_000_000, 1, 9999)),
    (TIMESTAMP_MS, moments(1000, 1, 9999)),
    (TIMESTAMP, moments(1, 1, 9999)),
    (TIMESTAMP_NS, moments(1, 1700, 2200)),
    (TIMESTAMPTZ, moments(1, 1, 9999).map(aware)),
    (INTERVAL, INTERVALS),
    (GEOMETRY, POINTS),
]


def nested(inner: st.SearchStrategy[tuple[pa.DataType, Any]]) -> st.SearchStrategy[tuple[pa.DataType, Any]]:
    """Pairs of a type and a strategy of its values, one level up."""

    def null_or(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.none() | values

    def wrap(member: tuple[pa.DataType, Any], other: tuple[pa.DataType, Any], kind: str) -> tuple[pa.DataType, Any]:
        (a, values), (b, others) = member, other
        if kind == "list":
            return LIST(a), st.lists(null_or(values), max_size=4)
        if kind == "array":
            return ARRAY(a, 2), st.lists(null_or(values), min_size=2, max_size=2)
        if kind == "map":
            return MAP(a, b), st.lists(st.tuples(values, null_or(others)), max_size=3, unique_by=key)
        if kind == "union":
            pairs = st.tuples(st.just("x"), values) | st.tuples(st.just("y"), others)
            return UNION({"x": a, "y": b}), pairs
        return STRUCT({"x": a, "y": b}), st.fixed_dictionaries({"x": null_or(values), "y": null_or(others)})

    return st.builds(wrap, inner, inner, st.sampled_from(["list", "array", "map", "union", "struct"]))


def key(pair: tuple[Any, Any]) -> str:
    """The same for keys that DuckDB takes for equal."""
    return repr(_comparable(pair[0]))


def _comparable(value: Any) -> Any:
    if isinstance(value, pa.MonthDayNano):
        months, days, nanoseconds = value
        return (months * 30 + days) * 86_400 * 10**9 + nanoseconds
    if isinstance(value, dict):
        return sorted((name, _comparable(member)) for name, member in value.items())
    if isinstance(value, (list, tuple)):
        return [_comparable(item) for item in value]
    if isinstance(value, datetime.time):
        return value.replace(fold=0)
    return value + 0.0 if isinstance(value, float) else value


TYPES = st.recursive(st.sampled_from(SCALARS), nested, max_leaves=4)


@st.composite
def columns(draw: st.DrawFn) -> tuple[pa.DataType, list[Any]]:
    type, values = draw(TYPES)
    return type, draw(st.lists(st.none() | values, max_size=8))
