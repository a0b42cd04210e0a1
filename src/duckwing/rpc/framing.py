"""Arrow IPC streams as a protocol core without I/O (spec 01, section 2).

The functions here never read or write. They are generators that yield what they want done, an
:data:`Effect`, and are resumed with its outcome; a transport (or a test, with bytes in
memory) drives them. :func:`drive` is the driver for blocking byte streams.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

import pyarrow as pa

from . import keys
from .errors import ConnectionClosed, MalformedMessage
from .limits import DEFAULT_LIMITS, Limits
from .message import KNOWN_BYTES, RECORD_BATCH, SCHEMA, MessageHeader, parse_header
from .validation import is_fixed_width, validate

Buffer: TypeAlias = "bytes | pa.Buffer"

Effect: TypeAlias = "int | list[Buffer]"
"""What a core wants: an ``int`` n = "give me n bytes" (fewer only at end of file);
a list of buffers = "write these, and flush"."""

T = TypeVar("T")
Core: TypeAlias = Generator[Effect, bytes, T]

END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
EMPTY_SCHEMA = pa.schema([])

_CONTINUATION = b"\xff\xff\xff\xff"
_OPTIONS = pa.ipc.IpcWriteOptions()
"""The default; pyarrow would look for it in the environment each time."""

_FEW_ROWS = 16
_SMALL_STREAM = 64 << 10
_DRAIN_PIECE = 1 << 20
_BODY_PIECE = 16 << 20
"""Bytes of a body that are asked for at once: a reader may allocate what it is asked for, and an
announced length is believed only as far as bytes have come."""


class Batch(NamedTuple):
    """A record batch with the metadata of its message."""

    data: pa.RecordBatch
    metadata: Mapping[bytes, bytes] = {}


class ByteStream(Protocol):
    """A connection as :func:`drive` needs it: two blocking directions of bytes."""

    def read(self, size: int) -> bytes:
        """Exactly ``size`` bytes, or fewer if the other side has closed its direction."""

    def write(self, buffers: list[Buffer]) -> None:
        """Write and flush all buffers.

        Raises:
            ConnectionClosed: the other side does not read any more.
        """


def drive(core: Core[T], stream: ByteStream) -> T:
    """Run ``core`` to its end on a blocking byte stream and return its result."""
    try:
        effect = next(core)
        while True:
            if isinstance(effect, int):
                effect = core.send(stream.read(effect))
            else:
                try:
                    stream.write(effect)
                except ConnectionClosed as error:
                    effect = core.throw(error)
                else:
                    effect = core.send(b"")
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        core.close()


class MemoryStream:
    """A :class:`ByteStream` over bytes in memory: reads ``data``, collects what is written."""

    def __init__(self, data: Buffer = b""):
        self._data = memoryview(data)
        self._position = 0
        self.written = bytearray()

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes of the data, fewer at its end."""
        piece = self._data[self._position : self._position + size]
        self._position += len(piece)
        return bytes(piece)

    def write(self, buffers: list[Buffer]) -> None:
        """Append ``buffers`` to :attr:`written`."""
        for buffer in buffers:
            self.written += memoryview(buffer)

    @property
    def remaining(self) -> int:
        """Bytes of ``data`` that nobody has read."""
        return len(self._data) - self._position


# Writing


def schema_message(schema: pa.Schema) -> pa.Buffer:
    """The schema message that opens an IPC stream."""
    return schema.serialize()


def batch_message(batch: Batch, *, dictionaries: bool | None = None) -> pa.Buffer:
    """The messages of one batch: a record batch, after its dictionaries if it has any."""
    data, metadata = batch
    if not metadata and not (has_dictionaries(data.schema) if dictionaries is None else dictionaries):
        return data.serialize()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, data.schema, options=_OPTIONS) as writer:
        writer.write_batch(data, custom_metadata=dict(metadata) if metadata else None)
    stream = sink.getvalue()
    start = 8 + int.from_bytes(memoryview(stream)[4:8], "little")
    return stream.slice(start, stream.size - start - len(END_OF_STREAM))


