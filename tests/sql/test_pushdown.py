"""What DuckDB hands to a scan: columns, filters, the order of the first rows, samples; and partitions."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from duckwing.client import WorkerConnection, connect
from duckwing.client.arguments import encode_arguments
from duckwing.client.caller import OpenStream
from duckwing.filters.decode import Update
from duckwing.filters.encode import encode_delta, encode_snapshot
from duckwing.filters.tree import Column, Comparison, Literal, Predicate
from duckwing.protocol import metadata
from duckwing.protocol.calls import BIND, INIT, BindRequest, CallType, GlobalInitResponse, InitRequest
from duckwing.rpc.codec import decode_batch, encode
from duckwing.rpc.errors import RemoteError

from .session import Session, literal, location
from .transports import HTTP

pytestmark = pytest.mark.sql

Told = list[dict[str, Any]]


@pytest.fixture(scope="module")
def sql(sql: Session) -> Session:
    sql.attach("pushdown")
    sql.execute("CREATE OR REPLACE TEMP TABLE same AS FROM pushdown.typed()")
    return sql


@pytest.fixture
def without_swaps(fresh: Session) -> Session:
    """A join of this database has its function where a filter reaches it, whatever it takes for the smaller side."""
    fresh.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
    fresh.attach("pushdown")
    return fresh


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the worker tells what it was asked for; ``$file`` in queries."""
    return tmp_path / "told"


@pytest.fixture
def ask(file: Path) -> Callable[[Session, str], tuple[list[tuple[Any, ...]], Told]]:
    """``ask(session, query)``: its rows, and what the worker told of it."""

    def ask(session: Session, query: str) -> tuple[list[tuple[Any, ...]], Told]:
        file.unlink(missing_ok=True)
        rows = session.rows(query.replace("$file", literal(str(file))))
        return rows, told(file)

    return ask


Ask = Callable[[Session, str], tuple[list[tuple[Any, ...]], Told]]


def told(file: Path) -> Told:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def wait_until_told(file: Path, what: str) -> Any:
    """What another process is about to tell."""
    for _ in range(3000):
        found = [fact[what] for fact in told(file) if what in fact]
        if found:
            return found[-1]
        threading.Event().wait(0.01)
    raise AssertionError(f"nothing told of '{what}' within 30 s")


# Columns


@pytest.mark.parametrize(
    ("query", "columns", "rows"),
    [
        ("SELECT a FROM pushdown.narrow($file, rows := 2)", ["a"], [("a0",), ("a1",)]),
        ("SELECT b, a FROM pushdown.narrow($file, rows := 1)", ["b", "a"], [("b0", "a0")]),
        ("FROM pushdown.narrow($file, rows := 1)", ["n", "a", "b"], [(0, "a0", "b0")]),
        ("SELECT count(*) FROM pushdown.narrow($file)", ["n"], [(20,)]),
        ("SELECT 'x' FROM pushdown.narrow($file, rows := 2)", ["n"], [("x",), ("x",)]),
        ("SELECT a FROM pushdown.narrow($file) WHERE n = 5", ["n", "a"], [("a5",)]),
        ("SELECT count(*) FROM pushdown.narrow($file) WHERE b >= 'b5'", ["b"], [(5,)]),
        ("SELECT n, n AS n2 FROM pushdown.narrow($file, rows := 1)", ["n"], [(0, 0)]),
        ("SELECT DISTINCT left(b, 1) FROM pushdown.narrow($file)", ["b"], [("b",)]),
        ("SELECT a FROM pushdown.narrow($file) ORDER BY n DESC LIMIT 1", ["a", "n"], [("a19",)]),
        ("SELECT a FROM pushdown.narrow($file) WHERE n % 7 = 6 ORDER BY ALL", ["a", "n"], [("a13",), ("a6",)]),
    ],
)
def test_columns_that_are_needed(
    sql: Session, ask: Ask, query: str, columns: list[str], rows: list[tuple[Any, ...]]
) -> None:
    found, [scan] = ask(sql, query)
    assert found == rows
    assert sorted(scan["columns"]) == sorted(columns)


