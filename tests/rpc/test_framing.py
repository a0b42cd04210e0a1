"""Arrow IPC streams read from bytes that come in pieces, end early, or lie."""

from __future__ import annotations

import math
import socket
import struct
import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckwing.rpc.errors import ConnectionClosed, MalformedMessage
from duckwing.rpc.framing import (
    END_OF_STREAM,
    Batch,
    Buffer,
    Core,
    MemoryStream,
    StreamReader,
    batch_message,
    batch_of_rows,
    drive,
    empty_batch,
    read_stream,
    schema_message,
    stream_buffers,
    stream_bytes,
)
from duckwing.rpc.limits import Limits

from .fuzz import wide_batch
from .toy import (
    ADD,
    COUNT,
    DOUBLE,
    ECHO,
    PAIRS,
    Add,
    Count,
    Double,
    Toy,
    answers,
    batches,
    everything,
    joined,
    pipes,
    request,
    ticks,
)

pytestmark = pytest.mark.timeout(60)

DATA = pa.record_batch([pa.array([1, None, 3]), pa.array(["a", "b", None])], schema=PAIRS)
SESSION = (
    request(ECHO, everything())
    + request(COUNT, Count(2))
    + ticks(3)
    + request(DOUBLE, Double())
    + batches(DATA.slice(0, 1), DATA.slice(0, 1))
    + request(ADD, Add(1, 2))
)

ARROW_TYPES = st.recursive(
    st.sampled_from(
        [
            pa.null(),
            pa.bool_(),
            pa.int8(),
            pa.uint64(),
            pa.float32(),
            pa.utf8(),
            pa.large_binary(),
            pa.binary(3),
            pa.decimal128(10, 2),
            pa.date32(),
            pa.timestamp("us", "UTC"),
            pa.string_view(),
            pa.dictionary(pa.int8(), pa.utf8()),
            pa.uuid(),
        ]
    ),
    lambda inner: st.one_of(
        inner.map(pa.list_),
        inner.map(pa.list_view),
        inner.map(lambda t: pa.list_(t, 2)),
        inner.map(lambda t: pa.map_(pa.utf8(), t)),
        st.lists(inner, max_size=3).map(lambda ts: pa.struct([pa.field(f"f{i}", t) for i, t in enumerate(ts)])),
        inner.map(lambda t: pa.dense_union([pa.field("u", t), pa.field("v", pa.int8())])),
    ),
    max_leaves=4,
)
METADATA = st.dictionaries(st.binary(max_size=20), st.binary(max_size=50), max_size=4)


@st.composite
def streams(draw: st.DrawFn) -> tuple[pa.Schema, list[Batch]]:
    # Arrow cannot make nulls of run-end encoding inside other types.
    runs = st.just(pa.run_end_encoded(pa.int32(), pa.int64()))
    types = draw(st.lists(ARROW_TYPES | runs, max_size=4))
    schema = pa.schema([pa.field(draw(st.text(max_size=5)), t) for t in types])
    found = []
    for rows in draw(st.lists(st.integers(0, 5), max_size=3)):
        if types:
            data = pa.RecordBatch.from_arrays([pa.nulls(rows, t) for t in types], schema=schema)
        else:
            data = batch_of_rows(rows)
        found.append(Batch(data, draw(METADATA)))
    return schema, found


@given(streams())
@settings(max_examples=150, deadline=None)
def test_streams_come_back_as_they_were_written(stream: tuple[pa.Schema, list[Batch]]) -> None:
    schema, written = stream
    data = joined(stream_buffers(schema, written))
    read_schema, found = read_stream(data)
    assert read_schema.equals(schema, check_metadata=True)
    assert [batch.metadata for batch in found] == [batch.metadata for batch in written]
    assert [batch.data.num_rows for batch in found] == [batch.data.num_rows for batch in written]
    assert all(a.data.equals(b.data) for a, b in zip(found, written, strict=True))


@given(streams())
@settings(max_examples=60, deadline=None)
def test_arrow_itself_reads_the_same(stream: tuple[pa.Schema, list[Batch]]) -> None:
    schema, written = stream
    reader = pa.ipc.open_stream(joined(stream_buffers(schema, written)))
    assert reader.schema.equals(schema, check_metadata=True)
    for batch in written:
        data, metadata = reader.read_next_batch_with_custom_metadata()
        assert data.equals(batch.data)
        assert dict(metadata or {}) == batch.metadata
    with pytest.raises(StopIteration):
        reader.read_next_batch()


