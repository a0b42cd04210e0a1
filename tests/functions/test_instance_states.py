"""The states of aggregates with an instance for each group, whichever processes the calls reach."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duckwing.functions import aggregate_instances
from duckwing.functions.aggregate import BoundAggregate
from duckwing.functions.aggregate_instances import InstanceStates
from duckwing.functions.arguments import Arguments
from duckwing.functions.context import Context, Invocation
from duckwing.functions.declare import aggregate
from duckwing.state.memory import MemoryStore


@aggregate
class in_order:
    """All values, in the order of the rows."""

    values: list[int]

    def __init__(self) -> None:
        self.values = []

    def update(self, value: int) -> None:
        self.values.append(value)

    def merge(self, other: in_order) -> None:
        self.values += other.values

    def result(self) -> str:
        return ",".join(map(str, self.values))


@aggregate
class in_order_of_arrays:
    """The same, with an array of the values of a group in a batch."""

    values: list[int]

    def __init__(self) -> None:
        self.values = []

    def update(self, value: pa.Int64Array) -> None:
        self.values += value.to_pylist()

    def merge(self, other: in_order_of_arrays) -> None:
        self.values += other.values

    def result(self) -> str:
        return ",".join(map(str, self.values))


def bound(function: Any) -> BoundAggregate:
    columns = pa.schema([("value", pa.int64())])
    context = Context(Invocation("demo", "main", function.name))
    result: BoundAggregate = function.bind(function.signature.parameters, columns, Arguments((), {}), context)
    return result


GROUPS = st.integers(0, 3)
ROWS = st.lists(st.tuples(GROUPS, st.integers(0, 999)), min_size=1, max_size=30)
UPDATES = ROWS.map(lambda rows: ("update", rows))
MERGES = st.tuples(GROUPS, GROUPS).filter(lambda pair: pair[0] != pair[1]).map(lambda pair: ("merge", [pair]))


@pytest.mark.parametrize("function", [in_order, in_order_of_arrays])
@given(calls=st.lists(st.one_of(UPDATES, UPDATES, MERGES), max_size=12), part_bytes=st.sampled_from([0, 20, 100]))
def test_states_that_were_put_aside_in_parts(function: Any, calls: list[tuple[str, Any]], part_bytes: int) -> None:
    store = MemoryStore()
    groups: dict[int, list[int]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aggregate_instances, "PART_BYTES", part_bytes)
        for name, pairs in calls:
            states = InstanceStates(bound(function), store)  # as in another process
            first, second = (pa.array(column, pa.int64()) for column in zip(*pairs, strict=True))
            if name == "update":
                states.update(first, [second])
                for group, value in pairs:
                    groups.setdefault(group, []).append(value)
            else:
                states.combine(first, second)
                for source, target in pairs:
                    if source in groups:
                        groups[target] = groups.get(target, []) + groups[source]
        expected = [",".join(map(str, groups[group])) if group in groups else None for group in range(4)]
        for _ in range(2):  # results are asked for again
            found = InstanceStates(bound(function), store).finalize(pa.array(range(4), pa.int64()))
            assert found.to_pylist() == expected


class Counting(MemoryStore):
    """Counts the bytes that are written."""

    written = 0

    def put_many(self, ns: str, items: Iterable[tuple[bytes, bytes]]) -> None:
        items = list(items)
        self.written += sum(len(data) for _, data in items)
        super().put_many(ns, items)


def test_a_large_state_is_not_written_again_with_each_batch() -> None:
    store = Counting()
    states = InstanceStates(bound(in_order), store)
    for start in range(0, 300_000, 2000):
        states.update(pa.repeat(pa.scalar(0, pa.int64()), 2000), [pa.array(range(start, start + 2000))])
    assert store.written < 10_000_000
    assert states.finalize(pa.array([0], pa.int64())).to_pylist() == [",".join(map(str, range(300_000)))]
