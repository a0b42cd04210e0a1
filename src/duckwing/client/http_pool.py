"""Connections over HTTP that are kept for the next request. Redirects and proxies are not followed."""

from __future__ import annotations

import contextlib
import functools
import http.client
import selectors
import socket
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from ..rpc.errors import ConnectionClosed, MalformedMessage, ProtocolError
from ..transports.sockets import CONNECT_SECONDS
from .locations import Http

if TYPE_CHECKING:
    import ssl

REUSE_SECONDS = 4.0
"""Idle connections are used again for so long. Many servers close them after five seconds, and whether a request that
crosses with that was served could not be told."""

_PIECE = 1 << 20
_CLOSED = "the connection to the worker was closed; connect again"


class ConnectFailedError(Exception):
    """No connection could be made.

    Attributes:
        passing: it may work in a moment, as where a server is being started again.
    """

    def __init__(self, error: OSError):
        super().__init__(error.strerror or str(error))
        self.passing = isinstance(error, ConnectionError)


class NotSentError(Exception):
    """The server hung up before it had all of a request, so it cannot have served it."""


class Answer(NamedTuple):
    """A response.

    Attributes:
        status: such as 200.
        headers: of the response; their names are case-insensitive.
        body: as it came, perhaps compressed.
    """

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Pool:
    """Connections to one server: as many as there are requests at a time.

    Args:
        address: where the server is; its prefix is part of every request.
    """

    def __init__(self, address: Http):
        self._address = address
        self._lock = threading.Lock()
        self._idle: list[tuple[http.client.HTTPConnection, float]] = []
        # With their sockets, which a connection forgets as soon as a response says that it is the last one.
        self._used: dict[http.client.HTTPConnection, socket.socket] = {}
        self._closed = threading.Event()

    def exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], seconds: float, limit: int
    ) -> Answer:
        """Send a request and receive its response.

        Args:
            method: such as ``POST``.
            path: behind the prefix.
            body: of the request.
            headers: of the request.
            seconds: within which the other side must go on, wherever it is waited for.
            limit: bytes of the response's body.

        Raises:
            ConnectFailedError: no connection could be made.
            NotSentError: the server hung up before it had all of the request.
            ConnectionClosed: the connection broke later; whether the request was served is unknown.
            MalformedMessage: what comes is no HTTP.
            ProtocolError: the response is too large.
        """
        connection = self._take()
        reusable = False
        where = f"{self._address.url}{path}"
        try:
            assert connection.sock is not None
            connection.sock.settimeout(seconds)
            answer, reusable = _exchange(connection, method, self._address.prefix + path, body, headers, limit)
        except TimeoutError:
            raise ConnectionClosed(
                f"{where} did not answer within {seconds:g} s; whether the call was served is unknown"
            ) from None
        except (OSError, http.client.IncompleteRead) as error:
            if self._closed.is_set():
                raise ConnectionClosed(_CLOSED) from None
            told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise ConnectionClosed(
                f"the connection to {where} broke before the answer was complete; whether the call was served is "
                f"unknown ({told})"
            ) from None
        except http.client.HTTPException as error:
            raise MalformedMessage(f"what {where} answers is no HTTP: {str(error)[:100]!r}") from None
        finally:
            self._give_back(connection, reusable)
        if self._closed.is_set():  # that may have ended the response, too
            raise ConnectionClosed(_CLOSED)
        return answer

    def sleep(self, seconds: float) -> None:
        """Wait, unless all is over.

        Raises:
            ConnectionClosed: this side has closed the connection.
        """
        if self._closed.wait(seconds):
            raise ConnectionClosed(_CLOSED)

    def close(self) -> None:
        """End all connections, also those that are in use."""
        with self._lock:
            self._closed.set()
            idle, self._idle = self._idle, []
            for used in self._used.values():
                # Whoever waits for an answer finds its end. The method of TLS sockets would take more away from it.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(used, socket.SHUT_RDWR)
        for connection, _ in idle:
            connection.close()

    def _take(self) -> http.client.HTTPConnection:
        while True:
            with self._lock:
                if self._closed.is_set():
                    raise ConnectionClosed(_CLOSED)
                if not self._idle:
                    break
                connection, since = self._idle.pop()
                if time.monotonic() - since < REUSE_SECONDS and _is_silent(connection):
                    self._used[connection] = connection.sock
                    return connection
            connection.close()
        connection = self._connected()
        with self._lock:
            if not self._closed.is_set():
                self._used[connection] = connection.sock
                return connection
        connection.close()
        raise ConnectionClosed(_CLOSED)

    def _give_back(self, connection: http.client.HTTPConnection, reusable: bool) -> None:
        with self._lock:
            self._used.pop(connection, None)
            if reusable and not self._closed.is_set():
                self._idle.append((connection, time.monotonic()))
                return
        connection.close()

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        import ssl

        return ssl.create_default_context()

    def _connected(self) -> http.client.HTTPConnection:
        host, port = self._address.host, self._address.port
        connection = (
            http.client.HTTPSConnection(host, port, timeout=CONNECT_SECONDS, context=self._tls)
            if self._address.secure
            else http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
        )
        try:
            connection.connect()
        except (OSError, UnicodeError) as error:  # a name that is no host's fails to be encoded
            connection.close()
            raise ConnectFailedError(error if isinstance(error, OSError) else OSError(str(error))) from None
        return connection


def _is_silent(connection: http.client.HTTPConnection) -> bool:
    """Whether nothing has come over an idle connection: neither its end, nor what nobody has asked for."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection.sock, selectors.EVENT_READ)
        return not selector.select(0)


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    body: bytes | None,
    headers: Mapping[str, str],
    limit: int,
) -> tuple[Answer, bool]:
    """The response, and whether the connection can be used again."""
    unsent: OSError | None = None
    try:
        connection.request(method, target, body, {"User-Agent": "duckwing", **headers})
    except TimeoutError:
        raise
    except OSError as error:  # the server may have refused, and hung up, before it has read everything
        unsent = error
    try:
        response = connection.getresponse()
        with response:
            data = _body(response, limit)
            reusable = unsent is None and not response.will_close
            return Answer(response.status, response.headers, data), reusable
    except (OSError, http.client.HTTPException):
        if unsent is not None:
            raise NotSentError(unsent.strerror or str(unsent)) from None
        raise


def _body(response: http.client.HTTPResponse, limit: int) -> bytes:
    too_large = ProtocolError(f"the response has more than {limit} bytes, which are the most that is accepted")
    if response.length is not None:
        if response.length > limit:
            raise too_large
        return response.read()
    pieces: list[bytes] = []
    size = 0
    while piece := response.read(_PIECE):
        size += len(piece)
        if size > limit:
            raise too_large
        pieces.append(piece)
    return b"".join(pieces)
