"""``duckwing sql`` with real workers on the real engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import duckdb
import pytest

from duckwing.cli.attachment import Attachment
from duckwing.cli.formats import write_csv
from duckwing.cli.results import Runner
from duckwing.cli.shell import Shell
from duckwing.engine import location
from duckwing.engine.extension import find

pytestmark = pytest.mark.sql

DEADLINE = 120

WORKER = '''\
import duckwing as dw

demo = dw.Catalog("demo", comment="Examples")

@demo.scalar
def initials(first: str, last: str) -> str:
    """First letters."""
    return first[0] + last[0]

@demo.scalar
def fails(value: int) -> int:
    raise ValueError("no such region")
'''

TWO_CATALOGS = """\
import duckwing as dw

first, second = dw.Catalog("a first one"), dw.Catalog("memory")

@first.scalar
def one(value: int) -> int:
    return value + 1

@second.scalar
def two(value: int) -> int:
    return value + 2
"""


def worker(folder: Path, source: str) -> Path:
    path = folder / "it's a worker.py"
    path.write_text(source)
    return path


def duckwing(*arguments: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "duckwing.cli", *map(str, arguments)],
        input=stdin if stdin is not None else "",
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )


def test_the_workers_functions_need_no_qualification(tmp_path: Path) -> None:
    done = duckwing(
        "sql",
        worker(tmp_path, WORKER),
        *("-c", "CREATE TABLE people AS FROM (VALUES ('Grace', 'Hopper'), ('Ada', 'Lovelace')) AS t(f, l)"),
        *("-c", "SELECT initials(f, l) AS short, demo.main.initials(l, f) AS long FROM people ORDER BY ALL"),
        *("--format", "json"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [{"short": "AL", "long": "LA"}, {"short": "GH", "long": "HG"}]


def test_an_error_of_the_worker_is_shown_without_duckdbs_words_and_ends_the_run(tmp_path: Path) -> None:
    done = duckwing("sql", worker(tmp_path, WORKER), "-c", "SELECT fails(1)", "-c", "SELECT 'never'")
    assert done.returncode == 1
    assert done.stdout == ""
    said, title, *frames = done.stderr.splitlines()
    assert said == "ValueError: no such region [scalar function 'fails']"
    assert title == "Traceback (most recent call last):"
    assert "[worker:" not in done.stderr
    assert sum("File " in line for line in frames) == 1


def test_tracebacks_can_be_turned_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUCKWING_DEBUG", "0")
    done = duckwing("sql", worker(tmp_path, WORKER), "-c", "SELECT fails(1)")
    assert (done.returncode, done.stderr) == (1, "ValueError: no such region [scalar function 'fails']\n")


def test_statements_from_files_and_standard_input(tmp_path: Path) -> None:
    path = worker(tmp_path, WORKER)
    script = tmp_path / "script.sql"
    script.write_text("CREATE TABLE t AS SELECT initials('é', 'b') AS i;\nFROM t;\n", encoding="utf-8")
    from_file = duckwing("sql", path, "-c", "SELECT count(*) AS n FROM t", "-f", script, "--format", "csv")
    assert (from_file.returncode, from_file.stdout) == (0, "i\néb\nn\n1\n")
    from_stdin = duckwing("sql", path, "--format", "csv", stdin=script.read_text(encoding="utf-8"))
    assert (from_stdin.returncode, from_stdin.stdout, from_stdin.stderr) == (0, "i\néb\n", "")


def test_every_catalog_of_a_worker_is_attached(tmp_path: Path) -> None:
    done = duckwing("sql", worker(tmp_path, TWO_CATALOGS), "-c", "SELECT one(1) AS a, two(1) AS b", "--format", "csv")
    assert (done.returncode, done.stdout, done.stderr) == (0, "a,b\n2,3\n", "")


def test_one_catalog_can_be_chosen(tmp_path: Path) -> None:
    path = worker(tmp_path, TWO_CATALOGS)
    done = duckwing("sql", path, "--catalog", "memory", "--format", "csv", stdin="SELECT two(1) AS b;\nSELECT one(1);")
    assert (done.returncode, done.stdout) == (1, "b\n3\n")
    assert "one does not exist" in done.stderr
    unknown = duckwing("sql", path, "--catalog", "third", "-c", "SELECT 1")
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("error: the worker cannot be attached: ")
    assert "third" in unknown.stderr


def test_a_database_file_is_opened_beside_the_worker(tmp_path: Path) -> None:
    database = tmp_path / "my data.duckdb"
    arguments = ("sql", worker(tmp_path, WORKER), "--database", database, "--format", "csv")
    assert duckwing(*arguments, "-c", "CREATE TABLE t AS SELECT initials('a', 'b') AS i").returncode == 0
    assert duckwing(*arguments, "-c", "FROM t").stdout == "i\nab\n"
    with duckdb.connect(str(database)) as connection:
        assert connection.execute("FROM t").fetchall() == [("ab",)]


def test_a_worker_that_does_not_start_is_quoted(tmp_path: Path) -> None:
    done = duckwing("sql", worker(tmp_path, "raise SystemExit('cannot work today')"), "-c", "SELECT 1")
    assert done.returncode == 1
    assert done.stderr.startswith("error: the worker cannot be attached: ")
    assert "cannot work today" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def attached(tmp_path: Path, connection: duckdb.DuckDBPyConnection) -> tuple[Shell, StringIO, Path]:
    """A shell with a worker attached, its output, and the worker's file."""
    path = worker(tmp_path, WORKER)
    attachment = Attachment(connection, location(path))
    attachment.attach()
    out = StringIO()
    return Shell(Runner(connection), attachment, write_csv, out), out, path


