"""Numbers by group id in memory that all processes of a machine map: an array per field.

A group id is an index. The arrays are files of a scope's memory directory; they grow with
``posix_fallocate``, so that a full file system is an error and not a crash, and never shrink. Two
processes may change different elements at once; nobody changes one element at the same time
(spec 05, section 11.2).
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import StateError

if TYPE_CHECKING:
    import numpy as np

_STEP = 1 << 16
"""Bytes: files grow in multiples of it."""

_PRESENT = "present"


class SharedArrays:
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
        self._files: dict[str, int] = {}
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
        files, self._files = self._files, {}
        for file in files.values():
            os.close(file)

    def _map(self, sizes: Mapping[str, int]) -> None:
        import numpy as np

        lengths = []
        for name, dtype in self._types.items():
            file = self._file(name)
            size = os.fstat(file).st_size
            if sizes.get(name, 0) > size:
                size = sizes[name]
                _allocate(file, size)
            lengths.append(size // dtype.itemsize)
            known = self._arrays.get(name)
            if size and (known is None or known.nbytes < size // dtype.itemsize * dtype.itemsize):
                memory = mmap.mmap(file, size)
                self._arrays[name] = np.frombuffer(memory, dtype, count=size // dtype.itemsize)
        self.length = min(lengths)

    def _file(self, name: str) -> int:
        file = self._files.get(name)
        if file is None:
            path = self._directory / name
            file = self._files[name] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return file


def _allocate(file: int, size: int) -> None:
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file, 0, size)
        elif os.fstat(file).st_size < size:
            os.ftruncate(file, size)
    except OSError as error:
        raise StateError(
            f"there is no room for {size:,} bytes of state in shared memory ({error.strerror}); free some, or set "
            "DUCKWING_MEMORY_DIR to a directory on a larger file system"
        ) from None


def _rounded(size: int) -> int:
    return -(-size // _STEP) * _STEP
