"""The socket that a worker listens on (spec 03, section 5.2)."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import sys
from collections.abc import Iterator
from typing import NoReturn

from ..transports.sockets import MAX_PATH_BYTES, widen
from .options import Tcp, Unix

BACKLOG = 128

_OF_ONE_CLIENT = frozenset(
    getattr(errno, name)
    for name in (
        "ECONNABORTED", "EPROTO", "EPERM", "ENETDOWN", "ENETUNREACH", "EHOSTDOWN", "EHOSTUNREACH", "ENOPROTOOPT",
        "EOPNOTSUPP", "ENONET",
    )
    if hasattr(errno, name)
)  # fmt: skip
"""Errors of accepting that concern a connection which has failed already, not the socket that listens (accept(2))."""


class Listener:
    """A listening socket and its name.

    Attributes:
        socket: it does not block.
        ready_line: what tells the launcher that clients may connect, without newline.
        path: the socket's file; None for TCP.
        is_withdrawn: nobody finds it any more.
    """

    def __init__(self, bound: socket.socket, ready_line: str, path: str | None = None):
        self.socket = bound
        self.ready_line = ready_line
        self.path = path
        bound.setblocking(False)
        self._file = _identity(path) if path is not None else None
        self.is_withdrawn = False

    def accept(self) -> socket.socket | None:
        """A client that waits to be accepted, as a blocking socket; None if there is none.

        Raises:
            OSError: there are no descriptors left, or the like; the client goes on waiting.
        """
        while True:
            try:
                connection, _ = self.socket.accept()
            except BlockingIOError:
                return None
            except OSError as error:
                if error.errno in _OF_ONE_CLIENT:
                    continue
                raise
            connection.setblocking(True)
            if self.path is None:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a machine may vanish without a word
            else:
                widen(connection)
            return connection

    def withdraw(self) -> None:
        """Remove the socket's file if it still is this socket: a successor may have bound the path.

        Clients that connect from now on find nothing, and launch another worker. Those that have connected
        can still be accepted.
        """
        self.is_withdrawn = self.path is not None
        if self.path is not None and self._file is not None:
            with contextlib.suppress(OSError), _alone(os.path.dirname(self.path)):
                if _identity(self.path) == self._file:
                    os.unlink(self.path)
            self._file = None

    def close(self) -> None:
        """Stop listening; the file stays."""
        self.socket.close()


def listen(place: Unix | Tcp, *, remote: bool = False) -> Listener:
    """Bind and listen.

    Args:
        place: where.
        remote: TCP addresses other than the loopback are allowed.

    Raises:
        SystemExit: with status 1, or 2 for a refused address, after a message on standard error.
    """
    try:
        if isinstance(place, Tcp):
            return _listen_tcp(place, remote)
        return _listen_unix(place.path)
    except OSError as error:
        where = place.path if isinstance(place, Unix) else f"{place.host}:{place.port}"
        _fail(1, f"cannot listen on {where}: {error.strerror or error}")


def _listen_unix(path: str) -> Listener:
    size = len(os.fsencode(path))
    if size > MAX_PATH_BYTES:
        _fail(1, f"AF_UNIX socket path too long ({size} bytes, max {MAX_PATH_BYTES}): {path}")
    bound = socket.socket(socket.AF_UNIX)
    try:
        with _alone(os.path.dirname(path)):
            _remove_stale(path)
            mask = os.umask(0o177)
            try:
                bound.bind(path)
            finally:
                os.umask(mask)
            bound.listen(BACKLOG)
    except BaseException:
        bound.close()
        raise
    return Listener(bound, f"UNIX:{path}", path)


def _remove_stale(path: str) -> None:
    """Make room at ``path``, unless somebody listens there or it is no socket."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        _fail(1, f"{path} exists and is no socket; it is left alone")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(path)
        except OSError as error:
            if error.errno in (errno.ECONNREFUSED, errno.ENOENT):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
                return
            if error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK):
                raise
    _fail(1, f"a worker is already listening on {path}")


@contextlib.contextmanager
def _alone(directory: str) -> Iterator[None]:
    """Keep other workers from binding or removing sockets in the same directory; it leaves no file behind."""
    import fcntl

    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _identity(path: str) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino


def _listen_tcp(place: Tcp, remote: bool) -> Listener:
    family, kind, protocol, _, address = socket.getaddrinfo(
        place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    if not remote and not _is_loopback(str(address[0])):
        _fail(
            2,
            f"--tcp {place.host}:{place.port} would serve everybody who can reach this machine, without asking who "
            "they are; add --allow-remote if that is wanted, or listen on 127.0.0.1",
        )
    bound = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":  # where it would let another process take the port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
    except BaseException:
        bound.close()
        raise
    host = f"[{place.host}]" if ":" in place.host else place.host
    return Listener(bound, f"TCP:{host}:{bound.getsockname()[1]}")


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"


def _fail(status: int, message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(status)
