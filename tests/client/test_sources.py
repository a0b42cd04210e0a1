"""Where connections come from: processes and sockets, and how they end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from duckwing.client import ConnectError, WorkerConnection, connect
from duckwing.errors import Error
from duckwing.rpc.client import Client
from duckwing.rpc.errors import ConnectionClosed, MalformedMessage, RemoteError
from duckwing.transports.sockets import MAX_PATH_BYTES, connect_tcp, connect_unix

SECONDS = 20.0

WORKER = """
import os
import sys
import time

import duckwing as dw
from duckwing.types import BIGINT

demo = dw.Catalog("demo")


@demo.scalar(stability="volatile")
def pid(n: int) -> int:
    return os.getpid()


@demo.scalar
def fails(n: int) -> int:
    raise ValueError("no")


@demo.scalar
def dies(status: int) -> int:
    print("last words", file=sys.stderr, flush=True)
    os._exit(status)


@demo.table_function(columns={"n": BIGINT})
def numbers(count: int):
    for n in range(count):
        yield {"n": [n]}


if __name__ == "__main__":
    dw.Worker(demo).run()
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("worker") / "worker.py"
    path.write_text(WORKER)
    return path


@pytest.fixture
def worker(file: Path) -> Iterator[WorkerConnection]:
    with connect([sys.executable, str(file)]) as worker:
        yield worker


# Processes


def test_one_process_for_calls_that_follow_each_other(worker: WorkerConnection) -> None:
    demo = worker.attach("demo")
    for _ in range(3):
        demo.scalar("pid", [1])
        with pytest.raises(RemoteError):
            demo.scalar("fails", [1])
        with demo.scan("numbers", 1_000_000) as scan:
            next(scan)
    assert len(worker.processes) == 1


def test_as_many_processes_as_calls_at_a_time(worker: WorkerConnection) -> None:
    demo = worker.attach("demo")
    scans = [demo.scan("numbers", 10) for _ in range(3)]
    for scan in scans:
        next(scan)
    assert len(worker.processes) == 3
    assert demo.scalar("pid", [1])[0].as_py() == worker.processes[-1].pid
    assert [scan.read_all().num_rows for scan in scans] == [9, 9, 9]
    with ThreadPoolExecutor(4) as pool:
        pids = set(pool.map(lambda _: demo.scalar("pid", [1])[0].as_py(), range(20)))
    assert pids <= {process.pid for process in worker.processes}
    assert len(worker.processes) == 4


@pytest.mark.parametrize(("status", "told"), [(0, "status 0"), (7, "status 7")])
def test_a_death_is_told_and_the_next_call_served(worker: WorkerConnection, status: int, told: str) -> None:
    demo = worker.attach("demo")
    with pytest.raises(ConnectionClosed, match=rf"\(it exited with {told}\)\nworker stderr:\nlast words"):
        demo.scalar("dies", [status])
    assert demo.scalar("pid", [1])[0].as_py() == worker.processes[0].pid


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_idle_process_that_has_gone_is_replaced(worker: WorkerConnection) -> None:
    demo = worker.attach("demo")
    [first] = worker.processes
    os.kill(first.pid, signal.SIGKILL)
    first._process.wait()
    assert demo.scalar("pid", [1])[0].as_py() != first.pid
    scan = demo.scan("numbers", 10)
    next(scan)
    os.kill(worker.processes[0].pid, signal.SIGKILL)
    with pytest.raises(ConnectionClosed, match=r"signal 9 ended it"):
        scan.read_all()


@pytest.mark.parametrize(
    ("command", "error", "message"),
    [
        ("no-such-command", ConnectionClosed, "the command was not found; expected one such as: exec duckwing run"),
        ("exit 5", ConnectionClosed, "status 5"),
        ("echo oh dear >&2; exit 5", ConnectionClosed, "worker stderr:\noh dear"),
        ("echo hello to you, dear client; exec head -c 100 > /dev/null", MalformedMessage, "status 0"),
        (["/no/such/file"], ConnectError, "the worker cannot be started: .*No such file"),
    ],
)
def test_what_is_no_worker(command: str | list[str], error: type[Error], message: str) -> None:
    with connect(command) as worker, pytest.raises(error, match=message):
        worker.catalogs()
    assert worker.processes == []


def test_nothing_is_called_after_the_end(file: Path) -> None:
    worker = connect([sys.executable, str(file)])
    demo = worker.attach("demo")
    scan = demo.scan("numbers", 10)
    next(scan)
    worker.close()
    with pytest.raises(ConnectionClosed):
        next(scan)
    with pytest.raises(Error, match="was closed; connect again"):
        demo.scalar("pid", [1])


