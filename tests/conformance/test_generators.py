"""Generators of ``example`` without pushdown: rows, arguments, errors, logs, statistics and counters."""

from __future__ import annotations

from typing import Any

import pytest

from ..sql.session import Session

pytestmark = pytest.mark.sql

COUNTS = """SELECT schema_name, count(*) FROM duckdb_functions()
    WHERE database_name = 'example' AND function_type = 'table' GROUP BY ALL ORDER BY ALL"""


def test_the_closed_list(example: Session) -> None:
    assert example.rows(COUNTS) == [("data", 3), ("main", 143)]


@pytest.mark.parametrize(
    ("call", "rows"),
    [
        ("sequence(3, increment := 5)", [(0,), (5,), (10,)]),
        ("double_sequence(3, increment := 0.5)", [(0.0,), (0.5,), (1.0,)]),
        (
            "named_params_echo(2, scale := 2.5, enabled := false, greeting := '')",
            [(0, "", 0, 0.0, False), (1, "", 1, 2.5, False)],
        ),
        ("projected_data(2)", [(0, "item_0", 0.0, 0), (1, "item_1", 1.5, 1)]),
        (
            "union_varargs(1::UNION(i BIGINT, s VARCHAR), 'x'::UNION(i BIGINT, s VARCHAR))",
            [(0, "i", "1"), (1, "s", "x")],
        ),
        ("typed_probe(2)", [(i, 1767323045000000, 1500, b"vgi", 9, 2.5 + i) for i in range(2)]),
        ("logging_generator(2)", [(0,), (1,)]),
        ("profiling_demo(3)", [(0,), (1,), (2,)]),
        ("make_series('4,2')", [(4,), (2,)]),
        ("make_series(2)", [(0,), (1,)]),
        ("make_series(4, 2)", []),
        ("make_series(2, 8, 3)", [(2,), (5,)]),
        ("make_pairs(1, 3)", [(1, 2), (2, 4)]),
        ("make_pairs(1, 'b')", [(1 + i, f"b{i}") for i in range(5)]),
        ("make_pairs('a', 'b')", [(f"a{i}", f"b{i}") for i in range(5)]),
        ("repeat_value(2, 7, 8)", [(7, 8), (7, 8)]),
        ("repeat_value(1, 'x')", [("x",)]),
    ],
)
def test_rows(example: Session, call: str, rows: list[tuple[Any, ...]]) -> None:
    assert example.rows(f"FROM {call}") == rows


def test_ten_steps(example: Session) -> None:
    assert example.values("FROM make_series(2.5)") == [2.5 * i for i in range(10)]


def test_nested_values(example: Session) -> None:
    row = example.row("SELECT * FROM nested_sequence(30, history_size := 3) WHERE metadata.index = 5")
    assert row == (5, {"index": 5, "label": "row_5"}, [3, 4, 5])
    assert example.value("SELECT count(*) FROM nested_sequence(30) WHERE metadata.label < 'row_2'") == 12


@pytest.mark.parametrize(
    "value",
    [
        "1::TINYINT",
        "2::USMALLINT",
        "1.5::FLOAT",
        "1.5::DECIMAL(18,3)",
        "DATE '2020-01-01'",
        "TIMESTAMP_NS '2020-01-01 00:00:00.000000001'",
        "TIMESTAMPTZ '2020-01-01 00:00:00+00'",
        "TIME '10:00:01'",
        "INTERVAL 14 MONTHS",
        "'x'",
        "'x'::BLOB",
        "[[1, NULL], []]",
        "{'a': [1], 'b': {'c': 'x'}}",
        "MAP {'k': [1, 2]}",
        "[]::INT[]",
        "NULL::SMALLINT",
        "true",
    ],
)
def test_constants_of_any_type(example: Session, value: str) -> None:
    source = f"constant_columns(3, {value})"
    query = f"SELECT typeof(col_0), col_0 IS NOT DISTINCT FROM {value}, count(*) FROM {source} GROUP BY ALL"
    type_, same, rows = example.row(query)
    assert (same, rows) == (True, 3)
    assert type_ == example.value(f"SELECT typeof({value})")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("sequence(10, batch_size := 0)", "must be >= 1"),
        ("sequence(-1)", "must be >= 0"),
        ("sequence(NULL)", "cannot be NULL"),
        ("double_sequence(1, increment := 0)", "must be > 0"),
        ("make_series(-1)", "must be >= 0"),
        ("constant_columns(2)", "requires at least 1 value"),
        ("generator_exception(3)", "Intentional failure after 3 batches"),
        ("generator_exception(0)", "Intentional failure after 0 batches"),
    ],
)
def test_errors(example: Session, call: str, message: str) -> None:
    text = example.error(f"FROM {call}")
    assert "VGI Worker Exception" in text
    assert message in text
    assert example.value("SELECT count(*) FROM sequence(10)") == 10


