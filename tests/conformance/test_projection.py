"""The catalog ``projection_repro``: few columns of many."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..sql.session import Session
from .attaching import attach

pytestmark = pytest.mark.sql

FUNCTIONS = ["proj_repro_strict", "proj_repro_full_schema", "proj_repro_chunked"]


@pytest.fixture(scope="module")
def projection(sql: Session) -> Iterator[Session]:
    attach(sql, "main", "projection_repro")
    yield sql
    sql.execute("DETACH projection_repro")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_columns(projection: Session, function: str) -> None:
    source = f"projection_repro.{function}(5)"
    assert projection.value(f"SELECT count(*) FROM {source}") == 5
    assert projection.rows(f'SELECT value_string, "offset", key FROM {source}') == [
        (f"v{i}", i, f"k{i}".encode()) for i in range(5)
    ]
    assert projection.row(f'SELECT * FROM {source} WHERE "offset" = 3') == (
        *("demo_topic", 3, 3, None, None, b"k3", "k3", None, b"v3", "v3", None),
        [],
    )
    assert projection.value(f"SELECT count(timestamp) FROM {source}") == 0


def test_several_processes(projection: Session) -> None:
    query = "SELECT count(*), count(topic), count(timestamp_type) FROM projection_repro.proj_repro_multi_worker(5)"
    assert projection.row(query) == (20, 20, 0)


@pytest.mark.parametrize("table", ["strict_table", "full_table"])
def test_tables(projection: Session, table: str) -> None:
    assert projection.row(f"SELECT count(*), max(partition) FROM projection_repro.{table}") == (100, 3)
