"""Batches through memory that the client shares (spec 01, sections 14 and 15)."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from multiprocessing import shared_memory

import pyarrow as pa
import pytest

from duckwing.rpc import keys
from duckwing.rpc.errors import RemoteError
from duckwing.rpc.framing import Batch
from duckwing.rpc.method import Method, NoParams

from .declared import ADD, NUMBERS, PAIRS, PRODUCE, PRODUCE_ANYWHERE, REPEAT, WHICH, Add, Opened, Produce, Repeat, pairs
from .wires import Place, Wire

if sys.platform == "win32":
    pytest.skip("about POSIX shared memory", allow_module_level=True)

DATA = 65_536
SIZE = DATA + (8 << 20)
LARGE = 50_000
"""Rows of a batch that is worth a pointer: from 128 KiB on."""

LOCAL = ("stdio", "unix", "launch")
"""The other side is on this machine; over TCP it may not be, and over HTTP there are no connections."""


class Memory:
    """A segment, as the client makes it and looks into it."""

    def __init__(self) -> None:
        self._segment = shared_memory.SharedMemory(create=True, size=SIZE)
        assert self._segment.buf is not None
        self._bytes = self._segment.buf
        self._bytes[:24] = struct.pack("<4sIQII", b"VGIS", 1, SIZE - DATA, 0, 0)

    @property
    def offer(self) -> Mapping[bytes, bytes]:
        """Metadata of the request that opens a stream."""
        name = self._segment.name.lstrip("/").encode()
        return {keys.SHM_SEGMENT_NAME: name, keys.SHM_SEGMENT_SIZE: b"%d" % SIZE}

    def table(self) -> list[tuple[int, int]]:
        """What is allocated."""
        (count,) = struct.unpack_from("<I", self._bytes, 16)
        return [struct.unpack_from("<QQ", self._bytes, 24 + 16 * n) for n in range(count)]

    def put(self, batch: pa.RecordBatch) -> Mapping[bytes, bytes]:
        """Write a batch where nothing else is; the metadata of a pointer to it."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        data = bytes(sink.getvalue())
        if any(pa.types.is_dictionary(field.type) for field in batch.schema):
            data = data.removeprefix(bytes(batch.schema.serialize())).removesuffix(b"\xff\xff\xff\xff\0\0\0\0")
        assert self.table() == []
        self._bytes[DATA : DATA + len(data)] = data
        struct.pack_into("<QQ", self._bytes, 24, DATA, len(data))
        struct.pack_into("<I", self._bytes, 16, 1)
        return {keys.SHM_OFFSET: b"%d" % DATA, keys.SHM_LENGTH: b"%d" % len(data)}

    def take(self, pointer: Batch) -> pa.RecordBatch:
        """What a pointer points to; its place is free from then on."""
        assert pointer.data.num_rows == 0
        place = int(pointer.metadata[keys.SHM_OFFSET]), int(pointer.metadata[keys.SHM_LENGTH])
        assert place in self.table()
        data = bytes(self._bytes[place[0] : sum(place)])
        rest = [entry for entry in self.table() if entry != place]
        struct.pack_into("<I", self._bytes, 16, len(rest))
        for number, entry in enumerate(rest):
            struct.pack_into("<QQ", self._bytes, 24 + 16 * number, *entry)
        [batch] = list(pa.ipc.open_stream(data))
        assert batch.schema.equals(pointer.data.schema)
        return batch

    def close(self) -> None:
        """It is the client's to remove."""
        self._bytes.release()
        self._segment.close()
        self._segment.unlink()


@pytest.fixture
def memory() -> Iterator[Memory]:
    made = Memory()
    yield made
    made.close()


@pytest.fixture
def service_is_local(service: Place) -> None:
    """The service shares memory."""
    if service.transport not in LOCAL:
        pytest.skip("shared memory is for processes of one machine (section 15)")


@pytest.fixture
def local(service_is_local: None, connect: Callable[[], Wire]) -> Iterator[Wire]:
    """One of the test's own: from the first offer on, any large batch on it may be a pointer (section 15.1)."""
    own = connect()
    yield own
    assert own.client.call(WHICH, NoParams()) == "v1", "the test must leave it in order"


def numbers(first: int, count: int) -> pa.RecordBatch:
    return pa.record_batch([pa.array(range(first, first + count), pa.int64())], schema=NUMBERS)


