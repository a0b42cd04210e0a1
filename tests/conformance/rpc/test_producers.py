"""Producers: streams whose client sends ticks (spec 01, sections 9 and 10; spec 02, section 8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from duckwing.client.caller import OpenStream
from duckwing.rpc import keys
from duckwing.rpc.client import is_log
from duckwing.rpc.errors import ProtocolError, RemoteError, error_from_metadata
from duckwing.rpc.framing import Batch
from duckwing.rpc.limits import DEFAULT_LIMITS
from duckwing.rpc.method import Method, NoParams

from .declared import NUMBERS, PRODUCE, PRODUCE_ANYWHERE, PRODUCE_BARE, PRODUCERS, WHICH, Bare, Opened, Produce, When
from .diaries import awaited_diary, diary
from .wires import Wire, unique

every_producer = pytest.mark.parametrize("method", PRODUCERS, ids=lambda method: method.name)

Leave = Callable[[OpenStream[Any]], None]


def numbers(batch: Batch | None) -> list[int]:
    assert batch is not None
    assert batch.data.schema.equals(NUMBERS)
    found: list[int] = batch.data["n"].to_pylist()
    return found


def assert_usable(wire: Wire) -> None:
    assert wire.client.call(WHICH, NoParams()) == "v1"


@every_producer
@pytest.mark.parametrize("rows", [0, 1, 2048])
@pytest.mark.parametrize("batches", [0, 1, 2, 10])
def test_batches(wire: Wire, method: Method[Produce, Any], batches: int, rows: int) -> None:
    with wire.client.open(method, Produce(batches, rows)) as producing:
        assert producing.header == Opened("producing", batches, {"kind": "producing"})
        found = list(producing)
        assert producing.tick() is None
    assert [numbers(batch) for batch in found] == [list(range(n * rows, (n + 1) * rows)) for n in range(batches)]
    assert [batch.metadata[b"conformance.batch"] for batch in found] == [b"%d" % n for n in range(batches)]
    assert {batch.metadata[b"conformance.bytes"] for batch in found} <= {b"\x00\xff"}
    assert_usable(wire)


def test_a_header_without_fields(wire: Wire) -> None:
    with wire.client.open(PRODUCE_BARE, Produce(2)) as producing:
        assert producing.header == Bare()
        assert [numbers(batch) for batch in producing] == [[0], [1]]
    header, messages = wire.produced(PRODUCE_BARE, Produce(1))
    [row] = header.batches
    assert (len(header.schema), row.data.num_rows, len(messages)) == (0, 1, 1)


def test_many_streams_on_one_connection(wire: Wire) -> None:
    for batches in range(20):
        with wire.client.open(PRODUCE, Produce(batches)) as producing:
            assert sum(len(numbers(batch)) for batch in producing) == batches


@pytest.mark.parametrize("rows", [100_000, pytest.param(2_000_000, marks=pytest.mark.full)])
def test_large_batches(wire: Wire, rows: int) -> None:
    """Over HTTP a batch may come in pieces (spec 02, section 10.2)."""
    with wire.client.open(PRODUCE, Produce(3, rows)) as producing:
        first = 0
        for batch in producing:
            count = batch.data.num_rows
            assert batch.data["n"][0].as_py() == first
            assert batch.data["n"][count - 1].as_py() == first + count - 1
            first += count
    assert first == 3 * rows


@pytest.mark.full
def test_a_batch_of_more_rows_than_are_believed_of_others(wire: Wire) -> None:
    rows = DEFAULT_LIMITS.rows + 1
    with wire.client.open(PRODUCE, Produce(1, rows)) as producing:
        assert sum(batch.data.num_rows for batch in producing) == rows


# Log messages


def test_the_order_of_logs_and_batches(wire: Wire) -> None:
    header, messages = wire.produced(PRODUCE, Produce(3, logs=2))
    assert header.said == ["opening, 0", "opening, 1"]
    assert [batch.data.num_rows for batch in header.batches] == [0, 0, 1]
    assert [text(message) for message in messages] == [
        *("turn 0, 0", "turn 0, 1", "batch 0"),
        *("turn 1, 0", "turn 1, 1", "batch 1"),
        *("turn 2, 0", "turn 2, 1", "batch 2"),
        *("end, 0", "end, 1"),
    ]


def test_the_order_of_logs_and_an_error(wire: Wire) -> None:
    _, messages = wire.produced(PRODUCE, Produce(5, logs=1, fails=When.TURN, at=1))
    assert [text(message) for message in messages] == [
        *("turn 0, 0", "batch 0"),
        *("turn 1, 0", "ServiceError: cannot do turn 1"),
    ]


def text(message: Batch) -> str:
    if not is_log(message):
        return f"batch {message.metadata[b'conformance.batch'].decode()}"
    if message.metadata[keys.LOG_LEVEL] == b"EXCEPTION":
        return str(error_from_metadata(message.metadata))
    return message.metadata[keys.LOG_MESSAGE].decode()


def test_logs_reach_the_client(wire: Wire) -> None:
    with wire.client.open(PRODUCE, Produce(2, logs=1)) as producing:
        assert [log.message for log in wire.logs][:1] == ["opening, 0"]
        assert len(list(producing)) == 2
    assert [(log.level, log.message, log.extra) for log in wire.logs] == [
        ("INFO", "opening, 0", '{"turn": 0}'),
        ("INFO", "turn 0, 0", '{"turn": 0}'),
        ("INFO", "turn 1, 0", '{"turn": 1}'),
        ("INFO", "end, 0", '{"turn": 2}'),
    ]


# Metadata of ticks


@every_producer
def test_ticks_bring_metadata(wire: Wire, method: Method[Produce, Any]) -> None:
    """Over HTTP the first tick is the request that opens the stream (spec 02, section 8.1)."""
    ticks = [b"first", b"\x00\xff", b"third"]
    opening = {b"conformance.tick": ticks[0]}
    with wire.client.open(method, Produce(3, lockstep=True), metadata=opening) as producing:
        found = [producing.tick({b"conformance.tick": tick}) for tick in ticks]
    assert [batch.metadata[b"conformance.tick"] for batch in found if batch is not None] == ticks


# Failures


@every_producer
def test_a_stream_that_does_not_open(wire: Wire, method: Method[Produce, Any]) -> None:
    with pytest.raises(RemoteError, match="ServiceError: cannot open"):
        wire.client.open(method, Produce(1, logs=2, fails=When.OPENING))
    assert [log.message for log in wire.logs] == ["opening, 0", "opening, 1"]
    assert_usable(wire)


@every_producer
@pytest.mark.parametrize(
    ("fails", "type", "message"),
    [
        (When.TURN, "ServiceError", "cannot do turn {at}"),
        (When.EXIT, "SystemExit", "0"),
        (When.WRONG_SCHEMA, "OutputError", "Output schema mismatch in method '{method}': declared (n: int64), got "),
    ],
)
@pytest.mark.parametrize("at", [0, 1, 4])
def test_a_turn_that_fails(
    wire: Wire, method: Method[Produce, Any], fails: When, type: str, message: str, at: int
) -> None:
    name = unique()
    asked = Produce(5, fails=fails, at=at, diary=name)
    if wire.by_request and at == 0:  # the first turn belongs to the request that opens the stream
        with pytest.raises(RemoteError) as caught:
            wire.client.open(method, asked)
    else:
        with wire.client.open(method, asked) as producing:
            for number in range(at):
                assert numbers(producing.tick()) == [number]
            with pytest.raises(RemoteError) as caught:
                producing.tick()
            with pytest.raises(ProtocolError, match="the stream is over"):
                producing.tick()
    assert caught.value.type == type
    assert caught.value.message.startswith(message.format(at=at, method=method.name))
    assert caught.value.kind is None
    assert diary(wire, name) == ["opened", f"closed after {at + 1}"]
    assert_usable(wire)


@every_producer
def test_an_end_that_fails(wire: Wire, method: Method[Produce, Any]) -> None:
    name = unique()
    with wire.client.open(method, Produce(2, fails=When.END, diary=name)) as producing:
        assert [numbers(producing.tick()) for _ in range(2)] == [[0], [1]]
        with pytest.raises(RemoteError, match="ServiceError: cannot end"):
            producing.tick()
    assert diary(wire, name) == ["opened", "closed after 2"]
    assert_usable(wire)


@every_producer
def test_clean_up_that_fails(wire: Wire, method: Method[Produce, Any]) -> None:
    name = unique()
    with wire.client.open(method, Produce(2, fails=When.CLOSE, diary=name)) as producing:
        assert len(list(producing)) == 2
    assert diary(wire, name) == ["opened", "closed after 2"]
    assert_usable(wire)


# The end


@every_producer
def test_clean_up_after_the_last_batch(wire: Wire, method: Method[Produce, Any]) -> None:
    name = unique()
    with wire.client.open(method, Produce(3, diary=name)) as producing:
        assert len(list(producing)) == 3
        producing.close()
        with pytest.raises(ProtocolError, match="the stream is over"):
            producing.tick()
    assert diary(wire, name) == ["opened", "closed after 3"]


def closed(stream: OpenStream[Any]) -> None:
    stream.close()


def cancelled(stream: OpenStream[Any]) -> None:
    stream.cancel()


def failed(stream: OpenStream[Any]) -> None:
    raise LookupError("of the client's own")


def assert_closed(wire: Wire, name: str, method: Method[Produce, Any], turns: int) -> None:
    opening, *closing = awaited_diary(wire, name)
    assert opening == "opened"
    if wire.by_request and method is PRODUCE_ANYWHERE:  # perhaps by several processes, some of which have done no turn
        assert closing
        assert all(entry.startswith("closed after ") for entry in closing)
    else:
        assert closing == [f"closed after {turns}"]


@every_producer
@pytest.mark.parametrize("leave", [closed, cancelled, failed])
@pytest.mark.parametrize("ticks", [1, 3])
def test_a_stream_that_is_left(wire: Wire, method: Method[Produce, Any], leave: Leave, ticks: int) -> None:
    """In lockstep no turn is run that nobody has asked for."""
    name = unique()
    try:
        with wire.client.open(method, Produce(1000, lockstep=True, diary=name)) as producing:
            assert [numbers(producing.tick()) for _ in range(ticks)] == [[n] for n in range(ticks)]
            leave(producing)
            with pytest.raises(ProtocolError, match="the stream is over"):
                producing.tick()
    except LookupError:
        assert leave is failed
    assert_closed(wire, name, method, ticks)
    assert_usable(wire)


@every_producer
@pytest.mark.parametrize("leave", [closed, cancelled])
def test_a_stream_that_is_left_at_once(wire: Wire, method: Method[Produce, Any], leave: Leave) -> None:
    """Over HTTP its first turn belongs to the request that opens it."""
    name = unique()
    with wire.client.open(method, Produce(1000, lockstep=True, diary=name)) as producing:
        leave(producing)
    assert_closed(wire, name, method, 1 if wire.by_request else 0)
    assert_usable(wire)


def test_a_stream_is_cleaned_up_once(wire: Wire) -> None:
    name = unique()
    with wire.client.open(PRODUCE, Produce(1000, lockstep=True, diary=name)) as producing:
        producing.tick()
        producing.cancel()
        producing.cancel()
        producing.close()
    assert awaited_diary(wire, name) == ["opened", "closed after 1"]
    with wire.client.open(PRODUCE, Produce(1)):
        pass
    assert awaited_diary(wire, name) == ["opened", "closed after 1"]


def test_a_client_that_goes_away(wire: Wire, connect: Callable[[], Wire]) -> None:
    if wire.by_request:
        pytest.skip("no connection belongs to a stream over HTTP: it is given up in time (spec 02, section 8.4)")
    name = unique()
    leaving = connect()
    producing = leaving.client.open(PRODUCE, Produce(1000, diary=name))
    assert numbers(producing.tick()) == [0]
    leaving.close()
    assert awaited_diary(wire, name) == ["opened", "closed after 1"]
