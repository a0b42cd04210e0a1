from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from duckwing import cli, engine
from duckwing.engine import EngineError


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["duckwing", *arguments])
    return cli.main()


def test_run_starts_without_what_only_the_other_commands_need(tmp_path: Path) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text("import sys\nprint(*sys.modules, file=sys.stderr)\nraise SystemExit(3)\n")
    done = subprocess.run(
        [sys.executable, "-m", "duckwing.cli", "run", str(worker)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    imported = set(done.stderr.split())
    assert "duckwing.process" in imported
    assert not imported & {"typer", "click", "rich", "duckdb", "platformdirs", "duckwing.cli.app", "duckwing.engine"}


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], package: str
) -> None:
    monkeypatch.delitem(sys.modules, "duckwing.cli.app", raising=False)
    monkeypatch.delattr(cli, "app", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    assert run(monkeypatch, "engine", "status") == 1
    error = capsys.readouterr().err
    assert f'"{package}"' in error
    assert 'pip install "duckwing[cli]"' in error


def test_help_lists_every_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--help") == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in ("run", "sql", "engine", "--version"))


@pytest.mark.parametrize(
    "arguments",
    [["frobnicate"], ["sql"], ["sql", "w.py", "--format", "xml"], ["engine", "install", "--force", "--if-needed"]],
)
def test_usage_errors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run(monkeypatch, *arguments) == 2
    assert "Usage:" in capsys.readouterr().err


def test_a_file_in_place_of_a_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "w.py") == 2
    assert "duckwing sql w.py" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "import duckwing as dw\n@dw.scalar\ndef f(x) -> int:\n    return x\n",
            ["Traceback (most recent call last):", '  File "{path}", line 2, in <module>', "    @dw.scalar"],
        ),
        ("x = 1\ndef f(:\n", ['  File "{path}", line 2', "    def f(:"]),
        (
            "import helper\n",
            [
                *("Traceback (most recent call last):", '  File "{path}", line 1, in <module>', "    import helper"),
                *('  File "{folder}/helper.py", line 1, in <module>', "    1 / 0"),
            ],
        ),
    ],
    ids=["declaration", "syntax", "exception"],
)
def test_run_shows_the_authors_part_of_a_traceback(tmp_path: Path, source: str, expected: list[str]) -> None:
    path = tmp_path / "worker.py"
    path.write_text(source)
    (tmp_path / "helper.py").write_text("1 / 0\n")
    done = subprocess.run(
        [sys.executable, "-m", "duckwing.cli", "run", str(path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    *shown, message = [line for line in done.stderr.splitlines() if line.strip(" ^~")]
    assert shown == [line.format(path=path, folder=tmp_path) for line in expected]
    assert "Error: " in message


def test_an_error_is_one_line_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "sql", "nowhere.py") == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: there is no file ")
    assert captured.err.count("\n") == 1


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        expected, status = f"duckwing {version('duckwing')}\n", 0
    except PackageNotFoundError:
        expected, status = "", 1
    assert run(monkeypatch, "--version") == status
    assert capsys.readouterr().out == expected


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("DUCKWING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DUCKWING_EXTENSION", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_status_without_an_engine(
    no_engine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "engine", "status") == 1
    captured = capsys.readouterr()
    assert "extension  not found" in captured.out
    assert captured.err == "error: DuckDB's vgi extension is not installed; run: duckwing engine install\n"
    assert run(monkeypatch, "engine", "status", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["ready"], found["source"], found["duckdb_required"]) == (False, None, "1.5.5")
    assert found["cache"].startswith(str(no_engine / "cache"))


def test_status_tells_where_the_extension_is(
    no_engine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = no_engine / "vgi.duckdb_extension"
    chosen.touch()
    monkeypatch.setenv("DUCKWING_EXTENSION", str(chosen))
    assert run(monkeypatch, "engine", "status") == 0
    shown = capsys.readouterr().out
    assert str(chosen) in shown
    assert "from DUCKWING_EXTENSION" in shown
    assert shown.endswith("ready\n")


def test_install_without_npm(
    no_engine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "engine", "install", "--quiet") == 1
    assert capsys.readouterr().err.startswith("error: npm is not on PATH")


def test_install_if_needed_needs_nothing_where_an_extension_is(
    no_engine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = no_engine / "vgi.duckdb_extension"
    chosen.touch()
    monkeypatch.setenv("DUCKWING_EXTENSION", str(chosen))
    assert run(monkeypatch, "engine", "install", "--if-needed") == 0
    assert capsys.readouterr().out == ""


def test_sql_without_an_engine(
    no_engine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "sql", "some-worker", "-c", "SELECT 1") == 1
    assert capsys.readouterr().err == "error: DuckDB's vgi extension is not installed; run: duckwing engine install\n"
    with pytest.raises(EngineError):
        engine.connect()
