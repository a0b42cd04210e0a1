from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from duckwing.engine import EngineError, install, report, status
from duckwing.engine.target import this_target

FakeNpm = Callable[..., Any]


@pytest.fixture(autouse=True)
def _no_extensions_of_duckdb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_an_installed_engine(cache: Path, fake_npm: FakeNpm) -> None:
    fake_npm()
    manifest = install()
    found = status()
    assert (found.duckdb, found.duckdb_required) == (duckdb.__version__, "1.5.5")
    assert (found.target, found.cache, found.source) == (this_target(), cache, "cache")
    assert [(file.extension, file.version, file.sha256, file.path) for file in found.files] == [
        (file.extension, file.version, file.sha256, file.locate(cache)) for file in manifest.files
    ]
    assert found.problems == ()
    assert found.installed


def test_no_engine(cache: Path) -> None:
    found = status()
    assert (found.source, found.files, found.installed) == (None, (), False)
    [problem] = found.problems
    assert "run: duckwing engine install" in problem


def test_a_change_that_size_and_time_do_not_show(cache: Path, fake_npm: FakeNpm) -> None:
    fake_npm()
    file = install().files[1].locate(cache)
    before = file.stat()
    file.write_bytes(file.read_bytes()[::-1])
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    found = status()
    assert [file.state for file in found.files] == ["ok", "changed"]
    assert not found.installed
    [problem] = found.problems
    assert str(file) in problem


def test_everything_that_is_wrong_is_told(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(duckdb, "__version__", "9.9.9")
    monkeypatch.setenv("DUCKWING_EXTENSION", str(tmp_path / "nowhere"))
    found = status()
    assert found.duckdb == "9.9.9"
    assert len(found.problems) == 2
    assert "9.9.9" in found.problems[0]
    assert "DUCKWING_EXTENSION" in found.problems[1]


def test_a_platform_without_builds_is_told_instead_of_the_command_that_cannot_help(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_build() -> str:
        raise EngineError("there is no build")

    monkeypatch.setattr(report, "this_target", no_build)
    found = status()
    assert (found.target, found.cache) == (None, None)
    assert found.problems == ("there is no build",)


def test_files_that_the_variable_names_are_not_recorded(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chosen = tmp_path / "vgi.duckdb_extension"
    chosen.touch()
    monkeypatch.setenv("DUCKWING_EXTENSION", str(chosen))
    found = status()
    assert (found.source, found.installed, found.problems) == ("environment", True, ())
    [file] = found.files
    assert (file.path, file.state, file.sha256) == (chosen, "unrecorded", None)
