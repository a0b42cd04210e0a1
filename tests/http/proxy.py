"""A proxy that hands each request to another server than the last one, and can go wrong on purpose.

``python -m tests.http.proxy PORT [PORT …]`` prints ``PORT:<n>`` and runs until it is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

Fault = Callable[["Passing"], Awaitable[None]]
"""Called with a request that has come, before it is passed on; raises :class:`Drop` to end the connection."""

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect: *100-continue", re.IGNORECASE)


class Drop(Exception):
    """End the client's connection without an answer."""


@dataclass
class Passing:
    """A request on its way.

    Attributes:
        head: request line and headers.
        body: its body.
        number: of all requests so far.
        answer: what the server said, once it has; a fault may set it.
        drop_answer: the client's connection ends when the server has answered.
    """

    head: bytes
    body: bytes
    number: int
    answer: bytes = b""
    drop_answer: bool = False

    @property
    def path(self) -> str:
        """The path that was asked for."""
        return self.head.split(b" ", 2)[1].decode()


class Proxy:
    """Passes requests to servers in turn.

    Args:
        ports: of the servers, on the loopback.
        fault: may make something go wrong.
    """

    def __init__(self, ports: Sequence[int], fault: Fault | None = None):
        self.requests: list[str] = []
        self._ports = itertools.cycle(ports)
        self._fault = fault
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Begin to serve; the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind: dict[int, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if _EXPECT.search(head):
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                    head = _EXPECT.sub(b"", head)
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1])) if length else b""
                passing = Passing(head, body, len(self.requests))
                self.requests.append(passing.path)
                if self._fault is not None:
                    await self._fault(passing)
                if not passing.answer:
                    passing.answer = await self._ask(passing, next(self._ports), behind)
                if passing.drop_answer:
                    raise Drop
                writer.write(passing.answer)
                await writer.drain()
        except (Drop, OSError, EOFError):
            pass
        finally:
            for _, each in behind.values():
                each.close()
            writer.close()

    async def _ask(
        self, passing: Passing, port: int, behind: dict[int, tuple[asyncio.StreamReader, asyncio.StreamWriter]]
    ) -> bytes:
        for known in (True, False):  # a connection that was kept may have been closed meanwhile
            if port not in behind or not known:
                behind[port] = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
            reader, writer = behind[port]
            try:
                writer.write(passing.head + passing.body)
                await writer.drain()
                head = await reader.readuntil(b"\r\n\r\n")
            except (OSError, EOFError):
                if known:
                    continue
                raise
            length = _LENGTH.search(head)
            bodiless = passing.head.startswith(b"HEAD ") or head.split(b" ", 2)[1] in (b"204", b"304")
            return head + (await reader.readexactly(int(length[1])) if length and not bodiless else b"")
        raise AssertionError


async def _main(ports: Sequence[int]) -> None:
    print(f"PORT:{await Proxy(ports).start()}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main([int(port) for port in sys.argv[1:]]))
