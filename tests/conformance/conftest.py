"""Sessions of the tests of ``conformance``: those of the SQL tests, and one that has ``example``.

`make test` runs a few of these tests, `make conformance` all of them over each transport.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..sql.conftest import fresh as fresh
from ..sql.conftest import not_pooled as not_pooled
from ..sql.conftest import open_session as open_session
from ..sql.conftest import sql as sql
from ..sql.session import Session
from .attaching import attach

SMOKE = ("test_twins",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent and item.path.stem not in SMOKE:
            item.add_marker(pytest.mark.full)


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
