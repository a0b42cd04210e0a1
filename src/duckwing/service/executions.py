"""Execution ids: what every later call of an execution carries, and all that a process needs to serve it.

The first 16 bytes are random and name the execution's scope. The rest is the request that began the
execution, so that any process can go on with it: also one that starts between two calls.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

from ..errors import StateError
from ..rpc.codec import Record, decode, encode
from ..rpc.errors import RpcError
from .ownership import owned, without_proof

if TYPE_CHECKING:
    from ..rpc.call import Call
    from ..state.scope import Scope
    from . import Service

R = TypeVar("R", bound=Record)

_SIZE = 16
_PLAIN, _SEALED = b"\0", b"\1"


def new_execution_id(service: Service, call: Call, request: Record, *, secret: bool) -> bytes:
    """The id of a new execution.

    Args:
        service: what is served.
        call: begins it.
        request: what later calls need.
        secret: it holds secrets; the client writes ids to its log, so they are sealed.
    """
    scope, data = os.urandom(_SIZE), encode(request)
    if not secret:
        return owned(service, call, "execution", scope + _PLAIN + data)
    from ..state.seal import seal

    return owned(service, call, "execution", scope + _SEALED + seal(data, scope))


def read_execution_id(service: Service, execution_id: bytes, type: type[R]) -> R:
    """The request that began the execution.

    Raises:
        StateError: the id is not ours.
    """
    scope, form = execution_id[:_SIZE], execution_id[_SIZE : _SIZE + 1]
    data = without_proof(service, execution_id)[_SIZE + 1 :]
    if form == _SEALED:
        from ..state.seal import unseal

        data = unseal(data, scope)
    try:
        return decode(type, data)
    except RpcError:
        raise StateError("the execution was begun by another worker; run the query again") from None


def scope_of(execution_id: bytes) -> bytes:
    """The bytes that name the execution's scope."""
    return execution_id[:_SIZE]


def begin(service: Service, execution_id: bytes) -> None:
    """Make the scope of a new execution.

    Not by the first call that keeps something: a scope that was lost would then look like a new one.
    """
    service.scopes.create("execution", scope_of(execution_id))


def change(service: Service, call: Call, execution_id: bytes, *, alone: bool = False) -> Scope:
    """The scope of an execution that a call is about to change.

    A mark says that a process is changing it, until the answer has gone out: if the process dies
    before, the client repeats the call, and nobody knows how much of it was done.

    Args:
        service: what is served.
        call: the call.
        execution_id: of the execution.
        alone: the client makes such calls of an execution one after another.

    Raises:
        StateError: the scope is gone, or a process died while it was changing it.
    """
    while True:
        scope = _scope(service, execution_id)
        mark = scope.marks.begin(alone=alone)
        if scope.is_current():
            call.after(mark.end, mark.lose)
            return scope
        mark.end()  # it was removed between the two, as one that had ended


def look(service: Service, execution_id: bytes) -> Scope:
    """The scope of an execution, for a call that only reads it.

    Raises:
        StateError: the scope is gone, or a process died while it was changing it.
    """
    scope = _scope(service, execution_id)
    scope.marks.check()
    return scope


def _scope(service: Service, execution_id: bytes) -> Scope:
    scope = service.scopes.open("execution", scope_of(execution_id))
    if scope is None and service.scopes.may_begin_again("execution", scope_of(execution_id)):
        return service.scopes.open_or_create("execution", scope_of(execution_id))
    if scope is None:
        raise StateError("the state of the query is lost, because it has ended or was idle for too long; run it again")
    return scope


def end(service: Service, execution_id: bytes) -> None:
    """Remove all that an execution has left. Nothing happens if that was done already."""
    service.scopes.remove("execution", scope_of(execution_id))


@contextlib.contextmanager
def never_failing(what: str, *, expected: bool = False) -> Iterator[None]:
    """A destructor's work, whose errors go to the log: nobody else could do anything about them.

    Args:
        what: is done, for the log.
        expected: errors are nothing unusual, because what is to be removed may be gone already.
    """
    try:
        yield
    except Exception:
        import logging

        level = logging.DEBUG if expected else logging.ERROR
        logging.getLogger(__name__).log(level, "%s failed", what, exc_info=True)