def test_a_needed_column_must_not_be_left_out(sql: Session) -> None:
    expected = "OutputError: table function 'narrow' yields a batch without the column 'a'"
    for query in ("SELECT a", "SELECT n, a", "SELECT count(a)"):
        assert expected in sql.error(f"{query} FROM pushdown.narrow(leave_out := 'a')")
    assert expected in sql.error("SELECT n FROM pushdown.narrow(leave_out := 'a') WHERE a = 'a1'")
    assert sql.values("SELECT n FROM pushdown.narrow(rows := 2, leave_out := 'a')") == [0, 1]


FORMS = ["tuples", "dataclasses", "dicts", "batches", "tables", "frames", "pandas", "polars"]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_rows_is_projected(sql: Session, form: str) -> None:
    function = f"pushdown.shaped('{form}')"
    assert sql.rows(f"FROM {function} LIMIT 2") == [(0, "a0", "b0"), (1, "a1", "b1")]
    assert sql.values(f"SELECT a FROM {function}") == ["a0", "a1", "a2", "a3", "a4"]
    assert sql.rows(f"SELECT b, n FROM {function} WHERE a IN ('a1', 'a3')") == [("b1", 1), ("b3", 3)]
    assert sql.value(f"SELECT count(*) FROM {function}") == 5
    assert sql.values(f"SELECT n FROM {function} WHERE b = 'b2' AND a <> 'x'") == [2]
    assert sql.rows(f"FROM {function} WHERE n > 10") == []


@pytest.mark.parametrize("form", ["tuples", "dicts", "batches", "numpy"])
def test_columns_that_nobody_needs_are_not_converted(sql: Session, form: str) -> None:
    assert sql.value(f"SELECT n FROM pushdown.with_a_bad_column('{form}')") == 1
    assert sql.value(f"SELECT count(*) FROM pushdown.with_a_bad_column('{form}') WHERE n = 1") == 1
    for query in ("SELECT bad FROM {}", "FROM {}", "SELECT n FROM {} WHERE bad = 1"):
        message = sql.error(query.format(f"pushdown.with_a_bad_column('{form}')"))
        assert "column 'bad' of table function 'with_a_bad_column'" in message


# Filters