def test_who_shares_memory(wire: Wire) -> None:
    """The answer comes before any routing (section 14)."""
    if wire.by_request:
        pytest.skip("the method is one of byte streams")
    asked = {keys.TRANSPORT_SHM: b"true", keys.PROTOCOL: None, b"vgi_rpc.transport.invented": b"true"}
    reply = wire.call(keys.TRANSPORT_OPTIONS, metadata=asked)
    [batch] = reply.batches
    assert (len(reply.schema), batch.data.num_rows, reply.error) == (0, 0, None)
    shared = b"true" if wire.transport in LOCAL else b"false"
    assert {key: batch.metadata[key] for key in (keys.TRANSPORT_SHM, keys.REQUEST_VERSION)} == {
        keys.TRANSPORT_SHM: shared,
        keys.REQUEST_VERSION: b"1",
    }
    [batch] = wire.call(keys.TRANSPORT_OPTIONS, metadata={keys.TRANSPORT_SHM: b"false"}).batches
    assert batch.metadata[keys.TRANSPORT_SHM] == b"false"


@pytest.mark.parametrize("method", [PRODUCE, PRODUCE_ANYWHERE], ids=lambda method: method.name)
def test_large_batches_are_pointers(local: Wire, memory: Memory, method: Method[Produce, Opened]) -> None:
    with local.client.open(method, Produce(3, LARGE, logs=1), metadata=memory.offer) as producing:
        for turn in range(3):
            pointer = producing.tick()
            assert pointer is not None
            assert pointer.metadata[b"conformance.batch"] == b"%d" % turn
            assert memory.take(pointer).equals(numbers(turn * LARGE, LARGE))
        assert producing.tick() is None
    assert memory.table() == []
    assert [log.message for log in local.logs] == ["opening, 0", "turn 0, 0", "turn 1, 0", "turn 2, 0", "end, 0"]


def test_small_batches_travel(local: Wire, memory: Memory) -> None:
    with local.client.open(PRODUCE, Produce(2, 10), metadata=memory.offer) as producing:
        assert [batch.data.num_rows for batch in producing] == [10, 10]
    assert memory.table() == []


def test_dictionaries_travel(local: Wire, memory: Memory) -> None:
    """Section 15.4."""
    column = pa.array([str(row) for row in range(LARGE)]).dictionary_encode()
    batch = pa.record_batch({"d": column})
    with local.client.open(REPEAT, Repeat(batch.schema), batch.schema, memory.offer) as repeating:
        assert repeating.exchange(batch).data.equals(batch)
    assert memory.table() == []


def test_dictionaries_may_come_as_a_pointer(local: Wire, memory: Memory) -> None:
    """To their messages alone, without the schema and the end of the stream (section 15.4)."""
    sent = [
        pa.record_batch({"d": pa.array(["a", None, "b", "a"]).dictionary_encode(), "n": [1, 2, 3, 4]}),
        pa.record_batch({"d": pa.array(["c", "a"]).dictionary_encode(), "n": [5, 6]}),
    ]
    empty = sent[0].slice(0, 0)
    with local.client.open(REPEAT, Repeat(empty.schema), empty.schema, memory.offer) as repeating:
        for batch in sent:
            answer = repeating.exchange(empty, memory.put(batch)).data
            assert answer.to_pylist() == batch.to_pylist()
            assert memory.table() == []


def test_batches_travel_where_there_is_no_room(local: Wire, memory: Memory) -> None:
    """The client takes none away; mixing is fine."""
    with local.client.open(PRODUCE, Produce(4, 400_000), metadata=memory.offer) as producing:
        found = list(producing)
    assert [keys.SHM_OFFSET in batch.metadata for batch in found] == [True, True, False, False]
    assert [memory.take(batch) for batch in found[:2]] == [numbers(0, 400_000), numbers(400_000, 400_000)]
    assert [batch.data for batch in found[2:]] == [numbers(800_000, 400_000), numbers(1_200_000, 400_000)]


def test_input_may_be_a_pointer(local: Wire, memory: Memory) -> None:
    """Whoever reads it makes its place free."""
    empty = pairs()
    with local.client.open(ADD, Add(1), PAIRS, memory.offer) as adding:
        for first in (0, 7):
            sent = pairs(*range(first, first + LARGE))
            answer = adding.exchange(empty, {**memory.put(sent), b"conformance.a": b"b"})
            assert answer.metadata[b"conformance.a"] == b"b"
            assert memory.take(answer).equals(numbers(first + 1, LARGE))
            assert memory.table() == []
        assert adding.exchange(pairs(1)).data.equals(numbers(2, 1))


