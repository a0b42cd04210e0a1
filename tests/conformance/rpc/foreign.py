"""A client that shares nothing with Duckwing: pyarrow, sockets, and the names as they are written in spec 01 and 02."""

from __future__ import annotations

import contextlib
import http.client
import io
import itertools
import json
import re
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

PROTOCOL = "duckwing.conformance.v1"
ARROW = "application/vnd.apache.arrow.stream"
END = b"\xff\xff\xff\xff\0\0\0\0"
"""The last bytes of each Arrow stream."""

TOKENS = (b"vgi_rpc.stream_state#b64", b"vgi_rpc.call_state#b64")

Message = tuple[list[dict[str, Any]], dict[bytes, bytes]]
"""The rows of a batch, and its metadata."""

Metadata = Mapping[bytes, bytes]

Changes = Mapping[bytes, bytes | None]


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
    return stream_of(batch.schema, batch, metadata=metadata)


def stream_of(schema: pa.Schema, *batches: pa.RecordBatch, metadata: Metadata | None = None) -> bytes:
    """An Arrow stream of any number of batches, each with the metadata."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch, custom_metadata=dict(metadata) if metadata else None)
    return bytes(sink.getvalue())


def request(method: str, *parameters: pa.RecordBatch, metadata: Changes | None = None) -> bytes:
    """The request of a call, with metadata added, changed, or (None) left out."""
    return stream_of(parameters[0].schema, *parameters, metadata=request_metadata(method, metadata))


def request_metadata(method: str, metadata: Changes | None = None) -> Metadata:
    """What is said with a request."""
    ours: dict[bytes, bytes | None] = {
        b"vgi_rpc.method": method.encode(),
        b"vgi_rpc.request_version": b"1",
        b"vgi_rpc.protocol": PROTOCOL.encode(),
        b"vgi_rpc.protocol_version": b"1.4.2",
        **(metadata or {}),
    }
    return {key: value for key, value in ours.items() if value is not None}


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
    """A connection on which bytes come and go, as over a pipe.

    Args:
        source: what comes is read from it.
        send: sends.
        leave: says that nothing more is sent; what comes can still be read.
    """

    def __init__(self, source: Any, send: Callable[[bytes], object], leave: Callable[[], object]):
        self.source, self.send, self.leave = source, send, leave

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
        self.send(batch, metadata)
        found: list[Message] = []
        for message in self._received():
            found.append(message)
            if b"vgi_rpc.log_level" not in message[1]:
                break
        return found

    def send(self, batch: pa.RecordBatch, metadata: Metadata | None = None) -> None:
        """Send a batch, whatever comes."""
        self._writer.write_batch(batch, custom_metadata=dict(metadata) if metadata else None)

    def end(self) -> list[Message]:
        """Send no more; what still comes."""
        self._writer.close()
        return self.rest()

    def rest(self) -> list[Message]:
        """What still comes, to the end."""
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
    size: int

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
    """POSTs to servers in turn, each on a connection of its own.

    Args:
        ports: theirs.
        headers: of each request, beside its content type.
    """

    def __init__(self, ports: Sequence[int], headers: Mapping[str, str] | None = None):
        self._ports = itertools.cycle(ports)
        self._headers = {"Content-Type": ARROW, **(headers or {})}

    def send(self, path: str, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """Send a request; the status, the headers (in small letters) and the body of its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", next(self._ports), timeout=60)
        with contextlib.closing(connection):
            connection.request("POST", f"/{path}", body, self._headers)
            reply = connection.getresponse()
            return reply.status, {name.lower(): value for name, value in reply.headers.items()}, reply.read()

    def post(self, path: str, body: bytes, protocol: str = PROTOCOL) -> Page:
        """Send a request of the RPC."""
        status, headers, data = self.send(f"{protocol}/{path}", body)
        assert headers["content-type"] == ARROW
        answer = io.BytesIO(data)
        streams: list[Answered] = []
        while answer.tell() < len(data):
            streams.append(read(answer))
        return Page(status, headers.get("x-vgi-rpc-error") == "true", streams, len(data))

    def open(self, method: str, parameters: pa.RecordBatch, metadata: Metadata | None = None) -> Page:
        """Open a stream. Those that any process can go on with take their parameters in one column."""
        given = wrapped(parameters) if method.endswith("_anywhere") else parameters
        return self.post(f"{method}/init", request(method, given, metadata=metadata))

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

            yield Line(process.stdout, send, pipe.close)
            pipe.close()
            assert process.wait(60) == 0
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
        yield Line(source, connection.sendall, lambda: connection.shutdown(socket.SHUT_WR))


# Of the conformance service


PAIRS = pa.schema([("n", pa.int64()), ("label", pa.utf8())])


def produce(
    batches: int, *, rows: int = 2, logs: int = 0, lockstep: bool = False, fails: str = "NEVER", diary: str = ""
) -> pa.RecordBatch:
    """Parameters of a method that produces numbers; what fails, fails at turn 1."""
    return record(
        batches=pa.array([batches]),
        rows=pa.array([rows]),
        logs=pa.array([logs]),
        fails=word(fails),
        at=pa.array([1]),
        lockstep=pa.array([lockstep]),
        diary=pa.array([diary]),
    )


def add(*, amount: int = 0, logs: int = 0, fails: str = "NEVER", diary: str = "") -> pa.RecordBatch:
    """Parameters of a method that adds numbers; what fails, fails at turn 1."""
    return record(
        amount=pa.array([amount]),
        logs=pa.array([logs]),
        fails=word(fails),
        at=pa.array([1]),
        diary=pa.array([diary]),
    )


def pairs(*numbers: int, label: str | None = None) -> pa.RecordBatch:
    """A batch that methods add."""
    labels = pa.array([label] * len(numbers), pa.utf8())
    return pa.RecordBatch.from_arrays([pa.array(numbers, pa.int64()), labels], schema=PAIRS)


def numbers(messages: list[Message]) -> list[int]:
    """The rows of batches of numbers."""
    return [row["n"] for rows, _ in messages for row in rows]


def logs(messages: list[Message]) -> list[str]:
    """The texts of log messages; none of them has rows."""
    said = [(rows, m) for rows, m in messages if b"vgi_rpc.log_level" in m]
    assert all(rows == [] for rows, _ in said)
    return [m[b"vgi_rpc.log_message"].decode() for _, m in said]


def check_failure(message: Message, text: str) -> None:
    """A message that is an error with this text."""
    rows, metadata = message
    assert rows == []
    assert metadata[b"vgi_rpc.log_level"] == b"EXCEPTION"
    assert metadata[b"vgi_rpc.log_message"].decode() == text
    kind, _, words = text.partition(": ")
    extra = json.loads(metadata[b"vgi_rpc.log_extra"])
    assert (extra["exception_type"], extra["exception_message"]) == (kind, words)


def check_ids(messages: list[Message], request_id: bytes | None = None) -> None:
    """Each message says which process and which request it is of."""
    assert messages
    for _, metadata in messages:
        assert re.fullmatch(rb"[0-9a-f]{12}", metadata[b"vgi_rpc.server_id"])
        assert metadata.get(b"vgi_rpc.request_id") == request_id


def diary_of(answered: Answered) -> list[str]:
    """The entries that a call of ``diary`` is answered with."""
    [(rows, _)] = answered.messages
    found: list[str] = rows[0]["result"]
    return found
