"""How the processes of several machines know of each other's death: by leases, which the living renew.

Whoever wants to know waits for it, at most until the lease of a dead process has run out.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import StateError

if TYPE_CHECKING:
    from .backend import Backend, Lease

LEASE_SECONDS = 15.0
"""After its last sign of life a process counts as dead."""

RENEW_SECONDS = 3.0

KNOWN_SECONDS = 1.0
"""For so long a process is taken to live after its lease was seen."""


class Lifeline:
    """The lease of this process, and what it knows of others'. Usable from any thread.

    A process whose lease has run out is dead for others, whatever it thinks: it gets a new id, and what it did
    under the old one counts as lost.

    Args:
        backend: where the leases are.
        work: done now and then by the thread that renews; its errors are logged.
    """

    def __init__(self, backend: Backend, work: Callable[[], None]):
        self._backend = backend
        self._work = work
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._lease: Lease | None = None
        self._id = b""
        self._renewed = 0.0
        self._seen: dict[bytes, float] = {}
        self._thread: threading.Thread | None = None

    def id(self) -> bytes:
        """16 bytes that name this process, which lives as far as others can see.

        Raises:
            StateError: the server does not answer.
        """
        if self._process != os.getpid():
            self._start()
        with self._lock:
            if self._lease is None or time.monotonic() - self._renewed > LEASE_SECONDS / 2:
                self._renew()
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep, name="duckwing-lease", daemon=True)
                self._thread.start()
            return self._id

    def is_alive(self, process: bytes) -> bool:
        """Whether a process lives, as of a moment ago.

        Raises:
            StateError: the server does not answer.
        """
        if process == self._id and self._process == os.getpid():
            return True
        now = time.monotonic()
        seen = self._seen.get(process)
        if seen is not None and now - seen < KNOWN_SECONDS:
            return True
        if self._backend.holder(_name(process)) is None:
            self._seen.pop(process, None)
            return False
        if len(self._seen) > 1000:
            self._seen.clear()
        self._seen[process] = now
        return True

    def close(self) -> None:
        """Let others know at once that this process has ended. Nothing may be marked by it any more."""
        with self._lock:
            lease, self._lease = self._lease, None
        if lease is not None and self._process == os.getpid():
            try:
                lease.release()
            except StateError:
                logging.getLogger(__name__).debug("a lease was not released; it runs out by itself", exc_info=True)

    def _renew(self) -> None:
        """Renew the lease, or take one under another id. The lock is held."""
        now = time.monotonic()
        if self._lease is None or not self._lease.renew():
            self._id = os.urandom(16)
            self._lease = self._backend.lease(_name(self._id), LEASE_SECONDS)
        self._renewed = now

    def _keep(self) -> None:
        told = False
        while self._process == os.getpid():
            time.sleep(RENEW_SECONDS)
            with self._lock:
                if self._lease is None:
                    self._thread = None
                    return
                try:
                    self._renew()
                    told = False
                except StateError as error:
                    if not told:
                        logging.getLogger(__name__).warning("the lease of this process was not renewed: %s", error)
                    told = True
                    continue
            try:
                self._work()
            except Exception:
                logging.getLogger(__name__).warning("cleaning up shared state failed", exc_info=True)


def _name(process: bytes) -> str:
    return f"process {process.hex()}"
