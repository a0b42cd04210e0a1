"""A value that is fetched from elsewhere and kept: renewed in time, and asked for once however many want it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from .base import Unavailable
from .outbound import TIMEOUT, FetchError

FRESH = 600.0
"""Seconds for which a value is used without asking again."""
STALE = 6 * 3600.0
"""Seconds for which a value is used when asking again fails: that long an outage of the provider may be."""
PAUSE = 4.0
"""Seconds at least between two requests; fewer than clients wait who are told that something is unavailable."""

T = TypeVar("T")
_log = logging.getLogger(__name__)


class _Entry(NamedTuple, Generic[T]):
    value: T
    fetched: float


class Kept(Generic[T]):
    """A value that is fetched when it is first wanted.

    Args:
        fetch: gets the value; raises :class:`FetchError` if it cannot.
        clock: seconds, for tests.
    """

    def __init__(self, fetch: Callable[[], T], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._entry: _Entry[T] | None = None
        self._tried: float | None = None
        self._failure = ""

    def get(self) -> T:
        """The value.

        Raises:
            Unavailable: it cannot be had, and none is kept that is young enough.
        """
        entry = self._entry
        age = self._clock() - entry.fetched if entry else STALE
        if entry and age < FRESH:
            return entry.value
        if entry and age < STALE:
            # Whoever finds the lock taken goes on with the old value: a slow provider holds up one request, not all.
            if self._lock.acquire(blocking=False):
                try:
                    return self._renew(entry)
                except Unavailable:
                    return entry.value
                finally:
                    self._lock.release()
            return entry.value
        return self.newer(entry.value if entry else None)

    def newer(self, seen: T | None) -> T:
        """A newer value than ``seen``, or ``seen`` itself if it was fetched just now.

        Raises:
            Unavailable: it cannot be had.
        """
        # Where there is a value already, few requests come here; made-up ones must not hold threads while a provider
        # hangs.
        if not self._lock.acquire(timeout=2 * TIMEOUT if seen is None else 1.0):
            raise Unavailable(why="an earlier request has not been answered yet")
        try:
            entry = self._entry
            if entry and entry.value is not seen and self._clock() - entry.fetched < STALE:
                return entry.value
            return self._renew(entry)
        finally:
            self._lock.release()

    def _renew(self, entry: _Entry[T] | None) -> T:
        now = self._clock()
        if self._tried is not None and now - self._tried < PAUSE:
            if self._failure or entry is None:
                raise Unavailable(why=self._failure)
            return entry.value
        self._tried, self._failure = now, "the request was interrupted"
        try:
            value = self._fetch()
        except FetchError as error:
            self._failure = str(error)
            _log.warning("%s", error)
            raise Unavailable(why=self._failure) from error
        self._failure = ""
        self._entry = _Entry(value, self._clock())
        return value
