"""The directories of scopes: made, found, removed, and swept when nobody needs them any more."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import threading
import time
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import StateError
from . import locks
from .layout import ALIVE, ENDED, GONE, NEW, About, delete, folders, twin_name
from .living import Client, client, sweep_processes
from .marks import FileMarks
from .places import memory_root, private_folder, state_root
from .scope import scope_name
from .sweep import COMPLETE, sweep_directory, sweep_ended, sweep_memory

if TYPE_CHECKING:
    import numpy as np

    from .arrays import MappedArrays
    from .scope import Kind
    from .spool import FileEntry, FileSpool
    from .sqlite import SqliteStore
    from .store import Store

MAX_OPEN = 64
"""How many scopes a process keeps open although nobody uses them at the moment."""

SWEEP_EVERY = 10.0
"""Seconds after which a new scope sweeps again: what queries leave must not grow as long as there are queries."""

SWEEP_SECONDS = 0.2
"""How long a sweep may take that is done on the side of a new scope."""

SWEEP_REST = 1.0
"""Seconds after which one sweeps again that had to leave a rest."""

_KEPT = "kept-"


class _Parts:
    """What an open scope uses of the system; closed after the last user of the scope has dropped it."""

    def __init__(self, hold: locks.Hold):
        self.hold = hold
        self.store: SqliteStore | None = None
        self.marks: FileMarks | None = None

    def close(self) -> None:
        if self.store is not None:
            self.store.close()
        if self.marks is not None:
            self.marks.close()
            self.marks = None
        self.hold.release()


class ScopeDirectory:
    """The directory of one scope, open in this process. As long as it is, no sweep removes it.

    It closes by itself when nobody refers to it any more; so keep it as long as its store or marks are used.

    Attributes:
        path: the directory, of mode 0700.
    """

    def __init__(self, scopes: ScopeDirectories, path: Path, token: str, hold: locks.Hold):
        self.path = path
        self._scopes = scopes
        self._token = token
        self._parts = _Parts(hold)
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._memory: Path | None = None

    @property
    def memory(self) -> Path:
        """The twin of :attr:`path` in memory, made by the first call that asks for it.

        Raises:
            StateError: it cannot be made.
        """
        if self._memory is None:
            self._memory = private_folder(self._scopes.memory / twin_name(self.path.name, self._token), follow=False)
        return self._memory

    @property
    def store(self) -> Store:
        """What the processes share as keys and values."""
        parts = self._usable()
        if parts.store is None:
            with self._lock:
                if parts.store is None:
                    from .sqlite import SqliteStore

                    parts.store = SqliteStore(self.path / "store.db")
        return parts.store

    @property
    def marks(self) -> FileMarks:
        """The marks of processes that are changing what is here.

        Raises:
            StateError: they cannot be kept.
        """
        parts = self._usable()
        marks = parts.marks
        if marks is None:
            with self._lock:
                marks = parts.marks
                if marks is None:
                    marks = parts.marks = FileMarks(self.path, self._scopes.processes)
        return marks

    def spool(self) -> FileSpool:
        """See :class:`~duckwing.state.scope.Scope`."""
        from .spool import FileSpool

        return FileSpool(self.path)

    def spooled(self) -> Sequence[FileEntry]:
        """See :class:`~duckwing.state.scope.Scope`."""
        from .spool import read_spools

        return read_spools(self.path)

    def arrays(self, fields: Mapping[str, np.dtype[Any]]) -> MappedArrays:
        """See :class:`~duckwing.state.scope.Scope`."""
        from .arrays import MappedArrays

        return MappedArrays(self.memory, fields)

    def keep(self, name: str, data: bytes) -> None:
        """See :class:`~duckwing.state.scope.Scope`."""
        path = self.path / f"{_KEPT}{name}"
        temporary = path.with_suffix(f".{os.urandom(4).hex()}")
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise StateError(f"{len(data):,} bytes cannot be kept ({error.strerror}); free some space") from None

    def kept(self, name: str) -> bytes | None:
        """See :class:`~duckwing.state.scope.Scope`."""
        try:
            return (self.path / f"{_KEPT}{name}").read_bytes()
        except OSError:
            return None

    def drop(self, name: str) -> None:
        """See :class:`~duckwing.state.scope.Scope`."""
        (self.path / f"{_KEPT}{name}").unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the directory and its twin, for every process. Nothing happens if that was done already."""
        self._usable()
        self._scopes.remove_directory(self)

    def close(self) -> None:
        """Give back what this process holds of it. It must not be used any more; what is stored stays."""
        self._scopes.forget(self)
        if self._process != os.getpid():
            return
        self.touch()
        self._parts.close()

    def end(self, *, complete: bool) -> None:
        """Say that the client needs it no more. It is removed when nobody has used it for a while.

        Args:
            complete: nothing of what is here is wanted any more, so it may also begin again from nothing.
        """
        with contextlib.suppress(OSError):
            (self.path / ENDED).write_bytes(COMPLETE if complete else b"")

    def is_current(self) -> bool:
        """Whether this process holds it, and it is still there."""
        return self._parts.hold.is_of(self.path / ALIVE)

    def touch(self) -> None:
        """Say that it is in use now."""
        with contextlib.suppress(OSError):
            os.utime(self.path / ALIVE)

    def _usable(self) -> _Parts:
        if self._process != os.getpid():
            raise StateError(f"{self.path} was opened by the parent of this forked process; open it again")
        return self._parts


