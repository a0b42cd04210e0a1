"""Where state is kept: one folder of the user on disk, and one in memory."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from ..errors import StateError

_SHARED_MEMORY = Path("/dev/shm")


def state_root() -> Path:
    """The folder of everything that is kept on disk; made if need be, for this user alone.

    It is ``$DUCKWING_STATE_DIR``, else ``duckwing`` in ``$XDG_STATE_HOME``, else in the user's folder
    for state. It has to be on a local file system.

    Raises:
        StateError: it cannot be made, belongs to somebody else, or others may write to it.
    """
    chosen = os.environ.get("DUCKWING_STATE_DIR")
    return private_folder(Path(chosen) if chosen else _user_folder())


def memory_root() -> Path:
    """The folder of the files that are only ever mapped, in memory where the system has such a place.

    It is ``$DUCKWING_MEMORY_DIR``, else one in ``/dev/shm``, else ``memory`` in :func:`state_root`.

    Raises:
        StateError: as :func:`state_root`; also if it is a symbolic link, because anybody may make one in ``/dev/shm``.
    """
    chosen = os.environ.get("DUCKWING_MEMORY_DIR")
    if chosen:
        return private_folder(Path(chosen), follow=False)
    if sys.platform != "win32" and os.access(_SHARED_MEMORY, os.W_OK | os.X_OK):
        return private_folder(_SHARED_MEMORY / f"duckwing-{os.geteuid()}", follow=False)
    return private_folder(state_root() / "memory", follow=False)


def private_folder(path: Path, *, follow: bool = True) -> Path:
    """``path``, made with mode 0700 if it is not there.

    Args:
        path: an absolute path, or one from the current folder.
        follow: whether ``path`` may be a symbolic link to a folder.

    Raises:
        StateError: it cannot be made, is no folder, belongs to somebody else, or others may write to it.
    """
    path = Path(os.path.abspath(path))
    try:
        try:
            status = os.stat(path, follow_symlinks=follow)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir(mode=0o700, exist_ok=True)
            status = os.stat(path, follow_symlinks=follow)
    except OSError as error:
        raise StateError(f"cannot keep state in {path}: {error.strerror}; set DUCKWING_STATE_DIR") from error
    if not stat.S_ISDIR(status.st_mode):
        raise StateError(f"cannot keep state in {path}: it is no folder")
    if sys.platform != "win32":
        if status.st_uid != os.geteuid():
            raise StateError(f"will not keep state in {path}: it belongs to another user")
        if status.st_mode & 0o022:
            raise StateError(f"will not keep state in {path}: others may write to it; run: chmod go-w {path}")
    return path


def _user_folder() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else _home() / "AppData" / "Local") / "duckwing"
    given = os.environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(given):  # what is not absolute is to be ignored, the XDG specification says
        return Path(given) / "duckwing"
    if sys.platform == "darwin":
        return _home() / "Library" / "Application Support" / "duckwing"
    return _home() / ".local" / "state" / "duckwing"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise StateError("cannot keep state: this user has no home folder; set DUCKWING_STATE_DIR") from error
