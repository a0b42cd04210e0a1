"""A process of a listening worker that serves several connections at a time, each in a thread of its own.

For functions that release Python's lock, or whose process is too large to have several. To the supervisor each thread
is like a process that happens to share its id with others; each has a server of its own, so that nothing but the
author's functions is shared.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import NoReturn

from ..rpc.framing import drive
from ..rpc.server import Server
from ..transports.pipe import Interrupted
from .child import ANOTHER, READY, Control, control_pair, peer_of, spoil
from .progress import INSIDE, WORKING
from .signals import LAST_WORK_SECONDS, StopSignals, leave_in_children
from .watched import WatchedStream

Serving = tuple[Server, Callable[[int], None]]
"""A server, and what is told of the process at the other end of each of its connections."""


def serve_in_threads(make_server: Callable[[], Serving], control: Control, threads: int) -> bool:
    """Serve what the supervisor hands over, until it or a signal says that it is enough.

    Args:
        make_server: called once for each thread.
        control: to the supervisor.
        threads: how many connections are served at a time.

    Returns:
        Whether all threads have come to an end. If not, the process must end without them.
    """
    signals = StopSignals()
    ties = [control, *(_another(control) for _ in range(threads - 1))]
    lines = [_Line(*make_server(), tie) for tie in ties]
    leave_in_children(lambda: [descriptor for line in lines for descriptor in line.descriptors()])
    for line in lines:
        threading.Thread(target=line.serve, daemon=True).start()
    supervised = _wait(control, signals)
    signals.leaving = True
    deadline = time.monotonic() + LAST_WORK_SECONDS
    while any(line.busy for line in lines) and time.monotonic() < deadline:
        time.sleep(0.01)
    left = [line for line in lines if line.busy]
    if not supervised:
        for line in left:
            line.spoil()  # nobody else would
    return not left


def leave_at_once() -> NoReturn:
    """End the process while threads of it still work: the end of the interpreter would tear them apart."""
    with contextlib.suppress(Exception):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(0)


def _another(control: Control) -> Control:
    """What ties a further thread to the supervisor."""
    ours, theirs = control_pair()
    socket.send_fds(control.socket, [ANOTHER], [theirs.socket.fileno(), theirs.progress.descriptor])
    theirs.close()
    return ours


def _wait(control: Control, signals: StopSignals) -> bool:
    """Wait until a signal came (True), or the supervisor has closed its end or died (False)."""
    signals.waiting = True
    poll = select.poll()
    poll.register(control.socket, 0)  # its end is told all the same, and the rest concerns a thread
    poll.register(signals.wakeup_fd, select.POLLIN)
    while control.socket.fileno() not in dict(poll.poll()):
        try:
            signals.clear_wakeup()
        except Interrupted:
            return True
    return False


class _Line:
    """What serves one connection after another, in its thread.

    Attributes:
        busy: a call is being worked on.
    """

    def __init__(self, server: Server, connected: Callable[[int], None], control: Control):
        self.busy = False
        self._server = server
        self._connected = connected
        self._control = control
        self._connection = -1

    def serve(self) -> None:
        """Serve until the supervisor closes its end."""
        try:
            while True:
                self._control.socket.sendall(READY)
                _, descriptors, _, _ = socket.recv_fds(self._control.socket, 1, 1)
                if not descriptors:
                    return
                self._serve(descriptors[0])
        except OSError:
            return  # the supervisor has died
        finally:
            self._control.close()  # without its thread the supervisor must not think that it works on

    def spoil(self) -> None:
        """Make an error of the answer that is under way."""
        if self._connection >= 0 and self._control.progress.state != INSIDE:
            spoil(self._connection)

    def descriptors(self) -> Sequence[int]:
        """What a forked process must not keep open."""
        return [self._control.socket.fileno(), *([self._connection] if self._connection >= 0 else [])]

    def _serve(self, connection: int) -> None:
        self._connection = connection
        self._control.progress.state = WORKING
        stream = WatchedStream(connection, connection)
        stream.watch(connection, self._control.progress)
        try:
            self._connected(peer_of(connection))
            drive(self._server.session(idle=self._set_idle), stream)
        except BaseException:
            if self.busy:
                self.spoil()
            raise
        finally:
            stream.unwatch()
            self.busy = False
            self._connection = -1
            os.close(connection)

    def _set_idle(self, idle: bool) -> None:
        self.busy = not idle
        self._control.progress.state = WORKING
