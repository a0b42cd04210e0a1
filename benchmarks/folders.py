"""Where workers keep state during a benchmark: temporary folders, on the file systems that they would use anyway."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SHARED_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Folders:
    """The folders of all workers that are started now.

    Attributes:
        state: what is kept on disk.
        memory: what is only ever mapped.
    """

    state: Path
    memory: Path

    def mapped(self) -> int:
        """Bytes that the files in :attr:`memory` occupy at the moment."""
        total = 0
        for folder, _, names in os.walk(self.memory):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    total += os.stat(os.path.join(folder, name)).st_blocks * 512
        return total


@contextlib.contextmanager
def temporary_folders() -> Iterator[Folders]:
    """Folders for the workers that start inside the ``with`` block; close the engine before its end."""
    shared = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK | os.X_OK) else None
    with (
        tempfile.TemporaryDirectory(prefix="duckwing-bench-", ignore_cleanup_errors=True) as state,
        tempfile.TemporaryDirectory(prefix="duckwing-bench-", dir=shared, ignore_cleanup_errors=True) as memory,
    ):
        chosen = {"DUCKWING_STATE_DIR": state, "DUCKWING_MEMORY_DIR": memory}
        before = {name: os.environ.get(name) for name in chosen}
        os.environ.update(chosen)
        try:
            yield Folders(Path(state), Path(memory))
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def file_system(path: str | Path) -> str:
    """The type of the file system that ``path`` is on, such as ``ext4``; Linux only, elsewhere ``"a file system"``."""
    place = os.path.realpath(path)
    found = ("", "a file system")
    with contextlib.suppress(OSError):
        for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
            _, mounted, kind, *_ = line.split()
            if os.path.commonpath([place, mounted]) == mounted and len(mounted) >= len(found[0]):
                found = (mounted, kind)
    return found[1]
