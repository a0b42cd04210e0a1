"""``duckwing workers``: what launchers have started."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import duckdb

if sys.platform == "win32":
    pytest.skip("there are no launched workers on Windows", allow_module_level=True)

WORKER = """
import os, sys

import duckwing as dw

demo = dw.Catalog("demo")


@demo.scalar(stability="volatile")
def says(text: str) -> int:
    print(text, file=sys.stderr)
    return os.getpid()
"""


@pytest.fixture
def folder(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The launchers' own state directory."""
    run = tmp_path_factory.mktemp("run")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(run))
    (tmp_path / "worker.py").write_text(WORKER)
    return run / "vgi-rpc"


@pytest.fixture
def location(tmp_path: Path) -> str:
    words = [sys.executable, "-m", "duckwing.cli", "run", str(tmp_path / "worker.py")]
    return f"launch:env VGI_WORKER_IDLE_TIMEOUT=60 {shlex.join(words)}"


def workers(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "duckwing.cli", "workers", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def listed() -> Sequence[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(workers("--json").stdout)
    return found


def test_none(folder: Path) -> None:
    assert workers().stdout == f"no launched workers in {folder}\n"
    assert listed() == []
    assert workers("stop", "--all").returncode == 0
    for arguments in (["stop", "abc"], ["stop"], ["log", "abc"]):
        done = workers(*arguments)
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")


@pytest.mark.sql
def test_one(
    folder: Path, location: str, connection: duckdb.DuckDBPyConnection, attach: Callable[..., str], tmp_path: Path
) -> None:
    attach(connection, location, "demo")
    [(process,)] = connection.execute("SELECT demo.says('hello from a worker')").fetchall()
    [worker] = listed()
    assert worker["socket"] == str(folder / f"{worker['id']}.sock")
    assert worker["command"][-1] == str(tmp_path / "worker.py")
    assert worker["directory"] == os.getcwd()
    assert worker["pid"] not in (process, os.getpid())
    os.kill(worker["pid"], 0)
    assert worker["id"] in workers().stdout
    assert "hello from a worker\n" in workers("log", worker["id"][:6]).stdout

    stopped = workers("stop", worker["id"][:6])
    assert (stopped.returncode, stopped.stdout) == (0, f"stopped {worker['id']}\n")
    assert listed() == []
    assert sorted(path.suffix for path in folder.iterdir()) == [".lock", ".log"]
    for pid in (process, worker["pid"]):
        with pytest.raises(ProcessLookupError):
            _signal_unless_zombie(pid)
    assert connection.execute("SELECT demo.says('again')").fetchone() != (process,), "it is launched again"
    workers("stop", "--all")


def _signal_unless_zombie(pid: int) -> None:
    """The launcher, which is in this process, has not reaped it yet."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z":
        raise ProcessLookupError
    os.kill(pid, 0)