class ScopeDirectories:
    """All scopes under one root, which several processes may use at once. Usable from any thread.

    Args:
        root: the folder of the state on disk, by default :func:`~duckwing.state.places.state_root`.
        client: says for whom a new scope is; when that process has ended, so has the scope.

    Attributes:
        processes: the folder of the files by which processes are known to live.
        memory: the folder of the scopes' twins in memory.

    Raises:
        StateError: nothing can be kept there.
    """

    def __init__(self, root: Path | None = None, client: Callable[[], Client] = client):
        self._client = client
        self._root = private_folder(state_root() if root is None else root)
        self._directories = private_folder(self._root / "scopes", follow=False)
        self.processes = private_folder(self._root / "processes", follow=False)
        self._ended = private_folder(self._root / "ended", follow=False)
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._open: weakref.WeakValueDictionary[str, ScopeDirectory] = weakref.WeakValueDictionary()
        self._recent: OrderedDict[str, ScopeDirectory] = OrderedDict()
        self._dropped: deque[_Parts] = deque()
        self._next_sweep = 0.0

    @property
    def memory(self) -> Path:
        """The folder of the twins, one for each root, which stands in its file ``root``.

        Raises:
            StateError: it cannot be made.
        """
        # Another root's twins would look like orphans.
        root = os.path.realpath(self._root)
        folder = private_folder(memory_root() / hashlib.sha256(os.fsencode(root)).hexdigest()[:16], follow=False)
        with contextlib.suppress(OSError):
            if not (folder / "root").exists():
                (folder / "root").write_bytes(os.fsencode(root))
        return folder

    def create(self, kind: Kind, scope: bytes) -> ScopeDirectory:
        """Make the directory of a scope. The first call of a process sweeps.

        Raises:
            StateError: it exists, or cannot be made.
        """
        created = self._create(scope_name(kind, scope))
        if created is None:
            raise StateError(f"the {kind} {scope.hex()} exists already")
        return created

    def open(self, kind: Kind, scope: bytes) -> ScopeDirectory | None:
        """The directory of a scope, None if there is none (any more).

        Raises:
            StateError: it cannot be read.
        """
        return self._opened(scope_name(kind, scope))

    def open_or_create(self, kind: Kind, scope: bytes) -> ScopeDirectory:
        """The directory of a scope, made if need be.

        Raises:
            StateError: it can be neither read nor made.
        """
        name = scope_name(kind, scope)
        while True:
            found = self._opened(name) or self._create(name)
            if found is not None:
                return found

    def remove(self, kind: Kind, scope: bytes) -> None:
        """Remove the directory of a scope and its twin, for every process; nothing if there is none.

        Raises:
            StateError: it cannot be removed.
        """
        found = self.open(kind, scope)
        if found is not None:
            self.remove_directory(found)

    def remove_directory(self, directory: ScopeDirectory) -> None:
        """See :meth:`ScopeDirectory.remove`."""
        if not directory.is_current():
            directory.close()
            return
        gone = self._directories / f"{GONE}{os.urandom(8).hex()}"
        twin = twin_name(directory.path.name, directory._token)
        directory.close()
        try:
            os.rename(directory.path, gone)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StateError(f"cannot remove {directory.path}: {error.strerror}") from error
        delete(gone)
        delete(self.memory / twin)

    def may_begin_again(self, kind: Kind, scope: bytes) -> bool:
        """Whether a scope that is not there has ended with nothing left to do, rather than been lost."""
        return (self._ended / scope_name(kind, scope)).exists()

    def forget(self, directory: ScopeDirectory) -> None:
        """Give ``directory`` to nobody else."""
        self._settle()
        with self._lock:
            name = directory.path.name
            if self._open.get(name) is directory:
                del self._open[name]
                self._recent.pop(name, None)

    def sweep(self, now: float | None = None, *, seconds: float | None = None) -> bool:
        """Remove what nobody needs: directories, twins without a directory, files of dead processes.

        A directory goes if no living process has it open, and its client has ended (and
        ``GRACE_SECONDS`` have passed) or it was opened last ``IDLE_SECONDS`` ago. An attachment stays
        while its client lives. One of which the client has said that it has ended goes soon. Never raises.

        Args:
            now: seconds since the epoch, by default the clock's.
            seconds: leave the rest to the next sweep after so long.

        Returns:
            Whether there is no rest.
        """
        self._settle()
        now = time.time() if now is None else now
        end = None if seconds is None else time.monotonic() + seconds
        with contextlib.suppress(OSError):
            for path in folders(self._directories):
                if end is not None and time.monotonic() > end:
                    return False
                with contextlib.suppress(OSError):
                    sweep_directory(path, self._ended, now)
        with contextlib.suppress(OSError):
            sweep_ended(self._ended, now)
        with contextlib.suppress(OSError):
            sweep_processes(self.processes)
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, StateError):
            sweep_memory(self._directories, self.memory, now)
        return True

    def _settle(self) -> None:
        """Close what was dropped. A destructor cannot: it may run in the middle of anything, under any lock."""
        if self._process != os.getpid():
            self._start()
        while self._dropped:
            with contextlib.suppress(IndexError):
                self._dropped.popleft().close()

    def _opened(self, name: str) -> ScopeDirectory | None:
        self._settle()
        with self._lock:
            found = self._open.get(name)
            if found is None or not found.is_current():
                path = self._directories / name
                try:
                    hold = locks.hold(path / ALIVE)
                except (FileNotFoundError, NotADirectoryError):
                    return None
                except OSError as error:
                    raise StateError(f"cannot open {path}: {error.strerror}") from error
                damage: Exception | None = None
                try:
                    about = About.read(path)
                except (OSError, ValueError, TypeError, KeyError) as error:
                    damage = error
                if not hold.is_of(path / ALIVE):  # removed meanwhile; what was read may be a new one's
                    hold.release()
                    return None
                if damage is not None:
                    hold.release()
                    raise StateError(f"{path} is damaged: {damage}") from damage
                found = self._held(path, about.token, hold)
            self._keep_open(found)
        found.touch()
        return found

    def _create(self, name: str) -> ScopeDirectory | None:
        """A new directory, None if there is one."""
        self._settle()
        new = self._directories / f"{NEW}{os.urandom(8).hex()}"
        about = About(os.urandom(8).hex(), self._client())
        try:
            new.mkdir(mode=0o700)
            about.write(new)
            (new / ALIVE).touch(mode=0o600)
            hold = locks.hold(new / ALIVE)
        except OSError as error:
            delete(new)
            raise StateError(f"cannot keep state in {self._directories}: {error.strerror}") from error
        with self._lock:
            try:
                os.rename(new, self._directories / name)
            except OSError as error:
                hold.release()
                delete(new)
                if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
                    return None
                raise StateError(f"cannot keep state in {self._directories}: {error.strerror}") from error
            created = self._held(self._directories / name, about.token, hold)
            self._keep_open(created)
            now = time.monotonic()
            sweeps = now >= self._next_sweep
            if sweeps:
                self._next_sweep = now + SWEEP_EVERY
        if sweeps and not self.sweep(seconds=SWEEP_SECONDS):
            self._next_sweep = time.monotonic() + SWEEP_REST
        return created

    def _held(self, path: Path, token: str, hold: locks.Hold) -> ScopeDirectory:
        directory = ScopeDirectory(self, path, token, hold)
        self._open[path.name] = directory
        weakref.finalize(directory, self._dropped.append, directory._parts).atexit = False
        return directory

    def _keep_open(self, directory: ScopeDirectory) -> None:
        """Refer to ``directory``, and no longer to that which was asked for longest ago."""
        self._recent[directory.path.name] = directory
        self._recent.move_to_end(directory.path.name)
        if len(self._recent) > MAX_OPEN:
            self._recent.popitem(last=False)
