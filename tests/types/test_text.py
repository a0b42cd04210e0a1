"""Values as text and back, and what DuckDB makes of the same text."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from duckwing.types import (
    ARRAY,
    BIGINT,
    BLOB,
    BOOLEAN,
    DATE,
    DECIMAL,
    DOUBLE,
    GEOMETRY,
    HUGEINT,
    INTEGER,
    INTERVAL,
    JSON,
    LIST,
    MAP,
    STRUCT,
    TIMESTAMP,
    TIMESTAMPTZ,
    UNION,
    VARCHAR,
    sql_name,
)
from duckwing.types.text import from_text, has_text, to_text
from duckwing.types.values import from_values, to_values

from .strategies import SCALARS, TYPES


def in_micros(value: Any) -> Any:
    """A value as DuckDB has it: without nanoseconds of intervals."""
    if isinstance(value, pa.MonthDayNano):
        return pa.MonthDayNano((value.months, value.days, value.nanoseconds // 1000 * 1000))
    if isinstance(value, dict):
        return {name: in_micros(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(in_micros, value))
    return value


@settings(deadline=None)
@given(st.data())
def test_everything_comes_back(data: st.DataObject) -> None:
    type_, values = data.draw(TYPES)
    assume(has_text(type_))
    value = in_micros(data.draw(values))
    assert from_text(to_text(value, type_), type_) == value


@pytest.mark.parametrize(
    "type_", [UNION({"a": BIGINT}), GEOMETRY, LIST(UNION({"a": BIGINT})), MAP(VARCHAR, GEOMETRY), LIST(JSON)]
)
def test_what_has_no_text(type_: pa.DataType) -> None:
    assert not has_text(type_)


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


ODD = [
    "",
    "NULL",
    "null",
    " a ",
    "a, b",
    "it's",
    'a"b',
    "a\\b",
    "\\'",
    "[1]",
    "{x=1}",
    "k=v",
    "a: b",
    "ä🦆",
    "\n",
    "'a'",
]

EXAMPLES: list[tuple[pa.DataType, Any]] = [
    (LIST(VARCHAR), [*ODD, None]),
    (LIST(VARCHAR), []),
    (STRUCT({"a": VARCHAR, "it's, odd": INTEGER}), {"a": "x: 'y', \\z", "it's, odd": None}),
    (MAP(VARCHAR, LIST(INTEGER)), [(text, [1, None]) for text in ODD]),
    (MAP(DATE, STRUCT({"a": BOOLEAN})), [(datetime.date(2024, 2, 29), {"a": True})]),
    (LIST(BLOB), [b"", b"\0\xff'\\", b"abc"]),
    (LIST(DECIMAL(10, 2)), [Decimal("-1.50"), Decimal("12345678.90")]),
    (ARRAY(DOUBLE, 3), [float("inf"), -0.5, 1e300]),
    (LIST(TIMESTAMP), [datetime.datetime(1, 1, 1), datetime.datetime(2024, 2, 29, 12, 0, 1, 5)]),
    (LIST(TIMESTAMPTZ), [datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC)]),
    (LIST(INTERVAL), [pa.MonthDayNano((-14, 3, -5_000)), pa.MonthDayNano((0, 0, 3_600_000_000_000))]),
    (LIST(HUGEINT), [-(2**127), 2**127 - 1]),
    (JSON, '{"a": [1, "x"]}'),
    (LIST(LIST(STRUCT({"a": LIST(VARCHAR)}))), [[{"a": ["x", None]}, None], None, []]),
    (INTERVAL, pa.MonthDayNano((25, -1, 1_000))),
]


@pytest.mark.parametrize(("type_", "value"), EXAMPLES, ids=[sql_name(type_) for type_, _ in EXAMPLES])
def test_duckdb_reads_the_text_and_its_own_is_read(
    database: duckdb.DuckDBPyConnection, type_: pa.DataType, value: Any
) -> None:
    name = sql_name(type_)
    text = to_text(value, type_)
    assert from_text(text, type_) == value
    own = cast(database, text, name)
    assert own == cast(database, own, name)
    assert from_text(own, type_) == value


@pytest.mark.parametrize(
    ("type_", "values"),
    [(t, v) for t, v in SCALARS if has_text(t) and not pa.types.is_string(t) and t not in (JSON,)],
    ids=[sql_name(t) for t, _ in SCALARS if has_text(t) and not pa.types.is_string(t) and t not in (JSON,)],
)
def test_duckdb_reads_scalars(
    database: duckdb.DuckDBPyConnection, type_: pa.DataType, values: st.SearchStrategy[Any]
) -> None:
    @settings(deadline=None)
    @given(values)
    def check(value: Any) -> None:
        value = in_micros(to_values(from_values([value], type_, "x"))[0])
        if isinstance(value, pa.MonthDayNano):
            assume(abs(value.months) < 2**31 and abs(value.days) < 2**31)
        if isinstance(value, datetime.time) and (offset := value.utcoffset()) is not None:
            assume(offset % datetime.timedelta(minutes=1) == datetime.timedelta(0))  # DuckDB writes others wrongly
        assert from_text(cast(database, to_text(value, type_), sql_name(type_)), type_) == value

    check()


def cast(database: duckdb.DuckDBPyConnection, text: str, type_: str) -> str:
    """What DuckDB makes of a text, as a text."""
    row = database.execute(f"SELECT CAST(CAST(? AS {type_}) AS VARCHAR)", [text]).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize(
    ("text", "type_", "expected"),
    [
        ("", INTEGER, "invalid literal"),
        ("1.5", BIGINT, "invalid literal"),
        ("yes", BOOLEAN, "'yes' is no BOOLEAN"),
        ("1e3", DECIMAL(10, 2), "'1e3' is no DECIMAL(10,2)"),
        ("2024-13-01", DATE, "month must be in 1..12"),
        ("two days", INTERVAL, "'two days' is no INTERVAL"),
        ("1, 2", LIST(INTEGER), "begins with a bracket"),
        ("[1, 2", LIST(INTEGER), "']' is expected"),
        ("[1] x", LIST(INTEGER), "'x' stands after the end"),
        ("{'b': 1}", STRUCT({"a": INTEGER}), "has no member 'b'"),
        ("['a]", LIST(VARCHAR), "never closed"),
        ("list<item: int32>[1, 2]", LIST(INTEGER), "begins with a bracket"),
    ],
)
def test_what_is_no_value(text: str, type_: pa.DataType, expected: str) -> None:
    with pytest.raises(ValueError, match=re.escape(expected)):
        from_text(text, type_)
