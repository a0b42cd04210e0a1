"""Streams: producers and exchanges, with what can happen before, within and after them."""

from __future__ import annotations

import enum
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from duckwing.rpc.call import Call, Handler
from duckwing.rpc.framing import Batch
from duckwing.rpc.method import Method, stream

from . import diary
from .calls import ServiceError

NUMBERS = pa.schema([pa.field("n", pa.int64())])
PAIRS = pa.schema([pa.field("n", pa.int64()), pa.field("label", pa.utf8())])
WRONG = pa.record_batch({"n": pa.array([1.5])})


class When(enum.Enum):
    """When a stream fails."""

    NEVER = enum.auto()
    OPENING = enum.auto()
    TURN = enum.auto()
    END = enum.auto()
    CLOSE = enum.auto()
    WRONG_SCHEMA = enum.auto()
    EXIT = enum.auto()


@dataclass(frozen=True)
class Produce:
    """What a producer makes.

    Attributes:
        batches: how many.
        rows: of each batch; numbers that go on from batch to batch.
        logs: messages before the header, each batch, and the end.
        fails: when it fails.
        at: the turn of ``TURN``, ``WRONG_SCHEMA`` and ``EXIT``.
        lockstep: no batch is made before it was asked for.
        diary: name of the diary that it writes; ``""`` for none.
    """

    batches: int
    rows: int = 1
    logs: int = 0
    fails: When = When.NEVER
    at: int = 0
    lockstep: bool = False
    diary: str = ""


@dataclass(frozen=True)
class Add:
    """What an exchange adds to each number, and the rest as in :class:`Produce`."""

    amount: int = 0
    logs: int = 0
    fails: When = When.NEVER
    at: int = 0
    diary: str = ""


@dataclass(frozen=True)
class Repeat:
    """Of which batches an exchange is."""

    schema: pa.Schema


@dataclass(frozen=True)
class Opened:
    """A header."""

    title: str
    total: int | None = None
    tags: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Bare:
    """A header without a field."""


PRODUCE = stream("produce", Produce, header=Opened, kind="producer")
PRODUCE_BARE = stream("produce_bare", Produce, header=Bare, kind="producer")
PRODUCE_ANYWHERE = stream("produce_anywhere", Produce, header=Opened, wrapped=True, kind="producer")
ADD = stream("add", Add, header=Opened)
ADD_BARE = stream("add_bare", Add, header=Bare)
TOTAL = stream("total", Add, header=Opened)
TOTAL_ANYWHERE = stream("total_anywhere", Add, header=Opened, wrapped=True)
REPEAT = stream("repeat", Repeat, header=Opened)

METHODS: Mapping[str, Method[Any, Any]] = {
    method.name: method
    for method in (PRODUCE, PRODUCE_BARE, PRODUCE_ANYWHERE, ADD, ADD_BARE, TOTAL, TOTAL_ANYWHERE, REPEAT)
}


class _Life:
    """What streams have in common: failures, log messages, and a diary.

    Attributes:
        number: of the next turn.
    """

    def __init__(self, call: Call, request: Produce | Add):
        self.number = 0
        self._call = call
        self._fails, self._at, self._logs, self._diary = request.fails, request.at, request.logs, request.diary
        self.log("opening")
        if self._fails is When.OPENING:
            raise ServiceError("cannot open")
        diary.write(self._diary, "opened")

    def log(self, what: str) -> None:
        """Log as often as asked."""
        for number in range(self._logs):
            self._call.log("INFO", f"{what}, {number}", {"turn": self.number})

    def begin_turn(self) -> Batch | None:
        """A turn begins; what it is answered with if it is the one that fails."""
        here = self.number == self._at
        self.log(f"turn {self.number}")
        self.number += 1
        if here and self._fails is When.TURN:
            raise ServiceError(f"cannot do turn {self._at}")
        if here and self._fails is When.EXIT:
            raise SystemExit(0)
        return Batch(WRONG) if here and self._fails is When.WRONG_SCHEMA else None

    def end(self) -> None:
        """The last turn is over."""
        self.log("end")
        if self._fails is When.END:
            raise ServiceError("cannot end")

    def close(self) -> None:
        """Clean up."""
        diary.write(self._diary, f"closed after {self.number}")
        if self._fails is When.CLOSE:
            raise ServiceError("cannot close")


