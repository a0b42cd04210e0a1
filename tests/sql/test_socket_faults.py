"""Deaths of shared workers and of their processes: the right answer or an error, never a short one, and no waiting."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from ..process.listening import all_ended, children, eventually, listening, processes_of, short_folder
from .leftovers import no_proc
from .session import WORKERS, Session, attach_statement

pytestmark = [
    pytest.mark.sql,
    pytest.mark.timeout(300),
    pytest.mark.skipif(no_proc, reason="processes are looked at in /proc"),
]

LONG = [pytest.mark.full, pytest.mark.timeout(1800)]

SECONDS = 40.0
"""For a query that takes a second."""

COMMAND = [sys.executable, "-m", "duckwing.cli", "run", str(WORKERS / "mortal.py")]

TABLE = "(SELECT i FROM range({rows}) t(i))"

CALLS = {
    "scan": "SELECT count(*), sum(n)::BIGINT FROM mortal.scan({batches})",
    "parts": "SELECT count(*), sum(n)::BIGINT FROM mortal.parts({batches})",
    "table": "SELECT count(*), sum(n)::BIGINT FROM mortal.numbers",
    "scalar": f"SELECT count(*), sum(mortal.same(i))::BIGINT FROM {TABLE}",
    "rows": f"SELECT count(*) // 2, sum(m)::BIGINT // 2 FROM {TABLE}, mortal.twice(i)",
    "table-in-out": f"SELECT count(*), sum(i)::BIGINT FROM mortal.through({TABLE})",
    "table-in-out with finish": f"SELECT {{rows}}, sum(total)::BIGINT FROM mortal.summed({TABLE})",
    "buffering class": f"SELECT sum(rows)::BIGINT, sum(total)::BIGINT FROM mortal.totals({TABLE})",
    "buffering function": f"SELECT count(*), sum(i)::BIGINT FROM mortal.kept({TABLE})",
    "aggregate": f"SELECT {{rows}}, sum(s)::BIGINT FROM (SELECT i % 7, mortal.total(i) AS s FROM {TABLE} GROUP BY ALL)",
    "window": f"""
        SELECT count(*), sum(s)::BIGINT
        FROM (SELECT mortal.main.framed(i) OVER (ORDER BY i ROWS BETWEEN 0 PRECEDING AND 0 FOLLOWING) AS s FROM {TABLE})
    """,
}
"""Queries that give the number of rows below a number, and their sum, by the kind of call."""

ROWS = {"scan": 1_000, "parts": 1_000, "table": 1_000, "rows": 3_000, "window": 100}
"""Below which number, where 10,000 would take long or the worker says so."""

CATALOG = "SELECT count(*) FROM duckdb_functions() WHERE database_name = 'another'"


@dataclass(frozen=True)
class Shared:
    """A session with ``mortal`` attached, whose worker is launched."""

    session: Session
    location: str
    folder: Path

    def plan(self, victim: str, moment: str, times: int) -> None:
        """Who is to be killed, and when."""
        (self.folder / "times").unlink(missing_ok=True)
        (self.folder / "plan.new").write_text(f"{victim};{moment};{times}")
        os.replace(self.folder / "plan.new", self.folder / "plan")

    def deaths(self) -> int:
        """How often the moment came that was planned last, up to the death."""
        times = self.folder / "times"
        return times.stat().st_size if times.exists() else 0

    def moments(self, query: Callable[[], object]) -> dict[str, int]:
        """The moments at which a query can be struck, and how often each comes."""
        (self.folder / "plan").unlink(missing_ok=True)
        (self.folder / "moments").unlink(missing_ok=True)
        query()
        assert eventually(lambda: "close" in self._written() or "written" in self._written())
        return dict(collections.Counter(self._written().split("\n")[:-1]))

    def _written(self) -> str:
        return (self.folder / "moments").read_text()

    def supervisors(self) -> list[int]:
        """The processes that accept connections: those that no other of the worker has started."""
        found = processes_of(self.folder)
        served = {child for pid in found for child in _children(pid)}
        return [pid for pid in found if pid not in served]

    def serving(self) -> list[int]:
        """The processes that serve them."""
        return [child for pid in self.supervisors() for child in _children(pid)]


def _children(pid: int) -> list[int]:
    try:
        return children(pid)
    except OSError:
        return []


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with short_folder() as folder, all_ended(folder):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        yield folder


def launched(folder: Path, variables: str = "") -> str:
    return f"launch:env MORTAL={folder} DUCKWING_TEST_FOLDER={folder} {variables} {' '.join(COMMAND)}"


@pytest.fixture(scope="module")
def launcher() -> Iterator[Path]:
    """Where the worker of most tests is launched."""
    with short_folder() as folder, all_ended(folder):
        yield folder


@pytest.fixture(scope="module")
def session(launcher: Path, open_session: Callable[..., Session]) -> Iterator[Session]:
    session = open_session(threads=3)
    session.execute("SET enable_progress_bar = false")
    yield session
    session.close()


@pytest.fixture
def shared(launcher: Path, session: Session, monkeypatch: pytest.MonkeyPatch) -> Shared:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(launcher))
    location = launched(launcher)
    session.execute(attach_statement(location, "mortal", "mortal").replace("ATTACH", "ATTACH IF NOT EXISTS", 1))
    return Shared(session, location, launcher)


def right(rows: int) -> tuple[int, int]:
    return rows, rows * (rows - 1) // 2


def strike_all(shared: Shared, query: Callable[[], object], answer: object, chance: random.Random, shares: int) -> None:
    """Run a query again and again, and kill somebody at one moment each time.

    Args:
        shared: the worker.
        query: runs it.
        answer: what it gives.
        chance: which moments, in which order.
        shares: one in so many is tried.
    """
    assert query() == answer
    moments = shared.moments(query)
    plans = [
        (victim, moment, times)
        for moment, count in moments.items()
        for times in sorted({1, (count + 1) // 2, count})
        for victim in ("process", "supervisor")
    ]
    plans = chance.sample(plans, -(-len(plans) // shares))
    deaths = errors = 0
    for plan in plans:
        shared.plan(*plan)
        started = time.monotonic()
        try:
            assert query() == answer, plan
        except duckdb.Error:
            errors += 1
        assert time.monotonic() - started < SECONDS, plan
        deaths += shared.deaths() >= plan[2]
    (shared.folder / "plan").unlink(missing_ok=True)
    for _ in range(5):
        with contextlib.suppress(duckdb.Error):  # a supervisor that is just dying may still have the socket
            query()
            break
    assert query() == answer
    print(f"{len(plans)} plans, {deaths} deaths, {errors} errors")
    assert deaths >= 0.8 * len(plans) or shares > 1  # how often a moment comes depends on DuckDB's threads, too
    assert errors > 0 or shares > 1


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("DUCKWING_TEST_SEED") or random.randrange(2**32))
    print(f"seed {seed}")
    return random.Random(seed)


SHARES = pytest.mark.parametrize("shares", [pytest.param(45, id="some"), pytest.param(1, id="all", marks=LONG)])


@SHARES
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.full
def test_deaths_in_every_phase(shared: Shared, chance: random.Random, call: str, shares: int) -> None:
    rows = ROWS.get(call, 10_000)
    query = CALLS[call].format(rows=rows, batches=rows // 100)
    strike_all(shared, lambda: shared.session.row(query), right(rows), chance, shares)


@pytest.mark.parametrize("call", ["scalar", "rows", "table-in-out", "scan"])
@pytest.mark.full
def test_a_death_within_a_message(shared: Shared, call: str) -> None:
    """What came in the place of the rest would be data, and nobody reads on after the last batch of an exchange."""
    rows = ROWS.get(call, 10_000)
    query = CALLS[call].format(rows=rows, batches=rows // 100)
    count = shared.moments(lambda: shared.session.row(query))["init half written"]
    for times in sorted({*range(max(1, count - 4), count + 1), 1}):
        shared.plan("process", "init half written", times)
        with contextlib.suppress(duckdb.Error):
            assert shared.session.row(query) == right(rows), times
    (shared.folder / "plan").unlink(missing_ok=True)
    assert shared.session.row(query) == right(rows)


@SHARES
@pytest.mark.full
def test_deaths_while_a_catalog_is_read(shared: Shared, chance: random.Random, shares: int) -> None:
    def read() -> object:
        shared.session.execute("DETACH DATABASE IF EXISTS another")
        shared.session.execute(attach_statement(shared.location, "mortal", "another"))
        return shared.session.value(CATALOG), shared.session.row("SELECT count(*), sum(n)::BIGINT FROM another.numbers")

    strike_all(shared, read, read(), chance, shares)


@pytest.mark.parametrize("place", ["--unix", "--tcp"])
@pytest.mark.full
def test_deaths_of_processes_of_other_workers(
    folder: Path,
    open_session: Callable[..., Session],
    chance: random.Random,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MORTAL", str(folder))
    flags = ["--tcp", "0"] if place == "--tcp" else ["--unix", f"{folder}/worker.sock"]
    session = open_session(threads=3)
    with listening(folder, *flags, "--processes", "2", command=COMMAND) as worker:
        session.execute(attach_statement(worker.location, "mortal", "mortal"))
        shared = Shared(session, worker.location, folder)
        for call in ("scan", "scalar", "aggregate"):
            query = CALLS[call].format(rows=10_000, batches=100)
            for moment, count in shared.moments(lambda query=query: session.row(query)).items():  # type: ignore[misc]
                if chance.random() < 0.2:
                    shared.plan("process", moment, (count + 1) // 2)
                    with contextlib.suppress(duckdb.Error):
                        assert session.row(query) == right(10_000), moment
            (folder / "plan").unlink(missing_ok=True)
            assert session.row(query) == right(10_000)
        session.close()


@pytest.mark.parametrize(
    "kills", [pytest.param(40, id="40 kills", marks=pytest.mark.full), pytest.param(500, id="500 kills", marks=LONG)]
)
def test_random_deaths(shared: Shared, chance: random.Random, kills: int) -> None:
    (shared.folder / "plan").write_text("nobody;never;0")
    session = shared.session
    killed: collections.Counter[str] = collections.Counter()
    answers = errors = 0

    orphans: set[int] = set()

    def kill_some(done: threading.Event) -> None:
        """Never a process whose supervisor was killed just before: nobody would be left to make an error of it."""
        while not done.wait(chance.uniform(0, 0.2)):
            victims = shared.supervisors() if chance.random() < 0.1 else shared.serving()
            with contextlib.suppress(IndexError, ProcessLookupError):
                victim = chance.choice([pid for pid in victims if pid not in orphans])
                orphans.update(_children(victim))
                os.kill(victim, signal.SIGKILL)
                killed["kills"] += 1

    while killed["kills"] < kills:
        call = chance.choice(list(CALLS))
        rows = ROWS.get(call, 30_000)
        query = CALLS[call].format(rows=rows, batches=rows // 100)
        done = threading.Event()
        killer = threading.Thread(target=kill_some, args=(done,))
        killer.start()
        try:
            assert session.row(query) == right(rows), call
            answers += 1
        except duckdb.Error:
            errors += 1
        finally:
            done.set()
            killer.join()
    print(f"{killed['kills']} kills, {errors} errors, {answers} right answers")
    assert errors > 0
    for call in CALLS:
        rows = ROWS.get(call, 30_000)
        assert session.row(CALLS[call].format(rows=rows, batches=rows // 100)) == right(rows)


# Many clients

CLIENT = """
import json, sys, time, random
import duckwing.engine
location, seconds, pause = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
connection = duckwing.engine.connect(threads=1)
connection.execute("SET enable_progress_bar = false")
print("ready", flush=True)
sys.stdin.readline()
found = set()
end = time.monotonic() + seconds
while True:
    if not found:
        connection.execute(f"ATTACH 'mortal' (TYPE vgi, LOCATION '{location}')")
    [(count, total)] = connection.execute("SELECT count(*), sum(n)::BIGINT FROM mortal.scan(5)").fetchall()
    assert (count, total) == (500, 124750), (count, total)
    found |= set(connection.execute("SELECT mortal.supervisor(1)").fetchone())
    if time.monotonic() > end:
        break
    time.sleep(random.uniform(0, pause))
