"""Workers that serve HTTP, and clients that see every byte of it."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import http.client
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import zstandard

from duckwing.client.connection import WorkerConnection
from duckwing.client.exchanges import table_arguments
from duckwing.http.app import Application
from duckwing.http.authentication import Authenticator
from duckwing.http.mounting import application
from duckwing.http.objects import Offload
from duckwing.http.serving import _Server, bind
from duckwing.process.http_options import Http
from duckwing.protocol import VGI
from duckwing.protocol.calls import INIT, CallType, InitRequest
from duckwing.protocol.listing import ObjectType
from duckwing.rpc import keys
from duckwing.rpc.client import Client, LogMessage, is_log, request_buffers
from duckwing.rpc.codec import Record, from_batch
from duckwing.rpc.errors import RpcError, error_from_metadata
from duckwing.rpc.framing import EMPTY_SCHEMA, Batch, Buffer, MemoryStream, empty_batch, stream_buffers
from duckwing.rpc.method import Method
from duckwing.service.hooks import Hooks

P = TypeVar("P", bound=Record)
R = TypeVar("R")

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).parent / "workers" / "served.py"
ARITHMETIC = ROOT / "tests" / "sql" / "workers" / "arithmetic.py"
ARROW = "application/vnd.apache.arrow.stream"
KEY = "11" * 32
OTHER_KEY = "22" * 32
PATIENCE = 30.0
"""Seconds after which something that takes a moment has failed."""


# What comes back


@dataclass(frozen=True)
class Reply:
    """A response.

    Attributes:
        status: of it.
        headers: of it.
        wire: the body as it travelled.
    """

    status: int
    headers: http.client.HTTPMessage
    wire: bytes

    @property
    def body(self) -> bytes:
        """The body, decompressed."""
        coding = self.headers["Content-Encoding"] or self.headers["X-VGI-Content-Encoding"]
        if coding == "zstd":
            return zstandard.ZstdDecompressor().decompress(self.wire)
        return gzip.decompress(self.wire) if coding == "gzip" else self.wire

    @property
    def streams(self) -> list[tuple[pa.Schema, list[Batch]]]:
        """The Arrow streams of the body, read by Arrow itself."""
        assert self.headers["Content-Type"] == ARROW, (self.status, self.wire[:300])
        return read_streams(self.body)

    @property
    def batches(self) -> list[Batch]:
        """The batches of all streams."""
        return [batch for _, batches in self.streams for batch in batches]

    @property
    def rows(self) -> pa.Table:
        """The rows of the last stream."""
        schema, batches = self.streams[-1]
        return pa.Table.from_batches([batch.data for batch in batches], schema)

    @property
    def error(self) -> RpcError | None:
        """The error in the body, if it has one."""
        for batch in self.batches:
            if batch.metadata.get(keys.LOG_LEVEL) == b"EXCEPTION":
                return error_from_metadata(batch.metadata)
        return None

    @property
    def kind(self) -> str | None:
        """The kind of the error in the body."""
        [kind] = [b.metadata.get(keys.ERROR_KIND) for b in self.batches if keys.LOG_LEVEL in b.metadata]
        return None if kind is None else kind.decode()

    @property
    def tokens(self) -> dict[bytes, bytes]:
        """The tokens in the body."""
        known = (keys.STREAM_STATE, keys.CALL_STATE)
        return {key: value for batch in self.batches for key, value in batch.metadata.items() if key in known}


def read_streams(body: bytes) -> list[tuple[pa.Schema, list[Batch]]]:
    """Arrow streams back to back."""
    source = pa.BufferReader(body)
    found: list[tuple[pa.Schema, list[Batch]]] = []
    while source.tell() < len(body):
        reader = pa.ipc.open_stream(source)
        batches: list[Batch] = []
        while True:
            try:
                data, metadata = reader.read_next_batch_with_custom_metadata()
            except StopIteration:
                break
            batches.append(Batch(data, dict(metadata) if metadata is not None else {}))
        found.append((reader.schema, batches))
    return found


# Clients


class Browserless:
    """Sends requests to servers in turn, one after the other, over connections that are kept.

    Args:
        ports: of the servers.
        headers: that go with every request.
        prefix: where the worker is mounted.
    """

    def __init__(self, *ports: int, headers: Mapping[str, str] | None = None, prefix: str = ""):
        self.ports = ports
        self.headers = dict(headers or {})
        self._prefix = prefix
        self._turn = itertools.cycle(ports)
        self._connections: dict[int, http.client.HTTPConnection] = {}

    def send(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request to the next server. ``path`` is sent as it is."""
        port = next(self._turn)
        for known in (True, False):
            connection = self._connections.get(port) if known else None
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
                self._connections[port] = connection
            try:
                fields = {**self.headers, **(headers or {})}
                connection.request(
                    method, self._prefix + path, body, fields, encode_chunked=not isinstance(body, bytes)
                )
                response = connection.getresponse()
                return Reply(response.status, response.headers, response.read())
            except (OSError, http.client.HTTPException):
                connection.close()
                if not known:
                    raise
        raise AssertionError

    def post(self, path: str, body: bytes | Iterator[bytes], headers: Mapping[str, str] | None = None) -> Reply:
        """Send a request of the RPC."""
        return self.send("POST", path, body, {"Content-Type": ARROW, **(headers or {})})

    def turn(self, tokens: Mapping[bytes, bytes], data: pa.RecordBatch | None = None, **more: bytes) -> Reply:
        """Ask for the next turn of a stream, with ``cancel=b"1"`` for its end."""
        extra = {f"vgi_rpc.{key}".encode(): value for key, value in more.items()}
        return self.post("/vgi.v2/init/exchange", request(data, {**tokens, **extra}))

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def __enter__(self) -> Browserless:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self, on_log: Callable[[LogMessage], None] | None = None) -> WorkerConnection:
        """Our own client on top."""
        return WorkerConnection(_Source(self, on_log))


