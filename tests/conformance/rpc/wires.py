"""Ways to the service of ``conformance/rpc_service.py``, one for each transport, that see all of an answer."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from duckwing.client.caller import Connection
from duckwing.client.http import HttpConnection
from duckwing.client.http_requests import Reply as HttpReply
from duckwing.client.http_requests import Requests
from duckwing.client.launcher import launch
from duckwing.client.locations import Command, Http, Launched, TcpSocket, UnixSocket, parse_location
from duckwing.client.process import WorkerProcess
from duckwing.rpc import keys
from duckwing.rpc.client import Client, LogMessage, hand_on, is_log, request_buffers
from duckwing.rpc.codec import Record
from duckwing.rpc.errors import RemoteError, RpcError
from duckwing.rpc.framing import (
    EMPTY_SCHEMA,
    END_OF_STREAM,
    Batch,
    Buffer,
    ByteStream,
    Core,
    MemoryStream,
    StreamReader,
    batch_message,
    batch_of_rows,
    drive,
    empty_batch,
    schema_message,
    stream_buffers,
)
from duckwing.rpc.limits import DEFAULT_LIMITS
from duckwing.rpc.method import Method, Protocol
from duckwing.transports.sockets import connect_tcp, connect_unix

from ...sql.transports import IDLE_SECONDS, place
from .foreign import Pages

SERVICE = Path(__file__).parents[3] / "conformance" / "rpc_service.py"
NAME, VERSION = "duckwing.conformance.v1", "1.4.2"

NO_PARAMETERS = batch_of_rows(1)

TRANSPORTS = ("stdio", "unix", "tcp", "launch", "http", "fleet")
BY_REQUEST = ("http", "fleet")
"""Transports on which each turn is a request."""


@dataclass(frozen=True)
class Reply:
    """The answer to a unary call.

    Attributes:
        schema: of the answer's stream.
        batches: all of them, in their order.
        logs: what was logged.
        error: what it failed with.
        status: over HTTP, that of the response.
    """

    schema: pa.Schema
    batches: Sequence[Batch]
    logs: Sequence[LogMessage] = ()
    error: RemoteError | None = None
    status: int = 200

    @property
    def said(self) -> Sequence[str]:
        """The texts of its logs."""
        return [log.message for log in self.logs]

    @property
    def result(self) -> pa.Array:
        """The only value."""
        assert self.error is None, self.error
        [data] = [batch for batch in self.batches if not is_log(batch)]
        assert data.data.schema.names == ["result"]
        assert data.data.num_rows == 1
        return data.data.column(0)


class Wire:
    """One way to the service, for one call after the other.

    Args:
        transport: its name.
        stream: the connection; None over HTTP.
        requests: sends requests; None over byte streams.
        end: closes it.

    Attributes:
        transport: as above.
        logs: what streams and calls of :attr:`client` have logged.
        client: makes calls of methods that are declared.
    """

    def __init__(
        self,
        transport: str,
        stream: ByteStream | None = None,
        requests: Requests | None = None,
        end: Callable[[], object] = lambda: None,
    ):
        self.transport = transport
        self.logs: list[LogMessage] = []
        self.close = end
        self._stream, self._requests = stream, requests
        self.client = self.client_of(Protocol(NAME, VERSION, {}))

    @property
    def by_request(self) -> bool:
        """Whether each turn of a stream is a request of its own."""
        return self.transport in BY_REQUEST

    @property
    def usable(self) -> bool:
        """Whether another call can be made."""
        return not isinstance(self.client, Client) or self.client.idle

    def client_of(self, protocol: Protocol) -> Connection:
        """What makes calls of another protocol."""
        if self._requests is not None:
            return HttpConnection(self._requests, protocol, self.logs.append)
        assert self._stream is not None
        return Client(self._stream, protocol, on_log=self.logs.append)

    def call(
        self,
        method: str,
        parameters: pa.RecordBatch = NO_PARAMETERS,
        *,
        protocol: str = NAME,
        version: str = VERSION,
        metadata: Mapping[bytes, bytes | None] | None = None,
    ) -> Reply:
        """Make a unary call, of whatever parameters; all of its answer. ``metadata`` with None are left out."""
        full: dict[bytes, bytes | None] = {
            keys.METHOD: method.encode(),
            keys.REQUEST_VERSION: b"1",
            keys.PROTOCOL: protocol.encode(),
            keys.PROTOCOL_VERSION: version.encode(),
            **(metadata or {}),
        }
        given = {key: value for key, value in full.items() if value is not None}
        request = stream_buffers(parameters.schema, [Batch(parameters, given)])
        if self._requests is None:
            return drive(_called(request), self._bytes)
        reply, stream = self._post(f"/{protocol}/{method}", request)
        answer = drive(_answer(), stream)
        assert stream.remaining == 0
        refusal = reply.refusal
        # Of a marked answer clients read nothing but the error.
        assert reply.failed == (answer.error is not None and not answer.logs)
        return replace(answer, status=200 if refusal is None else refusal.status)

    def produced(self, method: Method[Any, Any], params: Record) -> tuple[Reply, Sequence[Batch]]:
        """Let a producer produce until its end: its header's answer, and its messages in their order."""
        request = request_buffers(Protocol(NAME, VERSION, {}), method, params, {})
        if self._requests is None:
            return drive(_ticked(request), self._bytes)
        path = f"/{NAME}/{method.name}"
        _, stream = self._post(f"{path}/init", request)
        header = drive(_answer(), stream)
        messages: list[Batch] = []
        tokens: dict[bytes, bytes] = {}
        while stream.remaining:
            cursor = None
            for batch in drive(_answer(), stream).batches:
                cursor = batch.metadata.get(keys.STREAM_STATE)
                if cursor is None:
                    messages.append(batch)
                tokens |= {key: batch.metadata[key] for key in _TOKENS if key in batch.metadata}
            assert stream.remaining == 0
            if cursor is not None:
                _, stream = self._post(f"{path}/exchange", stream_buffers(EMPTY_SCHEMA, [Batch(_TICK, tokens)]))
        return header, messages

    @property
    def _bytes(self) -> ByteStream:
        assert self._stream is not None
        return self._stream

    def _post(self, path: str, request: list[Buffer]) -> tuple[HttpReply, MemoryStream]:
        assert self._requests is not None
        reply = self._requests.post(path, b"".join(memoryview(buffer) for buffer in request))
        return reply, MemoryStream(reply.body)


