"""Processes of this machine that serve the same clients.

A request for a stream that only another process can go on with is handed to that process over a socket which only
this user can open. If nobody answers there, the process is dead, and so is the stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import struct
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from ..errors import StateError
from ..rpc.call import Identity
from ..state.places import memory_root, private_folder
from .answers import Answer
from .calls import Route

PATIENCE_SECONDS = 60.0
"""Within which another process answers, which has something to say after a second at the latest, unless it is stuck."""

_FRAME = struct.Struct("<II")

Ask = Callable[[Route, bytes, Identity, int], Awaitable[Answer]]
"""Answers a request for the next turn of a stream: its path, its body, who calls, how large an answer may be."""


class Siblings:
    """The other processes, and this one's place among them.

    Args:
        me: 16 bytes that name this process.
        answer: answers what others hand over.
    """

    def __init__(self, me: bytes, answer: Ask):
        self._me = me
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._folder = -1

    async def listen(self) -> None:
        """Let others find this process.

        Raises:
            StateError: there is no place for its socket.
            OSError: likewise.
        """
        self._server = await asyncio.start_unix_server(self._serve, self._place(self._me))
        for name in os.listdir(self._found()):
            await self._sweep(name)

    def close(self) -> None:
        """Be found no more."""
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(OSError):
                os.unlink(self._place(self._me))
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1

    async def ask(self, owner: bytes, route: Route, body: bytes, caller: Identity, limit: int) -> Answer | None:
        """What another process answers; None if it is not there, or dies meanwhile."""
        try:
            reader, writer = await asyncio.open_unix_connection(self._place(owner))
        except (OSError, StateError):
            return None
        try:
            await _send(writer, about_request(route, caller, limit), body)
            return answered(*await asyncio.wait_for(_receive(reader), PATIENCE_SECONDS))
        except (OSError, EOFError, ValueError, TimeoutError):
            return None
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            head, body = await _receive(reader)
            route, caller, limit = read_request(head)
            await _send(writer, *about_answer(await self._answer(route, body, caller, limit)))
        writer.close()

    def _place(self, process: bytes) -> str:
        """Where a process listens."""
        folder, name = self._found(), f"{process.hex()}.sock"
        # The addresses of sockets are short: folders of state may be anywhere.
        return f"/proc/self/fd/{self._folder}/{name}" if sys.platform == "linux" else str(folder / name)

    def _found(self) -> Path:
        folder = private_folder(memory_root() / "http", follow=False)
        if self._folder < 0:
            self._folder = os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        return folder

    async def _sweep(self, name: str) -> None:
        """Remove the socket of a process that was killed."""
        try:
            process = bytes.fromhex(name.removesuffix(".sock"))
            _, writer = await asyncio.open_unix_connection(self._place(process))
        except ConnectionRefusedError:
            with contextlib.suppress(OSError):
                os.unlink(self._place(process))
        except (OSError, ValueError):
            return
        else:
            writer.close()


def about_request(route: Route, caller: Identity, limit: int) -> bytes:
    """What is handed over beside the body of a request."""
    head = {
        "route": [route.protocol, route.method, route.action],
        "caller": [caller.domain, caller.principal, caller.authenticated, dict(caller.claims)],
        "limit": limit,
    }
    return json.dumps(head, default=str).encode()


def read_request(head: bytes) -> tuple[Route, Identity, int]:
    """What :func:`about_request` made ``head`` of."""
    values = json.loads(head)
    return Route(*values["route"]), Identity(*values["caller"]), values["limit"]


def about_answer(answer: Answer) -> tuple[bytes, bytes]:
    """What is handed back: the facts of an answer, and its body."""
    about = {"status": answer.status, "failed": answer.failed, "rows": answer.rows}
    return json.dumps(about).encode(), b"".join(map(memoryview, answer.body))


def answered(about: bytes, body: bytes) -> Answer:
    """The answer of which :func:`about_answer` made this."""
    values = json.loads(about)
    return Answer([body], values["status"], values["failed"], rows=values["rows"])


async def _send(writer: asyncio.StreamWriter, head: bytes, body: bytes) -> None:
    writer.write(_FRAME.pack(len(head), len(body)) + head)
    writer.write(body)
    await writer.drain()


async def _receive(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head, body = _FRAME.unpack(await reader.readexactly(_FRAME.size))
    return await reader.readexactly(head), await reader.readexactly(body)
