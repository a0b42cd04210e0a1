"""Aggregates whose worker or query ends before its time, and what is left of them on disk and in memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from .leftovers import Watched, no_proc, wait_until, watched
from .session import Session
from .transports import DIED, TRANSPORT, TRIED_AGAIN

pytestmark = [pytest.mark.sql, pytest.mark.skipif(no_proc, reason="processes are looked at in /proc")]

FORMS = ["fails_at_once", "fails_by_one"]

MINUTE, HOUR = 61, 3601
"""Seconds after which a scope goes that has ended or whose client has, and one of which nobody knows the end."""


@pytest.fixture(scope="module")
def sql(open_session: Callable[..., Session]) -> Iterator[Session]:
    """A database for these tests, whose queries run in two threads."""
    session = open_session()
    yield session
    session.close()


@pytest.fixture
def own(open_session: Callable[..., Session], tmp_path: Path) -> Iterator[Watched]:
    """A worker of its own, whose state is in a folder of the test."""
    with watched(open_session, "aggregates", tmp_path) as worker:
        yield worker


def start_again(worker: Watched) -> None:
    """End the worker's processes, and start one. The first aggregate of a process sweeps."""
    worker.end()
    assert worker.session.value("SELECT aggregates.total(i) FROM range(10) t(i)") == 45


def make_older(worker: Watched, seconds: float) -> None:
    """As if so much time had gone by."""
    for path in (worker.folder / "state" / "scopes").glob("*/*"):
        times = path.stat()
        earlier = round(seconds * 1e9)
        os.utime(path, ns=(times.st_atime_ns - earlier, times.st_mtime_ns - earlier))


def what_ended(worker: Watched, scope: str) -> bytes | None:
    """What the worker wrote when it was told that a scope has ended; None if it was not told."""
    try:
        return (worker.folder / "state" / "scopes" / scope / "ended").read_bytes()
    except FileNotFoundError:
        return None


def may_begin_again(worker: Watched, scope: str) -> bool:
    return (worker.folder / "state" / "ended" / scope).exists()


# Deaths


@pytest.mark.stdio
@pytest.mark.parametrize("place", ["update", "merge", "result"])
@pytest.mark.parametrize("function", FORMS)
def test_a_process_that_ends_in_a_call(sql: Session, function: str, place: str) -> None:
    message = fails(sql, function, place)
    if place != "result":
        again = "StateError: a worker process died while updating; run the query again"
        assert (again if TRIED_AGAIN else DIED) in message


@pytest.mark.full
@pytest.mark.parametrize("place", ["update", "result"])
@pytest.mark.parametrize("function", FORMS)
def test_with_a_new_process_for_each_call(not_pooled: Session, function: str, place: str) -> None:
    """Here the client does not try again, and with its one thread nothing is merged."""
    fails(not_pooled, function, place)


def fails(session: Session, function: str, place: str) -> str:
    session.attach("aggregates")
    query = "SELECT i % 3, {}(i{}) FROM range(3000) t(i) GROUP BY ALL ORDER BY ALL"
    message = session.error(query.format(f"aggregates.{function}", f", 'exit in {place}'"))
    expected = session.rows(query.format("sum", ""))
    assert session.rows(query.format(f"aggregates.{function}", ", 'none'")) == expected
    return message


@pytest.mark.full
def test_a_process_that_ends_after_a_call(not_pooled: Session) -> None:
    """The client ends it as soon as it has read the answer, which must not pass for a death in the call."""
    not_pooled.attach("unhurried")
    assert not_pooled.value("SELECT unhurried.total(i) FROM range(10) t(i)") == 45


# What is left


def test_an_aggregate_that_has_ended(own: Watched) -> None:
    """It stays for a minute, because it may begin again; then its name stays, for the same reason."""
    assert own.session.value("SELECT aggregates.total(i) FROM range(10) t(i)") == 45
    [scope] = own.scopes()
    [twin] = own.memory()
    assert wait_until(lambda: what_ended(own, scope) == b"complete")
    start_again(own)
    assert scope in own.scopes()
    assert twin in own.memory()
    assert not may_begin_again(own, scope)
    make_older(own, MINUTE)
    start_again(own)
    assert scope not in own.scopes()
    assert twin not in own.memory()
    assert may_begin_again(own, scope)


