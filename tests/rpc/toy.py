"""A small, complete service that the tests of the RPC layer talk to."""

from __future__ import annotations

import contextlib
import enum
import os
import queue
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, BinaryIO

import pyarrow as pa

from duckwing.rpc import keys
from duckwing.rpc.call import Call
from duckwing.rpc.codec import EMPTY_MAP, NESTED, encode, to_batch
from duckwing.rpc.errors import ConnectionClosed
from duckwing.rpc.framing import Batch, Buffer, Core, MemoryStream, StreamReader, drive, stream_buffers
from duckwing.rpc.limits import DEFAULT_LIMITS, Limits
from duckwing.rpc.method import REQUEST_SCHEMA, Method, NoParams, Protocol, stream, unary
from duckwing.rpc.server import Server

NUMBERS = pa.schema([pa.field("n", pa.int64())])
PAIRS = pa.schema([pa.field("x", pa.int64()), pa.field("label", pa.utf8())])


class Color(enum.Enum):
    """A parameter that travels by member name."""

    RED = 1
    green = 2


@dataclass(frozen=True)
class Add:
    """Two numbers."""

    a: int
    b: int


@dataclass(frozen=True)
class Point:
    """A record inside others."""

    x: float
    label: str | None = None


@dataclass(frozen=True)
class Everything:
    """One parameter of every form that travels flat."""

    text: str
    data: bytes
    number: int
    ratio: float
    flag: bool
    small: Annotated[int, pa.int8()]
    color: Color
    point: Point
    nested: Annotated[Point, NESTED]
    words: tuple[str, ...] = ()
    counts: Mapping[str, int | None] = EMPTY_MAP
    note: str | None = None


@dataclass(frozen=True)
class Fail:
    """How to fail."""

    how: str


@dataclass(frozen=True)
class Count:
    """How far to count."""

    n: int
    fail_at: int | None = None


@dataclass(frozen=True)
class Double:
    """Which exchange to open."""

    mode: str = ""


@dataclass(frozen=True)
class Opened:
    """Header of the streams."""

    title: str
    total: int | None = None


ADD = unary("add", Add, int)
ECHO = unary("echo", Everything, Everything)
MIDDLE = unary("middle", Add, Point, wrapped=True)
FIND = unary("find", Fail, str | None)
FORGET = unary("forget", NoParams)
FAIL = unary("fail", Fail, str)
COUNT = stream("count", Count, header=Opened)
DOUBLE = stream("double", Double, header=Opened, wrapped=True)
ABSENT = unary("absent", NoParams, int)

TOY = Protocol(
    "toy.calculator.v1",
    "1.2.3",
    {m.name: m for m in (ADD, ECHO, MIDDLE, FIND, FORGET, FAIL, COUNT, DOUBLE, ABSENT)},
)
LOOSE = Protocol("toy.loose", "", {"add": ADD})


class ToyError(Exception):
    """An error of the user's own."""


class Counting:
    """A producer of ``n`` numbers, one a turn."""

    input_schema = None
    output_schema = NUMBERS

    def __init__(self, call: Call, request: Count, closed: queue.SimpleQueue[str]):
        self.header = Opened("counting", request.n)
        self._call = call
        self._request = request
        self._closed = closed
        self._i = 0

    def turn(self, batch: Batch) -> Batch | None:
        """The next number."""
        if self._i == self._request.fail_at:
            raise ToyError(f"cannot count to {self._i}")
        if self._i >= self._request.n:
            self._call.log("DEBUG", "done")
            return None
        self._i += 1
        self._call.log("INFO", f"turn {self._i}", {"i": self._i})
        answer = pa.record_batch([pa.array([self._i], pa.int64())], schema=NUMBERS)
        return Batch(answer, {b"tick": batch.metadata.get(b"tick", b"-")})

    def close(self) -> None:
        """Tell the test."""
        self._closed.put("count")


