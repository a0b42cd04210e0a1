"""Connections to a server that the threads of a process take in turn."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from ..errors import StateError

TIMEOUT_SECONDS = 30.0
"""How long an operation waits for its server and for other operations before it fails."""

RESTART_SECONDS = 10.0
"""How long a server may be away that has been there before: it is being restarted."""

MOST = 8
"""How many connections a process opens at most."""

_PAUSE = 0.05

C = TypeVar("C")


class Connections(Generic[C]):
    """At most :data:`MOST` connections, each used by one thread at a time and by the process that opened it.

    A connection on which anything has failed is closed and not used again. Nothing is ever repeated here
    except connecting: what an operation did before its connection broke, nobody knows.

    Args:
        connect: opens a connection.
        close: closes one, and does not raise.
        is_idle: whether an unused connection is still open and has nothing to say; a server that was restarted
            has closed it.
        unreachable: what ``connect`` raises while there is no server.
        timeout: seconds to wait for a connection that others use.
    """

    def __init__(
        self,
        connect: Callable[[], C],
        close: Callable[[C], None],
        is_idle: Callable[[C], bool],
        unreachable: tuple[type[Exception], ...],
        timeout: float,
    ):
        self._connect = connect
        self._close = close
        self._is_idle = is_idle
        self._unreachable = unreachable
        self._timeout = timeout
        self._inherited: list[C] = []
        self._idle: list[C] = []
        self._was_there = False
        self._start()

    def _start(self) -> None:
        # A parent's connections stay referred to: to close them here would end its sessions.
        self._inherited += self._idle
        self._idle = []
        weakref.finalize(self, _close_all, self._idle, self._close, os.getpid())
        self._free = threading.BoundedSemaphore(MOST)
        self._process = os.getpid()

    @contextlib.contextmanager
    def use(self) -> Iterator[C]:
        """A connection that nobody else uses until the block ends."""
        if self._process != os.getpid():
            self._start()
        free = self._free
        if not free.acquire(timeout=self._timeout):
            raise StateError(
                f"the {MOST} connections of this process to the state server are all in use since {self._timeout:g} s; "
                "is the server overloaded?"
            )
        try:
            connection = self._take() or self._opened()
            try:
                yield connection
            except BaseException:
                self._close(connection)
                raise
            self._idle.append(connection)
        finally:
            free.release()

    def close(self) -> None:
        """Close those that nobody uses at the moment."""
        if self._process != os.getpid():
            self._start()
        _close_all(self._idle, self._close, self._process)

    def _take(self) -> C | None:
        with contextlib.suppress(IndexError):
            while True:
                connection = self._idle.pop()
                if self._is_idle(connection):
                    return connection
                self._close(connection)
        return None

    def _opened(self) -> C:
        end = time.monotonic() + RESTART_SECONDS
        while True:
            try:
                connection = self._connect()
            except self._unreachable:
                # Whoever has never got through should hear at once that the address is wrong.
                if not self._was_there or time.monotonic() > end:
                    raise
                time.sleep(_PAUSE)
            else:
                self._was_there = True
                return connection


def _close_all(connections: list[C], close: Callable[[C], None], process: int) -> None:
    if process != os.getpid():
        return
    with contextlib.suppress(IndexError):
        while True:
            close(connections.pop())