PREDICATES: dict[str, str | None] = {
    "i32 = 5": "(i32 = 5)",
    "5 < i32": "(i32 > 5)",
    "i32 BETWEEN 3 AND 7": "((i32 >= 3) AND (i32 <= 7))",
    "i32 NOT BETWEEN 3 AND 7": "(NOT ((i32 >= 3) AND (i32 <= 7)))",
    "NOT (i32 > 3)": "(i32 <= 3)",
    "i32 IN (1, 2, 3)": "((i32 >= 1) AND (i32 <= 3))",
    "i32 IN (1, 3, 5, 7)": "(i32 IN (1, 3, 5, 7))",
    "i32 IN (1, 2, NULL)": "(i32 IN (1, 2, NULL))",
    "i32 NOT IN (1, 2, 3)": "(i32 NOT IN (1, 2, 3))",
    "i32 NOT IN (1, NULL)": None,
    "i32 = 1 OR i32 = 2": "((i32 = 1) OR (i32 = 2))",
    "i32 = 1 OR i32 IS NULL": "((i32 = 1) OR (i32 IS NULL))",
    "i32 IN (1, 2) OR i32 IS NULL": "((i32 IN (1, 2)) OR (i32 IS NULL))",
    "i32 = 1 OR s = 'v3'": "",
    "(i32 = 1 AND s = 'v1') OR (i32 = 2 AND s = 'v2')": "((i32 = 1) OR (i32 = 2)) AND ((s = 'v1') OR (s = 'v2'))",
    "s = 'v1' AND i32 = 1": "(s = 'v1') AND (i32 = 1)",
    "i32 IS NULL": "(i32 IS NULL)",
    "i32 IS NOT NULL": "(i32 IS NOT NULL)",
    "i32 IS DISTINCT FROM 4": "(i32 IS DISTINCT FROM 4)",
    "i32 IS NOT DISTINCT FROM NULL": "(i32 IS NOT DISTINCT FROM NULL)",
    "i32 % 2 = 0": "",
    "i32 = i64": "",
    "i8 > 300": "(i8::INTEGER > 300)",
    "i32 > -3000000000": "(i32::BIGINT > -3000000000)",
    "i64 > 3.5": None,
    "i32 = 3.0": None,
    "f32 > 1.5::DOUBLE": "(f32::DOUBLE > 1.5)",
    "f64 = 'nan'::DOUBLE": "(f64 = nan)",
    "f64 > 'inf'::DOUBLE": "(f64 > inf)",
    "f64 <> 1": "(f64 <> 1.0)",
    "f64 < 1 OR f64 > 5": "((f64 < 1.0) OR (f64 > 5.0))",
    "u64 >= 3": "(u64 >= 3)",
    "s > 'v5'": "(s > 'v5')",
    "s IN ('v1', 'v2')": "(s IN ('v1', 'v2'))",
    "s LIKE 'v1%'": "((s >= 'v1') AND (s < 'v2'))",
    "s LIKE 'v_1'": "((s >= 'v') AND (s < 'w'))",
    "s LIKE '%1'": "",
    "starts_with(s, 'v1')": "(starts_with(s, 'v1'))",
    "ends_with(s, '1')": "(ends_with(s, '1'))",
    "contains(s, '1')": "(contains(s, '1'))",
    "NOT starts_with(s, 'v1')": "(NOT starts_with(s, 'v1'))",
    "starts_with(s, 'v1') OR starts_with(s, 'v2')": "(starts_with(s, 'v1') OR starts_with(s, 'v2'))",
    "b": "(b)",
    "NOT b": "(NOT b)",
    "b = true": "(b = true)",
    "b IS NOT TRUE": "(b IS DISTINCT FROM true)",
    "NOT b OR b IS NULL": "((NOT b) OR (b IS NULL))",
    "d = DATE '2022-01-04'": "(d = '2022-01-04')",
    "d IN (DATE '2022-01-07', DATE '2022-01-10')": "(d IN ('2022-01-07', '2022-01-10'))",
    "date_trunc('month', d) = DATE '2022-01-01'": "((d >= '2022-01-01') AND (d < '2022-02-01'))",
    "ts > TIMESTAMP '2023-11-14 22:13:25'": "(ts > '2023-11-14 22:13:25')",
    "ts::DATE = DATE '2023-11-14'": "((ts >= '2023-11-14 00:00:00') AND (ts < '2023-11-15 00:00:00'))",
    "tz > TIMESTAMPTZ '2023-11-14 22:13:25+00'": None,
    "tm > TIME '00:00:05'": "(tm > '00:00:05')",
    "dec > 5": None,
    "dec > 5.555": None,
    "dec = 5.0::DOUBLE": "(dec::DOUBLE = 5.0)",
    "dec IN (1.00, 2.00)": None,
    "bl = '\\x05'::BLOB": "(bl = '\\x05'::BLOB)",
    "st.a = 5": "(st.a = 5)",
    "st.a BETWEEN 3 AND 7": "((st.a >= 3) AND (st.a <= 7))",
    "st.bb.c = 'x5'": "(st.bb.c = 'x5')",
    "st IS NULL": "(st IS NULL)",
    "st > {'a': 1, 'bb': {'c': 'x1'}}": None,
    "li = [2, NULL]": None,
    "li < [5]": None,
    "list_contains(li, 5)": "(list_contains(li, 5))",
    "list_contains([1, 2, 3], i32)": None,
    "i32 > 1 AND (s IS NULL OR s > 'v3')": "(i32 > 1) AND ((s IS NULL) OR (s > 'v3'))",
    "i64 >= 30 AND i64 <> 70 AND i64 IN (30, 70, 90)": "(i64 IN (30, 70, 90)) AND ((i64 <> 70) AND (i64 >= 30))",
    "i32 > (SELECT 5)": "(i32 > 5)",
    "\"odd name\" = 'it''s'": "(\"odd name\" = 'it''s')",
    "random() < 2": "",
}
"""Conditions, and the filters that come of them; None where the text is not of interest."""


