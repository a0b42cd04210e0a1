"""Aggregates through SQL, against what DuckDB's own give."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from .conftest import NOT_POOLED, POOLED
from .session import Session

pytestmark = pytest.mark.sql

PROCESSES = [
    pytest.param((POOLED, 2), id="2 threads"),
    pytest.param((POOLED, 1), id="1 thread", marks=pytest.mark.full),
    pytest.param((POOLED, 8), id="8 threads", marks=pytest.mark.full),
    pytest.param((NOT_POOLED, 2), id="2 threads, not pooled", marks=pytest.mark.full),
]

TABLE = """
    CREATE TABLE t AS
    SELECT i,
           CASE WHEN i % 7 <> 0 THEN i * 3 END AS a,
           CASE WHEN i % 11 <> 0 THEN (i % 100) / 8 END AS x,
           CASE WHEN i % 5 <> 0 THEN 'w' || i % 20 END AS w,
           i % 13 AS g,
           i % 3 AS h
    FROM range({rows}) r(i)
"""


@pytest.fixture(scope="module", params=PROCESSES)
def tables(open_session: Callable[..., Session], request: pytest.FixtureRequest) -> Iterator[Session]:
    """The table ``t``: large where processes serve many calls, small where each starts one."""
    options, threads = request.param
    session = open_session(options, threads)
    session.attach("aggregates")
    session.execute(TABLE.format(rows=20_000 if options == POOLED else 2_000))
    yield session
    session.close()


@pytest.fixture
def sql(sql: Session) -> Session:
    sql.attach("aggregates")
    return sql


def same(session: Session, ours: str, duckdbs: str, query: str) -> None:
    """Both expressions give the same, in every row of ``query``, which has ``{}`` in their place."""
    expected = session.rows(query.format(duckdbs))
    assert expected
    assert session.rows(query.format(ours)) == expected


CALLS = [
    ("aggregates.total({a}){f}", "sum({a}){f}", "a"),
    ("aggregates.total_of_batches({a}){f}", "sum({a}){f}", "a"),
    ("aggregates.span({a}){f}", "max({a}){f} - min({a}){f}", "x"),
    ("round(aggregates.variance({a}){f}, 3)", "round(var_pop({a}){f}, 3)", "x"),
]
BY_ONE = ("aggregates.joined({a}, '-' ORDER BY i){f}", "string_agg({a}, '-' ORDER BY i){f}", "w")
"""Ours, DuckDB's, and the column; ``{f}``: the place of FILTER."""

SHAPES = [
    "SELECT {call} FROM t",
    "SELECT g, h, {call} FROM t GROUP BY ALL ORDER BY ALL",
    "SELECT g, {filtered} FROM t GROUP BY ALL ORDER BY ALL",
    "SELECT g, {distinct} FROM t WHERE i < 20000 GROUP BY ALL ORDER BY ALL",
    "SELECT g, h, {call} FROM t GROUP BY ROLLUP (g, h) ORDER BY ALL",
    "SELECT g, h, {call} FROM t GROUP BY CUBE (g, h) ORDER BY ALL",
    "SELECT g, h, {call} FROM t GROUP BY GROUPING SETS ((g), (h), (g, h), ()) ORDER BY ALL",
    "SELECT {call} FROM t WHERE false",
    "SELECT g, {call} FROM t WHERE a IS NULL AND g < 5 GROUP BY g ORDER BY g",
    "SELECT g, {call} FROM t GROUP BY g HAVING {call} > 0 ORDER BY g",
    "SELECT sum(v) FROM (SELECT i % 1000 AS k, {call} AS v FROM t GROUP BY k)",
]


