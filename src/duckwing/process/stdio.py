"""Serving over standard input and output, and ending well (spec 03, section 12)."""

from __future__ import annotations

import os
import sys

from ..rpc.framing import drive
from ..rpc.message import in_data
from ..rpc.server import Server
from ..transports.pipe import Interrupted, PipeStream
from .guard import ANSWERING, ASKED, IDLE, WRITING, Guard
from .guard import guard as start_guard
from .signals import SignalledStream, StopSignals, leave_in_children
from .standard import take_standard_streams


class _Input(SignalledStream):
    """Standard input and output, which tell :class:`Guard` how far an answer has come.

    Writing never waits in the middle: what was written is known at any time.
    """

    def __init__(self, read_fd: int, write_fd: int, signals: StopSignals, guard: Guard):
        super().__init__(read_fd, write_fd, signals)
        if not os.isatty(write_fd):  # which the user's shell would find so, too
            os.set_blocking(write_fd, False)
        self._guard = guard

    def _wrote(self, buffer: memoryview | None, position: int) -> None:
        self._guard.set_state(WRITING if in_data(buffer, position) else ANSWERING)


def serve_stdio(server: Server) -> None:
    """Serve the client at the other end of standard input and output until it leaves.

    A signal between calls ends the process with status 0. In the middle of a call the process
    cleans up and then dies by that very signal: leaving with status 0 would make the rows so far
    look like a complete result.

    Raises:
        KeyboardInterrupt: user code raised it. The process must not end with status 0.
    """
    requests, answers = take_standard_streams()
    if sys.platform == "win32":
        # There are no signals to wait for beside the input; Ctrl-C and the closed pipe end it.
        drive(server.session(), PipeStream(requests, answers))
        return
    guard = start_guard()
    signals = StopSignals()
    leave_in_children(lambda: (requests, answers))
    busy = False

    def idle(now: bool) -> None:
        nonlocal busy
        busy = not now
        guard.set_state(ASKED if busy else IDLE)

    try:
        drive(server.session(idle=idle), _Input(requests, answers, signals, guard))
    except (Interrupted, KeyboardInterrupt):
        if busy:
            if signals.received is None:
                raise
            os.kill(os.getpid(), signals.received)
    signals.leaving = True
    guard.dismiss()