@pytest.mark.parametrize("predicate", PREDICATES)
def test_filters_and_their_rows(sql: Session, ask: Ask, predicate: str) -> None:
    """DuckDB gives the rows of a table of its own with the same content."""
    rows, [scan] = ask(sql, f"SELECT t::VARCHAR FROM pushdown.typed($file) t WHERE {predicate} ORDER BY ALL")
    assert rows == sql.rows(f"SELECT t::VARCHAR FROM same t WHERE {predicate} ORDER BY ALL")
    expected = PREDICATES[predicate]
    assert scan["filters"] == expected if expected is not None else scan["filters"]


def test_most_of_the_filters_leave_some_rows_and_not_all(sql: Session) -> None:
    """Or else the test above would show nothing."""
    counts = ", ".join(f"count(*) FILTER ({predicate})" for predicate in PREDICATES if "SELECT" not in predicate)
    found = sql.row(f"SELECT {counts} FROM same")
    assert sum(0 < count < 20 for count in found) >= 60


def test_what_no_row_can_meet_is_not_even_scanned(sql: Session, ask: Ask) -> None:
    assert ask(sql, "FROM pushdown.typed($file) WHERE i32 = 5 AND i32 = 6") == ([], [])


def test_columns_of_filters_are_not_in_the_result(sql: Session, ask: Ask) -> None:
    rows, [scan] = ask(sql, "SELECT s, d::VARCHAR FROM pushdown.typed($file) WHERE i32 > 16 AND b")
    assert rows == [("v18", "2022-02-24")]
    assert sorted(scan["columns"]) == ["b", "d", "i32", "s"]


def test_explain_shows_what_is_pushed(sql: Session) -> None:
    [(_, plan)] = sql.rows("EXPLAIN (FORMAT JSON) SELECT a FROM pushdown.narrow() WHERE n = 5")
    [scan] = operators(json.loads(plan), "NARROW")
    assert scan["extra_info"]["Filters"] == "n=5"
    assert scan["extra_info"]["Projections"] == ["n", "a"]
    assert not operators(json.loads(plan), "FILTER")


def operators(plan: Any, name: str) -> list[dict[str, Any]]:
    """The operators of that name in the JSON of EXPLAIN."""
    children = plan if isinstance(plan, list) else plan.get("children", [])
    found = [operator for child in children for operator in operators(child, name)]
    if isinstance(plan, dict) and name in (plan.get("name"), plan.get("operator_name")):
        found.insert(0, plan)
    return found


def test_a_filter_that_must_hold_and_cannot_be_applied_is_an_error(sql: Session) -> None:
    """A decimal of 38 digits has no place for the digit behind the point."""
    assert sql.values("SELECT n FROM pushdown.large_decimals() WHERE d > 5") == [1]
    message = sql.error("SELECT n FROM pushdown.large_decimals() WHERE d > 0.5")
    assert "FilterError: the filter d::DECIMAL(38,1) > " in message
    assert "cannot be applied" in message


def test_filters_that_are_mine(sql: Session, ask: Ask) -> None:
    for how in ("apply", "evaluator"):
        rows, [scan] = ask(sql, f"SELECT a FROM pushdown.mine($file, how := '{how}') WHERE n IN (3, 5, 9) AND n > 3")
        assert rows == [("a5",), ("a9",)]
        assert scan["filters"] == "(n IN (3, 5, 9)) AND (n > 3)"
        assert sql.value(f"SELECT count(*) FROM pushdown.mine(how := '{how}')") == 20


def test_filters_that_are_mine_are_not_applied_again(sql: Session) -> None:
    """What must hold, DuckDB leaves to the scan; sparse sets it checks itself."""
    assert sql.values("SELECT n FROM pushdown.mine(how := 'wrong') WHERE n = 5") == [3, 4]
    assert sql.value("SELECT count(*) FROM pushdown.mine() WHERE n = 5") == 20
    assert sql.values("SELECT n FROM pushdown.mine() WHERE n IN (1, 5, 9)") == [1, 5, 9]


def test_joins_send_the_keys_of_the_other_side(without_swaps: Session, ask: Ask) -> None:
    keys = "(VALUES (7), (1000), (5000)) k(x)"
    rows, [scan, end] = ask(without_swaps, f"SELECT n FROM pushdown.many($file) JOIN {keys} ON n = x ORDER BY n")
    assert rows == [(7,), (1000,), (5000,)]
    assert scan["filters"] == "(n IN (7, 1000, 5000)) AND (n >= 7) AND (n <= 5000)"
    assert end["made"] == 50_000
    rows, [scan, _] = ask(without_swaps, f"SELECT n FROM pushdown.many($file) WHERE n IN (SELECT x FROM {keys})")
    assert sorted(rows) == [(7,), (1000,), (5000,)]
    assert scan["filters"] == "(n IN (7, 1000, 5000)) AND (n >= 7) AND (n <= 5000)"


