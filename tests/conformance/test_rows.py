"""Row functions of ``example``: with values, and for the rows of a table."""

from __future__ import annotations

from typing import Any

import pytest

from ..sql.session import Session

pytestmark = pytest.mark.sql


@pytest.mark.parametrize(
    ("call", "rows"),
    [
        ("geo_encode(52, 13)", [("52.0:13.0",)]),
        ('geo_encode(52.52, 13.405, "precision" := 1)', [("52.5:13.4",)]),
        ("geo_encode(52.52, 13.405, 3)", [("52.52:13.405:3.0",)]),
        ("geo_encode(NULL, 1)", [(None,)]),
        ("row_sum(1, -2, 3)", [(2.0,)]),
        ("row_sum(1, -2, 3, absolute := true)", [(6.0,)]),
        ("row_sum()", [(0.0,)]),
        ("blended_drop(1)", []),
        ("blended_explode(3)", [(0,), (1,), (2,)]),
        ("blended_explode(NULL)", []),
        ("projectable_blended(3)", [(30, 300)]),
        ("projectable_blended(NULL)", [(None, None)]),
        ("cached_double(4)", [(8,)]),
        ("cached_reval_double(4)", [(8,)]),
    ],
)
def test_values(example: Session, call: str, rows: list[tuple[Any, ...]]) -> None:
    assert example.rows(f"FROM {call}") == rows


def test_columns(example: Session) -> None:
    numbers = "(VALUES (2), (0), (3), (NULL), (-1)) t(n)"
    expected = [(2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]
    for function in ("blended_explode", "cached_explode"):
        assert example.rows(f"SELECT t.n, e.i FROM {numbers}, {function}(t.n) e ORDER BY ALL") == expected
    assert example.rows("SELECT t.i, p.b FROM range(3) t(i), projectable_blended(t.i) p ORDER BY ALL") == [
        (i, 100 * i) for i in range(3)
    ]


def test_many_rows(example: Session) -> None:
    assert example.row("SELECT count(*), sum(i) FROM blended_explode(5000)") == (5000, 12_497_500)
    query = "SELECT count(*), sum(d.doubled) FROM range(5000) t(i), cached_double(t.i) d"
    assert example.row(query) == (5000, 24_995_000)


def test_rows_that_came_from_nowhere(own_example: Session) -> None:
    query = "SELECT * FROM (VALUES (1), (2)) t(i), hostile_provenance(t.i) h"
    assert "out of range" in own_example.error(query)
    assert own_example.rows("FROM cached_double(2)") == [(4,)]
    assert own_example.rows("FROM hostile_provenance(NULL)") == [(None,)]


def test_columns_of_the_result(example: Session) -> None:
    assert "Projections: b" in str(example.rows("EXPLAIN SELECT b FROM projectable_blended(3)"))
    assert example.rows("SELECT b, p.b / p.a FROM range(1, 3) t(i), projectable_blended(t.i) p ORDER BY b") == [
        (100, 10.0),
        (200, 10.0),
    ]
