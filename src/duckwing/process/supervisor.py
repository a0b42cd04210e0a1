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
from typing import TypeAlias

from ..errors import Error
from ..rpc.server import error_stream
from .child import FAILED, Control, control_pair, spoil
from .listening import Listener
from .members import Line, Process, ending, send_signal
from .polling import Poller, has_left
from .progress import ANSWERING, INSIDE, UNTOUCHED
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
"""How long no client is accepted after there were no descriptors left for one. No process is started for twice as long
after one could not be, and longer if that happens again."""

MAX_FAILED_STARTS = 3
"""After so many processes in a row that died before they could take a connection, the waiting ones are given up."""

Start: TypeAlias = Callable[[Control], int]
"""Starts a process that serves the connections which it gets. Returns its id, or 0 in that process itself, which has
then been forked."""


class CannotStart(Exception):
    """The first process died before it could take a connection; it has said why on standard error."""


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
        self._poller = Poller()
        self._processes: dict[int, Process] = {}
        self._free: list[Line] = []
        self._pending: deque[socket.socket] = deque()
        self._leaving: dict[int, float] = {}
        self._spoiled: set[socket.socket] = set()
        self._generation = 0
        self._announced = False
        self._failed_starts = 0
        self._failing = False
        self._stopping = False
        self._deadline = math.inf
        self._accept_at = 0.0
        self._start_at = 0.0

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
        self._poller.watch(wakeup, lambda: self._signalled(wakeup))
        self._poller.watch(self._listener.socket.fileno(), self._accept)
        try:
            self._add_process()
            while not self._stopping:
                self._poller.wait(self._next_time())
                self._look_around()
            self._stop()
        except _Forked:
            signal.set_wakeup_fd(-1)
            for number in (*STOP_SIGNALS, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)  # until it serves it may die without a word
            self._forget_all((wakeup, self._wakeup))
            return True
        return False

    # What is due

    def _next_time(self) -> float:
        """When something has to be done even if nothing happens."""
        times = [self._deadline, *self._leaving.values(), *filter(None, (self._accept_at, self._start_at))]
        if self._changed is not None:
            times.append(time.monotonic() + LOOK_SECONDS)
        times += [line.since + PATIENCE_SECONDS for line in self._lines() if line.deserted]
        if len(self._processes) > self._kept:
            times += [line.since + SPARE_SECONDS for line in self._free if line.process.is_idle]
        return min(times)

    def _look_around(self) -> None:
        """Whatever is due."""
        now = time.monotonic()
        if self._accept_at and now >= self._accept_at:
            self._accept_at = 0.0
            self._poller.watch(self._listener.socket.fileno(), self._accept)
        if now >= self._start_at:
            self._start_at = 0.0
        if self._changed is not None and self._changed():
            self._say("the source has changed: starting again")
            self._generation += 1
            self._failed_starts, self._start_at = 0, 0.0
            for process in list(self._processes.values()):
                if process.ready and process.is_idle and process.generation < self._generation:
                    self._retire(process)
        for line in self._lines():
            if line.deserted and now >= line.since + PATIENCE_SECONDS:
                self._press(line)
        for line in list(self._free):
            spare = line in self._free and line.process.is_idle and len(self._processes) > self._kept
            if spare and now >= line.since + SPARE_SECONDS:
                self._retire(line.process)
        for pid, deadline in self._leaving.items():
            if now >= deadline:
                send_signal(pid, signal.SIGKILL)
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
                self._poller.ignore(self._listener.socket.fileno())
                self._accept_at = time.monotonic() + CROWDED_SECONDS
                return
            if connection is None:
                return
            self._pending.append(connection)

    def _serve_pending(self) -> None:
        while self._pending and self._free:
            self._hand_over(self._pending.popleft(), self._free.pop())
        starting = sum(not process.ready for process in self._processes.values())
        wanted = len(self._pending)
        if not wanted and self._announced and self._failed_starts < MAX_FAILED_STARTS:
            wanted = self._kept - len(self._processes)
        room = min(2 * self._kept, MAX_PROCESSES - len(self._processes) + starting)
        for _ in range(min(wanted, room) - starting):
            if not self._start_at:
                self._add_process()

    def _hand_over(self, connection: socket.socket, line: Line) -> None:
        line.control.progress.state = UNTOUCHED
        try:
            socket.send_fds(line.control.socket, [b"C"], [connection.fileno()])
        except OSError:
            self._pending.appendleft(connection)  # the process has died, of which we shall hear
            return
        line.connection = connection
        # Nothing is to be read here; that the client has left is told all the same.
        self._poller.watch(connection.fileno(), lambda: self._client_left(line), 0)

    def _client_left(self, line: Line) -> None:
        assert line.connection is not None
        self._poller.ignore(line.connection.fileno())
        if len(line.process.lines) == 1:  # a thread cannot be stopped
            line.deserted, line.since = 1, time.monotonic()

    def _press(self, line: Line) -> None:
        """A process that works for nobody is to stop."""
        send_signal(line.process.pid, signal.SIGTERM if line.deserted == 1 else signal.SIGKILL)
        line.deserted, line.since = line.deserted + 1, time.monotonic()

    def _release(self, line: Line) -> None:
        connection, line.connection, line.deserted = line.connection, None, 0
        if connection is not None:
            self._poller.ignore(connection.fileno())
            connection.close()

    def _spoil(self, connection: socket.socket, data: bytes = b"") -> None:
        """Tell a client that its answer is none, as soon as it reads."""

        def spoil_and_close() -> None:
            if spoil(connection.fileno(), data):
                self._poller.ignore(connection.fileno())
                self._spoiled.discard(connection)
                connection.close()

        self._spoiled.add(connection)
        self._poller.watch(connection.fileno(), spoil_and_close, select.POLLOUT)
        spoil_and_close()

    def _refuse_pending(self, reason: str) -> None:
        while self._pending:
            self._spoil(self._pending.popleft(), error_stream(Error(reason)))

    # Processes

    def _add_process(self) -> None:
        try:
            ours, theirs = control_pair()
        except OSError as error:
            self._say(f"cannot start a process: {error.strerror or error}")
            self._start_failed()
            return
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
        process = self._processes[pid] = Process(pid, self._generation)
        self._add_line(process, ours)

    def _add_line(self, process: Process, control: Control) -> None:
        line = Line(process, control)
        process.lines.append(line)
        self._poller.watch(control.socket.fileno(), lambda: self._heard(line))

    def _lines(self) -> list[Line]:
        return [line for process in self._processes.values() for line in process.lines]

    def _heard(self, line: Line) -> None:
        """A process can take a connection, has a further thread, or has died."""
        process = line.process
        try:
            said, descriptors, _, _ = socket.recv_fds(line.control.socket, 16, 2)
        except OSError:
            said, descriptors = b"", []
        if not said:
            send_signal(process.pid, signal.SIGKILL)  # it may only have closed the socket; that is no use either
            self._died(process, os.waitpid(process.pid, 0)[1])
            return
        if descriptors:
            self._add_line(process, Control.of(descriptors))
            return
        told = FAILED in said and line.connection is not None
        self._release(line)
        process.ready, line.since = True, time.monotonic()
        self._failed_starts = 0
        if FAILED in said and not self._tells_failures and not self._announced:
            self._start_failed()
        self._failing = FAILED in said and self._tells_failures and self._changed is None
        if not self._announced:
            self._announced = True
            self._announce()
            self._deadline = time.monotonic() + FIRST_CLIENT_SECONDS + self._idle_limit()
        self._free.append(line)
        if process.generation < self._generation or (told and self._changed is None):  # the file may be mended now
            self._free = [free for free in self._free if free.process is not process]
            if process.is_idle:
                self._retire(process)

    def _died(self, process: Process, status: int) -> None:
        served = [line for line in process.lines if line.connection is not None]
        progress = {line: line.control.progress.state for line in served}
        self._forget(process)
        if not process.ready:
            self._start_failed()
        what = "the worker was stopped" if self._stopping else f"a worker process died ({ending(status)})"
        reason = f"{what} in the middle of this call; what the call was to change may be done or not"
        for line in served:
            connection = line.connection
            assert connection is not None
            self._poller.ignore(connection.fileno())
            if progress[line] == UNTOUCHED and not self._stopping:
                self._pending.appendleft(connection)
            elif line.deserted or has_left(connection):  # we may hear of the death first
                connection.close()
            else:
                self._say(f"process {process.pid}: {reason}")
                if progress[line] == INSIDE:
                    connection.close()
                else:
                    self._spoil(connection, b"" if progress[line] == ANSWERING else error_stream(Error(reason)))

    def _forget(self, process: Process) -> None:
        del self._processes[process.pid]
        self._free = [line for line in self._free if line.process is not process]
        for line in process.lines:
            self._poller.ignore(line.control.socket.fileno())
            line.control.close()

    def _start_failed(self) -> None:
        self._failed_starts += 1
        if not self._announced:
            self._listener.withdraw()
            raise CannotStart
        self._start_at = time.monotonic() + CROWDED_SECONDS * 2 ** min(self._failed_starts, MAX_FAILED_STARTS)
        if self._failed_starts >= MAX_FAILED_STARTS:
            self._refuse_pending("the worker's processes die as soon as they are started; its log may say why")

    def _retire(self, process: Process) -> None:
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

    def _idle_limit(self) -> float:
        if self._listener.is_withdrawn:
            return 0.0  # there was a last client, and nobody can come after it
        return FAILED_SECONDS if self._failing else self._idle_seconds

    def _look_at_the_clock(self, now: float) -> None:
        if self._pending or self._spoiled or not all(p.is_idle for p in self._processes.values()):
            self._deadline = math.inf
        elif self._deadline == math.inf:
            self._deadline = now + self._idle_limit()
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
        self._poller.ignore(self._listener.socket.fileno())
        self._listener.close()
        for process in list(self._processes.values()):
            if process.is_idle:
                self._retire(process)
            else:
                send_signal(process.pid, signal.SIGTERM)
        deadline = self._deadline = time.monotonic() + PATIENCE_SECONDS * 0.9
        self._refuse_pending("the worker is being stopped")
        while (self._processes or self._leaving or self._spoiled) and time.monotonic() < deadline:
            self._poller.wait(self._next_time())
            self._reap()
            for process in [p for p in self._processes.values() if p.is_idle]:
                self._retire(process)
        for pid in [*self._processes, *self._leaving]:
            send_signal(pid, signal.SIGKILL)
        for process in list(self._processes.values()):
            self._died(process, os.waitpid(process.pid, 0)[1])

    def _forget_all(self, others: tuple[int, ...]) -> None:
        """In a forked process: nothing of this is its own."""
        self._listener.close()
        for line in self._lines():
            line.control.close()
            if line.connection is not None:
                line.connection.close()
        for connection in (*self._pending, *self._spoiled):
            connection.close()
        for descriptor in others:
            os.close(descriptor)

    def _say(self, message: str) -> None:
        with contextlib.suppress(OSError):  # nobody reads it any more, or the disk is full: that is no reason to end
            print(f"duckwing: {message}", file=sys.stderr, flush=True)
