"""Files as workers: what ``duckwing run`` and ``python worker.py`` make of them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from .launch import SECONDS, attach, launch, run_command

CATALOG = """
import duckwing as dw

demo = dw.Catalog("demo")

@demo.scalar
def double(value: int) -> int:
    return 2 * value
"""

SCRIPT = f"""
# /// script
# requires-python = ">=3.11"
# dependencies = ["duckwing"]
# ///
{CATALOG}

if __name__ == "__main__":
    dw.Worker(demo).run()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "worker.py"


def serves(command: Sequence[str]) -> None:
    with launch(command) as process:
        assert attach(process, "demo").scalar("double", pa.array([21])).to_pylist() == [42]
        process.end_input()
        assert process.wait() == 0
        assert process.stderr() == ""


def fails(command: Sequence[str], cwd: Path | None = None) -> tuple[int, str]:
    """Exit status and message of a worker that does not come to serve."""
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, cwd=cwd)
    assert ended.stdout == ""
    return ended.returncode, ended.stderr


@pytest.mark.parametrize("program", [CATALOG, SCRIPT], ids=["catalog", "script"])
@pytest.mark.parametrize("arguments", [[], ["stdio"], ["--quiet", "--debug"], ["word", "--of", "the=author"]])
def test_served_by_run(file: Path, program: str, arguments: list[str]) -> None:
    file.write_text(program)
    serves(run_command(file, *arguments))


def test_served_by_itself(file: Path) -> None:
    file.write_text(SCRIPT)
    serves([sys.executable, str(file), "--quiet", "word"])


def test_served_by_the_worker_that_it_declares(file: Path) -> None:
    file.write_text(f"{CATALOG}\nworker = dw.Worker(demo)\nspare = dw.Catalog('spare')\n")
    serves(run_command(file))


def test_the_file_is_the_main_program(file: Path) -> None:
    """Its folder is searched first, its arguments are its own, and no ``__future__`` import is put upon it."""
    file.with_name("sibling.py").write_text("factor = 2\n")
    file.write_text(f"""
import sys
import __main__
import sibling
{CATALOG.replace("2 *", "sibling.factor *")}
path = {str(file)!r}
assert __name__ == "__main__" and __file__ == path and __main__.double is double
assert sys.argv == [path, "one", "--two=2"], sys.argv
assert sys.path[0] == {str(file.parent)!r}
def not_a_string(value: int): ...
assert not_a_string.__annotations__ == {{"value": int}}
""")
    serves(run_command(file, "one", "--two=2"))


def test_a_relative_path(file: Path) -> None:
    file.write_text(CATALOG)
    command = f"cd {shlex.quote(str(file.parent))} && exec {shlex.join(run_command(Path('worker.py')))}"
    serves(["/bin/sh", "-c", command])


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("x = 1\n", "has no Worker and no Catalog at module level"),
        (f"{CATALOG}\na = dw.Worker(demo)\nb = dw.Worker(demo)\n", "has several Workers at module level"),
        ("import duckwing\n\nthis is no Python\n", 'worker.py", line 3\n    this is no Python\n'),
        ("x = 1\nraise LookupError('at import')\n", "LookupError: at import"),
        ("raise PermissionError(13, 'Permission denied', '/some/file')\n", "'/some/file'"),
        ("import duckwing_is_not_this\n", "No module named 'duckwing_is_not_this'"),
        ("import sys\nsys.exit('not today')\n", "not today"),
        ("x = '\0'\n", "null bytes"),
    ],
    ids=["nothing", "two workers", "syntax", "raises", "PermissionError", "import", "exit", "null bytes"],
)
def test_files_that_are_no_workers(file: Path, program: str, said: str) -> None:
    file.write_text(program)
    status, message = fails(run_command(file))
    assert (status, said in message) == (1, True), message
    assert "cannot read" not in message


def test_two_catalogs_of_one_name(file: Path) -> None:
    file.write_text(f"{CATALOG}\nother = dw.Catalog('DEMO')\n")
    status, message = fails(run_command(file))
    assert (status, "two catalogs named 'demo'" in message) == (1, True), message


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    assert fails(run_command(tmp_path)) == (
        1,
        f"duckwing run: cannot read {tmp_path}: it is a directory; name the worker's Python file\n",
    )
    status, message = fails(run_command(Path("missing.py")), cwd=tmp_path)
    assert (status, message) == (
        1,
        f"duckwing run: cannot read missing.py: there is no such file (the path is relative to {tmp_path})\n",
    )


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_must_not_be_read(file: Path) -> None:
    file.write_text(CATALOG)
    file.chmod(0)
    assert fails(run_command(file)) == (1, f"duckwing run: cannot read {file}: permission denied\n")


def test_no_file() -> None:
    status, message = fails([*run_command(Path())[:-1]])
    assert (status, message.splitlines()[0]) == (2, "usage: duckwing run WORKER.PY [ARGUMENTS…]")
