"""Serving over standard input and output, and ending well (spec 03, section 12)."""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import FrameType

from ..rpc.framing import drive
from ..rpc.server import Server
from ..transports.pipe import Interrupted, PipeStream
from .standard import take_standard_streams


class Terminated(KeyboardInterrupt):
    """A signal asked the process to end while it was working on a call."""


class StopSignals:
    """Turns SIGTERM, SIGINT and SIGHUP into an orderly end.

    While the process waits for input, a signal makes :attr:`wakeup_fd` readable, and what has
    already arrived (a cancel, say) is still read. While it works, :class:`Terminated` is raised in
    the middle of user code, like Ctrl-C.

    Attributes:
        wakeup_fd: readable once a signal came.
        waiting: whether the process waits for input.
        received: the signal that came, None so far.
    """

    def __init__(self) -> None:
        self.waiting = False
        self.received: int | None = None
        self.wakeup_fd, write_fd = os.pipe()
        os.set_blocking(write_fd, False)
        signal.set_wakeup_fd(write_fd, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        signal.signal(number, signal.SIG_DFL)  # a second one need not wait for anything
        if not self.waiting:
            raise Terminated(number)


class _Input(PipeStream):
    """A pipe that tells :class:`StopSignals` when it waits."""

    def __init__(self, read_fd: int, write_fd: int, signals: StopSignals):
        super().__init__(read_fd, write_fd, interrupt_fd=signals.wakeup_fd)
        self._signals = signals

    def _receive(self, size: int) -> bytes:
        self._signals.waiting = True
        try:
            return super()._receive(size)
        finally:
            self._signals.waiting = False


def serve_stdio(server: Server) -> None:
    """Serve the client at the other end of standard input and output until it leaves.

    A signal between calls ends the process with status 0. In the middle of a call the process
    cleans up and then dies by that very signal: leaving with status 0 would make the rows so far
    look like a complete result.
    """
    requests, answers = take_standard_streams()
    gc.freeze()  # what was imported stays; the collector need not look at it again
    gc.enable()
    if sys.platform == "win32":
        # There are no signals to wait for beside the input; Ctrl-C and the closed pipe end it.
        drive(server.session(), PipeStream(requests, answers))
        return
    signals = StopSignals()
    busy = False

    def idle(now: bool) -> None:
        nonlocal busy
        busy = not now

    try:
        drive(server.session(idle=idle), _Input(requests, answers, signals))
    except (Interrupted, KeyboardInterrupt):
        if busy and signals.received is not None:
            os.kill(os.getpid(), signals.received)
