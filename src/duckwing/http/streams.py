"""Streams over HTTP: a request opens one, and each further turn is a request of its own (spec 02, section 8)."""

from __future__ import annotations

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from ..errors import StateError
from ..rpc import keys
from ..rpc.call import Call, Identity, Travelling
from ..rpc.codec import encode
from ..rpc.errors import ProtocolError
from ..rpc.framing import (
    END_OF_STREAM,
    Batch,
    Buffer,
    batch_message,
    empty_batch,
    schema_message,
    stream_buffers,
)
from ..rpc.limits import DEFAULT_LIMITS
from .answers import Answer, failure, too_large
from .calls import Route, read_body
from .cursors import Cursor, Cursors, OpenCall
from .lanes import Lanes
from .owners import Owners
from .pointers import MAX_BATCH_BYTES, Outbox, beside, uploads
from .production import Production, Turn
from .pumps import Pump, close_stream, last_closed
from .repeats import Repeats
from .steps import ROOM_FOR_TOKENS, KeptStream, exchange_batch, open_stream, reopen_stream

if TYPE_CHECKING:
    from ..state.backend import Backend

ANYBODY = bytes(16)
"""The owner of a stream that any process can go on with."""

KEPT_STREAMS = 1024
"""Streams that a process keeps open between their turns, to save the work of opening them again."""

KEPT_SECONDS = 300.0

HELD_BYTES = 256 << 20
"""So much may be kept for scans of which nothing was heard for ``QUIET_SECONDS``."""

QUIET_SECONDS = 60.0

LARGE_BODY = 1 << 20
"""Bytes. Larger inputs are not checked in the event loop's thread: others would wait."""

TEND_SECONDS = 5.0