class Doubling:
    """An exchange that doubles ``x``; the label says how to misbehave."""

    input_schema = PAIRS
    output_schema = NUMBERS

    def __init__(self, mode: str, closed: queue.SimpleQueue[str]):
        self.header = Opened("doubling")
        self._mode = mode
        self._closed = closed

    def turn(self, batch: Batch) -> Batch | None:
        """Twice ``x``, row by row."""
        labels = batch.data.column("label").to_pylist()
        if "fail" in labels:
            raise ToyError("asked to fail")
        if "exit" in labels:
            raise SystemExit(0)
        if "end" in labels:
            return None
        xs = batch.data.column("x").to_pylist()
        if "other schema" in labels:
            return Batch(pa.record_batch({"n": pa.array([float(x) for x in xs])}))
        return Batch(pa.record_batch([pa.array([2 * x for x in xs], pa.int64())], schema=NUMBERS))

    def close(self) -> None:
        """Tell the test."""
        self._closed.put("double")
        if self._mode == "bad close":
            raise ToyError("cannot close")


class Toy:
    """The handlers, and what they have seen.

    Attributes:
        closed: name of each stream when it is closed.
        forgotten: calls of the void method.
    """

    def __init__(self) -> None:
        self.closed: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.forgotten = 0

    def server(self, limits: Limits = DEFAULT_LIMITS) -> Server:
        """A server that hosts the toy under two protocols."""
        handlers = {
            "add": self.add,
            "echo": lambda call, request: request,
            "middle": lambda call, request: Point((request.a + request.b) / 2, "middle"),
            "find": lambda call, request: None if request.how == "nothing" else f"found {request.how}",
            "forget": self.forget,
            "fail": self.fail,
            "count": lambda call, request: Counting(call, request, self.closed),
            "double": self.double,
        }
        return Server([(TOY, handlers), (LOOSE, {"add": self.add})], limits=limits)

    def add(self, call: Call, request: Add) -> int:
        """The sum."""
        call.log("INFO", f"adding {request.a} and {request.b}")
        return request.a + request.b

    def forget(self, call: Call, request: NoParams) -> None:
        """Only count."""
        self.forgotten += 1

    def fail(self, call: Call, request: Fail) -> Any:
        """Fail in the way that the request asks for."""
        call.log("WARN", "about to fail")
        match request.how:
            case "value":
                raise ValueError("no such value: \N{DUCK}")
            case "own":
                raise ToyError("first line\nsecond line")
            case "exit":
                raise SystemExit(0)
            case "stop":
                return next(iter(()))
            case "connection":
                raise ConnectionClosed("some other server went away")
            case "unprintable":
                raise Unprintable
            case "huge":
                raise ValueError("x" * 200_000_000)
            case "wrong type":
                return 5
            case "null":
                return None
        return "did not fail"

    def double(self, call: Call, request: Double) -> Doubling:
        """Open the exchange."""
        if request.mode == "refuse":
            raise ToyError("no stream today")
        call.log("INFO", "opening")
        return Doubling(request.mode, self.closed)


class Unprintable(Exception):
    """An exception with a broken message."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Pipe:
    """A :class:`~duckwing.rpc.framing.ByteStream` over two files, which it owns."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO, closers: tuple[Any, ...] = ()):
        self._reader, self._writer = reader, writer
        self._closers = closers

    def read(self, size: int) -> bytes:
        return self._reader.read(size)

    def write(self, buffers: list[Buffer]) -> None:
        try:
            for buffer in buffers:
                self._writer.write(buffer)
            self._writer.flush()
        except OSError as error:
            raise ConnectionClosed(str(error)) from None

    def close(self) -> None:
        for closer in (self._writer, self._reader, *self._closers):
            with contextlib.suppress(OSError):
                closer.close()


def pipes() -> tuple[Pipe, Pipe]:
    """The two ends of a connection over ``os.pipe``."""
    a, b = os.pipe()
    c, d = os.pipe()
    return Pipe(open(a, "rb"), open(d, "wb")), Pipe(open(c, "rb"), open(b, "wb"))


