"""A process of a listening worker: it serves one connection after another, as the supervisor hands them over.

One at a time, like a worker on standard input and output: an author's code need not know of threads, and
Python's lock never makes one query wait for another.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

from ..rpc.framing import drive
from ..rpc.keys import NO_MESSAGE
from ..rpc.server import Server
from ..transports.pipe import Interrupted
from ..transports.sockets import peer_process
from .progress import INSIDE, WORKING, Progress
from .signals import SignalledStream, StopSignals, leave_in_children
from .watched import WatchedStream

CONTROL_VARIABLE = "_DUCKWING_CONTROL"
"""Environment variable that tells a process that it is such a child: its parent, and the descriptors of its
:class:`Control`. A worker that the author's code starts while it is imported has another parent."""

READY = b"R"
"""What a child says to its supervisor whenever it can take a connection."""

ANOTHER = b"A"
"""Said with the descriptors of a further :class:`Control`, which belongs to another thread of the process."""

FAILED = b"F"
"""Said instead if the author's code cannot be imported: every call is answered with that error."""


@dataclass(frozen=True)
class Control:
    """What ties a process to its supervisor.

    Attributes:
        socket: brings connections, and takes back that it is ready for another.
        progress: how far it has come with the one that it has.
    """

    socket: socket.socket
    progress: Progress

    @classmethod
    def of(cls, descriptors: Sequence[int]) -> Control:
        """What these descriptors of a socket and of a progress are; children do not inherit them."""
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        return cls(socket.socket(fileno=descriptors[0]), Progress(descriptors[1]))

    def close(self) -> None:
        """Use neither any more."""
        self.socket.close()
        self.progress.close()


def control_pair() -> tuple[Control, Control]:
    """What a supervisor keeps of a new process, and what that process gets. Children do not inherit either."""
    ours, theirs = socket.socketpair()
    progress = Progress()
    return Control(ours, progress), Control(theirs, Progress(os.dup(progress.descriptor)))


@functools.cache
def control() -> Control | None:
    """What ties this process to its supervisor; None if it has none.

    From the first call on, programs that the process starts do not inherit it.

    Raises:
        SystemExit: with status 1, if the supervisor has died already.
    """
    numbers = os.environ.pop(CONTROL_VARIABLE, None)
    if numbers is None:
        return None
    parent, *descriptors = map(int, numbers.split(","))
    return Control.of(descriptors) if is_child_of(parent, descriptors[0]) else None


def is_child_of(supervisor: int, tie: int) -> bool:
    """Whether a process is our parent.

    Args:
        supervisor: its id.
        tie: descriptor of the socket to it.

    Raises:
        SystemExit: with status 1, if it was, and has died: nobody would end this process.
    """
    if supervisor == os.getppid():
        return True
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(tie)) as connection:
        # What an author's code starts has no such socket, or nothing to read from it.
        if not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
            raise SystemExit(1)
    return False


def serve_connections(
    server: Server, control: Control, *, ready: bytes = READY, connected: Callable[[int], None] = lambda pid: None
) -> None:
    """Serve what the supervisor hands over, until it or a signal says that it is enough.

    Args:
        server: answers the calls.
        control: to the supervisor.
        ready: what is said when a connection can be taken.
        connected: told the process at the other end of each connection, 0 if it is unknown.

    Raises:
        KeyboardInterrupt: user code raised it.
    """
    child = _Child(server, control, connected)
    try:
        while True:
            control.socket.sendall(ready)
            if not child.serve_next():
                return
    except (Interrupted, BrokenPipeError, ConnectionResetError):
        return
    except KeyboardInterrupt:
        if not child.is_stopped:
            raise
    finally:
        child.leave()


class _Connection(WatchedStream, SignalledStream):
    """A connection that is served in the main thread, to which signals come."""


class _Child:
    def __init__(self, server: Server, control: Control, connected: Callable[[int], None]):
        self._server = server
        self._control = control.socket
        self._progress = control.progress
        self._connected = connected
        self._connection = -1
        self._busy = False
        self._signals = StopSignals()
        leave_in_children(self._descriptors)
        signal.signal(signal.SIGIO, self._supervisor_said_something)
        fcntl.fcntl(self._control, fcntl.F_SETOWN, os.getpid())

    @property
    def is_stopped(self) -> bool:
        """Whether a signal has asked the process to end, or its supervisor has died."""
        return self._signals.received is not None

    def leave(self) -> None:
        """Let no signal interrupt the end of the process; its supervisor may send another one than the terminal."""
        self._signals.leaving = True

    def serve_next(self) -> bool:
        """Wait for a connection and serve it. False if there will be none."""
        self._signals.wait_for(self._control.fileno())
        _, descriptors, _, _ = socket.recv_fds(self._control, 1, 1)
        if not descriptors:
            return False
        [self._connection] = descriptors
        self._progress.state = WORKING
        stream = _Connection(self._connection, self._connection, self._signals)
        stream.watch(self._connection, self._progress)
        try:
            self._watch_supervisor(True)
            self._connected(peer_of(self._connection))
            drive(self._server.session(idle=self._set_idle), stream)
        except BaseException:
            if self._busy and self._progress.state != INSIDE:
                spoil(self._connection)
            raise
        finally:
            stream.unwatch()
            self._watch_supervisor(False)
            os.close(self._connection)
            self._connection = -1
        return True

    def _set_idle(self, idle: bool) -> None:
        self._busy = not idle
        self._progress.state = WORKING

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


def peer_of(descriptor: int) -> int:
    """The process at the other end of an AF_UNIX connection; 0 if that is not known."""
    if sys.platform != "linux":
        return 0
    with socket.socket(fileno=os.dup(descriptor)) as connection:
        if connection.family != socket.AF_UNIX:
            return 0
        return peer_process(connection)


def spoil(descriptor: int, data: bytes = b"") -> bool:
    """Make an error of an answer whose process has died or is about to: its end would look like that of the rows.

    Args:
        descriptor: the connection. It does not block from now on.
        data: what tells the client so; by default, what is no Arrow message. No message must have begun: this would
            become a part of its data.

    Returns:
        Whether it is done with. If not, the client must read first, and it should be tried again.
    """
    os.set_blocking(descriptor, False)
    try:
        os.write(descriptor, data or _NONSENSE)
    except BlockingIOError:
        return False
    except OSError:
        pass  # the client has gone
    return True


_NONSENSE = NO_MESSAGE * 8192 + NO_MESSAGE[:4]
