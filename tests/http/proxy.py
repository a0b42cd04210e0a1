"""A proxy that hands each request to another server than the last one, and can go wrong on purpose.

``python -m tests.http.proxy [--fresh] PORT [PORT …]`` prints ``PORT:<n>`` and runs until it is ended.
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
        leaves_after: so many seconds after the request both connections end, whatever the server does.
    """

    head: bytes
    body: bytes
    number: int
    answer: bytes = b""
    drop_answer: bool = False
    leaves_after: float | None = None

    @property
    def path(self) -> str:
        """The path that was asked for."""
        return self.head.split(b" ", 2)[1].decode()


class Proxy:
    """Passes requests to servers in turn.

    Args:
        ports: of the servers, on the loopback.
        fault: may make something go wrong.
        fresh: each request goes over a connection of its own.
    """

    def __init__(self, ports: Sequence[int], fault: Fault | None = None, *, fresh: bool = False):
        self.requests: list[str] = []
        self._ports = itertools.cycle(ports)
        self._fault = fault
        self._fresh = fresh
        self._serving: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Begin to serve; the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Serve no more."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.close()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind: dict[int, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self._writers.add(writer)
        task.add_done_callback(self._serving.discard)
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
                if passing.leaves_after is not None:
                    _, server = await asyncio.open_connection("127.0.0.1", next(self._ports))
                    server.write(passing.head + passing.body)
                    await asyncio.sleep(passing.leaves_after)
                    server.close()
                    raise Drop
                if not passing.answer:
                    try:
                        passing.answer = await self._ask(passing, next(self._ports), behind)
                    except ConnectionRefusedError:  # nothing was sent, so the next server may have it
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
            self._writers.discard(writer)

    async def _ask(
        self, passing: Passing, port: int, behind: dict[int, tuple[asyncio.StreamReader, asyncio.StreamWriter]]
    ) -> bytes:
        if self._fresh:
            for _, writer in behind.values():
                writer.close()
            behind.clear()
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


async def _main(ports: Sequence[int], fresh: bool) -> None:
    print(f"PORT:{await Proxy(ports, fresh=fresh).start()}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        words = sys.argv[1:]
        asyncio.run(_main([int(word) for word in words if word != "--fresh"], "--fresh" in words))
