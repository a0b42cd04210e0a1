"""The serving end of a connection, as a core without I/O (spec 01, sections 4 to 12).

A :class:`Server` hosts protocols. :meth:`Server.session` is the core of one connection: it takes
requests, calls the handlers, and answers, until the other side closes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from typing import Protocol as Interface

import pyarrow as pa

from ..errors import OutputError
from . import keys
from .codec import Record, decode, from_batch, to_batch
from .errors import (
    CodecError,
    ConnectionClosed,
    MalformedMessage,
    MethodNotImplementedError,
    ProtocolError,
    ProtocolNotSpecifiedError,
    ProtocolNotSupportedError,
    RpcError,
    VersionError,
    error_metadata,
)
from .framing import (
    EMPTY_SCHEMA,
    END_OF_STREAM,
    Batch,
    Buffer,
    Core,
    StreamReader,
    batch_message,
    empty_batch,
    schema_message,
    stream_buffers,
)
from .limits import DEFAULT_LIMITS, Limits
from .method import Method, Protocol, is_protocol_name
from .versions import check_version

LEVELS = ("ERROR", "WARN", "INFO", "DEBUG", "TRACE")
"""Levels of a log message, most severe first."""


class Stream(Interface):
    """An open stream, as a handler of a stream method returns it.

    Attributes:
        header: the record that opens the answer.
        input_schema: schema of the batches that the client sends; None for a producer,
            whose client sends empty ticks.
        output_schema: schema of every batch of the answer.
    """

    @property
    def header(self) -> Record: ...

    @property
    def input_schema(self) -> pa.Schema | None: ...

    @property
    def output_schema(self) -> pa.Schema: ...

    def turn(self, batch: Batch) -> Batch | None:
        """Answer one input batch (or tick) with one batch; None ends a producer."""

    def close(self) -> None:
        """The stream is over: finished, failed, cancelled or cut off. Called exactly once."""


@dataclass(eq=False)
class Call:
    """What a handler may know of the call that it serves, and its way to send log messages.

    Attributes:
        method: name of the method.
        metadata: metadata of the request.
    """

    method: str
    metadata: Mapping[bytes, bytes]
    _logs: list[dict[bytes, bytes]] = field(default_factory=list)

    def log(self, level: str, message: str, extra: Mapping[str, Any] | None = None) -> None:
        """Send a log message; it travels before the next batch of the answer.

        Args:
            level: one of ``LEVELS``.
            message: the text.
            extra: further fields, sent as JSON.

        Raises:
            ValueError: ``level`` is no level.
        """
        if level not in LEVELS:
            raise ValueError(f"{level!r} is not a log level; expected one of {', '.join(LEVELS)}")
        metadata = {keys.LOG_LEVEL: level.encode(), keys.LOG_MESSAGE: message.encode("utf-8", "backslashreplace")}
        if extra:
            import json

            metadata[keys.LOG_EXTRA] = json.dumps(extra, default=str).encode()
        self._logs.append(metadata)

    def take_logs(self) -> list[dict[bytes, bytes]]:
        """The log messages since the last time, for the session to send."""
        if not self._logs:
            return self._logs
        logs, self._logs = self._logs, []
        return logs


Handler = Callable[[Call, Any], Any]


class Server:
    """Hosts protocols for any number of connections.

    Args:
        hosted: pairs of a protocol and its handlers by method name. A handler is called with the
            :class:`Call` and the record of the parameters. A unary handler returns the result, a
            stream handler a :class:`Stream`. A method without handler is answered as
            "not implemented".
        limits: what is accepted from outside.
        reflection: host ``vgi_rpc.Reflection.v1`` too, so that clients can list the methods.

    Example:
        >>> server = Server([(CALCULATOR, {"add": lambda call, r: r.a + r.b})])  # doctest: +SKIP
    """

    def __init__(
        self,
        hosted: Iterable[tuple[Protocol, Mapping[str, Handler]]],
        *,
        limits: Limits = DEFAULT_LIMITS,
        reflection: bool = True,
    ):
        self.limits = limits
        self.server_id = os.urandom(6).hex()
        self._reflection = reflection
        self._hosted = {protocol.name: (protocol, handlers) for protocol, handlers in hosted}
        for name in self._hosted:
            if name.startswith("vgi_rpc."):
                raise ValueError(f"protocol name {name!r} is reserved: names under 'vgi_rpc.' belong to the framework")

    def hosted(self) -> dict[str, tuple[Protocol, Mapping[str, Handler]]]:
        """The hosted protocols by name, reflection included."""
        if self._reflection and "vgi_rpc.Reflection.v1" not in self._hosted:
            from .reflection import REFLECTION, reflection_handlers

            self._hosted[REFLECTION.name] = (REFLECTION, reflection_handlers(self))
        return self._hosted

    def session(self, *, idle: Callable[[bool], None] | None = None) -> Core[None]:
        """The core of one connection: serves calls until the other side closes it.

        Args:
            idle: told True before the session waits for a request and False when one has come.
        """
        after_failed_stream = False
        try:
            while True:
                if idle is not None:
                    idle(True)
                batch = yield from self._read_request()
                if batch is None:
                    return
                if idle is not None:
                    idle(False)
                if after_failed_stream and keys.METHOD not in batch.metadata:
                    # A client that opened its input stream before it read the error of the call.
                    after_failed_stream = False
                else:
                    after_failed_stream = yield from self._serve(batch)
        except MalformedMessage as error:
            with contextlib.suppress(ConnectionClosed):
                yield self._error_stream(EMPTY_SCHEMA, error, {})
        except ConnectionClosed:
            return

    def _read_request(self) -> Core[Batch | None]:
        reader = StreamReader(self.limits)
        schema = yield from reader.read_schema()
        if schema is None:
            return None
        batch = yield from reader.read_batch()
        if batch is None:
            return Batch(empty_batch(EMPTY_SCHEMA), {_NO_BATCH: b""})
        if not (yield from reader.drain()):
            raise ConnectionClosed("the connection ended inside a request")
        return batch

    def _serve(self, batch: Batch) -> Core[bool]:
        """Answer one request. True if it was a stream call that failed before its header."""
        method: Method[Any, Any] | None = None
        call = Call("", batch.metadata)
        try:
            name = self._method_name(batch)
            call.method = name
            if name == keys.TRANSPORT_OPTIONS:
                yield self._transport_options()
                return False
            protocol, handlers = self._route(batch, name)
            method = protocol.methods[name]
            if protocol.version:
                check_version(batch.metadata.get(keys.PROTOCOL_VERSION), protocol.version)
            params = self._params(method, batch)
            result = _run(handlers[name], call, params)
            if method.is_stream:
                yield from self._serve_stream(call, result)
                return False
            answer = self._answer(method, call, result)
        except (ConnectionClosed, MalformedMessage):
            raise
        except BaseException as error:
            if is_shutdown(error):
                raise
            failed_stream = method is not None and method.is_stream
            schema = method.result_schema if method is not None and not failed_stream else EMPTY_SCHEMA
            yield self._error_stream(schema, error, call.metadata, call.take_logs())
            return failed_stream
        yield answer
        return False

    # Requests

    def _method_name(self, batch: Batch) -> str:
        data, metadata = batch
        if _NO_BATCH in metadata:
            raise ProtocolError("Request stream contains no batches")
        raw = metadata.get(keys.METHOD)
        if raw is None:
            raise ProtocolError(
                "Missing 'vgi_rpc.method' in request batch custom_metadata. Every request must name its method."
            )
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            raise ProtocolError("Invalid 'vgi_rpc.method' in request batch custom_metadata: not UTF-8.") from None
        version = metadata.get(keys.REQUEST_VERSION)
        if version is None:
            raise VersionError("Missing 'vgi_rpc.request_version' in request batch custom_metadata. Expected '1'.")
        if version != keys.FRAMING_VERSION:
            raise VersionError(f"Unsupported request version {_shown(version)}, expected '1'. Upgrade the older side.")
        if data.num_columns and data.num_rows != 1:
            raise ProtocolError(
                f"Expected 1 row in request batch, got {data.num_rows}. A request is one row of parameters."
            )
        return name

    def _route(self, batch: Batch, name: str) -> tuple[Protocol, Mapping[str, Handler]]:
        if name == keys.RETIRED_DESCRIBE:
            raise MethodNotImplementedError(
                "'__describe__' was retired. "
                "Use protocol 'vgi_rpc.Reflection.v1', methods 'list_protocols' and 'describe'."
            )
        hosted = self._hosted
        raw = batch.metadata.get(keys.PROTOCOL)
        if raw is None:
            raise ProtocolNotSpecifiedError(
                f"Request carries no 'vgi_rpc.protocol' routing key. Hosted: {sorted(self.hosted())}"
            )
        routing_key = raw.decode("utf-8", "replace")
        if not is_protocol_name(routing_key):
            raise ProtocolNotSupportedError(f"'vgi_rpc.protocol' is not a protocol name: {_shown(raw)}")
        if routing_key not in hosted:
            hosted = self.hosted()
            if routing_key not in hosted:
                raise ProtocolNotSupportedError(
                    f"This server does not host protocol {routing_key!r}. Hosted: {sorted(hosted)}"
                )
        protocol, handlers = hosted[routing_key]
        if name not in protocol.methods or name not in handlers:
            available = sorted(method for method in protocol.methods if method in handlers)
            raise MethodNotImplementedError(
                f"Protocol {routing_key!r} has no method {_shown(name.encode())}. Available: {available}"
            )
        return protocol, handlers

    def _params(self, method: Method[Any, Any], batch: Batch) -> Any:
        expected = method.params_schema
        if not batch.data.schema.equals(expected):
            raise ProtocolError(
                f"Parameter schema mismatch for method '{method.name}': expected {_one_line(expected)}, "
                f"got {_one_line(batch.data.schema)}"
            )
        try:
            if method.wrapped:
                nested = batch.data.column(0)[0].as_py()
                if nested is None:
                    raise CodecError("request must not be null")
                return decode(method.params, nested, self.limits)
            return method.params() if not expected.names else from_batch(method.params, batch.data)
        except (CodecError, MalformedMessage) as error:
            raise TypeError(f"parameters of method '{method.name}': {error}") from None

    # Answers

    def _answer(self, method: Method[Any, Any], call: Call, result: Any) -> list[Buffer]:
        schema = method.result_schema
        form = method.result_type
        if form is None:
            data = empty_batch(schema)
        else:
            data = pa.RecordBatch.from_arrays([form.array(result, f"result of {method.name}")], schema=schema)
        logs = [Batch(empty_batch(schema), self._tag(log, call.metadata)) for log in call.take_logs()]
        return stream_buffers(schema, [*logs, Batch(data, self._tag({}, call.metadata))])

    def _serve_stream(self, call: Call, stream: Stream) -> Core[None]:
        """Serve an open stream to its end; afterwards the connection waits for the next request."""
        try:
            output = stream.output_schema
            header = to_batch(stream.header)
            logs = [Batch(empty_batch(header.schema), self._tag(log, call.metadata)) for log in call.take_logs()]
            # The output schema goes out with the header: a worker that dies before it would
            # look like an empty result to the client.
            yield [
                *stream_buffers(header.schema, [*logs, Batch(header, self._tag({}, call.metadata))]),
                schema_message(output),
            ]
            reader = StreamReader(self.limits)
            end = yield from self._turns(call, stream, reader)
        finally:
            _close(stream)
        # Whoever has seen the end of a stream may rely on its clean-up.
        yield [*end.buffers, END_OF_STREAM]
        if end.broken:
            raise ConnectionClosed("the client sent something that is no Arrow")
        if not end.input_read:
            yield from reader.drain()

    def _turns(self, call: Call, stream: Stream, reader: StreamReader) -> Core[_End]:
        """The lockstep of a stream, up to the last message before its end-of-stream marker."""
        output, expected = stream.output_schema, stream.input_schema

        def messages(*more: dict[bytes, bytes]) -> list[Buffer]:
            return [
                batch_message(Batch(empty_batch(output), self._tag(metadata, call.metadata)))
                for metadata in (*call.take_logs(), *more)
            ]

        try:
            schema = yield from reader.read_schema()
            if schema is None:
                return _End(input_read=True)
            adapt = _adapter(schema, expected) if expected is not None else None
            while True:
                batch = yield from reader.read_batch()
                if batch is None or keys.CANCEL in batch.metadata:
                    return _End(input_read=batch is None)
                if keys.SHM_OFFSET in batch.metadata or keys.LOCATION in batch.metadata:
                    raise ProtocolError("the batch is a pointer, but no shared memory or location was agreed on")
                answer = _run(stream.turn, adapt(batch) if adapt is not None else batch)
                buffers = messages()
                if answer is None:
                    return _End(buffers)
                if not answer.data.schema.equals(output):
                    raise OutputError(
                        f"Output schema mismatch in method '{call.method}': declared {_one_line(output)}, "
                        f"got {_one_line(answer.data.schema)}"
                    )
                buffers.append(batch_message(answer))
                yield buffers
        except ConnectionClosed:
            # The client may only have closed its writing half, and still wait for our end.
            return _End(input_read=True)
        except BaseException as error:
            if is_shutdown(error):
                raise
            return _End(messages(error_metadata(error)), broken=isinstance(error, MalformedMessage))

    def _transport_options(self) -> list[Buffer]:
        metadata = {
            keys.TRANSPORT_SHM: b"false",
            keys.REQUEST_VERSION: keys.FRAMING_VERSION,
            keys.SERVER_ID: self.server_id.encode(),
        }
        return stream_buffers(EMPTY_SCHEMA, [Batch(empty_batch(EMPTY_SCHEMA), metadata)])

    def _error_stream(
        self,
        schema: pa.Schema,
        error: BaseException,
        request: Mapping[bytes, bytes],
        logs: Iterable[dict[bytes, bytes]] = (),
    ) -> list[Buffer]:
        empty = empty_batch(schema)
        batches = [Batch(empty, self._tag(log, request)) for log in logs]
        return stream_buffers(schema, [*batches, Batch(empty, self._tag(error_metadata(error), request))])

    def _tag(self, metadata: dict[bytes, bytes], request: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """``metadata`` with the ids that let a log line be traced to its call and process."""
        metadata[keys.SERVER_ID] = self.server_id.encode()
        request_id = request.get(keys.REQUEST_ID)
        if request_id is not None:
            metadata[keys.REQUEST_ID] = request_id
        return metadata


_NO_BATCH = b"duckwing.no_batch"
"""Local mark of a request stream without a batch; never on the wire."""


class _End(NamedTuple):
    """How a stream ended.

    Attributes:
        buffers: the last messages before the end-of-stream marker.
        input_read: the client's input was read to its end, too.
        broken: the input is no Arrow; the connection cannot be used any more.
    """

    buffers: Sequence[Buffer] = ()
    input_read: bool = False
    broken: bool = False


def is_shutdown(error: BaseException) -> bool:
    """Whether ``error`` ends the process (an interrupt) and must not become an answer.

    ``SystemExit`` from user code does not: a process that left with status 0 in the middle of a
    stream would look like a complete result.
    """
    return isinstance(error, (KeyboardInterrupt, GeneratorExit))


def _run(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a handler. What it says of connections of its own must not be taken for ours."""
    try:
        return function(*arguments)
    except (ConnectionClosed, MalformedMessage) as error:
        raise RpcError(f"a call to another worker failed: {error}") from error


