"""Async functions: many rows awaited at once, their results in the order of the rows."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from types import TracebackType
from typing import Any

from ..errors import DeclarationError

DEFAULT_CONCURRENCY = 16
"""Rows that are awaited at once, unless the author says otherwise."""

_loops = threading.local()


def await_all(call: Callable[..., Any], rows: Iterable[Sequence[Any]], limit: int) -> list[Any]:
    """The results of ``call(*row)`` for each row, at most ``limit`` of them in progress at any time.

    The event loop is the thread's own and lives as long as the thread, so that a connection pool
    that the author opened in one call serves the next.

    Args:
        call: an async function, or an async generator function, whose items become a list.
        rows: the arguments of each call.
        limit: at least 1.

    Raises:
        Exception: the first that a call raises; the others are cancelled.
    """
    import asyncio  # a tenth of the start of a worker that has no such function

    if not hasattr(_loops, "runner"):
        _loops.runner = asyncio.Runner()
    try:
        results: list[Any] = _loops.runner.run(_bounded(call, list(rows), limit))
    except BaseException as error:
        raise error.with_traceback(_authors_part(error.__traceback__)) from None
    return results


def check_concurrency(concurrency: int | None, is_async: bool, what: str) -> int:
    """How many rows are awaited at once.

    Raises:
        DeclarationError: the number means nothing.
    """
    if concurrency is None:
        return DEFAULT_CONCURRENCY
    if not is_async:
        raise DeclarationError(f"{what}: concurrency= is for async functions; declare it with 'async def'")
    if not isinstance(concurrency, int) or isinstance(concurrency, bool) or concurrency < 1:
        raise DeclarationError(f"{what}: concurrency= is a number of rows, at least 1, not {concurrency!r}")
    return concurrency


async def _bounded(call: Callable[..., Any], rows: Sequence[Sequence[Any]], limit: int) -> list[Any]:
    import asyncio

    results: list[Any] = [None] * len(rows)
    waiting = iter(enumerate(rows))

    async def work() -> None:
        for index, row in waiting:
            results[index] = await _result(call(*row))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(limit, len(rows))):
                group.create_task(work())
    except BaseExceptionGroup as errors:
        raise _first(errors) from None
    return results


async def _result(pending: Awaitable[Any] | AsyncIterator[Any]) -> Any:
    if isinstance(pending, AsyncIterator):
        return [item async for item in pending]
    return await pending


def _authors_part(whole: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of the event loop, if the error is the author's."""
    part = whole
    while part is not None and part.tb_frame.f_code is not _result.__code__:
        part = part.tb_next
    return part or whole


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