print(json.dumps(sorted(found)))
"""


def clients(number: int, location: str, seconds: float, pause: float) -> set[int]:
    """Have DuckDB processes query a worker, all at once; the supervisors that they found."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CLIENT, location, str(seconds), str(pause)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(number)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        found: set[int] = set()
        for process in processes:
            output, errors = process.communicate(timeout=SECONDS * 5)
            assert process.returncode == 0, errors[-2000:]
            found |= set(json.loads(output))
        return found
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("number", [12, pytest.param(100, marks=LONG)])
def test_many_clients_launch_one_worker(folder: Path, engine: None, number: int) -> None:
    (folder / "plan").write_text("nobody;never;0")
    found = clients(number, launched(folder), 0, 0)
    assert len(found) == 1
    assert Shared(None, "", folder).supervisors() == list(found)  # type: ignore[arg-type]
    os.kill(found.pop(), signal.SIGTERM)
    assert eventually(lambda: processes_of(folder) == [])
    assert {path.suffix for path in (folder / "vgi-rpc").iterdir()} <= {".lock", ".log"}


@pytest.mark.parametrize(("number", "seconds"), [(2, 4), pytest.param(4, 120, marks=LONG)])
def test_clients_that_come_while_the_worker_leaves(folder: Path, engine: None, number: int, seconds: float) -> None:
    """No query fails, although the worker ends again and again between two queries."""
    (folder / "plan").write_text("nobody;never;0")
    found = clients(number, launched(folder, "VGI_WORKER_IDLE_TIMEOUT=0.2"), seconds, 0.6)
    assert len(found) > 1
    assert eventually(lambda: processes_of(folder) == [])
    assert {path.suffix for path in (folder / "vgi-rpc").iterdir()} <= {".lock", ".log"}
