"""What stands between the socket of a worker and its processes (design, section 7).

The supervisor accepts connections, hands each to a process that is free, and keeps a duplicate of it until that
process has done with it. So it can make an error of the connection whose process dies: to DuckDB, the end of a
socket looks like the end of the rows (spec 03, section 11). It runs no code of the author's.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import select
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from ..errors import Error
from ..rpc.server import error_stream
from .child import FAILED, Control, control_pair, spoil
from .listening import Listener
from .progress import ANSWERING, UNTOUCHED
from .reloading import LOOK_SECONDS
from .signals import STOP_SIGNALS

MAX_PROCESSES = 256
"""Of one worker. Further connections wait until one of them is free."""

SPARE_SECONDS = 10.0
"""How long a process waits for another connection if there are more than are to be kept."""

FIRST_CLIENT_SECONDS = 5.0
"""Within which the first client is expected, on top of the idle timeout."""

PATIENCE_SECONDS = 2.0
"""How long a process may go on after its client has left, and then how long its clean-up may take."""

FAILED_SECONDS = 1.0
"""How long a worker whose code cannot be imported waits for further clients to tell it to."""

CROWDED_SECONDS = 0.1
"""How long no client is accepted after there were no descriptors left for one."""

MAX_FAILED_STARTS = 3
"""After so many processes in a row that died before they could take a connection, the waiting ones are given up."""

Start: TypeAlias = Callable[[Control], int]
"""Starts a process that serves the connections which it gets. Returns its id, or 0 in that process itself, which has
then been forked."""


class CannotStart(Exception):
    """The first process died before it could take a connection; it has said why on standard error."""


@dataclass(eq=False)
class _Process:
    """A process of the worker.

    Attributes:
        pid: its id.
        control: to it.
        generation: how often the source had changed when it was started.
        connection: what it serves, as our duplicate; None if nothing.
        ready: it has been able to take a connection.
        since: when it became free, or its client left.
        deserted: its client has left; how often it has been told to stop since then, plus 1.
    """

    pid: int
    control: Control
    generation: int
    connection: socket.socket | None = None
    ready: bool = False
    since: float = field(default_factory=time.monotonic)
    deserted: int = 0


class _Forked(Exception):
    """This is a new process."""


class Supervisor:
    """Serves a socket with as many processes as there are connections at a time.

    Args:
        listener: the socket.
        start: starts a process.
        announce: called once, when clients may connect.
        processes: how many are kept ready.
        idle_seconds: after so long without connections the worker ends; 0 for never.
        changed: whether the source has changed since it was last asked; the processes are then replaced.
        tend: called now and then.
        tells_failures: a worker whose code cannot be imported answers every call with that error; else it ends.
    """

    def __init__(
        self,
        listener: Listener,
        start: Start,
        announce: Callable[[], None],
        *,
        processes: int,
        idle_seconds: float,
        changed: Callable[[], bool] | None = None,
        tend: Callable[[], None] = lambda: None,
        tells_failures: bool = False,
    ):
        self._listener = listener
        self._start = start
        self._announce = announce
        self._kept = processes
        self._idle_seconds = idle_seconds or math.inf
        self._changed = changed
        self._tend = tend
        self._tells_failures = tells_failures or changed is not None
        self._poll = select.poll()
        self._handlers: dict[int, Callable[[], None]] = {}
        self._processes: dict[int, _Process] = {}
        self._free: list[_Process] = []
        self._pending: deque[socket.socket] = deque()
        self._leaving: dict[int, float] = {}
        self._spoiled: set[socket.socket] = set()
        self._generation = 0
        self._announced = False
        self._failed_starts = 0
        self._stopping = False
        self._deadline = math.inf
        self._accept_at = 0.0

    def run(self) -> bool:
        """Serve until a signal or the idle timeout ends it.

        Returns:
            False at the end; True in each process that ``start`` forks.

        Raises:
            CannotStart: no process could be started.
        """
        wakeup, self._wakeup = os.pipe()
        for descriptor in (wakeup, self._wakeup):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
        for number in (*STOP_SIGNALS, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)  # what wakes us up says which it was
        self._watch(wakeup, lambda: self._signalled(wakeup))
        self._watch(self._listener.socket.fileno(), self._accept)
        try:
            self._add_process()
            while not self._stopping:
                self._wait()
                self._look_around()
            self._stop()
        except _Forked:
            signal.set_wakeup_fd(-1)
            for number in (*STOP_SIGNALS, signal.SIGCHLD):
                signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
            self._forget_all((wakeup, self._wakeup))
            return True
        return False

    # Waiting

    def _watch(self, descriptor: int, handler: Callable[[], None], events: int = select.POLLIN) -> None:
        self._handlers[descriptor] = handler
        self._poll.register(descriptor, events)

    def _ignore(self, descriptor: int) -> None:
        if self._handlers.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def _wait(self) -> None:
        seconds = max(0.0, self._next_time() - time.monotonic())
        for descriptor, _ in self._poll.poll(None if seconds == math.inf else math.ceil(seconds * 1000)):
            handler = self._handlers.get(descriptor)  # an earlier one may have closed it
            if handler is not None:
                handler()

    def _next_time(self) -> float:
        """When something has to be done even if nothing happens."""
        times = [self._deadline, *self._leaving.values()]
        if self._accept_at:
            times.append(self._accept_at)
        if self._changed is not None:
            times.append(time.monotonic() + LOOK_SECONDS)
        times += [p.since + PATIENCE_SECONDS for p in self._processes.values() if p.deserted]
        if len(self._processes) > self._kept:
            times += [p.since + SPARE_SECONDS for p in self._free]
        return min(times)

    def _look_around(self) -> None:
        """Whatever is due."""
        now = time.monotonic()
        if self._accept_at and now >= self._accept_at:
            self._accept_at = 0.0
            self._watch(self._listener.socket.fileno(), self._accept)
        if self._changed is not None and self._changed():
            self._say("the source has changed: starting again")
            self._generation += 1
            for process in [p for p in self._free if p.generation < self._generation]:
                self._retire(process)
        for process in list(self._processes.values()):
            if process.deserted and now >= process.since + PATIENCE_SECONDS:
                self._press(process)
        for process in list(self._free):
            if len(self._processes) > self._kept and now >= process.since + SPARE_SECONDS:
                self._retire(process)
        for pid, deadline in self._leaving.items():
            if now >= deadline:
                _kill(pid, signal.SIGKILL)
                self._leaving[pid] = now + PATIENCE_SECONDS
        self._reap()
        self._tend()
        self._serve_pending()
        if self._announced:
            self._look_at_the_clock(now)

    # Connections

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listener.accept()
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    raise
                self._say(f"cannot accept a connection: {error.strerror}")
                self._ignore(self._listener.socket.fileno())
                self._accept_at = time.monotonic() + CROWDED_SECONDS
                return
            if connection is None:
                return
            self._pending.append(connection)

    def _serve_pending(self) -> None:
        while self._pending and self._free:
            self._hand_over(self._pending.popleft(), self._free.pop())
        starting = sum(not process.ready for process in self._processes.values())
        wanted = len(self._pending) if self._pending else (self._kept - len(self._processes)) * self._announced
        room = min(2 * self._kept, MAX_PROCESSES - len(self._processes) + starting)
        for _ in range(min(wanted, room) - starting):
            self._add_process()

    def _hand_over(self, connection: socket.socket, process: _Process) -> None:
        process.control.progress.state = UNTOUCHED
        try:
            socket.send_fds(process.control.socket, [b"C"], [connection.fileno()])
        except OSError:
            self._pending.appendleft(connection)  # the process has died, of which we shall hear
            return
        process.connection = connection
        # Nothing is to be read here; that the client has left is told all the same.
        self._watch(connection.fileno(), lambda: self._client_left(process), 0)

    def _client_left(self, process: _Process) -> None:
        assert process.connection is not None
        self._ignore(process.connection.fileno())
        process.deserted, process.since = 1, time.monotonic()

    def _press(self, process: _Process) -> None:
        """A process that works for nobody is to stop."""
        _kill(process.pid, signal.SIGTERM if process.deserted == 1 else signal.SIGKILL)
        process.deserted, process.since = process.deserted + 1, time.monotonic()

    def _release(self, process: _Process) -> None:
        connection, process.connection, process.deserted = process.connection, None, 0
        if connection is not None:
            self._ignore(connection.fileno())
            connection.close()

    def _spoil(self, connection: socket.socket, data: bytes = b"") -> None:
        """Tell a client that its answer is none, as soon as it reads."""

        def spoil_and_close() -> None:
            if spoil(connection.fileno(), data):
                self._ignore(connection.fileno())
                self._spoiled.discard(connection)
                connection.close()

        self._spoiled.add(connection)
        self._watch(connection.fileno(), spoil_and_close, select.POLLOUT)
        spoil_and_close()

    def _refuse_pending(self, reason: str) -> None:
        while self._pending:
            self._spoil(self._pending.popleft(), error_stream(Error(reason)))

    # Processes

    def _add_process(self) -> None:
        ours, theirs = control_pair()
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            pid = self._start(theirs)
        except OSError as error:
            self._say(f"cannot start a process: {error.strerror or error}")
            ours.close()
            theirs.close()
            self._start_failed()
            return
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        if pid == 0:
            ours.close()
            raise _Forked
        theirs.close()
        process = self._processes[pid] = _Process(pid, ours, self._generation)
        self._watch(ours.socket.fileno(), lambda: self._heard(process))

    def _heard(self, process: _Process) -> None:
        """A process can take a connection, or has died."""
        try:
            said = process.control.socket.recv(16)
        except OSError:
            said = b""
        if not said:
            _kill(process.pid, signal.SIGKILL)  # it may only have closed the socket; that is no use either
            self._died(process, os.waitpid(process.pid, 0)[1])
            return
        self._release(process)
        process.ready, process.since = True, time.monotonic()
        self._failed_starts = 0
        if FAILED in said:
            if not self._tells_failures and not self._announced:
                self._start_failed()
            if self._changed is None:
                self._idle_seconds = FAILED_SECONDS
        if not self._announced:
            self._announced = True
            self._announce()
            self._deadline = time.monotonic() + FIRST_CLIENT_SECONDS + self._idle_seconds
        if process.generation < self._generation:
            self._retire(process)
        else:
            self._free.append(process)

    def _died(self, process: _Process, status: int) -> None:
        progress = process.control.progress.state
        self._forget(process)
        connection = process.connection
        if connection is None:
            if not process.ready:
                self._start_failed()
            return
        self._ignore(connection.fileno())
        if progress == UNTOUCHED and not self._stopping:
            self._pending.appendleft(connection)
            return
        reason = f"a worker process died in the middle of this call ({_ending(status)}); run the query again"
        self._say(f"process {process.pid}: {reason}")
        self._spoil(connection, b"" if progress == ANSWERING else error_stream(Error(reason)))

    def _forget(self, process: _Process) -> None:
        del self._processes[process.pid]
        if process in self._free:
            self._free.remove(process)
        self._ignore(process.control.socket.fileno())
        process.control.close()

    def _start_failed(self) -> None:
        self._failed_starts += 1
        if not self._announced:
            self._listener.withdraw()
            raise CannotStart
        if self._failed_starts >= MAX_FAILED_STARTS:
            self._failed_starts = 0
            self._refuse_pending("the worker's processes die as soon as they are started; its log may say why")

    def _retire(self, process: _Process) -> None:
        """Let a process end that serves nobody."""
        self._forget(process)
        self._leaving[process.pid] = time.monotonic() + PATIENCE_SECONDS

    def _reap(self) -> None:
        for pid in list(self._leaving):
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(pid, os.WNOHANG)[0] == 0:
                    continue
            del self._leaving[pid]

    # The end

    def _signalled(self, wakeup: int) -> None:
        numbers = os.read(wakeup, 4096)
        if any(number in numbers for number in STOP_SIGNALS):
            self._stopping = True
        if signal.SIGCHLD in numbers:
            # A process that user code has forked can hold the control socket of a dead one open.
            for process in list(self._processes.values()):
                pid, status = os.waitpid(process.pid, os.WNOHANG)
                if pid:
                    self._died(process, status)

    def _look_at_the_clock(self, now: float) -> None:
        if self._pending or any(p.connection is not None for p in self._processes.values()):
            self._deadline = math.inf
        elif self._deadline == math.inf:
            self._deadline = now + self._idle_seconds
        elif now >= self._deadline:
            # From here on clients find no socket, and launch another worker. Who has found it is served.
            self._listener.withdraw()
            with contextlib.suppress(ValueError):
                select.select([self._listener.socket], [], [], 0.02)
            self._accept()
            if not self._pending:
                self._stopping = True

    def _stop(self) -> None:
        self._listener.withdraw()
        self._ignore(self._listener.socket.fileno())
        self._listener.close()
        for process in list(self._processes.values()):
            if process.connection is None:
                self._retire(process)
            else:
                _kill(process.pid, signal.SIGTERM)
        deadline = self._deadline = time.monotonic() + PATIENCE_SECONDS * 0.9
        self._refuse_pending("the worker is being stopped")
        while (self._processes or self._leaving) and time.monotonic() < deadline:
            self._wait()
            self._reap()
            for process in [p for p in self._processes.values() if p.connection is None]:
                self._retire(process)
        for pid in [*self._processes, *self._leaving]:
            _kill(pid, signal.SIGKILL)
        for process in list(self._processes.values()):
            self._died(process, os.waitpid(process.pid, 0)[1])

    def _forget_all(self, others: tuple[int, ...]) -> None:
        """In a forked process: nothing of this is its own."""
        self._listener.close()
        for process in self._processes.values():
            process.control.close()
            if process.connection is not None:
                process.connection.close()
        for connection in (*self._pending, *self._spoiled):
            connection.close()
        for descriptor in others:
            os.close(descriptor)

    def _say(self, message: str) -> None:
        print(f"duckwing: {message}", file=sys.stderr, flush=True)


def _ending(status: int) -> str:
    """How a process ended, by its wait status."""
    code = os.waitstatus_to_exitcode(status)
    return f"killed by signal {-code}" if code < 0 else f"exit status {code}"


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