def test_dense_keys_are_a_range(without_swaps: Session, ask: Ask) -> None:
    query = "SELECT sum(n) FROM pushdown.many($file) JOIN (SELECT range + 3 AS x FROM range(3)) ON n = x"
    rows, [scan, _] = ask(without_swaps, query)
    assert rows == [(12,)]
    assert scan["filters"] == "(n >= 3) AND (n <= 5)"


def test_many_keys(without_swaps: Session, ask: Ask) -> None:
    """They travel beside the other filters."""
    without_swaps.execute("SET dynamic_or_filter_threshold = 2000")
    without_swaps.execute("CREATE TABLE keys AS SELECT 7 * range AS x FROM range(1000)")
    for source in ("pushdown.many($file) JOIN keys ON n = x", "pushdown.many($file) WHERE n IN (SELECT x FROM keys)"):
        rows, [scan, _] = ask(without_swaps, f"SELECT count(*), sum(n) FROM {source}")
        assert rows == [(1000, 3_496_500)]
        assert scan["filters"].startswith("(n IN (0, 7, 14, 21, ")
        assert scan["filters"].endswith(", … 1000 values)) AND (n >= 0) AND (n <= 6993)")


def test_large_sets_of_the_query(sql: Session, ask: Ask) -> None:
    values = ", ".join(str(3 * i) for i in range(1000))
    rows, [scan, _] = ask(sql, f"SELECT count(*), sum(n) FROM pushdown.many($file) WHERE n IN ({values})")
    assert rows == [(1000, 1_498_500)]
    assert "… 1000 values" in scan["filters"]
    rows, [scan, _] = ask(sql, f"SELECT count(*), sum(n) FROM pushdown.many($file) WHERE n NOT IN ({values})")
    assert rows == [(49_000, 1_249_975_000 - 1_498_500)]
    assert "NOT IN" in scan["filters"]


# The order of the first rows


@pytest.mark.parametrize(
    ("order", "hint", "last", "first_rows"),
    [
        ("n LIMIT 10", ["n", False, False, 10], "(n < 9)", list(range(10))),
        ("n LIMIT 3 OFFSET 2", ["n", False, False, 5], "(n < 4)", [2, 3, 4]),
        ("n DESC NULLS LAST LIMIT 2", ["n", True, False, 2], "(n > 48998)", [49_989, 49_988]),
        ("n NULLS FIRST LIMIT 12", ["n", False, True, 12], "((n IS NULL) OR (n < 11))", [None] * 10 + [0, 1]),
        ("n DESC NULLS FIRST LIMIT 11", ["n", True, True, 11], None, [None] * 10 + [49_989]),
        ("v, n LIMIT 2", ["v", False, False, 2], "(v <= 0)", [0, 10]),
        ("n + 1 LIMIT 2", None, "", [0, 1]),
        ("n", None, "", None),
    ],
)
def test_the_order_of_the_first_rows(
    sql: Session, ask: Ask, order: str, hint: list[Any] | None, last: str | None, first_rows: list[int | None] | None
) -> None:
    rows, [scan, end] = ask(sql, f"SELECT n FROM pushdown.many($file, nulls := 10) ORDER BY {order}")
    assert first_rows is None or [n for (n,) in rows] == first_rows
    assert len(rows) == (50_000 if first_rows is None else len(first_rows))
    assert scan["order"] == hint
    assert end["made"] == 50_000
    assert end["seen"][0] == ""
    # Over HTTP the client asks for a batch when it has done with the one before, so it knows more.
    assert last is None or end["seen"][-1] == last or (HTTP and end["seen"][-1])


