"""What a worker leaves behind: state on disk, processes, descriptors."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from .session import Session, attach_statement, location
from .transports import TRANSPORT

DEADLINE = 30.0
"""Seconds in which what ends has to be gone."""


@dataclass(frozen=True)
class Watched:
    """A session whose worker keeps its state in a folder of its own.

    Attributes:
        session: with the worker attached.
        folder: of the state.
    """

    session: Session
    folder: Path

    def scopes(self) -> list[str]:
        """The executions, transactions and attachments of which something is there."""
        scopes = self.folder / "state" / "scopes"
        return sorted(os.listdir(scopes)) if scopes.exists() else []

    def memory(self) -> list[str]:
        """The same in memory."""
        return sorted(str(path) for path in (self.folder / "memory").glob("*/*-*"))

    def processes(self) -> list[int]:
        """The processes of the worker."""
        return [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if self._is_ours(pid)]

    def end(self) -> None:
        """End them; the next call of the session starts others.

        Raises:
            AssertionError: they do not end.
        """
        if TRANSPORT == "stdio":
            self.session.execute("CALL vgi_worker_pool_flush()")
        else:
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
        assert wait_until(lambda: self.processes() == []), "the worker's processes do not end"

    def descriptors(self) -> dict[int, int]:
        """How many files each process of the worker has open."""
        found = {}
        for pid in self.processes():
            try:
                found[pid] = len(os.listdir(f"/proc/{pid}/fd"))
            except OSError:
                continue
        return found

    def _is_ours(self, pid: int) -> bool:
        try:
            return f"DUCKWING_STATE_DIR={self.folder}".encode() in Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False


@contextmanager
def watched(open_session: Callable[..., Session], worker: str, folder: Path, **options: object) -> Iterator[Watched]:
    """Attach ``worker`` in a database of its own, which is closed in the end."""
    if TRANSPORT in ("unix", "tcp", "http", "fleet", "machines"):
        pytest.skip("nobody starts a worker again that has ended")
    session = open_session(**options)
    folder.mkdir(exist_ok=True)
    environment = f"DUCKWING_STATE_DIR={folder}/state DUCKWING_MEMORY_DIR={folder}/memory"
    where = location(worker, environment=environment)
    session.execute(attach_statement(where, worker, worker, session.options))
    try:
        yield Watched(session, folder)
    finally:
        session.close()


def wait_until(condition: Callable[[], bool]) -> bool:
    """Whether ``condition`` comes true in time."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


no_proc = sys.platform != "linux"
"""There is no /proc to look at processes in."""