def query_of(shape: str, call: str, column: str) -> str:
    """The query of a shape with one call in it."""
    return shape.format(
        call=call.format(a=column, f=""),
        filtered=call.format(a=column, f=" FILTER (h = 1)"),
        distinct=call.format(a=f"DISTINCT {column}", f=""),
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_as_duckdb_computes_it(tables: Session, shape: str) -> None:
    for ours, duckdbs, column in CALLS:
        expected = tables.rows(query_of(shape, duckdbs, column))
        query = query_of(shape, ours, column)
        got = tables.rows(query)
        if "sum(v)" in shape:
            assert got[0][0] == pytest.approx(expected[0][0]), query
        else:
            assert got == expected, query


@pytest.mark.parametrize("shape", [s for s in SHAPES if not re.search(r"> 0|sum\(v\)|distinct", s)])
def test_texts_in_their_order(tables: Session, shape: str) -> None:
    ours, duckdbs, column = BY_ONE
    # DuckDB hands over the rows of one group at a time, each perhaps to a process of its own: few groups are enough.
    small = shape.replace("FROM t", "FROM (FROM t WHERE i < 20000 AND g < 3)")
    query = query_of(small, ours, column)
    assert tables.rows(query) == tables.rows(query_of(small, duckdbs, column)), query


def test_many_groups(tables: Session) -> None:
    same(
        tables,
        "aggregates.total(a), aggregates.rows_of()",
        "sum(a), count(*)",
        "SELECT count(*), sum(s), sum(hash(k, s, n)) FROM (SELECT i // 3 AS k, {} FROM t GROUP BY k) q(k, s, n)",
    )


def test_several_at_once(tables: Session) -> None:
    same(
        tables,
        "aggregates.total(a), aggregates.total(i), aggregates.rows_of(), aggregates.span(x), aggregates.rows_by_one()",
        "sum(a), sum(i), count(*), max(x) - min(x), count(*)",
        "SELECT g, {} FROM (FROM t WHERE i < 50000) GROUP BY g ORDER BY g",
    )


def test_distinct_texts(sql: Session) -> None:
    same(
        sql,
        "aggregates.joined(DISTINCT w ORDER BY w), aggregates.joined(w ORDER BY i DESC)",
        "string_agg(DISTINCT w, ',' ORDER BY w), string_agg(w, ',' ORDER BY i DESC)",
        "SELECT {} FROM (SELECT i, 'w' || i % 5 AS w FROM range(3000) r(i))",
    )


# Groups without rows, and NULL


def test_groups_without_rows(tables: Session) -> None:
    calls = [f"aggregates.{call}" for call in ("total(i)", "rows_of()", "rows_by_one()", "shown(i, true)")]
    assert tables.rows(f"SELECT {', '.join(calls)} FROM t WHERE false") == [(None, 0, 0, "nothing")]
    assert tables.rows(f"SELECT {', '.join(calls)} FROM t WHERE false GROUP BY g") == []
    filtered = ", ".join(f"{call} FILTER (h = 5)" for call in calls)
    rows = tables.rows(f"SELECT g, {filtered} FROM (FROM t WHERE i < 20) GROUP BY g ORDER BY g")
    assert rows == [(g, None, 0, 0, "nothing") for g in range(13)]


def test_rows_with_null(tables: Session) -> None:
    query = "SELECT {} FROM (VALUES (1, 'a'), (NULL, 'b'), (NULL, NULL), (4, NULL)) v(n, w)"
    assert tables.value(query.format("aggregates.total(n)")) == 5
    assert tables.value(query.format("aggregates.joined(w ORDER BY w)")) == "a,b"
    assert tables.value(query.format("aggregates.nulls_of(n, w)")) == 1
    assert tables.value(query.format("aggregates.shown(n, w IS NULL)")) == "1 False; 4 True; None False; None True"
    assert tables.value(query.format("aggregates.total_masked(n)")) == 5
    assert tables.value(query.format("aggregates.total_pandas(n)")) == 5
    assert tables.value(query.format("aggregates.total_polars(n)")) == 5


def test_a_group_of_nulls_alone(sql: Session) -> None:
    query = "SELECT aggregates.total(NULL), aggregates.rows_of(), aggregates.shown(NULL, NULL) FROM range(2)"
    assert sql.row(query) == (None, 2, "None None; None None")
    # A group whose columns take None has a row, and therefore a result.
    assert sql.row("SELECT aggregates.total_masked(NULL), aggregates.total_polars(NULL)") == (0, 0)


# Arguments


def test_no_arguments(tables: Session) -> None:
    same(tables, "aggregates.rows_of()", "count(*)", "SELECT h, {} FROM t GROUP BY h ORDER BY h")
    assert tables.row("SELECT aggregates.steps(3), aggregates.steps(4) FROM range(1000)") == (3000, 4000)


def test_any_number_of_arguments(sql: Session) -> None:
    query = "SELECT aggregates.total_all(i), aggregates.total_all(i, i * 2, 1.5) FROM range(10) t(i)"
    assert sql.row(query) == (45.0, 150.0)


def test_constants(tables: Session) -> None:
    assert tables.row("""
        SELECT aggregates.above(i, 3), aggregates.above(i, 5), aggregates.above(i, 5, 2), aggregates.above(i, 2.5),
               aggregates.above(i, NULL), aggregates.above(i, 1 + 2), aggregates.above(i, 3::TINYINT)
        FROM range(10) t(i)
    """) == (6, 4, 8, 7, 10, 6, 6)


def test_calls_that_differ_only_in_a_constant(tables: Session) -> None:
    query = "SELECT h, aggregates.above(i, 10), aggregates.above(i, 100), aggregates.above(i, 10, 2) FROM t"
    counts = "count(*) FILTER (i > 10), count(*) FILTER (i > 100), 2 * count(*) FILTER (i > 10)"
    assert tables.rows(f"{query} GROUP BY h ORDER BY h") == tables.rows(
        f"SELECT h, {counts} FROM t GROUP BY h ORDER BY h"
    )


def test_constants_before_columns_and_columns_left_out(sql: Session) -> None:
    assert sql.row("""
        SELECT aggregates.weighted(2, i), aggregates.weighted(2, i, i), aggregates.weighted(2, i, i, 2),
               aggregates.joined(i::VARCHAR, ' ' ORDER BY i), aggregates.joined(i::VARCHAR ORDER BY i)
        FROM range(10) t(i)
    """) == (90.0, 570.0, 4050.0, "0 1 2 3 4 5 6 7 8 9", "0,1,2,3,4,5,6,7,8,9")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("above(i, i)", "parameter 'limit' must be a constant value, but received a non-constant expression"),
        ("above(i, 1, NULL)", "aggregate 'above': argument 'factor' cannot be NULL"),
        ("above(i, DATE '2020-01-01')", "No function matches the given name and argument types"),
        ("above(i, 123456789012.5)", "aggregate 'above': argument 'limit' of type DECIMAL(13,1) cannot be used"),
        ("above(i)", "No function matches the given name and argument types"),
        (
            "wrong(i, 'other')",
            "argument 'how' must be one of the allowed choices 'length', 'put', 'overflow', got 'other'",
        ),
    ],
)
def test_constants_that_cannot_be(sql: Session, call: str, message: str) -> None:
    found = sql.error(f"SELECT aggregates.{call} FROM range(3) t(i)")
    assert message in found
    assert found.count("VGI Worker Exception") <= 1


