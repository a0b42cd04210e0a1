"""Workers killed at random while they aggregate or keep input: the right answer or an error, never a wrong sum."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from .conftest import NOT_POOLED, POOLED
from .leftovers import Watched, no_proc, watched
from .session import Session
from .transports import TRANSPORT

pytestmark = [pytest.mark.sql, pytest.mark.skipif(no_proc, reason="processes are looked at in /proc")]

ROWS = {POOLED: 250_000, NOT_POOLED: 5_000}
"""Enough for three threads, as DuckDB gives each at least 122,880 rows of a table; few where each call is slow."""

GROUPS = "SELECT count(*), sum(s)::BIGINT, max(s)::BIGINT FROM (SELECT i % {n}, {f}(i) AS s FROM t GROUP BY ALL)"
TEXTS = """
    SELECT count(*), sum(length(s)), max(s)
    FROM (SELECT i % 5, {f}(i::VARCHAR, ',' ORDER BY i) AS s FROM t WHERE i < 10000 GROUP BY ALL)
"""
TABLE = "SELECT count(*), sum(i)::BIGINT, max(i) FROM t"

CASES = {
    "all groups at once": (GROUPS.format(n=997, f="aggregates.total"), GROUPS.format(n=997, f="sum")),
    "each group by itself": (GROUPS.format(n=10, f="aggregates.total_of_batches"), GROUPS.format(n=10, f="sum")),
    "no groups": ("SELECT aggregates.rows_of(), aggregates.total(i) FROM t", "SELECT count(*), sum(i) FROM t"),
    "sorted groups": (TEXTS.format(f="aggregates.joined"), TEXTS.format(f="string_agg")),
    "sums of batches": ("FROM aggregates.totals((FROM t))", "SELECT count(*), sum(i) FROM t"),
    "all rows": (TABLE.replace("FROM t", "FROM aggregates.same((FROM t))"), TABLE),
}
"""Queries of ours, and what gives the same without a worker."""


def serving(worker: Watched) -> list[int]:
    """The processes that answer calls: children of this one, where DuckDB runs, or of the supervisor of a socket.

    The guards, without which a death is no error, are children of theirs, and nobody's after their death.
    """
    processes = worker.processes()
    parents = [os.getpid()] if TRANSPORT == "stdio" else processes
    return [process for process in processes if _parent_of(process) in parents]


def _parent_of(process: int) -> int:
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


def kill_some(worker: Watched, chance: random.Random, pause: float, done: threading.Event, killed: list[int]) -> None:
    """Kill a process after every at most ``pause`` seconds, until the query is done."""
    while not done.wait(chance.uniform(0, pause)):
        with contextlib.suppress(IndexError, ProcessLookupError):
            process = chance.choice(serving(worker))
            os.kill(process, signal.SIGKILL)
            killed.append(process)


LONG = [pytest.mark.full, pytest.mark.timeout(1800)]


@pytest.mark.parametrize(
    ("options", "kills", "pause"),
    [
        pytest.param(POOLED, 15, 1, id="15 kills", marks=pytest.mark.full),
        pytest.param(POOLED, 450, 1, id="450 kills", marks=LONG),
        pytest.param(NOT_POOLED, 50, 4, id="50 kills, not pooled", marks=LONG),
    ],
)
def test_never_a_wrong_answer(
    open_session: Callable[..., Session], tmp_path: Path, options: str, kills: int, pause: float
) -> None:
    seed = int(os.environ.get("DUCKWING_TEST_SEED") or random.randrange(2**32))
    chance = random.Random(seed)
    killed: list[int] = []
    right, errors = 0, 0
    with watched(open_session, "aggregates", tmp_path, options=options, threads=3) as worker:
        session = worker.session
        session.execute("SET enable_progress_bar = false")
        session.execute(f"CREATE TABLE t AS SELECT i FROM range({ROWS[options]}) r(i)")
        answers = {name: session.row(duckdbs) for name, (_, duckdbs) in CASES.items()}
        while len(killed) < kills:
            name = chance.choice(list(CASES))
            done = threading.Event()
            killer = threading.Thread(target=kill_some, args=(worker, chance, pause, done, killed))
            killer.start()
            try:
                assert session.row(CASES[name][0]) == answers[name], f"{name} (seed {seed})"
                right += 1
            except duckdb.Error:
                errors += 1
            finally:
                done.set()
                killer.join()
        for name, (ours, _) in CASES.items():
            assert session.row(ours) == answers[name]
        worker.end()
    print(f"seed {seed}: {len(killed)} kills, {errors} errors, {right} right answers")
    assert 0 < errors <= len(killed)  # without any the test would prove nothing
