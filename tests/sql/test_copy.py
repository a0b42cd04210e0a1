"""COPY FROM and COPY TO with formats of a worker (spec 05, section 12)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import duckwing as dw
from duckwing.errors import DeclarationError

from .session import Session, literal

pytestmark = pytest.mark.sql


@pytest.fixture
def copied(sql: Session) -> Session:
    sql.attach("copying")
    return sql


def copy_to(session: Session, query: str, path: Path, options: str) -> None:
    session.execute(f"COPY ({query}) TO {literal(str(path))} ({options})")


def test_there_and_back(copied: Session, tmp_path: Path) -> None:
    path = tmp_path / "rows.txt"
    query = "SELECT i, CASE WHEN i % 3 > 0 THEN 'r' || i END AS s, i / 4 AS d FROM range(20000) t(i)"
    copy_to(copied, query, path, "FORMAT 'copying.lines', header true, sep ';'")
    assert path.read_text().splitlines()[:3] == ["i;s;d", "0;;0.0", "1;r1;0.25"]
    copied.execute("CREATE OR REPLACE TEMP TABLE back (i VARCHAR, s VARCHAR, d VARCHAR)")
    copied.execute(f"COPY back FROM {literal(str(path))} (FORMAT 'copying.lines', skip 1, sep ';')")
    assert copied.rows("SELECT i::BIGINT, s, d::DOUBLE FROM back") == copied.rows(query)


@pytest.mark.parametrize("kind", ["sql", pytest.param("not_pooled", marks=pytest.mark.full)])
def test_the_order_of_the_query(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> None:
    session: Session = request.getfixturevalue(kind)
    session.attach("copying")
    rows = 100_000 if kind == "sql" else 10_000
    copy_to(session, f"SELECT i FROM range({rows}) t(i)", tmp_path / "n", "FORMAT 'copying.lines'")
    assert list(map(int, (tmp_path / "n").read_text().split())) == list(range(rows))


def test_no_rows(copied: Session, tmp_path: Path) -> None:
    copy_to(copied, "SELECT 1 AS i WHERE random() > 2", tmp_path / "none", "FORMAT 'copying.counted'")
    assert (tmp_path / "none").read_text() == "0"


def test_many_threads(copied: Session, tmp_path: Path) -> None:
    copy_to(copied, "SELECT i FROM range(500000) t(i)", tmp_path / "n", "FORMAT 'copying.counted'")
    assert (tmp_path / "n").read_text() == "500000"


def test_a_file_that_exists_is_replaced(copied: Session, tmp_path: Path) -> None:
    (tmp_path / "n").write_text("old")
    copy_to(copied, "SELECT 1", tmp_path / "n", "FORMAT 'copying.counted'")
    assert (tmp_path / "n").read_text() == "1"


def test_a_writer_that_fails(copied: Session, tmp_path: Path) -> None:
    query = "COPY (SELECT 1) TO {} (FORMAT 'copying.counted', fail true)"
    (tmp_path / "kept").write_text("old")
    assert "ValueError: will not write 1 rows" in copied.error(query.format(literal(str(tmp_path / "kept"))))
    assert (tmp_path / "kept").read_text() == "old"
    assert "ValueError: will not write 1 rows" in copied.error(query.format(literal(str(tmp_path / "new"))))
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_the_columns_of_the_table(copied: Session, tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('{"a": 1, "b": "x", "c": [1, null]}\n{"b": "y", "other": 3}\n')
    copied.execute("CREATE OR REPLACE TEMP TABLE wanted (c INTEGER[], a DECIMAL(10, 2), b VARCHAR)")
    copied.execute(f"COPY wanted FROM {literal(str(path))} (FORMAT 'copying.json', encoding 'utf-8')")
    assert copied.rows("SELECT c, a::VARCHAR, b FROM wanted") == [([1, None], "1.00", "x"), (None, None, "y")]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("COPY t FROM '{}' (FORMAT 'copying.lines', skip -1)", "argument 'skip' must be >= 0, got -1"),
        ("COPY t FROM '{}' (FORMAT 'copying.lines', header true)", "does not take the argument 'header'"),
        ("COPY t FROM '{}' (FORMAT 'copying.lines', nix 1)", "nix"),
        ("COPY t FROM '{}' (FORMAT 'copying.json')", "needs the argument 'encoding'"),
        (
            "COPY t FROM '{}' (FORMAT 'copying.json', encoding 'ebcdic')",
            "must be one of the allowed choices 'utf-8', 'latin-1'",
        ),
        ("COPY t FROM '{}' (FORMAT 'copying.counted')", "COPY FROM is not supported for FORMAT"),
        ("COPY t TO '{}' (FORMAT 'copying.json', encoding 'utf-8')", "COPY TO is not supported for FORMAT"),
        ("COPY t FROM '{}.nix' (FORMAT 'copying.lines')", "FileNotFoundError"),
    ],
)
def test_what_is_refused(copied: Session, tmp_path: Path, statement: str, message: str) -> None:
    copied.execute("CREATE OR REPLACE TEMP TABLE t (a VARCHAR)")
    (tmp_path / "file").write_text("x\n")
    assert message in copied.error(statement.format(tmp_path / "file"))
    assert copied.value("SELECT count(*) FROM t") == 0


# Declarations


def test_one_reader_for_a_format() -> None:
    demo = dw.Catalog("demo")

    @demo.copy_from("x")
    def read(path: str) -> Iterator[tuple[str]]:
        yield (path,)

    with pytest.raises(DeclarationError, match="the COPY format 'X' already has a reader"):
        demo.copy_from("X")(read)


def test_handlers_are_told_apart() -> None:
    demo = dw.Catalog("demo")

    def read(path: str) -> Iterator[tuple[str]]:
        yield (path,)

    def write(rows: Iterator[pa.RecordBatch], path: str) -> None: ...

    demo.copy_from("x", handler="one")(read)
    with pytest.raises(DeclarationError, match="the COPY format 'X' has the handler 'one' already, not 'two'"):
        demo.copy_to("X", handler="two")(write)
    with pytest.raises(DeclarationError, match="the COPY formats 'x' and 'y' cannot have one handler, 'one'"):
        demo.copy_to("y", handler="one")(write)
    demo.copy_to("X")(write)
    assert [(f.name, f.handler, f.writer is not None) for f in demo.copy_formats] == [("x", "one", True)]


def test_options_mean_the_same_both_ways() -> None:
    demo = dw.Catalog("demo")

    @demo.copy_from("x")
    def read(path: str, *, size: int = 0) -> Iterator[tuple[str]]:
        yield (path,)

    def write(rows: Iterator[pa.RecordBatch], path: str, *, size: str = "") -> None: ...

    with pytest.raises(DeclarationError, match="the option 'size' of the COPY format 'x' has one type for its reader"):
        demo.copy_to("x")(write)


@pytest.mark.parametrize("count", [0, 2])
def test_a_reader_takes_one_path(count: int) -> None:
    def none(*, skip: int = 0) -> Iterator[tuple[str]]:
        yield ("",)

    def two(path: str, other: str) -> Iterator[tuple[str]]:
        yield (path,)

    with pytest.raises(DeclarationError, match=r"takes \(path: str, \*, …\)"):
        dw.Catalog("demo").copy_from("x")(none if count == 0 else two)
