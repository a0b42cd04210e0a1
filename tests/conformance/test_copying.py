"""The formats of ``example`` for COPY."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..sql.session import Session, literal

pytestmark = pytest.mark.sql


def copy(session: Session, query: str, path: Path, options: str) -> int:
    """Write the rows of a query; how many there were."""
    rows: int = session.value(f"COPY ({query}) TO {literal(str(path))} ({options})")
    return rows


TOY = "Toy delimited-text"
READER_OPTIONS = [
    ("delimiter", "VARCHAR", "Field separator"),
    ("null_string", "VARCHAR", "Token parsed as SQL NULL"),
    ("on_error", "VARCHAR", "Behavior on a row whose column count does not match the target"),
    ("skip_rows", "BIGINT", "Leading lines to skip before data"),
]
WRITER_OPTIONS = [
    ("delimiter", "VARCHAR", "Field separator"),
    ("fail_on_value", "VARCHAR", "If non-empty, fail mid-write when a cell equals this value"),
    ("header", "BOOLEAN", "Write a header row of column names"),
    ("header_repeat", "BIGINT", "When header=true, write the header line this many times"),
    ("null_string", "VARCHAR", "Token written for SQL NULL"),
    ("on_exists", "VARCHAR", "Behavior when the destination file already exists"),
]


def test_the_formats(example: Session) -> None:
    listed = example.rows(
        "SELECT DISTINCT format_name, direction, ordered, handler, format_comment, format_tags FROM vgi_copy_formats() "
        "ORDER BY ALL"
    )
    reader, writer = ({"category": f"copy_{way}", "stability": "test"} for way in ("from", "to"))
    ordered = "Toy delimited-text writer (ordered, single-thread sink)"
    assert listed == [
        ("example.example_lines", "from", False, "example_lines_copy_reader", f"{TOY} reader for tests", reader),
        ("example.example_lines_ordered_out", "to", True, "example_lines_ordered_writer", ordered, writer),
        ("example.example_lines_out", "to", False, "example_lines_writer", f"{TOY} writer for tests", writer),
        ("example.secret_lines_in", "from", False, "secret_lines_reader", None, {}),
        ("example.secret_lines_out", "to", False, "secret_lines_writer", None, {}),
    ]
    functions = example.values(
        "SELECT DISTINCT function_name FROM duckdb_functions() JOIN vgi_copy_formats() ON function_name = handler "
        "WHERE database_name = 'example' AND schema_name = 'main' AND function_type = 'table' ORDER BY ALL"
    )
    assert functions == sorted(handler for _, _, _, handler, _, _ in listed)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("example_lines", READER_OPTIONS),
        ("example_lines_out", WRITER_OPTIONS),
        ("example_lines_ordered_out", WRITER_OPTIONS),
    ],
)
def test_the_options(example: Session, name: str, options: list[tuple[str, str, str]]) -> None:
    shown = "SELECT option_name, option_type, option_description FROM vgi_copy_formats()"
    assert example.rows(f"{shown} WHERE format_name = 'example.{name}' ORDER BY option_name") == options


LINES = "FORMAT 'example.example_lines_out', null_string 'NULL'"


def test_there_and_back(own_example: Session, tmp_path: Path) -> None:
    path = tmp_path / "lines"
    query = "SELECT i, i / 7 AS d, CASE WHEN i % 2 = 0 THEN 'ä b' || i END AS s FROM range(1000) t(i)"
    assert copy(own_example, query, path, f"{LINES}, header true, header_repeat 2, delimiter '|'") == 1000
    assert path.read_text("utf-8").startswith("i|d|s\ni|d|s\n")
    own_example.execute("CREATE TEMP TABLE back (i BIGINT, d DOUBLE, s VARCHAR)")
    options = "FORMAT 'example.example_lines', null_string 'NULL', delimiter '|', skip_rows '2'"
    own_example.execute(f"COPY back FROM {literal(str(path))} ({options})")
    assert sorted(own_example.rows("FROM back")) == sorted(own_example.rows(query))


def test_order(example: Session, tmp_path: Path) -> None:
    options = "FORMAT 'example.example_lines_ordered_out', null_string ''"
    assert copy(example, "SELECT i FROM range(50000) t(i)", tmp_path / "n", options) == 50_000
    assert list(map(int, (tmp_path / "n").read_text().split())) == list(range(50_000))


def test_many_threads(example: Session, tmp_path: Path) -> None:
    assert copy(example, "SELECT i FROM range(100000) t(i)", tmp_path / "n", LINES) == 100_000
    assert sorted(map(int, (tmp_path / "n").read_text().split())) == list(range(100_000))


def test_no_rows(example: Session, tmp_path: Path) -> None:
    assert copy(example, "SELECT 1 AS a WHERE random() > 2", tmp_path / "n", f"{LINES}, header true") == 0
    assert (tmp_path / "n").read_text() == "a\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (f"{LINES}, nosuch 1", "Unsupported option 'nosuch'"),
        ("FORMAT 'example.example_lines_out'", "null_string"),
        (f"{LINES}, on_exists 'maybe'", "on_exists"),
        (f"{LINES}, header_repeat 4", "header_repeat"),
        (f"{LINES}, fail_on_value '7'", "fail_on_value"),
        (f"{LINES}, on_exists 'error', use_tmp_file false", "already exists"),
    ],
)
def test_refusals(example: Session, tmp_path: Path, options: str, message: str) -> None:
    path = tmp_path / "n"
    path.write_text("there")
    assert message in example.error(f"COPY (SELECT i, i AS j FROM range(9) t(i)) TO {literal(str(path))} ({options})")
    assert copy(example, "SELECT 1", tmp_path / "other", LINES) == 1


def test_several_files(example: Session, tmp_path: Path) -> None:
    path = literal(str(tmp_path / "folder"))
    text = example.error(f"COPY (SELECT i, i AS j FROM range(9) t(i)) TO {path} ({LINES}, partition_by (i))")
    assert "do not support" in text


def test_rows_of_another_width(own_example: Session, tmp_path: Path) -> None:
    path = tmp_path / "n"
    path.write_text("1,2\n3\n\n9223372036854775807,x\n")
    own_example.execute("CREATE TEMP TABLE pairs (a BIGINT, b VARCHAR)")
    options = "FORMAT 'example.example_lines', null_string 'x'"
    text = own_example.error(f"COPY pairs FROM {literal(str(path))} ({options})")
    assert "example_lines: row has 1 fields, expected 2" in text
    own_example.execute(f"COPY pairs FROM {literal(str(path))} ({options}, on_error 'skip')")
    assert own_example.rows("FROM pairs") == [(1, "2"), (9223372036854775807, None)]


def test_secrets(own_example: Session, tmp_path: Path) -> None:
    path = tmp_path / "n"
    options = "FORMAT 'example.secret_lines_out'"
    assert copy(own_example, "SELECT 1", path, options) == 1
    assert path.read_text() == "api_key=NONE\nrows=1\n"
    own_example.execute(f"CREATE SECRET one (TYPE vgi_example, API_KEY 'k1', SCOPE {literal(str(tmp_path))})")
    assert copy(own_example, "FROM range(3)", path, options) == 3
    assert path.read_text() == "api_key=k1\nrows=3\n"
    own_example.execute("CREATE TEMP TABLE keys (a VARCHAR)")
    own_example.execute(f"COPY keys FROM {literal(str(path))} (FORMAT 'example.secret_lines_in')")
    assert own_example.values("FROM keys") == ["k1"]
    assert copy(own_example, "SELECT 1", path, f"{options}, secret_type 'http'") == 1
    assert path.read_text() == "api_key=NONE\nrows=1\n"
