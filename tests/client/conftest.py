"""Real workers for the client's tests: those of the SQL tests and the examples."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from duckwing.client import AttachedCatalog, WorkerConnection, connect

ROOT = Path(__file__).resolve().parents[2]


def command(worker: str | Path) -> list[str]:
    """What starts a worker: a name in tests/sql/workers, or a path."""
    path = ROOT / "tests" / "sql" / "workers" / f"{worker}.py" if isinstance(worker, str) else worker
    return [sys.executable, "-m", "duckwing.cli", "run", str(path)]


@contextmanager
def serving(worker: str | Path, *options: str, environment: dict[str, str] | None = None) -> Iterator[str]:
    """A worker that serves HTTP; gives its URL."""
    process = subprocess.Popen(
        [*command(worker), "--http", "--quiet", *options], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert process.stdout is not None
        with process.stdout:
            ready = process.stdout.readline().strip()
        assert ready.startswith("PORT:"), f"the worker said {ready!r}"
        yield f"http://127.0.0.1:{ready.removeprefix('PORT:')}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="session", params=["command", pytest.param("http", marks=pytest.mark.full)])
def to(request: pytest.FixtureRequest) -> Iterator[Callable[[str | Path], WorkerConnection]]:
    """``to(worker)``: a connection to it, which all tests share."""
    with ExitStack() as stack:
        known: dict[str | Path, WorkerConnection] = {}

        def to(worker: str | Path) -> WorkerConnection:
            if worker not in known:
                location: str | Sequence[str] = command(worker)
                if request.param == "http":
                    location = stack.enter_context(serving(worker))
                known[worker] = stack.enter_context(connect(location))
            return known[worker]

        yield to


@pytest.fixture(scope="session")
def attached(to: Callable[[str | Path], WorkerConnection]) -> Callable[[str], AttachedCatalog]:
    """``attached(worker)``: the worker's catalog of its own name."""
    return lambda worker: to(worker).attach(worker)
