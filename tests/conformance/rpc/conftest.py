"""The service of ``conformance/rpc_service.py`` over each transport.

All transports in one run. DUCKWING_TRANSPORT, which the other tests of this folder know too, leaves one of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .asking import Asking
from .foreign import Line, Pages, line
from .wires import TRANSPORTS, Place, Wire

SELDOM = ("launch", "fleet")
"""In `make check-all` alone, and where they are asked for: they are sockets and HTTP again, set up in another way."""

ASKED_FOR = os.environ.get("DUCKWING_TRANSPORT")

CHOSEN = [
    pytest.param(name, marks=pytest.mark.full if name in SELDOM and ASKED_FOR is None else ())
    for name in TRANSPORTS
    if ASKED_FOR in (None, name)
]


SMOKE = ("test_starting.py", "test_exchanges.py", "test_foreign.py")
"""What is tried over every transport in `make test`, too; everything else over standard streams alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to `make check-all` what is neither."""
    for item in items:
        ours = isinstance(item, pytest.Function) and item.path.parent == Path(__file__).parent
        if not ours or ASKED_FOR is not None or item.path.name in SMOKE:
            continue
        callspec = getattr(item, "callspec", None)
        if callspec is not None and callspec.params.get("service", "stdio") != "stdio":
            item.add_marker(pytest.mark.full)


@pytest.fixture(scope="session", params=CHOSEN)
def service(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Where the service is reached."""
    where = Place(request.param)
    yield where
    where.close()


@pytest.fixture
def wire(service: Place) -> Iterator[Wire]:
    """A connection that the test before may have used, and the next one will: a call must leave it in order."""
    shared = service.shared()
    yield shared
    assert shared.usable, "the test has left the connection in the middle of a call"


@pytest.fixture
def connect(service: Place) -> Iterator[Callable[[], Wire]]:
    """Makes connections of the test's own."""
    made: list[Wire] = []

    def connect() -> Wire:
        made.append(service.connect())
        return made[-1]

    yield connect
    for each in made:
        each.close()


@pytest.fixture
def bytewise(service: Place) -> Iterator[Line]:
    """A connection of a client that shares nothing with Duckwing."""
    if service.by_request:
        pytest.skip("about connections of bytes: over HTTP each turn is a request of its own (spec 02, section 1)")
    with line(service.address(), service.transport) as made:
        yield made


@pytest.fixture
def pages(service: Place) -> Pages:
    """Such a client over HTTP."""
    if not service.by_request:
        pytest.skip("about tokens, headers and statuses, which only HTTP has (spec 02, sections 4, 9 and 12)")
    return service.pages()


@pytest.fixture(scope="module")
def asking(service: Place) -> Iterator[Asking]:
    """Such a client that sends what is no request, over bytes or over HTTP."""
    made = Asking(service)
    yield made
    made.close()