class Streams:
    """The streams of a process.

    Args:
        lanes: where authors' code runs.
        cursors: makes the tokens.
        stream_limit: bytes of a turn's response, whatever the client takes.
        outbox: sends what is too large for a response; None: it is cut, or an error.
        backend: where processes of several machines meet.
    """

    def __init__(
        self,
        lanes: Lanes,
        cursors: Cursors,
        stream_limit: int,
        outbox: Outbox | None = None,
        backend: Backend | None = None,
    ):
        self._lanes = lanes
        self._cursors = cursors
        self._stream_limit = stream_limit
        self._outbox = outbox
        self._me = os.urandom(16)
        self._owners = Owners(self._me, self.go_on, lambda: bool(self._pumps or self._kept), backend)
        self._kept: OrderedDict[bytes, KeptStream] = OrderedDict()
        self._repeats = Repeats()
        self._pumps: dict[bytes, Pump] = {}

    async def start(self) -> None:
        """Let other processes hand over what only this one can go on with.

        Raises:
            StateError: there is no place for the socket.
            OSError: likewise.
        """
        await self._owners.listen()

    # Opening

    async def open(self, route: Route, body: bytes, caller: Identity, limit: int, coding: str) -> Answer:
        """Open a stream: its header and its first turn.

        Args:
            route: what the path names.
            body: of the request.
            caller: who calls.
            limit: bytes of an answer that are taken.
            coding: in which objects beside it are taken; ``""``: in none.

        Raises:
            RpcError: the request has not become a call.
            TypeError: likewise; a parameter cannot be read.
        """
        lane = self._lanes.free()
        limit = min(limit, self._stream_limit)
        outbox = self._outbox
        opened = await lane.run(lambda server: open_stream(server, route, body, caller, limit, outbox, coding))
        if isinstance(opened, Answer):
            return opened
        room = limit - opened.size - ROOM_FOR_TOKENS
        stream, call, output = opened.stream, opened.call, opened.stream.output_schema
        open_call = OpenCall(os.urandom(16), limit, route.method, output.serialize().to_pybytes(), coding=coding)
        travels = opened.state is not None
        if travels:
            open_call = replace(open_call, request=body, header=encode(stream.header))
        if stream.input_schema is not None:
            if isinstance(stream, Travelling) and not travels:  # it carries nothing
                nothing = stream_buffers(output, call.messages(output))
                return Answer([*opened.body, *nothing], function=call.subject, uploads=opened.uploads)
            kept = KeptStream(lane, stream, call, None, 0, opened.state or b"")
            self._keep(open_call.id, kept)
            owner = ANYBODY if travels else self._me
            if not travels:
                await self._owners.look()
            cursor = Cursor(open_call.id, owner, 0, opened.state or b"")
            tokens = self._tokens(cursor, route, caller, open_call)
            last = Batch(empty_batch(output), tokens)
            first = stream_buffers(output, [*call.messages(output), last])
            return Answer([*opened.body, *first], function=call.subject, uploads=opened.uploads)
        production = Production(stream, call, room, travels=travels, outbox=outbox, coding=coding)
        turn: Turn | None
        metadata = {key: value for key, value in opened.metadata.items() if not key.startswith(b"vgi_rpc.")}
        if travels:
            turn = await lane.run(lambda server: last_closed(production, metadata))
            if not turn.last:
                self._keep(open_call.id, KeptStream(lane, stream, call, production, 1))
        else:
            pump = Pump(lane, production, metadata)
            turn = await pump.turn(0)
            if turn is None or not turn.last:
                self._pumps[open_call.id] = pump
                await self._owners.look()
        answer = self._turn(turn, 0, open_call, output, route, caller, opened.body)
        return replace(answer, function=call.subject, uploads=[*opened.uploads, *answer.uploads])

    # Going on

    async def go_on(self, route: Route, body: bytes, caller: Identity, limit: int) -> Answer:
        """The next turn of a stream, or its end if the client wants no more.

        Raises:
            RpcError: the request is no turn.
            InvalidToken: its tokens are not the caller's, or too old.
        """
        if len(body) > LARGE_BODY:
            batch = (await asyncio.to_thread(read_body, body, DEFAULT_LIMITS)).batch
        else:
            batch = read_body(body, DEFAULT_LIMITS).batch
        if batch is None:
            raise ProtocolError("The request of a turn contains no batch.")
        if keys.LOCATION in batch.metadata:
            raise ProtocolError("the batch is a pointer to a location, but none was agreed on")
        token, call_token = batch.metadata.get(keys.STREAM_STATE), batch.metadata.get(keys.CALL_STATE)
        if token is None or call_token is None:
            raise ProtocolError(
                "The request of a turn carries no "
                f"'{(keys.STREAM_STATE if token is None else keys.CALL_STATE).decode()}' in its metadata."
            )
        cursor = self._cursors.read_cursor(token, route.protocol, caller)
        open_call = self._cursors.read_call(call_token, cursor, route.protocol, caller)
        if open_call.method != route.method:
            raise ProtocolError(f"The stream is one of method '{open_call.method}', not of '{route.method}'.")
        open_call = replace(open_call, limit=min(limit, open_call.limit, self._stream_limit))
        output = pa.ipc.read_schema(pa.py_buffer(open_call.output))
        if keys.CANCEL in batch.metadata:
            if cursor.owner not in (ANYBODY, self._me):
                await self._owners.ask(cursor.owner, route, body, caller, limit)
            else:
                await self._cancel(cursor, open_call, route, caller)
            return Answer(stream_buffers(output, []), cancelled=True)
        metadata = {k: v for k, v in batch.metadata.items() if k not in _OURS}
        if cursor.owner != ANYBODY and cursor.call in self._pumps:
            return await self._pumped(cursor, open_call, output, route, caller, metadata)
        repeated = self._repeats.answer(cursor) if cursor.owner == self._me else None
        if repeated is not None:
            return await repeated
        kept = self._take(cursor)
        lane = kept.lane if kept is not None else self._lanes.free()
        if kept is None:
            if cursor.owner != ANYBODY:
                elsewhere = cursor.owner != self._me
                answer = await self._owners.ask(cursor.owner, route, body, caller, limit) if elsewhere else None
                return answer or _lost(output)
            outbox = self._outbox
            reopened = await lane.run(
                lambda server: reopen_stream(server, route, open_call, cursor, caller, lane, outbox)
            )
            if isinstance(reopened, Answer):
                return reopened
            kept = reopened
        turn = self._next(kept, cursor, open_call, output, route, caller, Batch(batch.data, metadata))
        return await (turn if cursor.owner == ANYBODY else self._repeats.keep(cursor, turn))

    async def _next(
        self,
        kept: KeptStream,
        cursor: Cursor,
        open_call: OpenCall,
        output: pa.Schema,
        route: Route,
        caller: Identity,
        batch: Batch,
    ) -> Answer:
        production = kept.production
        kept.turn = cursor.turn + 1
        if production is not None:
            turn = await kept.lane.run(lambda server: last_closed(production, batch.metadata))
            if not turn.last:
                self._keep(cursor.call, kept)
            turned = self._turn(turn, cursor.turn, open_call, output, route, caller)
            return replace(turned, function=kept.call.subject)
        travels = cursor.owner == ANYBODY
        limit = open_call.limit if self._outbox is None else MAX_BATCH_BYTES + ROOM_FOR_TOKENS
        given = await kept.lane.run(lambda server: exchange_batch(kept, batch, limit, travels=travels))
        if isinstance(given, Answer):
            return given
        kept.state = given.state or b""
        self._keep(cursor.call, kept)
        following = Cursor(cursor.call, cursor.owner, kept.turn, kept.state)
        tokens = self._tokens(following, route, caller)
        answer = Batch(given.batch.data, {**given.batch.metadata, **tokens})
        whole = Answer(
            stream_buffers(output, [*given.logs, answer]), function=kept.call.subject, rows=answer.data.num_rows
        )
        if self._outbox is None or not self._outbox.takes(whole.size, open_call.limit):
            return whole
        try:
            # What the pointer stands for has the cursor in it (spec 02, section 11.1).
            body, sent = await asyncio.to_thread(beside, self._outbox, whole.body, open_call.limit, open_call.coding)
        except Exception as error:
            return failure(kept.call, output, error)
        return replace(whole, body=body, uploads=uploads(sent))

    async def _pumped(
        self,
        cursor: Cursor,
        open_call: OpenCall,
        output: pa.Schema,
        route: Route,
        caller: Identity,
        metadata: Mapping[bytes, bytes],
    ) -> Answer:
        try:
            turn = await self._pumps[cursor.call].turn(cursor.turn, metadata)
        except LookupError:
            return _lost(output)
        return self._turn(turn, cursor.turn, open_call, output, route, caller)

    async def _cancel(self, cursor: Cursor, open_call: OpenCall, route: Route, caller: Identity) -> None:
        pump = self._pumps.pop(cursor.call, None)
        if pump is not None:
            pump.close()
            return
        kept = self._kept.pop(cursor.call, None)
        if kept is None and open_call.header and cursor.owner == ANYBODY:
            lane = self._lanes.free()
            reopened = await lane.run(
                lambda server: reopen_stream(server, route, open_call, cursor, caller, lane, None)
            )
            kept = reopened if isinstance(reopened, KeptStream) else None
        if kept is None:
            return
        if kept.production is not None:
            await kept.lane.run(lambda server: close_stream(kept.stream))
        else:  # streams with input are not cancelled: a buffering function's is over when the client says so (8.4)
            self._keep(cursor.call, kept)

    # Answers

    def _turn(
        self,
        turn: Turn | None,
        number: int,
        open_call: OpenCall,
        output: pa.Schema,
        route: Route,
        caller: Identity,
        opening: Sequence[Buffer] | None = None,
    ) -> Answer:
        """The response with a turn; None: there is nothing yet, the client is to ask again."""
        body = [*(opening or ()), schema_message(output), *(turn.messages if turn is not None else ())]
        if turn is None or not turn.last:
            travels = bool(open_call.header)
            following = number if turn is None else number + 1
            state = turn.state if turn is not None and turn.state is not None else b""
            cursor = Cursor(open_call.id, ANYBODY if travels else self._me, following, state)
            tokens = self._tokens(cursor, route, caller, open_call if opening is not None else None)
            body.append(batch_message(Batch(empty_batch(output), tokens)))
        body.append(END_OF_STREAM)
        answer = Answer(body)
        if turn is not None:
            answer = replace(answer, failed=turn.failed, rows=turn.rows, uploads=turn.uploads)
        if answer.size > open_call.limit:
            return failure(Call({}, ""), output, too_large(answer.size, open_call.limit, route.method))
        return answer

    def _tokens(
        self, cursor: Cursor, route: Route, caller: Identity, open_call: OpenCall | None = None
    ) -> dict[bytes, bytes]:
        tokens = {keys.STREAM_STATE: self._cursors.cursor(cursor, route.protocol, caller)}
        if open_call is not None:
            tokens[keys.CALL_STATE] = self._cursors.call(open_call, route.protocol, caller)
        return tokens

    # What is kept

    def _keep(self, call: bytes, kept: KeptStream) -> None:
        kept.used = time.monotonic()
        other = self._kept.pop(call, None)
        if other is not None:
            _give_up(other)
        self._kept[call] = kept
        if len(self._kept) > KEPT_STREAMS:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _give_up(self._kept.popitem(last=False)[1])

    def _take(self, cursor: Cursor) -> KeptStream | None:
        """A kept stream that is as far as the cursor says. Whoever asks meanwhile opens it again."""
        kept = self._kept.get(cursor.call)
        if kept is None or kept.turn != cursor.turn:
            return None
        # A turn that was repeated may have ended somewhere else than the one that the client goes on from.
        state = kept.state if kept.production is None else kept.production.state
        return self._kept.pop(cursor.call) if (state or b"") == cursor.state else None

    async def tend(self) -> None:
        """Give up what nobody has asked about for long, for ever."""
        while True:
            await asyncio.sleep(TEND_SECONDS)
            now = time.monotonic()
            for id_ in [id_ for id_, pump in self._pumps.items() if pump.is_over(now)]:
                self._pumps.pop(id_).close()
            self._make_room(now)
            while self._kept and now - next(iter(self._kept.values())).used > KEPT_SECONDS:
                self._drop_oldest()
            self._repeats.forget(now - KEPT_SECONDS)

    def _make_room(self, now: float) -> None:
        """Of scans that nobody has asked about for a while, give up the oldest ones where all hold too much."""
        held = sum(pump.size for pump in self._pumps.values())
        for id_, pump in sorted(self._pumps.items(), key=lambda item: item[1].used):
            if held <= HELD_BYTES or now - pump.used < QUIET_SECONDS:
                return
            held -= pump.size
            self._pumps.pop(id_).close()

    def close(self) -> None:
        """End all scans that only this process can go on with."""
        self._owners.close()
        for pump in self._pumps.values():
            pump.close()
        self._pumps.clear()
        while self._kept:
            self._drop_oldest()


def _give_up(kept: KeptStream) -> None:
    kept.lane.submit(lambda server: close_stream(kept.stream))


def _lost(output: pa.Schema) -> Answer:
    error = StateError("the process that ran this scan has ended, or has given it up; run the query again")
    return failure(Call({}, ""), output, error)


_OURS = frozenset((keys.STREAM_STATE, keys.CALL_STATE, keys.CANCEL))
