"""Calls over HTTP: each is a request, and so is each turn of a stream (spec 02, sections 7 and 8)."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import pyarrow as pa

from ..protocol import VGI
from ..rpc import keys
from ..rpc.client import LogMessage, hand_on, is_log, read_answer, request_buffers, result_of
from ..rpc.codec import Record, from_batch
from ..rpc.errors import ConnectionClosed, MalformedMessage, ProtocolError, RpcError
from ..rpc.framing import (
    EMPTY_SCHEMA,
    Batch,
    Core,
    MemoryStream,
    StreamReader,
    drive,
    empty_batch,
    read_stream,
    stream_buffers,
)
from ..rpc.limits import DEFAULT_LIMITS
from ..rpc.method import Method, Protocol
from .http_requests import Reply, Requests

P = TypeVar("P", bound=Record)
R = TypeVar("R")

CANCEL_SECONDS = 10.0
"""How long it is waited until a worker has heard that a stream is not wanted any more."""

_TRANSPORT_KEYS = (keys.STREAM_STATE, keys.CALL_STATE)


class HttpSource:
    """Gives the one way to a worker over HTTP that all calls share.

    Args:
        requests: sends them.
        on_log: called with each log message.
    """

    def __init__(self, requests: Requests, on_log: Callable[[LogMessage], None] | None = None):
        self._requests = requests
        self._connection = HttpConnection(requests, VGI, on_log)

    def take(self) -> HttpConnection:
        """The way to the worker; whether it is there turns out at the first call."""
        return self._connection

    def give_back(self, connection: HttpConnection) -> None:
        """Nothing is to be done: a request takes a connection, and nothing holds one between requests."""

    def close(self) -> None:
        """End all connections, also those that are in use."""
        self._requests.close()


class HttpConnection:
    """Calls the methods of one protocol. Any number of calls may be in progress at a time.

    Args:
        requests: sends them.
        protocol: what the worker is expected to host.
        on_log: called with each log message of the worker.
    """

    def __init__(self, requests: Requests, protocol: Protocol, on_log: Callable[[LogMessage], None] | None = None):
        self._requests = requests
        self._protocol = protocol
        self._on_log = on_log

    def call(self, method: Method[P, R], params: P, metadata: Mapping[bytes, bytes] | None = None) -> R:
        """Call a unary method and return its result.

        Raises:
            RemoteError: the worker answered with an error.
            HttpError: the server refused the request.
            ConnectError: nobody listens.
            ConnectionClosed: the connection broke; whether the call was served is unknown.
        """
        body = _joined(request_buffers(self._protocol, method, params, metadata or {}))
        stream = self.post(f"/{self._protocol.name}/{method.name}", body)
        batch = self.follow(drive(read_answer(method.name, DEFAULT_LIMITS, self.log), stream))
        _expect_end(stream, method.name)
        return result_of(method, batch)

    def open(
        self,
        method: Method[P, R],
        params: P,
        input_schema: pa.Schema = EMPTY_SCHEMA,
        metadata: Mapping[bytes, bytes] | None = None,
    ) -> HttpStream[R]:
        """Call a stream method; use the result as a context manager.

        Raises:
            RemoteError: the worker answered with an error before the stream was open.
            HttpError: the server refused the request.
            ConnectError: nobody listens.
            ConnectionClosed: the connection broke.
        """
        path = f"/{self._protocol.name}/{method.name}"
        stream = self.post(f"{path}/init", _joined(request_buffers(self._protocol, method, params, metadata or {})))
        header: R = from_batch(
            method.result, self.follow(drive(read_answer(method.name, DEFAULT_LIMITS, self.log), stream)).data
        )
        turn = drive(_read_turn(self), stream)
        _expect_end(stream, method.name)
        return HttpStream(self, f"{path}/exchange", header, input_schema, turn)

    def post(self, path: str, body: bytes) -> MemoryStream:
        """Send a request; the answer's body.

        Raises:
            RemoteError: the answer is an error.
        """
        reply = self._requests.post(path, body)
        if reply.failed:
            raise _failure(reply, self)
        return MemoryStream(reply.body)

    def tell(self, path: str, body: bytes) -> None:
        """Send a request whose answer does not matter, and that may be lost."""
        self._requests.post_once(path, body, CANCEL_SECONDS)

    def follow(self, batch: Batch) -> Batch:
        """``batch``, or what it points to (spec 02, section 11.1).

        Raises:
            ProtocolError: it points to something else than one batch of its schema.
            FetchError: that cannot be had.
        """
        location = batch.metadata.get(keys.LOCATION)
        if location is None:
            return batch
        schema, batches = read_stream(self._requests.fetch(location, batch.metadata.get(keys.LOCATION_SHA256)))
        found: list[Batch] = []
        for each in batches:
            if not is_log(each):
                found.append(each)
            elif (failure := self.log(each)) is not None:
                raise failure
        if batch.data.num_rows or not schema.equals(batch.data.schema) or len(found) != 1:
            raise ProtocolError("the worker points to something else than one batch of the columns that it announces")
        if keys.LOCATION in found[0].metadata:
            raise ProtocolError("the worker points to an object that points to another one")
        return found[0]

    def log(self, batch: Batch) -> RpcError | None:
        """Hand a log message on; an error message comes back for raising."""
        return hand_on(batch, self._on_log)


@dataclass
class _Turn:
    """What one response has of a stream.

    Attributes:
        batches: of data; a cursor's own batch is not among them.
        failure: ends the stream behind them.
        cursor: goes on behind them; None: the stream has ended.
        call: the token of the whole stream.
    """

    batches: deque[Batch] = field(default_factory=deque)
    failure: RpcError | None = None
    cursor: bytes | None = None
    call: bytes | None = None


class HttpStream(Generic[R]):
    """An open stream of a call. Leave its ``with`` block to end it.

    Attributes:
        header: the record with which the worker opened the stream.
        on_end: called once, when the stream is over, in whatever way.
    """

    def __init__(self, connection: HttpConnection, path: str, header: R, input_schema: pa.Schema, first: _Turn):
        self.header = header
        self.on_end: Callable[[], None] | None = None
        self._connection = connection
        self._path = path
        self._takes_input = len(input_schema) > 0  # or there are only rows, without columns
        self._call = first.call
        self._turn = first
        self._over = False

    def __enter__(self) -> HttpStream[R]:
        return self

    def __exit__(self, exception_type: type[BaseException] | None, *_: object) -> None:
        if exception_type is None:
            self.close()
        elif issubclass(exception_type, Exception):
            with contextlib.suppress(RpcError):  # what is under way already matters more
                self.close()
        else:  # nobody may wait any more
            self._end()

    def exchange(self, data: pa.RecordBatch, metadata: Mapping[bytes, bytes] | None = None) -> Batch:
        """Send a batch and receive the worker's batch for it.

        Raises:
            RemoteError: the worker answered with an error; the stream is over.
            ProtocolError: the worker ended the stream, or answers with several batches.
        """
        if self._turn.failure is None:  # of the opening
            self._takes_input = True
            self._go_on(Batch(data, metadata or {}))
        turn = self._turn
        if turn.failure is not None:
            raise self._failed(turn.failure)
        if not turn.batches:
            raise self._failed(ProtocolError("the worker ended the stream instead of answering a batch"))
        answer = turn.batches.popleft()
        if turn.batches:
            raise self._failed(ProtocolError("the worker answered one batch with several"))
        return answer

    def tick(self, metadata: Mapping[bytes, bytes] | None = None) -> Batch | None:
        """The next batch of a producer; None at its end. ``metadata`` travels where the worker is asked for it.

        Raises:
            RemoteError: the worker answered with an error; the stream is over.
        """
        if self._over:
            raise ProtocolError("the stream is over")
        while not self._turn.batches:
            if self._turn.failure is not None:
                raise self._failed(self._turn.failure)
            if self._turn.cursor is None:
                return None
            self._go_on(Batch(empty_batch(EMPTY_SCHEMA), metadata or {}))  # its answer may be empty: go on asking
        return self._turn.batches.popleft()

    def __iter__(self) -> Iterator[Batch]:
        """The batches of a producer."""
        while (batch := self.tick()) is not None:
            yield batch

    def cancel(self) -> None:
        """Tell the worker to stop, and end the stream. That may be lost; then the worker forgets it in time."""
        cursor = self._turn.cursor
        if not self._over and cursor is not None and self._turn.failure is None and not self._takes_input:
            # A stream with input is just not gone on with (spec 02, section 8.4).
            batch = Batch(empty_batch(EMPTY_SCHEMA), {**self._tokens(cursor), keys.CANCEL: b"1"})
            self._connection.tell(self._path, _joined(stream_buffers(EMPTY_SCHEMA, [batch])))
        self._end()

    def close(self) -> None:
        """End the stream.

        Raises:
            RemoteError: the worker has answered with an error that nobody has seen yet.
        """
        if self._over:
            return
        failure = self._turn.failure
        self.cancel()
        if failure is not None:
            raise failure

    def _go_on(self, batch: Batch) -> None:
        """Send the request of a turn; what comes back is the stream's state from then on."""
        cursor = self._turn.cursor
        if self._over or cursor is None:
            raise ProtocolError("the stream is over")
        body = stream_buffers(batch.data.schema, [Batch(batch.data, {**batch.metadata, **self._tokens(cursor)})])
        try:
            stream = self._connection.post(self._path, _joined(body))
            self._turn = drive(_read_turn(self._connection, exchange=self._takes_input), stream)
            _expect_end(stream, "a turn")
        except BaseException:
            self._turn = _Turn()
            self._end()
            raise

    def _tokens(self, cursor: bytes) -> dict[bytes, bytes]:
        tokens = {keys.STREAM_STATE: cursor}
        return tokens if self._call is None else {**tokens, keys.CALL_STATE: self._call}

    def _failed(self, error: RpcError) -> RpcError:
        self._turn = _Turn()
        self._end()
        return error

    def _end(self) -> None:
        if not self._over:
            self._over = True
            if self.on_end is not None:
                self.on_end()


