"""The processes behind a socket, as their supervisor knows them."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass, field

from .child import Control


@dataclass(eq=False)
class Line:
    """What serves one connection at a time: a process, or one of its threads.

    Attributes:
        process: of which it is.
        control: to it.
        connection: what it serves, as our duplicate; None if nothing.
        since: when it became free, or its client left.
        deserted: its client has left; how often it has been told to stop since then, plus 1.
    """

    process: Process
    control: Control
    connection: socket.socket | None = None
    since: float = field(default_factory=time.monotonic)
    deserted: int = 0


@dataclass(eq=False)
class Process:
    """A process of the worker.

    Attributes:
        pid: its id.
        generation: how often the source had changed when it was started.
        ready: it has been able to take a connection.
        lines: one, unless it serves connections in threads.
    """

    pid: int
    generation: int
    ready: bool = False
    lines: list[Line] = field(default_factory=list)

    @property
    def is_idle(self) -> bool:
        """Whether it serves nobody."""
        return all(line.connection is None for line in self.lines)


def ending(status: int) -> str:
    """How a process ended, by its wait status."""
    code = os.waitstatus_to_exitcode(status)
    return f"killed by signal {-code}" if code < 0 else f"exit status {code}"


def send_signal(pid: int, number: int) -> None:
    """Send a signal to a process that may have gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
