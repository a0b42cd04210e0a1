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
from .wires import Place, at_once, several, unique

CLIENTS = 4

PATIENCE = 60.0
"""Seconds after which one does not wait for the others any more."""


def test_calls_run_at_the_same_time(service: Place) -> None:
    """Each waits in the service until all are there."""
    if service.transport in ("http", "fleet"):
        pytest.skip("a process has as many lanes as it is told, and which process gets a request is chance")
    meeting = Meeting(unique(), CLIENTS, PATIENCE)
    with several(service, CLIENTS) as wires:
        assert at_once(CLIENTS, lambda number: wires[number].client.call(MEET, meeting)) == [True] * CLIENTS


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