def stream_buffers(schema: pa.Schema, batches: Iterable[Batch]) -> list[Buffer]:
    """A complete IPC stream: schema, batches, end-of-stream."""
    return [schema_message(schema), *(batch_message(batch) for batch in batches), END_OF_STREAM]


def stream_bytes(data: pa.RecordBatch) -> bytes:
    """The IPC stream of one batch, as nested records carry it (spec 01, section 17.3)."""
    if has_dictionaries(data.schema):
        return b"".join(stream_buffers(data.schema, [Batch(data)]))
    return b"".join((data.schema.serialize(), data.serialize(), END_OF_STREAM))


def empty_batch(schema: pa.Schema) -> pa.RecordBatch:
    """A batch of ``schema`` without rows; of unions and extensions too, for which ``pa.array([])`` fails."""
    if not schema.names:
        return _NO_COLUMNS
    return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)


def batch_of_rows(count: int) -> pa.RecordBatch:
    """A batch without columns that has ``count`` rows."""
    return pa.RecordBatch.from_struct_array(pa.StructArray.from_buffers(pa.struct([]), count, [None]))


def has_dictionaries(schema: pa.Schema) -> bool:
    """Whether a batch of ``schema`` is preceded by dictionary messages."""
    return any(_has_dictionary(field.type) for field in schema)


def _has_dictionary(type: pa.DataType) -> bool:
    if pa.types.is_dictionary(type):
        return True
    if isinstance(type, pa.BaseExtensionType):
        return _has_dictionary(type.storage_type)
    return any(_has_dictionary(type.field(i).type) for i in range(type.num_fields))


def _check_names(fields: Iterable[pa.Field]) -> None:
    """Fail here, and not in whoever reads it, if a name is not UTF-8 (``UnicodeDecodeError``)."""
    for field in fields:
        field.name  # noqa: B018
        type = field.type
        while pa.types.is_dictionary(type) or isinstance(type, pa.BaseExtensionType):
            type = type.value_type if pa.types.is_dictionary(type) else type.storage_type
        if type.num_fields:
            _check_names(type.field(i) for i in range(type.num_fields))


_NO_COLUMNS = pa.RecordBatch.from_arrays([], schema=EMPTY_SCHEMA)


# Reading