def request(data: pa.RecordBatch | None, metadata: Mapping[bytes, bytes]) -> bytes:
    """A request's body: a batch, none for a tick."""
    data = empty_batch(EMPTY_SCHEMA) if data is None else data
    return joined(stream_buffers(data.schema, [Batch(data, metadata)]))


def joined(buffers: Sequence[Buffer]) -> bytes:
    """The bytes of buffers."""
    return b"".join(map(memoryview, buffers))


class _Source:
    def __init__(self, http_client: Browserless, on_log: Callable[[LogMessage], None] | None):
        self._http = http_client
        self._on_log = on_log

    def take(self) -> Client:
        return HttpClient(self._http, self._on_log)

    def give_back(self, connection: Client) -> None:
        """Keep the connections."""

    def close(self) -> None:
        self._http.close()


class HttpClient(Client):
    """A :class:`Client` whose calls are requests."""

    def __init__(self, http_client: Browserless, on_log: Callable[[LogMessage], None] | None = None):
        super().__init__(MemoryStream(), VGI, on_log=on_log)
        self.http = http_client

    def body(self, method: Method[Any, Any], params: Record, metadata: Mapping[bytes, bytes] | None = None) -> bytes:
        """The body of a request that begins a call."""
        return joined(request_buffers(VGI, method, params, metadata or {}))

    def call(self, method: Method[P, R], params: P, metadata: Mapping[bytes, bytes] | None = None) -> R:
        """Call a unary method."""
        reply = self.http.post(f"/vgi.v2/{method.name}", self.body(method, params, metadata))
        assert reply.headers["Content-Type"] == ARROW, reply
        return Client(MemoryStream(reply.body), VGI, on_log=self._on_log).call(method, params, metadata)

    def open(  # type: ignore[override]
        self,
        method: Method[P, R],
        params: P,
        input_schema: pa.Schema = EMPTY_SCHEMA,
        metadata: Mapping[bytes, bytes] | None = None,
    ) -> HttpStream:
        """Open a stream."""
        return HttpStream(self, method, self.http.post("/vgi.v2/init/init", self.body(method, params, metadata)))


