"""Functions of ``example`` that see all rows before they give any."""

from __future__ import annotations

from typing import Any

import pytest

from ..sql.session import Session
from ..sql.transports import TRANSPORT
from .attaching import attach

pytestmark = pytest.mark.sql

NUMBERS = "(SELECT i, i / 2 AS h, 'x' AS s, 1.5::DECIMAL(5, 2) AS d FROM range(10000) t(i))"


@pytest.mark.parametrize("function", ["buffer_input", "echo_buffering", "global_buffered"])
def test_all_rows(example: Session, function: str) -> None:
    assert example.row(f"SELECT count(*), sum(i) FROM {function}((SELECT i FROM range(100000) t(i)))") == (
        100_000,
        4_999_950_000,
    )
    assert example.rows(f"FROM {function}((SELECT 1 AS i WHERE random() > 2))") == []
    assert example.rows(f"SELECT i FROM {function}((SELECT i, i + 1 AS j FROM range(9) t(i))) WHERE j = 5") == [(4,)]


def test_as_part_of_queries(example: Session) -> None:
    lateral = "SELECT t.i, b.x FROM range(2) t(i), LATERAL buffer_input((SELECT 5 AS x)) b ORDER BY ALL"
    assert example.rows(lateral) == [(0, 5), (1, 5)]
    recursive = """WITH RECURSIVE r AS (
        SELECT i FROM buffer_input((SELECT 1 AS i)) UNION ALL SELECT i + 1 FROM r WHERE i < 5) FROM r"""
    assert example.values(recursive) == [1, 2, 3, 4, 5]
    union = "SELECT 1 AS i UNION ALL SELECT 2"
    assert sorted(example.values(f"FROM buffer_input(({union}))")) == [1, 2]


@pytest.mark.parametrize("function", ["ordered_buffer_input", "batch_index_buffer_input"])
def test_in_order(own_example: Session, function: str) -> None:
    own_example.execute(f"CREATE TEMP TABLE kept AS FROM {function}((SELECT i FROM range(50000) t(i)))")
    assert own_example.row("SELECT count(*), bool_and(i = rowid) FROM kept") == (50_000, True)


@pytest.mark.parametrize(
    ("call", "rows"),
    [
        (f"sum_all_columns({NUMBERS})", [(49_995_000, 24_997_500.0, 15_000.0)]),
        (f"cached_sum_all({NUMBERS})", [(49_995_000, 24_997_500.0, 15_000.0)]),
        (f"sum_all_columns_simple_distributed({NUMBERS})", [(49_995_000, 24_997_500.0)]),
        ("sum_all_columns((SELECT NULL::INT AS i))", [(0,)]),
        ("exception_process((SELECT i FROM range(100) t(i)))", [(0,)]),
        ("ordered_source((SELECT 1))", [(n,) for n in range(16)]),
        ("test_same_name_buffered((SELECT 'x'))", [("main:x",)]),
        ("data.test_same_name_buffered((SELECT 'x'))", [("data:x",)]),
    ],
)
def test_rows(example: Session, call: str, rows: list[tuple[Any, ...]]) -> None:
    assert example.rows(f"FROM {call}") == rows


@pytest.mark.parametrize("rows", [0, 2048, 2049, 10_000])
def test_one_wide_batch(example: Session, rows: int) -> None:
    assert example.value(f"SELECT count(*) FROM buffer_emit_wide({rows}, (SELECT 1))") == rows


def test_a_mebibyte_for_each_batch(example: Session) -> None:
    rows = example.rows("FROM large_state((SELECT i AS a, i AS b FROM range(100000) t(i)))")
    [(a, b)] = rows
    assert a == b
    assert a >= 32 << 20
    assert a % (1 << 20) == 0
    assert example.rows("FROM large_state((SELECT 'x' AS a, 1.5::DOUBLE AS b))") == [("1048576", 1 << 20)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("sum_all_columns((SELECT 'x' AS s))", "requires at least one numeric"),
        ("exception_process((SELECT i FROM range(10000) t(i)))", "Intentional exception on batch 2"),
        (f"exception_finalize({NUMBERS})", "Intentional exception during finalize()"),
        ("crash_on_finalize((SELECT 1))", "Intentional exception during finalize()"),
        ("crash_on_combine((SELECT 1))", "Intentional exception during combine()"),
    ],
)
def test_errors(example: Session, call: str, message: str) -> None:
    assert message in example.error(f"FROM {call}")
    assert example.values("FROM buffer_input((SELECT 1))") == [1]


