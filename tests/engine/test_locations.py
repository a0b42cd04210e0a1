from __future__ import annotations

import shlex
import sys
import sysconfig
from pathlib import Path

import pytest

import duckwing
from duckwing.engine import EngineError, location


@pytest.mark.parametrize("name", ["worker.py", "it's a $(worker);.py", "launch:worker.py"])
@pytest.mark.skipif(sys.platform == "win32", reason="about the POSIX shell")
def test_a_python_file_is_run_by_this_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    first, *command, verb, path = shlex.split(location(name))
    assert (first, verb, path) == ("exec", "run", str(tmp_path / name))
    assert Path(command[0]).parent in (Path(sys.executable).parent, Path(sysconfig.get_path("scripts")))


def test_without_an_installed_script_the_module_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "w.py").touch()
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    assert shlex.split(location(str(tmp_path / "w.py"))) == [
        *("exec", sys.executable, "-m", "duckwing.cli", "run", str(tmp_path / "w.py"))
    ]
    (tmp_path / "duckwing").touch()
    assert shlex.split(location(str(tmp_path / "w.py")))[1] == str(tmp_path / "duckwing")


@pytest.mark.parametrize(
    "given",
    [
        *("launch:duckwing run w.py --x", "http://localhost:8000", "unix:///run/w.sock", "my-worker"),
        *("uv run w.py", "launch:./w.py", "http://localhost/w.py"),
    ],
)
def test_anything_else_is_a_location_already(given: str) -> None:
    assert location(given) == given


def test_a_path_is_a_file_and_the_function_hides_behind_no_module(tmp_path: Path) -> None:
    (tmp_path / "w.py").touch()
    assert duckwing.location(tmp_path / "w.py") == location(str(tmp_path / "w.py"))


@pytest.mark.parametrize("missing", ["w.py", "./w.py", "C:\\w.py"])
def test_a_missing_file(missing: str) -> None:
    with pytest.raises(EngineError, match=r"there is no file .*w\.py"):
        location(missing)