def _close(stream: Stream) -> None:
    """Close ``stream``. The answer is out or beyond repair: what goes wrong now can only be logged."""
    try:
        stream.close()
    except BaseException as error:
        if is_shutdown(error):
            raise
        import logging

        logging.getLogger(__name__).exception("closing a stream failed")


def _adapter(actual: pa.Schema, expected: pa.Schema) -> Callable[[Batch], Batch] | None:
    """How batches of ``actual`` become batches of ``expected``; None if they already are.

    Raises:
        TypeError: they cannot.
    """
    if actual.equals(expected):
        return None
    if sorted(actual.names) != sorted(expected.names):
        raise TypeError(f"Input schema mismatch: expected {_one_line(expected)}, got {_one_line(actual)}")

    def adapt(batch: Batch) -> Batch:
        try:
            return Batch(batch.data.select(expected.names).cast(expected), batch.metadata)
        except (pa.ArrowException, ValueError) as error:
            raise TypeError(
                f"Input schema mismatch: expected {_one_line(expected)}, got {_one_line(actual)} ({error})"
            ) from None

    return adapt


def _one_line(schema: pa.Schema) -> str:
    fields = (f"{f.name}: {f.type}{'' if f.nullable else ' not null'}" for f in schema)
    return f"({', '.join(fields)})"


def _shown(raw: bytes) -> str:
    """Bytes from outside, safe to print and not too long."""
    text = repr(raw.decode("utf-8", "backslashreplace"))
    return text if len(text) <= 120 else text[:117] + "...'"