class HttpStream:
    """A stream, turn by turn, with everything checked that the protocol says of its answers.

    Attributes:
        header: the record that opened it.
        reply: the last answer.
        tokens: for the next turn; none at the stream's end.
    """

    def __init__(self, client: HttpClient, method: Method[Any, Any], reply: Reply):
        self.on_end: Callable[[], None] | None = None
        self._client = client
        self._ready: deque[Batch] = deque()
        self.tokens: dict[bytes, bytes] = {}
        self._fail(reply)
        (_, header), *data = reply.streams
        self.header: Any = from_batch(method.result, next(b.data for b in header if not is_log(b)))
        assert len(data) == 1
        self._take(reply)

    def _fail(self, reply: Reply) -> None:
        self.reply = reply
        failure = None
        for batch in reply.batches:
            if is_log(batch):
                failure = failure or self._client.log(batch)
        if failure is not None:
            raise failure
        assert (reply.status, reply.headers[keys_header("error")]) == (200, None)

    def _take(self, reply: Reply) -> None:
        cursors = []
        for batch in reply.streams[-1][1]:
            if keys.STREAM_STATE in batch.metadata:
                cursors.append(batch)
            if not is_log(batch) and keys.STREAM_STATE not in batch.metadata:
                assert not cursors, "a batch after the cursor"
                self._ready.append(batch)
        if not cursors:
            self.tokens = {}
            return
        [cursor] = cursors
        assert cursor.data.num_rows == 0
        self.tokens = {**self.tokens, **reply.tokens}

    def tick(self, metadata: Mapping[bytes, bytes] | None = None) -> Batch | None:
        """The next batch of a producer."""
        while not self._ready:
            if not self.tokens:
                return None
            reply = self._client.http.post("/vgi.v2/init/exchange", request(None, {**self.tokens, **(metadata or {})}))
            self._fail(reply)
            assert keys.CALL_STATE not in reply.tokens
            self._take(reply)
        return self._ready.popleft()

    def exchange(self, data: pa.RecordBatch, metadata: Mapping[bytes, bytes] | None = None) -> Batch:
        """The answer to a batch."""
        reply = self._client.http.post("/vgi.v2/init/exchange", request(data, {**(metadata or {}), **self.tokens}))
        self._fail(reply)
        [answer] = [batch for batch in reply.batches if not is_log(batch)]
        self.tokens = {**self.tokens, keys.STREAM_STATE: answer.metadata[keys.STREAM_STATE]}
        return Batch(answer.data, {k: v for k, v in answer.metadata.items() if k != keys.STREAM_STATE})

    def cancel(self) -> None:
        """Want no more of it."""
        if self.tokens:
            reply = self._client.http.turn(self.tokens, cancel=b"1")
            assert (reply.status, reply.batches) == (200, [])
        self.close()

    def close(self) -> None:
        """Send nothing more."""
        self.tokens = {}
        if self.on_end is not None:
            self.on_end()

    def __enter__(self) -> HttpStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Batch]:
        while (batch := self.tick()) is not None:
            yield batch


def keys_header(which: str) -> str:
    """Names of headers, as they are on the wire and not as the server's code has them."""
    return {"error": "X-VGI-RPC-Error", "support": "VGI-Accept-Max-Response-Bytes-Support"}[which]


# Servers


class InThread:
    """An application behind the worker's own server, in a thread of this process.

    Attributes:
        app: the application.
        port: where it is.
    """

    def __init__(self, app: Application):
        self.app = app
        listening = bind(Http())
        self.port: int = listening.getsockname()[1]
        ready = threading.Event()
        self._server = _Unsignalled(app, None, ready.set)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._server.serve(sockets=[listening])), name="test server"
        )
        self._thread.start()
        assert ready.wait(PATIENCE)

    def __enter__(self) -> InThread:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


