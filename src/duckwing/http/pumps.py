"""Scans that only one process can go on with: generators. Their owner makes numbered turns, a little ahead.

A turn stays until the one after the next is asked for: a client that did not get an answer asks again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping

from ..rpc.call import Stream, is_shutdown
from .lanes import Lane
from .production import TURN_BYTES, TURN_SECONDS, Production, Turn

PART_SECONDS = 0.005
"""For so long batches are gathered in the lane before the event loop hears of them."""

LONGEST_WAIT = 1.0
"""Seconds. A request is answered after so long even if there is nothing yet: the client cannot be interrupted while
it waits, and would repeat the request one day (spec 02, section 8.2)."""

DESERTED_SECONDS = 3600.0
"""A scan that nobody asks about for so long is given up."""

FINISHED_SECONDS = 30.0
"""How long the last turns of a scan are kept for a client that asks again."""


class Pump:
    """One scan in its lane. Everything but the making of batches happens in the event loop's thread.

    Batches come in parts, each of what the scan gives within a moment. A turn is as many parts as are worth a response,
    or those that are there if somebody waits for it.

    Args:
        lane: where its code runs.
        production: makes the parts.
        metadata: of the first tick.
    """

    def __init__(self, lane: Lane, production: Production, metadata: Mapping[bytes, bytes]):
        self.used = time.monotonic()
        self._lane = lane
        self._production = production
        self._metadata = metadata
        self._turns: dict[int, Turn] = {}
        self._parts: list[Turn] = []
        self._began = 0.0
        self._made = 0
        self._asked = 0
        self._working = False
        self._news = asyncio.Event()
        self._ended = self._closed = False

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return sum(turn.held for turn in (*self._turns.values(), *self._parts))

    async def turn(self, number: int, metadata: Mapping[bytes, bytes] | None = None) -> Turn | None:
        """A turn, None if it is not there yet; ask again then.

        Args:
            number: of the turn, from 0 on.
            metadata: of the tick.

        Raises:
            LookupError: it is not kept any more, or does not exist yet.
        """
        self.used = time.monotonic()
        if metadata:
            self._metadata = metadata
        if number not in self._turns and not self._asked <= number <= self._made:
            raise LookupError
        self._asked = max(self._asked, number)
        for old in [known for known in self._turns if known < self._asked - 1]:
            del self._turns[old]
        self._go_on()
        deadline = self.used + LONGEST_WAIT
        while number not in self._turns:
            if self._ended:
                raise LookupError  # it ended before
            due = self._began + TURN_SECONDS if self._parts else deadline
            now = time.monotonic()
            if self._parts and now >= due:
                self._cut()
            elif now >= deadline:
                return None
            else:
                await self._wait(min(due, deadline) - now)
        return self._turns[number]

    def is_over(self, now: float) -> bool:
        """Whether nobody will ask any more."""
        return now - self.used > (FINISHED_SECONDS if self._ended else DESERTED_SECONDS)

    def close(self) -> None:
        """Give the scan up, or clean up after it."""
        self._turns.clear()
        self._parts.clear()
        if not self._closed:
            self._closed = self._ended = True
            self._lane.submit(lambda server: close_stream(self._production.stream))
        self._news.set()

    async def _wait(self, seconds: float) -> None:
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)

    def _cut(self) -> None:
        """What there is becomes a turn."""
        parts, self._parts = self._parts, []
        messages = tuple(message for part in parts for message in part.messages)
        failed = len(parts) == 1 and parts[0].failed
        uploads = [upload for part in parts for upload in part.uploads]
        rows, size = sum(part.rows for part in parts), sum(part.size for part in parts)
        self._turns[self._made] = Turn(messages, parts[-1].last, rows, failed, uploads=uploads, size=size)
        self._made += 1
        self._go_on()

    def _go_on(self) -> None:
        if not self._working and not self._ended and self._made <= self._asked + self._production.ahead:
            self._working = True
            metadata, self._metadata = self._metadata, {}
            made = self._lane.submit(lambda server: last_closed(self._production, metadata, PART_SECONDS))
            asyncio.wrap_future(made).add_done_callback(self._keep)

    def _keep(self, made: asyncio.Future[Turn]) -> None:
        self._working = False
        if self._closed or made.cancelled():
            return  # and the lane closes the stream next
        part = made.result()
        size = sum(known.size for known in self._parts)
        if self._parts and size + part.size > self._production.room:
            self._cut()
            size = 0
        if not self._parts:
            self._began = time.monotonic()
        self._parts.append(part)
        if part.last:
            self._ended = self._closed = True
        if part.last or size + part.size >= TURN_BYTES or not self._production.ahead:
            self._cut()
        self._go_on()
        self._news.set()


def last_closed(production: Production, metadata: Mapping[bytes, bytes], seconds: float = TURN_SECONDS) -> Turn:
    """The next turn; whoever has seen the last one may rely on the clean-up."""
    turn = production.turn(metadata, seconds)
    if turn.last:
        close_stream(production.stream)
    return turn


def close_stream(stream: Stream) -> None:
    """Close a stream whose answer is out: what goes wrong now can only be logged."""
    try:
        stream.close()
    except BaseException as error:
        if is_shutdown(error):
            raise
        import logging

        logging.getLogger(__name__).exception("closing a stream failed")
