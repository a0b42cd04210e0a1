"""The calling end of a connection (spec 01, sections 4, 5 and 9).

A :class:`Client` makes calls, one after the other, over any :class:`~duckwing.rpc.framing.ByteStream`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import pyarrow as pa

from . import keys
from .codec import Record, encode, from_batch, to_batch
from .errors import ConnectionClosed, MalformedMessage, ProtocolError, RemoteError, RpcError, error_from_metadata
from .framing import (
    EMPTY_SCHEMA,
    END_OF_STREAM,
    Batch,
    ByteStream,
    Core,
    StreamReader,
    batch_message,
    drive,
    empty_batch,
    schema_message,
    stream_buffers,
)
from .limits import DEFAULT_LIMITS, Limits
from .method import REQUEST_SCHEMA, Method, Protocol

P = TypeVar("P", bound=Record)
R = TypeVar("R")
T = TypeVar("T")


class LogMessage(NamedTuple):
    """A log message of the other side: its level, its text, and the rest as JSON text."""

    level: str
    message: str
    extra: str = ""


class Client:
    """Calls the methods of one protocol over one connection.

    Args:
        stream: the connection; the client does not close it.
        protocol: what the server is expected to host.
        limits: what is accepted of the server's answers.
        on_log: called with each log message of the server.
        explain: called when the connection breaks; what it returns is added to the error's message.

    Attributes:
        idle: the connection is between two calls, so another one can be made. False for ever once it is out of step.

    Example:
        >>> client.call(ADD, AddRequest(2, 3))  # doctest: +SKIP
        5
    """

    def __init__(
        self,
        stream: ByteStream,
        protocol: Protocol,
        *,
        limits: Limits = DEFAULT_LIMITS,
        on_log: Callable[[LogMessage], None] | None = None,
        explain: Callable[[], str] | None = None,
    ):
        self.idle = True
        self._stream = stream
        self._protocol = protocol
        self._limits = limits
        self._on_log = on_log
        self._explain = explain

    def call(self, method: Method[P, R], params: P, metadata: Mapping[bytes, bytes] | None = None) -> R:
        """Call a unary method and return its result.

        Args:
            method: one of the protocol's methods.
            params: its parameters.
            metadata: further metadata for the request, such as a request id.

        Raises:
            RemoteError: the server answered with an error.
            ConnectionClosed: the connection broke; whether the call was served is unknown.
        """
        batch = self._begin(self._unary(method.name, request_buffers(self._protocol, method, params, metadata or {})))
        self.idle = True
        return result_of(method, batch)

    def open(
        self,
        method: Method[P, R],
        params: P,
        input_schema: pa.Schema = EMPTY_SCHEMA,
        metadata: Mapping[bytes, bytes] | None = None,
    ) -> ClientStream[R]:
        """Call a stream method; use the result as a context manager.

        Args:
            method: one of the protocol's stream methods.
            params: its parameters.
            input_schema: schema of the batches to send; without columns for a producer.
            metadata: further metadata for the request.

        Raises:
            RemoteError: the server answered with an error before the stream was open.
            ConnectionClosed: the connection broke.
        """
        header = self._begin(self._header(method, request_buffers(self._protocol, method, params, metadata or {})))
        return ClientStream(self, header, input_schema, self._limits)

    def drive(self, core: Core[T]) -> T:
        """Run a part of a call on the connection.

        Raises:
            ConnectionClosed: the connection broke.
            MalformedMessage: the other side does not speak Arrow, such as one that prints to its standard output.
        """
        try:
            return drive(core, self._stream)
        except (ConnectionClosed, MalformedMessage) as error:
            reason = self._explain() if self._explain is not None else ""
            if not reason:
                raise
            raise type(error)(f"{error}{reason}") from None

    def log(self, batch: Batch) -> RpcError | None:
        """Hand a log message on; an error message comes back for raising."""
        return hand_on(batch, self._on_log)

    def _begin(self, core: Core[T]) -> T:
        if not self.idle:
            raise ProtocolError("a connection carries one call at a time, and this one is not over")
        self.idle = False
        try:
            return self.drive(core)
        except RemoteError:
            self.idle = True  # the answer was read to its end
            raise

    def _unary(self, name: str, request: list[Any]) -> Core[Batch]:
        yield request
        return (yield from read_answer(name, self._limits, self.log))

    def _header(self, method: Method[P, R], request: list[Any]) -> Core[R]:
        yield request
        batch = yield from read_answer(method.name, self._limits, self.log)
        header: R = from_batch(method.result, batch.data)
        return header


class ClientStream(Generic[R]):
    """An open stream of a call. Leave its ``with`` block to end it.

    Attributes:
        header: the record with which the server opened the stream.
        on_end: called once, when the stream is over, in whatever way.
    """

    def __init__(self, client: Client, header: R, input_schema: pa.Schema, limits: Limits):
        self.header = header
        self.on_end: Callable[[], None] | None = None
        self._client = client
        self._input_schema = input_schema
        self._reader = StreamReader(limits, of_server=True)
        self._output_schema: pa.Schema | None = None
        self._sent_schema = False
        self._input_ended = False
        self._output_ended = False
        self._failed = False
        self._over = False

    def __enter__(self) -> ClientStream[R]:
        return self

    def __exit__(self, exception_type: type[BaseException] | None, *_: object) -> None:
        if exception_type is None:
            self.close()
        elif issubclass(exception_type, Exception) and not issubclass(
            exception_type, (ConnectionClosed, MalformedMessage)
        ):
            with contextlib.suppress(RpcError):  # what is under way already matters more
                self.close()
        else:  # the connection is broken, or nobody may wait any more
            self._end()

    def exchange(self, data: pa.RecordBatch, metadata: Mapping[bytes, bytes] | None = None) -> Batch:
        """Send a batch and receive the server's batch for it.

        Raises:
            RemoteError: the server answered with an error; the stream is over.
            ProtocolError: the server ended the stream.
        """
        answer = self._client.drive(self._turn(Batch(data, metadata or {})))
        if answer is None:
            raise ProtocolError("the worker ended the stream instead of answering a batch")
        return answer

    def tick(self, metadata: Mapping[bytes, bytes] | None = None) -> Batch | None:
        """Ask a producer for its next batch; None at its end.

        Raises:
            RemoteError: the server answered with an error; the stream is over.
        """
        if self._output_ended and not self._failed and not self._over:
            return None
        return self._client.drive(self._turn(Batch(empty_batch(EMPTY_SCHEMA), metadata or {})))

    def __iter__(self) -> Iterator[Batch]:
        """The batches of a producer."""
        while (batch := self.tick()) is not None:
            yield batch

    def cancel(self) -> None:
        """Tell the server to stop, and end the stream."""
        try:
            if not self._over and not self._input_ended:
                self._client.drive(self._send(Batch(empty_batch(self._input_schema), {keys.CANCEL: b"1"})))
            self.close()
        finally:
            self._end()

    def close(self) -> None:
        """End the input and read the rest of the output; the connection can then be used again."""
        if self._over:
            return
        try:
            self._client.drive(self._finish())
            self._client.idle = True
        except RemoteError:
            self._client.idle = True
            raise
        finally:
            self._end()

    def _end(self) -> None:
        if not self._over:
            self._over = True
            if self.on_end is not None:
                self.on_end()

    def _send(self, batch: Batch) -> Core[None]:
        buffers = [batch_message(batch)]
        if not self._sent_schema:
            buffers.insert(0, schema_message(self._input_schema))
            self._sent_schema = True
        yield [*buffers]

    def _turn(self, batch: Batch) -> Core[Batch | None]:
        if self._over or self._output_ended or self._input_ended:
            raise ProtocolError("the stream is over")
        yield from self._send(batch)
        return (yield from self._receive())

    def _receive(self) -> Core[Batch | None]:
        if self._output_schema is None:
            self._output_schema = yield from self._reader.read_schema()
            if self._output_schema is None:
                raise ConnectionClosed("the worker closed the connection instead of opening its stream")
        while True:
            batch = yield from self._reader.read_batch()
            if batch is None:
                self._output_ended = True
                return None
            if not is_log(batch):
                return batch
            failure = self._client.log(batch)
            if failure is not None:
                self._failed = True
                self._output_ended = yield from self._reader.drain()
                raise failure

    def _finish(self) -> Core[None]:
        if not self._input_ended:
            self._input_ended = True
            opening = [] if self._sent_schema else [schema_message(self._input_schema)]
            yield [*opening, END_OF_STREAM]
        while not self._output_ended:
            yield from self._receive()


def request_buffers(
    protocol: Protocol, method: Method[Any, Any], params: Record, metadata: Mapping[bytes, bytes]
) -> list[Any]:
    """The IPC stream that calls a method (spec 01, section 4)."""
    if method.wrapped:
        data = pa.RecordBatch.from_arrays([pa.array([encode(params)], pa.binary())], schema=REQUEST_SCHEMA)
    else:
        data = to_batch(params)
    full = {
        keys.METHOD: method.name.encode(),
        keys.REQUEST_VERSION: keys.FRAMING_VERSION,
        keys.PROTOCOL: protocol.name.encode(),
        **metadata,
    }
    if protocol.version:
        full.setdefault(keys.PROTOCOL_VERSION, protocol.version.encode())
    return stream_buffers(data.schema, [Batch(data, full)])


def read_answer(name: str, limits: Limits, log: Callable[[Batch], RpcError | None]) -> Core[Batch]:
    """The data batch of one answer stream, read to its end.

    Args:
        name: of the method.
        limits: what is accepted.
        log: takes each log message, and gives the error for one that is an error.

    Raises:
        RemoteError: the answer is an error.
        ConnectionClosed: the connection ends before the answer does.
        MalformedMessage: what comes is no answer.
    """
    reader = StreamReader(limits, of_server=True)
    if (yield from reader.read_schema()) is None:
        raise ConnectionClosed(f"the worker closed the connection instead of answering {name}")
    answer: Batch | None = None
    failure: RpcError | None = None
    while (batch := (yield from reader.read_batch())) is not None:
        if is_log(batch):
            failure = failure or log(batch)
        elif answer is None:
            answer = batch
    if failure is not None:
        raise failure
    if answer is None:
        raise ProtocolError(f"the worker answered {name} with an empty stream")
    return answer


def result_of(method: Method[Any, R], batch: Batch) -> R:
    """The result of a unary method from the batch that carries it."""
    form = method.result_type
    result: Any = None
    if form is not None:
        if batch.data.num_columns != 1 or batch.data.num_rows != 1:
            raise ProtocolError(f"expected one result from {method.name}, got {batch.data.schema}")
        result = form.value(batch.data.column(0), f"result of {method.name}")
    value: R = result
    return value


def hand_on(batch: Batch, on_log: Callable[[LogMessage], None] | None) -> RpcError | None:
    """Hand a log message on; an error message comes back for raising."""
    metadata = batch.metadata
    if metadata[keys.LOG_LEVEL] == b"EXCEPTION":
        return error_from_metadata(metadata)
    if on_log is not None:
        fields = (keys.LOG_LEVEL, keys.LOG_MESSAGE, keys.LOG_EXTRA)
        on_log(LogMessage(*(metadata.get(key, b"").decode("utf-8", "replace") for key in fields)))
    return None


def is_log(batch: Batch) -> bool:
    """Whether a received batch is a log message or an error (spec 01, section 8)."""
    return batch.data.num_rows == 0 and keys.LOG_LEVEL in batch.metadata