class _Unsignalled(_Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are for the main thread."""
        yield


def make_app(
    *catalogs: Any,
    key: str = KEY,
    authenticate: Authenticator | None = None,
    offload: Offload | None = None,
    environment: Mapping[str, str] | None = None,
    **options: Any,
) -> Application:
    """An application; ``options`` are those of :class:`Http`."""
    return application(
        catalogs,
        Hooks(),
        Http(**options),
        authenticate=authenticate,
        offload=offload,
        environment={"VGI_SIGNING_KEY": key, **(environment or {})},
    )


@contextlib.contextmanager
def serving(*catalogs: Any, **options: Any) -> Iterator[Browserless]:
    """A client of a server in a thread."""
    with InThread(make_app(*catalogs, **options)) as server:
        client = Browserless(server.port, prefix=options.get("prefix", ""))
        try:
            yield client
        finally:
            client.close()


class Process:
    """A worker's process, or its supervisor.

    Args:
        arguments: flags.
        file: the worker.
        environment: variables besides those of this process.
    """

    def __init__(self, *arguments: str, file: Path = WORKER, environment: Mapping[str, str] | None = None):
        command = [sys.executable, "-m", "duckwing.cli", "run", str(file), "--http", "--quiet", *arguments]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "VGI_SIGNING_KEY": KEY, **(environment or {})},
            text=True,
        )
        assert self.process.stdout is not None
        self.first = self.process.stdout.readline()

    @property
    def pid(self) -> int:
        """Of the process that was started: the supervisor."""
        return self.process.pid

    @property
    def port(self) -> int:
        """Where it serves."""
        assert self.first.startswith("PORT:"), (self.first, self.stop()[2])
        return int(self.first.removeprefix("PORT:"))

    def children(self) -> list[int]:
        """Its processes."""
        text = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in text.split()]

    def send(self, number: int) -> None:
        """Send a signal to the supervisor."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Its exit status."""
        return self.process.wait(PATIENCE)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """End it: its status and what it printed after the first line."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        try:
            self.process.communicate(timeout=PATIENCE)
        finally:
            for pipe in (self.process.stdout, self.process.stderr):
                if pipe is not None:
                    pipe.close()


def resident(pid: int) -> int:
    """Bytes of memory that a process has now."""
    return _status(pid, "VmRSS:")


def peak(pid: int) -> int:
    """The most bytes of memory that it ever had."""
    return _status(pid, "VmHWM:")


def _status(pid: int, field: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


# Calls, taken apart


def scan_request(client: Browserless, name: str, *arguments: Any, **named: Any) -> InitRequest:
    """The bound call of a table function. A small limit of the client's is not for listings, which are large."""
    headers = {key: value for key, value in client.headers.items() if key != "VGI-Accept-Max-Response-Bytes"}
    with Browserless(*client.ports, headers=headers) as unlimited:
        session = unlimited.connect().attach("served").session
        signatures = session.signatures(name, ObjectType.TABLE_FUNCTION, None)
        _, encoded = table_arguments(signatures, name, arguments, named)
        return session.bind(session.request(name, CallType.TABLE, None, arguments=encoded))


def limited(client: Browserless, limit: int = 65_536) -> Browserless:
    """A client of the same server that takes no larger responses."""
    return Browserless(*client.ports, headers={**client.headers, "VGI-Accept-Max-Response-Bytes": str(limit)})


def open_scan(client: Browserless, name: str, *arguments: Any, **named: Any) -> HttpStream:
    """The stream of a table function, after its first turn."""
    return HttpClient(client).open(INIT, scan_request(client, name, *arguments, **named))


def open_scalar(client: Browserless, name: str, columns: pa.RecordBatch) -> HttpStream:
    """The stream of a scalar function."""
    session = client.connect().attach("served").session
    request = session.request(name, CallType.SCALAR, None, input_schema=columns.schema)
    return HttpClient(client).open(INIT, session.bind(request))


def call_body(called: Method[Any, Any], params: Record, **metadata: bytes) -> bytes:
    """The body of a request that begins a call."""
    extra = {f"vgi_rpc.{key}".encode(): value for key, value in metadata.items()}
    return joined(request_buffers(VGI, called, params, extra))


def eventually(condition: Callable[[], Any]) -> Any:
    """What ``condition`` gives when it gives something true; fails if that takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)
    return value