_TOKENS = (keys.STREAM_STATE, keys.CALL_STATE)
_TICK = empty_batch(EMPTY_SCHEMA)


def _called(request: list[Buffer]) -> Core[Reply]:
    yield request
    return (yield from _answer())


def _ticked(request: list[Buffer]) -> Core[tuple[Reply, Sequence[Batch]]]:
    header = yield from _called(request)
    messages: list[Batch] = []
    if header.error is not None:
        return header, messages
    reader = StreamReader(DEFAULT_LIMITS, of_server=True)
    yield [schema_message(EMPTY_SCHEMA), batch_message(Batch(_TICK, {}))]
    yield from reader.read_schema()
    while (batch := (yield from reader.read_batch())) is not None:
        messages.append(batch)
        if not is_log(batch):
            yield [batch_message(Batch(_TICK, {}))]
    yield [END_OF_STREAM]
    return header, messages


def _answer() -> Core[Reply]:
    """One IPC stream."""
    reader = StreamReader(DEFAULT_LIMITS, of_server=True)
    schema = yield from reader.read_schema()
    assert schema is not None
    batches: list[Batch] = []
    logs: list[LogMessage] = []
    error: RpcError | None = None
    while (batch := (yield from reader.read_batch())) is not None:
        assert error is None, "nothing follows an error"
        batches.append(batch)
        if is_log(batch):
            error = hand_on(batch, logs.append)
    assert error is None or isinstance(error, RemoteError)
    return Reply(schema, batches, logs, error)


@dataclass
class Place:
    """A running service, or a command that starts one.

    Attributes:
        transport: over which it is reached.
        variables: of its environment.
        token: tells it who calls; HTTP only.
        arguments: of its command line.
    """

    transport: str
    variables: Mapping[str, str] = field(default_factory=dict)
    token: str | None = None
    arguments: Sequence[str] = ()
    _shared: Wire | None = None

    def connect(self) -> Wire:
        """A new connection, to a process of its own where the client starts them."""
        location = parse_location(self.location())
        match location:
            case Command(command):
                assert isinstance(command, str)
                process = WorkerProcess(command)
                return Wire(self.transport, process.stream, end=process.close)
            case UnixSocket(path):
                return self._connected(connect_unix(path))
            case TcpSocket(host, port):
                return self._connected(connect_tcp(host, port))
            case Launched(arguments):
                return self._connected(connect_unix(launch(arguments, idle_timeout=IDLE_SECONDS)))
            case Http():
                requests = Requests(location, self.token)
                return Wire(self.transport, requests=requests, end=requests.close)

    def shared(self) -> Wire:
        """A connection that one test after the other uses, as clients do."""
        if self._shared is not None and not self._shared.usable:
            self.close()
        if self._shared is None:
            self._shared = self.connect()
        self._shared.logs.clear()
        return self._shared

    def close(self) -> None:
        """End the shared connection."""
        if self._shared is not None:
            self._shared.close()
            self._shared = None

    def location(self) -> str:
        """The LOCATION of the service."""
        variables = {"DUCKWING_CONFORMANCE_DIARY": _diaries(), "VGI_HTTP_THREADS": "4", **self.variables}
        assignments = " ".join(f"{name}={value}" for name, value in variables.items())
        return place([sys.executable, str(SERVICE), *self.arguments], assignments, self.transport)

    def address(self) -> str:
        """The same for a client that cannot launch it."""
        match parse_location(self.location()):
            case Launched(arguments):
                return f"unix://{launch(arguments, idle_timeout=IDLE_SECONDS)}"
            case _:
                return self.location()

    def pages(self, headers: Mapping[str, str] | None = None) -> Pages:
        """A client of HTTP alone; the processes behind a fleet's proxy take turns."""
        return Pages([int(self.location().rpartition(":")[2])], headers)

    @property
    def by_request(self) -> bool:
        """Whether each turn of a stream is a request of its own."""
        return self.transport in BY_REQUEST

    def _connected(self, stream: Any) -> Wire:
        return Wire(self.transport, stream, end=stream.close)


@functools.cache
def _diaries() -> str:
    """The folder of the diaries, for all services of this run."""
    folder = tempfile.TemporaryDirectory(prefix="dw-diary-")
    _folders.append(folder)
    return folder.name


_folders: list[tempfile.TemporaryDirectory[str]] = []
"""Kept until the end of the run, which removes them."""


@contextlib.contextmanager
def several(where: Place, count: int) -> Iterator[list[Wire]]:
    """As many connections at the same time."""
    with contextlib.ExitStack() as stack:
        wires = [where.connect() for _ in range(count)]
        for wire in wires:
            stack.callback(wire.close)
        yield wires


def at_once(count: int, job: Callable[[int], Any]) -> list[Any]:
    """What ``job`` gives in as many threads, by their numbers."""
    results: dict[int, Any] = {}
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            results[number] = job(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    if failures:
        raise failures[0]
    return [results[number] for number in range(count)]


def unique() -> str:
    """A name that nothing else has."""
    return os.urandom(8).hex()
