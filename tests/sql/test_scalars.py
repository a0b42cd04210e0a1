"""Scalar functions through SQL: NULLs, stability, arguments, overloads, mistakes."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest

from .session import Session

pytestmark = pytest.mark.sql

PAIRS = "(VALUES (0, 1, 2), (1, NULL, 3), (2, 4, NULL), (3, NULL, NULL)) t(i, a, b)"


@pytest.fixture
def sql(sql: Session) -> Session:
    sql.attach("scalars")
    return sql


@pytest.fixture
def either(either: Session) -> Session:
    either.attach("scalars")
    return either


def columns(sql: Session, *calls: str, source: str = PAIRS) -> list[list[object]]:
    """The results of calls over the rows of ``source``, a list for each call."""
    rows = sql.rows(f"SELECT {', '.join('scalars.' + call for call in calls)} FROM {source} ORDER BY i")
    return [list(column) for column in zip(*rows, strict=True)]


# NULLs


def test_null_in_null_out(either: Session) -> None:
    expected = [3, None, None, None]
    assert columns(either, "add(a, b)", "add_batches(a, b)", "add(b, a)") == [expected] * 3
    assert columns(either, "add(a, NULL)", "add_batches(NULL::BIGINT, b)") == [[None] * 4] * 2
    assert either.row("SELECT scalars.add(1, NULL), scalars.add_batches(NULL, NULL), scalars.add(1, 2)") == (
        None,
        None,
        3,
    )


def test_none_where_the_annotation_takes_it(either: Session) -> None:
    assert columns(either, "shown(a)", "mixed(a, b, 'x')", "mixed_batches(a, b)") == [
        ["1", "None", "4", "None"],
        ["1 2 x", None, "4 None x", None],
        ["1 2", None, "4 none", None],
    ]
    row = either.row("SELECT scalars.shown(NULL), scalars.mixed(1, NULL, 'x'), scalars.mixed(NULL, 1, 'x')")
    assert row == ("None", "1 None x", None)


def test_nulls_passed(sql: Session) -> None:
    assert columns(sql, "is_none(a, 'x')", "nulls_in_batch(a)") == [
        ["False False", "True False", "False False", "True False"],
        [2 if sql.value("SELECT current_setting('vgi_exchange_input_dedup')") is False else 1] * 4,
    ]
    assert sql.value("SELECT scalars.is_none(NULL, NULL)") == "True True"


def test_null_results(sql: Session) -> None:
    assert columns(sql, "odd_or_null(a)", "null_for_all(a)") == [[1, None, None, None], [None] * 4]


def test_batches_of_nulls_alone(sql: Session) -> None:
    source = "(SELECT i, NULL::BIGINT AS a FROM range(5000) t(i))"
    calls = [
        f"count(scalars.{call})"
        for call in ("add(a, i)", "add_batches(i, a)", "null_for_all(a)", "total(i, a)", "which(a)")
    ]
    assert sql.row(f"SELECT {', '.join(calls)}, count(scalars.shown(a)) FROM {source}") == (0, 0, 0, 0, 0, 5000)


def test_null_unions(sql: Session) -> None:
    union = "(VALUES (0, union_value(n := 1)), (1, NULL), (2, union_value(n := 3))) t(i, u)"
    assert columns(sql, "union_tag(u)", "types_of(u) IS NULL", source=union) == [
        ["1", "None", "3"],
        [False, True, False],
    ]


def test_no_rows(sql: Session) -> None:
    query = "SELECT scalars.add(i, i), scalars.add_batches(i, i), scalars.ticket() FROM range(0) t(i)"
    assert sql.rows(query) == []


@pytest.mark.parametrize("threads", [1, 4])
def test_a_million_rows_as_duckdb_computes_them(open_session: Callable[..., Session], threads: int) -> None:
    session = open_session(threads=threads)
    session.attach("scalars")
    session.execute("""
        CREATE TABLE million AS
        SELECT i, CASE WHEN i % 7 <> 0 THEN i * 3 END AS a,
            CASE WHEN i % 11 <> 0 THEN left(hash(i)::VARCHAR, CAST(i % 10 AS INTEGER)) END AS s
        FROM range(1000000) t(i)
    """)
    wrong = """
        SELECT count(*) FILTER (scalars.add_batches(a, i) IS DISTINCT FROM a + i),
            count(*) FILTER (scalars.pad_batches(s, 12, '*') IS DISTINCT FROM rpad(s, 12, '*')),
            count(*) FILTER (scalars.pad(s) IS DISTINCT FROM CASE WHEN length(s) < 5 THEN rpad(s, 5, '.') ELSE s END),
            count(*)
        FROM million
    """
    assert session.row(wrong) == (0, 0, 0, 1_000_000)
    session.close()


# Stability


def test_volatile_is_called_for_every_row(either: Session) -> None:
    query = "SELECT count(DISTINCT scalars.ticket()), count(DISTINCT scalars.ticket_for(1)) FROM range(3000)"
    assert either.row(query) == (3000, 3000)


def test_consistent_is_folded(sql: Session) -> None:
    assert sql.value("SELECT count(DISTINCT scalars.once()) FROM range(3000)") == 1


def test_consistent_within_query_sees_no_duplicates(sql: Session) -> None:
    assert sql.value("SELECT max(scalars.rows_in_batch(i % 3)) FROM range(2000) t(i)") == 3


def test_rows_of_calls_without_columns(either: Session) -> None:
    assert either.value("SELECT list(scalars.row_numbers()) FROM range(10)") == list(range(10))
    assert either.value("SELECT scalars.row_numbers()") == 0


# Arguments


def test_varargs(sql: Session) -> None:
    query = """
        SELECT scalars.total(1, 2, 3), scalars.total(1), scalars.total(), scalars.joined('-', 'a', 'b'),
            scalars.joined('-'), scalars.joined_batches('a', 'b', 'c'), scalars.joined_batches('a')
    """
    assert sql.row(query) == (6, 1, 0, "a-b", "", "a-b-c", "a")
    many = ", ".join(["i"] * 200)
    assert sql.values(f"SELECT scalars.total({many}) FROM range(3) t(i)") == [0, 200, 400]


def test_any(sql: Session) -> None:
    found = sql.value("SELECT scalars.types_of(1, 'x', 2.5, [1], {'a': true}, DATE '2024-01-01', i) FROM range(1) t(i)")
    assert found == "int32, string, decimal128(2, 1), list<l: int32>, struct<a: bool>, date32[day], int64"
    values = ["1", "'x'", "[1]", "{'a': 1}", "2.5", "DATE '2024-01-01'", "NULL", "now()", "'a'::ENUM('a')", "true"]
    found = sql.value(f"SELECT [{', '.join(f'scalars.python_type({v})' for v in values)}]")
    assert found == ["int", "str", "list", "dict", "Decimal", "date", None, "datetime", "str", "bool"]


def test_constants(sql: Session) -> None:
    rows = sql.rows("""
        SELECT scalars.scaled(x, 2, NULL), scalars.scaled(x, 1 + 1, 0.5), scalars.scaled(x, NULL, 1),
            scalars.constant_first(3, 7), scalars.only_constants(2, 'ab'), scalars.only_constants(NULL, 'ab')
        FROM (VALUES (1.5), (NULL)) t(x)
    """)
    assert rows == [(3.0, 3.5, None, 21, "abab", None), (None, None, None, 21, "abab", None)]
    assert "Could not convert string 'abc' to DOUBLE" in sql.error("SELECT scalars.scaled(1, 'abc', 1)")


def test_constants_that_vary(sql: Session) -> None:
    """They are columns to DuckDB; the function is called once for each combination."""
    wrong = """
        SELECT count(*) FILTER (scalars.scaled(x, f, o) IS DISTINCT FROM x * f + coalesce(o, 0)),
            count(*) FILTER (scalars.repeated(f, s) IS DISTINCT FROM repeat(s, f)),
            count(*)
        FROM (
            SELECT i / 4 AS x, CASE WHEN i % 13 > 0 THEN i % 3 END AS f, CASE WHEN i % 5 > 0 THEN i % 2 END AS o,
                CASE WHEN i % 17 > 0 THEN 's' || i % 4 END AS s
            FROM range(10000) t(i)
        )
    """
    assert sql.row(wrong) == (0, 0, 10_000)


def test_nothing_but_constants_in_a_batch(sql: Session) -> None:
    for call in ("joined_batches()", "separated_batches('-')"):
        function = call.partition("(")[0]
        assert f"ArgumentError: function '{function}' requires at least 1 value: {function}(" in sql.error(
            f"SELECT scalars.{call}"
        )
    assert sql.value("SELECT scalars.separated_batches('+', 'a', 'b')") == "a+b"


def test_shorter_forms(sql: Session) -> None:
    for function in ("pad", "pad_batches"):
        calls = [f"scalars.{function}({arguments})" for arguments in ("'a'", "'a', 3", "'a', 3, '*'")]
        assert sql.row(f"SELECT {', '.join(calls)}") == ("a....", "a..", "a**")
    message = sql.error("SELECT scalars.pad()")
    assert "pad(VARCHAR, BIGINT, VARCHAR) -> VARCHAR\n\tpad(VARCHAR, BIGINT) -> VARCHAR\n\tpad(VARCHAR)" in message


def test_python_types_of_annotations(sql: Session) -> None:
    one = uuid.UUID(int=1)
    row = sql.row("""
        SELECT scalars.days(INTERVAL 3 DAY), scalars.lists([1, NULL], MAP {'a': 1.5::DOUBLE}),
            scalars.structured({'a': 1, 'b': [2, 3]::SMALLINT[]}), scalars.decimals(1.20),
            scalars.identified('00000000-0000-0000-0000-000000000000'),
            typeof(scalars.decimals(1.20)), typeof(scalars.lists([], MAP {})),
    """)
    id_and_tags = {"id": 1, "tags": ["2", "3"]}
    assert row[:3] == (timedelta(days=6), ["1", "None", "a=1.5"], id_and_tags)
    assert (str(row[3]), *row[4:]) == ("0.150", one, "DECIMAL(12,3)", "VARCHAR[]")
    message = sql.error("SELECT scalars.days(i) FROM (VALUES (INTERVAL 1 MONTH)) t(i)")
    assert "function 'days': argument 'value' of type INTERVAL cannot be used: an INTERVAL of months" in message
    assert "DECIMAL(12,3), got Decimal('0.15625')" in sql.error("SELECT scalars.decimals(1.25)")


# Overloads


@pytest.mark.parametrize(
    ("call", "chosen"),
    [
        ("which(1)", "BIGINT"),
        ("which(1::SMALLINT)", "SMALLINT"),
        ("which('x')", "VARCHAR"),
        ("which(1.5::DOUBLE)", "DOUBLE"),
        ("which(1::HUGEINT)", "DOUBLE"),
        ("which(DATE '2024-01-01')", "DATE"),
        ("which('2024-01-01')", "VARCHAR"),
        ("which([1])", "BIGINT[]"),
        ("which(1, 'x')", "BIGINT, VARCHAR"),
        ("which('x', 1)", 21),
        ("which(1, 2, 3)", "3 BIGINT"),
        ("which(1, 2, 3, 4, 5)", "5 BIGINT"),
        ("or_any(1)", "ANY"),
        ("or_any(1::BIGINT)", "BIGINT"),
        ("or_any('x')", "ANY"),
        ("or_any(1::HUGEINT)", "ANY"),
        ("or_any(1.5)", "ANY"),
        ("or_any_real(1.5)", "ANY"),
        ("or_any_real(1.5::DOUBLE)", "DOUBLE"),
        ("or_any_real(1::TINYINT)", "ANY"),
        ("or_any_real(1::HUGEINT)", "ANY"),
        ("by_name('a')", "VARCHAR"),
        ("by_name('a'::ENUM('a'))", "ANY"),
        ("by_name(uuid())", "UUID"),
        ("by_name(1::HUGEINT)", "HUGEINT"),
        ("by_name(1::DECIMAL(38, 0))", "ANY"),
        ("by_name(1)", "ANY"),
        ("const_or_not(i, 'x')", "const x"),
        ("const_or_not(i, i)", "column 0"),
        ("const_or_not(i, 5)", "column 5"),
    ],
)
def test_overloads(sql: Session, call: str, chosen: object) -> None:
    assert sql.value(f"SELECT scalars.{call} FROM range(1) t(i)") == chosen


def test_no_overload(sql: Session) -> None:
    for call in ("which(true)", "which(1, 2)", "which()", "which(['a'])"):
        assert "No function matches the given name" in sql.error(f"SELECT scalars.{call}")


# Context


def test_context_names_the_function(sql: Session) -> None:
    assert sql.value("SELECT scalars.WHERE_am_I(1)") == "scalars where_am_i"


def test_log(open_session: Callable[..., Session]) -> None:
    session = open_session()
    session.attach("scalars")
    session.execute("CALL enable_logging('VGI')")
    assert session.values("SELECT scalars.logged(i) FROM range(2) t(i)") == [0, 1]
    session.error("SELECT scalars.logged_then_failed(5)")
    logged = "SELECT log_level, message FROM duckdb_logs WHERE type = 'VGI' AND contains(left(message, 60), '%s')"
    for value in (0, 1):
        [(level, message)] = session.rows(logged % f"value seen (value={value}")
        assert level == "WARNING"
        assert "2024, 1, 2" in message
    assert [level for level, _ in session.rows(logged % "again 0")] == ["INFO"]
    assert {level for level, _ in session.rows(logged % "before the error")} == {"ERROR"}
    session.close()


# Mistakes and errors


def test_errors_show_type_message_and_the_authors_frames(debugged: Session) -> None:
    debugged.attach("scalars")
    message = debugged.error("SELECT scalars.fails(i) FROM range(10) t(i)")
    assert "LookupError: nothing for 3 [scalar function 'fails']\nTraceback (most recent call last):\n" in message
    assert ", in fails\n    return _deeper(value)\n" in message
    assert ", in _deeper\n    raise LookupError(" in message
    assert message.count('  File "') == 2
    assert debugged.values("SELECT scalars.fails(i) FROM range(3) t(i)") == [0, 1, 2]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("fails_chained", "RuntimeError: outer [scalar function 'fails_chained']\n"),
        ("fails_chained", "KeyError: 'inner'\n\nThe above exception was the direct cause"),
        ("fails_without_text", "Unprintable: <the message of this exception cannot be printed: ValueError>"),
        ("fails_in_group", "ExceptionGroup: several (2 sub-exceptions)"),
        ("fails_in_group", "ValueError: one"),
        ("fails_at_length", "ééé… <message truncated>"),
        ("wrong_length", "OutputError: result of function 'wrong_length' must have one value for each of the 2 rows, "),
        (
            "wrong_class",
            "OutputError: result of function 'wrong_class' must be an array of Arrow, NumPy, pandas or polars",
        ),
        ("wrong_type", "OutputError: result of function 'wrong_type' must be BIGINT, got VARCHAR: Failed to parse"),
        ("wrong_value", "OutputError: result of function 'wrong_value' must be VARCHAR, got 0: Expected bytes"),
        ("a_fraction", "OutputError: result of function 'a_fraction' must be BIGINT, got 0.5: 'float' object cannot"),
        ("lossy", "OutputError: result of function 'lossy' must be BIGINT, got DOUBLE: Float value 0.500000 was trun"),
    ],
)
def test_errors(debugged: Session, function: str, expected: str) -> None:
    debugged.attach("scalars")
    value = "i + 0.5" if function == "lossy" else "i"
    message = debugged.error(f"SELECT scalars.{function}({value}) FROM range(2) t(i)")
    assert expected in message
    assert "duckwing/functions" not in message
    assert debugged.value("SELECT scalars.add(1, 2)") == 3


def test_results_in_other_arrow_forms(sql: Session) -> None:
    rows = sql.rows("""
        SELECT scalars.chunked(i), scalars.narrower(i), scalars.dictionary(i)::VARCHAR, scalars.dictionary_of_text(i)
        FROM range(3) t(i)
    """)
    assert rows == [(i, i, "2024-01-01", str(i)) for i in range(3)]
    # In a batch of one row DuckDB reads the first entry of a dictionary, whatever the index (spec 06, section 8).
    assert sql.values("SELECT scalars.dictionary_of_text(i) FROM range(2, 3) t(i)") == ["2"]


@pytest.mark.parametrize("source", ["SELECT NULL AS v", "SELECT NULL AS v FROM range(3)"])
def test_bare_nulls_make_types_as_in_duckdb(sql: Session, source: str) -> None:
    rows = len(sql.rows(source))
    query = "SELECT scalars.as_it_is(v), typeof(scalars.as_it_is(v)), {}(v), typeof({}(v)) FROM ({})"
    assert (
        sql.rows(query.format("scalars.within", "scalars.within", source))
        == [(None, '"NULL"', [{"v": None}], 'STRUCT(v "NULL")[]')] * rows
    )
    sql.execute(f"CREATE OR REPLACE TEMP TABLE nothing AS SELECT scalars.within(v) AS w FROM ({source})")
    assert sql.value("SELECT DISTINCT typeof(w) FROM nothing") == "STRUCT(v INTEGER)[]"


@pytest.mark.parametrize("value", ["[NULL]", "{'a': NULL}", "MAP {'a': NULL}", "[]", "[[NULL], []]"])
def test_nulls_within_values(sql: Session, value: str) -> None:
    query = f"SELECT scalars.as_it_is(v), typeof(scalars.as_it_is(v)) FROM (SELECT {value} AS v)"
    assert sql.rows(query) == sql.rows(f"SELECT {value}, typeof({value})")
