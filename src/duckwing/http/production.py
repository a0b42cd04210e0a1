"""Turns of a producer: as many batches as are worth a response."""

from __future__ import annotations

import struct
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ..rpc.call import Lockstep, Travelling, run_handler
from ..rpc.framing import (
    EMPTY_SCHEMA,
    Batch,
    Buffer,
    batch_message,
    empty_batch,
    has_dictionaries,
    schema_message,
)
from ..rpc.turns import check_output
from .answers import too_large
from .pointers import MAX_BATCH_BYTES, Outbox, Sent, uploads

if TYPE_CHECKING:
    from ..rpc.call import Call, Stream

TURN_BYTES = 4 << 20
"""A turn ends when it has so many."""

TURN_SECONDS = 0.05
"""A turn ends so long after its first batch: rows that are there should not wait for others."""

_COUNTS = struct.Struct("<QQH")
_LENGTHS = struct.Struct("<HI")


@dataclass(frozen=True)
class Turn:
    """What a producer has given since the last turn.

    Attributes:
        messages: of the batches.
        last: nothing comes after it.
        rows: of all batches.
        failed: an error is its only message.
        state: what another process needs to go on behind it; None: only this one can.
        uploads: of batches for which there are pointers among the messages.
        size: bytes of the batches, wherever they travel.
    """

    messages: tuple[Buffer, ...] = ()
    last: bool = False
    rows: int = 0
    failed: bool = False
    state: bytes | None = None
    uploads: Sequence[Future[None]] = ()
    size: int = 0

    @property
    def held(self) -> int:
        """Bytes of memory that it takes."""
        if all(upload.done() for upload in self.uploads):
            return sum(len(message) for message in self.messages)
        return self.size


class _Message(NamedTuple):
    data: Buffer
    rows: int
    sent: Sent | None = None
    logs: int = 0


