"""What makes an error of a worker's death in the middle of a call.

To DuckDB, a worker that dies between two batches looks like one that has sent its last: the end of
the pipe reads like the end of the stream, unless the exit status can be had at that very moment,
which is a matter of luck (seen with SIGKILL and ``os._exit``; spec 03, section 11). So a second
process, which does nothing else, keeps the pipe open, and writes into a dead worker's answer what
is no Arrow message. Where no answer has begun, the client itself sees what has happened: it tries the call
again with another process, and shows what the worker has said on standard error.
"""

from __future__ import annotations

import contextlib
import functools
import mmap
import os
import select
import signal
from typing import NoReturn

from ..rpc.keys import NO_MESSAGE
from .standard import take_standard_streams

IDLE, ASKED, ANSWERING, WRITING = 0, 1, 2, 3

PATIENCE_SECONDS = 2.0
"""How long a worker without client may go on by itself, and then how long its clean-up may take."""

_REPEATED = 8192
"""More than a reader asks for at once before it looks at what it has."""


class Guard:
    """The process that outlives this one; it leaves when told to, or when this one has died.

    Args:
        answers: descriptor of the pipe to the client.
        others: descriptors that it must not keep open.
    """

    def __init__(self, answers: int, *others: int):
        self._state = mmap.mmap(-1, 1)
        life, self._life = os.pipe()
        worker = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            _watch(worker, life, answers, self._state, (self._life, *others))
        os.close(life)
        # A process that user code forks must not pass for this one.
        os.register_at_fork(after_in_child=self._close)

    def set_state(self, state: int) -> None:
        """Say what would be lost if this process died now.

        Args:
            state: ``IDLE``: nothing; ``ASKED``: an answer, which the client misses by itself; ``ANSWERING``: the rest
                of one; ``WRITING``: part of a message, whose end it misses by itself, too.
        """
        self._state[0] = state

    def dismiss(self) -> None:
        """Let the other process leave, and wait until it has."""
        self.set_state(IDLE)
        self._close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def _close(self) -> None:
        if self._life >= 0:
            os.close(self._life)
            self._life = -1


@functools.cache
def guard() -> Guard:
    """The guard of this process, started by the first call: early, because it shares all memory in use then."""
    requests, answers = take_standard_streams()
    return Guard(answers, requests)


def _watch(worker: int, life: int, answers: int, state: mmap.mmap, others: tuple[int, ...]) -> NoReturn:
    """Wait for the end of the process ``worker``, which alone holds the other end of ``life``."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        for descriptor in others:
            os.close(descriptor)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        if _client_leaves_first(life, answers):
            for signal_number in (signal.SIGTERM, signal.SIGKILL):
                if _readable(life, PATIENCE_SECONDS) or os.getppid() != worker:
                    break
                os.kill(worker, signal_number)
        elif state[0] == ANSWERING:
            os.set_blocking(answers, True)
            os.write(answers, NO_MESSAGE * _REPEATED)
    finally:
        os._exit(0)


def _client_leaves_first(life: int, answers: int) -> bool:
    """Wait until the worker dies (False), or nobody reads its answers any more (True)."""
    poll = select.poll()
    poll.register(life, select.POLLIN)
    poll.register(answers, 0)  # errors are always told, and that is what a pipe without reader has
    return life not in dict(poll.poll())


def _readable(descriptor: int, seconds: float) -> bool:
    return bool(select.select([descriptor], [], [], seconds)[0])