def test_overloads(tables: Session) -> None:
    kinds = "aggregates.kind(i), aggregates.kind('x'), aggregates.kind(i, 2), aggregates.kind(1.5), aggregates.kind(h)"
    assert tables.row(f"SELECT {kinds} FROM (FROM t WHERE i < 5)") == ("number", "text", "pair", "number", "number")


# Types


def test_any_type(sql: Session) -> None:
    """Without HUGEINT and UUID, which come back as other types, and TIMESTAMPTZ, which wants pytz."""
    for value in (
        "i",
        "{'a': i, 'b': [i, NULL], 'c': MAP {'k': i::VARCHAR}}",
        "[i::VARCHAR]",
        "DATE '2020-01-01' + i::INTEGER",
        "(i / 4)::DECIMAL(10, 3)",
        "TIMESTAMP '2020-01-01 00:00:00' + INTERVAL (i) HOUR",
        "[i, i + 1]::BIGINT[2]",
    ):
        escaped = value.replace("{", "{{").replace("}", "}}")
        query = f"SELECT {{}} FROM (SELECT {escaped} AS v, i FROM range(3000) r(i))"
        same(sql, "aggregates.collected(v ORDER BY i)", "list(v ORDER BY i)", query)
        assert sql.value(query.format("typeof(aggregates.collected(v))")) == sql.value(
            query.format("typeof(list(v))")
        ), value


def test_types_that_the_constants_decide(sql: Session) -> None:
    query = "SELECT aggregates.rounded(1.2345, 1)::VARCHAR, aggregates.rounded(1.2345, 3)::VARCHAR FROM range(3)"
    assert sql.row(query) == ("3.7", "3.704")


def test_nested_types(tables: Session) -> None:
    found = tables.value("SELECT aggregates.histogram({'kind': w, 'numbers': [1, 2]}) FROM t WHERE i < 2000 AND w > ''")
    counts = tables.rows("SELECT w, count(*) * 2 FROM t WHERE i < 2000 AND w > '' GROUP BY w")
    assert found == dict(counts)


def test_arrays_of_other_libraries(tables: Session) -> None:
    same(
        tables,
        "aggregates.total_numpy(a), aggregates.total_masked(a), aggregates.total_pandas(a), aggregates.total_polars(a)",
        "sum(a)::DOUBLE, sum(a), sum(a), sum(a)",
        "SELECT g, {} FROM t GROUP BY g ORDER BY g",
    )


# Queries of other shapes


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "PARTITION BY h",
        "PARTITION BY h ORDER BY i",
        "ORDER BY i ROWS BETWEEN 3 PRECEDING AND 2 FOLLOWING",
        "ORDER BY i ROWS BETWEEN 5 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW",
        "PARTITION BY h ORDER BY g RANGE BETWEEN 1 PRECEDING AND CURRENT ROW",
    ],
)
def test_windows(tables: Session, frame: str) -> None:
    rows = 60 if tables.options == NOT_POOLED else 3_000
    query = f"SELECT i, {{}} OVER ({frame}) FROM (FROM t WHERE i < {rows}) ORDER BY i"
    same(tables, "aggregates.main.total(a)", "sum(a)", query)


