"""Several clients at a time: their calls and streams neither wait for each other nor mix."""

from __future__ import annotations

import contextlib
from typing import Any

import pyarrow as pa
import pytest

from duckwing.rpc.errors import RemoteError
from duckwing.rpc.method import Method, NoParams

from .declared import (
    FAIL,
    MEET,
    PAIRS,
    PRODUCERS,
    TELL,
    TOTALS,
    WHICH,
    Add,
    Fail,
    How,
    Meeting,
    Produce,
    pairs,
)
from .foreign import TICK, Metadata, Page, Pages, add, logs, numbers, produce
from .foreign import pairs as pairs_of
from .wires import Place, at_once, several, unique

CLIENTS = 4

PATIENCE = 60.0
"""Seconds after which one does not wait for the others any more."""


def test_calls_run_at_the_same_time(service: Place) -> None:
    """Each waits in the service until all are there. A process serves as many over HTTP as it has been told."""
    meeting = Meeting(unique(), CLIENTS, PATIENCE)
    with several(service, CLIENTS) as wires:
        assert at_once(CLIENTS, lambda number: wires[number].client.call(MEET, meeting)) == [True] * CLIENTS


def test_calls_run_one_after_the_other(service: Place) -> None:
    """Where a process has one thread for them, which is the default over HTTP: the first one stays alone."""
    if service.transport != "http":
        pytest.skip("a connection of bytes has a thread of its own, and a fleet has several processes")
    alone = Place("http", {"VGI_HTTP_THREADS": "1"}, arguments=("--processes", "1"))
    meeting = Meeting(unique(), 2, 1.0)
    with several(alone, 2) as wires:
        assert sorted(at_once(2, lambda number: wires[number].client.call(MEET, meeting))) == [False, True]


def test_a_call_beside_an_open_stream(service: Place) -> None:
    """A client makes calls while it has a stream (spec 03, section 13)."""
    with several(service, 2) as (first, second), first.client.open(PRODUCERS[0], Produce(3)) as producing:
        assert producing.tick() is not None
        assert second.client.call(WHICH, NoParams()) == "v1"
        assert len(list(producing)) == 2


@pytest.mark.parametrize("method", TOTALS, ids=lambda method: method.name)
def test_streams_in_turns(service: Place, method: Method[Add, Any]) -> None:
    """Four streams, batch by batch; each has a state of its own."""
    with several(service, CLIENTS) as wires, contextlib.ExitStack() as stack:
        streams = [stack.enter_context(wire.client.open(method, Add(), PAIRS)) for wire in wires]
        found: list[list[int]] = [[] for _ in streams]
        for _ in range(5):
            for number, stream in enumerate(streams):
                found[number] += stream.exchange(pairs(number + 1)).data["n"].to_pylist()
    assert found == [[(number + 1) * turn for turn in range(1, 6)] for number in range(CLIENTS)]


def test_everything_at_once(service: Place) -> None:
    def work(number: int) -> None:
        wire = wires[number]
        for turn in range(5):
            token = f"{number}-{turn}".encode()
            assert wire.client.call(TELL, NoParams(), {b"token": token}).metadata["token"] == token
            value = pa.record_batch(
                [[number * turn]], schema=pa.schema([pa.field("value", pa.int64(), nullable=False)])
            )
            assert wire.call("echo_int64", value).result.to_pylist() == [number * turn]
            with pytest.raises(RemoteError, match="ServiceError: of its own"):
                wire.client.call(FAIL, Fail(How.OWN))
            with wire.client.open(PRODUCERS[turn % 2], Produce(number + 1, rows=100)) as producing:
                assert sum(batch.data.num_rows for batch in producing) == 100 * (number + 1)
            with wire.client.open(TOTALS[turn % 2], Add(), PAIRS) as totalling:
                totals = [totalling.exchange(pairs(number)).data["n"].to_pylist() for _ in range(3)]
            assert totals == [[number], [2 * number], [3 * number]]

    with several(service, CLIENTS) as wires:
        at_once(CLIENTS, work)


def test_one_client_after_the_other(service: Place) -> None:
    """As DuckDB connects: a connection for a call (spec 01, section 18)."""
    for _ in range(3 if service.transport == "stdio" else 20):
        with several(service, 1) as [wire]:
            assert wire.client.call(WHICH, NoParams()) == "v1"


def test_a_client_that_says_nothing(service: Place) -> None:
    with several(service, 3) as (silent, also_silent, wire):
        assert wire.client.call(WHICH, NoParams()) == "v1"
        assert [late.client.call(WHICH, NoParams()) for late in (also_silent, silent)] == ["v1", "v1"]


@pytest.mark.parametrize("method", ["add", "total", "total_anywhere", "produce", "produce_anywhere"])
def test_a_turn_that_is_asked_for_again_at_once(pages: Pages, method: str) -> None:
    """A client does not wait for ever, and sends the same request again (spec 02, section 12.3)."""
    producer = method.startswith("produce")
    page = pages.open(method, produce(6, logs=1, lockstep=True) if producer else add(logs=1))
    tokens = page.tokens
    for turn in range(1, 6):
        replies = asked_at_once(pages, method, tokens, TICK if producer else pairs_of(turn))
        expected = [2 * turn, 2 * turn + 1] if producer else [turn if method == "add" else turn * (turn + 1) // 2]
        said = [f"turn {turn if producer else turn - 1}, 0"]
        assert [numbers(reply.streams[-1].messages) for reply in replies] == [expected] * CLIENTS
        assert [logs(reply.streams[-1].messages) for reply in replies] == [said] * CLIENTS
        tokens |= replies[turn % CLIENTS].tokens


def asked_at_once(pages: Pages, method: str, tokens: Metadata, batch: pa.RecordBatch) -> list[Page]:
    """The answers to a turn that several ask for."""
    return at_once(CLIENTS, lambda number: pages.turn(method, tokens, batch))
