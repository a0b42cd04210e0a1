"""The checks for stores: they pass what is right, and find what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from duckwing.state.memory import MemoryStore
from duckwing.state.store import COUNTER_MAX
from duckwing.testing.stores import check_processes, check_randomly, check_store


def test_a_right_store_passes() -> None:
    store = MemoryStore()
    check_store(lambda: store)
    check_randomly(lambda: store, examples=10)


class Signed(MemoryStore):
    """Orders keys by their bytes, signed."""

    def scan(self, ns: str, start: bytes | None = None, end: bytes | None = None, **options: Any) -> Any:
        found = super().scan(ns, start, end, **options)
        return sorted(found, key=lambda pair: [byte - 256 * (byte > 127) for byte in pair[0]])


class Wrapping(MemoryStore):
    """Counts modulo 2**64."""

    def counter_add(self, ns: str, key: bytes, amount: int) -> int:
        value = (self.counter_get(ns, key) + amount + COUNTER_MAX + 1) % (1 << 64) - COUNTER_MAX - 1
        self.counter_set(ns, key, value)
        return value


class Saturating(MemoryStore):
    """Fails to add, but has changed the counter."""

    def counter_add(self, ns: str, key: bytes, amount: int) -> int:
        try:
            return super().counter_add(ns, key, amount)
        except OverflowError:
            self.counter_set(ns, key, COUNTER_MAX)
            raise


class Joining(MemoryStore):
    """Mixes up namespaces and keys."""

    def put(self, ns: str, key: bytes, value: bytes) -> None:
        super().put("", ns.encode() + key, value)

    def get(self, ns: str, key: bytes) -> bytes | None:
        return super().get("", ns.encode() + key)


class Stack(MemoryStore):
    """Gives the newest item first."""

    def push(self, items: Iterable[bytes]) -> int:
        return super().push(list(items)[::-1])


class Forgetful(MemoryStore):
    """Begins ids again after clear()."""

    def clear(self) -> None:
        super().clear()
        self._last_id = 0


class Greedy(MemoryStore):
    """Counts a key twice that is deleted twice."""

    def delete(self, ns: str, keys: Sequence[bytes] | None = None, **bounds: Any) -> int:
        super().delete(ns, keys, **bounds)
        return len(keys) if keys is not None else 0


@pytest.mark.parametrize("wrong", [Signed, Wrapping, Saturating, Joining, Stack, Forgetful, Greedy])
def test_wrong_stores_are_found(wrong: type[MemoryStore]) -> None:
    store = wrong()
    with pytest.raises(AssertionError, match=r"expected|not so"):
        check_store(lambda: store)


def test_a_store_that_is_not_shared_is_found() -> None:
    with pytest.raises(AssertionError, match="pop"):
        check_store(MemoryStore)
    with pytest.raises(AssertionError, match="popped"):
        check_processes(MemoryStore, processes=2, rounds=2)


def test_a_wrong_store_does_not_agree_with_the_model() -> None:
    store = Greedy()
    with pytest.raises(AssertionError, match="expected"):
        check_randomly(lambda: store)
