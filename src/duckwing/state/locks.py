"""Files that processes hold to show that they live.

A hold is a POSIX record lock, which the kernel drops with the process, however it ends. Unlike
``flock`` it is not inherited by forked children, so a child that user code made does not keep a
dead parent looking alive. Its two oddities are dealt with here, and nothing else opens such files:

- A process loses its lock when it closes *any* descriptor of the file. So all holds of a file by one
  process share one lock, found by the file's inode, and further descriptors are closed only
  together with the first.
- A process never sees its own lock. So the same table tells what is held here.

The table is one for the whole process, because the locks are.

Windows has no such locks: there nothing is ever held, and files are told by their age alone.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)

_Inode = tuple[int, int]


class _Held:
    """The holds of this process: for each inode how many, and the descriptors, of which the first has the lock."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.lock = threading.Lock()
        self.descriptors: dict[_Inode, list[int]] = {}
        self._counts: dict[_Inode, int] = {}

    def add(self, inode: _Inode, descriptor: int) -> bool:
        """Count one more hold; whether there was one before."""
        self.descriptors.setdefault(inode, []).append(descriptor)
        self._counts[inode] = self._counts.get(inode, 0) + 1
        return self._counts[inode] > 1

    def keep(self, descriptor: int) -> bool:
        """Whether its file is held here; then ``descriptor`` is closed when it no longer is."""
        ours = self.descriptors.get(_inode(os.fstat(descriptor)))
        if ours is not None:
            ours.append(descriptor)
        return ours is not None

    def remove(self, inode: _Inode) -> None:
        """Count one hold less, and close what the last one leaves."""
        self._counts[inode] -= 1
        if self._counts[inode] == 0:
            del self._counts[inode]
            for descriptor in self.descriptors.pop(inode):
                os.close(descriptor)

    def let_go(self, inode: _Inode) -> None:
        with self.lock:
            self.remove(inode)


_held = _Held()


def _here() -> _Held:
    """The holds of this process: none in a forked child, whatever its parent has."""
    global _held
    if _held.process != os.getpid():
        inherited, _held = _held, _Held()
        for descriptors in inherited.descriptors.values():
            for descriptor in descriptors:
                os.close(descriptor)
    return _held


class Hold:
    """This process's hold of a file, until :meth:`release` or the end of the process."""

    def __init__(self, inode: _Inode):
        self._inode = inode
        self._process = os.getpid()

    def is_of(self, path: Path) -> bool:
        """Whether this process holds the file that is at ``path`` now; never in a forked child."""
        if self._process != os.getpid():
            return False
        try:
            return _inode(os.stat(path, follow_symlinks=False)) == self._inode
        except OSError:
            return False

    def release(self) -> None:
        """Let go. A forked child has nothing to let go of."""
        held = _here()
        if self._process == held.process:
            held.let_go(self._inode)
        self._process = -1


def hold(path: Path, *, alone: bool = False) -> Hold:
    """Hold the file at ``path``, which must exist; waits for a process that is just removing it.

    Args:
        path: no symbolic link.
        alone: no other process can hold it at the same time.

    Raises:
        FileNotFoundError: there is no such file, or it was removed while this waited.
        OSError: it cannot be opened or locked.
    """
    if sys.platform == "win32":
        return Hold(_inode(os.stat(path)))
    held = _here()
    with held.lock:
        descriptor = os.open(path, _FLAGS)
        inode = _inode(os.fstat(descriptor))
        if not held.add(inode, descriptor):
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            except BaseException:
                held.remove(inode)
                raise
    result = Hold(inode)
    if not result.is_of(path):
        result.release()
        raise FileNotFoundError(f"{path} was removed")
    return result


@contextlib.contextmanager
def unheld(path: Path) -> Iterator[bool]:
    """Whether no process holds the file at ``path``, this one included.

    If so, nobody can get a hold of it until the block ends, which must not ask for one itself.

    Raises:
        OSError: the file cannot be opened.
    """
    if sys.platform == "win32":
        yield True
        return
    held = _here()
    with held.lock:
        descriptor = os.open(path, _FLAGS)
        if held.keep(descriptor):
            yield False
            return
        try:
            yield _lock_now(descriptor, alone=True)
        finally:
            os.close(descriptor)


class Probe:
    """Asks again and again whether another process holds a file alone."""

    def __init__(self, descriptor: int | None):
        self._descriptor = descriptor
        self._process = os.getpid()

    @classmethod
    def of(cls, path: Path) -> Probe | None:
        """A probe of the file at ``path``; None if there is none."""
        held = _here()
        with held.lock:
            try:
                descriptor = os.open(path, _FLAGS)
            except FileNotFoundError:
                return None
            return cls(None if held.keep(descriptor) else descriptor)

    def is_held(self) -> bool:
        """Whether the file is held alone by a process; always true on Windows, where nobody can tell."""
        if self._descriptor is None or sys.platform == "win32":
            return True
        if not _lock_now(self._descriptor, alone=False):
            return True
        # Two who ask at the same time do not see each other: both locks are shared.
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN)
        return False

    def close(self) -> None:
        """Ask no more."""
        if self._descriptor is not None and self._process == os.getpid():
            os.close(self._descriptor)
        self._descriptor = None


def _lock_now(descriptor: int, *, alone: bool) -> bool:
    if sys.platform == "win32":
        return True
    try:
        fcntl.lockf(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # POSIX allows either
        return False
    return True


def _inode(status: os.stat_result) -> _Inode:
    return status.st_dev, status.st_ino