def sockets() -> tuple[Pipe, Pipe]:
    """The two ends of a connection over a socket pair."""
    ours, theirs = socket.socketpair()
    return (
        Pipe(ours.makefile("rb"), ours.makefile("wb"), (ours,)),
        Pipe(theirs.makefile("rb"), theirs.makefile("wb"), (theirs,)),
    )


@contextlib.contextmanager
def connection(server: Server, ends: tuple[Pipe, Pipe]) -> Iterator[Pipe]:
    """The client's end of a connection that ``server`` serves in a thread."""
    near, far = ends
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            drive(server.session(), far)
        except BaseException as error:
            failures.append(error)
        finally:
            far.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield near
    finally:
        near.close()
        thread.join(30)
        assert not thread.is_alive(), "the session did not end with its connection"
        assert not failures, failures


# Bytes, for tests of what no client would send.


def joined(buffers: list[Buffer]) -> bytes:
    """The buffers as one byte string."""
    return b"".join(memoryview(buffer) for buffer in buffers)


def request_metadata(method: str, **changes: bytes | None) -> dict[bytes, bytes]:
    """Metadata of a good request, with keys (by their constant's name) changed, or removed by None."""
    metadata = {
        keys.METHOD: method.encode(),
        keys.REQUEST_VERSION: b"1",
        keys.PROTOCOL: TOY.name.encode(),
        keys.PROTOCOL_VERSION: TOY.version.encode(),
    }
    for name, value in changes.items():
        key = getattr(keys, name)
        if value is None:
            metadata.pop(key, None)
        else:
            metadata[key] = value
    return metadata


def request(method: Method[Any, Any], params: Any, **changes: bytes | None) -> bytes:
    """The bytes of a request for ``method``."""
    data = (
        pa.record_batch([pa.array([encode(params)], pa.binary())], schema=REQUEST_SCHEMA)
        if method.wrapped
        else to_batch(params)
    )
    return joined(stream_buffers(data.schema, [Batch(data, request_metadata(method.name, **changes))]))


def batches(*data: pa.RecordBatch, metadata: Mapping[bytes, bytes] = EMPTY_MAP) -> bytes:
    """The bytes of a stream of ``data``."""
    return joined(stream_buffers(data[0].schema, [Batch(batch, metadata) for batch in data]))


def ticks(count: int) -> bytes:
    """The input of a producer, with its end."""
    return joined(stream_buffers(pa.schema([]), [Batch(pa.record_batch([], schema=pa.schema([])))] * count))


def answers(sent: bytes, server: Server | None = None) -> list[tuple[pa.Schema, list[Batch]]]:
    """Let a session read ``sent`` and the end of the connection; the streams that it answers."""
    memory = MemoryStream(sent)
    drive((server or Toy().server()).session(), memory)
    return split(bytes(memory.written))


def split(data: bytes) -> list[tuple[pa.Schema, list[Batch]]]:
    """The complete streams of which ``data`` consists."""
    streams = []
    while data:
        memory = MemoryStream(data)
        streams.append(read_one(memory))
        data = data[len(data) - memory.remaining :]
    return streams


def read_one(memory: MemoryStream) -> tuple[pa.Schema, list[Batch]]:
    """The stream at the position of ``memory``, which stands behind it afterwards."""

    def core() -> Core[tuple[pa.Schema, list[Batch]]]:
        reader = StreamReader()
        schema = yield from reader.read_schema()
        found = []
        while (batch := (yield from reader.read_batch())) is not None:
            found.append(batch)
        return schema, found

    return drive(core(), memory)


def everything(**changes: Any) -> Everything:
    """A request with a value in every field."""
    values = {
        "text": "duck \N{DUCK}",
        "data": b"\x00\xff",
        "number": -(2**63),
        "ratio": 0.5,
        "flag": True,
        "small": -128,
        "color": Color.green,
        "point": Point(1.5, None),
        "nested": Point(2.5, "in"),
        "words": ("a", "", "c"),
        "counts": {"one": 1, "none": None},
        "note": None,
    }
    return Everything(**{**values, **changes})
