"""A scan by a class with ``next``, which can stop between two calls of it and go on in another process."""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from ..rpc.framing import Batch, empty_batch
from ..scans.scan import MAX_SILENCE, Scan, Sieve
from .batches import MAX_ROW_DELAY, ROWS_PER_BATCH, to_batches
from .stateful import Fields

_NEW, _BEGUN, _ENDED = b"n", b"b", b"e"


class ResumableScan:
    """The batches of one scan.

    Args:
        make: makes the author's instance.
        fields: its state.
        scan: what is wanted.
        sieve: cuts its batches down to that.
        what: names the function in error messages.
    """

    def __init__(self, make: Callable[[], Any], fields: Fields, scan: Scan, sieve: Sieve, what: str):
        self._make = make
        self._fields = fields
        self._scan = scan
        self._sieve = sieve
        self._what = what
        self._instance: Any = None
        self._ready: deque[Batch] = deque()
        self._enough = 1
        self._ended = False

    def next(self) -> Batch | None:
        """The next batch, perhaps without rows; None after the last.

        Raises:
            OutputError: ``next`` returns something else than rows or a batch.
            Exception: whatever it raises.
        """
        deadline = time.monotonic() + MAX_SILENCE
        while not self._ready:
            if self._ended:
                return None
            given = to_batches(self._items(), self._scan.columns, self._what, self._scan.needed)
            self._ready.extend(self._sieve.batches(given))
            if not self._ready and not self._ended and time.monotonic() > deadline:
                return Batch(empty_batch(self._scan.wanted))
        return self._ready.popleft()

    def save(self) -> bytes | None:
        """The state of the instance; None while batches wait that it has given already."""
        if self._ready:
            return None
        if self._ended:
            return _ENDED
        return _NEW if self._instance is None else _BEGUN + self._fields.save(self._instance)

    def load(self, state: bytes) -> None:
        """Go on where :meth:`save` was called."""
        self._ended = state == _ENDED
        if state.startswith(_BEGUN):
            self._instance = self._make()
            self._fields.load(self._instance, state[len(_BEGUN) :])
            self._enough = ROWS_PER_BATCH

    def close(self) -> None:
        """Close the instance, if it can be closed."""
        close = getattr(self._instance, "close", None)
        if close is not None:
            close()

    def _items(self) -> list[Any]:
        """What ``next`` returns, up to a batch or as many rows as are worth one: at first one, then more and more."""
        if self._instance is None:
            self._instance = self._make()
        items: list[Any] = []
        started = time.monotonic()
        while len(items) < self._enough and time.monotonic() - started < MAX_ROW_DELAY:
            item = self._instance.next()
            if item is None:
                self._ended = True
                break
            if isinstance(item, list):
                items += item
                continue
            items.append(item)
            if not isinstance(item, tuple) and not dataclasses.is_dataclass(item):
                break
        self._enough = min(2 * self._enough, ROWS_PER_BATCH)
        return items