class Producing:
    """Numbers from 0 on."""

    input_schema = None
    output_schema = NUMBERS

    def __init__(self, call: Call, request: Produce, header: Opened | Bare):
        self.header = header
        self.lockstep = request.lockstep
        self._life = _Life(call, request)
        self._request = request

    def turn(self, batch: Batch) -> Batch | None:
        """The next batch, with its number and what came with its tick."""
        number, rows = self._life.number, self._request.rows
        if number >= self._request.batches:
            self._life.end()
            return None
        wrong = self._life.begin_turn()
        if wrong is not None:
            return wrong
        data = pa.record_batch([pa.array(range(number * rows, (number + 1) * rows), pa.int64())], schema=NUMBERS)
        metadata = {b"conformance.batch": b"%d" % number, b"conformance.bytes": b"\x00\xff"}
        if b"conformance.tick" in batch.metadata:
            metadata[b"conformance.tick"] = batch.metadata[b"conformance.tick"]
        return Batch(data, metadata)

    def close(self) -> None:
        """Called once, however the stream ends."""
        self._life.close()


class ProducingAnywhere(Producing):
    """The same; another process can go on with it."""

    def save(self) -> bytes:
        """The number of the next batch."""
        return struct.pack("<q", self._life.number)

    def load(self, state: bytes) -> None:
        """Go on from there."""
        (self._life.number,) = struct.unpack("<q", state)


class Adding:
    """Each number and an amount; one batch of answers for each batch."""

    input_schema = PAIRS
    output_schema = NUMBERS

    def __init__(self, call: Call, request: Add, header: Opened | Bare):
        self.header = header
        self._life = _Life(call, request)
        self._amount = request.amount

    def turn(self, batch: Batch) -> Batch | None:
        """The answer, with the metadata of the question."""
        wrong = self._life.begin_turn()
        if wrong is not None:
            return wrong
        if "end" in batch.data["label"].to_pylist():
            return None
        numbers = self.answer(batch.data["n"])
        metadata = {key: value for key, value in batch.metadata.items() if key.startswith(b"conformance.")}
        return Batch(pa.record_batch([numbers], schema=NUMBERS), metadata)

    def answer(self, numbers: pa.Array) -> pa.Array:
        """As many numbers."""
        return pc.add(numbers, self._amount)

    def close(self) -> None:
        """Called once, however the stream ends."""
        self._life.close()


class Totalling(Adding):
    """The sum of all numbers so far, in one row."""

    total = 0

    def answer(self, numbers: pa.Array) -> pa.Array:
        """One number, or none for no numbers."""
        self.total += pc.sum(numbers).as_py() or 0
        return pa.array([self.total] if len(numbers) else [], pa.int64())


class TotallingAnywhere(Totalling):
    """The same; another process can go on with it."""

    def save(self) -> bytes:
        """The sum, and the number of the next turn."""
        return struct.pack("<qq", self.total, self._life.number)

    def load(self, state: bytes) -> None:
        """Go on from there."""
        self.total, self._life.number = struct.unpack("<qq", state)


class Repeating:
    """Batches of any schema, as they came, with their metadata."""

    def __init__(self, schema: pa.Schema):
        self.input_schema = self.output_schema = schema
        self.header = Opened("repeating", len(schema))

    def turn(self, batch: Batch) -> Batch:
        """The same batch."""
        return Batch(batch.data, {k: v for k, v in batch.metadata.items() if k.startswith(b"conformance.")})

    def close(self) -> None:
        """There is nothing to clean up."""


def _opened(title: str, total: int | None = None) -> Opened:
    return Opened(title, total, {"kind": title})


HANDLERS: Mapping[str, Handler] = {
    "produce": lambda call, r: Producing(call, r, _opened("producing", r.batches)),
    "produce_bare": lambda call, r: Producing(call, r, Bare()),
    "produce_anywhere": lambda call, r: ProducingAnywhere(call, r, _opened("producing", r.batches)),
    "add": lambda call, r: Adding(call, r, _opened("adding")),
    "add_bare": lambda call, r: Adding(call, r, Bare()),
    "total": lambda call, r: Totalling(call, r, _opened("totalling")),
    "total_anywhere": lambda call, r: TotallingAnywhere(call, r, _opened("totalling")),
    "repeat": lambda call, r: Repeating(r.schema),
}
