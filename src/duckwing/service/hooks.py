"""What an author wants done when a process begins and ends to work."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Hooks:
    """The hooks of a worker, each called once in a process, however many threads it has.

    Attributes:
        on_start: called before the first function.
        on_stop: called when a process ends in which the former were called, the last one first.
    """

    def __init__(self) -> None:
        self.on_start: list[Callable[[], object]] = []
        self.on_stop: list[Callable[[], object]] = []
        self._lock = threading.Lock()
        self._started = False

    def start(self) -> None:
        """Prepare the process for its first function; later calls do nothing.

        Raises:
            Exception: whatever a hook raises. The next call tries again.
        """
        if self._started:
            return
        with self._lock:
            if not self._started:
                for hook in self.on_start:
                    hook()
                self._started = True

    def stop(self) -> None:
        """The process ends."""
        if self._started:
            self._started = False
            for hook in reversed(self.on_stop):
                hook()
