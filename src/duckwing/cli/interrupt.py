"""Ctrl-C that reaches a running query.

DuckDB runs a query in C++, where Python's signal handlers cannot run; so the
query gets a thread, and the main thread stays free to hear the signal.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from types import FrameType
from typing import TypeVar

T = TypeVar("T")

_AGAIN = 0.2
"""Seconds after which a call that goes on is interrupted again: DuckDB forgets an interrupt when a query begins."""


class Interruptible:
    """Runs calls of the main thread, one at a time; Ctrl-C ends the one that runs through ``interrupt``."""

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self._interrupt = interrupt
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sql")
        self._interrupted = False

    def call(self, work: Callable[[], T]) -> T:
        """The result of ``work``.

        Raises:
            KeyboardInterrupt: Ctrl-C came; ``work`` has ended.
            Exception: whatever ``work`` raises.
        """
        self._interrupted = False
        with self._listening():
            future = self._thread.submit(work)
            while wait([future], _AGAIN).not_done:
                if self._interrupted:
                    self._interrupt()
        if self._interrupted:
            raise KeyboardInterrupt
        return future.result()

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Take the signal without an exception, which could hit anywhere and leave the query running."""
        before = signal.getsignal(signal.SIGINT)
        if before is not signal.default_int_handler:  # ignored, as under nohup, or somebody else's
            yield
            return
        signal.signal(signal.SIGINT, self._hear)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._interrupted = True
        self._interrupt()
