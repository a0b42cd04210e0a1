"""The threads in which authors' code runs.

A lane is a thread with a server of its own. All that a stream does happens in one lane, so that authors' objects that
belong to a thread (connections to databases, event loops) work as they do behind other transports; with one lane,
which is the default, authors' code need not know of threads at all.
"""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from ..rpc.call import Identity
from ..rpc.errors import ConnectionClosed
from ..rpc.framing import Core, Effect
from ..rpc.server import Server

T = TypeVar("T")


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
        self._jobs: queue.SimpleQueue[tuple[Future[Any], contextvars.Context, Callable[[Server], Any]] | None]
        self._jobs = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[Server], T]) -> Future[T]:
        """Have ``job`` done, with the server, in the caller's context."""
        future: Future[T] = Future()
        with self._lock:
            self.load += 1
        self._jobs.put((future, contextvars.copy_context(), job))
        return future

    def close(self) -> None:
        """Do no more than what waits already."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (item := self._jobs.get()) is not None:
            future, context, job = item
            if future.set_running_or_notify_cancel():
                try:
                    if self._server is None:
                        self._server = self._make_server()
                    result = context.run(job, self._server)
                except BaseException as error:  # an interrupt raised by author's code included: it is no signal here
                    future.set_exception(error)
                    del error
                else:
                    future.set_result(result)
                    del result
            with self._lock:
                self.load -= 1
            del item, future, context, job


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
