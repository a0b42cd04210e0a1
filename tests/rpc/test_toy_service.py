"""A whole service through the public API, over a pipe and over a socket."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pyarrow as pa
import pytest

from duckwing.rpc import errors
from duckwing.rpc.client import Client, ClientStream, LogMessage
from duckwing.rpc.errors import CodecError, ConnectionClosed, ProtocolError, RemoteError
from duckwing.rpc.framing import Batch
from duckwing.rpc.method import NoParams

from .toy import (
    ABSENT,
    ADD,
    COUNT,
    DOUBLE,
    ECHO,
    FAIL,
    FIND,
    FORGET,
    LOOSE,
    MIDDLE,
    PAIRS,
    TOY,
    Add,
    Color,
    Count,
    Double,
    Fail,
    Opened,
    Pipe,
    Point,
    Toy,
    connection,
    everything,
    pipes,
    sockets,
)

pytestmark = pytest.mark.timeout(30)


@pytest.fixture
def toy() -> Toy:
    return Toy()


@pytest.fixture(params=[pipes, sockets])
def wire(request: pytest.FixtureRequest, toy: Toy) -> Iterator[Pipe]:
    """The client's end of a connection to the toy."""
    with connection(toy.server(), request.param()) as end:
        yield end


@pytest.fixture
def logs() -> list[LogMessage]:
    return []


@pytest.fixture
def client(wire: Pipe, logs: list[LogMessage]) -> Client:
    return Client(wire, TOY, on_log=logs.append)


def pairs(*rows: tuple[int | None, str | None]) -> pa.RecordBatch:
    return pa.record_batch(
        [pa.array([x for x, _ in rows], pa.int64()), pa.array([label for _, label in rows], pa.utf8())], schema=PAIRS
    )


def numbers(batch: Batch) -> list[int]:
    found: list[int] = batch.data.column("n").to_pylist()
    return found


def assert_usable(client: Client) -> None:
    """The next call on the connection works."""
    assert client.call(ADD, Add(40, 2)) == 42


def test_unary_calls_of_every_kind(client: Client, toy: Toy) -> None:
    assert client.call(ADD, Add(2, -3)) == -1
    assert client.call(ECHO, everything()) == everything()
    assert client.call(ECHO, everything(color=Color.RED, words=(), counts={}, note="n", point=Point(0.0, "p"))) == (
        everything(color=Color.RED, words=(), counts={}, note="n", point=Point(0.0, "p"))
    )
    assert client.call(MIDDLE, Add(1, 2)) == Point(1.5, "middle")
    assert client.call(FIND, Fail("nothing")) is None
    assert client.call(FIND, Fail("x")) == "found x"
    client.call(FORGET, NoParams())
    assert toy.forgotten == 1


def test_many_calls_on_one_connection(client: Client, toy: Toy) -> None:
    for i in range(300):
        assert client.call(ADD, Add(i, i)) == 2 * i
        if i % 20 == 0:
            with client.open(COUNT, Count(2)) as counting:
                assert [numbers(batch) for batch in counting] == [[1], [2]]
    assert toy.closed.qsize() == 15


def test_two_protocols_share_a_connection(wire: Pipe) -> None:
    for _ in range(3):
        assert Client(wire, TOY).call(ADD, Add(1, 2)) == 3
        assert Client(wire, LOOSE).call(ADD, Add(3, 4)) == 7


def test_logs_of_a_unary_call(client: Client, logs: list[LogMessage]) -> None:
    client.call(ADD, Add(1, 2))
    assert logs == [LogMessage("INFO", "adding 1 and 2")]


def test_producer(client: Client, logs: list[LogMessage], toy: Toy) -> None:
    with client.open(COUNT, Count(3)) as counting:
        assert counting.header == Opened("counting", 3)
        assert [numbers(batch) for batch in counting] == [[1], [2], [3]]
        assert counting.tick() is None
    assert logs[0] == LogMessage("INFO", "turn 1", '{"i": 1}')
    assert [log.message for log in logs] == ["turn 1", "turn 2", "turn 3", "done"]
    assert toy.closed.get(timeout=10) == "count"
    assert_usable(client)


def test_metadata_goes_with_ticks_and_comes_with_batches(client: Client) -> None:
    with client.open(COUNT, Count(2)) as counting:
        first, second = counting.tick({b"tick": b"\xff1"}), counting.tick()
    assert first is not None
    assert second is not None
    assert (first.metadata[b"tick"], second.metadata[b"tick"]) == (b"\xff1", b"-")


def test_producer_without_batches(client: Client) -> None:
    with client.open(COUNT, Count(0)) as counting:
        assert list(counting) == []
    assert_usable(client)