def test_an_interrupt_gives_the_process_up(worker: WorkerConnection) -> None:
    """Nobody waits for the answer of a call that Ctrl-C has ended, and the next call does not read it."""
    demo = worker.attach("demo")
    [first] = worker.processes

    def interrupted() -> None:
        with demo.session.rpc.connection() as connection:
            assert isinstance(connection, Client)
            connection.idle = False  # in the middle of a call
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert first.status is not None
    assert demo.scalar("pid", [1])[0].as_py() != first.pid


# Sockets


@pytest.fixture(scope="module", params=["unix", "tcp"])
def listening(request: pytest.FixtureRequest, file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The location of a worker that listens."""
    path = tmp_path_factory.mktemp("s") / "w.sock"
    flags = ["--unix", str(path)] if request.param == "unix" else ["--tcp", "0"]
    process = subprocess.Popen([sys.executable, str(file), *flags], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        ready = process.stdout.readline().strip()
    yield f"unix://{path}" if request.param == "unix" else f"tcp://{ready.removeprefix('TCP:')}"
    process.terminate()
    process.wait(SECONDS)


def test_a_worker_that_listens(listening: str) -> None:
    with connect(listening) as worker:
        assert worker.catalogs() == ["demo"]
        demo = worker.attach()
        assert demo.scan("numbers", 100).read_all()["n"].to_pylist() == list(range(100))
        with pytest.raises(RemoteError, match="no"):
            demo.scalar("fails", [1])
        scans = [demo.scan("numbers", 10) for _ in range(3)]
        for scan in scans:
            next(scan)
        assert len(demo.scalar("pid", [1, 2])) == 2
        assert [scan.read_all().num_rows for scan in scans] == [9, 9, 9]
        with demo.scan("numbers", 1_000_000) as scan:
            next(scan)
        assert worker.processes == ()
    with pytest.raises(Error, match="was closed"):
        demo.scalar("pid", [1])


def test_large_batches_go_through(listening: str) -> None:
    with connect(listening) as worker:
        demo = worker.attach()
        wide = pa.array(range(300_000), pa.int64())
        assert len(demo.scalar("pid", wide)) == 300_000


def test_nobody_listens(tmp_path: Path) -> None:
    missing = tmp_path / "missing.sock"
    with pytest.raises(ConnectError, match=r"cannot connect to unix://.*missing\.sock: No such file"):
        connect(f"unix://{missing}").catalogs()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConnectError, match=f"cannot connect to tcp://127.0.0.1:{port}: Connection refused"):
        connect(f"tcp://127.0.0.1:{port}").catalogs()
    with pytest.raises(ConnectError, match=f"must have 1 to {MAX_PATH_BYTES} bytes, this one has 300"):
        connect_unix("x" * 300)


def test_a_full_queue_is_waited_for(tmp_path: Path) -> None:
    path = str(tmp_path / "full")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener, contextlib.ExitStack() as stack:
        listener.bind(path)
        listener.listen(0)
        stack.enter_context(contextlib.closing(connect_unix(path)))

        def fill() -> None:
            for _ in range(3):
                stack.enter_context(contextlib.closing(connect_unix(path, timeout=0.1)))

        with pytest.raises(ConnectError, match=r"timed out after 0\.1 s: the worker's queue stayed full"):
            fill()
        connected = threading.Event()

        def wait() -> None:
            stack.enter_context(contextlib.closing(connect_unix(path)))
            connected.set()

        thread = threading.Thread(target=wait)
        thread.start()
        deadline = time.monotonic() + SECONDS
        while not connected.is_set() and time.monotonic() < deadline:
            stack.enter_context(listener.accept()[0])
            connected.wait(0.05)
        thread.join(SECONDS)
        assert connected.is_set()


@pytest.mark.skipif(not socket.has_ipv6, reason="IPv6")
def test_ipv6() -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    with listener, contextlib.closing(connect_tcp("::1", listener.getsockname()[1])) as stream:
        accepted, _ = listener.accept()
        with accepted:
            stream.write([b"ab", b"c"])
            assert accepted.recv(10) == b"abc"
            accepted.sendall(b"xyz")
            assert stream.read(2) == b"xy"


def test_closing_wakes_a_reader() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stream = connect_tcp("127.0.0.1", listener.getsockname()[1])
        accepted, _ = listener.accept()
        with accepted:
            found: list[bytes] = []
            thread = threading.Thread(target=lambda: found.append(stream.read(1)))
            thread.start()
            stream.close()
            thread.join(SECONDS)
            assert found == [b""]
            with pytest.raises(ConnectionClosed):
                stream.write([b"x"])
