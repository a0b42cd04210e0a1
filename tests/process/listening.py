"""Starting listening workers, whose supervisor and processes a test looks at."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from duckwing.client import WorkerConnection, connect

from .launch import run_command

SECONDS = 20.0
"""How long may take what should take a tenth of that."""

WORKER = Path(__file__).with_name("served.py")

STARTS = {"forked": run_command(WORKER), "spawned": [sys.executable, str(WORKER)]}
"""Commands of workers whose processes are forked before the file is run, and of one that starts them anew."""


def tuned(**constants: float) -> list[str]:
    """The command of a worker with other constants of the supervisor, so that a test need not wait for them."""
    sets = "".join(f"supervisor.{name} = {value}\n" for name, value in constants.items())
    program = (
        f"import sys\nfrom duckwing.process import supervisor\n{sets}from duckwing.cli import main\nsys.exit(main())"
    )
    return [sys.executable, "-c", program, "run", str(WORKER)]


class Listening:
    """A worker that listens.

    Attributes:
        pid: of the supervisor.
        location: what clients connect to.
        path: of the socket; empty for TCP.
    """

    def __init__(self, process: subprocess.Popen[bytes], line: bytes, errors: Path):
        self.pid = process.pid
        self._process = process
        self._errors = errors
        kind, _, where = line.decode().removesuffix("\n").partition(":")
        assert kind in ("UNIX", "TCP"), (line, self.stderr())
        self.location = f"{kind.lower()}://{where}"
        self.path = where if kind == "UNIX" else ""

    def client(self) -> WorkerConnection:
        return connect(self.location)

    def socket(self) -> socket.socket:
        """A connection on which nothing has been said yet."""
        if self.path:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(SECONDS)
            connection.connect(self.path)
            return connection
        host, _, port = self.location.removeprefix("tcp://").rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), SECONDS)

    def processes(self) -> list[int]:
        """The processes that serve."""
        return children(self.pid)

    def descriptors(self) -> int:
        """How many files the supervisor has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def is_there(self) -> bool:
        return self._process.poll() is None

    def wait(self, seconds: float = SECONDS) -> int:
        """The exit status of the supervisor; negative is the signal that killed it.

        Raises:
            subprocess.TimeoutExpired: it lives on.
        """
        return self._process.wait(seconds)

    def output(self) -> bytes:
        """What it has written after the line; waits for the end of its standard output."""
        assert self._process.stdout is not None
        return self._process.stdout.read()

    def stderr(self) -> str:
        return self._errors.read_text()


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="dw-") as folder:
        yield Path(folder)


@contextmanager
def listening(
    folder: Path,
    *flags: str,
    command: Sequence[str] = STARTS["forked"],
    max_files: int = 0,
) -> Iterator[Listening]:
    """Start a worker in ``folder``, and wait for its line; none of its processes outlives the block.

    Args:
        folder: it is told from others by it.
        flags: of the command line; ``--unix`` with a path in the folder if they say nothing of where, and one
            process if they say nothing of how many.
        command: what starts it.
        max_files: limit of its open files; 0 for that of this process.
    """
    if not any(flag.startswith(("--unix", "--tcp")) for flag in flags):
        flags = ("--unix", f"{folder}/worker.sock", *flags)
    flags = ("--processes", "1", *flags)
    errors = folder / f"errors-{len(os.listdir(folder))}"

    def limit() -> None:
        if max_files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max_files, max_files))

    with errors.open("wb") as stderr, all_ended(folder):
        process = subprocess.Popen(
            [*command, *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=marked(folder),
            cwd=folder,
            preexec_fn=limit,
        )
        assert process.stdout is not None
        with process.stdout:
            try:
                yield Listening(process, process.stdout.readline(), errors)
            finally:
                process.kill()
                process.wait()


def finished(folder: Path, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """A worker that ends by itself."""
    with all_ended(folder):
        return subprocess.run(  # type: ignore[call-overload, no-any-return]
            arguments, env=marked(folder), cwd=folder, capture_output=True, text=True, timeout=SECONDS * 3, **options
        )


def marked(folder: Path) -> dict[str, str]:
    """An environment by which processes are found again."""
    return os.environ | {"DUCKWING_TEST_FOLDER": str(folder)}


def processes_of(folder: Path) -> list[int]:
    """All processes that were started with the environment ``marked(folder)``, and theirs."""
    return [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if _is_marked(pid, folder)]


def _is_marked(pid: int, folder: Path) -> bool:
    try:
        return f"DUCKWING_TEST_FOLDER={folder}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


@contextmanager
def all_ended(folder: Path) -> Iterator[None]:
    """Kill what is left of the processes of ``folder`` after the block."""
    try:
        yield
    finally:
        for pid in processes_of(folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    """The processes that a process has started and that run."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [child for child in map(int, found) if is_running(child)]


def is_running(pid: int) -> bool:
    """Whether a process is there, and no mere entry that waits to be reaped."""
    return state_of(pid) not in ("Z", "X")


def state_of(pid: int) -> str:
    """A letter, as ``ps`` shows it: ``S`` for a process that waits; ``X`` if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "X"
    return stat.rpartition(")")[2].split()[0]


def eventually(condition: Callable[[], bool], seconds: float = SECONDS) -> bool:
    """Whether ``condition`` comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def process_of(client: WorkerConnection) -> int:
    """The process that serves a call made now."""
    [[pid]] = [client.attach().scalar("process", pa.array([0])).to_pylist()]
    assert isinstance(pid, int)
    return pid


def works(client: WorkerConnection) -> bool:
    """Whether a call is answered, and rightly."""
    answer: list[int] = client.attach().scalar("double", pa.array([1, 2, 3])).to_pylist()
    return answer == [2, 4, 6]
