"""Signals that ask a worker's process to end, without tearing an answer apart (spec 03, section 12)."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from types import FrameType

from ..rpc.errors import ConnectionClosed
from ..rpc.framing import Buffer
from ..transports.pipe import Interrupted, PipeStream

LAST_WORK_SECONDS = 1.5
"""How long the process may work on what had arrived when a signal came; the client kills it after 2 s."""

if sys.platform != "win32":
    STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


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
        for number in STOP_SIGNALS:
            signal.signal(number, self._handle)

    def limit_work(self) -> None:
        """Interrupt what the process does if it is not done soon: a signal came just before."""
        signal.signal(signal.SIGALRM, self._interrupt)
        signal.setitimer(signal.ITIMER_REAL, LAST_WORK_SECONDS)

    def stop_soon(self, number: int) -> None:
        """As if the signal ``number`` had come, but what is being worked on has a little time."""
        self.received = number
        if not self.waiting:
            self.limit_work()

    def clear_wakeup(self) -> None:
        """Take note of a signal that was not for us: user code's timer, the end of its child.

        Raises:
            Interrupted: it was.
        """
        if self.received is not None:
            raise Interrupted
        os.read(self.wakeup_fd, 4096)

    def wait_for(self, descriptor: int) -> None:
        """Wait, between calls, until ``descriptor`` is readable.

        Raises:
            Interrupted: a signal asked the process to end.
        """
        self.waiting, self.answering, self.leaving = True, False, False
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.register(self.wakeup_fd, select.POLLIN)
            while self.wakeup_fd in dict(poll.poll()):
                self.clear_wakeup()
        finally:
            self.waiting = False

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


class SignalledStream(PipeStream):
    """A connection that tells :class:`StopSignals` what it does, and stops waiting when they come."""

    def __init__(self, read_fd: int, write_fd: int, signals: StopSignals):
        super().__init__(read_fd, write_fd, interrupt_fd=signals.wakeup_fd)
        self._signals = signals

    def write(self, buffers: Sequence[Buffer]) -> None:
        self._signals.answering = True
        try:
            super().write(buffers)
        except ConnectionClosed:
            self._signals.leaving = True
            raise

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
                self._signals.clear_wakeup()


def leave_in_children(descriptors: Callable[[], Iterable[int]]) -> None:
    """See to it that processes that user code forks are no workers.

    They must not hold the client's connection open after the worker's death, and a signal that one receives
    must not reach the worker through the descriptor that both would share.

    Args:
        descriptors: those that are then to be closed in them.
    """
    # A signal to a child that is not yet its own would be forgotten: it has to wait.
    os.register_at_fork(
        before=lambda: _mask(signal.SIG_BLOCK),
        after_in_parent=lambda: _mask(signal.SIG_UNBLOCK),
        after_in_child=lambda: _leave(descriptors()),
    )


def _leave(descriptors: Iterable[int]) -> None:
    signal.set_wakeup_fd(-1)
    for number in STOP_SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    for descriptor in descriptors:
        os.close(descriptor)
    _mask(signal.SIG_UNBLOCK)


def _mask(how: int) -> None:
    signal.pthread_sigmask(how, STOP_SIGNALS)
