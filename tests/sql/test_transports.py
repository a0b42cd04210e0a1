"""A little of everything over each transport; `make test` runs the whole suite over one, `make check-all` over each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest

from .session import WORKERS, Session, attach_statement
from .transports import place

if sys.platform == "win32":
    pytest.skip("about POSIX transports", allow_module_level=True)

QUERIES = {
    "scalar": (
        "SELECT sum(arithmetic.scaled(i, 3)) FROM range(20000) t(i)",
        "SELECT sum(3 * i) FROM range(20000) t(i)",
    ),
    "table function": (
        "SELECT count(*), sum(n) FROM arithmetic.numbers(7, 50000)",
        "SELECT 50000, sum(range + 7) FROM range(50000)",
    ),
    "aggregate": (
        "SELECT i % 7, aggregates.total(i) FROM range(20000) t(i) GROUP BY 1 ORDER BY 1",
        "SELECT i % 7, sum(i) FROM range(20000) t(i) GROUP BY 1 ORDER BY 1",
    ),
    "buffering": (
        "SELECT count(*), sum(n) FROM buffering.same((SELECT range n FROM range(20000)))",
        "SELECT 20000, sum(range) FROM range(20000)",
    ),
    "table in, table out": ("SELECT count(*) FROM in_out.numbered((FROM range(20000)), keep := 10)", None),
}
"""What is asked of workers, and what gives the same without."""


@pytest.fixture(
    scope="module",
    params=["stdio", "launch", "http", *(pytest.param(name, marks=pytest.mark.full) for name in ("unix", "tcp"))],
)
def session(request: pytest.FixtureRequest, open_session: Callable[..., Session]) -> Iterator[Session]:
    session = open_session(threads=4)
    for worker in ("arithmetic", "aggregates", "buffering", "in_out", "errors"):
        command = [sys.executable, "-m", "duckwing.cli", "run", str(WORKERS / f"{worker}.py")]
        session.execute(attach_statement(place(command, "", request.param), worker, worker))
    yield session
    session.close()


@pytest.mark.parametrize("name", QUERIES)
def test_queries(session: Session, name: str) -> None:
    ours, duckdbs = QUERIES[name]
    found = session.rows(ours)
    assert found
    if duckdbs is not None:
        assert found == session.rows(duckdbs)


def test_errors(session: Session) -> None:
    assert "LookupError: no [scalar function" in session.error("SELECT errors.sayno(i, 'no') FROM range(10) t(i)")
    assert session.value("SELECT arithmetic.scaled(1, 3)") == 3


def test_garbage_is_collected(session: Session) -> None:
    """It is not while a process starts."""
    assert session.values("SELECT DISTINCT arithmetic.collects_garbage(i) FROM range(20000) t(i)") == [True]


def test_early_ends(session: Session) -> None:
    """The process is free for the next call."""
    for _ in range(20):
        assert session.rows("SELECT n FROM arithmetic.numbers(0, 10_000_000) LIMIT 1") == [(0,)]