def test_values_of_every_type_come_back() -> None:
    wide = wide_batch()
    _, (plain,) = read_stream(joined(stream_buffers(wide.schema, [Batch(wide)])))
    _, (tagged,) = read_stream(joined(stream_buffers(wide.schema, [Batch(wide.slice(1, 2), {b"k": b"v"})])))
    assert plain.data.equals(wide)
    assert tagged.data.equals(wide.slice(1, 2))


@pytest.mark.parametrize("name", wide_batch().schema.names)
def test_every_type_has_empty_batches(name: str) -> None:
    schema = wide_batch().select([name]).schema
    _, (batch,) = read_stream(stream_bytes(empty_batch(schema)))
    assert batch.data.num_rows == 0
    assert batch.data.schema.equals(schema)


def test_field_metadata_is_preserved() -> None:
    schema = pa.schema([pa.field("a", pa.int8(), metadata={"key": "value"})], metadata={"other": "value"})
    found, _ = read_stream(joined(stream_buffers(schema, [])))
    assert found.equals(schema, check_metadata=True)


# Pieces and ends


class Dribble:
    """A blocking byte stream that gives each read in pieces of the given sizes, as a socket would."""

    def __init__(self, data: bytes, sizes: list[int]):
        self._near, far = pipes()
        self._sizes = sizes
        self.written = bytearray()

        def feed() -> None:
            position = turn = 0
            while position < len(data):
                size = sizes[turn % len(sizes)]
                far.write([data[position : position + size]])
                position += size
                turn += 1
            far.close()

        self._feeder = threading.Thread(target=feed)
        self._feeder.start()

    def read(self, size: int) -> bytes:
        return self._near.read(size)

    def write(self, buffers: list[Buffer]) -> None:
        self.written += joined(buffers)

    def close(self) -> None:
        self._feeder.join()
        self._near.close()


@given(st.lists(st.integers(1, 400), min_size=1, max_size=20))
@settings(max_examples=15, deadline=None)
def test_answers_do_not_depend_on_how_bytes_arrive(sizes: list[int]) -> None:
    server = Toy().server()
    whole = MemoryStream(SESSION)
    drive(server.session(), whole)
    pieces = Dribble(SESSION, sizes)
    drive(server.session(), pieces)
    pieces.close()
    assert pieces.written == whole.written


def test_the_core_never_asks_for_more_than_the_messages_hold() -> None:
    """A reader that read ahead would wait for ever on a connection whose client waits for the answer."""
    core = Toy().server().session()
    left = memoryview(SESSION)
    effect: Any = next(core)
    while left:
        if isinstance(effect, int):
            assert 0 < effect <= len(left)
            data, left = left[:effect], left[effect:]
            effect = core.send(bytes(data))
        else:
            effect = core.send(b"")
    while not isinstance(effect, int):
        effect = core.send(b"")
    core.close()


REQUEST = request(ECHO, everything())
EXCHANGE = request(DOUBLE, Double()) + batches(DATA.slice(0, 1), DATA.slice(0, 1), metadata={b"k": b"v"})
PRODUCER = request(COUNT, Count(2)) + ticks(3)
FOLLOWING = request(ADD, Add(1, 2))


@pytest.mark.parametrize("sent", [REQUEST, EXCHANGE, PRODUCER], ids=["unary", "exchange", "producer"])
def test_connections_that_end_at_any_byte(sent: bytes) -> None:
    """The session ends in silence or with complete answers, and every stream is closed."""
    toy = Toy()
    server = toy.server()
    for end in range(len(sent)):
        answers(sent[:end], server)  # reads what was answered, so fails on an incomplete stream
    opened, closed = 0, toy.closed.qsize()
    if sent is not REQUEST:
        head = len(sent) - (len(batches(DATA.slice(0, 1), DATA.slice(0, 1), metadata={b"k": b"v"})))
        if sent is PRODUCER:
            head = len(sent) - len(ticks(3))
        opened = len(sent) - head
    assert closed == opened


