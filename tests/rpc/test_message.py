"""The header of an Arrow message, read from true and from hostile flatbuffers."""

from __future__ import annotations

import struct

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckwing.rpc.errors import MalformedMessage
from duckwing.rpc.framing import Batch, batch_message, batch_of_rows, read_stream, schema_message
from duckwing.rpc.limits import DEFAULT_LIMITS, Limits
from duckwing.rpc.message import DICTIONARY_BATCH, RECORD_BATCH, SCHEMA, MessageHeader, in_data, parse_header

from .fuzz import wide_batch

pytestmark = pytest.mark.timeout(60)

SCHEMA_OF_ONE = pa.schema([pa.field("x", pa.int64())])


def header_of(message: bytes | pa.Buffer) -> bytes:
    """The flatbuffer of an encapsulated message."""
    data = bytes(message)
    return data[8 : 8 + int.from_bytes(data[4:8], "little")]


def parsed(message: bytes | pa.Buffer, limits: Limits = DEFAULT_LIMITS) -> MessageHeader:
    return parse_header(header_of(message), limits)


def test_schema() -> None:
    assert parsed(schema_message(SCHEMA_OF_ONE)) == MessageHeader(SCHEMA, 0, 0, {})


@given(
    st.integers(0, 3000),
    st.dictionaries(st.binary(max_size=30), st.binary(max_size=300), max_size=5),
)
@settings(max_examples=60, deadline=None)
def test_record_batch(rows: int, metadata: dict[bytes, bytes]) -> None:
    data = pa.record_batch([pa.array(range(rows), pa.int64())], schema=SCHEMA_OF_ONE)
    message = batch_message(Batch(data, metadata))
    body = len(message) - 8 - len(header_of(message))
    assert parsed(message) == MessageHeader(RECORD_BATCH, body, rows, metadata)


def test_record_batch_without_columns() -> None:
    assert parsed(batch_message(Batch(batch_of_rows(7), {b"k": b"v"}))) == MessageHeader(
        RECORD_BATCH, 0, 7, {b"k": b"v"}
    )


def test_dictionary_batch() -> None:
    data = pa.record_batch({"x": pa.array(["a", "b"]).dictionary_encode()})
    dictionary = batch_message(Batch(data))
    header = parsed(dictionary)
    assert (header.kind, header.rows) == (DICTIONARY_BATCH, 2)
    assert header.body_length % 8 == 0
    assert header.body_length > 0


def test_every_type() -> None:
    wide = wide_batch()
    assert parsed(schema_message(wide.schema)).kind == SCHEMA
    for name in wide.schema.names:
        column = wide.select([name])
        if name not in ("dictionary", "nested"):
            assert parsed(column.serialize()).rows == 4
        assert parsed(schema_message(column.schema)) == MessageHeader(SCHEMA, 0, 0, {})


MESSAGES = [
    header_of(schema_message(wide_batch().schema)),
    header_of(batch_message(Batch(wide_batch().select(["utf8", "list"]), {b"key": b"value", b"other": b""}))),
]


@given(st.sampled_from(MESSAGES), st.data())
@settings(max_examples=400, deadline=None)
def test_any_change_is_read_or_refused(message: bytes, data: st.DataObject) -> None:
    changed = bytearray(message)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 4))
        value = data.draw(st.sampled_from([0, 1, 4, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]) | st.integers(0, 0xFFFFFFFF))
        changed[at : at + 4] = value.to_bytes(4, "little")
    try:
        header = parse_header(bytes(changed), Limits(entries=10, rows=100, body_bytes=10_000))
    except MalformedMessage:
        return
    assert header.kind in (SCHEMA, DICTIONARY_BATCH, RECORD_BATCH)
    assert 0 <= header.rows <= max(100, 8 * header.body_length)
    assert 0 <= header.body_length <= 10_000
    assert sum(len(key) + len(value) for key, value in header.metadata.items()) <= 2 * len(changed)


@pytest.mark.parametrize("message", MESSAGES)
def test_any_end_is_read_or_refused(message: bytes) -> None:
    for end in range(len(message)):
        try:
            parse_header(message[:end], DEFAULT_LIMITS)
        except MalformedMessage:
            continue


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_noise_is_read_or_refused(data: bytes) -> None:
    try:
        header = parse_header(data, DEFAULT_LIMITS)
    except MalformedMessage:
        return
    assert header.kind in (SCHEMA, DICTIONARY_BATCH, RECORD_BATCH)


