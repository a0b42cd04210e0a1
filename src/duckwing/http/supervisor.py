"""The processes behind a port: they all accept from one socket, which stays open while one of them is replaced."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable

from ..process.child import is_child_of
from ..process.signals import STOP_SIGNALS

GRACE_SECONDS = 30.0
"""How long calls may take that are under way when a worker is stopped."""

TICK_SECONDS = 0.5

SHORT_LIFE = 5.0
"""A process that lived for less is not replaced at once."""

TIE_VARIABLE = "_DUCKWING_HTTP"
"""Environment variable that tells a process that it is such a child: its parent, and the descriptors of the socket
and of its tie to the supervisor."""

READY = b"R"

Start = Callable[[socket.socket, socket.socket], int]
"""Starts a process, given the listening socket and its tie. Returns its id, or 0 in that process itself."""


def fork(listening: socket.socket, tie: socket.socket) -> int:
    """A process that goes on from here; it has not run any code of the author's yet."""
    pid = os.fork()
    if pid == 0:
        os.environ[TIE_VARIABLE] = f"{os.getppid()},{listening.detach()},{tie.detach()}"
        if "numpy.random" in sys.modules:  # unlike ``random``, it would draw the same numbers in all of them
            sys.modules["numpy.random"].seed()
    return pid


def start_again(listening: socket.socket, tie: socket.socket) -> int:
    """A process with the command line of this one, whose code has been imported here and may not be forked."""
    for descriptor in (listening.fileno(), tie.fileno()):
        os.set_inheritable(descriptor, True)
    environment = os.environ | {TIE_VARIABLE: f"{os.getpid()},{listening.fileno()},{tie.fileno()}"}
    return os.posix_spawn(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment, setsigmask=[])


def inherited() -> tuple[socket.socket, socket.socket] | None:
    """The listening socket and the tie of a process that a supervisor has started; None in all others.

    Raises:
        SystemExit: with status 1, if the supervisor is not there any more.
    """
    numbers = os.environ.pop(TIE_VARIABLE, None)
    if numbers is None:
        return None
    parent, listening, tie = map(int, numbers.split(","))
    if not is_child_of(parent, tie):
        return None
    for descriptor in (listening, tie):
        os.set_inheritable(descriptor, False)
    return socket.socket(fileno=listening), socket.socket(fileno=tie)


class Supervisor:
    """Keeps processes running until a signal comes.

    Args:
        listening: the socket.
        start: starts a process.
        count: how many there are.
        announce: called once, when the first one serves.
        changed: whether the source has changed since it was last asked; the processes are then replaced.
        ended: told of each process that has ended.
    """

    def __init__(
        self,
        listening: socket.socket,
        start: Start,
        count: int,
        announce: Callable[[], None],
        changed: Callable[[], bool] | None = None,
        ended: Callable[[int], None] = lambda pid: None,
    ):
        self._listening = listening
        self._start = start
        self._count = count
        self._announce = announce
        self._changed = changed
        self._ended = ended
        self._ties: dict[int, socket.socket] = {}
        self._began: dict[int, float] = {}
        self._leaving: set[int] = set()
        self._start_at = 0.0

    def run(self) -> bool:
        """Serve until a signal ends it.

        Returns:
            False at the end; True in each process that ``start`` forks.

        Raises:
            SystemExit: the first process cannot serve; with its status.
        """
        signals = {*STOP_SIGNALS, signal.SIGCHLD, signal.SIGALRM}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        if self._add():
            return self._is_child(before)
        [(pid, first)] = self._ties.items()
        if first.recv(1) != READY:
            raise SystemExit(max(1, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
        self._announce()
        signal.setitimer(signal.ITIMER_REAL, TICK_SECONDS, TICK_SECONDS)
        while True:
            if len(self._ties) - len(self._leaving) < self._count and time.monotonic() >= self._start_at:
                if self._add():
                    return self._is_child(before)
                continue
            received = signal.sigwait(signals)
            if received in STOP_SIGNALS:
                break
            self._reap()
            if self._changed is not None and self._changed():
                print("duckwing: the source has changed: starting again", file=sys.stderr, flush=True)
                self._end_all()
        self._stop(signals)
        return False

    def _is_child(self, mask: set[signal.Signals] | set[int]) -> bool:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for tie in self._ties.values():
            tie.close()
        return True

    def _add(self) -> bool:
        """Start a process; True in that process."""
        ours, theirs = socket.socketpair()
        try:
            pid = self._start(self._listening, theirs)
        except OSError as error:
            print(f"duckwing: cannot start a process: {error.strerror or error}", file=sys.stderr, flush=True)
            self._start_at = time.monotonic() + SHORT_LIFE
            ours.close()
            theirs.close()
            return False
        if pid == 0:
            ours.close()
            return True
        theirs.close()
        self._ties[pid] = ours
        self._began[pid] = time.monotonic()
        return False

    def _reap(self) -> None:
        for pid in list(self._ties):
            found, status = os.waitpid(pid, os.WNOHANG)
            if not found:
                continue
            self._ties.pop(pid).close()
            self._ended(pid)
            lived = time.monotonic() - self._began.pop(pid)
            if pid in self._leaving:
                self._leaving.discard(pid)
                continue
            how = os.waitstatus_to_exitcode(status)
            reason = f"signal {signal.Signals(-how).name}" if how < 0 else f"status {how}"
            print(f"duckwing: process {pid} has ended ({reason}); starting another", file=sys.stderr, flush=True)
            if lived < SHORT_LIFE:
                self._start_at = time.monotonic() + 1.0

    def _end_all(self, number: int = signal.SIGTERM) -> None:
        for pid in self._ties:
            if pid not in self._leaving or number == signal.SIGKILL:
                self._leaving.add(pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def _stop(self, signals: set[signal.Signals]) -> None:
        """Let the processes finish what they do; a second signal does not wait for that."""
        self._listening.close()
        self._end_all()
        deadline = time.monotonic() + GRACE_SECONDS + 2
        while self._ties:
            received = signal.sigwait(signals)
            if received in STOP_SIGNALS or time.monotonic() > deadline:
                self._end_all(signal.SIGKILL)
                deadline = float("inf")
            self._reap()
