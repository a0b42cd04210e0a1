from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import TextIO

import duckdb
import pytest

from duckwing.cli.formats import write_csv, write_json, write_markdown
from duckwing.cli.results import Result, Runner
from duckwing.cli.table import write_table


@pytest.fixture
def runner() -> Iterator[Runner]:
    with duckdb.connect() as connection:
        yield Runner(connection)


def written(runner: Runner, write: Callable[[Result, TextIO], None], sql: str, out: TextIO | None = None) -> str:
    result = runner.execute(sql)
    assert result is not None
    out = out or io.StringIO(newline="")
    write(result, out)
    assert isinstance(out, io.StringIO)
    return out.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


EXACT = """
    SELECT 170141183460469231731687303715884105727::HUGEINT AS huge, 1.10::DECIMAL(38, 20) AS dec,
        9007199254740993 AS big, TIMESTAMP_NS '2020-01-01 00:00:00.123456789' AS ts, '\\xFF'::BLOB AS blob,
        [1, NULL] AS list, {'a': INTERVAL 1 DAY} AS struct, 'x'::ENUM('x', 'y') AS enum, NULL AS nothing
"""


def test_csv_has_every_value_as_duckdb_casts_it(runner: Runner) -> None:
    assert list(csv.reader(io.StringIO(written(runner, write_csv, EXACT)))) == [
        ["huge", "dec", "big", "ts", "blob", "list", "struct", "enum", "nothing"],
        [
            "170141183460469231731687303715884105727",
            "1.10000000000000000000",
            "9007199254740993",
            "2020-01-01 00:00:00.123456789",
            "\\xFF",
            "[1, NULL]",
            "{'a': 1 day}",
            "x",
            "",
        ],
    ]


def test_csv_quotes_what_needs_it(runner: Runner) -> None:
    text = written(runner, write_csv, "SELECT 'a,b' AS \"x,y\", 'say \"hi\"' AS x, E'two\\nlines' AS x")
    assert text == '"x,y",x,x\n"a,b","say ""hi""","two\nlines"\n'


def test_json_has_every_value_as_duckdb_writes_it(runner: Runner) -> None:
    text = written(runner, write_json, EXACT)
    [row] = json.loads(text, parse_float=str)
    assert row == {
        "huge": 170141183460469231731687303715884105727,
        "dec": "1.10000000000000000000",
        "big": 9007199254740993,
        "ts": "2020-01-01 00:00:00.123456789",
        "blob": "\\xFF",
        "list": [1, None],
        "struct": {"a": "1 day"},
        "enum": "x",
        "nothing": None,
    }


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def test_json_is_strict_where_numbers_are_not_finite(runner: Runner) -> None:
    text = written(
        runner,
        write_json,
        """
            SELECT 'nan'::DOUBLE AS a, ['-inf'::FLOAT, 1.5, 'inf'::FLOAT] AS b, 'NaN, "Infinity"' AS c, {'NaN': 1} AS d
        """,
    )
    assert json.loads(text, parse_constant=refuse) == [
        {"a": "NaN", "b": ["-Infinity", 1.5, "Infinity"], "c": 'NaN, "Infinity"', "d": {"NaN": 1}}
    ]


def test_json_keeps_columns_that_share_a_name(runner: Runner) -> None:
    text = written(runner, write_json, 'SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS "quo\\te""", 5 AS a')
    assert json.loads(text) == [{"a": 1, "a_2": 2, "a_1": 3, 'quo\\te"': 4, "a_3": 5}]


@pytest.mark.parametrize(
    ("write", "expected"),
    [(write_csv, "n\n"), (write_json, "[]\n"), (write_markdown, "| n |\n| --: |\n")],
)
def test_no_rows(runner: Runner, write: Callable[[Result, TextIO], None], expected: str) -> None:
    assert written(runner, write, "SELECT 1 AS n WHERE false") == expected


@pytest.mark.parametrize("write", [write_csv, write_json, write_markdown])
def test_all_rows_arrive_in_order(runner: Runner, write: Callable[[Result, TextIO], None]) -> None:
    lines = written(runner, write, "SELECT 'row ' || range AS r FROM range(10000)").splitlines()
    rows = [line for line in lines if "row " in line]
    assert len(rows) == 10000
    assert all(f"row {number}" in row for number, row in enumerate(rows))


@pytest.mark.parametrize("write", [write_csv, write_json, write_markdown, write_table])
def test_a_query_that_fails_prints_nothing(runner: Runner, write: Callable[[Result, TextIO], None]) -> None:
    out = io.StringIO()
    with pytest.raises(duckdb.Error, match="no good"):
        written(runner, write, "SELECT CASE WHEN range < 50000 THEN 1 ELSE error('no good') END FROM range(60000)", out)
    assert out.getvalue() == ""


