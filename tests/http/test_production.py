"""Turns of a producer: what comes out is what the stream gave, however it is cut, repeated and continued."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckwing.http.production import Production, Turn
from duckwing.rpc import keys
from duckwing.rpc.call import Call
from duckwing.rpc.framing import END_OF_STREAM, Batch, schema_message
from duckwing.rpc.method import NoParams

from .serving import joined, read_streams
from .workers.served import RICH, rich

ROOM = 48 << 10
SCHEMA = pa.schema(RICH)
COLUMNS = [name for name in RICH if name != "pid"]


def made(first: int, rows: int, width: int) -> pa.RecordBatch:
    """The rows of ``walk``, from one process."""
    arrays = {
        name: pa.array(values, RICH[name]) if not isinstance(values, pa.Array) else values
        for name, values in rich(first, rows, width).items()
    }
    return pa.RecordBatch.from_arrays([arrays[name].cast(RICH[name]) for name in SCHEMA.names], schema=SCHEMA)


class Steps:
    """A stream that can travel: at each place the batch that is made for it, and a tick that it notices."""

    def __init__(
        self,
        steps: Sequence[pa.RecordBatch],
        *,
        quiet: Callable[[int], bool] = lambda place: False,
        call: Call | None = None,
        says: Callable[[int], int] = lambda place: 0,
        lockstep: bool = False,
    ):
        self.header = NoParams()
        self.lockstep = lockstep
        self.input_schema = None
        self.output_schema = SCHEMA
        self.seen: list[Mapping[bytes, bytes]] = []
        self.closed = 0
        self._steps = steps
        self._place = 0
        self._quiet = quiet
        self._call, self._says = call or Call({}, ""), says

    def turn(self, batch: Batch) -> Batch | None:
        if batch.metadata:
            self.seen.append(batch.metadata)
        for number in range(self._says(self._place)):
            self._call.log("INFO", f"{self._place}, {number}")
        if self._place == len(self._steps):
            return None
        self._place += 1
        return Batch(self._steps[self._place - 1], {b"place": b"%d" % (self._place - 1)})

    def save(self) -> bytes | None:
        return None if self._quiet(self._place) else b"%d" % self._place

    def load(self, state: bytes) -> None:
        self._place = int(state)

    def close(self) -> None:
        self.closed += 1


def batches_of(turn: Turn) -> list[Batch]:
    """The batches of a turn, read by Arrow."""
    [(_, batches)] = read_streams(joined([schema_message(SCHEMA), *turn.messages, END_OF_STREAM]))
    return batches


def rows_of(batches: Sequence[Batch]) -> pa.Table:
    table = pa.Table.from_batches([b.data for b in batches], SCHEMA)
    return table.select(COLUMNS).set_column(2, "kind", table["kind"].cast(pa.utf8())).combine_chunks()


sizes = st.lists(st.integers(0, 400), max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    sizes=sizes,
    width=st.sampled_from([0, 30, 500]),
    room=st.sampled_from([8 << 10, ROOM, 1 << 20]),
    says=st.lists(st.integers(0, 2), min_size=9, max_size=9),
    lockstep=st.booleans(),
    data=st.data(),
)
def test_every_way_through_a_scan_gives_its_rows(
    sizes: list[int], width: int, room: int, says: list[int], lockstep: bool, data: st.DataObject
) -> None:
    """At each turn the process may be the same or another one, and the turn may have been asked for before.

    The log messages come once, too.
    """
    starts = [sum(sizes[:place]) for place in range(len(sizes))]
    steps = [made(first, rows, width) for first, rows in zip(starts, sizes, strict=True)]
    unsavable = data.draw(st.sets(st.integers(1, 8), max_size=3), label="places without a state")

    def production(state: bytes | None) -> Production:
        call = Call({}, "")
        stream = Steps(steps, quiet=unsavable.__contains__, call=call, says=says.__getitem__, lockstep=lockstep)
        return Production(stream, call, room, travels=True, state=state)

    here, state = production(None), None
    received: list[Batch] = []
    turns = 0
    while True:
        turns += 1
        if state is not None and data.draw(st.booleans(), label="elsewhere"):
            here = production(state)
        turn = here.turn()
        if state is not None and data.draw(st.booleans(), label="again"):
            again = production(state).turn()
            assert (
                rows_of(batches_of(again))
                .slice(0, min(again.rows, turn.rows))
                .equals(rows_of(batches_of(turn)).slice(0, min(again.rows, turn.rows)))
            )
        assert turn.size <= room
        batches = batches_of(turn)
        assert turn.rows == sum(batch.data.num_rows for batch in batches)
        assert not turn.failed
        received += batches
        if turn.last:
            break
        assert turn.state is not None
        state = turn.state
    assert rows_of(received).equals(rows_of([Batch(step) for step in steps]))
    said = [batch.metadata[keys.LOG_MESSAGE].decode() for batch in received if keys.LOG_MESSAGE in batch.metadata]
    assert said == [f"{place}, {number}" for place in range(len(sizes) + 1) for number in range(says[place])]
    assert turns <= sum(sizes) + len(sizes) + 1 + len(said)


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=6), min_size=2, max_size=6),
    room=st.sampled_from([8 << 10, ROOM]),
)
def test_a_batch_may_be_of_another_size_where_it_is_made_again(cuts: list[list[int]], room: int) -> None:
    """How many rows a class gives at once depends on how long they take; only the rows themselves must be the same."""
    count = 150
    unsavable = set(range(1, 1000))  # only the beginning has a state: all turns go on from there

    def production(cut: list[int], state: bytes | None) -> Production:
        steps: list[pa.RecordBatch] = []
        first = 0
        while first < count:
            rows = min(cut[len(steps) % len(cut)], count - first)
            steps.append(made(first, rows, 500))
            first += rows
        return Production(Steps(steps, quiet=unsavable.__contains__), Call({}, ""), room, travels=True, state=state)

    state, received = None, []
    for turns in range(count + 1):
        turn = production(cuts[turns % len(cuts)], state).turn()
        received += batches_of(turn)
        if turn.last:
            break
        state = turn.state
    assert rows_of(received).equals(rows_of([Batch(made(0, count, 500))]))


def test_a_piece_of_a_batch_keeps_its_metadata() -> None:
    production = Production(Steps([made(0, 3000, 100)]), Call({}, ""), ROOM, travels=True)
    pieces: list[Batch] = []
    while True:
        turn = production.turn()
        pieces += batches_of(turn)
        if turn.last:
            break
    assert len(pieces) > 3
    assert {piece.metadata[b"place"] for piece in pieces} == {b"0"}


def test_a_row_that_no_response_can_take_ends_the_scan() -> None:
    production = Production(Steps([made(0, 10, 0), made(3224, 1, 100_000)]), Call({}, ""), ROOM, travels=True)
    turn = production.turn()
    assert turn.last
    *before, failure = batches_of(turn)
    assert sum(batch.data.num_rows for batch in before) == 10
    assert b"ResponseTooLargeError" in failure.metadata[keys.LOG_MESSAGE]


def test_an_error_comes_after_the_rows_before_it() -> None:
    class Breaks(Steps):
        def turn(self, batch: Batch) -> Batch | None:
            answer = super().turn(batch)
            if answer is None:
                raise LookupError("no further")
            return answer

    turn = Production(Breaks([made(0, 5, 0)] * 2), Call({}, ""), ROOM, travels=True).turn()
    assert (turn.last, turn.failed, turn.rows) == (True, False, 10)
    assert b"no further" in batches_of(turn)[-1].metadata[keys.LOG_MESSAGE]
    alone = Production(Breaks([]), Call({}, ""), ROOM, travels=True).turn()
    assert (alone.last, alone.failed) == (True, True)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_a_tick_says_is_known_wherever_the_scan_goes_on(elsewhere: bool) -> None:
    """A filter that the client sends with one turn is in force in the process of the next one, too."""
    steps = [made(0, 2000, 100), made(2000, 10, 0), made(2010, 10, 0)]
    stream = Steps(steps)
    production = Production(stream, Call({}, ""), ROOM, travels=True)
    turn = production.turn({b"filter": b"1"})
    assert stream.seen == [{b"filter": b"1"}]
    state: Any = turn.state
    if elsewhere:
        stream = Steps(steps)
        production = Production(stream, Call({}, ""), ROOM, travels=True, state=state)
    while not (turn := production.turn()).last:
        pass
    assert stream.seen == [{b"filter": b"1"}]


def test_a_tick_waits_until_the_state_can_know_of_it() -> None:
    """In the middle of what one state stands for, rows that are made again must not meet another filter."""
    steps = [made(0, 3000, 100), made(3000, 10, 0)]

    def conditions() -> Iterator[Mapping[bytes, bytes]]:
        for number in range(100):
            yield {b"filter": b"%d" % number}

    told = conditions()
    stream = Steps(steps)
    production = Production(stream, Call({}, ""), ROOM, travels=True)
    turns = 0
    while not production.turn(next(told)).last:
        turns += 1
    assert turns > 3
    assert stream.seen[0] == {b"filter": b"0"}
    assert len(stream.seen) <= 3  # one for each place with a state, and not one for each turn
