"""Scopes on a server, for the processes of several machines (docs/state-stores.md).

What :mod:`~duckwing.state.directory` does with files: the store, the spools, the arrays and the marks of a
scope are all in its store on the server.
"""

from __future__ import annotations

import logging
import os
import struct
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import StateError
from .lifelines import Lifeline
from .scope import NO_INDEX, scope_name
from .stored_marks import StoredMarks

if TYPE_CHECKING:
    import numpy as np

    from .backend import Backend
    from .scope import Kind
    from .store import Store
    from .stored_arrays import StoredArrays

MAX_OPEN = 64
"""How many scopes a process keeps open."""

GRACE_SECONDS = 60.0
"""How long a scope that has ended stays for those who use it again."""

IDLE_SECONDS = 86400.0
"""Age at which scopes are removed that nobody uses."""

SWEEP_SECONDS = 3600.0
"""How often each process looks for such."""

_SPOOL, _SPOOLED = "_vgi/spool", "_vgi/spooled"
_KEPT = "_vgi/kept"
_ENDED: tuple[Kind, bytes] = ("attachment", b"_vgi/ended")
"""The scope in which those stand that may begin again, and since when."""

_ITEM = struct.Struct("<q16s")


class StoredScopes:
    """See :class:`~duckwing.state.scope.Scopes`.

    Args:
        backend: keeps them.
    """

    def __init__(self, backend: Backend):
        self._backend = backend
        self._lifeline = Lifeline(backend, self._clean_up)
        self._lock = threading.Lock()
        self._open: OrderedDict[str, StoredScope] = OrderedDict()
        self._ending: deque[_Ending] = deque()
        self._swept = time.monotonic()

    def create(self, kind: Kind, scope: bytes) -> StoredScope:
        """See :class:`~duckwing.state.scope.Scopes`."""
        return self._keep_open(kind, scope, self._backend.create(kind, scope))

    def open(self, kind: Kind, scope: bytes) -> StoredScope | None:
        """See :class:`~duckwing.state.scope.Scopes`."""
        name = scope_name(kind, scope)
        with self._lock:
            known = self._open.get(name)
            if known is not None:
                self._open.move_to_end(name)
        if known is not None and known.is_there():
            return known
        self._forget(name)
        if not self._backend.exists(kind, scope):
            return None
        try:
            return self._keep_open(kind, scope, self._backend.store(kind, scope))
        except StateError:
            if self._backend.exists(kind, scope):
                raise
            return None  # removed between the two

    def open_or_create(self, kind: Kind, scope: bytes) -> StoredScope:
        """See :class:`~duckwing.state.scope.Scopes`."""
        while True:
            found = self.open(kind, scope)
            if found is not None:
                return found
            try:
                # What is made anew must not be taken for one that may begin again, once it is lost.
                self._may_no_longer_begin_again(kind, scope)
                return self.create(kind, scope)
            except StateError:
                if not self._backend.exists(kind, scope):
                    raise

    def remove(self, kind: Kind, scope: bytes) -> None:
        """See :class:`~duckwing.state.scope.Scopes`."""
        self._forget(scope_name(kind, scope))
        self._backend.remove(kind, scope)

    def may_begin_again(self, kind: Kind, scope: bytes) -> bool:
        """See :class:`~duckwing.state.scope.Scopes`."""
        ended = self.open(*_ENDED)
        return ended is not None and ended.store.get("", scope_name(kind, scope).encode()) is not None

    def end_scope(self, scope: StoredScope, *, complete: bool) -> None:
        """See :meth:`StoredScope.end`."""
        token = os.urandom(8)
        scope.marks.end_scope(token)
        if complete:
            name = scope_name(scope.kind, scope.id).encode()
            self.open_or_create(*_ENDED).store.put("", name, b"%d" % time.time())
        self._lifeline.id()  # whose thread removes it
        self._ending.append(_Ending(time.monotonic() + GRACE_SECONDS, scope, token))

    def changed(self, scope: StoredScope) -> None:
        """A scope that had ended has begun again: should it be lost now, that is an error."""
        self._may_no_longer_begin_again(scope.kind, scope.id)

    def close(self) -> None:
        """Leave the server."""
        self._lifeline.close()
        self._backend.close()

    def _keep_open(self, kind: Kind, id_: bytes, store: Store) -> StoredScope:
        name = scope_name(kind, id_)
        with self._lock:
            scope = self._open[name] = StoredScope(self, kind, id_, store, self._lifeline)
            if len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)
        return scope

    def _forget(self, name: str) -> None:
        with self._lock:
            known = self._open.pop(name, None)
        if known is not None:
            known.forget()

    def _may_no_longer_begin_again(self, kind: Kind, scope: bytes) -> None:
        if kind == "execution":
            ended = self.open(*_ENDED)
            if ended is not None:
                ended.store.delete("", [scope_name(kind, scope).encode()])

    def _clean_up(self) -> None:
        """Remove what has ended a while ago, and now and then what nobody has used for long."""
        now = time.monotonic()
        while self._ending and self._ending[0].due < now:
            _, scope, token = self._ending.popleft()
            try:
                if scope.marks.has_ended(token):
                    self.remove(scope.kind, scope.id)
            except StateError:
                logging.getLogger(__name__).debug("a scope was not removed", exc_info=True)
        if now - self._swept > SWEEP_SECONDS:
            self._swept = now
            self._backend.sweep(IDLE_SECONDS)
            ended = self.open(*_ENDED)
            if ended is not None:
                old = time.time() - IDLE_SECONDS
                ended.store.delete("", [name for name, since in ended.store.scan("") if int(since) < old])


