"""A connection over a pair of pipes: a worker's standard input and output, or a client's ends of them."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Sequence

from ..rpc.errors import ConnectionClosed
from ..rpc.framing import Buffer

READ_AHEAD = 1 << 16
PIPE_SIZE = 1 << 20
MAX_BUFFERS = 512
MAX_WRITE = 1 << 30


class Interrupted(Exception):
    """The interrupt descriptor became readable while the stream waited for input."""


class PipeStream:
    """A :class:`~duckwing.rpc.framing.ByteStream` over two descriptors, which belong to somebody else.

    Args:
        read_fd: where the other side's bytes come from.
        write_fd: where ours go.
        interrupt_fd: when this becomes readable, waiting for input ends with :class:`Interrupted`,
            but only after everything that had already arrived was read. POSIX only.
    """

    def __init__(self, read_fd: int, write_fd: int, *, interrupt_fd: int | None = None):
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._chunk = b""
        self._position = 0
        self._poll: select.poll | None = None
        if interrupt_fd is not None and hasattr(select, "poll"):
            self._poll = select.poll()
            self._poll.register(read_fd, select.POLLIN)
            self._poll.register(interrupt_fd, select.POLLIN)
        _widen(read_fd, write_fd)

    def forget(self) -> None:
        """Use the descriptors no more: their owner closes them, and the numbers may come to mean something else.

        From now on reading finds the end, and writing a closed connection.
        """
        self._read_fd = self._write_fd = -1

    def read(self, size: int) -> bytes:
        """Exactly ``size`` bytes, fewer only at end of file.

        Raises:
            Interrupted: see ``interrupt_fd``.
        """
        end = self._position + size
        if end <= len(self._chunk):
            piece = self._chunk[self._position : end]
            self._position = end
            return piece
        parts = [self._chunk[self._position :]]
        missing = size - len(parts[0])
        self._chunk, self._position = b"", 0
        while missing > 0:
            data = self._receive(max(missing, READ_AHEAD) if missing < PIPE_SIZE else PIPE_SIZE)
            if not data:
                break
            if len(data) > missing:
                self._chunk, self._position = data, missing
                data = data[:missing]
            parts.append(data)
            missing -= len(data)
        return b"".join(parts)

    def write(self, buffers: Sequence[Buffer]) -> None:
        """Write all of ``buffers``.

        Raises:
            ConnectionClosed: the other side has closed its end.
        """
        if self._write_fd < 0:
            raise ConnectionClosed("the connection was closed on this side")
        pending = [memoryview(buffer).cast("B") for buffer in buffers if len(memoryview(buffer))]
        position = 0
        try:
            while pending:
                position += self._send([pending[0][position:], *pending[1:MAX_BUFFERS]])
                while pending and position >= len(pending[0]):
                    position -= len(pending.pop(0))
                self._wrote(pending[0] if position else None, position)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ConnectionClosed("the other side does not read any more") from error

    def _wrote(self, buffer: memoryview | None, position: int) -> None:
        """Some bytes have been written: of ``buffer`` those before ``position``; None: of each all or nothing."""

    def _send(self, pending: Sequence[memoryview]) -> int:
        """Write some of ``pending``, which are no more than are taken at once; how many bytes."""
        if not hasattr(os, "writev"):
            return os.write(self._write_fd, pending[0][:MAX_WRITE])
        while True:
            try:
                return os.writev(self._write_fd, pending)
            except BlockingIOError:
                _wait_until_writable(self._write_fd)

    def _receive(self, size: int) -> bytes:
        if self._read_fd < 0:
            return b""
        if self._poll is not None:
            ready = [fd for fd, _ in self._poll.poll()]
            if self._read_fd not in ready:
                raise Interrupted
        try:
            return os.read(self._read_fd, size)
        except ConnectionResetError:
            return b""


def _wait_until_writable(descriptor: int) -> None:
    poll = select.poll()  # of any number, unlike select
    poll.register(descriptor, select.POLLOUT)
    poll.poll()


def _widen(*fds: int) -> None:
    """Let the pipes hold a whole batch, so that neither side waits for the other in the middle of it."""
    if sys.platform != "linux":
        return
    import fcntl

    for fd in fds:
        try:
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        except OSError:
            # Not a pipe, or this user's share of pipe memory is used up: it works as it is.
            return
