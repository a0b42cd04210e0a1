"""Answers of exchanges that only one process can go on with, for clients that ask again (spec 02, section 9.3)."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from .answers import Answer
from .cursors import Cursor

MOST = 1024
"""Streams of which an answer is kept."""

HELD_BYTES = 64 << 20
"""So much is kept of all answers. To ask for an older one again is an error."""


@dataclass
class _Repeat:
    turn: int
    answer: asyncio.Task[Answer]
    since: float
    size: int = 0


class Repeats:
    """The last answer of each stream. Its turn has changed the stream, so it cannot be taken twice."""

    def __init__(self) -> None:
        self._last: OrderedDict[bytes, _Repeat] = OrderedDict()

    def answer(self, cursor: Cursor) -> asyncio.Future[Answer] | None:
        """What a cursor was answered with, or will be; None: nobody has asked with it, or that is too long ago."""
        last = self._last.get(cursor.call)
        return asyncio.shield(last.answer) if last is not None and last.turn == cursor.turn else None

    def keep(self, cursor: Cursor, turn: Coroutine[Any, Any, Answer]) -> asyncio.Future[Answer]:
        """Take a turn, whether or not the client waits for the answer, and keep that until the next one."""
        task = asyncio.ensure_future(turn)
        last = _Repeat(cursor.turn, task, time.monotonic())
        self._last[cursor.call] = last
        self._last.move_to_end(cursor.call)
        if len(self._last) > MOST:
            self._last.popitem(last=False)

        def check(done: asyncio.Task[Answer]) -> None:
            if not done.cancelled() and done.exception() is None:
                last.size = done.result().size
                self._make_room()
            elif self._last.get(cursor.call) is last:
                del self._last[cursor.call]

        task.add_done_callback(check)
        return asyncio.shield(task)

    def _make_room(self) -> None:
        held = sum(known.size for known in self._last.values())
        while held > HELD_BYTES:
            held -= self._last.popitem(last=False)[1].size

    def forget(self, before: float) -> None:
        """Forget what was answered before that time."""
        while self._last and next(iter(self._last.values())).since < before:
            self._last.popitem(last=False)