class _Ending(NamedTuple):
    due: float
    scope: StoredScope
    token: bytes


class StoredScope:
    """See :class:`~duckwing.state.scope.Scope`.

    Args:
        scopes: has it open.
        kind: of it.
        id: its name.
        store: its store.
        lifeline: of this process.
    """

    def __init__(self, scopes: StoredScopes, kind: Kind, id: bytes, store: Store, lifeline: Lifeline):
        self.kind = kind
        self.id = id
        self.store = store
        self.marks = StoredMarks(store, lifeline, lambda: scopes.changed(self))
        self._scopes = scopes
        self._current = True

    def spool(self) -> StoredSpool:
        """See :class:`~duckwing.state.scope.Scope`."""
        return StoredSpool(self.store)

    def spooled(self) -> Sequence[StoredEntry]:
        """See :class:`~duckwing.state.scope.Scope`."""
        found = [(*_ITEM.unpack(item), id_) for id_, item in self.store.log_scan(_SPOOL, b"")]
        found.sort(key=lambda item: (item[0], item[2]))
        return [StoredEntry(self.store, key) for _, key, _ in found]

    def arrays(self, fields: Mapping[str, np.dtype[Any]]) -> StoredArrays:
        """See :class:`~duckwing.state.scope.Scope`."""
        from .stored_arrays import StoredArrays

        return StoredArrays(self.store, fields)

    def keep(self, name: str, data: bytes) -> None:
        """See :class:`~duckwing.state.scope.Scope`."""
        self.store.put(_KEPT, name.encode(), data)

    def kept(self, name: str) -> bytes | None:
        """See :class:`~duckwing.state.scope.Scope`."""
        return self.store.get(_KEPT, name.encode())

    def drop(self, name: str) -> None:
        """See :class:`~duckwing.state.scope.Scope`."""
        self.store.delete(_KEPT, [name.encode()])

    def is_current(self) -> bool:
        """See :class:`~duckwing.state.scope.Scope`."""
        return self._current

    def is_there(self) -> bool:
        """Whether it is still on the server.

        Raises:
            StateError: it cannot be told.
        """
        try:
            self.store.counter_get("", b"")
        except StateError:
            self._current = False
        return self._current

    def forget(self) -> None:
        """It is not :meth:`is_current` any more."""
        self._current = False

    def end(self, *, complete: bool) -> None:
        """See :class:`~duckwing.state.scope.Scope`."""
        self._scopes.end_scope(self, complete=complete)


class StoredSpool:
    """See :class:`~duckwing.state.scope.Spool`."""

    def __init__(self, store: Store):
        self._store = store

    def append(self, item: bytes | memoryview, index: int = NO_INDEX) -> None:
        """See :class:`~duckwing.state.scope.Spool`."""
        key = os.urandom(16)
        self._store.put(_SPOOLED, key, bytes(item))
        self._store.append(_SPOOL, b"", _ITEM.pack(index, key))

    def close(self) -> None:
        """Nothing is open."""


class StoredEntry:
    """See :class:`~duckwing.state.scope.Entry`."""

    def __init__(self, store: Store, key: bytes):
        self._store = store
        self._key = key

    def read(self) -> bytes:
        """See :class:`~duckwing.state.scope.Entry`."""
        data = self._store.get(_SPOOLED, self._key)
        if data is None:
            raise StateError("kept input is not complete; run the query again")
        return data
