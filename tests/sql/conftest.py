"""Sessions that many tests share: starting processes is what takes time here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import duckwing.engine

from .session import Session

POOLED = "pool true"
NOT_POOLED = "pool false"


@pytest.fixture(scope="session")
def open_session(engine: None) -> Callable[..., Session]:
    """``open_session(options, threads=2)``: a new database."""

    def open_session(options: str = POOLED, threads: int = 2) -> Session:
        return Session(duckwing.engine.connect(threads=threads), options)

    return open_session


@pytest.fixture(
    scope="session",
    params=[(POOLED, 4), (NOT_POOLED, 1)],
    ids=["pooled-4-threads", "not-pooled-1-thread"],
)
def sql(open_session: Callable[..., Session], request: pytest.FixtureRequest) -> Iterator[Session]:
    """A database, shared by all tests, with workers that serve one call after another, or one call each."""
    options, threads = request.param
    session = open_session(options, threads=threads)
    yield session
    session.close()


@pytest.fixture(scope="session")
def pooled(open_session: Callable[..., Session]) -> Iterator[Session]:
    """A database, shared by all tests for which pooling makes no difference."""
    session = open_session(threads=4)
    yield session
    session.close()


@pytest.fixture
def fresh(open_session: Callable[..., Session]) -> Iterator[Session]:
    """A database for one test alone."""
    session = open_session(threads=2)
    yield session
    session.close()
