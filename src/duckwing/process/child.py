"""A process of a listening worker: it serves one connection after another, as the supervisor hands them over.

One at a time, like a worker on standard input and output: an author's code need not know of threads, and
Python's lock never makes one query wait for another.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import gc
import os
import signal
import socket
from types import FrameType

from ..rpc.framing import drive
from ..rpc.keys import NO_MESSAGE
from ..rpc.server import Server
from ..transports.pipe import Interrupted
from .signals import SignalledStream, StopSignals, leave_in_children

CONTROL_VARIABLE = "_DUCKWING_CONTROL"
"""Environment variable that tells a process that it is such a child: the descriptor of its control socket."""

READY = b"R"
"""What a child says to its supervisor whenever it can take a connection."""

FAILED = b"F"
"""Said instead if the author's code cannot be imported: every call is answered with that error."""


@functools.cache
def control_socket() -> socket.socket | None:
    """The socket to the supervisor; None if this process has none.

    From the first call on, programs that the process starts do not inherit it.
    """
    number = os.environ.pop(CONTROL_VARIABLE, None)
    if number is None:
        return None
    os.set_inheritable(int(number), False)
    return socket.socket(fileno=int(number))


def serve_connections(server: Server, control: socket.socket, *, ready: bytes = READY) -> None:
    """Serve what the supervisor hands over, until it or a signal says that it is enough.

    Args:
        server: answers the calls.
        control: to the supervisor.
        ready: what is said when a connection can be taken.

    Raises:
        KeyboardInterrupt: user code raised it.
    """
    gc.freeze()  # what was imported stays; the collector need not look at it again
    gc.enable()
    child = _Child(server, control)
    with contextlib.suppress(Interrupted, BrokenPipeError, ConnectionResetError):
        while True:
            control.sendall(ready)
            if not child.serve_next():
                return


class _Child:
    def __init__(self, server: Server, control: socket.socket):
        self._server = server
        self._control = control
        self._connection = -1
        self._busy = False
        self._signals = StopSignals()
        leave_in_children(self._descriptors)
        signal.signal(signal.SIGIO, self._supervisor_said_something)
        fcntl.fcntl(control, fcntl.F_SETOWN, os.getpid())

    def serve_next(self) -> bool:
        """Wait for a connection and serve it. False if there will be none."""
        self._signals.wait_for(self._control.fileno())
        _, descriptors, _, _ = socket.recv_fds(self._control, 1, 1)
        if not descriptors:
            return False
        [self._connection] = descriptors
        try:
            self._watch_supervisor(True)
            drive(
                self._server.session(idle=self._set_idle),
                SignalledStream(self._connection, self._connection, self._signals),
            )
        except BaseException:
            if self._busy:
                spoil(self._connection)
            raise
        finally:
            self._watch_supervisor(False)
            os.close(self._connection)
            self._connection = -1
        return True

    def _set_idle(self, idle: bool) -> None:
        self._busy = not idle

    def _descriptors(self) -> list[int]:
        return [self._control.fileno(), *([self._connection] if self._connection >= 0 else [])]

    def _watch_supervisor(self, on: bool) -> None:
        """Have SIGIO say that the supervisor has died; nothing else comes from it during a call.

        Without it nobody would make an error of this process's death, so it ends too.
        """
        flags = fcntl.fcntl(self._control, fcntl.F_GETFL)
        fcntl.fcntl(self._control, fcntl.F_SETFL, flags | os.O_ASYNC if on else flags & ~os.O_ASYNC)
        if on:
            self._supervisor_said_something(signal.SIGIO, None)

    def _supervisor_said_something(self, number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(BlockingIOError):
            if not self._control.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                self._signals.stop_soon(signal.SIGTERM)


def spoil(descriptor: int) -> bool:
    """Make an error of an answer whose process has died or is about to: its end would look like that of the rows.

    What is written is no Arrow message, wherever in a message it begins. That may be inside the body of one, so its
    length must not happen to be what was missing: Arrow's lengths are multiples of 8, and this is none.

    Args:
        descriptor: the connection. It does not block from now on.

    Returns:
        Whether it is done with. If not, the client must read first, and it should be tried again.
    """
    os.set_blocking(descriptor, False)
    try:
        os.write(descriptor, _NONSENSE)
    except BlockingIOError:
        return False
    except OSError:
        pass  # the client has gone
    return True


_NONSENSE = NO_MESSAGE * 8192 + NO_MESSAGE[:4]
