"""Aggregates in OVER: frames, cumulative windows, FILTER, EXCLUDE, NULLs, partitions over several chunks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .session import Session

pytestmark = pytest.mark.sql

ROWS = "(SELECT i, i % 3 g, CASE WHEN i % 5 <> 0 THEN i END v FROM range({count}) t(i))"

FRAMES = [
    "ORDER BY i ROWS 2 PRECEDING",
    "ORDER BY i ROWS BETWEEN 1 PRECEDING AND 3 FOLLOWING",
    "PARTITION BY g ORDER BY i ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING",
    "PARTITION BY g ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW",
    "PARTITION BY g ORDER BY i // 2 RANGE BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES",
    "PARTITION BY g ORDER BY i",
    "",
]


def same(session: Session, name: str, over: str, count: int = 60, call: str = "", suffix: str = "") -> None:
    """Assert that an aggregate gives what DuckDB's own ``sum`` gives."""
    local = session.attach("windows")
    rows = ROWS.format(count=count)
    ours = f"{local}.main.{name}({call or 'v'}) {suffix} OVER ({over})"
    expected = f"sum(v) {suffix} OVER ({over})"
    # Apart from each other: DuckDB takes the cumulative form only if it is alone in its window.
    got = session.rows(f"SELECT i, ours FROM (SELECT i, {ours} ours FROM {rows}) ORDER BY i")
    assert got == session.rows(f"SELECT i, CAST(s AS BIGINT) FROM (SELECT i, {expected} s FROM {rows}) ORDER BY i")


@pytest.mark.parametrize("over", FRAMES[:-1])
@pytest.mark.parametrize("name", ["framed", "running", "running_arrays"])
def test_frames(sql: Session, name: str, over: str) -> None:
    same(sql, name, over)


@pytest.mark.parametrize("over", FRAMES)
def test_filters(sql: Session, over: str) -> None:
    same(sql, "framed", over, suffix="FILTER (i % 4 <> 1)")


@pytest.mark.parametrize("name", ["running", "running_arrays"])
@pytest.mark.parametrize("threads", [1, 2, 8])
def test_cumulative_windows_over_many_chunks(open_session: Callable[..., Session], name: str, threads: int) -> None:
    session = open_session(threads=threads)
    try:
        same(session, name, "PARTITION BY g ORDER BY i", count=30_000)
        same(session, name, "PARTITION BY i // 7 ORDER BY i", count=10_000)
        same(session, name, "ORDER BY i", count=10_000)
    finally:
        session.close()


@pytest.mark.parametrize(
    "over", ["", "ORDER BY g", "PARTITION BY g ORDER BY i // 6", "ORDER BY g ROWS UNBOUNDED PRECEDING"]
)
@pytest.mark.parametrize("count", [60, 5000])
def test_rows_of_equal_order_are_an_error_where_the_frame_is_unknown(sql: Session, over: str, count: int) -> None:
    # The engine computes RANGE frames like ROWS frames there: without the error the answer would be wrong.
    local = sql.attach("windows")
    query = f"SELECT {local}.main.running(v) OVER ({over}) FROM {ROWS.format(count=count)}"
    assert "SET vgi_streaming_window = false" in sql.error(query)


@pytest.mark.parametrize("over", FRAMES)
def test_without_the_cumulative_form(fresh: Session, over: str) -> None:
    fresh.execute("SET vgi_streaming_window = false")
    same(fresh, "running", over)


@pytest.mark.full
def test_any_process_goes_on(not_pooled: Session) -> None:
    same(not_pooled, "framed", "ORDER BY i ROWS 1 PRECEDING", count=4)
    same(not_pooled, "running", "PARTITION BY g ORDER BY i", count=3_000)


def test_keys_that_are_null_or_nan(sql: Session) -> None:
    local = sql.attach("windows")
    rows = "(SELECT * FROM (VALUES ('nan'::DOUBLE, 1), ('nan', 2), (NULL, 3), (NULL, 4), (1.5, 5)) t(k, v))"
    query = "SELECT v, CAST({} OVER (PARTITION BY k ORDER BY v) AS BIGINT) FROM {} ORDER BY v"
    assert sql.rows(query.format(f"{local}.main.running(v)", rows)) == sql.rows(query.format("sum(v)", rows))


def test_an_empty_frame_is_an_empty_group(sql: Session) -> None:
    local = sql.attach("windows")
    frame = "OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING) FROM range(2) t(i)"
    assert sql.values(f"SELECT {local}.main.framed_arrays(i) {frame}") == [-1, 0]
    assert sql.values(f"SELECT {local}.main.framed(i) {frame}") == [None, 0]


def test_nulls_are_handed_over_where_they_count(sql: Session) -> None:
    local = sql.attach("windows")
    over = "OVER (ORDER BY i ROWS 1 PRECEDING) FROM (VALUES (1, NULL), (2, NULL), (3, 5), (4, NULL)) t(i, v)"
    assert sql.values(f"SELECT {local}.main.nulls_in_frame(v) {over}") == [1, 2, 1, 1]


def test_constants(sql: Session) -> None:
    local = sql.attach("windows")
    query = f"SELECT {local}.main.scaled(i, 10) OVER w, {local}.main.scaled(i, 100) OVER w FROM range(3) t(i)"
    assert sql.rows(f"{query} WINDOW w AS (ORDER BY i ROWS 1 PRECEDING)") == [(0, 0), (10, 100), (30, 300)]


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ("ORDER BY i ROWS 1 PRECEDING", "ValueError: no sum of 1 rows"),
        ("ORDER BY i", "ValueError: no sum up to 0"),
    ],
)
def test_errors(sql: Session, over: str, expected: str) -> None:
    local = sql.attach("windows")
    assert expected in sql.error(f"SELECT {local}.main.broken(i) OVER ({over}) FROM range(5) t(i)")
    same(sql, "framed", "ORDER BY i ROWS 1 PRECEDING")
