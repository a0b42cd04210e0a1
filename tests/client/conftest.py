"""Real workers for the client's tests: those of the SQL tests and the examples."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from duckwing.client import AttachedCatalog, WorkerConnection, connect

ROOT = Path(__file__).resolve().parents[2]


def command(worker: str | Path) -> list[str]:
    """What starts a worker: a name in tests/sql/workers, or a path."""
    path = ROOT / "tests" / "sql" / "workers" / f"{worker}.py" if isinstance(worker, str) else worker
    return [sys.executable, "-m", "duckwing.cli", "run", str(path)]


@pytest.fixture(scope="session")
def to() -> Iterator[Callable[[str | Path], WorkerConnection]]:
    """``to(worker)``: a connection to it, which all tests share."""
    with ExitStack() as stack:
        known: dict[str | Path, WorkerConnection] = {}

        def to(worker: str | Path) -> WorkerConnection:
            if worker not in known:
                known[worker] = stack.enter_context(connect(command(worker)))
            return known[worker]

        yield to


@pytest.fixture(scope="session")
def attached(to: Callable[[str | Path], WorkerConnection]) -> Callable[[str], AttachedCatalog]:
    """``attached(worker)``: the worker's catalog of its own name."""
    return lambda worker: to(worker).attach(worker)
