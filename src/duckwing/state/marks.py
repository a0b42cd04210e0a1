"""What makes an error of a process that died while it was changing the state of a scope.

The client repeats a call whose worker was killed, and cannot know how much of it was applied: a sum
would silently count some rows twice (seen). So a process sets a mark before such a call changes
anything and clears it after the answer has left. A mark whose process is dead stays for good, and
every later call of the scope fails: a wrong answer is worse than an error.
"""

from __future__ import annotations

import mmap
import os
import sys
import threading
import time
from pathlib import Path

from ..errors import StateError
from . import locks
from .living import ID_SIZE, process_file
from .scope import DIED, STUCK, WAIT_SECONDS

if sys.platform != "win32":
    import fcntl

SLOTS = 1024
"""How many processes can work on a scope at a time."""

_PAUSE_SECONDS = 0.01

_SIZE = SLOTS * (1 + ID_SIZE)
_NO_ID = bytes(ID_SIZE)


class FileMarks:
    """The marks of one scope, in a small file that all its processes map.

    The file has ``SLOTS`` bytes, 1 where a mark is set, and then the id of each slot's process, zeros
    for none. A process claims a slot once, under a lock of the file; from then on setting a mark is
    writing one byte, and looking for others' is finding bytes that are not 0.

    The marks of this process outlive neither its fork (a child begins without) nor its death, which
    others see by its process file (:mod:`~duckwing.state.living`). On Windows a dead process cannot be
    told from a living one, and its marks mean nothing.

    Args:
        directory: of the scope.
        processes: the folder of the process files.

    Raises:
        StateError: the file cannot be made.
    """

    def __init__(self, directory: Path, processes: Path):
        self._processes = processes
        try:
            self._id = process_file(processes).id
            self._file = os.open(directory / "marks", os.O_CREAT | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o600)
            try:
                with _FileLock(self._file):
                    if os.fstat(self._file).st_size < _SIZE:
                        # Written, not just lengthened: where the disk is full, touching a mapped hole is fatal.
                        os.write(self._file, bytes(_SIZE))
                self._map = mmap.mmap(self._file, _SIZE)
            except BaseException:
                os.close(self._file)
                raise
        except (OSError, ValueError) as error:
            raise StateError(f"cannot keep the marks of running calls in {directory}: {error}") from error
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._slot = -1
        self._calls = 0
        self._others: dict[bytes, locks.Probe] = {}

    def begin(self, *, alone: bool = False) -> FileMarks:
        """Look for marks of the dead, then set this process's own. Calls may overlap in several threads.

        Args:
            alone: wait until there is no other mark.

        Raises:
            StateError: a process died while it was changing the state, there are too many processes, or another
                mark stays.
        """
        if self._process != os.getpid():
            self._id = process_file(self._processes).id
            self._start()
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            with self._lock:
                others = self._check()
                if not (alone and others):
                    if self._slot < 0:
                        self._slot = self._claimed_slot()
                    self._map[self._slot] = 1
                    self._calls += 1
                    return self
            if time.monotonic() > deadline:
                raise StateError(STUCK)
            time.sleep(_PAUSE_SECONDS)

    def end(self) -> None:
        """Clear the mark, if no other thread has begun and not ended."""
        if self._process != os.getpid():
            return
        with self._lock:
            self._calls -= 1
            if self._calls == 0:
                self._map[self._slot] = 0

    def lose(self) -> None:
        """End the mark of a call whose answer was lost, and leave one for good: the client may have repeated it."""
        with self._lock, _FileLock(self._file):
            slot = self._free_slot()
            self._set_id(slot, os.urandom(ID_SIZE))
            self._map[slot] = 1
        self.end()

    def check(self) -> None:
        """Look for marks of the dead, before a call that changes nothing.

        Raises:
            StateError: a process died while it was changing the state.
        """
        if self._process != os.getpid():
            self._id = process_file(self._processes).id
            self._start()
        with self._lock:
            self._check()

    def close(self) -> None:
        """Give the slot back. After this the marks cannot be used."""
        with self._lock:
            for probe in self._others.values():
                probe.close()
            self._others.clear()
            if self._slot >= 0 and not self._calls and self._process == os.getpid():
                with _FileLock(self._file):
                    self._set_id(self._slot, _NO_ID)
            self._map.close()
            os.close(self._file)

    def _check(self) -> bool:
        """Whether there is a mark."""
        marks = self._map[:SLOTS]
        first = slot = marks.find(1)
        while slot >= 0:
            if slot != self._slot and self._is_dead(self._id_of(slot)):
                raise StateError(DIED)
            slot = marks.find(1, slot + 1)
        return first >= 0

    def _is_dead(self, process: bytes) -> bool:
        if process == self._id:
            return False  # another object of this process
        probe = self._others.get(process)
        if probe is None:
            probe = locks.Probe.of(self._processes / process.hex())
            if probe is None:
                return True
            self._others[process] = probe
        return not probe.is_held()

    def _claimed_slot(self) -> int:
        with _FileLock(self._file):
            slot = self._free_slot()
            self._set_id(slot, self._id)
        return slot

    def _free_slot(self) -> int:
        for slot in range(SLOTS):
            if self._id_of(slot) == _NO_ID:
                return slot
        return self._slot_of_dead()

    def _slot_of_dead(self) -> int:
        for slot in range(SLOTS):
            if not self._map[slot] and self._is_dead(self._id_of(slot)):
                return slot
        raise StateError(f"more than {SLOTS} processes work on one execution")

    def _id_of(self, slot: int) -> bytes:
        start = SLOTS + slot * ID_SIZE
        return self._map[start : start + ID_SIZE]

    def _set_id(self, slot: int, process: bytes) -> None:
        start = SLOTS + slot * ID_SIZE
        self._map[start : start + ID_SIZE] = process


class _FileLock:
    """The lock under which slots change hands.

    ``flock``, because it belongs to the descriptor: it also keeps apart two objects of one process.
    """

    def __init__(self, descriptor: int):
        self._descriptor = descriptor

    def __enter__(self) -> None:
        if sys.platform != "win32":
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        if sys.platform != "win32":
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