@pytest.mark.parametrize("sent", [REQUEST, EXCHANGE, PRODUCER], ids=["unary", "exchange", "producer"])
def test_requests_whose_reader_is_gone(sent: bytes) -> None:
    class Deaf(MemoryStream):
        def write(self, buffers: list[Buffer]) -> None:
            raise ConnectionClosed("nobody reads")

    toy = Toy()
    drive(toy.server().session(), Deaf(sent))
    assert toy.closed.qsize() == (0 if sent is REQUEST else 1)
    drive(toy.server().session(), Deaf(b"no Arrow at all"))


def test_every_byte_missing() -> None:
    """A byte lost on the way: refused or answered, whatever it was."""
    server = Toy().server()
    sent = REQUEST + FOLLOWING
    for gap in range(len(sent)):
        answers(sent[:gap] + sent[gap + 1 :], server)


def test_interrupts_are_not_answered() -> None:
    class Interrupted(MemoryStream):
        def write(self, buffers: list[Buffer]) -> None:
            raise KeyboardInterrupt

    toy = Toy()
    with pytest.raises(KeyboardInterrupt):
        drive(toy.server().session(), Interrupted(PRODUCER))
    assert toy.closed.qsize() == 1


def test_half_closed_socket_gets_its_answer() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(20)
        ours.sendall(EXCHANGE[:-8])
        ours.shutdown(socket.SHUT_WR)
        reader, writer = theirs.makefile("rb"), theirs.makefile("wb")

        class Socket:
            def read(self, size: int) -> bytes:
                return reader.read(size)

            def write(self, buffers: list[Buffer]) -> None:
                writer.write(joined(buffers))
                writer.flush()

        drive(Toy().server().session(), Socket())
        reader.close()
        writer.close()
        theirs.shutdown(socket.SHUT_WR)
        data = b""
        while piece := ours.recv(1 << 16):
            data += piece
    assert data.endswith(END_OF_STREAM)


# Lies

LIMITS = Limits(metadata_bytes=8192, body_bytes=1 << 20, rows=1000, entries=10)


def read_all(data: bytes, limits: Limits = LIMITS) -> None:
    drive(_read_all(limits), MemoryStream(data))


def _read_all(limits: Limits) -> Core[None]:
    reader = StreamReader(limits)
    yield from reader.read_schema()
    while (yield from reader.read_batch()) is not None:
        pass


def wide_schema() -> bytes:
    return joined(stream_buffers(pa.schema([pa.field("x" * 100, pa.int8())] * 100), []))


def nulls_in_a_list(count: int) -> bytes:
    offsets = pa.array([0, count], pa.int32())
    return stream_bytes(pa.record_batch({"a": pa.ListArray.from_arrays(offsets, pa.nulls(count))}))


def compressed() -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, DATA.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_batch(DATA)
    return bytes(sink.getvalue())


