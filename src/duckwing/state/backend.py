"""Stores for the processes of several machines: the protocol of what keeps them, and how one is opened.

A backend does over a network what the directories of scopes (:mod:`~duckwing.state.directory`) do on one machine. It
has no files to lock, so a living process is told from a dead one by a *lease*: a name that is held for
some seconds, and longer only if its holder says so in time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..errors import StateError
from .connections import TIMEOUT_SECONDS

if TYPE_CHECKING:
    from .scope import Kind
    from .store import Store


class Lease(Protocol):
    """A name that this process holds."""

    @property
    def holder(self) -> str:
        """The random id of this lease, 32 hexadecimal digits: nobody else has it, before or after."""

    def renew(self) -> bool:
        """Hold it for the whole time again, from now on. False if it has run out: it stays lost.

        Raises:
            StateError: the server does not answer, so nobody knows.
        """

    def release(self) -> None:
        """Give it up at once; nothing if it has run out.

        Raises:
            StateError: the server does not answer. The lease runs out by itself.
        """


class Backend(Protocol):
    """Keeps scopes for processes of any machine. Usable from any thread, and after a fork by parent and child.

    Time is the server's, so the clocks of the machines need not agree. Every operation raises
    :class:`~duckwing.errors.StateError` when the server cannot be reached or refuses. When the connection breaks
    in the middle of an operation, of the backend or of a store, this may have been done or not, once and as a whole.
    """

    def create(self, kind: Kind, scope: bytes) -> Store:
        """Make a scope and open its store, which is empty.

        Raises:
            StateError: the scope exists already. Of several processes that make it at once, one succeeds.
        """

    def store(self, kind: Kind, scope: bytes) -> Store:
        """Open the store of a scope.

        It is a store of this scope alone: once the scope is removed its operations fail, even
        if another scope is made under the same name.

        Raises:
            StateError: there is no such scope (any more).
        """

    def exists(self, kind: Kind, scope: bytes) -> bool:
        """Whether there is such a scope."""

    def remove(self, kind: Kind, scope: bytes) -> None:
        """Remove a scope and everything in it, for every process; nothing if there is none."""

    def sweep(self, idle_seconds: float) -> int:
        """Remove the scopes that nobody has used for ``idle_seconds``; how many they were.

        An hour or a day is meant: users of a store are noticed only every :data:`~duckwing.state.store.TOUCH_SECONDS`.
        """

    def lease(self, name: str, seconds: float) -> Lease | None:
        """Hold ``name`` for ``seconds``; None if somebody holds it."""

    def holder(self, name: str) -> str | None:
        """:attr:`Lease.holder` of the lease on ``name`` that has not run out, None without one."""

    def close(self) -> None:
        """Close the connections. A later operation opens others."""


def open_backend(url: str, *, timeout: float = TIMEOUT_SECONDS) -> Backend:
    """The backend at ``url``. It connects when it is first used.

    Args:
        url: ``postgresql://…`` (any that libpq understands) needs the extra ``postgres``; ``redis://…``,
            ``rediss://…`` or ``unix://…`` (any that redis-py understands) needs the extra ``redis``.
        timeout: seconds after which an operation fails.

    Raises:
        StateError: the URL is none of these, or the package for it is not installed.
    """
    scheme = url.partition("://")[0]
    if scheme in ("postgresql", "postgres"):
        from .postgres import PostgresBackend

        return PostgresBackend(url, timeout=timeout)
    if scheme in ("redis", "rediss", "unix"):
        from .redis import RedisBackend

        return RedisBackend(url, timeout=timeout)
    # A URL may have a password in it, and what is mistaken for one, too.
    raise StateError(
        "no backend has this URL; expected one that begins with postgresql://, redis://, rediss:// or unix:// "
        "(a socket of Redis)"
    )
