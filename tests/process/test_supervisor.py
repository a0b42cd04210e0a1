"""The processes of a listening worker: how many there are, how they end, and what their clients notice of it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from duckwing.client import WorkerConnection, connect
from duckwing.client.sources import Sockets
from duckwing.errors import Error
from duckwing.protocol import VGI
from duckwing.protocol.catalogs import CATALOG_CATALOGS
from duckwing.rpc.client import Client
from duckwing.rpc.framing import Buffer, MemoryStream
from duckwing.rpc.method import NoParams
from duckwing.transports.sockets import SocketStream

from .launch import TICK, Fifo, break_off, in_background, run_command
from .listening import (
    SECONDS,
    STARTS,
    WORKER,
    Listening,
    all_ended,
    eventually,
    finished,
    is_running,
    listening,
    marked,
    process_of,
    processes_of,
    short_folder,
    tuned,
    works,
)

if sys.platform != "linux":
    pytest.skip("processes are looked at in /proc", allow_module_level=True)

pytestmark = pytest.mark.timeout(120)

BY_START = pytest.mark.parametrize("command", STARTS.values(), ids=list(STARTS))
STOP_SECONDS = 6.0
"""A worker has 2 s to end, and a busy machine some more to notice it."""


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def shared() -> Iterator[Listening]:
    """A worker for all tests after which it is as before."""
    with short_folder() as folder, listening(folder, command=tuned(SPARE_SECONDS=0.3)) as worker:
        yield worker


@pytest.fixture
def worker(shared: Listening) -> Iterator[Listening]:
    """The same; the test gives it no reason to complain."""
    before = shared.stderr()
    yield shared
    assert shared.is_there()
    assert shared.stderr() == before


@pytest.fixture
def fifo(folder: Path) -> Fifo:
    return Fifo(folder / "fifo")


@contextmanager
def scans(worker: Listening, count: int) -> Iterator[list[int]]:
    """Have ``count`` scans open at the same time; the processes that serve them. All of them end well."""
    with worker.client() as client:
        demo = client.attach()
        open_scans = [demo.scan("numbers", 50) for _ in range(count)]
        yield [next(scan)["process"][0].as_py() for scan in open_scans]
        for scan in open_scans:
            assert [n for batch in scan for n in batch["n"].to_pylist()] == list(range(1, 50))


# When the worker ends


def test_it_ends_when_it_was_idle_for_long_enough(folder: Path) -> None:
    with listening(folder, "--idle-timeout", "0.3") as worker:
        with worker.socket():
            assert works(worker.client())
        assert worker.wait() == 0
        assert not os.path.exists(worker.path)
        assert worker.stderr() == ""
    assert processes_of(folder) == []


def test_it_stays_while_a_connection_is_open(folder: Path) -> None:
    with listening(folder, "--idle-timeout", "0.1") as worker:
        with worker.socket() as silent, scans(worker, 1):
            time.sleep(1)  # tenfold; that it does not end can only be seen by waiting
            assert worker.is_there()
            assert works(worker.client())
            silent.settimeout(None)
            client = Client(SocketStream(silent), VGI)
            assert len(client.call(CATALOG_CATALOGS, NoParams()).items) == 1
        assert worker.wait() == 0


def test_it_waits_for_the_first_client(folder: Path) -> None:
    with listening(folder, "--idle-timeout", "0.1") as worker:
        time.sleep(1)
        with worker.socket():
            assert works(worker.client())
        assert worker.wait() == 0


@pytest.mark.full
def test_it_does_not_wait_for_the_first_client_for_ever(folder: Path) -> None:
    with listening(folder, "--idle-timeout", "0.1", command=tuned(FIRST_CLIENT_SECONDS=0.2)) as worker:
        assert worker.wait() == 0
        assert not os.path.exists(worker.path)


@pytest.mark.parametrize("seconds", ["0", pytest.param("-1", marks=pytest.mark.full)])
@pytest.mark.full
def test_it_never_ends_by_itself(folder: Path, seconds: str) -> None:
    with listening(folder, "--idle-timeout", seconds, command=tuned(FIRST_CLIENT_SECONDS=0.0)) as worker:
        assert works(worker.client())
        time.sleep(1)
        assert works(worker.client())


@pytest.mark.parametrize(
    ("number", "how", "place"),
    [
        (signal.SIGINT, "idle", "--unix"),
        (signal.SIGHUP, "in a scan", "--tcp"),
        (signal.SIGTERM, "in user code", "--unix"),
        (signal.SIGTERM, "with a waiting client", "--unix"),
        *(
            pytest.param(number, how, place, marks=pytest.mark.full)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
            for how in ("idle", "in a scan", "in user code", "with a waiting client")
            for place in ("--unix", "--tcp")
        ),
    ],
)
def test_signals_end_it(folder: Path, fifo: Fifo, number: int, how: str, place: str) -> None:
    flags = ["--tcp", "0"] if place == "--tcp" else ["--unix", f"{folder}/worker.sock"]
    witness = folder / "witness"
    with listening(folder, *flags) as worker, worker.client() as client, contextlib.ExitStack() as stack:
        demo = client.attach()
        if how == "in a scan":
            scan = demo.scan("numbers", 1000)
            next(scan)
            stack.callback(break_off, scan)
        elif how == "in user code":
            scan = demo.scan("busy", "computing", fifo.path, str(witness))
            next(scan)
            stack.enter_context(in_background(lambda: list(scan)))
            fifo.wait()
        elif how == "with a waiting client":
            stack.enter_context(worker.socket())
        started = time.monotonic()
        worker.signal(number)
        assert worker.wait() == 0
        assert time.monotonic() - started < STOP_SECONDS
        assert processes_of(folder) == []
        assert not worker.path or not os.path.exists(worker.path)
        stack.close()
        assert "Traceback" not in worker.stderr()
        if how == "in user code":
            assert witness.read_text() == "Terminated"


def test_a_signal_to_all_processes_ends_it(folder: Path) -> None:
    """As Ctrl-C at a terminal has it."""
    with listening(folder) as worker:
        with worker.client() as client:
            scan = client.attach().scan("numbers", 1000)
            next(scan)
            for pid in [worker.pid, *worker.processes()]:
                os.kill(pid, signal.SIGINT)
            assert worker.wait() == 0
            break_off(scan)
        assert "Traceback" not in worker.stderr()
    assert processes_of(folder) == []


@pytest.mark.parametrize(
    ("how", "command"),
    [
        ("idle", STARTS["spawned"]),
        ("in a scan", STARTS["forked"]),
        ("computing", STARTS["forked"]),
        *(
            pytest.param(how, command, marks=pytest.mark.full)
            for how in ("idle", "in a scan", "sleeping", "computing")
            for command in STARTS.values()
        ),
    ],
)
def test_its_processes_end_when_the_supervisor_is_killed(
    folder: Path, fifo: Fifo, how: str, command: list[str]
) -> None:
    with listening(folder, command=command) as worker, worker.client() as client:
        demo = client.attach()
        with contextlib.ExitStack() as stack:
            if how == "in a scan":
                scan = demo.scan("numbers", 1000)
                next(scan)
                stack.callback(break_off, scan)
            elif how != "idle":
                scan = demo.scan("busy", how, fifo.path, str(folder / "witness"))
                next(scan)
                stack.enter_context(in_background(lambda: list(scan)))
                fifo.wait()
            worker.signal(signal.SIGKILL)
            assert eventually(lambda: processes_of(folder) == [])


# Connections


@pytest.mark.parametrize("place", ["--unix", "--tcp"])
@pytest.mark.full
def test_connections_without_a_byte(folder: Path, place: str) -> None:
    flags = ["--tcp", "0"] if place == "--tcp" else ["--unix", f"{folder}/worker.sock"]
    with listening(folder, *flags) as worker:
        before = worker.processes()
        for _ in range(50):
            worker.socket().close()
        assert works(worker.client())
        assert eventually(lambda: set(before) <= set(worker.processes()))
        assert worker.stderr() == ""


class HalfClosing(SocketStream):
    """A client that says at once that it will ask for no more."""

    def __init__(self, connected: socket.socket):
        super().__init__(connected)
        self._connected = connected

    def write(self, buffers: list[Buffer]) -> None:  # type: ignore[override]
        super().write(buffers)
        self._connected.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("place", ["--unix", "--tcp"])
def test_a_half_closed_connection_gets_its_answer(folder: Path, place: str) -> None:
    flags = ["--tcp", "0"] if place == "--tcp" else ["--unix", f"{folder}/worker.sock"]
    with listening(folder, *flags) as worker:
        with worker.socket() as connection:
            connection.settimeout(None)
            client = Client(HalfClosing(connection), VGI)
            assert len(client.call(CATALOG_CATALOGS, NoParams()).items) == 1
            assert connection.recv(1) == b""
        assert worker.stderr() == ""


@pytest.mark.full
def test_many_requests_on_one_connection(worker: Listening) -> None:
    with worker.socket() as connection:
        connection.settimeout(None)
        client = Client(SocketStream(connection), VGI)
        for _ in range(100):
            assert len(client.call(CATALOG_CATALOGS, NoParams()).items) == 1


def test_as_many_processes_as_connections(worker: Listening) -> None:
    with scans(worker, 4) as serving:
        assert len(set(serving)) == 4
        assert set(serving) <= set(worker.processes())
    assert eventually(lambda: len(worker.processes()) == 1)


@pytest.mark.full
def test_a_process_serves_one_connection_after_another(folder: Path) -> None:
    """Now and then another is started, when one has not said yet that it is free."""
    with listening(folder) as worker, worker.client() as client:
        assert len({process_of(client) for _ in range(30)}) <= 10


@BY_START
def test_processes_are_kept_ready(folder: Path, command: list[str]) -> None:
    with listening(folder, "--processes", "3", command=command) as worker:
        assert eventually(lambda: len(worker.processes()) == 3)
        for pid in worker.processes()[:2]:
            os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: len(worker.processes()) == 3)
        assert works(worker.client())


@pytest.mark.full
def test_more_connections_than_processes(folder: Path) -> None:
    """The others wait until one is free."""
    with listening(folder, "--processes", "2", command=tuned(MAX_PROCESSES=4, SPARE_SECONDS=0.3)) as worker:
        with scans(worker, 4) as serving:
            assert len(set(serving)) == 4
            waiting = threading.Thread(target=works, args=(worker.client(),), daemon=True)
            waiting.start()
            waiting.join(0.5)
            assert waiting.is_alive()
            assert len(worker.processes()) == 4
        waiting.join(20)
        assert not waiting.is_alive()


def request() -> bytes:
    """A whole one."""
    stream = MemoryStream()
    with contextlib.suppress(Error):
        Client(stream, VGI).call(CATALOG_CATALOGS, NoParams())
    return bytes(stream.written)


@pytest.mark.parametrize("part", [1, 7, 100, -1])
@pytest.mark.full
def test_half_a_request(worker: Listening, part: int) -> None:
    """It keeps one process, and no others, and only as long as the client is there."""
    with worker.socket() as connection:
        connection.sendall(request()[:part])
        assert works(worker.client())
    assert works(worker.client())
    assert eventually(lambda: len(worker.processes()) == 1)


@pytest.mark.parametrize("nonsense", [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, bytes(64)])
@pytest.mark.full
def test_what_is_no_request(worker: Listening, nonsense: bytes) -> None:
    with worker.socket() as connection:
        connection.sendall(nonsense)
        with contextlib.suppress(ConnectionResetError):
            while connection.recv(1 << 16):
                pass
    assert works(worker.client())


@pytest.mark.parametrize("place", ["--unix", "--tcp"])
@pytest.mark.full
def test_a_slow_reader(folder: Path, place: str) -> None:
    flags = ["--tcp", "0"] if place == "--tcp" else ["--unix", f"{folder}/worker.sock"]
    with listening(folder, *flags) as worker, worker.client() as client:
        scan = client.attach().scan("large", 6)
        rows = 0
        for batch in scan:
            rows += batch.num_rows
            assert works(worker.client())
        assert rows == 6 * 4096


@pytest.mark.parametrize("how", ["computing", *(pytest.param(h, marks=pytest.mark.full) for h in ("sleeping", "deaf"))])
def test_a_client_that_leaves_frees_its_process(folder: Path, fifo: Fifo, how: str) -> None:
    witness = folder / "witness"
    with listening(folder, "--idle-timeout", "0.1") as worker, worker.socket() as another:
        client = worker.client()
        scan = client.attach().scan("busy", how, fifo.path, str(witness))
        pid = next(scan)["process"][0].as_py()
        with in_background(lambda: list(scan)):
            fifo.wait()
            assert is_running(pid)
            client.close()
        assert eventually(lambda: not is_running(pid))
        if how != "deaf":
            assert witness.read_text() == "Terminated"
        another.close()
        assert worker.wait() == 0
        assert worker.stderr() == ""


@pytest.mark.parametrize("cycles", [40, pytest.param(1000, marks=pytest.mark.full)])
def test_nothing_is_left_of_connections(folder: Path, cycles: int) -> None:
    with listening(folder, "--processes", "2", command=tuned(SPARE_SECONDS=0.1)) as worker, worker.client() as client:
        assert eventually(lambda: len(worker.processes()) == 2)
        before = worker.descriptors()
        for number in range(cycles):
            match number % 5:
                case 0:
                    worker.socket().close()
                case 1:
                    with worker.socket() as connection:
                        connection.sendall(request()[: number % 90])
                case 2:
                    scan = client.attach().scan("numbers", 3)
                    next(scan)
                    scan.close()
                case _:
                    assert works(client)
        assert eventually(lambda: worker.descriptors() == before)
        assert eventually(lambda: len(worker.processes()) == 2)
        assert max(open_files(pid) for pid in worker.processes()) < 20
        assert os.listdir(folder) in (["errors-0", "worker.sock"], ["worker.sock", "errors-0"])
        assert worker.stderr() == ""


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


# Deaths


def test_a_dead_process_is_replaced(worker: Listening) -> None:
    with worker.client() as client:
        first = process_of(client)
        os.kill(first, signal.SIGKILL)
        assert eventually(lambda: first not in worker.processes() and len(worker.processes()) == 1)
        assert process_of(client) != first


def test_nobody_is_told_of_a_death_after_the_client_has_left(folder: Path) -> None:
    with listening(folder) as worker, worker.client() as client:
        scan = client.attach().scan("numbers", 1000)
        pid = next(scan)["process"][0].as_py()
        worker.signal(signal.SIGSTOP)  # so that it hears of both at the same time
        try:
            os.kill(pid, signal.SIGSTOP)
            client.close()
            os.kill(pid, signal.SIGKILL)
            assert eventually(lambda: not is_running(pid))
        finally:
            worker.signal(signal.SIGCONT)
        assert eventually(lambda: pid not in worker.processes())
        assert works(worker.client())
        assert worker.stderr() == ""


@pytest.mark.parametrize(
    ("number", "place", "command"),
    [
        (signal.SIGKILL, "--unix", STARTS["forked"]),
        (signal.SIGSEGV, "--tcp", STARTS["forked"]),
        (signal.SIGKILL, "--unix", STARTS["spawned"]),
        pytest.param(signal.SIGKILL, "--tcp", STARTS["spawned"], marks=pytest.mark.full),
    ],
)
def test_the_client_of_a_dead_process_gets_an_error(folder: Path, number: int, place: str, command: list[str]) -> None:
    flags = ["--tcp", "0"] if place == "--tcp" else ["--unix", f"{folder}/worker.sock"]
    with listening(folder, *flags, command=command) as worker, worker.client() as client:
        scan = client.attach().scan("numbers", 1000)
        pid = next(scan)["process"][0].as_py()
        with scans(worker, 1):
            os.kill(pid, number)
            break_off(scan)
        assert works(client)
        assert f"process {pid}: a worker process died" in worker.stderr()


@pytest.mark.parametrize(
    ("how", "end"),
    [
        ("fork", "killed"),
        ("program with our files", "killed"),
        ("fork", "stopped"),
        pytest.param("program", "killed", marks=pytest.mark.full),
        pytest.param("program", "stopped", marks=pytest.mark.full),
    ],
)
@pytest.mark.full
def test_children_of_user_code_keep_no_connection_open(folder: Path, how: str, end: str) -> None:
    with listening(folder) as worker, worker.client() as client:
        scan = client.attach().scan("with_a_child", how, 1000)
        first = next(scan)
        pid, child = first["worker"][0].as_py(), first["child"][0].as_py()
        try:
            with in_background(lambda: list(scan)):
                if end == "killed":
                    os.kill(pid, signal.SIGKILL)
                else:
                    worker.signal(signal.SIGTERM)
                    assert worker.wait() == 0
            assert is_running(child)
        finally:
            os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("how", ["fork", pytest.param("program with our files", marks=pytest.mark.full)])
@pytest.mark.full
def test_children_of_user_code_do_not_hold_up_a_scan(folder: Path, how: str) -> None:
    with listening(folder, "--idle-timeout", "0.1") as worker:
        with worker.client() as client, worker.socket():
            batches = list(client.attach().scan("with_a_child", how, 3))
            assert len(batches) == 3
        child = batches[0]["child"][0].as_py()
        try:
            assert worker.wait() == 0
            assert is_running(child)
        finally:
            os.kill(child, signal.SIGKILL)


class Recorded(Sockets):
    """Connections that the test can look at and write to.

    Attributes:
        last: the one that was made last.
    """

    last: tuple[socket.socket, SocketStream]

    def __init__(self, worker: Listening):
        super().__init__(lambda: self._connect_to(worker))

    def _connect_to(self, worker: Listening) -> SocketStream:
        connection = worker.socket()
        connection.settimeout(None)
        self.last = connection, SocketStream(connection)
        return self.last[1]


@contextmanager
def full_connection(worker: Listening) -> Iterator[tuple[int, Iterator[object]]]:
    """A scan whose process cannot write on, as its client does not read: both of them."""
    source = Recorded(worker)
    with WorkerConnection(source) as client:
        with worker.socket():
            scan = client.attach().scan("large", 4)
            pid = next(scan)["process"][0].as_py()
        connection, stream = source.last
        stream.write([TICK])
        # There is more than a connection holds; a process that sleeps may also be on its way to write it.
        assert eventually(lambda: bool(select.select([connection], [], [], 0)[0]) and rests(pid))
        yield pid, scan


def rests(pid: int) -> bool:
    """Whether a process sleeps, and does nothing for a while."""

    def used() -> str:
        _, _, fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")
        state, *rest = fields.split()
        return f"{state} {rest[10:12]}"  # the times that it has spent in its own code and in the kernel's

    before = used()
    for _ in range(10):
        time.sleep(0.03)
        if not before.startswith("S ") or used() != before:
            return False
    return True


@pytest.mark.parametrize("end", ["idle", "stopped"])
@pytest.mark.full
def test_the_process_of_a_client_that_does_not_read_dies(folder: Path, end: str) -> None:
    """The error waits until the client reads; the worker need not: within a batch the end of the bytes is one."""
    with listening(folder, "--idle-timeout", "0.1") as worker:
        with full_connection(worker) as (pid, scan):
            os.kill(pid, signal.SIGKILL)
            assert eventually(lambda: f"process {pid}: " in worker.stderr())
            if end == "idle":
                time.sleep(1)
            else:
                worker.signal(signal.SIGTERM)
            break_off(scan)
        assert worker.wait() == 0


@pytest.mark.full
def test_a_client_that_does_not_read_does_not_keep_a_worker_from_ending(folder: Path) -> None:
    with listening(folder) as worker, full_connection(worker) as (_, scan):
        started = time.monotonic()
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
        assert time.monotonic() - started < STOP_SECONDS
        assert processes_of(folder) == []
        break_off(scan)


@pytest.mark.full
def test_nobody_reads_standard_error(folder: Path) -> None:
    """What the supervisor has to say is then lost, but not what it has to do."""
    path = folder / "worker.sock"
    process = subprocess.Popen(
        run_command(WORKER, "--unix", str(path), "--processes", "1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=marked(folder),
    )
    with process, all_ended(folder):
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stderr.close()
        with connect(f"unix://{path}") as client:
            scan = client.attach().scan("numbers", 1000)
            os.kill(next(scan)["process"][0].as_py(), signal.SIGKILL)
            break_off(scan)
            assert works(client)
        process.terminate()
        assert process.wait(SECONDS) == 0


@pytest.mark.full
def test_it_can_be_stopped_while_it_starts(folder: Path, fifo: Fifo) -> None:
    program = folder / "program.py"
    program.write_text(f"import time\nopen({fifo.path!r}, 'wb').close()\ntime.sleep(600)\n")
    process = subprocess.Popen(
        run_command(program, "--unix", f"{folder}/worker.sock"), stdout=subprocess.PIPE, env=marked(folder)
    )
    with process, all_ended(folder):
        fifo.wait()
        process.terminate()
        assert process.wait(STOP_SECONDS) == 0
        assert process.stdout is not None
        assert process.stdout.read() == b""
        assert processes_of(folder) == []
        assert not (folder / "worker.sock").exists()


@pytest.mark.full
def test_the_process_that_forks_has_no_threads_of_ours(worker: Listening) -> None:
    """A copy of one that has several can wait for ever for a lock that one of the others held."""
    assert works(worker.client())
    others = [t for t in Path(f"/proc/{worker.pid}/task").iterdir() if t.name != str(worker.pid)]
    assert {(task / "comm").read_text().strip() for task in others} <= {"jemalloc_bg_thd"}  # it knows of forks


@pytest.mark.full
def test_too_few_descriptors(folder: Path) -> None:
    """Clients wait or get an error, and when some leave, the others are served."""
    with listening(folder, max_files=24, command=tuned(SPARE_SECONDS=0.3)) as worker:
        crowd = [worker.socket() for _ in range(40)]
        assert eventually(lambda: worker.descriptors() >= 23)
        answers: list[object] = []

        def ask() -> None:
            try:
                answers.append(works(worker.client()))
            except Error as error:
                answers.append(error)

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(1)
        assert worker.is_there()
        for connection in crowd:
            connection.close()
        asking.join(20)
        assert not asking.is_alive()
        assert answers == [True] or isinstance(answers[0], Error)
        assert works(worker.client())
        assert eventually(lambda: len(worker.processes()) == 1)


# Code that cannot be imported


def start_launched(folder: Path, program: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("DUCKWING_TEST_FOLDER", str(folder))
    return "launch:" + " ".join(run_command(program))


BROKEN = {
    "SyntaxError": "def (",
    "ModuleNotFoundError": "import there_is_no_such_module",
    "ZeroDivisionError": "1 / 0",
}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[] if kind == "SyntaxError" else pytest.mark.full) for kind in BROKEN]
)
def test_clients_of_a_launched_worker_are_told_that_it_cannot_start(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    program = folder / "program.py"
    program.write_text(BROKEN[kind])
    location = start_launched(folder, program, monkeypatch)
    with connect(location) as client:
        for call in (client.catalogs, client.attach, lambda: client.attach("demo")):
            with pytest.raises(Error, match=rf"the worker cannot be started: {kind}: .*program\.py, line 1"):
                call()
        [log] = (folder / "vgi-rpc").glob("*.log")
        assert kind in log.read_text()
        assert eventually(lambda: processes_of(folder) == [])
        program.write_text("import duckwing as dw\ndemo = dw.Catalog('demo')\n")
        assert client.catalogs() == ["demo"]
        [supervisor] = [pid for pid in processes_of(folder) if os.getpid() == parent_of(pid)]
        os.kill(supervisor, signal.SIGTERM)
        assert eventually(lambda: processes_of(folder) == [])
    assert {path.suffix for path in (folder / "vgi-rpc").iterdir()} == {".lock", ".log"}


def parent_of(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


@pytest.mark.parametrize("text", [BROKEN["ZeroDivisionError"], "import os; os._exit(3)", "import duckwing"])
def test_a_worker_that_was_started_by_hand_says_why_it_cannot(folder: Path, text: str) -> None:
    program = folder / "program.py"
    program.write_text(text + "\n")
    ended = finished(folder, *run_command(program, "--unix", f"{folder}/worker.sock"))
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "_exit" in text or "program.py" in ended.stderr
    assert not (folder / "worker.sock").exists()
    assert processes_of(folder) == []


@pytest.mark.full
def test_a_file_is_broken_and_mended_while_it_is_served(folder: Path) -> None:
    """Without --reload, too, processes that are started later run the file as it is then."""
    program = folder / "program.py"
    good = "import duckwing as dw\ndemo = dw.Catalog('demo')\n"
    program.write_text(good)
    with listening(folder, "--idle-timeout", "0", command=run_command(program)) as worker, worker.client() as client:
        assert client.catalogs() == ["demo"]
        program.write_text("1 / 0")
        for pid in worker.processes():
            os.kill(pid, signal.SIGKILL)

        def fails() -> bool:
            try:
                return client.catalogs() == []
            except Error as error:
                return "ZeroDivisionError" in str(error)

        assert eventually(fails)
        time.sleep(1.5)  # so long a launched worker would wait for others to tell it to
        assert worker.is_there()
        program.write_text(good)
        assert eventually(lambda: not fails())
        assert client.catalogs() == ["demo"]


@pytest.mark.full
def test_processes_that_die_while_they_start(folder: Path) -> None:
    """Clients get an error soon, and the machine is not kept busy with starting others."""
    program = folder / "program.py"
    program.write_text(f"""
