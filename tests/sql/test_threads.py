"""Processes of a listening worker that serve several connections at a time, in threads."""

from __future__ import annotations

import shlex
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from .session import WORKERS, Session, attach_statement

if sys.platform == "win32":
    pytest.skip("about POSIX sockets", allow_module_level=True)


@pytest.fixture(scope="module")
def session(open_session: Callable[..., Session], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """One process for all connections, as long as they are few enough."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        session = open_session(threads=4)
        words = [sys.executable, "-m", "duckwing.cli", "run", str(WORKERS / "threaded.py"), "--processes", "1"]
        where = f"launch:env VGI_WORKER_IDLE_TIMEOUT=5 {shlex.join(words)}"
        session.execute(attach_statement(where, "threaded", "threaded"))
        yield session
        session.close()


def in_threads(session: Session, query: str, count: int) -> list[list[tuple[object, ...]]]:
    answers: list[list[tuple[object, ...]]] = []
    cursors = [session.cursor() for _ in range(count)]
    threads = [threading.Thread(target=lambda c=cursor: answers.append(c.rows(query))) for cursor in cursors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_one_process_serves_several_connections_at_a_time(session: Session) -> None:
    query = "SELECT count(threaded.meets_another(i)) FROM range(10) t(i)"
    assert in_threads(session, query, 2) == [[(10,)], [(10,)]]
    places = set(session.values("SELECT DISTINCT threaded.place(i) FROM range(1_000_000) t(i)"))
    assert len({place.split()[0] for place in places}) == 1
    assert session.value("SELECT max(threaded.started(i)) FROM range(10) t(i)") == 1


def test_answers(session: Session) -> None:
    rows = 300_000
    queries = {
        f"SELECT sum(threaded.doubled(i)) FROM range({rows}) t(i)": f"SELECT sum(2 * i) FROM range({rows}) t(i)",
        f"SELECT i % 97 g, threaded.total(i) FROM range({rows}) t(i) GROUP BY g ORDER BY g": (
            f"SELECT i % 97 g, sum(i) FROM range({rows}) t(i) GROUP BY g ORDER BY g"
        ),
        "SELECT i % 5 g, length(threaded.longest(i::VARCHAR)) FROM range(20000) t(i) GROUP BY g ORDER BY g": (
            "SELECT i % 5 g, max(length(i::VARCHAR)) FROM range(20000) t(i) GROUP BY g ORDER BY g"
        ),
        "SELECT sum(i) FROM threaded.same((SELECT i FROM range(90_000) t(i)))": "SELECT sum(i) FROM range(90_000) t(i)",
        "SELECT sum(n), count(*) FROM threaded.slowly(40_000)": "SELECT sum(i), count(*) FROM range(40_000) t(i)",
    }
    for ours, duckdbs in queries.items():
        expected = session.rows(duckdbs)
        assert in_threads(session, ours, 3) == [expected] * 3


def test_more_connections_than_threads(session: Session) -> None:
    expected = [(20 * 2048 * (20 * 2048 - 1) // 2,)]
    assert in_threads(session, f"SELECT sum(n) FROM threaded.slowly({20 * 2048})", 16) == [expected] * 16


def test_a_death_fails_all_that_the_process_serves(session: Session) -> None:
    """But never gives a wrong answer."""
    expected = [(60 * 2048 * (60 * 2048 - 1) // 2,)]
    outcomes: list[object] = []

    def scan(cursor: Session) -> None:
        try:
            outcomes.append(cursor.rows(f"SELECT sum(n) FROM threaded.slowly({60 * 2048})"))
        except duckdb.Error as error:
            outcomes.append(str(error))

    scans = [threading.Thread(target=scan, args=(session.cursor(),)) for _ in range(3)]
    for thread in scans:
        thread.start()
    session.error("SELECT sum(threaded.dies(i)) FROM range(10_000) t(i)")
    for thread in scans:
        thread.join()
    assert len(outcomes) == 3
    assert all(outcome == expected or isinstance(outcome, str) for outcome in outcomes)
    assert session.value("SELECT threaded.doubled(21)") == 42


def test_over_standard_streams_there_are_no_threads(fresh: Session, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "duckwing.cli", "run", str(WORKERS / "threaded.py"), str(tmp_path)]
    fresh.execute(attach_statement(f"exec {shlex.join(words)}", "threaded", "t"))
    assert fresh.value("SELECT t.doubled(21)") == 42
