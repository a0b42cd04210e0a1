"""The operations that every store offers (spec 05, section 13.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

TOUCH_SECONDS = 10.0
"""A store says that its scope is in use at most once in so many seconds; sweeps must leave it much longer."""

COUNTER_MIN, COUNTER_MAX = -(1 << 63), (1 << 63) - 1


class Store(Protocol):
    """The queue, the values, the logs and the counters of one scope.

    Every process that may serve the scope sees the same store. Operations are linearisable for each
    key across threads and processes: one that has returned is seen by every later one, wherever it
    runs. There is no transaction over several operations. Values, logs and counters live in
    namespaces and do not meet: a value and a counter may have the same key. Keys are ordered by
    their bytes, unsigned.

    Every operation raises :class:`~duckwing.errors.StateError` when the state cannot be kept or read
    (no space, an I/O error, the scope is gone). A failed operation has changed nothing, unless it is the connection
    to a server that broke in the middle of it.
    """

    def push(self, items: Iterable[bytes]) -> int:
        """Append work items to the queue, all or none, in this order; how many they were."""

    def pop(self) -> bytes | None:
        """Take the oldest item out of the queue, None if there is none. No item is given out twice."""

    def clear_queue(self) -> int:
        """Drop the rest of the queue; how many items that were."""

    def get(self, ns: str, key: bytes) -> bytes | None:
        """The value of ``key``, None without one."""

    def get_many(self, ns: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of ``keys`` in their order, None where there is none; each current by itself, not all at once."""

    def put(self, ns: str, key: bytes, value: bytes) -> None:
        """Set the value of ``key``."""

    def put_many(self, ns: str, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Set all these values or none; of a key that is there twice, the last."""

    def scan(
        self,
        ns: str,
        start: bytes | None = None,
        end: bytes | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> list[tuple[bytes, bytes]]:
        """The keys of ``start <= key < end`` and their values, in the order of the keys.

        Args:
            ns: namespace.
            start: first key, None for no bound.
            end: the key that ends the range, itself not in it; None for no bound.
            reverse: from the last key to the first.
            limit: at most so many of them, in that order; at least 0.
        """

    def drain(self, ns: str) -> list[tuple[bytes, bytes]]:
        """Take out all keys and values of a namespace in one step, in the order of the keys."""

    def delete(
        self,
        ns: str,
        keys: Sequence[bytes] | None = None,
        *,
        start: bytes | None = None,
        end: bytes | None = None,
    ) -> int:
        """Delete the values of ``keys``, or without them those of ``start <= key < end``; how many there were."""

    def append(self, ns: str, key: bytes, item: bytes) -> int:
        """Append to the log of ``key``; the item's id. Ids increase over all logs of the scope and never come again."""

    def log_scan(self, ns: str, key: bytes, *, after: int = -1, limit: int | None = None) -> list[tuple[int, bytes]]:
        """The ids greater than ``after`` in the log of ``key`` and their items, ascending; at most ``limit``."""

    def counter_get(self, ns: str, key: bytes) -> int:
        """The counter's value, 0 without one."""

    def counter_add(self, ns: str, key: bytes, amount: int) -> int:
        """Add to the counter in one step; its new value.

        Raises:
            OverflowError: the sum does not fit 64 bits; the counter is as it was.
        """

    def counter_set(self, ns: str, key: bytes, value: int) -> None:
        """Set the counter.

        Raises:
            OverflowError: ``value`` does not fit 64 bits.
        """

    def counter_delete(self, ns: str, key: bytes) -> None:
        """Forget the counter: it is 0 again."""

    def clear(self) -> None:
        """Delete all values, logs and counters in every namespace; the queue stays."""

    def close(self) -> None:
        """Give back descriptors and memory. What is stored stays, and a later operation opens it again."""


def checked_counter(value: int) -> int:
    """``value``, if it fits a counter.

    Raises:
        OverflowError: it does not fit 64 bits.
    """
    if not COUNTER_MIN <= value <= COUNTER_MAX:
        raise OverflowError(f"a counter has 64 bits, and {value} does not fit them")
    return value
