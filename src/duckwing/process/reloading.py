"""Looking for changes of an author's source files."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

LOOK_SECONDS = 0.5
MAX_FILES = 5000

_SKIPPED = frozenset(("__pycache__", "node_modules", "site-packages"))


def changes_below(folder: str) -> Callable[[], bool]:
    """A function that says whether a Python file in ``folder`` or below has changed since it was last called.

    Folders whose name begins with a dot, and those of installed packages, are left out; of large trees only the
    first ``MAX_FILES`` files are watched.
    """
    last, looked = _versions(folder), time.monotonic()

    def changed() -> bool:
        nonlocal last, looked
        if time.monotonic() < looked + LOOK_SECONDS * 0.9:
            return False
        before, last, looked = last, _versions(folder), time.monotonic()
        return last != before

    return changed


def _versions(folder: str) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for path, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        for name in files:
            if name.endswith(".py"):
                file = os.path.join(path, name)
                try:
                    about = os.stat(file)
                except OSError:
                    continue  # just being replaced; the next look finds it
                found[file] = (about.st_mtime_ns, about.st_size)
        if len(found) >= MAX_FILES:
            break
    return found
