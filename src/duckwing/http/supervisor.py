"""The processes behind a port: they all accept from one socket, which stays open while one of them is replaced."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence

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
        signals = _Signals()
        if self._add(signals):
            return True
        [(pid, first)] = self._ties.items()
        stopped = False
        while not stopped and not select.select([first], [], [], 0)[0]:
            stopped = signals.wait(None, first)
        if not stopped:
            if first.recv(1) != READY:
                raise SystemExit(max(1, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
            self._announce()
        while not stopped:
            if len(self._ties) - len(self._leaving) < self._count and time.monotonic() >= self._start_at:
                if self._add(signals):
                    return True
                continue
            stopped = signals.wait(TICK_SECONDS)
            self._reap()
            if not stopped and self._changed is not None and self._changed():
                print("duckwing: the source has changed: starting again", file=sys.stderr, flush=True)
                self._end_all()
        self._stop(signals)
        return False

    def _add(self, signals: _Signals) -> bool:
        """Start a process; True in that process."""
        ours, theirs = socket.socketpair()
        try:
            with signals.held():
                pid = self._start(self._listening, theirs)
                if pid == 0:
                    signals.forget()
        except OSError as error:
            print(f"duckwing: cannot start a process: {error.strerror or error}", file=sys.stderr, flush=True)
            self._start_at = time.monotonic() + SHORT_LIFE
            ours.close()
            theirs.close()
            return False
        if pid == 0:
            ours.close()
            for tie in self._ties.values():
                tie.close()
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

    def _stop(self, signals: _Signals) -> None:
        """Let the processes finish what they do; a second signal does not wait for that."""
        self._listening.close()
        self._end_all()
        deadline = time.monotonic() + GRACE_SECONDS + 2
        while self._ties:
            if signals.wait(TICK_SECONDS) or time.monotonic() > deadline:
                self._end_all(signal.SIGKILL)
                deadline = float("inf")
            self._reap()


class _Signals:
    """The signals of this process, which wake it up.

    They are handled and not blocked: a library may have started threads, and one that does not block
    a signal would get it, and the process its default action.
    """

    def __init__(self) -> None:
        self._read_fd, self._write_fd = os.pipe()
        for descriptor in (self._read_fd, self._write_fd):
            os.set_blocking(descriptor, False)
        self._before = {number: signal.signal(number, _wake_up) for number in _handled()}
        self._wakeup_before = signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)

    def wait(self, seconds: float | None, *others: socket.socket) -> bool:
        """Wait for a signal, or for ``others`` to become readable; whether a signal asks this process to end.

        Args:
            seconds: at most so long; None: for ever.
            others: what else may happen.
        """
        descriptors = [self._read_fd, *(other.fileno() for other in others)]
        ready, _, _ = select.select(descriptors, [], [], seconds)
        received = os.read(self._read_fd, 4096) if self._read_fd in ready else b""
        return any(number in received for number in STOP_SIGNALS)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """A signal to a process that is just being forked would arrive here: let it wait."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _handled())
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def forget(self) -> None:
        """In a forked process: have nothing to do with its parent's signals."""
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._read_fd)
        os.close(self._write_fd)


def _handled() -> Sequence[signal.Signals]:
    return (*STOP_SIGNALS, signal.SIGCHLD)


def _wake_up(number: int, frame: object) -> None:
    """The handler of signals that :class:`_Signals` waits for: that there is one is enough."""
