"""The smallest client of HTTP: requests that are made before, over connections that are kept."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

from benchmarks.roundtrip import Sized
from benchmarks.workers.web import CONSTANT

ARROW_STREAM = "application/vnd.apache.arrow.stream"

_PIECE = 1 << 20
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_FAILED = re.compile(rb"\r\nx-vgi-rpc-error:", re.IGNORECASE)


def post(path: str, body: Sized) -> list[bytes | Sized]:
    """A request, in parts for ``sendmsg``."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Type: {ARROW_STREAM}",
        f"Content-Length: {len(body)}",
    ]
    return ["\r\n".join([*lines, "", ""]).encode(), body]


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        head: its status line and headers.
        body: its body.
    """

    head: bytes
    body: bytes


class Connection:
    """A connection that is kept.

    Args:
        port: of the loopback.
    """

    def __init__(self, port: int):
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._room = bytearray(_PIECE)

    def send(self, request: Sequence[bytes | Sized]) -> None:
        """Send a request."""
        left = sum(len(part) for part in request) - self._socket.sendmsg(request)
        if left:  # the parts are joined only where they do not fit into the socket's buffer
            whole = b"".join(memoryview(part) for part in request)
            self._socket.sendall(memoryview(whole)[-left:])

    def receive(self) -> int:
        """Read an answer and forget it; the bytes of its body.

        Raises:
            RuntimeError: it is an error.
        """
        _, size, start = self._begin()
        left = size - len(start)
        while left > 0:
            left -= self._read()
        return size

    def reply(self) -> Reply:
        """Read an answer.

        Raises:
            RuntimeError: it is an error.
        """
        head, size, start = self._begin()
        body = bytearray(start)
        while len(body) < size:
            body += self._room[: self._read()]
        return Reply(head, bytes(body))

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def _begin(self) -> tuple[bytes, int, bytes]:
        """The head of an answer, the length of its body, and what has come of that."""
        start = b""
        while b"\r\n\r\n" not in start:
            start += self._room[: self._read()]
        head, _, start = start.partition(b"\r\n\r\n")
        found = _LENGTH.search(head)
        if not head.startswith(b"HTTP/1.1 200 ") or found is None or _FAILED.search(head):
            raise RuntimeError(f"expected an answer that is no error, got {head + start!r:.500}")
        return head, int(found[1]), start

    def _read(self) -> int:
        count = self._socket.recv_into(self._room)
        if not count:
            raise RuntimeError("the server has closed the connection")
        return count


class Posts:
    """The limit of any worker over HTTP: the same bytes there and back, through the same server.

    Args:
        port: of a worker that was started with the word ``recorded``.
        count: of connections; messages are dealt out among them, as engine threads deal out their rows.
    """

    def __init__(self, port: int, count: int):
        self._connections = [Connection(port) for _ in range(count)]
        self._threads = ThreadPoolExecutor(count)

    def __enter__(self) -> Posts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown()
        for connection in self._connections:
            connection.close()

    def run(self, messages: Sequence[Sized], answers: Sequence[int]) -> None:
        """Send each message and wait for an answer of ``answers[i]`` bytes before the next."""
        lanes = len(self._connections)
        running = [
            self._threads.submit(_run, connection, messages[number::lanes], answers[number::lanes])
            for number, connection in enumerate(self._connections)
        ]
        for lane_done in running:
            lane_done.result()


def _run(connection: Connection, messages: Sequence[Sized], answers: Sequence[int]) -> None:
    for message, answer in zip(messages, answers, strict=True):
        connection.send(post(f"{CONSTANT}{answer}", message))
        connection.receive()
