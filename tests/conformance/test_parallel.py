"""Scans of ``example`` in parts, by several threads and processes."""

from __future__ import annotations

import pytest

from ..sql.session import Session
from ..sql.transports import TRANSPORT

pytestmark = pytest.mark.sql


@pytest.mark.parametrize("rows", [0, 10, 100_000])
def test_every_row_once(example: Session, rows: int) -> None:
    query = (
        f"SELECT count(*), count(DISTINCT n), coalesce(max(n), -3) FROM partitioned_sequence({rows}, increment := 3)"
    )
    assert example.row(query) == (rows, rows, 3 * (rows - 1))


def test_the_filters_of_all_processes(example: Session) -> None:
    query = """SELECT count(*), list(DISTINCT pushed_filters),
            count(DISTINCT worker_pid) >= least(2, current_setting('threads'))
        FROM filter_echo_partitioned(200000) WHERE n >= 100"""
    *rows, several = example.row(query)
    assert rows == [199_900, ["n >= 100"]]
    assert several or TRANSPORT in ("http", "fleet")  # one process may take all requests there


@pytest.mark.parametrize(
    "function", ["partitioned_preserves_order", "partitioned_fixed_order", "partitioned_batch_index"]
)
def test_in_order(own_example: Session, function: str) -> None:
    own_example.execute(f"CREATE TEMP TABLE rows_in_order AS FROM {function}(50500)")
    assert own_example.row("SELECT count(*), bool_and(n = rowid) FROM rows_in_order") == (50_500, True)


def test_in_any_order(example: Session) -> None:
    query = "SELECT count(*), count(DISTINCT n), max(n) FROM partitioned_no_order_guarantee(50000)"
    assert example.row(query) == (50_000, 50_000, 49_999)


@pytest.mark.parametrize(("count", "size"), [(5000, 1), (200_000, 100_000)])
def test_several_batches_of_a_part(own_example: Session, count: int, size: int) -> None:
    call = f"partitioned_batch_index_marked({count}, chunk_size := {size})"
    own_example.execute(f"CREATE TEMP TABLE marked AS FROM {call}")
    query = f"SELECT count(*), bool_and(partition_id * {size} + seq = rowid) FROM marked"
    assert own_example.row(query) == (count, True)


def test_one_thread_for_a_fixed_order(own_example: Session) -> None:
    own_example.execute("CALL enable_logging('VGI', level = 'trace')")
    own_example.rows("SELECT count(*) FROM partitioned_fixed_order(20000)")
    connections = own_example.values(
        """SELECT DISTINCT regexp_extract(message, 'conn=([^ ,]+)', 1) FROM duckdb_logs
        WHERE message LIKE '%batch_received%'"""
    )
    assert len(connections) == 1


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (
            "SELECT country, sum(sales), count(*) FROM country_partitioned_sales(3) GROUP BY country ORDER BY country",
            [(c, 3_000_000 * i + 3, 3) for i, c in enumerate(("AU", "BR", "CA", "FR", "US"))],
        ),
        (
            "SELECT region, year, sum(value) FROM region_year_partitioned(2) GROUP BY region, year ORDER BY ALL",
            [
                ("AMER", 2023, 1.0),
                ("AMER", 2024, 2001.0),
                ("APAC", 2023, 8001.0),
                ("APAC", 2024, 10001.0),
                ("EMEA", 2023, 4001.0),
                ("EMEA", 2024, 6001.0),
            ],
        ),
        (
            "SELECT category, sum(revenue) FROM partitioned_with_explicit_override(2) GROUP BY category ORDER BY ALL",
            [("books", 201), ("music", 401), ("video", 601)],
        ),
    ],
)
def test_partitions(example: Session, query: str, rows: list[tuple[object, ...]]) -> None:
    assert example.rows(query) == rows
    assert "PARTITIONED_AGGREGATE" in str(example.rows(f"EXPLAIN {query}"))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT key, sum(value) FROM disjoint_range_partitioned(3) GROUP BY key",
        "SELECT year, sum(value) FROM region_year_partitioned(5) GROUP BY year",
        "SELECT key, sum(value) FROM overlapping_range_partitioned(3, rows_per_partition := 600) GROUP BY key",
    ],
)
def test_no_partitions_to_group_by(example: Session, query: str) -> None:
    assert "PARTITIONED_AGGREGATE" not in str(example.rows(f"EXPLAIN {query}"))
    source = query[query.index("FROM") : query.index("GROUP")]
    assert len(example.rows(query)) == example.value(f"SELECT count(DISTINCT {query.split()[1][:-1]}) {source}")


def test_a_large_partition(example: Session) -> None:
    assert example.value("SELECT sum(sales) FROM country_partitioned_sales(100000) WHERE country = 'AU'") == 4999950000
