"""A store in the memory of one process."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence

from .store import checked_counter


class MemoryStore:
    """A :class:`~duckwing.state.store.Store` that only the threads of this process share; :meth:`close` keeps it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: deque[bytes] = deque()
        self._values: dict[str, dict[bytes, bytes]] = {}
        self._logs: dict[tuple[str, bytes], list[tuple[int, bytes]]] = {}
        self._counters: dict[tuple[str, bytes], int] = {}
        self._last_id = 0

    def push(self, items: Iterable[bytes]) -> int:
        added = list(items)
        with self._lock:
            self._queue.extend(added)
        return len(added)

    def pop(self) -> bytes | None:
        with self._lock:
            return self._queue.popleft() if self._queue else None

    def clear_queue(self) -> int:
        with self._lock:
            dropped = len(self._queue)
            self._queue.clear()
        return dropped

    def get(self, ns: str, key: bytes) -> bytes | None:
        with self._lock:
            return self._values.get(ns, {}).get(key)

    def get_many(self, ns: str, keys: Sequence[bytes]) -> list[bytes | None]:
        with self._lock:
            values = self._values.get(ns, {})
            return [values.get(key) for key in keys]

    def put(self, ns: str, key: bytes, value: bytes) -> None:
        self.put_many(ns, [(key, value)])

    def put_many(self, ns: str, items: Iterable[tuple[bytes, bytes]]) -> None:
        added = dict(items)
        with self._lock:
            self._values.setdefault(ns, {}).update(added)

    def scan(
        self,
        ns: str,
        start: bytes | None = None,
        end: bytes | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> list[tuple[bytes, bytes]]:
        with self._lock:
            values = self._values.get(ns, {})
            keys = sorted(_between(values, start, end), reverse=reverse)
            return [(key, values[key]) for key in keys[:limit]]

    def drain(self, ns: str) -> list[tuple[bytes, bytes]]:
        with self._lock:
            return sorted(self._values.pop(ns, {}).items())

    def delete(
        self,
        ns: str,
        keys: Sequence[bytes] | None = None,
        *,
        start: bytes | None = None,
        end: bytes | None = None,
    ) -> int:
        with self._lock:
            values = self._values.get(ns, {})
            chosen = _between(values, start, end) if keys is None else keys
            return sum(values.pop(key, None) is not None for key in chosen)

    def append(self, ns: str, key: bytes, item: bytes) -> int:
        with self._lock:
            self._last_id += 1
            self._logs.setdefault((ns, key), []).append((self._last_id, item))
            return self._last_id

    def log_scan(self, ns: str, key: bytes, *, after: int = -1, limit: int | None = None) -> list[tuple[int, bytes]]:
        with self._lock:
            return [entry for entry in self._logs.get((ns, key), ()) if entry[0] > after][:limit]

    def counter_get(self, ns: str, key: bytes) -> int:
        with self._lock:
            return self._counters.get((ns, key), 0)

    def counter_add(self, ns: str, key: bytes, amount: int) -> int:
        with self._lock:
            value = checked_counter(self._counters.get((ns, key), 0) + amount)
            self._counters[ns, key] = value
            return value

    def counter_set(self, ns: str, key: bytes, value: int) -> None:
        with self._lock:
            self._counters[ns, key] = checked_counter(value)

    def counter_delete(self, ns: str, key: bytes) -> None:
        with self._lock:
            self._counters.pop((ns, key), None)

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
            self._logs.clear()
            self._counters.clear()

    def close(self) -> None:
        """Nothing: the memory goes with the store."""


def _between(values: Iterable[bytes], start: bytes | None, end: bytes | None) -> list[bytes]:
    return [key for key in values if (start is None or key >= start) and (end is None or key < end)]
