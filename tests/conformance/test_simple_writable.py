"""Tables that are written to without transactions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ..sql.session import Session
from .attaching import attach

pytestmark = pytest.mark.sql

ROWS = [(1, "a", 10), (2, "b", 20), (3, None, None)]


@pytest.fixture
def items(fresh: Session) -> Iterator[Session]:
    """A new attachment, and so no rows."""
    attach(fresh, "simple_writable", "simple_writable")
    fresh.execute("USE simple_writable")
    yield fresh
    fresh.execute("USE memory")


def values(rows: list[tuple[Any, ...]]) -> str:
    """Rows for INSERT."""
    return "VALUES " + ", ".join(
        "(" + ", ".join("NULL" if v is None else f"'{v}'" if isinstance(v, str) else str(v) for v in row) + ")"
        for row in rows
    )


def test_tables_and_columns(items: Session) -> None:
    query = """
        SELECT table_name, list((column_name, data_type) ORDER BY column_index) FROM duckdb_columns()
        WHERE database_name = 'simple_writable' AND schema_name = 'main' GROUP BY ALL ORDER BY ALL
    """
    two, three = [("id", "BIGINT"), ("name", "VARCHAR")], [("id", "BIGINT"), ("name", "VARCHAR"), ("qty", "BIGINT")]
    assert items.rows(query) == [
        ("items", three),
        ("items_broken_returning", two),
        ("items_insert_only", two),
        ("items_no_returning", three),
    ]


def test_insert(items: Session) -> None:
    assert items.value(f"INSERT INTO items {values(ROWS)}") == 3
    assert items.rows("FROM items ORDER BY id") == ROWS
    assert items.values("SELECT rowid FROM items ORDER BY id") == [1, 2, 3]
    assert items.value("INSERT INTO items VALUES (NULL, NULL, NULL)") == 1
    assert items.value("INSERT INTO items(name) VALUES ('d')") == 1
    assert items.rows("FROM items WHERE id IS NULL ORDER BY rowid") == [(None, None, None), (None, "d", None)]


def test_insert_returning(items: Session) -> None:
    assert items.rows(f"INSERT INTO items {values(ROWS)} RETURNING *") == ROWS
    assert items.rows("INSERT INTO items VALUES (4, 'd', 40) RETURNING qty * 2, name") == [(80, "d")]
    assert items.value("SELECT count(*) FROM items") == 4


def test_update(items: Session) -> None:
    items.execute(f"INSERT INTO items {values(ROWS)}")
    assert items.value("UPDATE items SET qty = qty + 1 WHERE id <= 2") == 2
    assert items.rows("UPDATE items SET name = upper(name), qty = 0 WHERE id = 1 RETURNING *") == [(1, "A", 0)]
    assert items.rows("UPDATE items SET name = 'c' WHERE id = 3 RETURNING id, qty") == [(3, None)]
    assert items.value("UPDATE items SET qty = 1 WHERE id = 9") == 0
    assert items.rows("FROM items ORDER BY id") == [(1, "A", 0), (2, "b", 21), (3, "c", None)]


def test_delete(items: Session) -> None:
    items.execute(f"INSERT INTO items {values(ROWS)}")
    assert items.rows("DELETE FROM items WHERE id = 2 RETURNING *") == [(2, "b", 20)]
    assert items.value("DELETE FROM items WHERE id = 2") == 0
    assert items.value("DELETE FROM items") == 2
    assert items.rows("FROM items") == []


def test_many_rows(items: Session) -> None:
    assert items.value("INSERT INTO items SELECT i, 'n' || i, i % 7 FROM range(10000) r(i)") == 10_000
    assert items.value("UPDATE items SET qty = 100 WHERE qty = 3") == 1429
    assert len(items.rows("DELETE FROM items WHERE qty = 100 RETURNING id, name")) == 1429
    left = [i for i in range(10_000) if i % 7 != 3]
    assert items.row("SELECT count(*), sum(id), max(qty) FROM items") == (len(left), sum(left), 6)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO items_no_returning VALUES (1, 'a', 1) RETURNING id",
        "UPDATE items_no_returning SET qty = 1 RETURNING id",
        "DELETE FROM items_no_returning RETURNING id",
    ],
)
def test_no_returning(items: Session, statement: str) -> None:
    operation = statement.split()[0]
    expected = f"does not support result mode 'rows' for {operation} (maximum is 'count')"
    assert expected in items.error(statement)
    assert items.value("INSERT INTO items_no_returning VALUES (1, 'a', 1)") == 1
    assert items.value("UPDATE items_no_returning SET qty = 2") == 1
    assert items.rows("FROM items_no_returning") == [(1, "a", 2)]
    assert items.value("DELETE FROM items_no_returning") == 1


def test_insert_only(items: Session) -> None:
    assert items.rows("INSERT INTO items_insert_only VALUES (1, 'a') RETURNING name") == [("a",)]
    assert "does not support UPDATE" in items.error("UPDATE items_insert_only SET name = 'b'")
    assert "does not support DELETE" in items.error("DELETE FROM items_insert_only")
    assert items.rows("FROM items_insert_only") == [(1, "a")]


def test_broken_returning_stores_rows(items: Session) -> None:
    assert items.value("INSERT INTO items_broken_returning VALUES (1, 'a')") == 1
    message = items.error("INSERT INTO items_broken_returning VALUES (2, 'b') RETURNING id")
    assert "incompatible RETURNING batch" in message
    assert items.rows("FROM items_broken_returning") == [(1, "a"), (2, "b")]
    assert items.rows("INSERT INTO items VALUES (1, 'a', 1) RETURNING id") == [(1,)]


def test_each_attachment_has_its_rows(items: Session) -> None:
    attach(items, "simple_writable", "simple_writable", alias="other")
    items.execute(f"INSERT INTO items {values(ROWS)}")
    items.execute("INSERT INTO other.items VALUES (9, 'z', 9)")
    assert items.rows("FROM other.items") == [(9, "z", 9)]
    assert items.rows("FROM items ORDER BY id") == ROWS


def test_rows_are_there_for_later_processes(fresh: Session) -> None:
    attach(fresh, "simple_writable", "simple_writable", "pool false")
    fresh.execute(f"INSERT INTO simple_writable.items {values(ROWS)}")
    assert fresh.rows("FROM simple_writable.items ORDER BY id") == ROWS


def test_nothing_is_rolled_back(items: Session) -> None:
    items.execute("BEGIN")
    items.execute(f"INSERT INTO items {values(ROWS)}")
    items.execute("ROLLBACK")
    assert items.rows("FROM items ORDER BY id") == ROWS