LIES: dict[str, tuple[Callable[[], bytes], str]] = {
    "header": (wide_schema, "announces a header of .* at most 8192"),
    "body": (lambda: batches(pa.record_batch({"x": pa.array([b"x" * (1 << 20)])})), "announces a body"),
    "rows": (lambda: batches(batch_of_rows(1001)), "announces 1001 rows, .* at most 1000"),
    "nulls": (lambda: batches(pa.record_batch({"x": pa.nulls(1001)})), "announces 1001 rows, .* at most 1000"),
    "nulls in a list": (lambda: nulls_in_a_list(100_000), "a column announces 100000 values"),
    "entries": (
        lambda: batches(batch_of_rows(1), metadata={str(i).encode(): b"" for i in range(11)}),
        "11 metadata entries; at most 10",
    ),
    "dictionary": (
        lambda: stream_bytes(
            pa.record_batch({"x": pa.DictionaryArray.from_arrays(pa.array([0], pa.int16()), pa.nulls(1001))})
        ),
        "announces 1001 rows, .* at most 1000",
    ),
    "compression": (compressed, "compressed"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_exceeds_the_limits_is_refused(lie: str) -> None:
    make, message = LIES[lie]
    with pytest.raises(MalformedMessage, match=message):
        read_all(make())


def test_what_keeps_the_limits_is_accepted() -> None:
    read_all(batches(batch_of_rows(1000), metadata={str(i).encode(): b"" for i in range(10)}))
    read_all(nulls_in_a_list(1000))


def test_rows_that_take_room_are_accepted() -> None:
    """However many: they cost the sender as much."""
    read_all(batches(pa.record_batch({"n": range(100_000)})))


@pytest.mark.parametrize("length", [(1 << 26) + 1, (1 << 31) - 1])
def test_announced_headers_are_not_allocated(length: int) -> None:
    asked = peak_of(b"\xff\xff\xff\xff" + length.to_bytes(4, "little"))
    assert asked < 1 << 20


@pytest.mark.parametrize("length", [1 << 31, (1 << 32) + 1, 1 << 40, (1 << 63) - 1])
def test_announced_bodies_are_not_allocated(length: int) -> None:
    data = bytearray(batches(pa.record_batch({"x": pa.array([1] * 77)})))
    at = data.index((77 * 8).to_bytes(8, "little"))
    data[at : at + 8] = length.to_bytes(8, "little")
    assert peak_of(bytes(data)) <= 32 << 20


def peak_of(data: bytes) -> int:
    """Bytes that a reader allocates which believes what it is asked for."""

    class Believer(MemoryStream):
        def read(self, size: int) -> bytes:
            asked = bytearray(size)
            piece = super().read(size)
            asked[: len(piece)] = piece
            return bytes(asked[: len(piece)])

    def read() -> Core[None]:
        reader = StreamReader()
        yield from reader.read_schema()
        yield from reader.read_batch()

    tracemalloc.start()
    try:
        with pytest.raises((MalformedMessage, ConnectionClosed)):
            drive(read(), Believer(data))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_large_bodies_are_read_piece_by_piece() -> None:
    data = pa.record_batch({"x": pa.array([b"\x01" * 50_000_000])})
    _, (batch,) = read_stream(stream_bytes(data))
    assert batch.data.equals(data)


# Dictionaries


def dictionary_stream(*dictionaries: list[str], deltas: bool = False) -> tuple[bytes, list[pa.RecordBatch]]:
    """Batches whose dictionary changes from one to the next, as Arrow's own writer sends them."""
    made = [
        pa.record_batch({"x": pa.DictionaryArray.from_arrays(pa.array([len(d) - 1, None], pa.int8()), pa.array(d))})
        for d in dictionaries
    ]
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=deltas)
    with pa.ipc.new_stream(sink, made[0].schema, options=options) as writer:
        for batch in made:
            writer.write_batch(batch)
    return bytes(sink.getvalue()), made


@pytest.mark.parametrize("deltas", [False, True])
def test_replaced_and_delta_dictionaries(deltas: bool) -> None:
    data, written = dictionary_stream(["a"], ["a", "b"], ["a", "b", "c"], ["z"], ["z"], deltas=deltas)
    _, found = read_stream(data)
    assert [batch.data.column("x").to_pylist() for batch in found] == [
        ["a", None],
        ["b", None],
        ["c", None],
        ["z", None],
        ["z", None],
    ]
    for batch, original in zip(found, written, strict=True):
        assert batch.data.column("x").dictionary_decode().equals(original.column("x").dictionary_decode())


def test_dictionaries_are_read_with_the_metadata_of_their_batches() -> None:
    data, _ = dictionary_stream(["a"])
    schema, (batch,) = read_stream(data)
    again = joined(
        stream_buffers(schema, [Batch(batch.data, {b"n": b"1"}), Batch(batch.data), Batch(batch.data, {b"n": b"3"})])
    )
    _, found = read_stream(again)
    assert [dict(b.metadata) for b in found] == [{b"n": b"1"}, {}, {b"n": b"3"}]
    assert all(b.data.equals(batch.data) for b in found)


def test_dictionary_that_never_comes() -> None:
    data, (batch,) = dictionary_stream(["a"])
    record = pa.record_batch({"x": batch.column("x").indices}).serialize()
    with pytest.raises(MalformedMessage):
        read_stream(joined([schema_message(batch.schema), record, END_OF_STREAM]))
    assert read_stream(data)


def test_dictionary_that_is_not_wanted() -> None:
    data, (batch,) = dictionary_stream(["a"])
    dictionary = data[len(schema_message(batch.schema)) :]
    with pytest.raises(MalformedMessage, match="a dictionary in a stream whose schema has none"):
        read_stream(joined([schema_message(PAIRS), dictionary]))


def test_index_outside_its_dictionary() -> None:
    array = pa.DictionaryArray.from_arrays(pa.array([5], pa.int8()), pa.array(["a"]), safe=False)
    with pytest.raises(MalformedMessage):
        read_stream(stream_bytes(pa.record_batch({"x": array})))


# Contents


@pytest.mark.parametrize("rows", [0, 1, 7, 2048])
def test_batches_without_columns_have_rows(rows: int) -> None:
    _, (batch,) = read_stream(batches(batch_of_rows(rows)))
    assert (batch.data.num_rows, batch.data.num_columns) == (rows, 0)


def with_offsets(*offsets: int) -> bytes:
    """Three strings, the first two characters being ``\u00e9``, whose offsets are overwritten."""
    data = stream_bytes(pa.record_batch({"x": pa.array(["\u00e9" * 2, "b" * 29, "c" * 44])}))
    true = struct.pack("<4i", 0, 4, 33, 77)
    assert data.count(true) == 1
    return data.replace(true, struct.pack("<4i", *offsets))


@pytest.mark.parametrize(
    "offsets",
    [(0, 4, 3, 77), (-4, 4, 33, 77), (0, 4, 33, 78), (0, 4, 33, 2**31 - 1), (0, 1000, 33, 77), (0, 3, 33, 77)],
    ids=["falling", "negative", "behind the end", "far behind the end", "leaving and returning", "half a character"],
)
def test_invalid_offsets_are_refused(offsets: tuple[int, ...]) -> None:
    with pytest.raises(MalformedMessage):
        read_stream(with_offsets(*offsets))


def test_text_that_is_not_utf8_is_refused() -> None:
    data = stream_bytes(pa.record_batch({"x": pa.array(["duck"])}))
    with pytest.raises(MalformedMessage):
        read_stream(data.replace(b"duck", b"d\xffck"))


def test_validation_can_be_left_out() -> None:
    data = with_offsets(0, 3, 33, 77)
    for validation in ("none", "standard"):
        _, (batch,) = read_stream(data, Limits(validation=validation))
        assert batch.data.num_rows == 3


def test_names_that_are_not_utf8_are_refused() -> None:
    for type in (pa.int8(), pa.list_(pa.struct([pa.field("inner", pa.int8())]))):
        schema = pa.schema([pa.field("outer", type)])
        data = joined(stream_buffers(schema, []))
        for name in (b"outer", b"inner"):
            if name in data:
                with pytest.raises(MalformedMessage):
                    read_stream(data.replace(name, b"\xff" * 5))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", ConnectionClosed),
        (stream_bytes(DATA)[:-8] + stream_bytes(DATA), MalformedMessage),
        (stream_bytes(DATA)[:-1], ConnectionClosed),
    ],
    ids=["nothing", "second schema", "half a marker"],
)
def test_streams_that_are_no_streams(data: bytes, error: type[Exception]) -> None:
    def core() -> Core[None]:
        reader = StreamReader()
        if (yield from reader.read_schema()) is None:
            raise ConnectionClosed("nothing came")
        while (yield from reader.read_batch()) is not None:
            pass

    with pytest.raises(error):
        drive(core(), MemoryStream(data))


def test_streams_in_memory_may_lack_their_end() -> None:
    schema, found = read_stream(schema_message(PAIRS))
    assert schema.equals(PAIRS)
    assert found == []
    _, (batch,) = read_stream(stream_bytes(DATA)[:-8])
    assert batch.data.equals(DATA)
    with pytest.raises(MalformedMessage, match="cut off"):
        read_stream(stream_bytes(DATA)[:-9])
    with pytest.raises(MalformedMessage, match="no bytes at all"):
        read_stream(b"")


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        read_stream(data)


def test_batch_messages_are_those_of_a_stream() -> None:
    assert joined([schema_message(PAIRS), batch_message(Batch(DATA)), END_OF_STREAM]) == stream_bytes(DATA)
    assert math.isclose(len(batch_message(Batch(DATA, {b"k": b"v"}))), len(batch_message(Batch(DATA))), abs_tol=100)
