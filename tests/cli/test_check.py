"""``duckwing check``: every problem has its line, its code, and its share in the exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from duckwing.errors import ArgumentError
from duckwing.testing import Problem, check, checks

GOOD = '''\
import duckwing as dw
from duckwing.types import BIGINT

demo = dw.Catalog("demo")


@demo.scalar(examples=[("SELECT initials('Grace', 'Hopper')", "GH")])
def initials(first: str, last: str) -> str:
    """First letters.

    Args:
        first: given name
        last: family name
    """
    return first[0] + last[0]


@demo.table_function(columns={"n": BIGINT}, examples=["SELECT n FROM demo.main.numbers(3, step := 2)"])
def numbers(count: int, *, step: int = 1):
    """Count up.

    Args:
        count: where to end
        step: by how much
    """
    for n in range(0, count, step):
        yield (n,)
'''

POOR = '''\
import duckwing as dw
from duckwing.types import BIGINT, VARCHAR

demo = dw.Catalog("demo")
demo.setting("demo_size", BIGINT)
demo.secret_type("demo_key", {"token": VARCHAR})


@demo.scalar
def bare(value: int, other: int = 1) -> int:
    return value


@demo.table_function(columns={"end": BIGINT, "time": BIGINT}, name="order")
def ordered(*, between: int = 1, left: int = 2):
    """Rows.

    Args:
        between: a named argument that the parser does not take, though DuckDB does not call it reserved
        left: one that it takes
    """
    yield 1, 2
'''

EXAMPLES = '''\
import duckwing as dw

demo = dw.Catalog("demo")


@demo.scalar(examples=["SELECT fails(1)", "SELECT fails(", "SELECT nosuch(1)", "CREATE TABLE t AS SELECT fails(0)"])
def fails(value: int) -> int:
    """Fails.

    Args:
        value: 0 is good
    """
    if value:
        raise LookupError("no such\\nregion")
    return value
'''


def worker(folder: Path, source: str) -> Path:
    path = folder / "worker.py"
    path.write_text(source)
    return path


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "duckwing.cli", "check", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | environment,
    )


def found(problems: tuple[Problem, ...]) -> list[tuple[str, str]]:
    return [(problem.code, problem.subject) for problem in problems]


@pytest.mark.sql
def test_a_good_worker(tmp_path: Path) -> None:
    done = run(worker(tmp_path, GOOD), "--strict")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "0 errors, 0 warnings\n")


@pytest.mark.sql
def test_documentation(tmp_path: Path) -> None:
    path = worker(tmp_path, POOR)
    report = check(path)
    assert found(report.problems) == [
        ("DW105", "demo: setting demo_size"),
        ("DW105", "demo: secret type demo_key"),
        ("DW101", "demo.main.bare"),
        ("DW102", "demo.main.bare"),
        ("DW102", "demo.main.bare"),
        ("DW104", "demo.main.bare"),
        ("DW103", "demo.main.order"),
        ("DW103", "demo.main.order"),
        ("DW103", "demo.main.order"),
    ]
    messages = [problem.message for problem in report.problems]
    assert [message.split("'")[1] for message in messages if "argument '" in message] == ["value", "other", "between"]
    assert 'SQL takes its name in quotes only: "order"(…)' in messages
    assert "SQL takes its column 'end' in quotes only: SELECT \"end\"" in messages
    assert {problem.severity for problem in report.problems} == {"warning"}

    done = run(path)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [f"{path}: {problem}" for problem in report.problems]
    assert done.stderr == "0 errors, 9 warnings\n"
    assert run(path, "--strict").returncode == 1


@pytest.mark.sql
def test_what_needs_quotes_needs_them(tmp_path: Path) -> None:
    """The engine agrees with what check says of words."""
    import duckdb

    from duckwing.testing import sql

    with sql(worker(tmp_path, POOR)) as connection:
        for quoted in ('"order"("between" := 3)', '"order"(left := 3)'):
            assert connection.execute(f'SELECT "end", time FROM {quoted}').fetchall() == [(1, 2)]
        for statement in ('FROM "order"(between := 3)', 'SELECT end, 1 FROM "order"()', "SELECT order(1)"):
            with pytest.raises(duckdb.ParserException):
                connection.execute(statement)


@pytest.mark.sql
def test_examples(tmp_path: Path) -> None:
    path = worker(tmp_path, EXAMPLES)
    problems = check(path).problems
    assert found(problems) == [("DW202", "demo.main.fails"), ("DW201", "demo.main.fails"), ("DW202", "demo.main.fails")]
    assert "'SELECT fails(1)' fails: " in problems[0].message
    assert "LookupError: no such region" in problems[0].message
    assert "'SELECT fails(' is no SQL" in problems[1].message
    assert "nosuch" in problems[2].message
    assert not any("\n" in problem.message for problem in problems)
    done = run(path)
    assert (done.returncode, done.stderr) == (1, "3 errors, 0 warnings\n")
    left_out = run(path, "--no-run")
    assert (left_out.returncode, left_out.stdout) == (0, "")
    assert "not checked: the examples" in left_out.stderr


@pytest.mark.sql
def test_an_example_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "EXAMPLE_SECONDS", 1.0)
    endless = "SELECT sum(range) FROM range(10_000_000_000_000)"
    source = GOOD.replace("SELECT initials('Grace', 'Hopper')", endless)
    [problem] = check(worker(tmp_path, source)).problems
    assert (problem.code, problem.severity) == ("DW203", "error")


@pytest.mark.sql
def test_a_worker_that_is_another_one_for_the_engine(tmp_path: Path) -> None:
    first_start = f"""\
