"""The workers that launchers have started and share (spec 03, section 6): finding and stopping them."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..transports.sockets import peer_process

STOP_SECONDS = 5.0
"""How long a worker may take to end after SIGTERM, before it is killed."""


@dataclass(frozen=True)
class LaunchedWorker:
    """A running worker.

    Attributes:
        id: what launchers call it, 16 hex digits.
        socket: where it listens.
        pid: the process that listens; None if this system does not tell.
        command: how it was started, as far as it is known.
        directory: where; None if that is unknown.
        started: when, in seconds since 1970; None if that is unknown.
        log: its log file; None if it has none that is known.
    """

    id: str
    socket: Path
    pid: int | None
    command: tuple[str, ...]
    directory: str | None
    started: float | None
    log: Path | None


def launched_workers(folder: Path) -> list[LaunchedWorker]:
    """The running workers of a state directory, of whatever kind, oldest first.

    Each is connected to for a moment, which starts its idle timeout anew.
    """
    found = []
    for path in folder.glob("*.sock"):
        pid = _listening(path)
        if pid is None:
            continue
        about = _description(path.with_suffix(".meta"))
        log = path.with_suffix(".log")
        found.append(
            LaunchedWorker(
                id=path.stem,
                socket=path,
                pid=pid or None,
                command=tuple(map(str, about.get("cmd") or _command_of(pid))),
                directory=about.get("cwd"),
                started=about.get("started_at"),
                log=log if log.exists() else None,
            )
        )
    return sorted(found, key=lambda worker: worker.started or 0.0)


def stop(worker: LaunchedWorker) -> bool:
    """Have a worker end, at once if it does not want to; calls that it serves fail.

    Returns:
        Whether it has ended; False if its process is not known or belongs to somebody else.
    """
    if worker.pid is None:
        return False
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(worker.pid, number)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            if _listening(worker.socket) != worker.pid:
                return True
            time.sleep(0.02)
    return False


def _listening(path: Path) -> int | None:
    """The process that listens on ``path``; 0 if this system does not tell, None if there is none."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(str(path))
        except BlockingIOError:
            return 0  # it has more clients than it can take at once
        except OSError:
            return None
        try:
            return peer_process(probe)
        except OSError:
            return 0


def _description(path: Path) -> Mapping[str, Any]:
    """What was written about a worker; nothing of it need be there, or true."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def without_launcher_flags(words: Sequence[str]) -> list[str]:
    """A command line as it was before a launcher added to it."""
    rest = list(words)
    for flag in ("--unix", "--idle-timeout"):
        if flag in rest:
            at = len(rest) - 1 - rest[::-1].index(flag)
            del rest[at : at + 2]
    return rest


def _command_of(pid: int) -> list[str]:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return []
    return without_launcher_flags(words)
