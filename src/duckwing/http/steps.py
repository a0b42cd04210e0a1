"""The steps of a stream that run authors' code, each in the stream's lane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..rpc.call import Call, Identity, Stream, Travelling, run_handler
from ..rpc.codec import decode, to_batch
from ..rpc.framing import EMPTY_SCHEMA, Batch, Buffer, batch_message, has_dictionaries, stream_buffers
from ..rpc.server import Server
from ..rpc.turns import adapter, check_output
from .answers import Answer, failure, too_large
from .calls import Route, find, read_body, read_call
from .cursors import Cursor, OpenCall
from .lanes import Lane
from .pointers import Outbox, beside, uploads
from .production import Production
from .pumps import close_stream

ROOM_FOR_TOKENS = 16_384
"""Bytes of a response that are left for a cursor and the ends of its streams."""


@dataclass
class KeptStream:
    """A stream between two turns. Any process could open it again.

    Attributes:
        lane: where it lives.
        stream: the stream.
        call: the call that opened it here.
        production: makes its turns, if it is a producer.
        turn: its next turn.
        state: of a stream with input, where that begins.
        used: when it was used last.
    """

    lane: Lane
    stream: Stream
    call: Call
    production: Production | None
    turn: int
    state: bytes = b""
    used: float = 0.0


@dataclass
class Opened:
    """A stream that has begun.

    Attributes:
        stream: the stream.
        call: that opened it.
        metadata: of the request.
        body: the messages of its header.
        state: what another process needs to go on; None: only this one can.
        uploads: of what the header points to.
    """

    stream: Stream
    call: Call
    metadata: Mapping[bytes, bytes]
    body: Sequence[Buffer]
    state: bytes | None
    uploads: Sequence[Future[None]]

    @property
    def size(self) -> int:
        """Bytes of the header."""
        return sum(memoryview(buffer).nbytes for buffer in self.body)


@dataclass
class Given:
    """What a stream has answered to a batch.

    Attributes:
        batch: the answer.
        logs: the log messages before it.
        state: what another process needs to go on behind it; None: only this one can.
    """

    batch: Batch
    logs: list[Batch]
    state: bytes | None


def open_stream(
    server: Server,
    route: Route,
    body: bytes,
    caller: Identity,
    limit: int,
    outbox: Outbox | None,
    coding: str,
) -> Opened | Answer:
    """Begin the call, up to its header."""
    protocol, method, handler = find(server, route)
    metadata, params = read_call(protocol, method, route, read_body(body, server.limits), server.limits)
    call = Call(metadata, server.server_id, caller)
    call.method = route.method
    stream: Stream | None = None
    try:
        stream = run_handler(handler, call, params)
        header = to_batch(stream.header)
        opening = stream_buffers(header.schema, [*call.messages(header.schema), call.tag(header)])
        shortened, sent = beside(outbox, opening, limit // 2, coding)
        return Opened(stream, call, metadata, shortened, saved_state(stream), uploads(sent))
    except BaseException as error:
        return _failed(call, EMPTY_SCHEMA, error, stream)


def reopen_stream(
    server: Server,
    route: Route,
    open_call: OpenCall,
    cursor: Cursor,
    caller: Identity,
    lane: Lane,
    outbox: Outbox | None,
) -> KeptStream | Answer:
    """Open a stream again that was begun elsewhere, or whose turn is repeated."""
    protocol, method, handler = find(server, route)
    metadata, params = read_call(protocol, method, route, read_body(open_call.request, server.limits), server.limits)
    call = Call(metadata, server.server_id, caller, opened=decode(method.result, open_call.header))
    call.method = route.method
    stream: Any = None
    try:
        stream = run_handler(handler, call, params)
        production = None
        if stream.input_schema is None:
            room = open_call.limit - ROOM_FOR_TOKENS
            production = Production(
                stream, call, room, travels=True, state=cursor.state, outbox=outbox, coding=open_call.coding
            )
        else:
            stream.load(cursor.state)
        call.messages(EMPTY_SCHEMA)  # what is logged on opening was sent when the stream was begun
        return KeptStream(lane, stream, call, production, cursor.turn)
    except BaseException as error:
        return _failed(call, EMPTY_SCHEMA, error, stream)


def exchange_batch(kept: KeptStream, batch: Batch, limit: int, *, travels: bool) -> Given | Answer:
    """The batch that answers a batch of input."""
    stream, call = kept.stream, kept.call
    output, expected = stream.output_schema, stream.input_schema
    try:
        adapt = adapter(batch.data.schema, expected) if expected is not None else None
        answer = run_handler(stream.turn, adapt(batch) if adapt is not None else batch)
        if answer is None:
            ended = Answer(stream_buffers(output, call.messages(output)))
            close_stream(stream)
            return ended
        check_output(call, answer, output)  # before the log messages are taken, for they go with its error
        logs = call.messages(output)
        size = len(batch_message(answer, dictionaries=has_dictionaries(output)))
        if size + ROOM_FOR_TOKENS > limit:
            raise too_large(size, limit, call.method)
        return Given(answer, logs, saved_state(stream) if travels else None)
    except BaseException as error:
        return _failed(call, output, error, stream)


def _failed(call: Call, schema: pa.Schema, error: BaseException, stream: Stream | None) -> Answer:
    """The error as an answer; the stream, if it has come that far, is over."""
    answer = failure(call, schema, error)
    if stream is not None:
        close_stream(stream)
    return answer


def saved_state(stream: Stream) -> bytes | None:
    """What another process needs to go on with a stream; None: only this one can."""
    return stream.save() if isinstance(stream, Travelling) else None
