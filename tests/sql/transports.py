"""Over what the workers of the SQL tests are reached.

DUCKWING_TRANSPORT is stdio, launch, unix, tcp, http, fleet or machines. A fleet is four processes behind a proxy that
opens a connection for each request, so that any of them may get it; machines are three such processes that have no
files in common, but a Redis server, or the one that DUCKWING_STATE_URL names.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import itertools
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence

import pytest

TRANSPORT = os.environ.get("DUCKWING_TRANSPORT", "stdio")

DIED = "a worker process died ("
"""What is said of a call whose process has died, over all transports but stdio, where the client tries again."""

TRIED_AGAIN = TRANSPORT in ("stdio", "http", "fleet", "machines")
"""The client repeats a call whose process has died, and is told what may have been done."""

HTTP = TRANSPORT in ("http", "fleet", "machines")

_other = pytest.mark.skipif(TRANSPORT != "stdio", reason="about the standard streams of a worker")


def stdio_only(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test over standard streams alone; ``make test`` runs it there, too."""
    marked: Callable[..., None] = pytest.mark.stdio(_other(test))
    return marked


MACHINES = 3
KEY = "11" * 32

IDLE_SECONDS = 20
"""After so long a worker ends that a killed run of the tests has left."""


def place(command: Sequence[str], assignments: str, transport: str = TRANSPORT) -> str:
    """The LOCATION of a worker.

    Args:
        command: the words that start it.
        assignments: variables for it, as a shell takes them, such as ``A=1 B='x y'``.
        transport: over which it is reached.
    """
    match transport:
        case "stdio":
            return " ".join(filter(None, [assignments, "exec", shlex.join(command)]))
        case "launch":
            _own_launcher()
            return f"launch:env VGI_WORKER_IDLE_TIMEOUT={IDLE_SECONDS} {assignments} {shlex.join(command)}"
        case "unix" | "tcp":
            return _served(tuple(command), assignments, transport)
        case "http":
            return f"http://127.0.0.1:{_http(tuple(command), assignments)}"
        case "fleet":
            return f"http://127.0.0.1:{_fleet(tuple(command), assignments)}"
        case "machines":
            return f"http://127.0.0.1:{_machines(tuple(command), assignments)}"
    raise ValueError(f"DUCKWING_TRANSPORT={transport}: expected stdio, launch, unix, tcp, http, fleet or machines")


_numbers = itertools.count()


@functools.cache
def _own_launcher() -> None:
    """Workers that an earlier run has launched may have old code."""
    os.environ["XDG_RUNTIME_DIR"] = _folder()


@functools.cache
def _folder() -> str:
    folder = tempfile.TemporaryDirectory(prefix="dw-")  # a socket's path must be short
    atexit.register(folder.cleanup)
    return folder.name


@functools.cache
def _served(command: tuple[str, ...], assignments: str, transport: str) -> str:
    flags = ["--idle-timeout", "3600"]
    if transport == "tcp":
        flags += ["--tcp", "0"]
    else:
        flags += ["--unix", f"{_folder()}/{next(_numbers)}.sock"]
    kind, where = _started(assignments, [*command, *flags])
    return f"{kind.lower()}://{where}"


@functools.cache
def _http(command: tuple[str, ...], assignments: str) -> str:
    return _started(assignments, [*command, "--http", "--quiet"])[1]


@functools.cache
def _fleet(command: tuple[str, ...], assignments: str) -> str:
    port = _started(assignments, [*command, "--http", "--quiet", "--processes", "4"])[1]
    return _started("", [sys.executable, "-m", "tests.http.proxy", "--fresh", port])[1]


@functools.cache
def _machines(command: tuple[str, ...], assignments: str) -> str:
    ports = []
    for _ in range(MACHINES):
        folder = f"{_folder()}/machine{next(_numbers)}"
        own = {
            "DUCKWING_STATE_URL": _state_url(),
            "DUCKWING_STATE_DIR": f"{folder}/state",
            "DUCKWING_MEMORY_DIR": f"{folder}/memory",
            "VGI_SIGNING_KEY": KEY,
        }
        words = " ".join(f"{name}={value}" for name, value in own.items())
        ports.append(_started(f"{words} {assignments}", [*command, "--http", "--quiet", "--processes", "1"])[1])
    return _started("", [sys.executable, "-m", "tests.http.proxy", "--fresh", *ports])[1]


@functools.cache
def _state_url() -> str:
    given = os.environ.get("DUCKWING_STATE_URL")
    if given:
        return given
    from tests.state.servers import redis

    server = contextlib.ExitStack()
    atexit.register(server.close)
    return server.enter_context(redis()).url


def _started(assignments: str, command: Sequence[str]) -> tuple[str, str]:
    """What a program says of where it listens."""
    line = f"{assignments} exec {shlex.join(command)}"
    process = subprocess.Popen(line, shell=True, stdout=subprocess.PIPE, text=True, preexec_fn=_end_with_parent)
    atexit.register(_end, process)
    assert process.stdout is not None
    said = process.stdout.readline().strip()
    kind, _, where = said.partition(":")
    if kind not in ("UNIX", "TCP", "PORT"):
        raise RuntimeError(f"the worker {command} said {said!r}; expected where it listens")
    return kind, where


def _end_with_parent() -> None:
    """Have the new process end with this one, even if this is killed: nobody else would end it."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        print(f"worker {process.args!r} did not end on SIGTERM", file=sys.stderr)
