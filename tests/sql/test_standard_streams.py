"""Standard output and input belong to the protocol, whatever user code does with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from .session import Session, attach_statement, location
from .transports import stdio_only

pytestmark = pytest.mark.sql


@pytest.fixture(scope="module", params=["", "PYTHONUNBUFFERED=1"], ids=["buffered", "unbuffered"])
def rude(open_session: Callable[..., Session], request: pytest.FixtureRequest) -> Iterator[Session]:
    session = open_session()
    session.execute(attach_statement(location("rude", environment=request.param), "rude", "rude"))
    yield session
    session.close()


@pytest.mark.parametrize("function", ["prints", "writes", "starts_a_child", "leaves_a_child"])
def test_output_goes_elsewhere(rude: Session, function: str) -> None:
    assert rude.values(f"SELECT rude.{function}(i) FROM range(3) t(i)") == [0, 1, 2]
    assert rude.value(f"SELECT rude.{function}(7)") == 7
    assert rude.values("FROM rude.prints_rows(3)") == [0, 1, 2]


def test_there_is_no_input(rude: Session) -> None:
    query = "SELECT rude.asks(i), rude.reads(i), rude.child_reads(i) FROM range(1) t(i)"
    assert rude.row(query) == ("no input", 0, "")


@pytest.mark.parametrize("function", ["closes", "closes_descriptors"])
def test_closing_them_hurts_nobody_else(fresh: Session, function: str) -> None:
    # All databases of a process share workers of one location: these are damaged, so theirs is another.
    fresh.execute(attach_statement(location("rude", environment=f"DAMAGED_BY={function}"), "rude", "rude"))
    assert fresh.values(f"SELECT rude.{function}(i) FROM range(1) t(i)") == [0]
    assert fresh.value("SELECT rude.plain(1)") == 1


@stdio_only
def test_printed_text_is_in_the_log(fresh: Session) -> None:
    fresh.attach("rude")
    fresh.execute("CALL enable_logging('VGI')")
    assert fresh.values("FROM rude.prints_rows(2)") == [0, 1]
    query = """
        SELECT count(*) FROM duckdb_logs
        WHERE type = 'VGI' AND contains(message, 'worker.stderr') AND contains(message, 'row 1')
    """
    for _ in range(100):  # a thread of the client reads it, in its own time
        if fresh.value(query) == 1:
            break
        fresh.rows("FROM rude.prints_rows(0)")
    assert fresh.value(query) == 1
