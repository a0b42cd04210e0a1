"""A client that shares nothing with Duckwing: pyarrow, sockets, and the names as they are written in spec 01 and 02."""

from __future__ import annotations

import contextlib
import http.client
import io
import itertools
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

PROTOCOL = "duckwing.conformance.v1"
ARROW = "application/vnd.apache.arrow.stream"
TOKENS = (b"vgi_rpc.stream_state#b64", b"vgi_rpc.call_state#b64")

Message = tuple[list[dict[str, Any]], dict[bytes, bytes]]
"""The rows of a batch, and its metadata."""

Metadata = Mapping[bytes, bytes]


class Answered(NamedTuple):
    """One Arrow stream: its schema, and its batches."""

    schema: pa.Schema
    messages: list[Message]


def record(**columns: pa.Array) -> pa.RecordBatch:
    """One row of parameters, none of which may be NULL."""
    fields = [pa.field(name, column.type, nullable=False) for name, column in columns.items()]
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=pa.schema(fields))


def word(value: str) -> pa.Array:
    """The name of a member of an enumeration."""
    return pa.array([value], pa.dictionary(pa.int16(), pa.utf8()))


def wrapped(parameters: pa.RecordBatch) -> pa.RecordBatch:
    """The same in one column."""
    return record(request=pa.array([stream(parameters)], pa.binary()))


def nothing(schema: pa.Schema) -> pa.RecordBatch:
    """A batch without rows."""
    return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)


NO_COLUMNS = pa.schema([])
TICK = nothing(NO_COLUMNS)
NO_PARAMETERS = pa.RecordBatch.from_struct_array(pa.array([{}], pa.struct([])))


def stream(batch: pa.RecordBatch, metadata: Metadata | None = None) -> bytes:
    """An Arrow stream of one batch."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch, custom_metadata=dict(metadata) if metadata else None)
    return bytes(sink.getvalue())


def request(method: str, parameters: pa.RecordBatch, metadata: Metadata | None = None) -> bytes:
    """The request of a call."""
    ours = {
        b"vgi_rpc.method": method.encode(),
        b"vgi_rpc.request_version": b"1",
        b"vgi_rpc.protocol": PROTOCOL.encode(),
        b"vgi_rpc.protocol_version": b"1.4.2",
    }
    return stream(parameters, {**ours, **(metadata or {})})


def messages_of(reader: pa.ipc.RecordBatchStreamReader) -> Iterator[Message]:
    """The batches, as they come."""
    while True:
        try:
            batch, metadata = reader.read_next_batch_with_custom_metadata()
        except StopIteration:
            return
        yield batch.to_pylist(), dict(metadata or {})


def read(source: Any) -> Answered:
    """One Arrow stream."""
    reader = pa.ipc.open_stream(source)
    return Answered(reader.schema, list(messages_of(reader)))


class Line:
    """A connection on which bytes come and go, as over a pipe."""

    def __init__(self, source: Any, send: Callable[[bytes], object]):
        self.source, self.send = source, send

    def call(self, body: bytes) -> Answered:
        """Send a request; its answer."""
        self.send(body)
        return read(self.source)

    def open(self, body: bytes, schema: pa.Schema) -> tuple[Answered, Opened]:
        """Send a request that opens a stream; its header, and what goes on."""
        header = self.call(body)
        return header, Opened(self, schema)


class Opened:
    """A stream over a :class:`Line`: what is sent and what comes back go side by side."""

    def __init__(self, line: Line, schema: pa.Schema):
        self._line = line
        self._writer = pa.ipc.new_stream(_Sending(line.send), schema)
        self._messages: Iterator[Message] | None = None

    def turn(self, batch: pa.RecordBatch, metadata: Metadata | None = None) -> list[Message]:
        """Send a batch; what comes up to the data that answer it, or to the end."""
        self._writer.write_batch(batch, custom_metadata=dict(metadata) if metadata else None)
        found: list[Message] = []
        for message in self._received():
            found.append(message)
            if b"vgi_rpc.log_level" not in message[1]:
                break
        return found

    def end(self) -> list[Message]:
        """Send no more; what still comes."""
        self._writer.close()
        return list(self._received())

    def _received(self) -> Iterator[Message]:
        """What comes; the answer's schema only comes after the first batch."""
        if self._messages is None:
            self._messages = messages_of(pa.ipc.open_stream(self._line.source))
        return self._messages


class _Sending(io.RawIOBase):
    def __init__(self, send: Callable[[bytes], object]):
        super().__init__()
        self._send = send

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._send(bytes(data))
        return len(data)


class Page(NamedTuple):
    """The answer to a POST."""

    status: int
    failed: bool
    streams: list[Answered]

    @property
    def tokens(self) -> dict[bytes, bytes]:
        """The last ones of its batches."""
        found: dict[bytes, bytes] = {}
        for _, messages in self.streams:
            for _, metadata in messages:
                found |= {key: metadata[key] for key in TOKENS if key in metadata}
        return found

    @property
    def messages(self) -> list[Message]:
        """What is in its last stream beside tokens."""
        return [(rows, m) for rows, m in self.streams[-1].messages if TOKENS[0] not in m]


class Pages:
    """POSTs to servers in turn, each on a connection of its own."""

    def __init__(self, ports: Sequence[int]):
        self._ports = itertools.cycle(ports)

    def post(self, path: str, body: bytes) -> Page:
        """Send a request."""
        connection = http.client.HTTPConnection("127.0.0.1", next(self._ports), timeout=60)
        with contextlib.closing(connection):
            connection.request("POST", f"/{PROTOCOL}/{path}", body, {"Content-Type": ARROW})
            reply = connection.getresponse()
            failed = reply.headers.get("X-VGI-RPC-Error") == "true"
            assert reply.headers["Content-Type"] == ARROW
            answer = io.BytesIO(reply.read())
        streams: list[Answered] = []
        while answer.tell() < len(answer.getbuffer()):
            streams.append(read(answer))
        return Page(reply.status, failed, streams)

    def open(self, method: str, parameters: pa.RecordBatch) -> Page:
        """Open a stream. Those that any process can go on with take their parameters in one column."""
        given = wrapped(parameters) if method.endswith("_anywhere") else parameters
        return self.post(f"{method}/init", request(method, given))

    def turn(
        self, method: str, tokens: Metadata, batch: pa.RecordBatch = TICK, metadata: Metadata | None = None
    ) -> Page:
        """A turn of a stream."""
        return self.post(f"{method}/exchange", stream(batch, {**tokens, **(metadata or {})}))


@contextlib.contextmanager
def line(location: str, transport: str) -> Iterator[Line]:
    """A connection to a service that is reached over bytes."""
    if transport == "stdio":
        with subprocess.Popen(location, shell=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            pipe = process.stdin

            def send(data: bytes) -> None:
                pipe.write(data)
                pipe.flush()

            yield Line(process.stdout, send)
        return
    kind, _, where = location.partition("://")
    if kind == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(where)
    else:
        host, _, port = where.rpartition(":")
        connection = socket.create_connection((host, int(port)))
    connection.settimeout(60)
    with connection, connection.makefile("rb") as source:
        yield Line(source, connection.sendall)
