"""A worker on a database of its own, and the fixture of pytest."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from duckwing.engine import EngineError
from duckwing.errors import ArgumentError
from duckwing.testing import sql

pytestmark = pytest.mark.sql

WORKER = """
import os
import duckwing as dw

demo, memory = dw.Catalog("demo"), dw.Catalog("memory")

@demo.scalar
def initials(first: str, last: str) -> str:
    return first[0] + last[0]

@demo.scalar(stability="volatile")
def process() -> int:
    return os.getpid()

@memory.scalar
def twice(value: int) -> int:
    return 2 * value
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "it's a worker.py"
    path.write_text(WORKER)
    return path


def test_all_catalogs_are_attached_and_names_need_no_catalog(file: Path) -> None:
    with sql(file, threads=1) as connection:
        row = connection.execute("SELECT initials('a', 'b'), demo.main.initials('c', 'd'), twice(21)").fetchone()
        assert row == ("ab", "cd", 42)
        assert connection.execute("SELECT memory_2.main.twice(1)").fetchone() == (2,)
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
        assert connection.execute("SELECT database_name FROM duckdb_tables()").fetchall() == [("memory",)]
        assert connection.execute("SELECT current_setting('threads')").fetchone() == (1,)


def test_a_module_and_changed_code(file: Path) -> None:
    spec = importlib.util.spec_from_file_location("a_worker_under_test", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with sql(module) as connection:
        assert connection.execute("SELECT initials('ab', 'cd')").fetchone() == ("ac",)
    file.write_text(WORKER.replace("[0]", "[1]"))
    with sql(module) as connection:
        assert connection.execute("SELECT initials('ab', 'cd')").fetchone() == ("bd",)


@pytest.mark.parametrize("setting", [None, "0", "1"])
def test_errors_have_tracebacks_unless_the_author_says_no(
    file: Path, monkeypatch: pytest.MonkeyPatch, setting: str | None
) -> None:
    monkeypatch.delenv("DUCKWING_DEBUG", raising=False)
    if setting is not None:
        monkeypatch.setenv("DUCKWING_DEBUG", setting)
    with sql(file) as connection, pytest.raises(duckdb.Error) as caught:
        connection.execute("SELECT initials('', '')")
    assert "IndexError: string index out of range [scalar function 'initials']" in str(caught.value)
    assert ("in initials\n    return first[0] + last[0]\n" in str(caught.value)) == (setting != "0")
    assert os.environ.get("DUCKWING_DEBUG") == setting


def test_what_cannot_be_served(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="there is no file"), sql(tmp_path / "none.py"):
        pass
    with pytest.raises(ArgumentError, match="module sys has no file"), sql(sys):
        pass


def test_the_fixture(file: Path) -> None:
    """In a pytest of its own, as an author has it."""
    folder = file.parent
    (folder / "conftest.py").write_text("from duckwing.testing import duckwing_sql\n")
    (folder / "test_worker.py").write_text(
        f"""
import duckdb
import pytest

connections = []

def test_one(duckwing_sql):
    connection = duckwing_sql({str(file)!r}, threads=1)
    connections.append(connection)
    assert connection.sql("SELECT initials('a', 'b')").fetchone() == ("ab",)

def test_two():
    with pytest.raises(duckdb.ConnectionException):
        connections[0].execute("SELECT 1")
"""
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        env=environment,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
