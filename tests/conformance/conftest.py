"""Sessions of the tests of ``conformance``: those of the SQL tests, and one that has ``example``."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ..sql.conftest import fresh as fresh
from ..sql.conftest import not_pooled as not_pooled
from ..sql.conftest import open_session as open_session
from ..sql.conftest import sql as sql
from ..sql.session import Session
from .attaching import attach


@pytest.fixture(scope="session")
def example(open_session: Callable[..., Session]) -> Iterator[Session]:
    """A database that uses ``example``, shared by all tests: leave its settings and secrets as they were."""
    session = open_session(threads=4)
    attach(session, "main", "example")
    session.execute("USE example")
    yield session
    session.close()


@pytest.fixture
def own_example(fresh: Session) -> Session:
    """The same for one test alone."""
    attach(fresh, "main", "example")
    fresh.execute("USE example")
    return fresh
