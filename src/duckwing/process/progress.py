"""How far a process has come with a connection, so that its supervisor knows what its death has cost."""

from __future__ import annotations

import mmap
import os
import sys
import tempfile

UNTOUCHED, WORKING, ANSWERING, INSIDE = range(4)
"""Nothing of the connection has been read; a call has been read and nothing of its answer written; some messages
of that have; part of the data of a batch has."""


class Progress:
    """One byte in memory, which one process writes and its supervisor reads.

    Args:
        descriptor: of the memory; it is made if this is None.

    Attributes:
        descriptor: another process attaches to it by this.
    """

    def __init__(self, descriptor: int | None = None):
        if descriptor is None:
            descriptor = _memory()
            os.ftruncate(descriptor, 1)
        self.descriptor = descriptor
        self._byte = mmap.mmap(descriptor, 1)

    @property
    def state(self) -> int:
        """One of the states above."""
        return self._byte[0]

    @state.setter
    def state(self, state: int) -> None:
        self._byte[0] = state

    def close(self) -> None:
        """Use it no more."""
        self._byte.close()
        os.close(self.descriptor)


def _memory() -> int:
    if sys.platform != "linux":
        descriptor, path = tempfile.mkstemp()
        os.unlink(path)
        return descriptor
    return os.memfd_create("duckwing", os.MFD_CLOEXEC)
