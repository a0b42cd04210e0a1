"""A served worker, shared by the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .serving import Browserless, serving
from .workers.served import served


@pytest.fixture(scope="module")
def client() -> Iterator[Browserless]:
    """A client of a worker in this process, with its default settings."""
    with serving(served) as client:
        yield client
