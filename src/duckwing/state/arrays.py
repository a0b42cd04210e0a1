"""Numbers by group id in memory that all processes of a machine map: an array per field.

A group id is an index. The arrays are files of a scope's memory directory; they grow with
``posix_fallocate``, so that a full file system is an error and not a crash, and never shrink. Two
processes may change different elements at once; nobody changes one element at the same time
(spec 05, section 11.2).
"""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import StateError

if TYPE_CHECKING:
    import numpy as np

    from .scope import Ids

_STEP = 1 << 16
"""Bytes: files grow in multiples of it."""

_PRESENT = "present"


class MappedArrays:
    """Arrays of one length, as long as the largest group id so far needs.

    Args:
        directory: where their files are; it exists.
        fields: the type of each array's elements by name. New elements are zero.

    Attributes:
        present: a byte for each group, one once it has a value.
    """

    def __init__(self, directory: Path, fields: Mapping[str, np.dtype[Any]]):
        import numpy as np

        self._directory = directory
        self._types = {_PRESENT: np.dtype(np.uint8), **{f"field-{name}": dtype for name, dtype in fields.items()}}
        self._arrays: dict[str, np.ndarray[Any, Any]] = {}
        self.length = 0

    def __getitem__(self, field: str) -> np.ndarray[Any, Any]:
        """The array of a field; valid until the next :meth:`reserve`."""
        return self._arrays[f"field-{field}"]

    @property
    def present(self) -> np.ndarray[Any, Any]:
        """The byte of each group."""
        return self._arrays[_PRESENT]

    def reserve(self, length: int) -> None:
        """Make the arrays at least ``length`` long.

        Raises:
            StateError: there is no room.
        """
        if length <= self.length:
            return
        wanted = length + length // 4
        self._map({name: _rounded(wanted * dtype.itemsize) for name, dtype in self._types.items()})

    def refresh(self, length: int) -> int:
        """Take in what other processes have reserved, if ``length`` elements are not mapped here.

        Returns:
            How many of ``length`` elements there are: those behind them nobody has ever changed.
        """
        if length > self.length:
            self._map({})
        return min(length, self.length)

    def load(self, ids: Ids) -> None:
        """All processes see the same memory."""

    def save(self, ids: Ids) -> None:
        """All processes see the same memory."""

    def has(self, state: int) -> bool:
        """Whether the byte of any group is ``state``."""
        known = self.refresh(sys.maxsize)
        return bool(known and (self.present[:known] == state).any())

    def mark(self, name: str) -> None:
        """Leave a name for all processes."""
        os.close(os.open(self._directory / f"mark-{name}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))

    def marks(self) -> Iterable[str]:
        """The names that were left."""
        return [name.removeprefix("mark-") for name in os.listdir(self._directory) if name.startswith("mark-")]

    def close(self) -> None:
        """Unmap everything."""
        self._arrays.clear()
        self.length = 0

    def _map(self, sizes: Mapping[str, int]) -> None:
        lengths = []
        for name, dtype in self._types.items():
            known = self._arrays.get(name)
            memory = self._mapped(name, sizes.get(name, 0), 0 if known is None else known.nbytes)
            if memory is not None:
                import numpy as np

                known = self._arrays[name] = np.frombuffer(memory, dtype, count=len(memory) // dtype.itemsize)
            lengths.append(0 if known is None else len(known))
        self.length = min(lengths)

    def _mapped(self, name: str, wanted: int, known: int) -> mmap.mmap | None:
        """The file, made at least ``wanted`` bytes long; None if it is no longer than ``known`` bytes, rounded."""
        path = self._directory / name
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as error:
            raise StateError(f"cannot open {path}: {error.strerror}; run the query again") from error
        try:
            size = os.fstat(file).st_size
            if size < wanted:
                _allocate(file, wanted)
                size = wanted
            return mmap.mmap(file, size) if size > _rounded(known) else None
        except OSError as error:
            raise StateError(
                f"there is no room for {max(wanted, known):,} bytes of state in shared memory ({error.strerror}); free "
                "some, or set DUCKWING_MEMORY_DIR to a directory on a larger file system"
            ) from None
        finally:
            os.close(file)


def _allocate(file: int, size: int) -> None:
    """Lengthen a file by bytes that are really there: a mapped page without any is fatal when it is touched."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
        return
    # Written one block after another, so that a process that does the same never shortens it.
    end = os.lseek(file, 0, os.SEEK_END)
    while end < size:
        end += os.pwrite(file, bytes(min(_STEP, size - end)), end)


def _rounded(size: int) -> int:
    return -(-size // _STEP) * _STEP
