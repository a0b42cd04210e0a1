"""Batches kept on disk in the order in which they come, by several processes at once, each in a file of its own."""

from __future__ import annotations

import os
import struct
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import StateError
from .scope import NO_INDEX

_HEADER = struct.Struct("<qqq")
_SUFFIX: Final = ".spool"


class FileSpool:
    """What a process appends. Usable from several threads.

    An item is on its way to the disk when :meth:`append` returns: the operating system has it, also
    if this process is killed. It keeps in memory what there is room for.

    Args:
        directory: of the scope.
    """

    def __init__(self, directory: Path):
        self._lock = threading.Lock()
        self._size = 0
        path = directory / f"{os.urandom(8).hex()}{_SUFFIX}"
        self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._close = weakref.finalize(self, os.close, self._file)

    def append(self, item: bytes | memoryview, index: int = NO_INDEX) -> None:
        """Keep an item.

        Args:
            item: its bytes.
            index: its place among all items, for :func:`read_spools`.

        Raises:
            StateError: there is no room.
        """
        whole = left = memoryview(_HEADER.pack(len(item), index, time.monotonic_ns()) + item)
        with self._lock:
            try:
                while left:
                    left = left[os.write(self._file, left) :]
                self._size += len(whole)
            except OSError as error:
                # Half an item would make garbage of what follows it.
                os.truncate(self._file, self._size)
                raise StateError(
                    f"cannot keep {len(item):,} bytes of input on disk ({error.strerror}); free some space, or set "
                    "DUCKWING_STATE_DIR to a directory on a larger file system"
                ) from None

    def close(self) -> None:
        """Close the file, which happens in any case when nobody uses this any more; what was appended stays."""
        self._close()


@dataclass(frozen=True, order=True)
class FileEntry:
    """Where an item is.

    Attributes:
        index: its place among all items, ``NO_INDEX`` if they have none.
        came: when it was kept, by the clock of the machine that all processes read.
        path: the file.
        offset: where in the file its bytes begin.
        size: how many they are.
    """

    index: int
    came: int
    path: Path
    offset: int
    size: int

    def read(self) -> bytes:
        """The bytes.

        Raises:
            StateError: they are not there any more.
        """
        try:
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                data = file.read(self.size)
        except OSError as error:
            raise StateError(f"kept input cannot be read ({error.strerror}); run the query again") from None
        if len(data) != self.size:
            raise StateError("kept input is not complete; run the query again")
        return data


def read_spools(directory: Path) -> Sequence[FileEntry]:
    """Where all items of all processes are: by index, and those of one index as they came.

    Every process gets the same answer once nobody appends any more.

    Raises:
        StateError: they cannot be read.
    """
    entries: list[FileEntry] = []
    try:
        for path in sorted(directory.glob(f"*{_SUFFIX}")):
            with open(path, "rb") as file:
                offset = 0
                while header := file.read(_HEADER.size):
                    size, index, came = _HEADER.unpack(header)
                    offset += _HEADER.size
                    entries.append(FileEntry(index, came, path, offset, size))
                    offset += size
                    file.seek(offset)
    except (OSError, struct.error) as error:
        raise StateError(f"kept input cannot be read ({error}); run the query again") from None
    entries.sort()
    return entries