class StreamReader:
    """Reads one IPC stream. Every method is a core: drive it, or ``yield from`` it.

    Args:
        limits: what is accepted.
        end_at_eof: take a connection that ends between two messages for the end of the stream.
        of_server: the stream is an answer; ``keys.NO_MESSAGE`` in it tells of the server's death.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS, *, end_at_eof: bool = False, of_server: bool = False):
        self._limits = limits
        self._end_at_eof = end_at_eof
        self._of_server = of_server
        self._schema = EMPTY_SCHEMA
        self._dictionaries: _DictionaryReader | None = None
        self._variable_width: Sequence[int] = ()
        self._last_prefix, self._last_length = b"", 0
        self._last_metadata, self._last_header = b"", MessageHeader(0, 0, 0, {})

    def read_schema(self) -> Core[pa.Schema | None]:
        """The schema that opens the stream, or None if the connection ends before its first byte.

        Raises:
            MalformedMessage: something else than a stream begins here.
            ConnectionClosed: the connection ends inside the schema.
        """
        prefix = yield 8
        if not prefix:
            return None
        message = yield from self._message(prefix)
        if message is None:
            raise MalformedMessage("expected an Arrow stream, got an end-of-stream marker")
        header, data = message
        if header.kind != SCHEMA:
            raise MalformedMessage("expected an Arrow stream to begin with its schema")
        opening = (_known_opening if len(data) <= KNOWN_BYTES else _read_opening)(data)
        self._schema, self._variable_width = opening.schema, opening.variable_width
        if opening.has_dictionaries:
            self._dictionaries = _DictionaryReader(data)
        return self._schema

    def read_batch(self) -> Core[Batch | None]:
        """The next batch, or None after the end-of-stream marker.

        Raises:
            MalformedMessage: what comes is no batch of this stream.
            ConnectionClosed: the connection ends without the marker.
        """
        while True:
            prefix = yield 8
            if not prefix and self._end_at_eof:
                return None
            # What _message does, without a generator of its own for each batch.
            metadata_length = self._metadata_length(prefix)
            if not metadata_length:
                return None
            metadata = yield metadata_length
            header = self._header(metadata, metadata_length)
            length = header.body_length
            body = (yield length) if 0 < length <= _BODY_PIECE else b""
            if len(body) < length:
                body = yield from self._rest(body, length)
            data = b"".join((prefix, metadata, body))
            if header.kind == SCHEMA:
                raise MalformedMessage("a second schema in one Arrow stream")
            try:
                if self._dictionaries is not None:
                    batch = self._dictionaries.read(header, data)
                elif header.kind == RECORD_BATCH:
                    batch = pa.ipc.read_record_batch(pa.py_buffer(data), self._schema)
                else:
                    raise MalformedMessage("a dictionary in a stream whose schema has none")
                if batch is not None:
                    self._validate(batch)
            except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, IndexError) as error:
                raise MalformedMessage(f"an Arrow batch cannot be read: {error}") from None
            if batch is not None:
                return Batch(batch, header.metadata)

    def _validate(self, batch: pa.RecordBatch) -> None:
        """Check what makes a batch safe to touch."""
        validation = self._limits.validation
        if validation == "none":
            return
        full = validation == "full"
        if full and self._variable_width and batch.num_rows <= _FEW_ROWS:
            # One check of everything is quicker, though it refuses values that are allowed (see validate).
            try:
                batch.validate(full=True)
                return
            except pa.ArrowInvalid:
                pass
        batch.validate()
        if full:
            for index in self._variable_width:
                validate(batch.column(index))

    def drain(self) -> Core[bool]:
        """Read to the end-of-stream marker and discard. False if the connection ended first."""
        while True:
            prefix = yield 8
            if len(prefix) < 8:
                return False
            metadata_length = self._metadata_length(prefix)
            if not metadata_length:
                return True
            metadata = yield metadata_length
            if len(metadata) < metadata_length:
                return False
            left = parse_header(metadata, self._limits).body_length
            while left:
                piece = yield min(left, _DRAIN_PIECE)
                if not piece:
                    return False
                left -= len(piece)

    def _message(self, prefix: bytes) -> Core[tuple[MessageHeader, bytes] | None]:
        metadata_length = self._metadata_length(prefix)
        if not metadata_length:
            return None
        metadata = yield metadata_length
        header = self._header(metadata, metadata_length)
        body = yield from self._rest(b"", header.body_length)
        return header, b"".join((prefix, metadata, body))

    def _header(self, metadata: bytes, length: int) -> MessageHeader:
        if len(metadata) < length:
            raise ConnectionClosed("the connection ended inside an Arrow message")
        if metadata != self._last_metadata:
            # Ticks, and full batches of fixed-width columns, have the same header again and again.
            self._last_metadata, self._last_header = metadata, parse_header(metadata, self._limits)
        return self._last_header

    def _rest(self, body: bytes, length: int) -> Core[bytes]:
        """The ``length`` bytes that begin with ``body``."""
        pieces, left = [body], length - len(body)
        while left:
            piece = yield min(left, _BODY_PIECE)
            if not piece:
                raise ConnectionClosed("the connection ended inside an Arrow message")
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def _metadata_length(self, prefix: bytes) -> int:
        if prefix == self._last_prefix:
            return self._last_length
        if len(prefix) < 8:
            raise ConnectionClosed("the connection ended inside an Arrow stream")
        if self._of_server and prefix == keys.NO_MESSAGE:
            raise ConnectionClosed("the server died in the middle of its answer")
        if prefix[:4] != _CONTINUATION:
            raise MalformedMessage(f"expected an Arrow IPC message, got the bytes {prefix!r}")
        length = int.from_bytes(prefix[4:], "little", signed=True)
        if not 0 <= length <= self._limits.metadata_bytes:
            raise MalformedMessage(
                f"an Arrow message announces a header of {length} bytes; "
                f"at most {self._limits.metadata_bytes} are accepted"
            )
        self._last_prefix, self._last_length = prefix, length
        return length


class _Opening(NamedTuple):
    """What is known of a stream once its schema is there.

    Attributes:
        schema: of its batches.
        variable_width: the columns whose values are not all of one width.
        has_dictionaries: there are dictionary messages before a batch.
    """

    schema: pa.Schema
    variable_width: Sequence[int]
    has_dictionaries: bool


def _read_opening(message: bytes) -> _Opening:
    """What a schema message says.

    Raises:
        MalformedMessage: it cannot be read.
    """
    try:
        schema = pa.ipc.read_schema(pa.py_buffer(message))
        _check_names(schema)
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        raise MalformedMessage(f"the schema of an Arrow stream cannot be read: {error}") from None
    variable = tuple(i for i, t in enumerate(schema.types) if not is_fixed_width(t))
    return _Opening(schema, variable, has_dictionaries(schema))


# The records of the protocol come again and again with the same schemas.
_known_opening = functools.lru_cache(maxsize=256)(_read_opening)


class _DictionaryReader:
    """Hands the messages of a stream with dictionaries to Arrow's own reader, batch by batch.

    pyarrow offers no way to read a dictionary message by itself, so Arrow's reader pulls from a
    queue that holds complete messages only.
    """

    def __init__(self, schema_message: bytes):
        self._pieces = deque([schema_message])
        self._read_first = False
        self._reader: pa.RecordBatchStreamReader | None = None

    def read(self, header: MessageHeader, data: bytes) -> pa.RecordBatch | None:
        self._pieces.append(data)
        if header.kind != RECORD_BATCH:
            return None
        if self._reader is None:
            if not self._read_first and sum(map(len, self._pieces)) <= _SMALL_STREAM:
                # Records are streams of one batch: a whole one is read without calls back to Python.
                self._read_first = True
                return pa.ipc.open_stream(b"".join(self._pieces)).read_next_batch()
            self._reader = pa.ipc.open_stream(pa.PythonFile(_Pull(self._pieces), mode="r"))
            if self._read_first:
                self._reader.read_next_batch()
        return self._reader.read_next_batch()


class _Pull:
    """A readable file over a queue of byte strings."""

    closed = False

    def __init__(self, pieces: deque[bytes]):
        self._pieces = pieces

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        taken: list[bytes] = []
        while size and self._pieces:
            piece = self._pieces.popleft()
            if len(piece) > size:
                self._pieces.appendleft(piece[size:])
                piece = piece[:size]
            taken.append(piece)
            size -= len(piece)
        return b"".join(taken)


def read_stream(data: Buffer, limits: Limits = DEFAULT_LIMITS) -> tuple[pa.Schema, list[Batch]]:
    """The schema and the batches of an IPC stream in memory.

    A missing end-of-stream marker is accepted, as writers of bare schemas leave it out
    (spec 01, section 17.4).

    Raises:
        MalformedMessage: ``data`` is no such stream.
    """
    return drive(_read_stream(limits), MemoryStream(data))


def _read_stream(limits: Limits) -> Core[tuple[pa.Schema, list[Batch]]]:
    reader = StreamReader(limits, end_at_eof=True)
    batches: list[Batch] = []
    try:
        schema = yield from reader.read_schema()
        if schema is None:
            raise MalformedMessage("expected an Arrow stream, got no bytes at all")
        while (batch := (yield from reader.read_batch())) is not None:
            batches.append(batch)
    except ConnectionClosed:
        raise MalformedMessage("an Arrow stream is cut off") from None
    return schema, batches
