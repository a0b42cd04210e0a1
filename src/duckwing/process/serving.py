"""A worker behind a socket: the socket, what is told of it, and the processes that serve it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence

from .launched import without_launcher_flags
from .listening import listen
from .logs import LogFile, is_discarded
from .options import Options, Unix, parse_options
from .reloading import changes_below
from .supervisor import CannotStart, Start, Supervisor


def fork_processes(arguments: Sequence[str], source: str) -> bool:
    """Serve a file that has not been run yet: its processes are forked from this one, and run it.

    Args:
        arguments: the worker's command line, which asks for a socket.
        source: the file.

    Returns:
        False at the end of the worker; True in each of its processes.

    Raises:
        SystemExit: as :func:`serve_socket`.
    """
    from ..service import preload
    from .starting import fork

    options = parse_options(arguments)
    return serve_socket(options, fork, source, prepare=preload)


def serve_socket(options: Options, start: Start, source: str, *, prepare: Callable[[], None] = lambda: None) -> bool:
    """Listen, say so on standard output, and serve until a signal or the idle timeout ends it.

    A worker that was launched has nobody to read its standard error; it writes a log file beside its socket, and
    another one that says what it is.

    Args:
        options: where to listen, and for how long.
        start: how a process is started.
        source: the author's file.
        prepare: called when the worker is ready, to make later processes start faster.

    Returns:
        False at the end; True in each process that ``start`` forks.

    Raises:
        SystemExit: it cannot listen, or its first process could not be started.
    """
    assert options.listen is not None
    _open_standard_descriptors()
    launched = isinstance(options.listen, Unix) and is_discarded(2)
    stem = options.listen.path.removesuffix(".sock") if isinstance(options.listen, Unix) else ""
    log = LogFile(f"{stem}.log") if launched else None
    listener = listen(options.listen, remote=options.remote)
    output = _Output()

    def announce() -> None:
        if log is not None:
            _describe(f"{stem}.meta", listener.path, log.path)
        output.say(listener.ready_line)
        prepare()

    supervisor = Supervisor(
        listener,
        start,
        announce,
        processes=options.processes,
        idle_seconds=options.idle_seconds,
        changed=changes_below(os.path.dirname(os.path.abspath(source))) if options.reload else None,
        tend=log.limit if log is not None else lambda: None,
        tells_failures=launched,
    )
    try:
        forked = supervisor.run()
    except CannotStart:
        raise SystemExit(1) from None
    if forked:
        output.close()
    elif launched and not os.path.lexists(f"{stem}.sock"):  # else it is a successor's
        with contextlib.suppress(OSError):
            os.unlink(f"{stem}.meta")
    return forked


def _open_standard_descriptors() -> None:
    """Have 0, 1 and 2 lead to nothing if the worker was started without them: a socket must not become one of them."""
    while (nothing := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(nothing, True)
    os.close(nothing)


class _Output:
    """Standard output, which is for one line; whatever else is printed goes to standard error."""

    def __init__(self) -> None:
        self._descriptor = os.dup(1)
        os.dup2(2, 1)
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(line_buffering=True)

    def say(self, line: str) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):  # nobody waits for it, or what should keep it is full
                os.write(self._descriptor, f"{line}\n".encode())
        self.close()

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _describe(path: str, where: str | None, log: str) -> None:
    """Say what was launched, as launchers may do it (spec 03, section 6.4), with our process and log added."""
    about = {
        "cmd": without_launcher_flags(sys.orig_argv),
        "cwd": os.getcwd(),
        "socket": where,
        "started_at": time.time(),
        "launcher_pid": os.getppid(),
        "pid": os.getpid(),
        "log": log,
    }
    with contextlib.suppress(OSError):
        descriptor = os.open(f"{path}.new", os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w") as file:
            json.dump(about, file)
        os.replace(f"{path}.new", path)
