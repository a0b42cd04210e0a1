"""Starting workers whose end is what a test is about."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from duckwing.client import AttachedCatalog, WorkerConnection
from duckwing.client.process import WorkerProcess
from duckwing.errors import Error
from duckwing.protocol import VGI
from duckwing.rpc.client import Client
from duckwing.rpc.framing import EMPTY_SCHEMA, Batch, batch_message, empty_batch
from duckwing.rpc.keys import CANCEL

SECONDS = 10.0
"""How long a worker may take to do what should take it a tenth of that."""

TICK = batch_message(Batch(empty_batch(EMPTY_SCHEMA)))
CANCEL_BATCH = batch_message(Batch(empty_batch(EMPTY_SCHEMA), {CANCEL: b"1"}))


def run_command(path: Path, *arguments: str) -> list[str]:
    """``duckwing run path arguments…`` for this Python."""
    return [sys.executable, "-m", "duckwing.cli", "run", str(path), *arguments]


class Launched(WorkerProcess):
    """A worker whose pipes can be closed one by one, and whose end can be waited for."""

    def wait(self, seconds: float = SECONDS) -> int:
        """The exit status; negative is the signal that killed it.

        Raises:
            subprocess.TimeoutExpired: it lives on.
        """
        return self._process.wait(seconds)

    def end_input(self) -> None:
        """Close its standard input; what is written from now on is lost."""
        assert self._process.stdin is not None
        _close(self._process.stdin.fileno())

    def stop_reading(self) -> None:
        """Close its standard output."""
        assert self._process.stdout is not None
        _close(self._process.stdout.fileno())

    def first_byte(self) -> bytes:
        """The next byte of its output; waits for it."""
        return self.stream.read(1)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def until_asleep(self) -> None:
        """Returns when the worker waits for something; after an answer, that is the next request."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            state = subprocess.run(["ps", "-o", "stat=", "-p", str(self.pid)], capture_output=True, text=True)
            if state.stdout.startswith("S"):
                return
        raise AssertionError("the worker does not come to rest")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """A worker that waits finds all at once what happens in this block."""
        self.until_asleep()
        self.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOWAIT)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)


@contextmanager
def launch(command: Sequence[str]) -> Iterator[Launched]:
    """Start a worker; it does not outlive the block."""
    process = Launched(command)
    try:
        yield process
    finally:
        process.close()


class _Only:
    """A source of one connection, which stays whatever happens."""

    def __init__(self, process: Launched):
        self._connection = Client(process.stream, VGI)

    def take(self) -> Client:
        return self._connection

    def give_back(self, connection: Client) -> None:
        pass

    def close(self) -> None:
        pass


def attach(process: Launched, catalog: str = "") -> AttachedCatalog:
    return WorkerConnection(_Only(process)).attach(catalog)


def _close(descriptor: int) -> None:
    """Close an end of a pipe; its number stays taken, as the client still has it."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, descriptor, inheritable=False)
    os.close(nothing)


def break_off(scan: Iterator[object]) -> None:
    """Take note that the worker is gone; a scan that is just dropped would still try to cancel itself."""
    try:
        for _ in scan:
            pass
    except Error:
        return
    raise AssertionError("the scan ended as if it were complete")


@contextmanager
def in_background(call: Callable[[], object]) -> Iterator[None]:
    """Make a call that the end of the worker breaks off."""

    def run() -> None:
        with_error.append(_error_of(call))

    with_error: list[Error | None] = []
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield
    thread.join(SECONDS)
    assert not thread.is_alive(), "the client still waits for the worker"
    assert with_error != [None], "the call succeeded although the worker was ended in the middle of it"


def _error_of(call: Callable[[], object]) -> Error | None:
    try:
        call()
    except Error as error:
        return error
    return None


class Fifo:
    """Where a worker says that it has come to a point, and the test waits for it to say so."""

    def __init__(self, path: Path):
        self.path = str(path)
        os.mkfifo(path)

    def wait(self) -> None:
        """Returns when the worker has opened and closed the file."""
        opened = threading.Event()

        def read() -> None:
            with open(self.path, "rb") as file:
                file.read()
            opened.set()

        threading.Thread(target=read, daemon=True).start()
        assert opened.wait(SECONDS), "the worker did not come to this point"
