"""Functions of ``example`` that are called without its name."""

from __future__ import annotations

import pytest

from ..sql.session import Session
from .attaching import attach

pytestmark = pytest.mark.sql


def test_they_are_everywhere(fresh: Session) -> None:
    attach(fresh, "main", "example")
    query = "SELECT vgi_example_global_scalar(i) FROM (VALUES (1), (NULL), (2)) v(i)"
    assert fresh.values(query) == ["global_scalar:1", None, "global_scalar:2"]
    assert fresh.rows("FROM vgi_example_global_table()") == [(n, f"global_table:{n}") for n in range(3)]
    assert fresh.rows("SELECT vgi_example_global_agg(i), vgi_example_global_agg(NULL::BIGINT) FROM range(5) t(i)") == [
        (10, None)
    ]
    rows = fresh.rows("FROM vgi_example_global_buffered((SELECT range AS n, 'x' || range AS s FROM range(5000)))")
    assert sorted(rows) == [(n, f"x{n}") for n in range(5000)]


def test_they_are_members_of_main_too(example: Session) -> None:
    assert example.value("SELECT example.main.global_scalar(7)") == "global_scalar:7"
    assert example.value("SELECT count(*) FROM example.main.global_table()") == 3
    assert example.value("SELECT example.main.global_agg(i) FROM range(3) t(i)") == 3
    assert example.rows("FROM example.main.global_buffered((SELECT 1 AS n))") == [(1,)]


def test_their_names(fresh: Session) -> None:
    names = "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_name LIKE '%global_%' ORDER BY ALL"
    before = set(fresh.values(names))
    attach(fresh, "main", "example")
    bare = {"global_agg", "global_buffered", "global_scalar", "global_table"}
    assert set(fresh.values(names)) - before == bare | {f"vgi_example_{name}" for name in bare}


def test_attached_twice_and_detached(fresh: Session) -> None:
    attach(fresh, "main", "example", alias="one")
    attach(fresh, "main", "example", alias="other")
    call = "SELECT vgi_example_global_scalar(1)"
    assert fresh.value(call) == "global_scalar:1"
    fresh.execute("DETACH one")
    assert fresh.value("SELECT other.main.global_scalar(2)") == "global_scalar:2"
    assert "attached" in fresh.error(call)
