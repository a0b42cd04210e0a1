"""The image, as far as that is possible without a container engine: its recipe, and its entry point."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import duckdb

EXAMPLE = Path(__file__).parents[2] / "examples" / "container"


def recipe(instruction: str) -> str:
    [found] = re.findall(rf"^{instruction} (.+)$", (EXAMPLE / "Containerfile").read_text(), re.M)
    return str(found)


def entry_point(*words: str) -> list[str]:
    python, *rest = json.loads(recipe("ENTRYPOINT"))
    assert python == "python"
    return [sys.executable, *rest, *words]


def test_the_recipe_has_what_the_entry_point_needs() -> None:
    *files, folder = recipe("COPY").split()
    assert folder == "./"
    assert {"worker.py", "entrypoint.py"} == set(files)
    assert all((EXAMPLE / file).is_file() for file in files)
    label, _, value = recipe("LABEL").partition("=")
    assert (label, json.loads(value.strip("'"))) == ("farm.query.vgi.transports", ["tcp"])


@pytest.mark.sql
@pytest.mark.parametrize("words", [["stdio"], []], ids=["stdio", "nothing"])
def test_standard_streams(connection: duckdb.DuckDBPyConnection, attach: Callable[..., str], words: list[str]) -> None:
    location = f"cd {shlex.quote(str(EXAMPLE))} && exec {shlex.join(entry_point(*words))}"
    attach(connection, location, "words")
    assert connection.execute("SELECT words.shouted('quack')").fetchone() == ("QUACK!",)


@pytest.mark.sql
def test_tcp(connection: duckdb.DuckDBPyConnection, attach: Callable[..., str]) -> None:
    """On a free port of the loopback: of a repeated flag the last counts."""
    command = entry_point("tcp", "--idle-timeout", "30", "--tcp", "0")
    with subprocess.Popen(command, cwd=EXAMPLE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            assert re.fullmatch(r"TCP:127\.0\.0\.1:\d+\n", ready)
            attach(connection, f"tcp://{ready.strip().removeprefix('TCP:')}", "words")
            rows = connection.execute("FROM words.letters('quack')").fetchall()
            assert rows == [("a", 1), ("c", 1), ("k", 1), ("q", 1), ("u", 1)]
        finally:
            process.terminate()
        assert process.wait(20) == 0


def test_other_words() -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        entry_point("http"), cwd=EXAMPLE, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "expected one of stdio, tcp, not 'http'" in done.stderr
