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
