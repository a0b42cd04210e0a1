"""The marks of calls that change a scope, where the scope is on a server (see :class:`~duckwing.state.scope.Marks`)."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import StateError
from .scope import DIED, STUCK, WAIT_SECONDS

if TYPE_CHECKING:
    from .lifelines import Lifeline
    from .store import Store

_MARKS = "_vgi/marks"
_SET, _LOST = b"", b"lost"
_ENDED = b"ended"
"""The key, no process's, that says since when nobody needs the scope."""

_ID_SIZE = 16
_PAUSE_SECONDS = 0.02


class StoredMarks:
    """The marks of one scope: a value for each call that is changing it.

    That a process is dead turns out only when its lease has run out, while the client repeats a call at once. So
    whoever relies on what is there, to read it or because no other call may be at work, waits for the marks that
    it finds.

    Args:
        store: of the scope.
        lifeline: of this process.
        on_change: called when a call changes a scope that has ended.
    """

    def __init__(self, store: Store, lifeline: Lifeline, on_change: Callable[[], None]):
        self._store = store
        self._lifeline = lifeline
        self._on_change = on_change

    def begin(self, *, alone: bool = False) -> StoredMark:
        """See :class:`~duckwing.state.scope.Marks`."""
        if alone:
            self.check()
        key = self._lifeline.id() + os.urandom(8)
        self._store.put(_MARKS, key, _SET)
        mark = StoredMark(self._store, key)
        try:
            if self._others(besides=key)[1]:
                # In this order: should the scope get lost between the two, it is not taken for one that may begin
                # again.
                self._on_change()
                self._store.delete(_MARKS, [_ENDED])
        except BaseException:
            mark.end()
            raise
        return mark

    def check(self) -> None:
        """See :class:`~duckwing.state.scope.Marks`."""
        waited_for = None
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            others, _ = self._others()
            waited_for = others if waited_for is None else waited_for & others
            if not waited_for:
                return
            if time.monotonic() > deadline:
                raise StateError(STUCK)
            time.sleep(_PAUSE_SECONDS)

    def end_scope(self, token: bytes) -> None:
        """Say that nobody needs the scope any more."""
        self._store.put(_MARKS, _ENDED, token)

    def has_ended(self, token: bytes) -> bool:
        """Whether nobody has changed the scope since :meth:`end_scope`, and nobody does."""
        return self._store.scan(_MARKS, limit=2) == [(_ENDED, token)]

    def _others(self, besides: bytes = b"") -> tuple[set[bytes], bool]:
        """The marks of the living, and whether the scope has ended.

        Raises:
            StateError: a process died while it was changing the state.
        """
        marks = dict(self._store.scan(_MARKS))
        ended = marks.pop(_ENDED, None) is not None
        marks.pop(besides, None)
        for key, value in marks.items():
            if value == _LOST or not self._lifeline.is_alive(key[:_ID_SIZE]):
                if value != _LOST and self._store.get(_MARKS, key) is None:
                    continue  # it ended in time, and so did its process
                raise StateError(DIED)
        return set(marks), ended


class StoredMark:
    """The mark of one call."""

    def __init__(self, store: Store, key: bytes):
        self._store = store
        self._key = key

    def end(self) -> None:
        """See :class:`~duckwing.state.scope.Mark`. Never fails: a mark that stays makes the query fail."""
        try:
            self._store.delete(_MARKS, [self._key])
        except StateError:
            logging.getLogger(__name__).debug("a mark was not removed", exc_info=True)

    def lose(self) -> None:
        """See :class:`~duckwing.state.scope.Mark`."""
        try:
            self._store.put(_MARKS, self._key, _LOST)
        except StateError:
            logging.getLogger(__name__).warning("that an answer was lost could not be told", exc_info=True)
