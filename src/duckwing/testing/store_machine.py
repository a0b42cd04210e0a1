"""A store against a plain model, by random sequences of operations. Needs hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ..state.store import COUNTER_MAX, COUNTER_MIN, Store

NAMES = st.sampled_from(["", "a", "b", "é"])
KEYS = st.one_of(st.sampled_from([b"", b"\x00", b"a", b"a\x00", b"b", b"\xff", b"\x80"]), st.binary(max_size=3))
VALUES = st.binary(max_size=6)
BOUNDS = st.none() | KEYS
LIMITS = st.none() | st.integers(0, 3)
COUNTERS = st.sampled_from([b"", b"\xff"])  # few, so that they overflow
AMOUNTS = st.sampled_from([COUNTER_MIN, COUNTER_MAX]) | st.integers(COUNTER_MIN, COUNTER_MAX) | st.integers(-3, 3)

Id = tuple[str, bytes]
T = TypeVar("T")


def run(open_store: Callable[[], Store], *, examples: int, steps: int) -> None:
    """See :func:`duckwing.testing.stores.check_randomly`."""

    class Machine(StoreMachine):
        def __init__(self) -> None:
            super().__init__(open_store)

    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),  # a store may be as slow as it likes
    )
    run_state_machine_as_test(Machine, settings=chosen)


class StoreMachine(RuleBasedStateMachine):
    """Does the same to a store and to dictionaries, and compares every answer.

    The store is opened twice, and each operation is done by the one that did not do the last.
    """

    def __init__(self, open_store: Callable[[], Store]) -> None:
        super().__init__()
        self.current, self.other = open_store(), open_store()
        self.current.clear()
        self.current.clear_queue()
        self.queue: list[bytes] = []
        self.values: dict[Id, bytes] = {}
        self.logs: dict[Id, list[tuple[int, bytes]]] = {}
        self.counters: dict[Id, int] = {}
        self.first_id: int | None = None
        self.last_id = -1

    @property
    def store(self) -> Store:
        """The store that did not do the last operation."""
        self.current, self.other = self.other, self.current
        return self.current

    def teardown(self) -> None:
        self.current.close()
        self.other.close()

    def in_range(self, ns: str, start: bytes | None, end: bytes | None) -> list[tuple[bytes, bytes]]:
        """What the model has of ``start <= key < end``."""
        found = [(key, value) for (of, key), value in self.values.items() if of == ns]
        return sorted((k, v) for k, v in found if (start is None or start <= k) and (end is None or k < end))

    def forget(self, ns: str, keys: list[bytes]) -> None:
        """Delete values of the model."""
        for key in keys:
            self.values.pop((ns, key), None)

    @rule(items=st.lists(VALUES, max_size=4))
    def push(self, items: list[bytes]) -> None:
        same(self.store.push(iter(items)), len(items))
        self.queue += items

    @rule()
    def pop(self) -> None:
        same(self.store.pop(), self.queue.pop(0) if self.queue else None)

    @rule()
    def clear_queue(self) -> None:
        same(self.store.clear_queue(), len(self.queue))
        self.queue.clear()

    @rule(ns=NAMES, key=KEYS, value=VALUES)
    def put(self, ns: str, key: bytes, value: bytes) -> None:
        self.store.put(ns, key, value)
        self.values[ns, key] = value

    @rule(ns=NAMES, items=st.lists(st.tuples(KEYS, VALUES), max_size=5))
    def put_many(self, ns: str, items: list[tuple[bytes, bytes]]) -> None:
        self.store.put_many(ns, iter(items))
        self.values.update({(ns, key): value for key, value in items})

    @rule(ns=NAMES, keys=st.lists(KEYS, max_size=5))
    def get(self, ns: str, keys: list[bytes]) -> None:
        expected = [self.values.get((ns, key)) for key in keys]
        same(self.store.get_many(ns, keys), expected)
        same([self.store.get(ns, key) for key in keys], expected)

    @rule(ns=NAMES, start=BOUNDS, end=BOUNDS, reverse=st.booleans(), limit=LIMITS)
    def scan(self, ns: str, start: bytes | None, end: bytes | None, reverse: bool, limit: int | None) -> None:
        expected = self.in_range(ns, start, end)
        expected = (expected[::-1] if reverse else expected)[:limit]
        same(self.store.scan(ns, start, end, reverse=reverse, limit=limit), expected)

    @rule(ns=NAMES)
    def drain(self, ns: str) -> None:
        expected = self.in_range(ns, None, None)
        same(self.store.drain(ns), expected)
        self.forget(ns, [key for key, _ in expected])

    @rule(ns=NAMES, keys=st.lists(KEYS, max_size=4))
    def delete_keys(self, ns: str, keys: list[bytes]) -> None:
        same(self.store.delete(ns, keys), sum((ns, key) in self.values for key in set(keys)))
        self.forget(ns, keys)

    @rule(ns=NAMES, start=BOUNDS, end=BOUNDS)
    def delete_range(self, ns: str, start: bytes | None, end: bytes | None) -> None:
        expected = self.in_range(ns, start, end)
        same(self.store.delete(ns, start=start, end=end), len(expected))
        self.forget(ns, [key for key, _ in expected])

    @rule(ns=NAMES, key=KEYS, item=VALUES)
    def append(self, ns: str, key: bytes, item: bytes) -> None:
        id_ = self.store.append(ns, key, item)
        if id_ <= self.last_id:
            raise AssertionError(f"expected an id greater than {self.last_id}, got {id_}")
        self.last_id = id_
        if self.first_id is None:
            self.first_id = id_
        self.logs.setdefault((ns, key), []).append((id_, item))

    @rule(ns=NAMES, key=KEYS, behind=st.none() | st.integers(-1, 12), limit=LIMITS)
    def log_scan(self, ns: str, key: bytes, behind: int | None, limit: int | None) -> None:
        after = -1 if behind is None else (self.first_id or 0) + behind
        expected = [entry for entry in self.logs.get((ns, key), []) if entry[0] > after][:limit]
        same(self.store.log_scan(ns, key, after=after, limit=limit), expected)

    @rule(ns=NAMES, key=COUNTERS, amount=AMOUNTS)
    def counter_add(self, ns: str, key: bytes, amount: int) -> None:
        expected = self.counters.get((ns, key), 0) + amount
        try:
            found = self.store.counter_add(ns, key, amount)
        except OverflowError:
            if COUNTER_MIN <= expected <= COUNTER_MAX:
                raise
            return
        same(found, expected)
        self.counters[ns, key] = expected

    @rule(ns=NAMES, key=COUNTERS, value=AMOUNTS)
    def counter_set(self, ns: str, key: bytes, value: int) -> None:
        self.store.counter_set(ns, key, value)
        self.counters[ns, key] = value

    @rule(ns=NAMES, key=COUNTERS)
    def counter_delete(self, ns: str, key: bytes) -> None:
        self.store.counter_delete(ns, key)
        self.counters.pop((ns, key), None)

    @rule()
    def clear(self) -> None:
        self.store.clear()
        for part in (self.values, self.logs, self.counters):
            part.clear()

    @rule()
    def close(self) -> None:
        self.store.close()

    @invariant()
    def counters_agree(self) -> None:
        """Also the counters that no operation has asked for."""
        for (ns, key), value in self.counters.items():
            same(self.store.counter_get(ns, key), value)


def same(found: T, expected: T) -> None:
    """Raises AssertionError unless the store answers what the model does."""
    if found != expected:
        raise AssertionError(f"expected {expected!r}, got {found!r}")
