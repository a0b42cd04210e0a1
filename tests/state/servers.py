"""The servers that state is kept in, installed by their packages and started here for the tests alone.

``python -m tests.state.servers`` installs them on Debian and its kin, where that may be done.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

NO_SERVER = "no server: "
"""How the reason of a test starts that was skipped for want of a server."""

PACKAGES = ("postgresql", "redis-server")

SECONDS = 60.0


class Server:
    """A server program that runs until :meth:`kill`, and again after :meth:`start`.

    Args:
        command: what to run; it stays in the foreground.
        url: of the server that it runs.
        is_ready: whether it answers.
        user: the id of the user who runs it, None for this one.
        log: the file to which it writes.
    """

    def __init__(
        self, command: Sequence[str], url: str, is_ready: Callable[[], bool], *, user: int | None = None, log: Path
    ):
        self.url = url
        self._command = command
        self._is_ready = is_ready
        self._user = user
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it, until it answers."""
        assert self._process is None
        end = time.monotonic() + SECONDS
        while self._process is None or not self._is_ready():
            # PostgreSQL does not start while a process of the one before it is still about to end.
            if self._process is None or self._process.poll() is not None:
                with self._log.open("ab") as log:
                    self._process = subprocess.Popen(
                        self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=self._user, cwd="/"
                    )
            if time.monotonic() > end:
                pytest.fail(f"{self._command[0]} does not start:\n{self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill it with SIGKILL, and with it all its processes."""
        assert self._process is not None
        killed = self.signal(signal.SIGKILL)
        self._process.wait(SECONDS)
        self._process = None
        end = time.monotonic() + SECONDS
        while any(map(_is_alive, killed)):
            assert time.monotonic() < end
            time.sleep(0.005)

    def signal(self, number: signal.Signals) -> list[int]:
        """Send a signal to it and all its processes; the ids of these."""
        assert self._process is not None
        children = _children(self._process.pid)
        # The parent first, so that it makes no other.
        for process in (self._process.pid, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)
        return children


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
        stat = Path(f"/proc/{process}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"  # without anybody to bury it, it stays


def _children(parent: int) -> list[int]:
    if not Path("/proc/self/stat").exists():
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        return [int(pid) for pid, ppid in map(str.split, listed.splitlines()) if int(ppid) == parent]
    children = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name, in brackets, may have anything in it.
            if int(stat.read_text(errors="replace").rpartition(")")[2].split()[1]) == parent:
                children.append(int(stat.parent.name))
    return children


@contextlib.contextmanager
def postgres() -> Iterator[Server]:
    """A new PostgreSQL server."""
    initdb, program = _program("initdb"), _program("postgres")
    with _folder() as folder:
        # PostgreSQL refuses to run as root.
        user = None
        if os.geteuid() == 0:
            user = _unprivileged()
            os.chown(folder, user, -1)
        data, port = folder / "data", _free_port()
        command = [initdb, "-D", str(data), "-U", "duckwing", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"]
        made = subprocess.run(command, user=user, cwd="/", capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        # Without fsync a killed server keeps what it has written, and only a killed machine does not.
        settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "fsync": "off"}
        command = [
            program,
            "-D",
            str(data),
            *(part for item in settings.items() for part in ("-c", "=".join(map(str, item)))),
        ]
        url = f"postgresql://duckwing@127.0.0.1:{port}/postgres"
        yield from _run(Server(command, url, lambda: _postgres_answers(url), user=user, log=folder / "log"))


@contextlib.contextmanager
def redis(*options: str) -> Iterator[Server]:
    """A new Redis server that writes every change to its disk, or what ``options`` say."""
    program = _program("redis-server")
    with _folder() as folder:
        port = _free_port()
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        command += options or ["--appendonly", "yes", "--appendfsync", "always"]
        url = f"redis://127.0.0.1:{port}/0"
        yield from _run(Server(command, url, lambda: _redis_answers(port), log=folder / "log"))


def _run(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        if server._process is not None:
            server.kill()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    # Short, since it has sockets in it; and other users come to theirs.
    with tempfile.TemporaryDirectory(prefix="dw-", dir="/tmp", ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o711)
        yield Path(name)


def _unprivileged() -> int:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    raise LookupError("this machine has neither the user postgres nor nobody")


def _program(name: str) -> str:
    """The path of a program; without it the test is skipped, or fails where that is asked for (``make check-all``)."""
    found = _find(name)
    if found is not None:
        return found
    reason = f"{NO_SERVER}the program {name} is missing; install the packages {' and '.join(PACKAGES)}"
    if os.environ.get("DUCKWING_REQUIRE_SERVERS"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _find(name: str) -> str | None:
    # Debian keeps those of PostgreSQL off the path.
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    newest = sorted(versions, key=lambda path: float(path.parts[-3]), reverse=True)
    return shutil.which(name) or next(map(str, newest), None)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _postgres_answers(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _redis_answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def install() -> int:
    """Install what is missing. Returns the exit status."""
    if _find("redis-server") and _find("postgres"):
        return 0
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        print(f"install {' and '.join(PACKAGES)}; without them, tests of state for several machines are skipped")
        return 1
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *PACKAGES]):
        subprocess.run(["apt-get", *arguments], env=environment, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(install())