def test_filters_below_the_order(sql: Session, ask: Ask) -> None:
    rows, [scan, end] = ask(sql, "SELECT n FROM pushdown.many($file) WHERE v = 3 ORDER BY n LIMIT 3")
    assert rows == [(3,), (13,), (23,)]
    assert scan["order"] == ["n", False, False, None]
    assert (end["seen"][0], end["seen"][-1]) == ("(v = 3)", "(v = 3) AND (n < 23)")


def test_the_first_rows_shrink_what_follows(sql: Session) -> None:
    """The function makes 50,000 rows; after the first ones, the rest can no longer be in the result."""
    for order, most in (("n LIMIT 10", 5000), ("v, n LIMIT 10", 15_000), ("n", 50_000)):
        query = f"EXPLAIN (ANALYZE, FORMAT JSON) SELECT n FROM pushdown.many() ORDER BY {order}"
        [scan] = operators(json.loads(sql.rows(query)[0][1]), "MANY")
        assert 10 <= scan["operator_cardinality"] <= most
    assert scan["operator_cardinality"] == 50_000


# How scans end


def test_a_limit_ends_the_scan(sql: Session, file: Path, ask: Ask) -> None:
    assert ask(sql, "SELECT n FROM pushdown.many($file, rows := 10000000) WHERE n > 5000 LIMIT 3")[0] == [
        (5001,), (5002,), (5003,)
    ]  # fmt: skip
    assert wait_until_told(file, "ended") == "closed"
    assert wait_until_told(file, "made") < 1_000_000


def test_a_row_after_many_that_nobody_wants(sql: Session, ask: Ask) -> None:
    rows, [end] = ask(sql, "FROM pushdown.late($file) WHERE n = 1")
    assert rows == [(1,)]
    assert end["unwanted"] > 10


@pytest.mark.parametrize("function", ["endless", "endless_and_mine"])
def test_a_scan_that_gives_no_row_can_be_interrupted(sql: Session, file: Path, function: str) -> None:
    cursor = sql.cursor()
    failures: list[str] = []

    def run() -> None:
        try:
            cursor.connection.execute(f"FROM pushdown.{function}({literal(str(file))}) WHERE n < 0")
        except duckdb.Error as error:
            failures.append(str(error).lower())

    thread = threading.Thread(target=run)
    thread.start()
    assert wait_until_told(file, "started")
    cursor.connection.interrupt()
    thread.join(30)
    [failure] = failures
    assert "interrupt" in failure
    assert sql.value("SELECT count(*) FROM pushdown.narrow()") == 20


# Samples


def test_a_function_that_takes_samples(sql: Session, ask: Ask) -> None:
    sample = "SELECT n FROM pushdown.sampled($file) TABLESAMPLE SYSTEM (10 PERCENT)"
    rows, [scan] = ask(sql, f"{sample} REPEATABLE (7)")
    assert scan["sample"] == [10.0, 7]
    assert 500 < len(rows) < 1500
    assert ask(sql, f"{sample} REPEATABLE (7)")[0] == rows
    assert ask(sql, f"{sample} REPEATABLE (8)")[0] != rows
    other, [scan] = ask(sql, sample)
    assert scan["sample"] == [10.0, None]
    assert other != rows
    assert ask(sql, "FROM pushdown.sampled($file)")[1][0]["sample"] is None


def test_a_sample_is_taken_before_the_filter(sql: Session, ask: Ask) -> None:
    query = "SELECT count(*) FROM (FROM pushdown.sampled($file) TABLESAMPLE SYSTEM (10 PERCENT)) WHERE n >= 5000"
    [(count,)], [scan] = ask(sql, query)
    assert 250 < count < 750
    assert (scan["filters"], scan["sample"]) == ("", [10.0, None])


@pytest.mark.parametrize("sample", ["BERNOULLI (10 PERCENT)", "RESERVOIR (1000 ROWS)"])
def test_other_samples_are_left_to_duckdb(sql: Session, ask: Ask, sample: str) -> None:
    [(count,)], [scan] = ask(sql, f"SELECT count(*) FROM pushdown.sampled($file) TABLESAMPLE {sample}")
    assert 500 < count < 1500
    assert scan["sample"] is None