@pytest.mark.parametrize("function", ["total", "total_of_batches"])
def test_an_aggregate_whose_input_failed(own: Watched, function: str) -> None:
    """Nothing of it may begin again: the rows that were taken in would be missing."""
    rows = "SELECT if(i > 2500, error('stop'), i) AS i FROM range(3000) t(i)"
    assert "stop" in own.session.error(f"SELECT aggregates.{function}(i) FROM ({rows})")
    [scope] = own.scopes()
    assert wait_until(lambda: what_ended(own, scope) == b"")
    make_older(own, MINUTE)
    start_again(own)
    assert scope not in own.scopes()
    assert not may_begin_again(own, scope)


@pytest.mark.parametrize("function", FORMS)
def test_an_aggregate_of_whose_end_nobody_tells(own: Watched, function: str) -> None:
    """The client makes no last call after an error of the result."""
    assert "failed in result" in own.session.error(f"SELECT aggregates.{function}(i, 'result') FROM range(10) t(i)")
    [scope] = own.scopes()
    make_older(own, MINUTE)
    start_again(own)
    assert scope in own.scopes()
    make_older(own, HOUR)
    start_again(own)
    assert scope not in own.scopes()
    assert not may_begin_again(own, scope)


def test_an_aggregate_that_was_interrupted(own: Watched) -> None:
    def interrupt() -> None:
        wait_until(lambda: own.memory() != [])
        own.session.connection.interrupt()

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    with pytest.raises(duckdb.Error, match=r"(?i)interrupted"):
        own.session.rows("SELECT i % 1000, aggregates.total(i) FROM range(1000000000) t(i) GROUP BY ALL")
    interrupter.join()
    [scope] = own.scopes()
    make_older(own, HOUR)
    start_again(own)
    assert scope not in own.scopes()
    assert len(own.memory()) == 1


def test_a_worker_that_died(own: Watched) -> None:
    """Neither its aggregate nor the file by which it was known to live stays."""
    own.session.error("SELECT aggregates.fails_at_once(i, 'exit in update') FROM range(3000) t(i)")
    [scope] = own.scopes()
    known = set(os.listdir(own.folder / "state" / "processes"))
    assert known
    make_older(own, HOUR)
    start_again(own)
    assert scope not in own.scopes()
    assert not known & set(os.listdir(own.folder / "state" / "processes"))


CLIENT = """
import sys
from pathlib import Path
import duckwing.engine
from tests.sql.leftovers import watched
from tests.sql.session import Session
with watched(lambda: Session(duckwing.engine.connect(threads=2), "pool true"), "aggregates", Path(sys.argv[1])) as own:
    own.session.rows("SELECT i % 1000, aggregates.total(i) FROM range(1000000000) t(i) GROUP BY ALL")
"""


@pytest.mark.stdio
def test_a_database_that_died(open_session: Callable[..., Session], tmp_path: Path) -> None:
    """Its worker ends, and after a minute the next one removes what it has left."""
    if TRANSPORT != "stdio":
        pytest.skip("the worker of a socket does not end with its client")
    repository = str(Path(__file__).parents[2])
    client = subprocess.Popen([sys.executable, "-c", CLIENT, str(tmp_path)], cwd=repository)
    try:
        own = Watched(open_session(), tmp_path)  # of which only the folder matters yet
        assert wait_until(lambda: own.memory() != [])
    finally:
        client.send_signal(signal.SIGKILL)
        client.wait()
    own.session.close()
    assert wait_until(lambda: own.processes() == [])
    [scope] = own.scopes()
    [twin] = own.memory()
    with watched(open_session, "aggregates", tmp_path) as own:
        start_again(own)
        assert scope in own.scopes()
        make_older(own, MINUTE)
        start_again(own)
        assert scope not in own.scopes()
        assert twin not in own.memory()


@pytest.mark.full
def test_descriptors_do_not_grow(own: Watched) -> None:
    """A process keeps some directories of state open, but not more and more of them."""
    query = "SELECT aggregates.span(i), aggregates.joined('x') FROM range(3) t(i)"

    def run_often() -> dict[int, int]:
        for _ in range(70):
            assert own.session.row(query) == (2, "x,x,x")
        return own.descriptors()

    before, after = run_often(), run_often()
    assert before.keys() & after.keys()
    for process in before.keys() & after.keys():
        assert after[process] <= before[process] + 8
