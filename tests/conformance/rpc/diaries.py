"""What streams have written down of themselves."""

from __future__ import annotations

import time

from .declared import DIARY, Diary
from .wires import Wire

PATIENCE = 30.0
"""Seconds after which something that takes a moment has failed."""


def diary(wire: Wire, name: str) -> list[str]:
    """The diary of a stream whose end the client has seen: it was cleaned up before that."""
    found = wire.client.call(DIARY, Diary(name))
    if wire.by_request:  # a process that goes on with a stream of another one opens it again
        return [entry for number, entry in enumerate(found) if number == 0 or entry != "opened"]
    return found


def awaited_diary(wire: Wire, name: str) -> list[str]:
    """The diary of a stream that the client has left, once it is closed."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = diary(wire, name)
        if len(found) > 1 or time.monotonic() > deadline:
            return found
        time.sleep(0.01)
