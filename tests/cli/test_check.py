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


OBJECTS = '''\
import duckwing as dw
from duckwing.types import BIGINT, VARCHAR

demo = dw.Catalog("demo")
sales = demo.schema("sales")


@demo.scalar(examples=["SELECT shout('a')"])
def shout(text: str) -> str:
    """Louder.

    Args:
        text: any
    """
    return text.upper()


@demo.table_function(columns={"a": BIGINT, "b": BIGINT})
def rows():
    """Rows."""
    yield 1, 2


@demo.table_function(columns=lambda count: {f"c{1 // count}": BIGINT})
def computed(count: int):
    """Rows.

    Args:
        count: how many
    """
    yield (1,)


OBJECTS
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


def problems_of(folder: Path, *objects: str) -> list[str]:
    """What check says of a worker with these objects, without the catalog's name."""
    path = worker(folder, OBJECTS.replace("OBJECTS", "\n".join(objects)))
    return [str(problem).replace(" demo.", " ") for problem in check(path, run_examples=False).problems]


def found(problems: tuple[Problem, ...]) -> list[tuple[str, str]]:
    return [(problem.code, problem.subject) for problem in problems]


@pytest.mark.sql
def test_a_good_worker(tmp_path: Path) -> None:
    done = run(worker(tmp_path, GOOD), "--strict")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "0 errors, 0 warnings\n")


@pytest.mark.sql
@pytest.mark.full
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
def test_good_objects(tmp_path: Path) -> None:
    assert (
        problems_of(
            tmp_path,
            """
g = dw.Generated(VARCHAR, "upper('a' || b) -- loud")
good = ["b > 0 -- good", "upper('a') = 'A;'"]
demo.table("t", rows, row_id="a", checks=good, defaults={"b": "1"}, generated={"g": g})
sales.table("u", rows, required_filters="a", foreign_keys=dw.ForeignKey("a", "MAIN.t", "B"), checks=["a + b > 1"])
sales.view("v", "SELECT shout(a::VARCHAR) FROM u WHERE a > 1 -- end")
sales.view("over_v", "FROM sales.v, main.t, (SHOW TABLES)")
sales.macro("m", {"x": ..., "select": 1}, "x || sqrt(x) + 1")
demo.macro("louder", ["x"], "shout(shout(x))")
sales.macro("top", {"n": 3}, "SELECT * FROM main.t LIMIT n")
""",
        )
        == []
    )


@pytest.mark.sql
def test_objects_that_duckdb_does_not_parse(tmp_path: Path) -> None:
    """It would drop views and macros without a word; a table whose SQL it cannot read spoils the listing of all."""
    problems = problems_of(
        tmp_path,
        """
demo.table("t", rows, checks=["a >", "a, b"], defaults={"a": "1 +"}, generated={"g": dw.Generated(BIGINT, "a b c")})
sales.view("pivot", "PIVOT main.t ON a USING sum(b)")
sales.view("misspelt", "SELECT a FROMM t")
sales.macro("two", ["x"], "x, x")
sales.macro("table_macro", ["n"], "SELECT * FROM t LIMIT n BY")
""",
    )
    view, macro = "DuckDB does not parse the view: Parser Error: ", "DuckDB does not parse the macro: Parser Error: "
    assert problems[0].startswith(f"error DW401 sales.pivot: {view}PIVOT statements with pivot elements extracted")
    assert problems[1:8] == [
        f'error DW401 sales.misspelt: {view}syntax error at or near "t"',
        f'error DW401 sales.two: {macro}syntax error at or near "x"',
        f'error DW401 sales.table_macro: {macro}syntax error at or near "BY"',
        "error DW401 main.t: DuckDB does not parse the check 'a >': Parser Error: syntax error at end of input",
        "error DW401 main.t: DuckDB does not parse the check 'a, b': Parser Error: syntax error at or near \"b\"",
        "error DW401 main.t: DuckDB does not parse the default of column 'a': Parser Error: "
        "syntax error at end of input",
        "error DW401 main.t: DuckDB does not parse the generated column 'g': Parser Error: "
        'syntax error at or near "b"',
    ]
    assert problems[8].startswith("error DW302 demo: DuckDB cannot list any table: Parser Error")
    assert len(problems) == 9


@pytest.mark.sql
def test_objects_that_name_what_is_not_there(tmp_path: Path) -> None:
    problems = problems_of(
        tmp_path,
        """
demo.table("t", rows, checks=["zz > 1"], defaults={"b": "nosuch(1)"}, generated={
    "g": dw.Generated(BIGINT, "h + 1"), "f": dw.Generated(VARCHAR, "shout('a')")
})
demo.table("broken", computed, args=[0])
demo.table("keys", rows, foreign_keys=[
    dw.ForeignKey("a", "nosuch"), dw.ForeignKey("a", "t", "x"), dw.ForeignKey("a", "sales.t"), dw.ForeignKey("a", "t")
])
sales.view("v", "SELECT nosuch FROM main.keys")
sales.view("other_schema", "FROM keys")
sales.view("own_name", "FROM demo.main.keys")
sales.macro("misspelt", ["x"], "shuot(x)")
sales.macro("other_schema", ["x"], "shout(x)")
sales.macro("no_table", [], "FROM main.nosuch")
""",
    )
    there = "which is not there"
    catalog_error = "Catalog Error: Scalar Function with name"
    assert problems == [
        "error DW404 table 'broken' is not listed: ZeroDivisionError: integer division or modulo by zero",
        "error DW402 main.t: DuckDB cannot use the generated column 'g': "
        'Binder Error: Column "h" referenced by generated column does not exist',
        f"error DW402 main.t: DuckDB cannot use the generated column 'f': {catalog_error} shout does not exist!",
        "error DW402 main.t: DuckDB cannot use the check 'zz > 1': "
        "Binder Error: Table does not contain column zz referenced in check constraint!",
        f"error DW402 main.t: DuckDB cannot use the default of column 'b': {catalog_error} nosuch does not exist!",
        f"error DW403 main.keys: a foreign key refers to table 'main.nosuch', {there}",
        f"error DW403 main.keys: a foreign key refers to column 'x' of table 'main.t', {there}",
        f"error DW403 main.keys: a foreign key refers to table 'sales.t', {there}",
        'error DW402 sales.v: DuckDB cannot use the view: Binder Error: Referenced column "nosuch" not found in FROM '
        'clause! Candidate bindings: "a"',
        "error DW402 sales.other_schema: DuckDB cannot use the view: "
        "Catalog Error: Table with name keys does not exist!",
        "warning DW106 sales.own_name: works only if the catalog is attached as demo: leave its name out of the view "
        '(Binder Error: Catalog "demo" does not exist!)',
        f"error DW402 sales.misspelt: DuckDB cannot use the macro: {catalog_error} shuot does not exist!",
        "warning DW106 sales.other_schema: works only after USE of the catalog; a macro finds functions of its own "
        f"schema ({catalog_error} shout does not exist!)",
        "error DW402 sales.no_table: DuckDB cannot use the macro: "
        "Catalog Error: Table with name nosuch does not exist!",
    ]


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
