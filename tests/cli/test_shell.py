from __future__ import annotations

import builtins
import io
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from duckwing.cli.attachment import Attachment
from duckwing.cli.formats import write_csv
from duckwing.cli.results import Runner
from duckwing.cli.shell import CONTINUED, PROMPT, Shell


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def shell(out: io.StringIO) -> Iterator[Shell]:
    """A shell on DuckDB alone: nothing is attached."""
    with duckdb.connect() as connection:
        yield Shell(Runner(connection), Attachment(connection, "some location"), write_csv, out)


Type = Callable[..., list[str]]


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch) -> Type:
    """``type_in("line", KeyboardInterrupt, …)``: what a person does, ending with Ctrl-D. Gives the prompts shown."""

    def type_in(*actions: str | type[BaseException]) -> list[str]:
        prompts: list[str] = []
        remaining = iter([*actions, EOFError])

        def answer(prompt: str) -> str:
            prompts.append(prompt)
            action = next(remaining)
            if isinstance(action, str):
                return action
            raise action

        monkeypatch.setattr(builtins, "input", answer)
        return prompts

    return type_in


def test_the_prompt_waits_for_the_semicolon(shell: Shell, out: io.StringIO, type_in: Type, tmp_path: Path) -> None:
    prompts = type_in("", "SELECT 1 AS a", "  , ';'", "  AS b;", "SELECT 2 AS c; SELECT 3 AS d;", "-- nothing")
    shell.prompt(tmp_path / "history")
    assert prompts == [PROMPT, PROMPT, CONTINUED, CONTINUED, PROMPT, PROMPT, PROMPT]
    assert out.getvalue() == "a,b\n1,;\nc\n2\nd\n3\n"


def test_the_prompt_acknowledges_what_has_no_result(
    shell: Shell, out: io.StringIO, type_in: Type, tmp_path: Path
) -> None:
    type_in("CREATE TABLE t AS SELECT 1 AS a;", "FROM t;")
    shell.prompt(tmp_path / "history")
    assert out.getvalue() == "OK\na\n1\n"


def test_ctrl_c_at_the_prompt_drops_the_statement(
    shell: Shell, out: io.StringIO, type_in: Type, tmp_path: Path
) -> None:
    prompts = type_in("SELECT 1,", KeyboardInterrupt, "SELECT 2 AS a;")
    shell.prompt(tmp_path / "history")
    assert prompts == [PROMPT, CONTINUED, PROMPT, PROMPT]
    assert out.getvalue() == "a\n2\n"


def test_the_prompt_goes_on_after_an_error(
    shell: Shell, out: io.StringIO, type_in: Type, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in("SELECT 1 AS a; SELECT nothing; SELECT 2 AS b;", "SELEC 1;", "SELECT 3 AS c;")
    shell.prompt(tmp_path / "history")
    assert out.getvalue() == "a\n1\nc\n3\n"
    errors = capsys.readouterr().err
    assert 'Binder Error: Referenced column "nothing"' in errors
    assert "Parser Error" in errors


def test_help_and_quit_need_no_dot(shell: Shell, out: io.StringIO, type_in: Type, tmp_path: Path) -> None:
    prompts = type_in("help", "SELECT 1 AS", "help", ";", "Quit;")
    shell.prompt(tmp_path / "history")
    assert out.getvalue().endswith(".quit        leave\nhelp\n1\n")
    assert prompts == [PROMPT, PROMPT, CONTINUED, CONTINUED, PROMPT]


def test_dot_commands(
    shell: Shell, out: io.StringIO, type_in: Type, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = type_in(".help", " .quit ;", "SELECT 'never read';")
    shell.prompt(tmp_path / "history")
    assert len(prompts) == 2
    assert ".reload" in out.getvalue()
    type_in(".hlep")
    shell.prompt(tmp_path / "history")
    assert "unknown command .hlep; .help lists" in capsys.readouterr().err


def test_a_dot_inside_a_statement_is_no_command(shell: Shell, out: io.StringIO, type_in: Type, tmp_path: Path) -> None:
    type_in("SELECT 1 +", ".5 AS a;")
    shell.prompt(tmp_path / "history")
    assert out.getvalue() == "a\n1.5\n"


@pytest.mark.skipif(sys.platform == "win32", reason="no readline")
def test_the_history_is_kept_for_its_owner_alone(shell: Shell, type_in: Type, tmp_path: Path) -> None:
    readline = pytest.importorskip("readline")
    history = tmp_path / "new folder" / "history"
    type_in("SELECT 1;")
    readline.clear_history()
    readline.add_history("SELECT 'typed before';")
    shell.prompt(history)
    assert "typed before" in history.read_text()
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    readline.clear_history()
    type_in()
    shell.prompt(history)
    assert readline.get_history_item(1) == "SELECT 'typed before';"


def test_lines_from_a_pipe_run_as_they_come(shell: Shell, out: io.StringIO) -> None:
    def lines() -> Iterator[str]:
        yield "CREATE TABLE t (a INT);\n"
        yield "INSERT INTO t VALUES\n"
        yield "  (1);\n"
        yield "FROM t; -- first\n"
        assert out.getvalue() == "a\n1\n"
        yield ".help\n"
        assert "Ctrl-D" in out.getvalue()
        yield "SELECT 'no semicolon' AS b"

    assert shell.read(lines())
    assert out.getvalue().endswith("b\nno semicolon\n")


def test_lines_from_a_pipe_stop_at_an_error(shell: Shell, out: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    assert not shell.read(iter(["SELECT 1 AS a;\n", "SELECT nothing;\n", "SELECT 2 AS b;\n"]))
    assert out.getvalue() == "a\n1\n"
    assert "nothing" in capsys.readouterr().err


def test_quit_in_a_pipe_ends_well(shell: Shell, out: io.StringIO) -> None:
    assert shell.read(iter([".quit\n", "SELECT nothing;\n"]))


@pytest.mark.parametrize("lines", [["SELECT 'open;\n"], ["SELECT 1; SELECT"]])
def test_an_unfinished_statement_at_the_end_of_a_pipe_is_an_error(
    shell: Shell, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert not shell.read(iter(lines))
    assert "Parser Error" in capsys.readouterr().err


def test_lists_work_where_nothing_is_attached(shell: Shell, out: io.StringIO) -> None:
    assert shell.read(iter([".tables\n", ".functions\n"]))
    assert [line.split(",")[0] for line in out.getvalue().splitlines()] == ["catalog", "catalog"]
