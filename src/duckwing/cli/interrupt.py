"""Ctrl-C that reaches a running query.

DuckDB runs a query in C++, where Python's signal handlers cannot run; so the
query gets a thread, and the main thread stays free to hear the signal.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Interruptible:
    """Runs calls one at a time; Ctrl-C ends the one that runs through `interrupt`."""

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self._interrupt = interrupt
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sql")

    def call(self, work: Callable[[], T]) -> T:
        """The result of `work`.

        :raises KeyboardInterrupt: when Ctrl-C came, after `work` has ended.
        """
        future = self._thread.submit(work)
        interrupted = False
        while True:
            try:
                result = future.result()
            except KeyboardInterrupt:
                self._interrupt()
                interrupted = True
            except Exception:
                if interrupted:
                    raise KeyboardInterrupt from None
                raise
            else:
                if interrupted:
                    raise KeyboardInterrupt
                return result
