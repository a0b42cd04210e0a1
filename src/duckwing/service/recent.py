"""What a process keeps between calls, to save work: losing it costs only time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """The values that were used last, by key. Usable from several threads.

    Args:
        size: how many are kept.
    """

    def __init__(self, size: int):
        self._size = size
        self._values: OrderedDict[bytes, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> T | None:
        """The value of ``key``, None if it is not kept (any more)."""
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: bytes, value: T) -> None:
        """Keep a value; the one that nobody used for the longest time may go."""
        with self._lock:
            self._values[key] = value
            if len(self._values) > self._size:
                self._values.popitem(last=False)

    def pop(self, key: bytes) -> T | None:
        """Forget a value."""
        with self._lock:
            return self._values.pop(key, None)

    def keep(self, wanted: Callable[[T], bool]) -> None:
        """Forget all values but the ``wanted`` ones."""
        with self._lock:
            for key in [key for key, value in self._values.items() if not wanted(value)]:
                del self._values[key]
