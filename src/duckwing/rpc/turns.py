"""An open stream on the serving side: batch for batch, until either side ends it (spec 01, section 9)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pyarrow as pa

from ..errors import OutputError
from . import keys
from .call import Call, Stream, is_shutdown, run_handler
from .codec import to_batch
from .errors import ConnectionClosed, MalformedMessage, ProtocolError
from .framing import (
    END_OF_STREAM,
    Batch,
    Buffer,
    Core,
    StreamReader,
    batch_message,
    has_dictionaries,
    schema_message,
    stream_buffers,
)
from .limits import Limits
from .request import one_line
from .shared_memory import SharedMemory


def serve_stream(call: Call, stream: Stream, limits: Limits, memory: SharedMemory) -> Core[None]:
    """Serve an open stream to its end; afterwards the connection waits for the next request.

    Raises:
        ConnectionClosed: the client cannot be talked to any more.
        Exception: the stream failed before its header was sent.
    """
    try:
        output = stream.output_schema
        header = to_batch(stream.header)
        opening = stream_buffers(header.schema, [*call.messages(header.schema), call.tag(header)])
        # The output schema goes out with the header: a worker that dies before it would
        # look like an empty result to the client.
        yield [*opening, schema_message(output)]
        reader = StreamReader(limits)
        end = yield from _turns(call, stream, reader, memory)
    finally:
        _close(stream)
    # Whoever has seen the end of a stream may rely on its clean-up.
    yield [*end.buffers, END_OF_STREAM]
    if end.broken:
        raise ConnectionClosed("the client sent something that is no Arrow")
    if not end.input_read:
        yield from reader.drain()


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


def _turns(call: Call, stream: Stream, reader: StreamReader, memory: SharedMemory) -> Core[_End]:
    """The lockstep of a stream, up to the last message before its end-of-stream marker."""
    output, expected = stream.output_schema, stream.input_schema
    dictionaries = has_dictionaries(output)
    try:
        schema = yield from reader.read_schema()
        if schema is None:
            return _End(input_read=True)
        adapt = adapter(schema, expected) if expected is not None else None
        while True:
            batch = yield from reader.read_batch()
            if batch is None:
                return _End(input_read=True)
            if batch.metadata:
                if keys.CANCEL in batch.metadata:
                    return _End()
                if keys.LOCATION in batch.metadata:
                    raise ProtocolError("the batch is a pointer to a location, but none was agreed on")
                batch = memory.incoming(batch)
            answer = run_handler(stream.turn, adapt(batch) if adapt is not None else batch)
            if answer is not None:
                check_output(call, answer, output)  # before the log messages are taken, for they go with its error
            buffers: list[Buffer] = list(map(batch_message, call.messages(output)))
            if answer is None:
                return _End(buffers)
            buffers.append(batch_message(memory.outgoing(answer), dictionaries=dictionaries))
            yield buffers
    except ConnectionClosed:
        # The client may only have closed its writing half, and still wait for our end.
        return _End(input_read=True)
    except BaseException as error:
        if is_shutdown(error):
            raise
        failure = call.failure(output, error)
        return _End([batch_message(message) for message in failure], broken=isinstance(error, MalformedMessage))


def _close(stream: Stream) -> None:
    """Close ``stream``. The answer is out or beyond repair: what goes wrong now can only be logged."""
    try:
        stream.close()
    except BaseException as error:
        if is_shutdown(error):
            raise
        import logging

        logging.getLogger(__name__).exception("closing a stream failed")


def check_output(call: Call, answer: Batch, output: pa.Schema) -> None:
    """Refuse a batch of other columns than the stream has.

    Raises:
        OutputError: it is one.
    """
    if not answer.data.schema.equals(output):
        raise OutputError(
            f"Output schema mismatch in method '{call.method}': declared {one_line(output)}, "
            f"got {one_line(answer.data.schema)}"
        )


def adapter(actual: pa.Schema, expected: pa.Schema) -> Callable[[Batch], Batch] | None:
    """How batches of ``actual`` become batches of ``expected``; None if they already are.

    Raises:
        TypeError: they cannot.
    """
    if actual.equals(expected):
        return None
    in_order = actual.names == expected.names
    if not in_order and (sorted(actual.names) != sorted(expected.names) or len(set(expected.names)) < len(expected)):
        raise TypeError(f"Input schema mismatch: expected {one_line(expected)}, got {one_line(actual)}")

    def adapt(batch: Batch) -> Batch:
        try:
            columns = batch.data if in_order else batch.data.select(expected.names)
            return Batch(columns.cast(expected), batch.metadata)
        except (pa.ArrowException, ValueError) as error:
            raise TypeError(
                f"Input schema mismatch: expected {one_line(expected)}, got {one_line(actual)} ({error})"
            ) from None

    return adapt
