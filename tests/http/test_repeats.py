"""Which answers are kept for clients that ask again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from duckwing.http import repeats
from duckwing.http.answers import Answer
from duckwing.http.cursors import Cursor
from duckwing.http.repeats import Repeats

OWNER = bytes(16)


def cursor(stream: int, turn: int = 0) -> Cursor:
    return Cursor(b"%d" % stream, OWNER, turn, b"")


async def answered(data: bytes) -> Answer:
    await asyncio.sleep(0)
    return Answer([data])


def run(job: Callable[[Repeats], Awaitable[None]]) -> None:
    async def main() -> None:
        await job(Repeats())

    asyncio.run(main())


def test_the_last_turn_can_be_asked_for_again() -> None:
    async def job(kept: Repeats) -> None:
        first = kept.keep(cursor(1), answered(b"one"))
        early = kept.answer(cursor(1))  # it is not done yet
        assert early is not None
        assert await early is await first
        again = kept.answer(cursor(1))
        assert again is not None
        assert (await again).body == [b"one"]
        assert kept.answer(cursor(1, 1)) is None
        await kept.keep(cursor(1, 1), answered(b"two"))
        assert kept.answer(cursor(1)) is None

    run(job)


def test_a_client_that_does_not_wait_changes_nothing() -> None:
    async def job(kept: Repeats) -> None:
        kept.keep(cursor(1), answered(b"one")).cancel()
        again = kept.answer(cursor(1))
        assert again is not None
        assert (await again).body == [b"one"]

    run(job)


def test_what_fails_here_is_not_kept() -> None:
    async def fails() -> Answer:
        raise OSError("no")

    async def job(kept: Repeats) -> None:
        with pytest.raises(OSError, match="no"):
            await kept.keep(cursor(1), fails())
        assert kept.answer(cursor(1)) is None

    run(job)


def test_there_is_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "HELD_BYTES", 100)
    monkeypatch.setattr(repeats, "MOST", 5)

    async def job(kept: Repeats) -> None:
        for stream in range(4):
            await kept.keep(cursor(stream), answered(b"x" * 40))
        assert [kept.answer(cursor(stream)) is not None for stream in range(4)] == [False, False, True, True]
        for stream in range(4, 10):
            await kept.keep(cursor(stream), answered(b""))
        assert [kept.answer(cursor(stream)) is not None for stream in range(2, 10)] == [False] * 3 + [True] * 5
        kept.forget(float("inf"))
        assert kept.answer(cursor(9)) is None

    run(job)
