"""Catalogs with many objects: what is asked for to find one of them, and to list them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from .session import Session, attach_statement, literal, location

pytestmark = pytest.mark.sql

COUNTED = 1000
"""Up to how many tables DuckDB lists them all where a query names one."""


class Crowd:
    """The catalog ``crowd``, attached to a database of its own."""

    def __init__(self, session: Session, calls: Path, count: int):
        self.session = session
        self._calls = calls
        options = f"count {count}, calls {literal(str(calls))}"
        session.execute(attach_statement(location("many_objects"), "crowd", "crowd", options))

    def calls(self, kind: str) -> list[str]:
        """What the catalog noted."""
        lines = self._calls.read_text().splitlines() if self._calls.exists() else []
        return [line for line in lines if line.split()[0] == kind]


def logged(session: Session, sql: str) -> tuple[object, str]:
    """The rows of a query, and what the extension wrote to its log meanwhile."""
    session.execute("CALL enable_logging('VGI', level = 'debug')")
    rows = session.rows(sql)
    session.execute("CALL disable_logging()")
    return rows, "\n".join(session.values("SELECT message FROM duckdb_logs WHERE type = 'VGI'"))


def test_one_of_many_tables_of_a_provider_is_found_without_listing_them(fresh: Session, tmp_path: Path) -> None:
    crowd = Crowd(fresh, tmp_path / "calls", 100_000)
    rows, log = logged(fresh, "SELECT * FROM crowd.main.t99999")
    assert rows == [(99999,)]
    assert log.count("'event': catalog.rpc, 'info': {method=catalog_table_get") == 1
    assert "method=catalog_schema_contents_tables" not in log
    assert len(crowd.calls("named")) <= COUNTED + 1  # enough to know that they are many
    assert set(crowd.calls("table")) == {"table t99999"}


def test_one_of_many_declared_tables_is_found_without_listing_them(fresh: Session) -> None:
    fresh.execute(attach_statement(location("many_objects"), "declared", "declared"))
    rows, log = logged(fresh, "DESCRIBE declared.main.t2999")
    assert rows == [("n", "BIGINT", "YES", None, None, None)]
    assert log.count("'event': catalog.rpc, 'info': {method=catalog_table_get") == 1
    assert "method=catalog_schema_contents_tables" not in log


def test_few_tables_are_listed_at_once(fresh: Session, tmp_path: Path) -> None:
    crowd = Crowd(fresh, tmp_path / "calls", COUNTED - 1)  # and the declared one
    assert fresh.rows("SELECT * FROM crowd.t1, crowd.t2") == [(1, 2)]
    assert {f"table t{number}" for number in range(COUNTED - 1)} <= set(crowd.calls("table"))


@pytest.mark.parametrize("count", [1, 2000])
def test_a_listing_asks_once_for_each_table(fresh: Session, tmp_path: Path, count: int) -> None:
    crowd = Crowd(fresh, tmp_path / "calls", count)
    query = "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'crowd'"
    assert fresh.value(query) == count + 1
    assert sorted(crowd.calls("table")) == sorted(f"table t{number}" for number in range(count))
    assert len(crowd.calls("named")) <= 2 * count  # to count them, and to list them
    assert fresh.value(query) == count + 1
    assert len(crowd.calls("table")) == count


def test_metadata_never_runs_the_code_of_a_scan(fresh: Session, tmp_path: Path) -> None:
    crowd = Crowd(fresh, tmp_path / "calls", 3)
    for metadata in (
        "SHOW ALL TABLES",
        "SHOW TABLES FROM crowd",
        "DESCRIBE crowd.t1",
        "DESCRIBE crowd.some",
        "DESCRIBE crowd.others",
        "SELECT * FROM duckdb_tables()",
        "SELECT * FROM duckdb_views()",
        "SELECT * FROM duckdb_columns()",
        "SELECT * FROM duckdb_functions()",
        "SELECT * FROM information_schema.columns",
        "EXPLAIN SELECT * FROM crowd.others, crowd.t2 WHERE t2.n > 1",
    ):
        assert fresh.rows(metadata), metadata
        assert crowd.calls("scan") == [], metadata
    assert fresh.rows("SELECT m FROM crowd.some") == [(2,)]
    assert fresh.rows("FROM crowd.others") == [(7, 8)]
    assert sorted(set(crowd.calls("scan"))) == ["scan noted 7", "scan noted 8", "scan t1"]


@pytest.mark.full
@pytest.mark.timeout(600)
def test_a_listing_that_does_not_fit_into_one_answer(fresh: Session) -> None:
    fresh.execute(attach_statement(location("too_large"), "too_large", "too_large"))
    message = fresh.error("SHOW TABLES FROM too_large")
    assert "CatalogError: the 2,040 tables of schema 'main' cannot be listed" in message
    assert "more than 2,147,418,112 bytes, the most that one answer can carry" in message
    assert "spread them over several schemas" in message
    assert fresh.rows("FROM too_large.small") == [(1,)]
