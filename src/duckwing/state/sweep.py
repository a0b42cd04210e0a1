"""What removes the scopes that nobody needs any more."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from . import locks
from .layout import ALIVE, ENDED, GONE, NEW, About, delete, folders, twin_name

IDLE_SECONDS = 3600.0
"""The age at which a scope that nobody has open is removed even while its client lives."""

UNKNOWN_SECONDS = 86400.0
"""The same for an attachment of which nobody knows whether its client lives."""

COMPLETE = b"complete"
"""What says that nothing of an ended scope is wanted any more."""

GRACE_SECONDS = 60.0
"""The same where the client has ended. What looks like the client can be a launcher that ends with each call."""

COMPLETE_SECONDS = 5.0
"""The same where the client has said that nothing of the scope is wanted any more: then it may still begin again."""


def sweep_directory(path: Path, ended: Path, now: float) -> None:
    """Remove a directory of a scope, or what is left of one, if nobody needs it.

    Args:
        path: the directory.
        ended: the folder of the names of scopes that may begin again.
        now: seconds since the epoch.

    Raises:
        OSError: it cannot be told or done.
    """
    kind = path.name.partition("-")[0]
    if path.name.startswith(GONE):
        delete(path)
    elif path.name.startswith(NEW):
        if now - path.stat().st_mtime >= IDLE_SECONDS:
            delete(path)
    elif kind in ("execution", "transaction", "attachment"):
        gone = path.with_name(f"{GONE}{os.urandom(8).hex()}")
        if _has_ended(path, now):
            _retire(path, gone, ended)
            return
        with locks.unheld(path / ALIVE) as free:
            if not free or not _is_expired(path, kind, now):
                return
            # Under the lock: whoever waits to open it finds that it is gone, and nobody finds half of it.
            os.rename(path, gone)
        delete(gone)


def sweep_memory(directories: Path, memory: Path, now: float) -> None:
    """Remove the twins in ``memory`` that belong to none of ``directories``, and those of roots that are no more.

    Raises:
        OSError, ValueError, TypeError, KeyError: a directory cannot be read.
    """
    # The twins first, then the directories: a twin is never there before its directory. What cannot be
    # read ends it: a directory that is not seen would cost a living scope its twin.
    twins = folders(memory)
    wanted = set()
    for path in folders(directories) if twins else ():
        with contextlib.suppress(FileNotFoundError):
            wanted.add(twin_name(path.name, About.read(path).token))
    for path in twins:
        if path.name not in wanted:
            delete(path)
    for other in folders(memory.parent):
        with contextlib.suppress(OSError):
            of_root = os.fsdecode((other / "root").read_bytes())
            if not os.path.exists(of_root) and now - other.stat().st_mtime >= UNKNOWN_SECONDS:
                delete(other)


def _is_expired(path: Path, kind: str, now: float) -> bool:
    idle = now - os.stat(path / ALIVE, follow_symlinks=False).st_mtime
    try:
        alive = About.read(path).client.is_alive()
    except (OSError, ValueError, TypeError, KeyError):
        alive = None
    if alive is False:
        return idle >= GRACE_SECONDS
    if kind == "attachment":
        return alive is None and idle >= UNKNOWN_SECONDS
    return idle >= IDLE_SECONDS


def _has_ended(path: Path, now: float) -> bool:
    """Whether the client has said that the scope has ended, and nobody has used it since."""
    try:
        when = os.stat(path / ENDED, follow_symlinks=False).st_mtime_ns
    except FileNotFoundError:
        return False
    last = os.stat(path / ALIVE, follow_symlinks=False).st_mtime_ns
    since = now - when / 1e9
    if when < last or since < COMPLETE_SECONDS:
        return False
    return since >= GRACE_SECONDS or (path / ENDED).read_bytes() == COMPLETE


def _retire(path: Path, gone: Path, ended: Path) -> None:
    """Remove a scope that has ended, although processes may still have it open.

    One that was complete may begin again: its name is kept, so that it is not taken for one that was lost.
    Whoever opens the scope at this moment finds after setting his mark that it has gone, and opens it again
    (service/executions.py); if he came first, it is put back.
    """
    last = os.stat(path / ALIVE, follow_symlinks=False).st_mtime_ns
    if (path / ENDED).read_bytes() == COMPLETE:
        (ended / path.name).touch(mode=0o600)
    os.rename(path, gone)
    if os.stat(gone / ALIVE, follow_symlinks=False).st_mtime_ns != last:
        with contextlib.suppress(OSError):
            os.rename(gone, path)  # fails if it has begun again already, from nothing, which is right
            return
    delete(gone)


def sweep_ended(ended: Path, now: float) -> None:
    """Forget the scopes that have not begun again for a day.

    Raises:
        OSError: they cannot be listed.
    """
    with os.scandir(ended) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if now - entry.stat(follow_symlinks=False).st_mtime >= UNKNOWN_SECONDS:
                    os.unlink(entry.path)