def test_a_function_that_takes_no_samples(sql: Session, ask: Ask) -> None:
    query = "SELECT count(*) FROM pushdown.many($file, batch := 2048) TABLESAMPLE SYSTEM (50 PERCENT) REPEATABLE (1)"
    [(count,)], [scan, end] = ask(sql, query)
    assert 2048 <= count <= 48_000
    assert scan["sample"] is None
    assert end["made"] == 50_000


# Partitions


@pytest.mark.parametrize("by", ["region", "region, size", "size"])
def test_aggregates_over_partitions(sql: Session, by: str) -> None:
    query = f"SELECT {by}, count(*), sum(n) FROM {{}} GROUP BY {by} ORDER BY ALL"
    assert "PARTITIONED_AGGREGATE" in sql.rows("EXPLAIN " + query.format("pushdown.regions()"))[0][1]
    sql.execute("CREATE OR REPLACE TEMP TABLE regions AS FROM pushdown.regions()")
    assert sql.value("SELECT count(*) FROM regions") == 6006
    assert sql.rows(query.format("pushdown.regions()")) == sql.rows(query.format("regions"))


def test_partition_columns_that_the_query_does_not_want(sql: Session, ask: Ask) -> None:
    rows, [scan] = ask(sql, "SELECT count(*), sum(n) FROM pushdown.regions($file)")
    assert rows == [(6006, sum(range(6000)) + 15)]
    assert sorted(scan["columns"]) == ["n", "region", "size"]
    expected = "OutputError: table function 'forgetful' yields a batch without the column 'region'"
    assert expected in sql.error("SELECT n FROM pushdown.forgetful()")


def test_filters_over_partitions(sql: Session, ask: Ask) -> None:
    rows, [scan] = ask(sql, "SELECT size, count(*) FROM pushdown.regions($file) WHERE region = 'north' GROUP BY size")
    assert sorted(rows) == [(1, 1002), (2, 1)]
    assert scan["filters"] == "(region = 'north')"
    query = "SELECT region, count(*) FROM pushdown.regions() WHERE {} GROUP BY region ORDER BY ALL"
    assert sql.rows(query.format("region IS NULL")) == [(None, 1002)]
    assert sql.rows(query.format("n < 2 OR n = 3000")) == [("east", 1), ("north", 3), (None, 1)]
    assert sql.rows(query.format("n < 0")) == []


def test_partitions_by_floating_point_numbers(sql: Session) -> None:
    rows = sql.rows("SELECT x::VARCHAR, count(*) FROM pushdown.by_double() GROUP BY x ORDER BY x")
    assert rows in ([(zero, 2), ("1.5", 1), ("nan", 2), (None, 1)] for zero in ("0.0", "-0.0"))


def test_partition_columns_among_computed_columns(sql: Session) -> None:
    rows = sql.rows("SELECT region, sum(n) FROM pushdown.computed('region') GROUP BY region ORDER BY ALL")
    assert rows == [("x", 3), ("y", 3)]
    message = sql.error("FROM pushdown.computed('other')")
    assert "partition_by= names 'region', which is none of its columns n, other" in message


@pytest.mark.parametrize("function", ["disjoint", "overlapping"])
def test_partitions_of_many_values(sql: Session, function: str) -> None:
    assert sql.row(f"SELECT count(*), sum(n), count(day) FROM pushdown.{function}()") == (10, 45, 7)
    assert sql.values(f"SELECT n FROM pushdown.{function}() WHERE day > DATE '2024-01-05'") == [5, 7]
    plan = sql.rows(f"EXPLAIN SELECT day, sum(n) FROM pushdown.{function}() GROUP BY day")[0][1]
    assert "PARTITIONED_AGGREGATE" not in plan


def test_columns_without_bounds(sql: Session) -> None:
    message = sql.error("FROM pushdown.without_bounds()")
    assert (
        "OutputError: table function 'without_bounds': column 'li' of type list<item: int32> has no bounds" in message
    )


# What travels, without a database


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerConnection]:
    with connect(location("pushdown")) as worker:
        yield worker


Opened = tuple[OpenStream[GlobalInitResponse], pa.Schema]