def test_exchange(client: Client, logs: list[LogMessage], toy: Toy) -> None:
    with client.open(DOUBLE, Double(), PAIRS) as doubling:
        assert doubling.header == Opened("doubling")
        assert numbers(doubling.exchange(pairs((1, "a"), (2, None)))) == [2, 4]
        assert numbers(doubling.exchange(pairs())) == []
        assert numbers(doubling.exchange(pairs((21, "b")))) == [42]
    assert logs == [LogMessage("INFO", "opening")]
    assert toy.closed.get(timeout=10) == "double"
    assert_usable(client)


def test_exchange_input_is_reordered_and_cast(client: Client) -> None:
    turned = pa.record_batch({"label": pa.array(["a"]), "x": pa.array([4], pa.int8())})
    with client.open(DOUBLE, Double(), turned.schema) as doubling:
        assert numbers(doubling.exchange(turned)) == [8]
    assert_usable(client)


@pytest.mark.parametrize(
    "sent",
    [
        pa.record_batch({"x": pa.array([1])}),
        pa.record_batch({"x": pa.array([1]), "y": pa.array(["a"])}),
        pa.record_batch({"x": pa.array(["no number"]), "label": pa.array(["a"])}),
        pa.record_batch([pa.array([1]), pa.array([2])], names=["x", "x"]),
    ],
)
def test_exchange_input_that_does_not_fit(client: Client, sent: pa.RecordBatch) -> None:
    with client.open(DOUBLE, Double(), sent.schema) as doubling, pytest.raises(RemoteError) as caught:
        doubling.exchange(sent)
    assert caught.value.type == "TypeError"
    assert caught.value.message.startswith("Input schema mismatch")
    assert_usable(client)


@pytest.mark.parametrize(
    ("how", "type", "message"),
    [
        ("value", "ValueError", "no such value: \N{DUCK}"),
        ("own", "ToyError", "first line\nsecond line"),
        ("exit", "SystemExit", "0"),
        ("stop", "StopIteration", ""),
        ("connection", "RpcError", "a call to another worker failed: some other server went away"),
        ("unprintable", "Unprintable", "<the message of this exception cannot be printed: RuntimeError>"),
    ],
)
def test_errors_of_user_code(client: Client, logs: list[LogMessage], how: str, type: str, message: str) -> None:
    with pytest.raises(RemoteError) as caught:
        client.call(FAIL, Fail(how))
    assert (caught.value.type, caught.value.message, caught.value.kind) == (type, message, None)
    assert logs == [LogMessage("WARN", "about to fail")]
    assert_usable(client)


