"""The header of one encapsulated Arrow IPC message, read without trusting it.

Arrow's own reader believes the lengths it reads and does not hand out a message's metadata,
so the few fields that framing needs are read here: the kind of message, the length of its body,
the order of bytes, the number of rows, whether the body is compressed, and the key-value metadata.
The layout is that of the flatbuffers table ``Message`` in Arrow's ``Message.fbs``.
"""

from __future__ import annotations

import functools
import struct
from typing import NamedTuple

from .errors import MalformedMessage
from .limits import Limits

SCHEMA = 1
DICTIONARY_BATCH = 2
RECORD_BATCH = 3

_U16 = struct.Struct("<H").unpack_from
_I32 = struct.Struct("<i").unpack_from
_U32 = struct.Struct("<I").unpack_from
_I64 = struct.Struct("<q").unpack_from
_NODE = struct.Struct("<qq")

_HARMLESS = 16 << 10
"""Bytes of a schema that cannot take more than some megabytes, however it is made."""

_SMALLEST_FIELD = 16
"""Bytes of a field of a schema: its place in a vector, its vtable's, its type and the type's kind."""

_TEXT_FACTOR = 8
"""How often the bytes of a schema may be used as texts: some writers share equal ones."""

_TIMESTAMP = b"\x0a"
"""The kind of the only type with a text in it, the time zone."""


KNOWN_BYTES = 4096
"""Messages up to this size are remembered: calls have the same headers and schemas again and again."""


class MessageHeader(NamedTuple):
    """What a message says of itself.

    Attributes:
        kind: ``SCHEMA``, ``DICTIONARY_BATCH`` or ``RECORD_BATCH``.
        body_length: bytes that follow the header.
        rows: number of rows of a record batch or a dictionary, 0 for a schema.
        metadata: the key-value metadata of the message.
    """

    kind: int
    body_length: int
    rows: int
    metadata: dict[bytes, bytes]


def parse_header(data: bytes, limits: Limits) -> MessageHeader:
    """Read the flatbuffers ``Message`` in ``data``.

    Raises:
        MalformedMessage: ``data`` is no such table, or exceeds ``limits``.
    """
    try:
        return (_known if len(data) <= KNOWN_BYTES else _parse)(data, limits)
    except struct.error as error:
        raise MalformedMessage(f"the header of an Arrow message points outside itself ({error})") from None


def in_data(buffer: memoryview | None, position: int) -> bool:
    """Whether ``position`` is in the data of a batch, and not in the head of a message or before one.

    Args:
        buffer: Arrow messages; None: there is a message's beginning.
        position: in it.
    """
    start = 0
    while buffer is not None:
        length = int.from_bytes(buffer[start + 4 : start + 8], "little")
        head = start + 8 + length
        if position < head or not length:
            return False
        start = head + _body_length(bytes(buffer[start + 8 : head]))
        if position < start:
            return True
    return False


def _body_length(data: bytes) -> int:
    """What a header that was written here says: its message may be longer than what is accepted from others."""
    length_at = _field(data, _U32(data, 0)[0], 3)
    return int(_I64(data, length_at)[0]) if length_at else 0


def _parse(data: bytes, limits: Limits) -> MessageHeader:
    table = _U32(data, 0)[0]
    kind_at = _field(data, table, 1)
    kind = data[kind_at] if 0 < kind_at < len(data) else 0
    if kind not in (SCHEMA, DICTIONARY_BATCH, RECORD_BATCH):
        raise MalformedMessage(
            f"expected a schema, a dictionary or a record batch, got an Arrow message of type {kind}"
        )
    length_at = _field(data, table, 3)
    body_length = _I64(data, length_at)[0] if length_at else 0
    if not 0 <= body_length <= limits.body_bytes:
        raise MalformedMessage(
            f"an Arrow message announces a body of {body_length} bytes; at most {limits.body_bytes} are accepted"
        )
    rows = 0
    header_at = _field(data, table, 2)
    if header_at:
        header = header_at + _U32(data, header_at)[0]
        if kind == SCHEMA:
            _check_schema(data, header, limits)
        elif kind == RECORD_BATCH:
            rows = _rows(data, header, body_length, limits)
        else:
            data_at = _field(data, header, 1)
            if data_at:
                rows = _rows(data, data_at + _U32(data, data_at)[0], body_length, limits)
    metadata_at = _field(data, table, 4)
    metadata = _key_values(data, metadata_at, limits) if metadata_at else {}
    return MessageHeader(kind, body_length, rows, metadata)


_known = functools.lru_cache(maxsize=512)(_parse)


