"""The threads in which authors' code runs."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator

import pytest

from duckwing.http.lanes import Lane
from duckwing.rpc.server import Server

from .serving import PATIENCE

word: contextvars.ContextVar[str] = contextvars.ContextVar("word", default="")


@pytest.fixture
def lane() -> Iterator[Lane]:
    lane = Lane(lambda: Server([]), "lane under test")
    yield lane
    lane.close()


def test_work_is_done_in_the_lane_in_the_callers_context(lane: Lane) -> None:
    async def ask() -> tuple[str, str]:
        word.set("given")
        return await lane.run(lambda server: (threading.current_thread().name, word.get()))

    assert asyncio.run(ask()) == ("lane under test", "given")
    assert lane.submit(lambda server: (threading.current_thread().name, word.get())).result(PATIENCE) == (
        "lane under test",
        "",
    )
    assert lane.load == 0


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), StopIteration("the end")])
def test_errors_come_back(lane: Lane, error: BaseException) -> None:
    def fail(server: Server) -> None:
        raise error

    expected = RuntimeError if isinstance(error, StopIteration) else type(error)
    with pytest.raises(expected):
        asyncio.run(lane.run(fail))
    with pytest.raises(type(error)):
        lane.submit(fail).result(PATIENCE)
    assert lane.submit(lambda server: 1).result(PATIENCE) == 1


def test_what_nobody_waits_for_is_not_begun(lane: Lane) -> None:
    held, done = threading.Event(), []
    lane.submit(lambda server: held.wait(PATIENCE))

    async def give_up() -> None:
        waiting = asyncio.ensure_future(lane.run(lambda server: done.append("in a loop")))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(give_up())
    assert lane.submit(lambda server: done.append("elsewhere")).cancel()
    held.set()
    assert lane.submit(lambda server: list(done)).result(PATIENCE) == []


def test_a_closed_loop_does_not_end_the_lane(lane: Lane) -> None:
    held = threading.Event()

    async def leave() -> None:
        task = asyncio.ensure_future(lane.run(lambda server: held.wait(PATIENCE)))
        while lane.load < 1:
            await asyncio.sleep(0)
        del task

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()
    held.set()
    assert lane.submit(lambda server: 1).result(PATIENCE) == 1
