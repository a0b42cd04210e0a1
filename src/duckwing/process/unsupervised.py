"""A worker that listens in one process, with a thread for each connection: where there is no fork and no descriptor
can be handed to another process (Windows).

Python's lock makes its queries wait for each other, and the author's functions are called from several threads.
"""

from __future__ import annotations

import select
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..rpc.framing import drive
from ..transports.sockets import SocketStream
from .listening import Listener, listen
from .options import Options

if TYPE_CHECKING:
    import socket

    from ..rpc.server import Server

FIRST_CLIENT_SECONDS = 5.0
"""Within which the first client is expected, on top of the idle timeout."""

LOOK_SECONDS = 0.5
"""How often the main thread looks up, for Ctrl-C and the idle timeout."""


def serve_unsupervised(options: Options, make_server: Callable[[], Server]) -> None:
    """Listen, say so on standard output, and serve until Ctrl-C or the idle timeout ends it.

    Args:
        options: where to listen, and for how long.
        make_server: makes a server for one connection at a time.

    Raises:
        SystemExit: it cannot listen.
    """
    assert options.listen is not None
    listener = listen(options.listen, remote=options.remote)
    print(listener.ready_line, flush=True)
    sys.stdout = sys.stderr  # that was all; prints of the author's are no ready lines
    _Clients(make_server).serve(listener, options.idle_seconds)


class _Clients:
    """The connections that there are, and the servers that have none at the moment."""

    def __init__(self, make_server: Callable[[], Server]):
        self._make_server = make_server
        self._lock = threading.Lock()
        self._servers: list[Server] = []
        self._count = 0
        self._last = time.monotonic() + FIRST_CLIENT_SECONDS

    def serve(self, listener: Listener, idle_seconds: float) -> None:
        """Serve whoever connects until the idle timeout."""
        while not self._is_idle(idle_seconds):
            select.select([listener.socket], [], [], LOOK_SECONDS)
            connection = listener.accept()
            if connection is not None:
                with self._lock:
                    self._count += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
        listener.close()

    def _is_idle(self, idle_seconds: float) -> bool:
        with self._lock:
            return bool(idle_seconds) and not self._count and time.monotonic() > self._last + idle_seconds

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            server = self._servers.pop() if self._servers else None
        server = server or self._make_server()
        try:
            stream = SocketStream(connection)
            drive(server.session(), stream)
            stream.close()
        finally:
            with self._lock:
                self._servers.append(server)
                self._count -= 1
                self._last = time.monotonic()