import os
import duckwing as dw
demo = dw.Catalog("demo")
if os.path.exists({str(folder / "broken")!r}):
    with open({str(folder / "broken")!r}, "a") as file:
        file.write("x")
    os._exit(3)
""")
    with listening(folder, command=run_command(program)) as worker:
        broken = folder / "broken"
        broken.touch()
        [first] = worker.processes()
        os.kill(first, signal.SIGKILL)
        for _ in range(3):
            with pytest.raises(Error):
                worker.client().catalogs()
        time.sleep(1)
        starts = broken.stat().st_size
        assert starts < 30
        broken.unlink()
        assert worker.client().catalogs() == ["demo"]


# Reloading, and the log


@pytest.mark.parametrize(
    "command", [STARTS["forked"], pytest.param(STARTS["spawned"], marks=pytest.mark.full)], ids=list(STARTS)
)
def test_changed_source_is_loaded(folder: Path, command: list[str]) -> None:
    (folder / "source").mkdir()
    program, helper = folder / "source" / "program.py", folder / "source" / "helper.py"
    program.write_text("""
import duckwing as dw
from duckwing.types import BIGINT
from helper import VERSION
demo = dw.Catalog("demo")

@demo.table_function(columns={"version": BIGINT})
def versions(count: int):
    for _ in range(count):
        yield {"version": [VERSION]}

