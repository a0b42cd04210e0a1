"""What becomes of a query when requests or answers are lost: on the real engine, behind a proxy that loses them."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.http.proxy import Drop, Fault, Passing, Proxy

from .session import WORKERS, Session, attach_statement
from .transports import place

ROWS = 8_000
SUM = f"SELECT slow.total(i) FROM range({ROWS}) t(i)"
RIGHT = ROWS * (ROWS - 1) // 2


@pytest.fixture(scope="module")
def port() -> int:
    command = [sys.executable, "-m", "duckwing.cli", "run", str(WORKERS / "slow.py")]
    return int(place(command, "", "http").rpartition(":")[2])


@contextmanager
def behind(port: int, fault: Fault) -> Iterator[tuple[Proxy, int]]:
    """A proxy in a thread of its own, and its port."""
    proxy = Proxy([port], fault)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield proxy, asyncio.run_coroutine_threadsafe(proxy.start(), loop).result(10)
    finally:
        asyncio.run_coroutine_threadsafe(proxy.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def once(path: str, happens: Callable[[Passing], None], after: int = 2) -> Fault:
    """Something happens to one of the requests for a path."""
    seen = 0

    async def fault(passing: Passing) -> None:
        nonlocal seen
        if passing.path.endswith(path):
            seen += 1
            if seen == after:
                happens(passing)

    return fault


def refuse(passing: Passing) -> None:
    passing.answer = (
        b"HTTP/1.1 503 Service Unavailable\r\nVGI-Accept-Max-Response-Bytes-Support: true\r\nContent-Length: 0\r\n\r\n"
    )


def drop(passing: Passing) -> None:
    raise Drop


def drop_answer(passing: Passing) -> None:
    passing.drop_answer = True


def leave(passing: Passing) -> None:
    passing.leaves_after = 0.1


Open = Callable[..., Session]


@pytest.fixture
def attached(open_session: Callable[..., Session]) -> Iterator[Open]:
    """``attached(port, *settings)``: a database with the worker behind a port."""
    sessions: list[Session] = []

    def attached(entrance: int, *settings: str) -> Session:
        session = open_session(threads=1)
        sessions.append(session)
        for setting in settings:
            session.execute(setting)
        session.execute(attach_statement(f"http://127.0.0.1:{entrance}", "slow", "slow"))
        return session

    yield attached
    for session in sessions:
        session.close()


@pytest.mark.parametrize("loss", [refuse, drop])
def test_a_request_that_did_not_arrive_is_sent_again(
    attached: Open, port: int, loss: Callable[[Passing], None]
) -> None:
    with behind(port, once("/aggregate_update", loss)) as (proxy, entrance):
        assert attached(entrance).value(SUM) == RIGHT
        assert proxy.requests.count("/vgi.v2/aggregate_update") == ROWS // 2048 + 2


def test_an_answer_that_is_lost_on_its_way_is_an_error_without_retries(attached: Open, port: int) -> None:
    with behind(port, once("/aggregate_update", drop_answer)) as (_, entrance):
        # A connection that is kept is replaced without asking, whatever is said of retries.
        session = attached(entrance, "SET http_retries = 0", "SET http_keep_alive = false")
        assert "VGI HTTP" in session.error(SUM)
        assert session.value(SUM) == RIGHT


def test_a_client_that_leaves_before_the_answer_fails_the_query(attached: Open, port: int) -> None:
    """Its request may come again, and nobody could tell that from the next one."""
    with behind(port, once("/aggregate_update", leave)) as (_, entrance):
        session = attached(entrance)
        assert "a worker process died while updating; run the query again" in session.error(SUM)
        assert session.value(SUM) == RIGHT


@pytest.mark.parametrize("loss", [drop, drop_answer])
def test_a_scan_is_continued_from_where_it_was(attached: Open, port: int, loss: Callable[[Passing], None]) -> None:
    with behind(port, once("/init/exchange", loss)) as (_, entrance):
        session = attached(entrance, "SET vgi_http_accepted_max_response_bytes = 65536")
        query = "SELECT count(*), sum(n) FROM slow.numbers(50000)"
        assert session.row(query) == (50_000, 1_249_975_000)
