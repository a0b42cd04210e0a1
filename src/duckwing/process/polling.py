"""Waiting for many descriptors at once."""

from __future__ import annotations

import math
import select
import socket
import time
from collections.abc import Callable

Handler = Callable[[], None]


class Poller:
    """Calls a handler for each descriptor of which something is to be told."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._handlers: dict[int, Handler] = {}

    def watch(self, descriptor: int, handler: Handler, events: int = select.POLLIN) -> None:
        """Call ``handler`` when one of ``events`` is there, or the other side has gone."""
        self._handlers[descriptor] = handler
        self._poll.register(descriptor, events)

    def ignore(self, descriptor: int) -> None:
        """Watch a descriptor no more; before it is closed. Nothing happens if it is not watched."""
        if self._handlers.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def wait(self, until: float) -> None:
        """Call the handlers of what there is, after waiting for something until a time of the monotonic clock."""
        seconds = max(0.0, until - time.monotonic())
        for descriptor, _ in self._poll.poll(None if seconds == math.inf else math.ceil(seconds * 1000)):
            handler = self._handlers.get(descriptor)  # an earlier one may have closed it
            if handler is not None:
                handler()


def has_left(connection: socket.socket) -> bool:
    """Whether the other side has closed the connection; over TCP that is only known if it was reset."""
    poll = select.poll()
    poll.register(connection, 0)
    return bool(poll.poll(0))
