"""Workers that write to standard output whenever they can: the protocol does not notice."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest

from .session import Session, attach_statement, location

pytestmark = [
    pytest.mark.sql,
    pytest.mark.skipif(sys.platform == "win32", reason="its worker runs POSIX commands"),
]

WAYS = ["print", "write", "buffer", "descriptor", "child", "shell", "logging", "warnings", "large", "input"]


@pytest.fixture(scope="module", params=["", "PYTHONUNBUFFERED=1"], ids=["buffered", "unbuffered"])
def talkative(open_session: Callable[..., Session], request: pytest.FixtureRequest) -> Iterator[Session]:
    """A worker that has said everything once while it was imported."""
    session = open_session()
    where = location("talkative", environment=request.param)
    session.execute(attach_statement(where, "talkative", "talkative", session.options))
    yield session
    session.close()


@pytest.mark.parametrize("way", WAYS)
def test_output_of_functions(talkative: Session, way: str) -> None:
    query = f"""
        SELECT sum(n), sum(talkative.row(n, '{way}')), sum(talkative.batch(n, '{way}')), count(*)
        FROM talkative.scan(30, '{way}')
    """
    assert talkative.row(query) == (4498500, 4498500, 4498500, 3000)


@pytest.mark.parametrize("way", ["print", "child", "large"])
def test_output_of_a_scan_that_is_left_early(talkative: Session, way: str) -> None:
    assert talkative.values(f"SELECT n FROM talkative.scan(1000, '{way}') LIMIT 3") == [0, 1, 2]
    assert talkative.value(f"SELECT count(*) FROM talkative.scan(10, '{way}')") == 1000


@pytest.mark.full
def test_output_with_a_new_process_for_each_call(not_pooled: Session) -> None:
    not_pooled.attach("talkative")
    query = "SELECT sum(talkative.row(n, 'large')) FROM talkative.scan(3, 'descriptor')"
    assert not_pooled.value(query) == 44850
