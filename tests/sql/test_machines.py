"""Two machines behind a load balancer, which share nothing but a server that keeps state: any may die at any time."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from tests.state import servers

from .session import WORKERS, Session, attach_statement
from .test_aggregate_kills import CASES
from .transports import KEY, TRANSPORT

pytestmark = [
    pytest.mark.sql,
    pytest.mark.skipif(sys.platform != "linux", reason="kills whole groups of processes"),
    pytest.mark.skipif(TRANSPORT != "stdio", reason="starts its own workers"),
    pytest.mark.full,
]

ROWS = 250_000


class Machine:
    """A worker with files of its own.

    Args:
        worker: name of a file in ``workers``.
        folder: for its files.
        state: URL of the state that it shares.
    """

    def __init__(self, worker: str, folder: Path, state: str):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port: int = listener.getsockname()[1]
        self._command = [sys.executable, "-m", "duckwing.cli", "run", str(WORKERS / f"{worker}.py"), "--http"]
        self._command += ["--quiet", "--processes", "1", "--port", str(self.port)]
        self._environment = {
            **os.environ,
            "VGI_SIGNING_KEY": KEY,
            "DUCKWING_STATE_URL": state,
            "DUCKWING_STATE_DIR": str(folder / "state"),
            "DUCKWING_MEMORY_DIR": str(folder / "memory"),
        }
        self.start()

    def start(self) -> None:
        """Start it, again after :meth:`kill`."""
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().startswith("PORT:")

    def kill(self) -> None:
        """Kill all its processes at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextlib.contextmanager
def two_machines(worker: str, folder: Path, state: str) -> Iterator[tuple[list[Machine], str]]:
    """The machines, and where both are reached."""
    machines = [Machine(worker, folder / f"{worker}{number}", state) for number in range(2)]
    ports = [str(machine.port) for machine in machines]
    command = [sys.executable, "-m", "tests.http.proxy", "--fresh", *ports]
    proxy = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert proxy.stdout is not None
        yield machines, f"http://127.0.0.1:{proxy.stdout.readline().strip().removeprefix('PORT:')}"
    finally:
        proxy.kill()
        proxy.communicate()
        for machine in machines:
            machine.kill()


@pytest.fixture(scope="module", params=["redis", "postgres"])
def state(request: pytest.FixtureRequest) -> Iterator[str]:
    with getattr(servers, request.param)() as server:
        yield server.url


def attached(open_session: Callable[..., Session], worker: str, url: str) -> Session:
    session = open_session(threads=3)
    session.execute("SET enable_progress_bar = false")
    session.execute(attach_statement(url, worker, worker, session.options))
    return session


def test_each_kind_of_state(open_session: Callable[..., Session], tmp_path: Path, state: str) -> None:
    with two_machines("aggregates", tmp_path, state) as (machines, url):
        session = attached(open_session, "aggregates", url)
        session.execute(f"CREATE TABLE t AS SELECT i FROM range({ROWS}) r(i)")
        for name, (ours, duckdbs) in CASES.items():
            assert session.row(ours) == session.row(duckdbs), name
        session.close()
        for machine in machines:
            assert list((tmp_path / f"aggregates{machines.index(machine)}").glob("state/scopes/*")) == []


def test_generators_are_read_from_everywhere(open_session: Callable[..., Session], tmp_path: Path, state: str) -> None:
    with two_machines("tables", tmp_path, state) as (machines, url):
        session = attached(open_session, "tables", url)
        witness = tmp_path / "witness"
        scan = f"tables.witnessed('{witness}', rows := 2000000, batch := 10000)"
        assert session.row(f"SELECT count(*), sum(n)::BIGINT FROM {scan}") == (2_000_000, 1_999_999_000_000)
        assert witness.read_text() == "exhausted 200"
        witness.unlink()
        assert session.values(f"SELECT n FROM {scan} LIMIT 3") == [0, 1, 2]

        outcome: list[str] = []

        def scan_slowly() -> None:
            try:
                session.cursor().rows(f"SELECT count(*) FROM tables.witnessed('{witness}', rows := 500000000)")
            except duckdb.Error as error:
                outcome.append(str(error))

        thread = threading.Thread(target=scan_slowly)
        thread.start()
        threading.Event().wait(2)
        for machine in machines:  # one of them makes the rows
            machine.kill()
            machine.start()
        thread.join(120)
        assert not thread.is_alive()
        assert outcome, "a scan whose process died must not look complete"
        assert session.value(f"SELECT count(*) FROM {scan}") == 2_000_000
        session.close()


def test_a_killed_machine_never_makes_a_wrong_answer(
    open_session: Callable[..., Session], tmp_path: Path, state: str
) -> None:
    seed = int(os.environ.get("DUCKWING_TEST_SEED") or random.randrange(2**32))
    chance = random.Random(seed)
    errors = right = 0
    with two_machines("aggregates", tmp_path, state) as (machines, url):
        session = attached(open_session, "aggregates", url)
        session.execute(f"CREATE TABLE t AS SELECT i FROM range({ROWS}) r(i)")
        answers = {name: session.row(duckdbs) for name, (_, duckdbs) in CASES.items()}
        for _ in range(8):
            name, machine = chance.choice(list(CASES)), chance.choice(machines)
            killer = threading.Timer(chance.uniform(0, 2), machine.kill)
            killer.start()
            try:
                assert session.row(CASES[name][0]) == answers[name], f"{name} (seed {seed})"
                right += 1
            except duckdb.Error:
                errors += 1
            finally:
                killer.join()
            # The other machine goes on alone, with every query that begins now.
            name = chance.choice(list(CASES))
            assert session.row(CASES[name][0]) == answers[name], f"{name} (seed {seed})"
            machine.start()
        session.close()
    print(f"seed {seed}: {errors} errors, {right} right answers")
