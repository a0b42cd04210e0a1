"""Many queries at once: every result is the one that DuckDB itself computes."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import threading
from collections.abc import Callable

import pytest

from .conftest import NOT_POOLED, POOLED
from .session import Session
from .transports import stdio_only

pytestmark = pytest.mark.sql

SECONDS = 120.0
"""For all threads of a test together: tenfold what they need."""


def scan(session: Session, chance: random.Random) -> None:
    start, count = chance.randrange(10_000), chance.randrange(1, 40_000)
    rows = session.rows(f"SELECT count(*), sum(n), min(name) FROM arithmetic.numbers({start}, {count})")
    expected = f"SELECT count(*), sum(n), min('n' || n % 10) FROM range({start}, {start + count}) t(n)"
    assert rows == session.rows(expected)


def scalar(session: Session, chance: random.Random) -> None:
    factor, count = chance.randrange(1, 1000), chance.randrange(1, 20_000)
    wrong = session.row(f"""
        SELECT count(*) FILTER (arithmetic.scaled(i, {factor}) IS DISTINCT FROM i * {factor}),
            count(*) FILTER (arithmetic.described(i, 't{factor}') IS DISTINCT FROM 't{factor}:' || i % 97), count(*)
        FROM range({count}) t(i)
    """)
    assert wrong == (0, 0, count)


def both(session: Session, chance: random.Random) -> None:
    factor, count = chance.randrange(1, 1000), chance.randrange(1, 20_000)
    wrong = session.row(f"""
        SELECT count(*) FILTER (arithmetic.described(arithmetic.scaled(n, {factor}), name)
                IS DISTINCT FROM 'n' || n % 10 || ':' || (n * {factor}) % 97), count(*)
        FROM arithmetic.numbers(0, {count})
    """)
    assert wrong == (0, count)


def early(session: Session, chance: random.Random) -> None:
    count = chance.randrange(1, 100)
    assert session.values(f"SELECT n FROM arithmetic.numbers(7, 1000000) LIMIT {count}") == [*range(7, 7 + count)]


QUERIES = [scan, scalar, both, early]


def in_threads(sessions: list[Session], rounds: int) -> None:
    """Each session runs ``rounds`` queries in a thread of its own.

    Raises:
        AssertionError: a result was wrong, or there was none in time.
    """
    failures: list[BaseException] = []

    def run(number: int, session: Session) -> None:
        chance = random.Random(number)
        try:
            for i in range(rounds):
                QUERIES[(number + i) % len(QUERIES)](session, chance)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=item, daemon=True) for item in enumerate(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
        assert not thread.is_alive(), "a query hangs"
    if failures:
        raise failures[0]


@pytest.mark.parametrize(
    "threads", [pytest.param(1, marks=pytest.mark.full), 4, pytest.param(8, marks=pytest.mark.full)]
)
def test_pooled_workers(open_session: Callable[..., Session], threads: int) -> None:
    with contextlib.closing(open_session(POOLED, threads=threads)) as session:
        session.attach("arithmetic")
        in_threads([session.cursor() for _ in range(8)], rounds=6)


@pytest.mark.full
def test_a_new_process_for_each_call(open_session: Callable[..., Session]) -> None:
    with contextlib.closing(open_session(NOT_POOLED, threads=2)) as session:
        session.attach("arithmetic")
        in_threads([session.cursor() for _ in range(4)], rounds=1)


def test_two_databases_in_one_process(open_session: Callable[..., Session]) -> None:
    with contextlib.closing(open_session()) as one, contextlib.closing(open_session()) as other:
        for session in (one, other):
            session.attach("arithmetic")
        in_threads([session.cursor() for session in (one, other) * 2], rounds=4)


@pytest.mark.parametrize("threads", [1, 4])
def test_a_join_of_scans_with_scalars_on_both_sides(open_session: Callable[..., Session], threads: int) -> None:
    with contextlib.closing(open_session(threads=threads)) as session:
        session.attach("arithmetic")
        found = session.row("""
            SELECT count(*), sum(a.n), min(arithmetic.described(b.n, a.name)), max(arithmetic.described(b.n, a.name))
            FROM arithmetic.numbers(0, 30000) a JOIN arithmetic.numbers(10000, 30000) b
            ON arithmetic.scaled(a.n, 2) = arithmetic.scaled(b.n, 2)
        """)
        expected = session.row("""
            SELECT count(*), sum(n), min('n' || n % 10 || ':' || n % 97), max('n' || n % 10 || ':' || n % 97)
            FROM range(10000, 30000) t(n)
        """)
        assert found == expected


@pytest.mark.parametrize("threads", [1, 4])
def test_many_rows_with_nulls(open_session: Callable[..., Session], threads: int) -> None:
    with contextlib.closing(open_session(threads=threads)) as session:
        session.attach("arithmetic")
        session.execute("""
            CREATE TABLE million AS
            SELECT CASE WHEN i % 7 <> 0 THEN i END AS a, CASE WHEN i % 5 <> 0 THEN 't' || i % 13 END AS s
            FROM range(1000000) t(i)
        """)
        assert session.row("""
            SELECT count(*) FILTER (arithmetic.scaled(a, 3) IS DISTINCT FROM a * 3),
                count(*) FILTER (arithmetic.scaled(a, 3) IS NULL), count(*)
            FROM million
        """) == (0, 142_858, 1_000_000)
        assert session.row("""
            SELECT count(*) FILTER (arithmetic.described(a, s) IS DISTINCT FROM s || ':' || a % 97), count(*)
            FROM (FROM million LIMIT 200000)
        """) == (0, 200_000)


@stdio_only
@pytest.mark.skipif(sys.platform == "win32", reason="asks for processes by signal 0")
def test_no_process_is_left(open_session: Callable[..., Session]) -> None:
    with contextlib.closing(open_session()) as session:
        session.attach("arithmetic")
        in_threads([session.cursor() for _ in range(4)], rounds=4)
        busy = set(session.values("SELECT DISTINCT arithmetic.process_of(i) FROM range(10000) t(i)"))
        pooled = set(session.values("SELECT pid FROM vgi_worker_pool()"))
        assert busy <= pooled
        assert all(map(lives, pooled))
        session.rows("SELECT * FROM vgi_worker_pool_flush()")
        assert not session.rows("SELECT pid FROM vgi_worker_pool() WHERE worker_path LIKE '%arithmetic%'")
        assert not any(map(lives, pooled))


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