@pytest.mark.parametrize(
    "pointer",
    [
        {keys.SHM_OFFSET: b"0", keys.SHM_LENGTH: b"100"},
        {keys.SHM_OFFSET: b"65536", keys.SHM_LENGTH: b"99999999999"},
        {keys.SHM_OFFSET: b"18446744073709551615", keys.SHM_LENGTH: b"2"},
        {keys.SHM_OFFSET: b"-1", keys.SHM_LENGTH: b"1"},
        {keys.SHM_OFFSET: b"here", keys.SHM_LENGTH: b"1"},
        {keys.SHM_OFFSET: b"65536"},
        {keys.SHM_OFFSET: b"65536", keys.SHM_LENGTH: b"64"},
    ],
    ids=["head", "long", "overflow", "negative", "text", "no length", "nothing there"],
)
def test_pointers_to_nowhere(
    service_is_local: None, memory: Memory, connect: Callable[[], Wire], pointer: Mapping[bytes, bytes]
) -> None:
    """An error, and not zero rows. The connection is over, for its bytes are no Arrow."""
    adding = connect().client.open(ADD, Add(), PAIRS, memory.offer)
    with pytest.raises(RemoteError) as caught:
        adding.exchange(pairs(), pointer)
    assert caught.value.type == "MalformedMessage"


def test_a_pointer_without_memory(wire: Wire) -> None:
    """An error, and not zero rows (section 15.4)."""
    if wire.by_request:
        pytest.skip("over HTTP such metadata are the author's: nothing is resolved, and nothing can be lost")
    with wire.client.open(ADD, Add(), PAIRS) as adding, pytest.raises(RemoteError) as caught:
        adding.exchange(pairs(), {keys.SHM_OFFSET: b"65536", keys.SHM_LENGTH: b"64"})
    assert caught.value.type == "ProtocolError"
    assert wire.client.call(WHICH, NoParams()) == "v1"


@pytest.mark.parametrize(
    "offer",
    [
        {keys.SHM_SEGMENT_NAME: b"there_is_none", keys.SHM_SEGMENT_SIZE: b"1000000"},
        {keys.SHM_SEGMENT_NAME: b"../../etc/passwd", keys.SHM_SEGMENT_SIZE: b"1000000"},
        {keys.SHM_SEGMENT_NAME: b"\xff", keys.SHM_SEGMENT_SIZE: b"1000000"},
        {keys.SHM_SEGMENT_NAME: b"name", keys.SHM_SEGMENT_SIZE: b"many"},
        {keys.SHM_SEGMENT_NAME: b"name"},
    ],
    ids=["missing", "path", "name", "size", "no size"],
)
def test_memory_that_cannot_be_used(wire: Wire, offer: Mapping[bytes, bytes]) -> None:
    """Batches travel as ever (section 15.1); so they do where nobody looks at the offer."""
    with wire.client.open(PRODUCE, Produce(2, LARGE), metadata=offer) as producing:
        assert sum(batch.data.num_rows for batch in producing) == 2 * LARGE


def test_memory_stays_with_its_connection(local: Wire, memory: Memory, connect: Callable[[], Wire]) -> None:
    """Offered once, it serves later calls that do not name it (section 15.1), and no other connection."""
    local.client.open(PRODUCE, Produce(0), metadata=memory.offer).close()
    with local.client.open(PRODUCE, Produce(1, LARGE)) as producing:
        pointer = producing.tick()
        assert pointer is not None
        assert memory.take(pointer).equals(numbers(0, LARGE))
    with connect().client.open(PRODUCE, Produce(1, LARGE)) as producing:
        assert [batch.data for batch in producing] == [numbers(0, LARGE)]
    assert memory.table() == []


def test_one_memory_after_the_other(local: Wire) -> None:
    for _ in range(3):
        memory = Memory()
        try:
            with local.client.open(PRODUCE, Produce(1, LARGE), metadata=memory.offer) as producing:
                pointer = producing.tick()
                assert pointer is not None
                assert memory.take(pointer).equals(numbers(0, LARGE))
        finally:
            memory.close()
        assert not os.path.exists(f"/dev/shm/{memory.offer[keys.SHM_SEGMENT_NAME].decode()}")
