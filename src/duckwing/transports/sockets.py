"""Connections to listening workers: sockets of the file system, and TCP (spec 03, section 5)."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import sys
import time
from collections.abc import Sequence

from ..errors import Error
from ..rpc.errors import ConnectionClosed
from ..rpc.framing import Buffer
from .pipe import MAX_WRITE, PipeStream

CONNECT_SECONDS = 10.0
"""How long connecting may take (spec 03, section 5.1)."""

BUFFER_SIZE = 1 << 20
"""Bytes of a local socket's buffers, so that a whole batch fits; the default of some systems is 8 KiB."""

MAX_PATH_BYTES = 107 if sys.platform == "linux" else 103
"""Bytes of the path of a local socket at most."""

_RETRY_SECONDS = 0.01


class ConnectError(Error):
    """No connection could be made: nobody listens, or not in time."""


class SocketStream(PipeStream):
    """A :class:`~duckwing.rpc.framing.ByteStream` over a connected socket, which it owns."""

    def __init__(self, connected: socket.socket):
        super().__init__(connected.fileno(), connected.fileno())
        self._socket = connected

    def write(self, buffers: Sequence[Buffer]) -> None:
        """Write all of ``buffers``.

        Raises:
            ConnectionClosed: the other side has closed its end, or this side has.
        """
        try:
            super().write(buffers)
        except OSError as error:
            raise ConnectionClosed(f"the connection broke: {error.strerror or error}") from error

    def _send(self, pending: Sequence[memoryview]) -> int:
        if hasattr(self._socket, "sendmsg"):
            return self._socket.sendmsg(pending)
        return self._socket.send(pending[0][:MAX_WRITE])

    def _receive(self, size: int) -> bytes:
        try:
            return self._socket.recv(size)
        except OSError:  # such as a host that has gone, or the end of this side
            return b""

    def close(self) -> None:
        """Close the connection; a thread that waits for input finds the end."""
        self.forget()
        with contextlib.suppress(OSError):  # the other side may have gone
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def connect_unix(path: str, timeout: float = CONNECT_SECONDS) -> SocketStream:
    """Connect to a worker that listens on a path.

    Args:
        path: of the socket; relative ones are used as they are.
        timeout: seconds; where the queue of the worker is full, it is tried again until then.

    Raises:
        ConnectError: there is no listening worker.
    """
    where = f"unix://{path}"
    check_path(path)
    deadline = time.monotonic() + timeout
    while True:
        found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            widen(found)
            found.settimeout(max(_RETRY_SECONDS, deadline - time.monotonic()))
            found.connect(path)
        except OSError as error:
            found.close()
            full = error.errno in (errno.EAGAIN, errno.EWOULDBLOCK)
            if full and time.monotonic() < deadline:
                time.sleep(_RETRY_SECONDS)  # nothing tells when the queue has room again
                continue
            if full:
                raise ConnectError(
                    f"connecting to {where} timed out after {timeout:g} s: the worker's queue stayed full"
                ) from error
            raise ConnectError(f"cannot connect to {where}: {error.strerror or error}") from error
        except BaseException:
            found.close()
            raise
        found.settimeout(None)
        return SocketStream(found)


def connect_tcp(host: str, port: int, timeout: float = CONNECT_SECONDS) -> SocketStream:
    """Connect to a worker that listens on a port; every address of the host is tried.

    Raises:
        ConnectError: there is no listening worker.
    """
    where = f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"
    try:
        found = socket.create_connection((host, port), timeout)
    except OSError as error:
        raise ConnectError(f"cannot connect to {where}: {error.strerror or error}") from error
    found.settimeout(None)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return SocketStream(found)


def widen(local: socket.socket) -> None:
    """Let the buffers of a local socket hold a whole batch in each direction."""
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        local.setsockopt(socket.SOL_SOCKET, option, BUFFER_SIZE)


def peer_process(local: socket.socket) -> int:
    """The process at the other end of a local socket; 0 if this system does not tell.

    Raises:
        OSError: it should, but does not.
    """
    if sys.platform != "linux":
        level, peer_pid = 0, 2  # SOL_LOCAL and LOCAL_PEERPID of macOS
        return local.getsockopt(level, peer_pid) if sys.platform == "darwin" else 0
    pid, _, _ = struct.unpack("3i", local.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(pid)


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of ``host:port``; an IPv6 address stands in brackets.

    Raises:
        ValueError: it is no such text.

    Example:
        >>> parse_address("[::1]:9000")
        ('::1', 9000)
    """
    host, colon, digits = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed:
        host = host[1:-1]
    if not colon or not host or (":" in host) != bracketed:
        raise ValueError(f"expected host:port, with an IPv6 address in brackets, got {text!r}")
    if not (digits.isascii() and digits.isdigit()) or not 1 <= int(digits) <= 65535:
        raise ValueError(f"expected a port from 1 to 65535, got {digits!r}")
    return host, int(digits)


def check_path(path: str) -> None:
    """Refuse a path that the system's addresses have no room for, and an empty one.

    Raises:
        ConnectError: it is too long.
    """
    length = len(os.fsencode(path))
    if not 0 < length <= MAX_PATH_BYTES:
        raise ConnectError(
            f"the path of a socket must have 1 to {MAX_PATH_BYTES} bytes, this one has {length}: {path!r}; use a "
            "shorter folder, or a relative path"
        )
