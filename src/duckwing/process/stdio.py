"""Serving over standard input and output, and ending well (spec 03, section 12)."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from ..rpc.errors import ConnectionClosed
from ..rpc.framing import Buffer, drive
from ..rpc.server import Server
from ..transports.pipe import Interrupted, PipeStream
from .guard import IDLE, WORKING, WRITING, Guard
from .guard import guard as start_guard
from .standard import take_standard_streams

LAST_WORK_SECONDS = 1.5
"""How long the process may work on what had arrived when a signal came; the client kills it after 2 s."""

if sys.platform != "win32":
    _STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Terminated(KeyboardInterrupt):
    """A signal asked the process to end while it was working on a call."""


class StopSignals:
    """Turns SIGTERM, SIGINT and SIGHUP into an orderly end.

    While the process waits for input, a signal makes :attr:`wakeup_fd` readable, and what has
    already arrived (a cancel, say) is still read. While it works, :class:`Terminated` is raised in
    the middle of user code, like Ctrl-C. A second signal of the same kind kills.

    Attributes:
        wakeup_fd: readable once a signal came, which may be one that user code handles itself.
        waiting: whether the process waits for input.
        answering: whether an answer goes out, or has gone out and what belongs to it is not done yet. A client
            that closes its pipes with SIGTERM has its answer; interrupted now, the process would look as if it had died
            before.
        leaving: whether the client has gone. It sends SIGTERM right after it has closed the pipes,
            which must not interrupt the clean-up that their end has begun.
        received: the signal that came, None so far.
    """

    def __init__(self) -> None:
        self.waiting = False
        self.answering = False
        self.leaving = False
        self.received: int | None = None
        self.wakeup_fd, write_fd = os.pipe()
        os.set_blocking(write_fd, False)
        signal.set_wakeup_fd(write_fd, warn_on_full_buffer=False)
        for number in _STOP_SIGNALS:
            signal.signal(number, self._handle)

    def limit_work(self) -> None:
        """Interrupt what the process does if it is not done soon: a signal came just before."""
        signal.signal(signal.SIGALRM, self._interrupt)
        signal.setitimer(signal.ITIMER_REAL, LAST_WORK_SECONDS)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        signal.signal(number, signal.SIG_DFL)  # a second one need not wait for anything
        self._interrupt(number, frame)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.waiting or self.leaving:
            return
        if self.answering and number != signal.SIGALRM:
            self.limit_work()  # a client that does not read must not hold the process
            return
        raise Terminated(number)


class _Input(PipeStream):
    """A pipe that tells :class:`StopSignals` when it waits, and :class:`Guard` when it writes."""

    def __init__(self, read_fd: int, write_fd: int, signals: StopSignals, guard: Guard):
        super().__init__(read_fd, write_fd, interrupt_fd=signals.wakeup_fd)
        self._signals = signals
        self._guard = guard

    def write(self, buffers: Sequence[Buffer]) -> None:
        self._guard.set_state(WRITING)
        self._signals.answering = True
        try:
            super().write(buffers)
        except ConnectionClosed:
            self._signals.leaving = True
            raise
        self._guard.set_state(WORKING)

    def _receive(self, size: int) -> bytes:
        self._signals.waiting = True
        self._signals.answering = False
        try:
            data = self._wait(size)
        finally:
            self._signals.waiting = False
        self._signals.leaving = not data
        if self._signals.received is not None:
            self._signals.limit_work()
        return data

    def _wait(self, size: int) -> bytes:
        while True:
            try:
                return super()._receive(size)
            except Interrupted:
                if self._signals.received is not None:
                    raise
                # A signal that is user code's own affair: its timer, the end of its child.
                os.read(self._signals.wakeup_fd, 4096)


def serve_stdio(server: Server) -> None:
    """Serve the client at the other end of standard input and output until it leaves.

    A signal between calls ends the process with status 0. In the middle of a call the process
    cleans up and then dies by that very signal: leaving with status 0 would make the rows so far
    look like a complete result.

    Raises:
        KeyboardInterrupt: user code raised it. The process must not end with status 0.
    """
    requests, answers = take_standard_streams()
    gc.freeze()  # what was imported stays; the collector need not look at it again
    gc.enable()
    if sys.platform == "win32":
        # There are no signals to wait for beside the input; Ctrl-C and the closed pipe end it.
        drive(server.session(), PipeStream(requests, answers))
        return
    guard = start_guard()
    signals = StopSignals()
    # A signal to a child that is not yet its own would be forgotten: it has to wait.
    os.register_at_fork(
        before=lambda: _mask(signal.SIG_BLOCK),
        after_in_parent=lambda: _mask(signal.SIG_UNBLOCK),
        after_in_child=lambda: _leave(requests, answers),
    )
    busy = False

    def idle(now: bool) -> None:
        nonlocal busy
        busy = not now
        guard.set_state(WORKING if busy else IDLE)

    try:
        drive(server.session(idle=idle), _Input(requests, answers, signals, guard))
    except (Interrupted, KeyboardInterrupt):
        if busy:
            if signals.received is None:
                raise
            os.kill(os.getpid(), signals.received)
    signals.leaving = True
    guard.dismiss()


def _leave(*descriptors: int) -> None:
    """In a process that user code has forked: it is no worker.

    It must not hold the client's pipes open after the worker's death, and a signal that it receives
    must not reach the worker through the descriptor that both would share.
    """
    signal.set_wakeup_fd(-1)
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    for descriptor in descriptors:
        os.close(descriptor)
    _mask(signal.SIG_UNBLOCK)


def _mask(how: int) -> None:
    signal.pthread_sigmask(how, _STOP_SIGNALS)