def test_the_end_of_a_process(fresh: Session) -> None:
    attach(fresh, "main", "example", "pool false")
    message = "RPC response stream EOF" if TRANSPORT == "stdio" else "a worker process died"
    assert message in fresh.error("FROM example.crash_on_process((SELECT 1))")
    assert fresh.values("FROM example.buffer_input((SELECT 1))") == [1]
    assert fresh.value("SELECT count(*) FROM example.buffer_input((FROM range(10000)))") == 10_000


def test_messages(own_example: Session) -> None:
    own_example.execute("CALL enable_logging('VGI', level = 'info')")
    own_example.rows("FROM sum_all_columns((SELECT 1 AS i), logging := true)")
    messages = "\n".join(own_example.values("SELECT message FROM duckdb_logs WHERE type = 'VGI'"))
    assert "Processing batch with 1 rows" in messages
    assert "Combining 1 state_ids" in messages


@pytest.mark.parametrize("function", ["buffer_input", "sum_all_columns", "ordered_buffer_input"])
def test_ids(own_example: Session, function: str) -> None:
    """There is one for all that an execution has kept, and it is that of its only source."""
    own_example.execute("CALL enable_logging('VGI', level = 'debug')")
    ids = """SELECT DISTINCT regexp_extract(message, ' (?:finalize_)?state_id=([0-9a-f]+)', 1) FROM duckdb_logs
        WHERE message LIKE '%table_buffering.{}%'"""
    found = []
    for _ in range(2):
        own_example.execute("CALL truncate_duckdb_logs()")
        own_example.rows(f"FROM {function}((FROM range(50000)))")
        kept, read = (own_example.values(ids.format(event)) for event in ("process", "finalize_init"))
        assert len(kept) == 1
        assert read == kept
        found += kept
    assert len(set(found)) == 2


def test_one_connection_for_input_in_order(own_example: Session) -> None:
    own_example.execute("CREATE TEMP TABLE numbers AS FROM range(300000) t(i)")
    own_example.execute("CALL enable_logging('VGI', level = 'debug')")
    query = "SELECT bool_and(i = place) FROM (SELECT i, row_number() OVER () - 1 AS place FROM {}((FROM temp.numbers)))"
    assert own_example.value(query.format("ordered_buffer_input"))
    connections = """SELECT count(DISTINCT regexp_extract(message, 'conn=([^ ,]+)', 1)) FROM duckdb_logs
        WHERE message LIKE '%table_buffering.process%'"""
    assert own_example.value(connections) == 1
    assert own_example.value(query.format("batch_index_buffer_input"))


THREE = "(SELECT i AS a, i * 2 AS b, i * 3 AS c FROM range(5) t(i))"


def plan(session: Session, query: str) -> str:
    [(_, text)] = session.rows(f"EXPLAIN {query}")
    return " ".join(str(text).split())


def test_columns_and_conditions_of_the_output(example: Session) -> None:
    query = f"SELECT a FROM {{}}({THREE}) WHERE b > 3"
    pushed = plan(example, query.format("echo_buffering"))
    assert "Projections: [a, b]" in pushed
    assert "Filters: b>3" in pushed
    assert "FILTER" not in pushed
    assert "Projections" not in plan(example, query.format("buffer_input"))
    for function in ("echo_buffering", "buffer_input"):
        assert example.values(query.format(function)) == [2, 3, 4]


@pytest.mark.parametrize(
    ("function", "parallel"),
    [("ordered_buffer_input", True), ("batch_index_buffer_input", True), ("ordered_source", False)],
)
def test_the_order_of_sources(example: Session, function: str, parallel: bool) -> None:
    assert ("Source: parallel" in plan(example, f"FROM {function}({THREE})")) is parallel