def _check_schema(data: bytes, schema: int, limits: Limits) -> None:
    """Refuse what Arrow would accept of a schema, but at a price or with a wrong result."""
    # pyarrow reads single messages without swapping bytes: numbers would come out wrong.
    endianness_at = _field(data, schema, 0)
    if endianness_at and _U16(data, endianness_at)[0]:
        raise MalformedMessage("big-endian Arrow data is not accepted on this connection")
    # Parts of a flatbuffer may be shared, and Arrow makes a copy for each use: a schema of 4 MB can take
    # 5 GB. So no more fields and texts are accepted than there would be without sharing, more or less.
    if len(data) <= _HARMLESS:
        return
    fields, texts = len(data) // _SMALLEST_FIELD, _TEXT_FACTOR * len(data)
    texts -= _text_size(data, _field(data, schema, 2), limits)
    vectors = [_field(data, schema, 1)]
    while vectors:
        at = vectors.pop()
        if not at:
            continue
        vector = at + _U32(data, at)[0]
        count = _U32(data, vector)[0]
        fields -= count
        if fields < 0:
            raise MalformedMessage("the fields of an Arrow schema overlap")
        for position in range(vector + 4, vector + 4 + 4 * count, 4):
            field = position + _U32(data, position)[0]
            vectors.append(_field(data, field, 5))
            texts -= len(_string(data, _field(data, field, 0)))
            texts -= _text_size(data, _field(data, field, 6), limits)
            kind_at, type_at = _field(data, field, 2), _field(data, field, 3)
            if kind_at and type_at and data[kind_at : kind_at + 1] == _TIMESTAMP:
                texts -= len(_string(data, _field(data, type_at + _U32(data, type_at)[0], 1)))
            if texts < 0:
                raise MalformedMessage("the names of an Arrow schema overlap")


def _text_size(data: bytes, at: int, limits: Limits) -> int:
    return sum(len(key) + len(value) for key, value in _key_values(data, at, limits).items()) if at else 0


def _rows(data: bytes, batch: int, body_length: int, limits: Limits) -> int:
    if _field(data, batch, 3):
        raise MalformedMessage("compressed Arrow buffers are not accepted on this connection")
    length_at = _field(data, batch, 0)
    rows: int = _I64(data, length_at)[0] if length_at else 0
    if not 0 <= rows <= max(limits.rows, 8 * body_length):
        raise MalformedMessage(
            f"a batch announces {rows} rows, more than it can hold; at most {limits.rows} are accepted"
        )
    nodes_at = _field(data, batch, 1)
    if nodes_at:
        vector = nodes_at + _U32(data, nodes_at)[0]
        nodes = data[vector + 4 : vector + 4 + _NODE.size * _U32(data, vector)[0]]
        longest = max((length for length, _ in _NODE.iter_unpack(nodes)), default=0)
        # A list of nulls, or of structs without fields, can have any length without a byte of data.
        if longest > max(limits.rows, 8 * body_length):
            raise MalformedMessage(f"a column announces {longest} values, more than its batch can hold")
    return rows


def _field(data: bytes, table: int, index: int) -> int:
    """The position of field ``index`` of the table at ``table``, 0 if it is absent."""
    vtable = table - _I32(data, table)[0]
    if vtable < 0:
        raise MalformedMessage("the header of an Arrow message points outside itself")
    slot = 4 + 2 * index
    if slot >= _U16(data, vtable)[0]:
        return 0
    offset = _U16(data, vtable + slot)[0]
    return table + offset if offset else 0


def _key_values(data: bytes, at: int, limits: Limits) -> dict[bytes, bytes]:
    vector = at + _U32(data, at)[0]
    count = _U32(data, vector)[0]
    if count > limits.entries:
        raise MalformedMessage(f"an Arrow message has {count} metadata entries; at most {limits.entries} are accepted")
    entries: dict[bytes, bytes] = {}
    budget = 2 * len(data)
    for position in range(vector + 4, vector + 4 + 4 * count, 4):
        entry = position + _U32(data, position)[0]
        key = _string(data, _field(data, entry, 0))
        value = _string(data, _field(data, entry, 1))
        budget -= len(key) + len(value)
        if budget < 0:
            raise MalformedMessage("the metadata entries of an Arrow message overlap")
        entries[key] = value
    return entries


def _string(data: bytes, at: int) -> bytes:
    if not at:
        return b""
    start = at + _U32(data, at)[0]
    length = _U32(data, start)[0]
    start += 4
    if start + length > len(data):
        raise MalformedMessage("the header of an Arrow message points outside itself")
    return data[start : start + length]