class Flatbuffer:
    """Just enough of a flatbuffers writer to build what no honest writer builds."""

    def __init__(self) -> None:
        self.data = bytearray(4)

    def table(self, *slots: tuple[int, int] | None) -> tuple[int, list[int]]:
        """A table of slots (size, value), None where one is absent; its position and those of its slots."""
        self._align(8)
        places, size = [], 4
        for slot in slots:
            if slot is not None:
                size = -(-size // slot[0]) * slot[0]
            places.append(size if slot is not None else 0)
            size += slot[0] if slot is not None else 0
        vtable = len(self.data)
        self.data += struct.pack(f"<HH{len(slots)}H", 4 + 2 * len(slots), size, *places)
        self._align(8)
        table = len(self.data)
        self.data += struct.pack("<i", table - vtable) + bytes(size - 4)
        for slot, place in zip(slots, places, strict=True):
            if slot is not None:
                self.data[table + place : table + place + slot[0]] = slot[1].to_bytes(slot[0], "little")
        return table, [table + place for place in places]

    def vector(self, count: int) -> tuple[int, list[int]]:
        """A vector of offsets; its position and those of its elements."""
        self._align(4)
        at = len(self.data)
        self.data += struct.pack("<I", count) + bytes(4 * count)
        return at, [at + 4 + 4 * i for i in range(count)]

    def text(self, text: bytes) -> int:
        """A string; its position."""
        self._align(4)
        at = len(self.data)
        self.data += struct.pack("<I", len(text)) + text + b"\0"
        return at

    def point(self, place: int, target: int) -> None:
        """Let the offset at ``place`` point to ``target``."""
        struct.pack_into("<I", self.data, place, target - place)

    def message(self) -> bytes:
        """The bytes, as an encapsulated message."""
        self._align(8)
        return b"\xff\xff\xff\xff" + len(self.data).to_bytes(4, "little") + bytes(self.data)

    def _align(self, size: int) -> None:
        self.data += bytes(-len(self.data) % size)


NULL, TIMESTAMP, STRUCT = 1, 10, 13
OFFSET = (4, 0)


def shared_schema(*fans: int, name: bytes = b"x", zone: bytes = b"", entries: int = 0, endianness: int = 0) -> bytes:
    """A schema message in which all fields of a level are one and the same.

    Args:
        fans: how many fields there are below each field of the level above.
        name: the name of all of them.
        zone: make the fields of the last level timestamps of this zone.
        entries: metadata entries of each field of the last level, all of them the name.
        endianness: 1 for big-endian.
    """
    buffer = Flatbuffer()
    message, (_, _, header, _) = buffer.table((2, 4), (1, SCHEMA), OFFSET, (8, 0))
    buffer.point(0, message)
    schema, (_, fields) = buffer.table((2, endianness), OFFSET)
    buffer.point(header, schema)
    to_name: list[int] = []
    for level, fan in enumerate(fans):
        last = level == len(fans) - 1
        vector, elements = buffer.vector(fan)
        buffer.point(fields, vector)
        kind = STRUCT if not last else TIMESTAMP if zone else NULL
        field, (name_at, _, _, type_at, _, fields, metadata_at) = buffer.table(
            OFFSET, (1, 1), (1, kind), OFFSET, None, OFFSET, OFFSET if last and entries else None
        )
        for element in elements:
            buffer.point(element, field)
        type, (_, zone_at) = buffer.table(None, OFFSET if last and zone else None)
        buffer.point(type_at, type)
        if last and zone:
            buffer.point(zone_at, buffer.text(zone))
        if last and entries:
            metadata, elements = buffer.vector(entries)
            buffer.point(metadata_at, metadata)
            entry, places = buffer.table(OFFSET, OFFSET)
            to_name += places
            for element in elements:
                buffer.point(element, entry)
        to_name.append(name_at)
    buffer.point(fields, buffer.vector(0)[0])
    text = buffer.text(name)
    for place in to_name:
        buffer.point(place, text)
    return buffer.message()


def test_sharing_itself_is_accepted() -> None:
    """The built messages are good Arrow: it is their size that makes those of the next test bad."""
    schema, _ = read_stream(shared_schema(2, 3))
    assert schema.equals(pa.schema([pa.field("x", pa.struct([pa.field("x", pa.null())] * 3))] * 2))
    schema, _ = read_stream(shared_schema(1, zone=b"UTC", entries=1))
    assert schema.equals(pa.schema([pa.field("x", pa.timestamp("s", "UTC"), metadata={"x": "x"})]), check_metadata=True)


@pytest.mark.parametrize("depth", [126, 1_000, 20_000])
def test_deep_schemas_are_refused(depth: int) -> None:
    # Arrow bounds the depth of what it reads; of what it writes it does not, and crashes.
    with pytest.raises(MalformedMessage):
        read_stream(shared_schema(*[1] * depth))
    assert read_stream(shared_schema(*[1] * 60))


@pytest.mark.parametrize(
    ("message", "what"),
    [
        (shared_schema(5_000, 12), "fields .* overlap"),
        (shared_schema(200_000), "fields .* overlap"),
        (shared_schema(200, 12, name=b"n" * 100_000), "names .* overlap"),
        (shared_schema(200, 12, zone=b"z" * 100_000), "names .* overlap"),
        (shared_schema(1_000, name=b"n" * 40_000, entries=1), "names .* overlap"),
        (shared_schema(1, name=b"n" * 40_000, entries=1_000), "metadata entries .* overlap"),
        (shared_schema(1, entries=100_000), "100000 metadata entries"),
    ],
    ids=["fields", "many fields", "names", "zones", "names in metadata", "metadata", "entries"],
)
def test_schemas_that_grow_when_they_are_read_are_refused(message: bytes, what: str) -> None:
    with pytest.raises(MalformedMessage, match=what):
        parsed(message)


@pytest.mark.parametrize(
    "type",
    [
        pa.null(),
        pa.int8(),
        pa.timestamp("us", "America/Argentina/Buenos_Aires"),
        pa.uuid(),
        pa.struct([pa.field("", pa.null()), pa.field("b", pa.list_(pa.int8()))]),
        pa.map_(pa.utf8(), pa.dictionary(pa.int8(), pa.utf8())),
    ],
)
@pytest.mark.parametrize("metadata", [None, {"ARROW:extension:name": "some.name", "k": "v" * 50}])
def test_wide_schemas_are_accepted(type: pa.DataType, metadata: dict[str, str] | None) -> None:
    field = pa.field("", type, metadata=metadata)
    schema = pa.schema([field] * 2_000, metadata={str(i): "value" for i in range(500)})
    assert parsed(schema_message(schema)).kind == SCHEMA


def test_big_endian_data_is_refused() -> None:
    with pytest.raises(MalformedMessage, match="big-endian"):
        parsed(shared_schema(1, endianness=1))


def test_metadata_entries_that_overlap_are_refused() -> None:
    buffer = Flatbuffer()
    message, (_, _, _, _, metadata_at) = buffer.table((2, 4), (1, RECORD_BATCH), None, (8, 0), OFFSET)
    buffer.point(0, message)
    vector, elements = buffer.vector(1000)
    buffer.point(metadata_at, vector)
    for element in elements:
        entry, (key, value) = buffer.table(OFFSET, OFFSET)
        buffer.point(element, entry)
    text = buffer.text(b"x" * 50_000)
    assert key
    for place in (key, value):
        buffer.point(place, text)
    good = parsed(buffer.message())
    assert len(good.metadata) == 2
    for element in elements:
        buffer.point(element, entry)
    with pytest.raises(MalformedMessage, match="overlap"):
        parsed(buffer.message())


@pytest.mark.parametrize("kind", [0, 4, 5, 255])
def test_other_messages_are_refused(kind: int) -> None:
    buffer = Flatbuffer()
    message, _ = buffer.table((2, 4), (1, kind), None, (8, 0))
    buffer.point(0, message)
    with pytest.raises(MalformedMessage, match=f"of type {kind}"):
        parsed(buffer.message())


def test_where_the_data_of_a_message_are() -> None:
    """Also behind a message that is complete, as dictionaries are."""
    message = memoryview(pa.RecordBatch.from_pydict({"n": list(range(100))}).serialize())
    both = memoryview(bytes(message) * 2)
    head = 8 + int.from_bytes(message[4:8], "little")
    for start in (0, len(message)):
        places = [in_data(both, start + position) for position in (0, 8, head - 1, head, len(message) - 1)]
        assert places == [False, False, False, True, True]
    assert not in_data(both, len(both) - len(message))
    assert not in_data(None, 0)


def test_where_the_data_of_a_message_are_that_nobody_would_accept() -> None:
    """It is our own, so the limits are not for it."""
    metadata = {b"%d" % number: b"" for number in range(DEFAULT_LIMITS.entries + 1)}
    message = memoryview(batch_message(Batch(pa.record_batch({"n": [1]}), metadata)))
    head = 8 + int.from_bytes(message[4:8], "little")
    assert [in_data(message, place) for place in (8, head, len(message) - 1)] == [False, True, True]
