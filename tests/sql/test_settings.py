"""Settings of types whose defaults DuckDB keeps as text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .session import Session

pytestmark = pytest.mark.sql

VALUES = {
    "price": ("DECIMAL(10,2)", "Decimal('-1.50')", "2.25", "Decimal('2.25')"),
    "day": ("DATE", "datetime.date(2024, 2, 29)", "DATE '2020-01-02'", "datetime.date(2020, 1, 2)"),
    "clock": ("TIME", "datetime.time(1, 2, 3, 4)", "TIME '10:00'", "datetime.time(10, 0)"),
    "moment": (
        "TIMESTAMP",
        "datetime.datetime(2024, 2, 29, 12, 0, 1, 5)",
        "TIMESTAMP '2020-01-02 03:04:05'",
        "datetime.datetime(2020, 1, 2, 3, 4, 5)",
    ),
    "exact": (
        "TIMESTAMP_NS",
        "datetime.datetime(2024, 2, 29, 12, 0)",
        "TIMESTAMP_NS '2020-01-02 03:04:05.000007'",
        "datetime.datetime(2020, 1, 2, 3, 4, 5, 7)",
    ),
    "zoned": (
        "TIMESTAMP WITH TIME ZONE",
        "datetime.datetime(2024, 2, 29, 11, 0, tzinfo=zoneinfo.ZoneInfo(key='UTC'))",
        "TIMESTAMPTZ '2020-01-02 03:00:00+02'",
        "datetime.datetime(2020, 1, 2, 1, 0, tzinfo=zoneinfo.ZoneInfo(key='UTC'))",
    ),
    "span": (
        "INTERVAL",
        "MonthDayNano(months=0, days=-1, nanoseconds=7000)",
        "INTERVAL '14 months 1 second'",
        "MonthDayNano(months=14, days=0, nanoseconds=1000000000)",
    ),
    "id": ("UUID", f"UUID('{255:032x}')", f"'{1:032x}'::UUID", f"UUID('{1:032x}')"),
    "huge": ("HUGEINT", str(-(2**127)), str(2**127 - 1), str(2**127 - 1)),
    "bytes": ("BLOB", 'b"\\x00\'\\xff"', "'\\x00'::BLOB", "b'\\x00'"),
    "json": ("JSON", "'{\"a\": [1]}'", "'[2]'::JSON", "'[2]'"),
    "ports": ("INTEGER[]", "[80, None]", "[3]", "[3]"),
    "none": ("VARCHAR[]", "[]", "['a', '']", "['a', '']"),
    "server": (
        "STRUCT(host VARCHAR, tags VARCHAR[])",
        r"""{'host': "it's, {a}", 'tags': ['x\\y', None, 'NULL']}""",
        "{'host': 'h', 'tags': NULL}",
        "{'host': 'h', 'tags': None}",
    ),
    "prices": (
        "MAP(VARCHAR, DECIMAL(6,2))",
        "[('a=b', Decimal('1.00')), ('', None)]",
        "MAP {'k': 2.5}",
        "[('k', Decimal('2.50'))]",
    ),
    "choice": ("UNION(n INTEGER, s VARCHAR)", "('s', 'x')", "union_value(n := 7)", "('n', 7)"),
}
"""By name: the type, what functions see of the default, another value in SQL, and what they see of that."""


@pytest.fixture(scope="module")
def session(sql: Session) -> Iterator[Session]:
    sql.attach("defaults")
    yield sql
    for name in VALUES:
        sql.execute(f"RESET defaults_{name}")


def without_dashes(text: str) -> str:
    """UUIDs are written in one way."""
    return text.replace("-", "") if text.startswith("UUID") else text


@pytest.mark.parametrize("name", VALUES)
def test_values_have_the_declared_type(session: Session, name: str) -> None:
    type_, default, value, seen = VALUES[name]
    query = f"SELECT defaults.value_of('{name}')"
    assert session.value(f"SELECT input_type FROM duckdb_settings() WHERE name = 'defaults_{name}'") == type_
    for _ in range(2):
        assert without_dashes(session.value(query)) == default
        session.execute(f"SET defaults_{name} = {value}")
        assert without_dashes(session.value(query)) == seen
        session.execute(f"RESET defaults_{name}")
    assert without_dashes(session.value(query)) == default


@pytest.mark.parametrize("name", [name for name in VALUES if name not in ("choice", "bytes")])
def test_defaults_can_be_cast(session: Session, name: str) -> None:
    """SQL sees the default as a text, which is one of the type."""
    session.execute(f"RESET defaults_{name}")
    text = session.value(f"SELECT value FROM duckdb_settings() WHERE name = 'defaults_{name}'")
    assert text == session.value(f"SELECT current_setting('defaults_{name}')")
    session.execute(f"SET defaults_{name} = current_setting('defaults_{name}')::{VALUES[name][0]}")
    assert without_dashes(session.value(f"SELECT defaults.value_of('{name}')")) == VALUES[name][1]
    session.execute(f"RESET defaults_{name}")


def test_the_default_of_who_came_first(session: Session) -> None:
    """Settings belong to the database: two catalogs that declare one of them share it."""
    session.attach("defaults", "others")
    assert session.row("SELECT defaults.value_of('ports'), others.value_of('ports')") == ("[80, None]", "[80, None]")