@pytest.mark.parametrize(("function", "last"), [("sequence(10, increment := 3)", "27"), ("double_sequence(10)", "9")])
def test_statistics(example: Session, function: str, last: str) -> None:
    assert "EMPTY_RESULT" in str(example.rows(f"EXPLAIN FROM {function} WHERE n > {last}"))
    assert example.values(f"SELECT n FROM {function} WHERE n = {last}") == [float(last)]


def test_no_statistics(example: Session) -> None:
    assert "EMPTY_RESULT" not in str(example.rows("EXPLAIN FROM generator_exception(3) WHERE n > 1000"))


def test_messages(own_example: Session) -> None:
    own_example.execute("CALL enable_logging('VGI', level = 'info')")
    own_example.rows("FROM logging_generator(4)")
    messages = "\n".join(own_example.values("SELECT message FROM duckdb_logs WHERE type = 'VGI'"))
    assert "Starting generation of 4 values" in messages
    assert "Generation complete" in messages


@pytest.mark.parametrize(
    ("arguments", "rows", "batches"), [("500", 500, 1), ("1000000, batch_size := 250000", 1_000_000, 4)]
)
def test_counters(example: Session, arguments: str, rows: int, batches: int) -> None:
    [(_, plan)] = example.rows(f"EXPLAIN ANALYZE SELECT sum(n) FROM profiling_demo({arguments})")
    words = " ".join(plan.replace("│", " ").split())
    assert f"rows_produced: {rows}" in words
    assert f"batches_emitted: {batches}" in words
    assert "elapsed_ms:" in words


def test_the_first_seed_of_a_transaction(own_example: Session) -> None:
    seed = "(FROM tx_cached_value('k', {}))"
    assert own_example.row(f"SELECT {seed.format(5)}") == (5,)
    own_example.execute("BEGIN")
    assert own_example.row(f"SELECT {seed.format(7)}, {seed.format(8)}") == (7, 7)
    assert own_example.row(f"SELECT {seed.format(9)}") == (7,)
    own_example.execute("ROLLBACK")
    assert own_example.row(f"SELECT {seed.format(10)}") == (10,)


def test_what_is_listed(example: Session) -> None:
    query = """SELECT parameters, parameter_types, description, categories FROM duckdb_functions()
        WHERE database_name = 'example' AND function_name = '{}' AND schema_name = 'main' ORDER BY description"""
    names, types, description, categories = example.row(query.format("sequence"))
    assert dict(zip(names, types, strict=True)) == dict.fromkeys(("count", "batch_size", "increment"), "BIGINT")
    assert description == "Generates a sequence of integers from 0 to n-1"
    assert categories == ["generator", "utility"]
    series = [(names, description) for names, _, description, _ in example.rows(query.format("make_series"))]
    assert series == [
        (["step"], "Generate 10 float values with given step size"),
        (["count"], "Generate integers from 0 to count-1"),
        (["start", "stop"], "Generate integers from start to stop-1"),
        (["start", "stop", "step"], "Generate integers from start to stop-1 with step"),
        (["values"], "Parse comma-separated integers into rows"),
    ]
    assert example.row(query.format("repeat_inputs"))[:2] == (["repeat_count", "data"], ["BIGINT", "TABLE"])
    assert example.row(query.format("constant_columns"))[0] == ["count"]
