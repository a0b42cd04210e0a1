"""What the calls of one execution, transaction or attachment leave for each other, wherever it is kept.

On one machine that is a directory (:mod:`~duckwing.state.directory`), for several machines a store on a server
that all of them reach (:mod:`~duckwing.state.stored`). What answers calls knows only the protocols of this module.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np

    from .store import Store

    Ids = np.ndarray[Any, np.dtype[np.int64]]

Kind = Literal["execution", "transaction", "attachment"]

NO_INDEX: Final = -1

DIED = "a worker process died while updating; run the query again"
"""Also said where the answer to an update was lost: the client may have repeated what was done."""

WAIT_SECONDS = 120.0
"""How long a call waits for another one that it may repeat, before both count as failed."""

STUCK = "another call that changes the same state has not ended, though its process lives; run the query again"

_LONGEST_ID = 64


def scope_name(kind: Kind, scope: bytes) -> str:
    """A short name for a scope, which no other has."""
    if len(scope) > _LONGEST_ID:
        return f"{kind}-sha256-{hashlib.sha256(scope).hexdigest()}"
    return f"{kind}-{scope.hex()}"


class Mark(Protocol):
    """Says that a call is changing a scope, or that nobody knows how much of it was done."""

    def end(self) -> None:
        """The answer has gone out."""

    def lose(self) -> None:
        """The answer was lost: leave a mark for good, because the client may have repeated the call."""


class Marks(Protocol):
    """The marks of a scope: they make an error of a process that died while it was changing its state."""

    def begin(self, *, alone: bool = False) -> Mark:
        """Look for marks of the dead, then set one. Calls may overlap, in several threads and processes.

        Args:
            alone: no other call changes the scope at the same time, so that a mark which is there is of a call
                that this one may repeat: wait until it is known what becomes of that.

        Raises:
            StateError: a process died while it was changing the state, or nobody knows how long to wait for one.
        """

    def check(self) -> None:
        """Look for marks of the dead, before a call that changes nothing.

        Raises:
            StateError: as for :meth:`begin`.
        """


class Entry(Protocol):
    """An item of a spool."""

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            StateError: they are not there any more.
        """


class Spool(Protocol):
    """What a process appends to a scope, in the order in which it comes. Usable from several threads."""

    def append(self, item: bytes | memoryview, index: int = NO_INDEX) -> None:
        """Keep an item.

        Args:
            item: its bytes.
            index: its place among all items.

        Raises:
            StateError: it cannot be kept.
        """

    def close(self) -> None:
        """Append no more; what was appended stays."""


class Arrays(Protocol):
    """Numbers by group id: an array for each field, of one length. New elements are zero.

    A group id is an index. Several processes may change different elements at once; nobody changes one element
    at the same time (spec 05, section 11.2).
    """

    def __getitem__(self, field: str) -> np.ndarray[Any, Any]:
        """The array of a field; valid until the next :meth:`reserve`."""

    @property
    def present(self) -> np.ndarray[Any, Any]:
        """A byte for each group, not zero once it has a value."""

    def reserve(self, length: int) -> None:
        """Make the arrays at least ``length`` long.

        Raises:
            StateError: there is no room.
        """

    def refresh(self, length: int) -> int:
        """How many of ``length`` elements there are: those behind them nobody has ever changed."""

    def load(self, ids: Ids) -> None:
        """Take in what other processes have made of some groups, before they are looked at.

        Raises:
            StateError: it cannot be read.
        """

    def save(self, ids: Ids) -> None:
        """Give some groups to other processes, after they were changed.

        Raises:
            StateError: they cannot be kept.
        """

    def has(self, state: int) -> bool:
        """Whether the byte of any group is ``state``."""

    def mark(self, name: str) -> None:
        """Leave a name for all processes."""

    def marks(self) -> Iterable[str]:
        """The names that were left."""

    def close(self) -> None:
        """Give back the memory."""


class Scope(Protocol):
    """One scope, open in this process. Usable from any thread."""

    @property
    def store(self) -> Store:
        """What the processes share as keys and values."""

    @property
    def marks(self) -> Marks:
        """The marks of calls that are changing what is here."""

    def spool(self) -> Spool:
        """A new place for what this process appends."""

    def spooled(self) -> Sequence[Entry]:
        """All items of all processes: by index, and those of one index as they came.

        Every process gets the same answer once nobody appends any more.

        Raises:
            StateError: they cannot be read.
        """

    def arrays(self, fields: Mapping[str, np.dtype[Any]]) -> Arrays:
        """The numbers of the groups.

        Args:
            fields: the type of each array's elements by name.
        """

    def keep(self, name: str, data: bytes) -> None:
        """Keep some bytes under a name; they replace those that were there.

        Raises:
            StateError: they cannot be kept.
        """

    def kept(self, name: str) -> bytes | None:
        """The bytes of a name, None if there are none."""

    def drop(self, name: str) -> None:
        """Keep them no longer."""

    def is_current(self) -> bool:
        """Whether this process has it open, and it is still there, as far as it knows."""

    def end(self, *, complete: bool) -> None:
        """Say that the client needs it no more. It is removed when nobody has used it for a while.

        Args:
            complete: nothing of what is here is wanted any more, so it may also begin again from nothing.
        """


class Scopes(Protocol):
    """All scopes that the processes of a worker share. Usable from any thread."""

    def create(self, kind: Kind, scope: bytes) -> Scope:
        """Make a scope.

        Raises:
            StateError: it exists, or cannot be made.
        """

    def open(self, kind: Kind, scope: bytes) -> Scope | None:
        """A scope, None if there is none (any more).

        Raises:
            StateError: it cannot be read.
        """

    def open_or_create(self, kind: Kind, scope: bytes) -> Scope:
        """A scope, made if need be.

        Raises:
            StateError: it can be neither read nor made.
        """

    def remove(self, kind: Kind, scope: bytes) -> None:
        """Remove a scope with all that is in it, for every process; nothing if there is none.

        Raises:
            StateError: it cannot be removed.
        """

    def may_begin_again(self, kind: Kind, scope: bytes) -> bool:
        """Whether a scope that is not there has ended with nothing left to do, rather than been lost."""
