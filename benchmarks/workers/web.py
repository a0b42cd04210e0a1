"""One gigabyte to scan, and small calls, for the case ``http``.

With the word ``recorded`` on the command line, the server gives the turns of the first scan again for each further
one. It has three handlers that do as little as can be done: under ``/constant/<n>`` one reads a request and answers n
zeros, under ``/arrow`` one reads the Arrow stream of a request and writes it again, and under ``/thread`` one does that
in the thread in which an author's code would run.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

import duckwing as dw
from duckwing.http.lanes import Lane
from duckwing.rpc.server import Server
from duckwing.types import BIGINT

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from duckwing.http.app import Application

COLUMNS = 8
ROWS = 65_536

web = dw.Catalog("web")

_batch = pa.record_batch({f"c{i}": np.arange(ROWS, dtype=np.int64) + i for i in range(COLUMNS)})


@web.table_function(columns={"n": BIGINT})
def numbers(batches: int) -> Iterator[dict[str, npt.NDArray[np.int64]]]:
    """Count up from zero: each batch is made."""
    for start in range(0, batches * ROWS, ROWS):
        yield {"n": np.arange(start, start + ROWS)}


@web.table_function(columns=dict.fromkeys(_batch.schema.names, BIGINT))
def wide(batches: int) -> Iterator[pa.RecordBatch]:
    """The same batch again and again: what is left is moving it."""
    for _ in range(batches):
        yield _batch


@web.scalar
def same(value: pa.Int64Array) -> pa.Int64Array:
    return value


Serve = Callable[["Application", "Scope", "Receive", "Send"], Awaitable[None]]

CONSTANT, ARROW, THREAD = "/constant/", "/arrow", "/thread"


class _Recorded:
    """An application's ``__call__`` that hands on what it has not recorded.

    Args:
        serve: the real one.
    """

    def __init__(self, serve: Serve):
        self._serve = serve
        self._turns: list[list[Message]] = []
        self._complete = False
        self._next = 0
        self._lane: Lane | None = None

    async def __call__(self, app: Application, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if path.startswith(CONSTANT):
            await _read(receive)
            await _answer(bytes(int(path.removeprefix(CONSTANT))), send)
        elif path == ARROW:
            await _answer(_again(await _read(receive)), send)
        elif path == THREAD:
            body = await _read(receive)
            if self._lane is None:
                self._lane = Lane(lambda: Server([]), "a thread")
            await _answer(await self._lane.run(lambda _: _again(body)), send)
        elif path.endswith("/init/init"):
            self._complete, self._next = bool(self._turns), 0
            await self._turn(app, scope, receive, send)
        elif path.endswith("/init/exchange"):
            await self._turn(app, scope, receive, send)
        else:
            await self._serve(app, scope, receive, send)

    async def _turn(self, app: Application, scope: Scope, receive: Receive, send: Send) -> None:
        if self._complete:
            await _read(receive)
            for message in self._turns[self._next]:
                await send(message)
            self._next += 1
            return
        turn: list[Message] = []

        async def record(message: Message) -> None:
            turn.append(message)
            await send(message)

        await self._serve(app, scope, receive, record)
        self._turns.append(turn)


def _again(body: bytes) -> bytes:
    """An Arrow stream of one batch, read and written."""
    with pa.ipc.open_stream(body) as stream:
        batch, metadata = stream.read_next_batch_with_custom_metadata()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch, metadata)
    again: bytes = sink.getvalue().to_pybytes()
    return again


async def _read(receive: Receive) -> bytes:
    message = await receive()
    pieces = [message["body"]]
    while message.get("more_body"):
        message = await receive()
        pieces.append(message["body"])
    return b"".join(pieces)


async def _answer(body: bytes, send: Send) -> None:
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if "recorded" in sys.argv:
    from duckwing.http import app

    recorded = _Recorded(app.Application.__call__)

    async def _call(self: Application, scope: Scope, receive: Receive, send: Send) -> None:
        await recorded(self, scope, receive, send)

    app.Application.__call__ = _call  # type: ignore[method-assign]