@pytest.fixture
def debug_mode(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For the servers in this process."""
    monkeypatch.setenv("DUCKWING_DEBUG", "1")
    errors.debug_mode.cache_clear()
    yield
    errors.debug_mode.cache_clear()


@pytest.mark.usefixtures("debug_mode")
def test_traceback_of_user_code_begins_in_user_code(client: Client) -> None:
    with pytest.raises(RemoteError) as caught:
        client.call(FAIL, Fail("own"))
    frames = [line for line in caught.value.traceback.splitlines() if line.startswith("  File")]
    assert len(frames) == 1
    assert frames[0].endswith("in fail")


def test_the_log_has_the_traceback_and_the_client_has_not(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RemoteError) as caught:
        client.call(FAIL, Fail("own"))
    assert caught.value.traceback == ""
    [record] = caplog.records
    assert (record.name.split(".")[0], record.levelname) == ("duckwing", "ERROR")
    assert record.message.startswith("method 'fail' failed\nTraceback (most recent call last):\n  File ")
    with pytest.raises(RemoteError):
        client.call(FAIL, Fail("null"))
    assert len(caplog.records) == 1  # a mistake that the message tells in full


def test_a_log_that_fails_does_not_take_the_answer(client: Client) -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("no log today")

    broken = Broken()
    logging.getLogger("duckwing").addHandler(broken)
    try:
        with pytest.raises(RemoteError, match="no such value"):
            client.call(FAIL, Fail("value"))
    finally:
        logging.getLogger("duckwing").removeHandler(broken)
    assert_usable(client)


@pytest.mark.usefixtures("debug_mode")
def test_huge_error_message_is_cut(client: Client) -> None:
    with pytest.raises(RemoteError) as caught:
        client.call(FAIL, Fail("huge"))
    assert caught.value.message.startswith("xxx")
    assert caught.value.message.endswith("<message truncated>")
    assert len(caught.value.message) < 100_000
    assert 1000 < len(caught.value.traceback) < 20_000
    assert_usable(client)


@pytest.mark.parametrize("how", ["wrong type", "null"])
def test_result_that_is_not_what_was_declared(client: Client, how: str) -> None:
    with pytest.raises(RemoteError, match="result of fail") as caught:
        client.call(FAIL, Fail(how))
    assert caught.value.type == "CodecError"
    assert_usable(client)


def test_method_without_handler(client: Client) -> None:
    with pytest.raises(RemoteError) as caught:
        client.call(ABSENT, NoParams())
    assert caught.value.kind == "method_not_implemented"
    assert_usable(client)


def test_stream_that_does_not_open(client: Client, toy: Toy) -> None:
    with pytest.raises(RemoteError, match="ToyError: no stream today"):
        client.open(DOUBLE, Double("refuse"))
    assert toy.closed.empty()
    assert_usable(client)


def test_producer_that_fails(client: Client, toy: Toy) -> None:
    with client.open(COUNT, Count(5, fail_at=2)) as counting:
        assert numbers(next(iter(counting))) == [1]
        assert counting.tick() is not None
        with pytest.raises(RemoteError, match="ToyError: cannot count to 2"):
            counting.tick()
    assert toy.closed.get(timeout=10) == "count"
    assert_usable(client)


@pytest.mark.parametrize(
    ("label", "type"), [("fail", "ToyError"), ("exit", "SystemExit"), ("other schema", "OutputError")]
)
def test_exchange_that_fails(client: Client, toy: Toy, label: str, type: str) -> None:
    with client.open(DOUBLE, Double(), PAIRS) as doubling:
        assert numbers(doubling.exchange(pairs((1, "a")))) == [2]
        with pytest.raises(RemoteError) as caught:
            doubling.exchange(pairs((2, label)))
        assert caught.value.type == type
        with pytest.raises(ProtocolError, match="the stream is over"):
            doubling.exchange(pairs((3, "a")))
    assert toy.closed.get(timeout=10) == "double"
    assert_usable(client)


def test_exchange_that_the_server_ends(client: Client) -> None:
    with (
        client.open(DOUBLE, Double(), PAIRS) as doubling,
        pytest.raises(ProtocolError, match="ended the stream instead of answering"),
    ):
        doubling.exchange(pairs((1, "end")))
    assert_usable(client)


def test_close_that_fails_does_not_disturb_the_connection(
    client: Client, toy: Toy, caplog: pytest.LogCaptureFixture
) -> None:
    with client.open(DOUBLE, Double("bad close"), PAIRS) as doubling:
        assert numbers(doubling.exchange(pairs((1, "a")))) == [2]
    assert_usable(client)
    assert "ToyError: cannot close" in caplog.text


Leave = Callable[[ClientStream[Opened]], object]


@pytest.mark.parametrize("ticks", [0, 1, 3])
@pytest.mark.parametrize("leave", [ClientStream.close, ClientStream.cancel])
def test_producer_left_early(client: Client, toy: Toy, leave: Leave, ticks: int) -> None:
    with client.open(COUNT, Count(1000)) as counting:
        for _ in range(ticks):
            assert counting.tick() is not None
        leave(counting)
        with pytest.raises(ProtocolError, match="the stream is over"):
            counting.exchange(pairs((1, "a")))
    assert toy.closed.get(timeout=10) == "count"
    assert toy.closed.empty()
    assert_usable(client)


@pytest.mark.parametrize("leave", [ClientStream.close, ClientStream.cancel])
def test_exchange_left_before_its_first_batch(client: Client, toy: Toy, leave: Leave) -> None:
    with client.open(DOUBLE, Double(), PAIRS) as doubling:
        leave(doubling)
    assert toy.closed.get(timeout=10) == "double"
    assert_usable(client)


def test_stream_whose_client_goes_away(toy: Toy) -> None:
    for ends in (pipes(), sockets()):
        with connection(toy.server(), ends) as end:
            counting = Client(end, TOY).open(COUNT, Count(1000))
            assert counting.tick() is not None
        assert toy.closed.get(timeout=10) == "count"


def test_server_that_goes_away(toy: Toy) -> None:
    for near, far in (pipes(), sockets()):
        far.close()
        with pytest.raises(ConnectionClosed):
            Client(near, TOY).call(ADD, Add(1, 2))
        near.close()


def test_parameters_that_cannot_be_sent_leave_the_connection_alone(client: Client) -> None:
    with pytest.raises(CodecError, match=r"Add\.b"):
        client.call(ADD, Add(1, "x"))  # type: ignore[arg-type]
    with pytest.raises(CodecError, match=r"Add\.b"):
        client.call(ADD, Add(1, 1.5))  # type: ignore[arg-type]
    assert_usable(client)


def test_large_values(client: Client) -> None:
    big = everything(data=bytes(20_000_000), text="\N{DUCK}" * 1_000_000)
    assert client.call(ECHO, big) == big
    assert_usable(client)
