"""Sessions that many tests share: starting processes is what takes time here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

import duckwing.engine

from .session import Session

POOLED = "pool true"
NOT_POOLED = "pool false"


@pytest.fixture(scope="session")
def open_session(engine: None) -> Callable[..., Session]:
    """``open_session(options, threads=2)``: a new database. ``DUCKWING_THREADS`` overrides the number for all tests."""
    forced = int(os.environ.get("DUCKWING_THREADS", "0"))

    def open_session(options: str = POOLED, threads: int = 2) -> Session:
        return Session(duckwing.engine.connect(threads=forced or threads), options)

    return open_session


@pytest.fixture(scope="session")
def sql(open_session: Callable[..., Session]) -> Iterator[Session]:
    """A database, shared by all tests. Its workers serve one call after another."""
    session = open_session(threads=4)
    yield session
    session.close()


@pytest.fixture(scope="session")
def not_pooled(open_session: Callable[..., Session]) -> Iterator[Session]:
    """As ``sql``, with one thread, and a new process for each call: for few tests, as it is slow."""
    session = open_session(NOT_POOLED, threads=1)
    session.environment = "NOT_POOLED=1"  # a location that was attached without pool is not pooled for others, either
    yield session
    session.close()


@pytest.fixture(scope="session")
def debugged(engine: None) -> Iterator[Session]:
    """As ``sql``, with workers in debug mode: their errors have tracebacks."""
    session = Session(duckwing.engine.connect(threads=2), POOLED, environment="DUCKWING_DEBUG=1")
    yield session
    session.close()


@pytest.fixture(params=["sql", pytest.param("not_pooled", marks=pytest.mark.full)])
def either(request: pytest.FixtureRequest) -> Session:
    """First the one, then the other."""
    session: Session = request.getfixturevalue(request.param)
    return session


@pytest.fixture
def fresh(open_session: Callable[..., Session]) -> Iterator[Session]:
    """A database for one test alone."""
    session = open_session(threads=2)
    yield session
    session.close()