class Production:
    """Makes the turns of one producer. What it holds belongs to the stream's lane.

    Of a stream that travels, the state of a turn is what the stream saved when it last could, and how many rows and
    log messages have been sent since then: whoever goes on makes these again, and leaves them out. (Rows and not
    batches: these may be of other sizes then, where they depend on the time that rows take.) So the conditions of the
    client (which it sends with a tick) change only where the stream can be saved, and are part of the state.

    Args:
        stream: the producer.
        call: that opened it.
        room: bytes that the messages of a turn may have.
        state: of the turn before this one, made elsewhere; None: the stream is new.
        travels: turns have a state.
        outbox: sends what is too large for a response; None: it is cut.
        coding: of what is sent.

    Attributes:
        state: that of the last turn: where the next one begins.
    """

    def __init__(
        self,
        stream: Stream,
        call: Call,
        room: int,
        *,
        travels: bool,
        state: bytes | None = None,
        outbox: Outbox | None = None,
        coding: str = "",
    ):
        self.stream = stream
        self.state = state
        self._call = call
        self._room = room
        self._outbox = outbox
        self._coding = coding
        self._enough = 1 if isinstance(stream, Lockstep) and stream.lockstep else TURN_BYTES
        self._left: deque[_Message] = deque()
        self._ended = False
        self._dictionaries = has_dictionaries(stream.output_schema)
        self._pending: Mapping[bytes, bytes] = {}
        self._known: Mapping[bytes, bytes] = {}
        self._restored = False
        self._sent = self._skip = 0
        self._logged = self._skip_logs = 0
        self._saved: bytes | None = None
        self._travelling = stream if travels and isinstance(stream, Travelling) else None
        if self._travelling is not None and state is not None:
            self._skip, self._skip_logs, self._known, saved = _unpack(state)
            self._restored = True
            self._travelling.load(saved)

    @property
    def ahead(self) -> int:
        """How many turns may be made before they are asked for."""
        return 0 if self._enough == 1 else 1

    @property
    def room(self) -> int:
        """Bytes that the messages of a turn may have."""
        return self._room

    def turn(self, metadata: Mapping[bytes, bytes] | None = None, seconds: float = TURN_SECONDS) -> Turn:
        """The next turn. An error of the stream is one of its messages, and the stream's end.

        Args:
            metadata: of the tick.
            seconds: it ends so long after its first batch.
        """
        messages: list[Buffer] = []
        sent: list[Sent] = []
        inline = size = rows = 0
        began = 0.0
        if metadata:
            self._pending = metadata
        try:
            while True:
                while self._left and (not messages or inline + len(self._left[0].data) <= self._room):
                    message = self._left.popleft()
                    self._sent += message.rows
                    self._logged += message.logs
                    messages.append(message.data)
                    if message.sent is not None:
                        sent.append(message.sent)
                    inline, rows = inline + len(message.data), rows + message.rows
                    size += message.sent.size if message.sent is not None else len(message.data)
                    began = began or time.monotonic()
                if self._left or self._ended or size >= min(self._enough, self._room // 2):
                    break
                if began and time.monotonic() - began > seconds:
                    break
                self._go_on()
        except BaseException as error:
            self._ended = True
            self._left.clear()
            failure = [batch_message(batch) for batch in self._call.failure(self.stream.output_schema, error)]
            failed = not messages and len(failure) == 1
            return Turn((*messages, *failure), True, rows, failed, uploads=uploads(sent), size=size)
        last = self._ended and not self._left
        self.state = None if last or self._saved is None else _pack(self._sent, self._logged, self._known, self._saved)
        return Turn(tuple(messages), last, rows, state=self.state, uploads=uploads(sent), size=size)

    def _go_on(self) -> None:
        """Have the stream make the next batch."""
        tick: Mapping[bytes, bytes] = {}
        saved = self._travelling.save() if self._travelling is not None else None
        if saved is not None:
            self._saved, self._sent, self._logged = saved, 0, 0
        if self._restored:
            tick, self._restored = self._known, False
        elif self._pending and (self._travelling is None or saved is not None):
            tick = self._known = self._pending
            self._pending = {}
        answer = run_handler(self.stream.turn, Batch(empty_batch(EMPTY_SCHEMA), tick))
        output = self.stream.output_schema
        if answer is not None:
            check_output(self._call, answer, output)  # before the log messages are taken, for they go with its error
        logs = self._call.messages(output)
        said = min(self._skip_logs, len(logs))
        self._skip_logs -= said
        self._logged += said
        self._left.extend(_Message(batch_message(message), 0, logs=1) for message in logs[said:])
        if answer is None:
            self._ended = True
            return
        known = min(self._skip, answer.data.num_rows)
        if known:
            self._skip -= known
            self._sent += known
            if known == answer.data.num_rows:
                return
            answer = Batch(answer.data.slice(known), answer.metadata)
        self._left.extend(self._pieces(answer))

    def _pieces(self, batch: Batch) -> Iterator[_Message]:
        """The messages of a batch, each small enough for a response, or for the store."""
        message = batch_message(batch, dictionaries=self._dictionaries)
        rows = batch.data.num_rows
        outbox = self._outbox
        apart = outbox is not None and outbox.takes(len(message), self._room)
        most = MAX_BATCH_BYTES if apart else self._room
        if len(message) <= most:
            sent = outbox.send(schema_message(batch.data.schema), message, self._coding) if outbox and apart else None
            yield _Message(sent.pointer if sent else message, rows, sent)
            return
        if rows <= 1:
            raise too_large(len(message), most, self._call.method)
        half = rows // 2
        yield from self._pieces(Batch(batch.data.slice(0, half), batch.metadata))
        yield from self._pieces(Batch(batch.data.slice(half), batch.metadata))


def _pack(sent: int, logged: int, tick: Mapping[bytes, bytes], saved: bytes) -> bytes:
    parts = [_COUNTS.pack(sent, logged, len(tick))]
    for key, value in tick.items():
        parts += [_LENGTHS.pack(len(key), len(value)), key, value]
    return b"".join((*parts, saved))


def _unpack(state: bytes) -> tuple[int, int, Mapping[bytes, bytes], bytes]:
    sent, logged, count = _COUNTS.unpack_from(state)
    position = _COUNTS.size
    tick: dict[bytes, bytes] = {}
    for _ in range(count):
        key, value = _LENGTHS.unpack_from(state, position)
        position += _LENGTHS.size
        tick[state[position : position + key]] = state[position + key : position + key + value]
        position += key + value
    return sent, logged, tick, state[position:]