from pathlib import Path
mark = Path({str(tmp_path / "started")!r})
first = not mark.exists()
mark.touch()
"""
    missing = first_start + GOOD.replace("@demo.table_function", "@(demo if first else dw).table_function")
    [problem] = check(worker(tmp_path, missing), run_examples=False).problems
    assert (problem.code, problem.subject, problem.severity) == ("DW302", "demo.main.numbers", "error")
    (tmp_path / "started").unlink()
    dying = first_start + "if not first:\n    raise SystemExit('not twice')\n" + GOOD
    [problem] = check(worker(tmp_path, dying)).problems
    assert (problem.code, problem.severity) == ("DW301", "error")
    assert "not twice" in problem.message


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        (
            "import duckwing as dw\n\n\n@dw.scalar\ndef f(x) -> int:\n    return 1\n",
            "DW001",
            "worker.py, line 4: DeclarationError: scalar function 'f': parameter 'x' needs an annotation",
        ),
        ("import nosuchmodule\n", "DW001", "worker.py, line 1: ModuleNotFoundError: No module named 'nosuchmodule'"),
        ("raise SystemExit('cannot work today')\n", "DW001", "cannot work today"),
        ("x = 1\n", "DW001", "has no Worker and no Catalog at module level"),
        ("def f(:\n", "DW001", "SyntaxError"),
    ],
    ids=["declaration", "import", "exit", "nothing", "syntax"],
)
def test_a_worker_that_does_not_start(tmp_path: Path, source: str, code: str, message: str) -> None:
    [problem] = check(worker(tmp_path, source)).problems
    assert (problem.code, problem.severity) == (code, "error")
    assert message in problem.message
    assert "\n" not in problem.message


def test_without_engine_the_rest_is_checked(tmp_path: Path) -> None:
    done = run(worker(tmp_path, POOR), DUCKWING_EXTENSION=str(tmp_path / "none"))
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 9
    assert "not checked: attaching the worker and running its examples: DUCKWING_EXTENSION" in done.stderr


def test_what_cannot_be_checked(tmp_path: Path) -> None:
    done = run(tmp_path / "none.py")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: there is no file")
    with pytest.raises(ArgumentError, match="starts the worker itself"):
        check("http://localhost:1")
