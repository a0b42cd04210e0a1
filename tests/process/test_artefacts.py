"""The forms in which a worker is given to others: a script, a zipapp, an importable object."""

from __future__ import annotations

import os
import shlex
import sys
import zipapp
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import duckdb

pytestmark = pytest.mark.sql

SOURCE = """
import os

import duckwing as dw

demo = dw.Catalog("demo")


@demo.scalar
def doubled(n: int) -> int:
    return 2 * n


@demo.scalar(stability="volatile")
def process_of(_n: int) -> int:
    return os.getpid()


worker = dw.Worker(demo)

if __name__ == "__main__":
    worker.run()
"""


@pytest.fixture
def folder(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "demo_worker.py").write_text(SOURCE)
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "__main__.py").write_text(SOURCE)
    zipapp.create_archive(tmp_path / "packed", tmp_path / "worker.pyz")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    monkeypatch.chdir(tmp_path)
    return tmp_path


FORMS = {
    "script": [sys.executable, "demo_worker.py"],
    "zipapp": [sys.executable, "worker.pyz"],
    "run": [sys.executable, "-m", "duckwing.cli", "run", "demo_worker.py"],
    "worker": [sys.executable, "-m", "duckwing.cli", "serve", "demo_worker:worker"],
    "catalog": [sys.executable, "-m", "duckwing.cli", "serve", "demo_worker:demo"],
}


@pytest.mark.parametrize("form", FORMS)
def test_stdio(folder: Path, connection: duckdb.DuckDBPyConnection, attach: Callable[..., str], form: str) -> None:
    attach(connection, f"cd {shlex.quote(str(folder))} && exec {shlex.join(FORMS[form])}", "demo")
    assert connection.execute("SELECT demo.doubled(21)").fetchone() == (42,)


@pytest.mark.skipif(sys.platform == "win32", reason="AF_UNIX")
@pytest.mark.parametrize("form", FORMS)
def test_launched(folder: Path, connection: duckdb.DuckDBPyConnection, attach: Callable[..., str], form: str) -> None:
    """Two connections at a time reach two processes, and none of these is the one that listens."""
    environment = "VGI_WORKER_IDLE_TIMEOUT=0.5"
    attach(connection, f"launch:env {environment} {shlex.join(FORMS[form])} --processes 2", "demo")
    query = "SELECT a.n, demo.process_of(1), demo.process_of(b.n) FROM range(3000) a(n), range(2) b(n)"
    rows = connection.execute(query).fetchall()
    assert sorted(n for n, *_ in rows) == sorted([*range(3000)] * 2)
    processes = {process for _, *of_row in rows for process in of_row}
    assert os.getpid() not in processes
    assert connection.execute("SELECT demo.doubled(21)").fetchone() == (42,)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("demo_worker:nothing", "has no 'nothing'"),
        ("demo_worker:SOURCE", "has no 'SOURCE'"),
        ("demo_worker:os", "expected a Worker or a Catalog, not module"),
        ("nowhere:worker", "No module named 'nowhere'"),
        ("demo_worker", "expected MODULE:OBJECT"),
    ],
)
def test_what_cannot_be_served(
    folder: Path, connection: duckdb.DuckDBPyConnection, attach: Callable[..., str], target: str, message: str
) -> None:
    command = shlex.join([sys.executable, "-m", "duckwing.cli", "serve", target])
    with pytest.raises(Exception, match=message):
        attach(connection, f"cd {shlex.quote(str(folder))} && exec {command}", "demo")