def test_the_lists(attached: tuple[Shell, StringIO, Path]) -> None:
    shell, out, _ = attached
    assert shell.read(iter([".functions\n"]))
    header, *rows = out.getvalue().splitlines()
    assert header == "schema,name,kind,parameters,returns,description"
    assert 'main,initials,scalar,"first VARCHAR, last VARCHAR",VARCHAR,First letters.' in rows
    assert len(rows) == 2


def test_reload_brings_changed_code(attached: tuple[Shell, StringIO, Path]) -> None:
    shell, out, path = attached

    def lines() -> Iterator[str]:
        yield "SELECT initials('ab', 'cd') AS before;\n"
        path.write_text(WORKER.replace("first[0] + last[0]", "first[1] + last[1]").replace('"demo"', '"renamed"'))
        yield ".reload\n"
        yield "SELECT initials('ab', 'cd') AS after;\n"
        yield "SELECT renamed.main.initials('ab', 'cd') AS qualified;\n"

    assert shell.read(lines())
    assert out.getvalue() == "before\nac\nAttached: renamed.\nafter\nbd\nqualified\nbd\n"


def test_reload_of_a_broken_worker_can_be_repeated_when_it_is_mended(
    attached: tuple[Shell, StringIO, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    shell, out, path = attached

    def lines() -> Iterator[str]:
        path.write_text("raise SystemExit('cannot work today')")
        yield ".reload\n"
        assert "cannot work today" in capsys.readouterr().err
        yield ".functions\n"
        path.write_text(WORKER)
        yield ".reload\n"
        yield "SELECT initials('ab', 'cd') AS again;\n"

    assert shell.read(lines())
    assert out.getvalue().endswith("again\nac\n")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and pipes")
def test_ctrl_c_ends_a_query_that_waits_for_the_worker(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    source = f"""\
import signal, threading
import duckwing as dw

demo = dw.Catalog("demo")

@demo.scalar(stability="volatile")
def wait_for_ever(value: int) -> int:
    with open({str(pipe)!r}, "w"):  # tells the test that the query has arrived
        pass
    threading.Event().wait()
    return value
"""
    command = [sys.executable, "-m", "duckwing.cli", "sql", str(worker(tmp_path, source))]
    with subprocess.Popen(
        [*command, "-c", "SELECT wait_for_ever(range) FROM range(3)"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that the signal goes to the command alone
    ) as process:
        try:
            with open(pipe) as arrived:
                arrived.read()
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=DEADLINE)
        finally:
            process.kill()
    assert (process.returncode, out) == (130, "")


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")
def test_the_prompt_on_a_terminal(tmp_path: Path) -> None:
    import pty

    path = worker(tmp_path, WORKER)
    main, terminal = pty.openpty()
    environment = os.environ | {"TERM": "dumb", "COLUMNS": "100"}
    if (located := find()) is not None:  # the history goes to the cache, and this is no statement of the user's
        environment |= {"DUCKWING_CACHE": str(tmp_path / "cache"), "DUCKWING_EXTENSION": str(located.vgi)}
    with (
        subprocess.Popen(
            [sys.executable, "-m", "duckwing.cli", "sql", str(path)],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            env=environment,
        ) as process,
        open(main, "r+b", buffering=0) as keyboard,
    ):
        os.close(terminal)
        screen = b""

        def until(text: bytes) -> None:
            nonlocal screen
            while text not in screen:
                screen += keyboard.read(4096)
            screen = screen.partition(text)[2]

        try:
            until(b"Attached: demo.")
            until(b"duckwing> ")
            keyboard.write(b"SELECT initials('a',\n")
            until(b"...> ")
            keyboard.write(b"'b') AS result;\n")
            until(b"ab")
            until(b"1 row")
            until(b"duckwing> ")
            keyboard.write(b"\x04")
            assert process.wait(timeout=DEADLINE) == 0
        finally:
            process.kill()
