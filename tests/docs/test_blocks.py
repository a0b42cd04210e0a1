"""Every code block of README and docs is run, in order, as its reader would.

Per file, in a folder of its own:

* ``python`` blocks that begin with ``# NAME.py`` are written to that file; the others are run, and share
  their names. A ``text`` block after them is what they print.
* ``sql`` blocks are run on one connection, the one that a ``python`` block before them made if there is one. A
  ``text`` block after them is the result of the last statement.
* ``console`` blocks have commands after ``$`` and their output below.
* ``sh`` blocks install things; they are read, not run.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
KNOWN = {"python", "sql", "text", "console", "sh"}


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    line: int


def blocks(path: Path) -> list[Block]:
    text = path.read_text(encoding="utf-8")
    return [Block(m[1], m[2], text.count("\n", 0, m.start()) + 1) for m in BLOCK.finditer(text)]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    scripts = os.path.dirname(sys.executable)
    monkeypatch.setenv("PATH", scripts + os.pathsep + os.environ["PATH"])
    return tmp_path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_only_known_languages(path: Path) -> None:
    assert [f"line {b.line}: {b.language!r}" for b in blocks(path) if b.language not in KNOWN] == []


@pytest.mark.sql
@pytest.mark.timeout(120)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_blocks_do_what_they_say(path: Path, workplace: Path, connection: duckdb.DuckDBPyConnection) -> None:
    # The client keeps idle workers by the text of their location, and every file here says "worker.py".
    connection.execute("CALL vgi_worker_pool_flush()")
    names: dict[str, Any] = {"__name__": "docs"}
    output: str | None = None
    for block in blocks(path):
        where = f"{path.name}, line {block.line}"
        if block.language == "python":
            output = run_python(block, names, workplace, where)
        elif block.language == "sql":
            own = [value for value in names.values() if isinstance(value, duckdb.DuckDBPyConnection)]
            output = run_sql(block, own[-1] if own else connection, where)
        elif block.language == "console":
            run_console(block, where)
        elif block.language == "text" and output is not None:
            assert output.strip() == block.text.strip(), where
            output = None
    for value in names.values():
        if isinstance(value, duckdb.DuckDBPyConnection):
            value.close()


def run_python(block: Block, names: dict[str, Any], workplace: Path, where: str) -> str | None:
    heading = re.match(r"# (\w+\.py)\n", block.text)
    if heading:
        (workplace / heading[1]).write_text(block.text, encoding="utf-8")
        compile(block.text, where, "exec", dont_inherit=True)
        return None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block.text, where, "exec", dont_inherit=True), names)
    return printed.getvalue() or None


def run_sql(block: Block, connection: duckdb.DuckDBPyConnection, where: str) -> str | None:
    shown: str | None = None
    for statement in duckdb.extract_statements(block.text):
        try:
            result = connection.sql(statement.query)
        except duckdb.Error as error:
            pytest.fail(f"{where}: {statement.query}\n{error}")
        shown = str(result) if result is not None else None
    return shown


def run_console(block: Block, where: str) -> None:
    for command in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
        line, _, expected = command.partition("\n")
        done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{where}: {line}\n{done.stderr}"
        assert done.stdout.strip() == expected.strip(), f"{where}: {line}"
