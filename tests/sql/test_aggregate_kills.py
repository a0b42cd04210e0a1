"""Workers killed at random while they aggregate or keep input: the right answer or an error, never a wrong sum."""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from .conftest import NOT_POOLED, POOLED
from .session import Session, attach_statement, location

pytestmark = [
    pytest.mark.sql,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes by their environment"),
]

ROWS = 300_000
SUM = ROWS * (ROWS - 1) // 2

GROUPED = f"SELECT count(*), sum(s)::BIGINT FROM (SELECT i % 997, kills.{{}}(i) s FROM range({ROWS}) t(i) GROUP BY ALL)"

QUERIES = {
    "at once": GROUPED.format("total"),
    "by one": GROUPED.format("total_of_batches"),
    "one group": f"SELECT kills.rows_of(), kills.total(i) FROM range({ROWS}) t(i)",
    "sink": f"SELECT * FROM kills.totals((SELECT i FROM range({ROWS}) t(i)))",
    "spool": f"SELECT count(*), sum(i)::BIGINT FROM kills.same((SELECT i FROM range({ROWS}) t(i)))",
}
ANSWERS = {
    "at once": (997, SUM),
    "by one": (997, SUM),
    "one group": (ROWS, SUM),
    "sink": (ROWS, SUM),
    "spool": (ROWS, SUM),
}


class Workers:
    """The processes of one test's workers, known by the folder of their state."""

    def __init__(self, folder: Path):
        self.state, self.memory = folder / "state", folder / "memory"
        self.environment = f"DUCKWING_STATE_DIR={shlex.quote(str(self.state))} "
        self.environment += f"DUCKWING_MEMORY_DIR={shlex.quote(str(self.memory))}"

    def processes(self) -> list[int]:
        wanted = f"DUCKWING_STATE_DIR={self.state}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended, or belongs to somebody else
                if wanted in (process / "environ").read_bytes().split(b"\0"):
                    found.append(int(process.name))
        return found

    def serving(self) -> list[int]:
        """Those that answer calls. The others are their children: the guards, without which a death is no error."""
        found = self.processes()
        return [process for process in found if parent_of(process) not in found]

    def executions(self) -> list[Path]:
        """What executions have left."""
        folders = [*self.state.glob("scopes/execution-*"), *self.memory.glob("*/execution-*")]
        return [folder for folder in folders if folder.is_dir()]


def parent_of(process: int) -> int:
    with contextlib.suppress(OSError):
        return int((Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[1])
    return 0


def kill_some(workers: Workers, chance: random.Random, done: threading.Event, killed: list[int]) -> None:
    """Kill one process at a random moment."""
    if done.wait(chance.uniform(0, 0.6)):
        return
    with contextlib.suppress(IndexError, ProcessLookupError):
        process = chance.choice(workers.serving())
        os.kill(process, signal.SIGKILL)
        killed.append(process)


def wait_until_empty(look: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while left := look():
        assert time.monotonic() < end, left
        time.sleep(0.05)


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(tmp_path)
    yield workers
    wait_until_empty(workers.processes)


@pytest.mark.parametrize(
    ("options", "kills"),
    [
        (POOLED, 30),
        pytest.param(POOLED, 400, marks=[pytest.mark.full, pytest.mark.timeout(3000)]),
        pytest.param(NOT_POOLED, 100, marks=[pytest.mark.full, pytest.mark.timeout(3000)]),
    ],
)
def test_never_a_wrong_sum(
    open_session: Callable[..., Session], workers: Workers, options: str, kills: int, request: pytest.FixtureRequest
) -> None:
    seed = int(os.environ.get("DUCKWING_TEST_SEED") or random.randrange(2**32))
    chance = random.Random(seed)
    session = open_session(options, threads=4)
    where = location("aggregates", environment=workers.environment)
    session.execute(attach_statement(where, "aggregates", "kills", session.options))
    killed: list[int] = []
    errors = 0
    try:
        while len(killed) < kills:
            name = chance.choice(list(QUERIES))
            done = threading.Event()
            killer = threading.Thread(target=kill_some, args=(workers, chance, done, killed))
            killer.start()
            try:
                assert session.row(QUERIES[name]) == ANSWERS[name], f"{name}, seed {seed}"
            except duckdb.Error:
                errors += 1
            finally:
                done.set()
                killer.join()
        for name, query in QUERIES.items():
            assert session.row(query) == ANSWERS[name]
    finally:
        session.close()
    assert errors, "no kill hit a call: the test proves nothing"
    wait_until_empty(workers.processes)
