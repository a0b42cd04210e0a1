"""The byte stream over pipes, without a worker."""

from __future__ import annotations

import os
import random
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckwing.rpc.errors import ConnectionClosed
from duckwing.transports.pipe import READ_AHEAD, Interrupted, PipeStream

SECONDS = 10.0

sizes = st.lists(
    st.one_of(st.integers(0, 100), st.integers(READ_AHEAD - 2, READ_AHEAD + 2), st.integers(0, 300_000)), max_size=12
)


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """The reading and the writing end of a pipe; either may be closed inside the block."""
    read_fd, write_fd = os.pipe()
    ends = [os.fdopen(read_fd, "rb", closefd=True), os.fdopen(write_fd, "wb", closefd=True)]
    try:
        yield read_fd, write_fd
    finally:
        for end in ends:
            end.close()


@contextmanager
def written(stream: PipeStream, messages: list[list[bytes]]) -> Iterator[None]:
    """Another thread writes ``messages`` to ``stream``."""

    def write() -> None:
        for message in messages:
            stream.write(message)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    yield
    thread.join(SECONDS)
    assert not thread.is_alive()


def pieces(data: bytes, sizes: list[int]) -> list[bytes]:
    """``data``, cut at ``sizes``, with a rest."""
    parts = []
    for size in sizes:
        parts.append(data[:size])
        data = data[size:]
    return [*parts, data]


@settings(deadline=None, max_examples=60)
@given(total=st.integers(0, 1_200_000), written_in=sizes, read_in=sizes, seed=st.integers(0, 2**32))
def test_what_goes_in_comes_out(total: int, written_in: list[int], read_in: list[int], seed: int) -> None:
    data = random.Random(seed).randbytes(total)
    messages = [[part[: len(part) // 3], part[len(part) // 3 :]] for part in pieces(data, written_in)]
    expected = pieces(data, read_in)
    with pipe() as (read_fd, write_fd):
        stream = PipeStream(read_fd, write_fd)
        with written(stream, messages):
            assert [stream.read(len(part)) for part in expected] == expected


@pytest.mark.parametrize("size", [10 << 20, 3 << 20])
def test_large_messages(size: int) -> None:
    """They do not fit into a pipe, so that they are written and read in many parts."""
    data = random.Random(size).randbytes(size)
    with pipe() as (read_fd, write_fd):
        stream = PipeStream(read_fd, write_fd)
        with written(stream, [[b"before", data, b"after"], [data]]):
            assert stream.read(6) == b"before"
            assert stream.read(size) == data
            assert stream.read(5 + size) == b"after" + data


def test_more_buffers_than_one_system_call_takes() -> None:
    buffers = [bytes([i % 256]) * (i % 3) for i in range(5000)]
    data = b"".join(buffers)
    with pipe() as (read_fd, write_fd):
        stream = PipeStream(read_fd, write_fd)
        with written(stream, [buffers, [], [b"", b""]]):
            assert stream.read(len(data)) == data


def test_the_end_of_the_file_is_short_and_then_empty() -> None:
    with pipe() as (read_fd, write_fd):
        stream = PipeStream(read_fd, write_fd)
        stream.write([b"abc"])
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, write_fd)
        os.close(nothing)
        assert stream.read(2) == b"ab"
        assert stream.read(5) == b"c"
        assert stream.read(5) == b""


@pytest.mark.parametrize("size", [1, 10 << 20])
def test_nobody_reads(size: int) -> None:
    with pipe() as (read_fd, write_fd):
        stream = PipeStream(read_fd, write_fd)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, read_fd)
        os.close(nothing)
        with pytest.raises(ConnectionClosed):
            stream.write([bytes(size)])


def test_the_reader_leaves_in_the_middle() -> None:
    failed: list[Exception] = []
    with pipe() as (read_fd, write_fd):
        stream = PipeStream(read_fd, write_fd)

        def write() -> None:
            try:
                stream.write([bytes(10 << 20)])
            except ConnectionClosed as error:
                failed.append(error)

        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        assert stream.read(1) == b"\0"
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, read_fd)
        os.close(nothing)
        thread.join(SECONDS)
    assert failed


@pytest.mark.skipif(sys.platform == "win32", reason="waiting for two things needs POSIX")
@settings(deadline=None, max_examples=60)
@given(total=st.integers(0, 60_000), read_in=sizes, closed=st.booleans())
def test_interrupted_only_after_what_had_arrived_was_read(total: int, read_in: list[int], closed: bool) -> None:
    data = random.Random(total).randbytes(total)
    with pipe() as (read_fd, write_fd), pipe() as (interrupt_fd, interrupting_fd):
        stream = PipeStream(read_fd, write_fd, interrupt_fd=interrupt_fd)
        stream.write([data])
        if closed:
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, write_fd)
            os.close(nothing)
        os.write(interrupting_fd, b"!")
        expected = pieces(data, read_in)
        assert [stream.read(len(part)) for part in expected] == expected
        if closed:
            assert stream.read(1) == b""
        else:
            for _ in range(2):
                with pytest.raises(Interrupted):
                    stream.read(1)
