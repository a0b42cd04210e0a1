"""A server between a client and a worker that does what real networks and foreign servers do."""

from __future__ import annotations

import contextlib
import http.client
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast
from urllib.parse import urlsplit

SECONDS = 30.0


@dataclass(frozen=True)
class Asked:
    """A request.

    Attributes:
        method: such as ``POST``.
        path: as it was sent.
        headers: by name in lower case.
        body: as it was sent.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Told:
    """A response. ``length`` is what its Content-Length says; None: the truth."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    length: int | None = None

    def without(self, header: str) -> Told:
        """The same without a header."""
        return replace(self, headers={k: v for k, v in self.headers.items() if k.lower() != header.lower()})

    def having(self, **headers: str) -> Told:
        """The same with more headers; ``_`` stands for ``-``."""
        return replace(self, headers={**self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}})

    @property
    def raw(self) -> bytes:
        """As it goes over the wire."""
        length = len(self.body) if self.length is None else self.length
        lines = [f"HTTP/1.1 {self.status} X", *(f"{k}: {v}" for k, v in self.headers.items())]
        return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode("latin-1") + self.body


Fault = Callable[[Asked, Callable[[], Told]], Told | bytes]
"""Makes the response: from what the worker says (the second argument asks it), or alone. After bytes the connection
is closed; no bytes at all are a dropped connection."""


class Middle(socketserver.ThreadingTCPServer):
    """Passes requests on to a worker, unless ``fault`` does something else.

    Attributes:
        asked: all requests so far.
        connections: how many there were.
        ended: released with each connection that a fault has ended.
        fault: see :data:`Fault`.
        early: makes the pieces of an answer to a path before the body is read, which ends the connection; None: go on.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, worker: str, tls: ssl.SSLContext | None = None, port: int = 0):
        super().__init__(("127.0.0.1", port), _Handler)
        self._tls = tls
        self.worker = urlsplit(worker)
        self.asked: list[Asked] = []
        self.connections = 0
        self.ended = threading.Semaphore(0)
        self.fault: Fault = lambda asked, pass_on: pass_on()
        self.early: Callable[[str], Iterable[bytes] | None] = lambda path: None
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http{'' if self._tls is None else 's'}://127.0.0.1:{self.server_address[1]}"

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection, in its own thread."""
        if self._tls is None:
            super().finish_request(request, client_address)
            return
        with contextlib.suppress(OSError), self._tls.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)

    def posts(self, end: str = "") -> list[Asked]:
        """The POST requests whose path ends so."""
        return [asked for asked in self.asked if asked.method == "POST" and asked.path.endswith(end)]

    def stop(self) -> None:
        """Listen no longer."""
        self.shutdown()
        self.server_close()
        self._thread.join(SECONDS)

    def pass_on(self, asked: Asked) -> Told:
        """What the worker says."""
        connection = http.client.HTTPConnection(str(self.worker.hostname), self.worker.port, timeout=SECONDS)
        try:
            headers = {name: value for name, value in asked.headers.items() if name != "host"}
            connection.request(asked.method, asked.path, asked.body or None, headers)
            with connection.getresponse() as response:
                body = response.read()
                kept = {k: v for k, v in response.getheaders() if k.lower() not in ("content-length", "connection")}
                return Told(response.status, kept, body)
        finally:
            connection.close()


class _Handler(socketserver.StreamRequestHandler):
    timeout = SECONDS

    def handle(self) -> None:
        middle = cast("Middle", self.server)
        middle.connections += 1
        while line := self.rfile.readline():
            method, path, _ = line.decode("latin-1").split(" ", 2)
            headers = {}
            while (field := self.rfile.readline().decode("latin-1").strip()) != "":
                name, _, value = field.partition(":")
                headers[name.lower()] = value.strip()
            early = middle.early(path)
            if early is not None:
                for piece in early:
                    self.connection.sendall(piece)
                return
            asked = Asked(method, path, headers, self.rfile.read(int(headers.get("content-length", 0))))
            middle.asked.append(asked)
            told = middle.fault(asked, lambda asked=asked: middle.pass_on(asked))  # type: ignore[misc]
            if isinstance(told, bytes):
                self.connection.sendall(told)
                self.connection.shutdown(socket.SHUT_RDWR)
                middle.ended.release()
                return
            self.connection.sendall(told.raw if asked.method != "HEAD" else replace(told, body=b"").raw)
