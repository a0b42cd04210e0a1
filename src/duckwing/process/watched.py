"""Connections whose progress the supervisor sees, so that it can make an error of this process's death."""

from __future__ import annotations

import select
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..rpc.message import in_data
from ..transports.pipe import PipeStream
from .progress import ANSWERING, INSIDE

if TYPE_CHECKING:
    from ..rpc.framing import Buffer
    from .progress import Progress


class WatchedStream(PipeStream):
    """A stream over a socket. It never waits in the middle of a write: what was written is known at any time.

    That decides what tells the client. Of a batch whose data have begun it misses the rest by itself, and whatever came
    in its place it would take for data. Anywhere else, in the head of a message too, the end would look like
    that of the rows (seen).
    """

    _socket: socket.socket
    _progress: Progress

    def watch(self, descriptor: int, progress: Progress) -> None:
        """Say from now on in ``progress`` how far the socket ``descriptor`` has come."""
        self._socket = socket.socket(fileno=descriptor)
        self._progress = progress
        self._writable = select.poll()
        self._writable.register(descriptor, select.POLLOUT)

    def unwatch(self) -> None:
        """Leave the socket to its owner."""
        self._socket.detach()

    def write(self, buffers: Sequence[Buffer]) -> None:
        """Write all of ``buffers``, each of which is a message.

        Raises:
            ConnectionClosed: the other side has closed its end.
        """
        self._progress.state = ANSWERING
        super().write(buffers)

    def _wrote(self, buffer: memoryview | None, position: int) -> None:
        self._progress.state = INSIDE if in_data(buffer, position) else ANSWERING

    def _send(self, pending: Sequence[memoryview]) -> int:
        while True:
            try:
                return self._socket.sendmsg(pending, (), socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._writable.poll()
