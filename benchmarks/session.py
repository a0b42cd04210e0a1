"""A worker's session inside this process: Duckwing's own share of a call, without pipes and without an engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa

import duckwing as dw
from duckwing.client.arguments import encode_arguments
from duckwing.protocol import VGI
from duckwing.protocol.attach import CATALOG_ATTACH, CatalogAttachRequest
from duckwing.protocol.calls import BIND, INIT, BindRequest, CallType, InitRequest
from duckwing.rpc.client import Client
from duckwing.rpc.codec import encode
from duckwing.rpc.framing import EMPTY_SCHEMA, Batch, Buffer, Effect, batch_message, empty_batch, schema_message
from duckwing.rpc.server import Server


class Session:
    """An open stream of one function.

    Args:
        catalog: what is served.
        function: a scalar function if ``columns`` are given, else a table function.
        columns: schema of the input.
        arguments: named arguments of a table function, after ``positional``.
        positional: positional arguments of a table function.
    """

    def __init__(
        self,
        catalog: dw.Catalog,
        function: str,
        *,
        columns: pa.Schema | None = None,
        positional: Sequence[object] = (),
        arguments: dict[str, object] | None = None,
    ):
        self._wire = _Wire(dw.Worker(catalog).server())
        client = Client(self._wire, VGI)
        attached = client.call(CATALOG_ATTACH, CatalogAttachRequest(catalog.catalog_name))
        request = BindRequest(
            function_name=function,
            arguments=encode_arguments(positional, arguments or {}),
            function_type=CallType.TABLE if columns is None else CallType.SCALAR,
            input_schema=columns,
            attach_opaque_data=attached.attach_opaque_data,
        )
        output = client.call(BIND, request).output_schema
        client.open(INIT, InitRequest(bind_call=encode(request), output_schema=output))
        self._wire.feed(bytes(schema_message(EMPTY_SCHEMA if columns is None else columns)))
        self._wire.take()

    def exchange(self, message: bytes, count: int) -> float:
        """Feed the same message ``count`` times; seconds that all answers took.

        It is there in the pieces that are asked for, as a transport reads them.
        """
        pieces, feed, discard = self._wire.feed(message), self._wire.feed_pieces, self._wire.discard
        discard()
        start = time.perf_counter()
        for _ in range(count):
            feed(pieces)
            discard()
        return time.perf_counter() - start

    def answer(self, message: bytes) -> bytes:
        """The bytes of the answer to one message."""
        self._wire.feed(message)
        return self._wire.take()


def message_of(batch: pa.RecordBatch) -> bytes:
    """A batch as it travels."""
    return bytes(batch_message(Batch(batch)))


def tick() -> bytes:
    """The message that asks a table function for its next batch."""
    return message_of(empty_batch(EMPTY_SCHEMA))


class _Wire:
    """The client's end of a connection whose other end is a server's core, run as soon as bytes are there."""

    def __init__(self, server: Server):
        self._core = server.session()
        self._effect: Effect = next(self._core)
        self._answers: list[Buffer] = []
        self._unread = b""

    def write(self, buffers: Sequence[Buffer]) -> None:
        self.feed(b"".join(bytes(buffer) for buffer in buffers))

    def read(self, size: int) -> bytes:
        self._unread += self.take()
        piece, self._unread = self._unread[:size], self._unread[size:]
        return piece

    def feed(self, data: bytes) -> list[bytes]:
        """Hand complete messages to the core and let it work until it wants the next one; the pieces that it wanted."""
        pieces, position = [], 0
        while position < len(data):
            assert isinstance(self._effect, int)
            pieces.append(data[position : position + self._effect])
            position += self._effect
            self.feed_pieces(pieces[-1:])
        return pieces

    def feed_pieces(self, pieces: Iterable[bytes]) -> None:
        """Hand complete messages to the core, in the pieces that it wants."""
        effect = self._effect
        send: Callable[[bytes], Effect] = self._core.send
        for piece in pieces:
            effect = send(piece)
            while not isinstance(effect, int):
                self._answers.extend(effect)
                effect = send(b"")
        self._effect = effect

    def take(self) -> bytes:
        """What the core has answered since the last time."""
        answered = b"".join(bytes(buffer) for buffer in self._answers)
        self.discard()
        return answered

    def discard(self) -> None:
        """Forget what the core has answered."""
        self._answers.clear()
