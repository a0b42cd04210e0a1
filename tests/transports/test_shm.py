"""Memory shared with the client (spec 01, section 15)."""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import sys
from collections.abc import Iterator
from multiprocessing import shared_memory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckwing.rpc.errors import MalformedMessage
from duckwing.rpc.framing import read_stream
from duckwing.transports.shm import DATA_OFFSET, MAX_ALLOCATIONS, MIN_BATCH_BYTES, Segment

if sys.platform == "win32":
    pytest.skip("about POSIX shared memory", allow_module_level=True)

SIZE = DATA_OFFSET + (1 << 20)


class Made:
    """A segment as a client makes it."""

    def __init__(self, size: int = SIZE):
        self.memory = shared_memory.SharedMemory(create=True, size=size)
        self.name, self.size = self.memory.name.lstrip("/"), size
        assert self.memory.buf is not None
        self.bytes = self.memory.buf
        self.write_table([])

    def write_table(self, entries: list[tuple[int, int]], count: int | None = None) -> None:
        head = struct.pack("<4sIQII", b"VGIS", 1, self.size - DATA_OFFSET, len(entries) if count is None else count, 0)
        table = b"".join(struct.pack("<QQ", *entry) for entry in entries)
        self.bytes[: len(head) + len(table)] = head + table

    def table(self) -> list[tuple[int, int]]:
        (count,) = struct.unpack_from("<I", self.bytes, 16)
        return [struct.unpack_from("<QQ", self.bytes, 24 + 16 * i) for i in range(count)]


@contextlib.contextmanager
def made(size: int = SIZE) -> Iterator[Made]:
    segment = Made(size)
    try:
        yield segment
    finally:
        segment.bytes.release()
        segment.memory.close()
        segment.memory.unlink()


def of_bytes(size: int) -> pa.RecordBatch:
    return pa.record_batch({"n": pa.array(np.arange(size // 8, dtype=np.int64))})


def test_a_batch_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VGI_RPC_SHM_MIN_BATCH_BYTES", "1")
    batch = pa.record_batch({"n": [1, None, 3], "s": ["a", "", None], "l": [[1, 2], [], None]})
    with made() as client, contextlib.closing(Segment(client.name, client.size)) as worker:
        place = worker.put(batch)
        assert place is not None
        assert client.table() == [place]
        other = Segment(client.name, client.size)  # what one side writes the other reads
        schema, [read] = read_stream(other.take(*place))
        assert (schema, read.data) == (batch.schema, batch)
        assert client.table() == []
        other.close()


def test_the_segment_outlives_whoever_attaches() -> None:
    with made() as client:
        Segment(client.name, client.size).close()
        Segment(client.name, client.size).close()


def test_small_batches_travel() -> None:
    with made() as client, contextlib.closing(Segment(client.name, client.size)) as worker:
        assert worker.put(of_bytes(MIN_BATCH_BYTES - 1024)) is None  # a message has a header, too
        assert worker.put(of_bytes(MIN_BATCH_BYTES)) is not None
        assert worker.put(of_bytes(0)) is None


def test_no_room() -> None:
    with made() as client, contextlib.closing(Segment(client.name, client.size)) as worker:
        batch = of_bytes(300_000)
        places = [worker.put(batch) for _ in range(4)]
        assert places[3] is None
        assert all(places[:3])
        second = places[1]
        assert second is not None
        worker.take(*second)
        assert worker.put(batch) == second, "the first gap that is large enough"


def test_a_full_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VGI_RPC_SHM_MIN_BATCH_BYTES", "1")
    with made() as client, contextlib.closing(Segment(client.name, client.size)) as worker:
        client.write_table([(DATA_OFFSET + i, 1) for i in range(MAX_ALLOCATIONS)])
        assert worker.put(of_bytes(8)) is None


@pytest.mark.parametrize(
    ("offset", "length"),
    [(0, 8), (DATA_OFFSET - 1, 8), (SIZE, 1), (SIZE - 8, 9), (DATA_OFFSET, -1), (DATA_OFFSET, 1 << 70), (-8, 8)],
)
def test_pointers_to_elsewhere(offset: int, length: int) -> None:
    with (
        made() as client,
        contextlib.closing(Segment(client.name, client.size)) as worker,
        pytest.raises(MalformedMessage, match="not inside a segment"),
    ):
        worker.take(offset, length)


def test_a_table_that_cannot_be() -> None:
    with made() as client, contextlib.closing(Segment(client.name, client.size)) as worker:
        client.write_table([], count=MAX_ALLOCATIONS + 1)
        with pytest.raises(MalformedMessage, match="4095 allocations"):
            worker.put(of_bytes(MIN_BATCH_BYTES))


@pytest.mark.parametrize("at", [0, 4, 8])
def test_no_such_segment(at: int) -> None:
    with made() as client:
        with pytest.raises(OSError, match="No such file"):
            Segment(f"{client.name}_", client.size)
        with pytest.raises(ValueError, match="no name"):
            Segment(f"../{client.name}", client.size)
        with pytest.raises(ValueError, match="the client says"):
            Segment(client.name, client.size + (1 << 20))
        with pytest.raises(ValueError, match="the client says"):
            Segment(client.name, DATA_OFFSET)
        client.bytes[at] ^= 1
        with pytest.raises(ValueError, match="does not begin"):
            Segment(client.name, client.size)


def test_nothing_is_left_open() -> None:
    with made() as client:
        before = len(os.listdir("/dev/fd"))
        for _ in range(20):
            segment = Segment(client.name, client.size)
            place = segment.put(of_bytes(MIN_BATCH_BYTES))
            assert place is not None
            segment.take(*place)
            segment.close()
            with pytest.raises(ValueError, match="the client says"):
                Segment(client.name, DATA_OFFSET)
        assert len(os.listdir("/dev/fd")) == before


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.integers(1, 40_000), st.integers(-20, -1)), max_size=60))
def test_the_allocator(steps: list[int]) -> None:
    """Positive: a batch of so many values is put; negative: one of those there is taken. Nothing ever overlaps."""
    with pytest.MonkeyPatch.context() as patch, made() as client:
        patch.setenv("VGI_RPC_SHM_MIN_BATCH_BYTES", "1")
        with contextlib.closing(Segment(client.name, client.size)) as worker:
            there: list[tuple[tuple[int, int], int]] = []
            for number, step in enumerate(steps):
                if step < 0:
                    if there:
                        place, value = there.pop(step % len(there))
                        _, [batch] = read_stream(worker.take(*place))
                        assert set(batch.data.column(0).to_pylist()) == {value}
                    continue
                place_or_none = worker.put(pa.record_batch({"n": pa.array(np.full(step, number))}))
                if place_or_none is not None:
                    there.append((place_or_none, number))
                table = client.table()
                assert sorted(place for place, _ in there) == table
                ends = [DATA_OFFSET, *(offset + length for offset, length in table)]
                starts = [*(offset for offset, _ in table), SIZE]
                assert all(end <= start for end, start in zip(ends, starts, strict=True))
                if place_or_none is None:
                    needed = 8 * step + 300
                    assert all(start - end < needed for end, start in zip(ends, starts, strict=True))


def test_a_full_file_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing to memory that is not there would kill the process; the batch travels instead."""

    def is_full(descriptor: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with made() as client, contextlib.closing(Segment(client.name, client.size)) as worker:
        monkeypatch.setattr(os, "posix_fallocate", is_full, raising=False)
        assert worker.put(of_bytes(MIN_BATCH_BYTES)) is None
        assert client.table() == []
        monkeypatch.undo()
        assert worker.put(of_bytes(MIN_BATCH_BYTES)) is not None