def test_correlated_subqueries(tables: Session) -> None:
    same(
        tables,
        "aggregates.total(s.i)",
        "sum(s.i)",
        "SELECT r, (SELECT {} FROM t s WHERE s.g = r AND s.i < 1000 * r) FROM range(15) u(r) ORDER BY r",
    )
    same(
        tables,
        "aggregates.joined(v::VARCHAR ORDER BY v)",
        "string_agg(v::VARCHAR, ',' ORDER BY v)",
        "SELECT r, (SELECT {} FROM unnest(range(r)) l(v)) FROM range(15) u(r) ORDER BY r",
    )


def test_prepared_statements(tables: Session) -> None:
    """The bind of a statement serves all its executions."""
    for function in ("total", "total_of_batches"):
        tables.execute(f"PREPARE p AS SELECT h, aggregates.{function}(i) FROM t WHERE i < $1 GROUP BY h ORDER BY h")
        for limit in (1000, 10, 1999, 0, 10):
            expected = tables.rows(f"SELECT h, sum(i) FROM t WHERE i < {limit} GROUP BY h ORDER BY h")
            assert tables.rows(f"EXECUTE p({limit})") == expected
        tables.execute("DEALLOCATE p")


def test_a_statement_without_parameters_run_again(sql: Session) -> None:
    sql.execute("PREPARE again AS SELECT aggregates.total(i), aggregates.joined('x') FROM range(5) t(i)")
    for _ in range(5):
        assert sql.rows("EXECUTE again") == [(10, "x,x,x,x,x")]


def test_recursive_and_repeated_subqueries(sql: Session) -> None:
    query = """
        WITH RECURSIVE r(n, s) AS (
            SELECT 1, 1::BIGINT
            UNION ALL
            SELECT n + 1, (SELECT {}(i) FROM range(n + 2) t(i)) FROM r WHERE n < 6
        )
        SELECT * FROM r ORDER BY n
    """
    assert sql.rows(query.format("aggregates.total")) == sql.rows(query.format("sum"))


@pytest.mark.full
def test_several_queries_at_once(sql: Session) -> None:
    """Executions do not see each other's groups."""
    from concurrent.futures import ThreadPoolExecutor

    def run(number: int) -> None:
        cursor = sql.cursor()
        for _ in range(3):
            query = f"SELECT i % 7, aggregates.total(i * {number}) FROM range(20000) t(i) GROUP BY ALL ORDER BY ALL"
            assert cursor.rows(query) == cursor.rows(query.replace("aggregates.total", "sum"))
        cursor.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(1, 5)))


# Settings and secrets


def test_settings(fresh: Session) -> None:
    fresh.attach("aggregates")
    query = "SELECT aggregates.limited(i) FROM range(10) t(i)"
    assert fresh.value(query) == 5
    fresh.execute("SET aggregates_limit = 7")
    assert fresh.value(query) == 7


def test_secrets(fresh: Session) -> None:
    fresh.attach("aggregates")
    query = "SELECT aggregates.keyed(i, 's3://bucket/file') FROM range(10) t(i)"
    assert "function 'keyed' needs a secret of type 'aggregates_key' for 's3://bucket/file'" in fresh.error(query)
    fresh.execute("CREATE SECRET mine (TYPE aggregates_key, KEY 'right')")
    assert fresh.value(query) == "right 45"
    fresh.execute("SET threads = 8")
    assert fresh.value(query.replace("range(10)", "range(500000)")) == f"right {sum(range(500_000))}"


# Failures


@pytest.mark.parametrize("place", ["init", "update", "merge", "result"])
@pytest.mark.parametrize("function", ["fails_at_once", "fails_by_one"])
def test_exceptions(fresh: Session, function: str, place: str) -> None:
    fresh.attach("aggregates")
    message = fresh.error(f"SELECT aggregates.{function}(i, '{place}') FROM range(300000) t(i)")
    assert f"VGI Worker Exception: ValueError: failed in {place} [aggregate '{function}'] [worker: " in message
    assert message.count("ValueError: failed in") == 1
    assert fresh.value(f"SELECT aggregates.{function}(i, 'none') FROM range(10) t(i)") == 45


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("length", "OutputError: result of aggregate 'wrong' must have a value for each of 1 groups or rows, got 0"),
        ("put", "field 'sum' is changed with put(), so only you know how two groups merge; write merge(self, groups,"),
        ("overflow", "OverflowError: aggregate 'wrong': a number in field 'sum' does not fit int64"),
    ],
)
def test_mistakes(sql: Session, how: str, message: str) -> None:
    assert message in sql.error(f"SELECT aggregates.wrong(i, '{how}') FROM range(10) t(i)")
