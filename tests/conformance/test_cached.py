"""Functions of ``example`` whose results DuckDB keeps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..sql.session import Session

pytestmark = pytest.mark.sql


@pytest.fixture
def cached(example: Session) -> Iterator[Session]:
    example.execute("FROM vgi_result_cache_flush()")
    example.execute("SET vgi_result_cache_revalidate_min_bytes = 0")
    yield example
    example.execute("RESET vgi_result_cache_revalidate_min_bytes")


def twice(session: Session, query: str) -> bool:
    """Whether the second run gives what the first has given."""
    first, second = session.rows(query), session.rows(query)
    assert len(first) == len(second) > 0
    return first == second


@pytest.mark.parametrize("source", ["cache_nonce()", "data.cache_nonce", "cache_revalidatable()"])
def test_kept(cached: Session, source: str) -> None:
    assert twice(cached, f"SELECT nonce FROM {source}")


def test_not_kept(cached: Session) -> None:
    first = cached.row("FROM data.cache_nonce")
    cached.execute("FROM vgi_result_cache_flush()")
    assert cached.row("FROM data.cache_nonce") != first
    assert cached.values("FROM data.cache_no_store") == list(range(10))


def test_within_a_transaction(cached: Session) -> None:
    query = "SELECT DISTINCT nonce FROM data.cache_scoped_txn"
    cached.execute("BEGIN")
    first = cached.row(query)
    assert cached.row(query) == first
    cached.execute("COMMIT")
    assert cached.row(query) != first


@pytest.mark.parametrize(
    ("source", "rows"),
    [
        ("cacheable_numbers(n := 1500, ttl := 60)", 1500),
        ("data.cacheable_numbers", 10),
        ("data.cache_big", 5000),
        ("cache_bench(5000)", 5000),
        ("data.cache_multicol", 4),
        ("data.cache_projection", 3),
        ("data.cache_filtered", 100),
        ("cache_types(50)", 50),
        ("cache_parallel(100000)", 100_000),
        ("data.cache_ordered", 200_000),
        ("cache_partitioned(3)", 15),
        ("cache_partition_scope(3)", 15),
        ("cache_partition_parallel(3)", 12),
        ("cache_partition_multicol(3)", 12),
        ("cache_partition_proj(3)", 6),
        ("cached_echo((FROM range(5000)))", 5000),
        ("cached_reval_echo((FROM range(5000)))", 5000),
        ("cached_sum_all((FROM range(5000)))", 1),
    ],
)
def test_in_the_cache(cached: Session, source: str, rows: int) -> None:
    query = f"SELECT count(*) FROM (FROM {source} OFFSET 0)"
    assert cached.value(query) == rows
    name = source.split("(")[0].removeprefix("data.")
    assert name in cached.values('SELECT "function" FROM vgi_result_cache()')
    assert cached.value(query) == rows


def test_a_function_that_is_not_listed(cached: Session) -> None:
    assert "does not exist" in cached.error("FROM cache_multicol()")
    assert cached.rows("SELECT c, a FROM data.cache_multicol LIMIT 2") == [(0, 0), (100, 1)]


def test_partitions(cached: Session) -> None:
    query = (
        "SELECT country, sum(sales) FROM cache_partition_scope(3) WHERE country IN ('AU', 'US') GROUP BY ALL ORDER BY 1"
    )
    assert cached.rows(query) == [("AU", 3), ("US", 12_000_003)]
    assert cached.rows("SELECT sum(extra) FROM cache_partition_proj(3)") == [(3_003_006,)]
    assert cached.value("SELECT count(*) FROM cache_partition_parallel(2) WHERE country IS NULL") == 2


def test_versions(cached: Session) -> None:
    assert cached.values("FROM data.cache_versioned AT (VERSION => 2)") == [201, 202]
    assert cached.values("FROM data.cache_versioned") == [301, 302, 303, 304]
    assert "Unknown version" in cached.error("FROM data.cache_versioned AT (VERSION => 9)")


@pytest.mark.parametrize(
    ("source", "message"),
    [("cache_poison", "intentional mid-stream failure"), ("cache_external_fail", "127.0.0.1")],
)
def test_failures(cached: Session, source: str, message: str) -> None:
    for _ in range(2):
        assert message in cached.error(f"FROM data.{source}")
    assert source not in cached.values('SELECT "function" FROM vgi_result_cache()')


def test_schemas(cached: Session) -> None:
    query = "SELECT a.tag, b.tag FROM main.test_same_name_cached() a, data.test_same_name_cached() b"
    assert cached.rows(query) == cached.rows(query) == [("main", "data")]


def test_the_caller(cached: Session) -> None:
    assert cached.values("FROM data.cache_whoami") == ["anonymous"]


@pytest.mark.parametrize(
    ("call", "reason"), [("cache_no_store()", "not_cacheable"), ("cacheable_numbers(ttl := 0)", "no_freshness")]
)
def test_results_that_are_not_kept(own_example: Session, call: str, reason: str) -> None:
    own_example.execute("CALL enable_logging('VGI', level = 'debug')")
    assert own_example.values(f"FROM {call}") == list(range(10))
    messages = own_example.values("SELECT message FROM duckdb_logs WHERE message LIKE '%result_cache.store%'")
    assert len(messages) == 1
    assert "result_cache.store_skipped" in messages[0]
    assert f"reason={reason}" in messages[0]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("SELECT id FROM cache_types(5)", "SELECT label FROM cache_types(5)"),
        ("SELECT country FROM cache_partition_scope(3)", "SELECT count(*) FROM cache_partition_scope(3)"),
        ("SELECT n FROM cache_scoped_txn()", "SELECT nonce FROM cache_scoped_txn()"),
    ],
)
def test_one_result_for_all_columns(own_example: Session, first: str, second: str) -> None:
    own_example.execute("CALL enable_logging('VGI', level = 'debug')")
    own_example.execute("BEGIN")
    own_example.rows(first)
    own_example.rows(second)
    own_example.execute("COMMIT")
    messages = "\n".join(own_example.values("SELECT message FROM duckdb_logs WHERE message LIKE '%result_cache%'"))
    assert messages.count("result_cache.miss") == 1
    assert messages.count("result_cache.hit") == 1


def test_batches_of_many_types(own_example: Session) -> None:
    own_example.rows("FROM cache_types(5000)")
    query = "SELECT num_batches FROM vgi_result_cache() WHERE function = 'cache_types' AND num_rows = 5000"
    assert own_example.values(query) == [3]


TWO_COLUMNS = "(SELECT i AS a, i * 2 AS b FROM range(5000) t(i))"


@pytest.mark.parametrize("function", ["cached_echo", "cached_sum_all"])
def test_one_result_for_any_columns(cached: Session, function: str) -> None:
    cached.rows(f"FROM {function}({TWO_COLUMNS})")
    kept = cached.rows("SELECT count(*) FROM vgi_result_cache()")
    assert cached.rows(f"SELECT max(b) FROM {function}({TWO_COLUMNS})") == [
        (9998 if function == "cached_echo" else 24_995_000,)
    ]
    assert cached.rows("SELECT count(*) FROM vgi_result_cache()") == kept
