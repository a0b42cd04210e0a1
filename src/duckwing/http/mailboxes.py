"""Processes of other machines: what only one of them can go on with is handed to it through the server of shared state.

A process that has such streams has a mailbox, a scope of its own on that server: others push requests
into its queue and wait for the answer. It holds a lease as long as it looks there, so that others learn of its death.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING

from ..errors import StateError
from ..state.lifelines import LEASE_SECONDS, RENEW_SECONDS
from .answers import Answer
from .siblings import PATIENCE_SECONDS, Ask, about_answer, about_request, answered, read_request

if TYPE_CHECKING:
    from ..rpc.call import Identity
    from ..state.backend import Backend
    from ..state.store import Store
    from .calls import Route

SHORTEST_PAUSE, LONGEST_PAUSE = 0.002, 0.025
"""Seconds between two looks, more the longer nothing was there."""

_ANSWERS = "answers"
_FRAME = struct.Struct("<16sI")


class Mailbox:
    """This process's mailbox, and its way to others'.

    Args:
        backend: where the mailboxes are.
        me: 16 bytes that name this process.
        answer: answers what others hand over.
        is_needed: whether there are streams that others may ask for.
    """

    def __init__(self, backend: Backend, me: bytes, answer: Ask, is_needed: Callable[[], bool]):
        self._backend = backend
        self._me = me
        self._answer = answer
        self._is_needed = is_needed
        self._lock = threading.Lock()
        self._found: Future[None] | None = None
        self._closed = False

    async def look(self) -> None:
        """Look into the mailbox from now on, as long as it is needed. Others find it when this returns.

        Raises:
            StateError: it cannot be made.
        """
        with self._lock:
            found = self._found
            if found is None:
                found = self._found = Future()
                arguments = (asyncio.get_running_loop(), found)
                threading.Thread(target=self._run, args=arguments, name="duckwing-mailbox", daemon=True).start()
        await asyncio.wrap_future(found)

    def close(self) -> None:
        """Look no more."""
        self._closed = True

    async def ask(self, owner: bytes, route: Route, body: bytes, caller: Identity, limit: int) -> Answer | None:
        """What another process answers; None if it is not there, or dies meanwhile.

        Raises:
            StateError: the server does not answer.
        """
        head = about_request(route, caller, limit)
        found = await asyncio.to_thread(self._exchange, owner, head, body)
        return None if found is None else answered(*found)

    def _exchange(self, owner: bytes, head: bytes, body: bytes) -> tuple[bytes, bytes] | None:
        if self._backend.holder(_name(owner)) is None:
            return None
        try:
            store = self._backend.store("attachment", _scope(owner))
        except StateError:
            if self._backend.exists("attachment", _scope(owner)):
                raise
            return None
        request = os.urandom(16)
        store.push([_FRAME.pack(request, len(head)) + head + body])
        pause, end, look = SHORTEST_PAUSE, time.monotonic() + PATIENCE_SECONDS, time.monotonic() + RENEW_SECONDS
        while (found := store.get(_ANSWERS, request)) is None:
            now = time.monotonic()
            if now > end or (now > look and self._backend.holder(_name(owner)) is None):
                return None
            look = now + RENEW_SECONDS if now > look else look
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)
        store.delete(_ANSWERS, [request])
        return _split(found)

    def _run(self, loop: asyncio.AbstractEventLoop, found: Future[None]) -> None:
        try:
            while self._look_until_idle(loop, found):
                pass
        except Exception as error:
            with self._lock:
                self._found = None
            if not found.done():
                found.set_exception(error)
                return
            logging.getLogger(__name__).exception("the mailbox of this process cannot be read")

    def _look_until_idle(self, loop: asyncio.AbstractEventLoop, found: Future[None]) -> bool:
        """Whether it goes on: another stream has come at the last moment."""
        lease = self._backend.lease(_name(self._me), LEASE_SECONDS)
        if lease is None:
            raise StateError("the name of this process is taken")
        store = self._backend.create("attachment", _scope(self._me))
        if not found.done():
            found.set_result(None)
        try:
            renewed, pause = time.monotonic(), SHORTEST_PAUSE
            while self._is_needed() and not self._closed:
                if time.monotonic() - renewed > RENEW_SECONDS:
                    renewed = time.monotonic()
                    if not lease.renew():
                        return True  # others take this process for dead: what they asked is answered to nobody
                item = store.pop()
                if item is None:
                    time.sleep(pause)
                    pause = min(pause * 1.5, LONGEST_PAUSE)
                else:
                    pause = SHORTEST_PAUSE
                    asyncio.run_coroutine_threadsafe(self._reply(store, item), loop)
        finally:
            with contextlib.suppress(StateError):
                lease.release()
                self._backend.remove("attachment", _scope(self._me))
        with self._lock:
            if self._is_needed() and not self._closed:
                return True
            self._found = None
            return False

    async def _reply(self, store: Store, item: bytes) -> None:
        request, size = _FRAME.unpack_from(item)
        route, caller, limit = read_request(item[_FRAME.size : _FRAME.size + size])
        answer = await self._answer(route, item[_FRAME.size + size :], caller, limit)
        about, body = about_answer(answer)
        frame = _FRAME.pack(request, len(about)) + about + body
        try:
            await asyncio.to_thread(store.put, _ANSWERS, request, frame)
        except StateError:
            logging.getLogger(__name__).warning("an answer could not be handed over", exc_info=True)


def _split(frame: bytes) -> tuple[bytes, bytes]:
    _, size = _FRAME.unpack_from(frame)
    return frame[_FRAME.size : _FRAME.size + size], frame[_FRAME.size + size :]


def _scope(process: bytes) -> bytes:
    return b"_vgi/mailbox " + process


def _name(process: bytes) -> str:
    return f"mailbox {process.hex()}"