if __name__ == "__main__":
    dw.Worker(demo).run()
""")
    helper.write_text("VERSION = 1\n")
    start = [word if word != str(WORKER) else str(program) for word in command]
    with listening(folder, "--reload", "--processes", "2", command=start) as worker, worker.client() as client:

        def version() -> int:
            found = {v for batch in client.attach().scan("versions", 2) for v in batch["version"].to_pylist()}
            [number] = found
            assert isinstance(number, int)
            return number

        def becomes(number: int) -> Callable[[], bool]:
            def is_now() -> bool:
                with contextlib.suppress(Error):  # of a process that goes at the next look
                    return version() == number
                return False

            return is_now

        running = client.attach().scan("versions", 100)
        assert next(running)["version"].to_pylist() == [1]
        helper.write_text("VERSION = 22\n")
        assert eventually(lambda: "the source has changed" in worker.stderr())
        assert eventually(becomes(22))
        assert {version() for _ in range(10)} == {22}
        assert [v for batch in running for v in batch["version"].to_pylist()] == [1] * 99
        helper.write_text("VERSION = 333 /\n")

        def fails() -> bool:
            try:
                return version() == 0
            except Error as error:
                return reason in str(error)

        reason = "the worker cannot be started: SyntaxError" if "-m" in command else "die as soon as they are started"
        assert eventually(fails)
        helper.write_text("VERSION = 4444\n")
        assert eventually(lambda: not fails())
        assert eventually(becomes(4444))
        assert worker.is_there()


def test_the_log_of_a_launched_worker(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    location = start_launched(folder, WORKER, monkeypatch)
    with connect(location, idle_timeout=0.5) as client:
        demo = client.attach()
        demo.scalar("loud", pa.array([1]))
        [log] = (folder / "vgi-rpc").glob("*.log")
        [about] = (folder / "vgi-rpc").glob("*.meta")
        assert log.stem == about.stem
        assert (log.stat().st_mode & 0o777, about.stat().st_mode & 0o777) == (0o600, 0o600)
        text = log.read_text()
        assert "written by a program" in text
        assert str(log) in about.read_text()
        demo.scalar("complaining", pa.array([11]))
        assert eventually(lambda: works(client) and log.stat().st_size < 1 << 20)
        assert log.with_suffix(".log.1").stat().st_size > 11 << 20
    assert eventually(lambda: processes_of(folder) == [])
    assert {path.suffix for path in (folder / "vgi-rpc").iterdir()} == {".lock", ".log", ".1"}