def test_markdown_escapes(runner: Runner) -> None:
    text = written(runner, write_markdown, "SELECT E'a|b\\nc\\\\d' AS \"x|y\", 1.5 AS n, NULL AS z")
    assert text == "| x\\|y | n | z |\n| :-- | --: | --: |\n| a\\|b<br>c\\\\d | 1.5 |  |\n"


def test_table(runner: Runner) -> None:
    text = written(runner, write_table, "FROM (VALUES (1, 'één'), (20, E'two\\nlines'), (NULL, '日本')) AS t(n, words)")
    assert text == (
        "┌─────────┬─────────┐\n"
        "│       n │ words   │\n"
        "│ integer │ varchar │\n"
        "├─────────┼─────────┤\n"
        "│       1 │ één     │\n"
        "│      20 │ two     │\n"
        "│         │ lines   │\n"
        "│    NULL │ 日本    │\n"
        "└─────────┴─────────┘\n"
        "3 rows\n"
    )


def test_a_table_in_a_file_is_complete(runner: Runner) -> None:
    text = written(runner, write_table, "SELECT range AS r, repeat('w', 500) AS wide FROM range(100)")
    assert text.count("w" * 500) == 100
    assert text.endswith("\n100 rows\n")


def test_a_terminal_shows_both_ends_of_a_long_result_and_says_so(runner: Runner) -> None:
    text = written(runner, write_table, "FROM range(5000)", Terminal())
    shown = [int(word) for word in text.replace("│", " ").split() if word.isdigit()]
    assert shown[:40] == [*range(20), *range(4980, 5000)]
    assert "5,000 rows; 4,960 in the middle are not shown" in text
    assert written(runner, write_table, "FROM range(40)", Terminal()).endswith("\n40 rows\n")


def test_a_terminal_gets_records_where_a_table_is_too_wide(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    sql = "SELECT 1 AS id, repeat('w', 30) AS long_name UNION ALL SELECT 2, E'a\\nb' ORDER BY id"
    monkeypatch.setenv("COLUMNS", "48")
    assert written(runner, write_table, sql, Terminal()).startswith("┌")
    monkeypatch.setenv("COLUMNS", "30")
    assert written(runner, write_table, sql, Terminal()) == (
        "── row 1 ──\n"
        "id        │ 1\n"
        f"long_name │ {'w' * 30}\n"
        "── row 2 ──\n"
        "id        │ 2\n"
        "long_name │ a\n"
        "          │ b\n"
        "2 rows\n"
    )


def test_a_value_cannot_steer_the_terminal(runner: Runner) -> None:
    text = written(runner, write_table, "SELECT chr(27) || '[2J' || chr(155) || 'x' AS evil", Terminal())
    assert "\\x1b[2J\\x9bx" in text
    assert "\x1b" not in text
    assert "\x9b" not in text


def test_a_plan_is_printed_as_it_is(runner: Runner) -> None:
    text = written(runner, write_table, "EXPLAIN SELECT 42")
    assert "PROJECTION" in text
    assert "explain_value" not in text


@pytest.mark.parametrize(
    "sql", ["CREATE TABLE t (i INT)", "SET threads = 2", "BEGIN", "COPY (SELECT 1) TO '/dev/null'"]
)
def test_statements_without_a_result(runner: Runner, sql: str) -> None:
    assert runner.execute(sql) is None


@pytest.mark.parametrize(
    "sql", ["SHOW TABLES", "DESCRIBE SELECT 1", "CALL pragma_version()", "SUMMARIZE SELECT 1", "PRAGMA version"]
)
def test_other_statements_with_a_result(runner: Runner, sql: str) -> None:
    result = runner.execute(sql)
    assert result is not None
    assert len(result.names) == len(result.types)
    assert all(len(row) == len(result.names) for rows in result.text() for row in rows)


def test_a_query_runs_once(runner: Runner) -> None:
    runner.execute("CREATE SEQUENCE s")
    assert written(runner, write_csv, "SELECT nextval('s') AS n FROM range(3)") == "n\n1\n2\n3\n"
    assert written(runner, write_csv, "SELECT nextval('s') AS n") == "n\n4\n"


def test_a_table_name_does_not_find_a_variable_of_the_program(runner: Runner) -> None:
    columns = {"a": [1]}
    with pytest.raises(duckdb.CatalogException):
        runner.execute("SELECT * FROM columns")
    assert columns
