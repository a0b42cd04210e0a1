"""The threads in which authors' code runs.

A lane is a thread with a server of its own. All that a stream does happens in one lane, so that authors' objects that
belong to a thread (connections to databases, event loops) work as they do behind other transports; with one lane,
which is the default, authors' code need not know of threads at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, NamedTuple, TypeVar

from ..rpc.call import Identity
from ..rpc.errors import ConnectionClosed
from ..rpc.framing import Core, Effect
from ..rpc.server import Server

T = TypeVar("T")


class _Job(NamedTuple):
    """Something to do.

    Attributes:
        begins: told before it is done; False if nobody waits for it any more.
        work: what to do.
        context: the caller's, in which it is done.
        ended: told what came of it: a result, or an error.
    """

    begins: Callable[[], bool]
    work: Callable[[Server], Any]
    context: contextvars.Context
    ended: Callable[[Any, BaseException | None], None]


class Lane:
    """A thread that does one thing after the other.

    Args:
        make_server: makes the server; called in the thread, by the first call.
        name: of the thread.

    Attributes:
        load: how many things wait or are being done.
    """

    def __init__(self, make_server: Callable[[], Server], name: str):
        self.load = 0
        self._make_server = make_server
        self._server: Server | None = None
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[Server], T]) -> Future[T]:
        """Have ``job`` done, with the server, in the caller's context."""
        future: Future[T] = Future()
        self._put(future.set_running_or_notify_cancel, job, partial(_settle, future))
        return future

    async def run(self, job: Callable[[Server], T]) -> T:
        """As :meth:`submit`, from an event loop: cheaper than waiting for a future of another thread."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def ended(result: Any, error: BaseException | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(_settle, future, result, error)

        self._put(lambda: not future.cancelled(), job, ended)
        return await future

    def close(self) -> None:
        """Do no more than what waits already."""
        self._jobs.put(None)

    def _put(
        self, begins: Callable[[], bool], job: Callable[[Server], T], ended: Callable[[Any, BaseException | None], None]
    ) -> None:
        with self._lock:
            self.load += 1
        self._jobs.put(_Job(begins, job, contextvars.copy_context(), ended))

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job.begins():
                try:
                    if self._server is None:
                        self._server = self._make_server()
                    result = job.context.run(job.work, self._server)
                except BaseException as error:  # an interrupt raised by author's code included: it is no signal here
                    job.ended(None, error)
                    del error
                else:
                    job.ended(result, None)
                    del result
            with self._lock:
                self.load -= 1
            del job


def _settle(future: Future[T] | asyncio.Future[T], result: T, error: BaseException | None) -> None:
    """Tell a future what came of its job."""
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, StopIteration) and isinstance(future, asyncio.Future):
        future.set_exception(RuntimeError(f"a call was ended by {error!r}"))  # it would end the coroutine that waits
    else:
        future.set_exception(error)


def session_in(lane: Lane, caller: Identity) -> Core[None]:
    """The core of a connection whose calls are answered in a lane."""
    core = lane.submit(lambda server: server.session(caller=caller)).result()
    try:
        effect = lane.submit(lambda server: next(core)).result()
        while True:
            try:
                data = yield effect
            except ConnectionClosed as error:
                effect = lane.submit(partial(_throw, core, error)).result()
            else:
                effect = lane.submit(partial(_send, core, data)).result()
    except StopIteration:
        return
    finally:
        lane.submit(lambda server: core.close()).result()


def _send(core: Core[None], data: bytes, server: Server) -> Effect:
    return core.send(data)


def _throw(core: Core[None], error: ConnectionClosed, server: Server) -> Effect:
    return core.throw(error)


class Lanes:
    """All lanes of a process.

    Args:
        make_server: makes the server of one of them.
        count: how many there are.
    """

    def __init__(self, make_server: Callable[[], Server], count: int):
        self._lanes = [Lane(make_server, f"duckwing-lane-{number}") for number in range(count)]

    def free(self) -> Lane:
        """The lane that has least to do."""
        return min(self._lanes, key=lambda lane: lane.load)

    @property
    def load(self) -> int:
        """How many things wait or are being done in all of them."""
        return sum(lane.load for lane in self._lanes)

    def close(self) -> None:
        """Do no more than what waits already."""
        for lane in self._lanes:
            lane.close()
