"""Scans that only one process can go on with: generators. Their owner makes numbered turns, a little ahead.

A turn stays until the one after the next is asked for: a client that did not get an answer asks again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from ..rpc.call import is_shutdown
from .lanes import Lane
from .production import Production, Turn

LONGEST_WAIT = 1.0
"""Seconds. A request is answered after so long even if there is nothing yet: the client cannot be interrupted while
it waits, and would repeat the request one day (spec 02, section 8.2)."""

DESERTED_SECONDS = 3600.0
"""A scan that nobody asks about for so long is given up."""

FINISHED_SECONDS = 30.0
"""How long the last turns of a scan are kept for a client that asks again."""


class Pump:
    """One scan in its lane. Everything but the making of turns happens in the event loop's thread.

    Args:
        lane: where its code runs.
        production: makes the turns.
        metadata: of the first tick.
    """

    def __init__(self, lane: Lane, production: Production, metadata: Mapping[bytes, bytes]):
        self.used = time.monotonic()
        self._lane = lane
        self._production = production
        self._metadata = metadata
        self._turns: dict[int, Turn] = {}
        self._made = 0
        self._asked = 0
        self._working: asyncio.Future[None] | None = None
        self._ended = self._closed = False

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return sum(turn.size for turn in self._turns.values())

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
            if self._working is None:
                raise LookupError  # it ended before
            try:
                await asyncio.wait_for(asyncio.shield(self._working), max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                return None
        return self._turns[number]

    def is_over(self, now: float) -> bool:
        """Whether nobody will ask any more."""
        return now - self.used > (FINISHED_SECONDS if self._ended else DESERTED_SECONDS)

    def close(self) -> None:
        """Give the scan up, or clean up after it."""
        self._turns.clear()
        if not self._closed:
            self._closed = self._ended = True
            self._lane.submit(lambda server: close_stream(self._production))

    def _go_on(self) -> None:
        if self._working is None and not self._ended and self._made <= self._asked + self._production.ahead:
            metadata, self._metadata = self._metadata, {}
            made = self._lane.submit(lambda server: last_closed(self._production, metadata))
            self._working = asyncio.ensure_future(self._keep(asyncio.wrap_future(made)))

    async def _keep(self, made: asyncio.Future[Turn]) -> None:
        turn = await made
        self._working = None
        if self._closed:
            return  # and the lane closes the stream next
        self._turns[self._made] = turn
        self._made += 1
        if turn.last:
            self._ended = self._closed = True
        self._go_on()


def last_closed(production: Production, metadata: Mapping[bytes, bytes]) -> Turn:
    """The next turn; whoever has seen the last one may rely on the clean-up."""
    turn = production.turn(metadata)
    if turn.last:
        close_stream(production)
    return turn


def close_stream(production: Production) -> None:
    """Close a stream whose answer is out: what goes wrong now can only be logged."""
    try:
        production.stream.close()
    except BaseException as error:
        if is_shutdown(error):
            raise
        import logging

        logging.getLogger(__name__).exception("closing a stream failed")