def open_scan(worker: WorkerConnection, function: str, *arguments: Any, **init: Any) -> Opened:
    """A scan, and the schema of all its columns."""
    request = BindRequest(
        function_name=function,
        arguments=encode_arguments(arguments, {}),
        function_type=CallType.TABLE,
        attach_opaque_data=worker.attach("pushdown").about.attach_opaque_data,
        schema_path=("main",),
    )
    columns = worker.rpc.call(BIND, request).output_schema
    return worker.rpc.open(INIT, InitRequest(bind_call=encode(request), output_schema=columns, **init)), columns


def bounds(values: bytes) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = decode_batch(base64.b64decode(values)).to_pydict()
    return found


def test_partitions_tell_their_values(worker: WorkerConnection) -> None:
    stream, columns = open_scan(worker, "regions", projection_ids=(0,))
    assert [field.name for field in columns if (field.metadata or {}).get(b"vgi.partition_column") == b"true"] == [
        "region", "size"
    ]  # fmt: skip
    with stream:
        batches = list(stream)
    found = [(batch.data.num_rows, bounds(batch.metadata[metadata.PARTITION_VALUES])) for batch in batches]
    assert [(rows, values["region"], values["size"]) for rows, values in found] == [
        (1000, ["north"] * 2, [1, 1]),
        (1000, ["south"] * 2, [1, 1]),
        (1000, [None] * 2, [1, 1]),
        (3000, ["east"] * 2, [2, 2]),
        (1, ["north"] * 2, [1, 1]),
        (1, [None] * 2, [1, 1]),
        (1, ["north"] * 2, [1, 1]),
        (1, ["north"] * 2, [2, 2]),
        (1, [None] * 2, [1, 1]),
        (1, ["east"] * 2, [2, 2]),
    ]
    assert {tuple(batch.data.schema.names) for batch in batches} == {("n",)}


def test_partitions_tell_their_bounds(worker: WorkerConnection) -> None:
    stream, _ = open_scan(worker, "overlapping")
    with stream:
        found = [bounds(batch.metadata[metadata.PARTITION_VALUES]) for batch in stream]
    days = [[day and day.day for day in values["day"]] for values in found]
    assert days == [[1, 5], [6, 8], [None, None]]
    assert [values["n"] for values in found] == [[0, 4], [5, 7], [8, 9]]


def less_than(columns: pa.Schema, bound: int, id: str, *, required: bool) -> Predicate:
    column = Column("n", columns.get_field_index("n"), pa.int64())
    return Predicate(id, Comparison("lt", column, Literal(pa.scalar(bound, pa.int64()))), required=required)


N = pa.schema([("n", pa.int64())])


def test_a_silent_scan_sends_empty_batches(worker: WorkerConnection, file: Path) -> None:
    snapshot, _ = encode_snapshot([less_than(N, 0, "query:0", required=True)])
    stream, _ = open_scan(worker, "endless", str(file), pushdown_filters=snapshot)
    for _ in range(3):
        batch = stream.tick()
        assert batch is not None
        assert batch.data.num_rows == 0
    stream.cancel()
    assert wait_until_told(file, "ended")


@pytest.mark.skipif(HTTP, reason="batches are made ahead of the ticks, unless it is the first rows that are wanted")
def test_filters_change_between_batches(worker: WorkerConnection) -> None:
    snapshot, _ = encode_snapshot([])
    stream, columns = open_scan(worker, "many", pushdown_filters=snapshot)
    with stream:
        first = stream.tick()
        assert first is not None
        assert first.data.num_rows == 1000
        predicate = less_than(columns, 1500, "top_n:0", required=False)
        delta = base64.b64encode(encode_delta([Update("top_n:0", 1, predicate)]))
        second = stream.tick({metadata.PUSHDOWN_FILTERS: delta})
        assert second is not None
        assert second.data["n"].to_pylist() == list(range(1000, 1500))
        assert sum(batch.data.num_rows for batch in stream) == 0


@pytest.mark.parametrize("pushed", [b"", b"{}", b"\xff" * 100])
def test_filters_that_cannot_be_read_are_an_error(worker: WorkerConnection, file: Path, pushed: bytes) -> None:
    with pytest.raises(RemoteError, match="FilterError"):
        open_scan(worker, "many", str(file), pushdown_filters=pushed)
    assert told(file) == []
    with pytest.raises(RemoteError, match="wants column 7 of 3"):
        open_scan(worker, "many", str(file), projection_ids=(7,))
