"""A table that DuckDB reads from a catalog which it attaches together with the worker's."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from ..sql.session import Session, attach_statement
from .attaching import attach, place

pytestmark = pytest.mark.sql

EVENTS = [(1, "cold-a"), (2, "cold-b"), (3, "cold-c"), (100, "hot-x"), (200, "hot-y")]


@pytest.fixture
def environment(tmp_path: Path) -> str:
    """The variables that name a database with the events."""
    path = tmp_path / "events.db"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE events (id BIGINT, val VARCHAR)")
        connection.executemany("INSERT INTO events VALUES (?, ?)", EVENTS)
    return f"VGI_TEST_COMPANION_TARGET={path} VGI_TEST_COMPANION_DBTYPE=duckdb"


def databases(session: Session) -> list[str]:
    """What is attached, as SQL shows it."""
    return session.values("SELECT database_name FROM duckdb_databases() WHERE NOT internal ORDER BY ALL")


def test_the_companion_comes_and_goes(fresh: Session, environment: str) -> None:
    attach(fresh, "companion", "companion", environment=environment)
    assert databases(fresh) == ["companion", "memory", "vgi_companion"]
    assert fresh.rows("FROM companion.data.hot_cold ORDER BY id") == EVENTS
    assert fresh.rows("FROM companion.hot_cold WHERE id >= 100 ORDER BY id") == EVENTS[3:]
    assert fresh.rows("SELECT val FROM companion.hot_cold WHERE id < 3 ORDER BY id") == [("cold-a",), ("cold-b",)]
    described = fresh.rows("SELECT column_name, column_type FROM (DESCRIBE companion.hot_cold)")
    assert described == [("id", "BIGINT"), ("val", "VARCHAR")]
    fresh.execute("DETACH companion")
    assert databases(fresh) == ["memory"]


def test_another_alias(fresh: Session, environment: str) -> None:
    attach(fresh, "companion", "companion", environment=f"{environment} VGI_TEST_COMPANION_ALIAS=other")
    assert databases(fresh) == ["companion", "memory", "other"]
    assert fresh.rows("FROM companion.hot_cold ORDER BY id") == EVENTS


def test_a_hidden_companion(fresh: Session, environment: str) -> None:
    attach(fresh, "companion", "companion", environment=f"{environment} VGI_TEST_COMPANION_HIDDEN=1")
    assert databases(fresh) == ["companion", "memory"]
    assert fresh.rows("FROM companion.hot_cold ORDER BY id") == EVENTS


def test_a_companion_that_the_extension_refuses(fresh: Session, environment: str) -> None:
    where = place("companion", f"{environment} VGI_TEST_COMPANION_POISON=1")
    assert "not permitted" in fresh.error(attach_statement(where, "companion", "companion", "pool true"))
    assert databases(fresh) == ["memory"]


def test_no_companion(fresh: Session) -> None:
    attach(fresh, "companion", "companion", environment="VGI_TEST_COMPANION_TARGET=")
    assert databases(fresh) == ["companion", "memory"]
    assert "not attached" in fresh.error("FROM companion.hot_cold")
