"""Rows that are written arrive in the Arrow columns that a table has declared; the worker refuses any others."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..sql.session import Session, literal
from .attaching import attach

pytestmark = pytest.mark.sql

ROW_IDS = {
    "demo": "CASE id WHEN 1 THEN 1 ELSE 2 END",
    "ts_demo": "ts",
    "struct_demo": "{'a': id, 'b': nested.b}",
}

SAMPLE = """
    CREATE OR REPLACE TEMP TABLE sample AS
    SELECT i::INTEGER AS id,
        TIMESTAMPTZ '2026-01-02 03:04:05.678+00' + INTERVAL (i) HOUR AS ts,
        {'a': i::INTEGER, 'b': nullif('b' || i, 'b2'), 'ts2': TIMESTAMPTZ '2026-01-01 00:00:00.5+05'} AS nested,
        [{'k': 'k' || i, 'v': nullif('v' || i, 'v2')::BLOB}] AS tags
    FROM range(1, 3) r(i)
"""


@pytest.fixture
def tables(fresh: Session, tmp_path: Path) -> Session:
    """The catalog over a new file, and two rows to put in."""
    return prepared(fresh, tmp_path, "pool true")


def prepared(session: Session, folder: Path, options: str) -> Session:
    """The same, with options of ATTACH."""
    session.execute("SET TimeZone = 'America/New_York'")
    session.execute(SAMPLE)
    environment = f"VGI_SCHEMA_RECONCILE_DB={folder / 'rows.db'}"
    attach(session, "main", "schema_reconcile", options, alias="r", environment=environment)
    return session


def test_tables_and_columns(tables: Session) -> None:
    query = """
        SELECT table_name, list(column_name || ' ' || data_type ORDER BY column_index) FROM duckdb_columns()
        WHERE database_name = 'r' GROUP BY ALL ORDER BY ALL
    """
    columns = [
        "id BIGINT",
        "ts TIMESTAMP WITH TIME ZONE",
        "nested STRUCT(a INTEGER, b VARCHAR, ts2 TIMESTAMP WITH TIME ZONE)",
        "tags STRUCT(k VARCHAR, v BLOB)[]",
    ]
    assert tables.rows(query) == [(name, columns) for name in ("demo", "struct_demo", "ts_demo")]


@pytest.mark.parametrize("table", ROW_IDS)
def test_insert(tables: Session, table: str) -> None:
    assert tables.value(f"INSERT INTO r.{table} FROM sample") == 2
    assert tables.value(f"SELECT count(*) FROM r.{table}") == 2
    different = f"(FROM r.{table} EXCEPT ALL FROM sample) UNION ALL (FROM sample EXCEPT ALL FROM r.{table})"
    assert tables.rows(different) == []
    assert tables.values(f"SELECT rowid = {ROW_IDS[table]} FROM r.{table}") == [True, True]
    assert tables.rows(f"INSERT INTO r.{table} SELECT * FROM sample WHERE id > 2") == [(0,)]


def test_instants_stay_what_they_are(tables: Session) -> None:
    tables.execute("INSERT INTO r.demo FROM sample")
    tables.execute("SET TimeZone = 'UTC'")
    assert tables.rows("SELECT ts::VARCHAR, nested.ts2::VARCHAR FROM r.demo ORDER BY id") == [
        ("2026-01-02 04:04:05.678+00", "2025-12-31 19:00:00.5+00"),
        ("2026-01-02 05:04:05.678+00", "2025-12-31 19:00:00.5+00"),
    ]


@pytest.mark.parametrize("table", ROW_IDS)
def test_update(tables: Session, table: str) -> None:
    tables.execute(f"INSERT INTO r.{table} FROM sample")
    assert tables.value(f"UPDATE r.{table} SET id = id + 100 WHERE id = 2") == 1
    new = "{'b': 'new', 'a': 7, 'ts2': NULL}"
    assert tables.value(f"UPDATE r.{table} SET nested = {new}, tags = [] WHERE id = 1") == 1
    assert tables.value(f"UPDATE r.{table} SET tags = [] WHERE id = 3") == 0
    assert tables.rows(f"SELECT id, nested.a, nested.b, nested.ts2::VARCHAR, len(tags) FROM r.{table} ORDER BY id") == [
        (1, 7, "new", None, 0),
        (102, 2, None, "2025-12-31 14:00:00.5-05", 1),
    ]


@pytest.mark.parametrize("table", ROW_IDS)
def test_delete(tables: Session, table: str) -> None:
    tables.execute(f"INSERT INTO r.{table} FROM sample")
    row_id = tables.value(f"SELECT rowid::VARCHAR FROM r.{table} WHERE id = 1")
    assert tables.value(f"DELETE FROM r.{table} WHERE rowid::VARCHAR = {literal(row_id)}") == 1
    assert tables.values(f"SELECT id FROM r.{table}") == [2]
    tables.execute(f"INSERT INTO r.{table} FROM sample WHERE id = 1")
    assert tables.value(f"DELETE FROM r.{table}") == 2
    assert tables.rows(f"FROM r.{table}") == []


def test_columns_in_any_order(tables: Session) -> None:
    tables.execute("INSERT INTO r.demo FROM sample")
    assert tables.rows("SELECT tags[1].k, id, rowid, id FROM r.demo ORDER BY rowid") == [
        ("k1", 1, 1, 1),
        ("k2", 2, 2, 2),
    ]


def test_returning_is_refused(tables: Session) -> None:
    message = tables.error("INSERT INTO r.demo FROM sample RETURNING id")
    assert "does not support result mode 'rows' for INSERT (maximum is 'count')" in message


def test_later_processes_find_the_rows(fresh: Session, tmp_path: Path) -> None:
    prepared(fresh, tmp_path, "pool false")
    assert fresh.value("INSERT INTO r.demo FROM sample") == 2
    assert fresh.values("SELECT id FROM r.demo ORDER BY id") == [1, 2]
