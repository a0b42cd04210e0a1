"""The benchmarks run: each case on sizes that tell nothing of speed, with all answers checked."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CASES = (
    "startup",
    "scalar",
    "exchange",
    "scan",
    "transports",
    "filters",
    "memory",
    "rows",
    "aggregate",
    "buffering",
    "http",
    "over-stdio",
    "over-launch",
    "over-shared-memory",
    "over-http",
)
FETCHED = ("kinds",)
"""Cases that install a peer from a registry."""

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_case_is_tried_here() -> None:
    done = run("benchmarks/run.py", "no such case")
    assert done.returncode == 2
    [names] = re.findall("choose from (.*)", done.stderr)
    assert set(names.split(", ")) == {*CASES, *FETCHED}


@linux
@pytest.mark.full
@pytest.mark.sql
@pytest.mark.timeout(900)
@pytest.mark.parametrize("case", CASES)
def test_a_case_runs(case: str, engine: None, tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    done = run("benchmarks/run.py", "--quick", "--json", str(result), case)
    assert done.returncode == 0, done.stderr
    comparisons = json.loads(result.read_text())["comparisons"]
    assert comparisons
    for comparison in comparisons:
        assert len(comparison["ours"]) == len(comparison["theirs"]) > 0
        assert min(comparison["ours"] + comparison["theirs"]) > 0


@pytest.mark.full
@pytest.mark.sql
@pytest.mark.timeout(900)
@pytest.mark.parametrize("transport", ["stdio", "launch", "http"])
def test_catalogs_of_any_size_are_listed(transport: str, engine: None) -> None:
    done = run("-m", "benchmarks.catalog_objects", "--quick", "--over", transport)
    assert done.returncode == 0, done.stderr


@linux
@pytest.mark.full
@pytest.mark.sql
@pytest.mark.timeout(900)
def test_many_queries_at_once_all_succeed(engine: None) -> None:
    done = run("-m", "benchmarks.load", "--quick")
    assert done.returncode == 0, done.stderr
    assert ", 0 failed" in done.stdout


@pytest.mark.sql
def test_a_query_that_fails_under_load_is_counted(engine: None) -> None:
    """None of the queries can succeed in a database without the worker."""
    program = """
import time
from benchmarks import load
import duckwing

tally = load._Tally()
with duckwing.connect() as connection:
    load._ask(connection, 0, time.monotonic() + 0.2, tally)
assert not tally.every
assert len(tally.errors) == len(load._MIX), tally.errors
assert all("CatalogException" in message or "BinderException" in message for message in tally.errors), tally.errors
"""
    done = run("-c", program)
    assert done.returncode == 0, done.stderr