def _read_turn(connection: HttpConnection, *, exchange: bool = False) -> Core[_Turn]:
    """What a response has of a stream, read to the end of its IPC stream.

    Of an exchange, the first batch is the answer even if it is empty and has the cursor; otherwise an empty batch
    with a cursor carries nothing else (spec 02, sections 8.2 and 8.3).
    """
    reader = StreamReader(DEFAULT_LIMITS, of_server=True)
    turn = _Turn()
    if (yield from reader.read_schema()) is None:
        raise ConnectionClosed("the worker's answer ends before its stream begins")
    while (batch := (yield from reader.read_batch())) is not None:
        if is_log(batch):
            turn.failure = turn.failure or connection.log(batch)
            continue
        batch = connection.follow(batch)
        cursor = batch.metadata.get(keys.STREAM_STATE)
        turn.cursor = cursor or turn.cursor
        turn.call = batch.metadata.get(keys.CALL_STATE, turn.call)
        if batch.data.num_rows == 0 and cursor is not None and (turn.batches or not exchange):
            continue
        metadata = {key: value for key, value in batch.metadata.items() if key not in _TRANSPORT_KEYS}
        turn.batches.append(Batch(batch.data, metadata))
    return turn


def _failure(reply: Reply, connection: HttpConnection) -> RpcError:
    """The error in a body that must have one, in whichever of its streams."""
    stream = MemoryStream(reply.body)
    try:
        while stream.remaining:
            failure = drive(_read_turn(connection), stream).failure
            if failure is not None:
                return failure
    except (ConnectionClosed, MalformedMessage) as error:
        return reply.refusal or error
    return reply.refusal or ProtocolError("the worker marks its answer as an error, and there is none in it")


def _expect_end(stream: MemoryStream, what: str) -> None:
    if stream.remaining:
        raise MalformedMessage(f"the answer to {what} goes on for {stream.remaining} bytes behind its end")


def _joined(buffers: list[Any]) -> bytes:
    return b"".join(memoryview(buffer) for buffer in buffers)
