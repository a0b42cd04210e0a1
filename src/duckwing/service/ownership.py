"""What belongs to one caller: attachments, transactions and executions, over HTTP.

Everybody who calls a worker over HTTP calls the same processes. What these hand out for later calls
therefore carries a proof that they made it for this caller. Elsewhere the client is a
process of the worker's own user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import StateError

if TYPE_CHECKING:
    from ..rpc.call import Call, Handler
    from ..state.scope import Kind
    from . import Service

_PROOF_SIZE = 32


def proof_of(call: Call, kind: Kind, data: bytes) -> bytes:
    """What proves that ``data`` was made here for the caller of ``call``.

    Raises:
        StateError: there is no key and none can be made.
    """
    from ..state.seal import prove

    return prove(_claim(call, kind, data))


def is_own(service: Service, call: Call, kind: Kind, data: bytes, proof: bytes) -> bool:
    """Whether ``proof`` is :func:`proof_of` ``data``."""
    import hmac

    claim = _claim(call, kind, data)
    known = service.proven.get(claim)
    if known is not None and hmac.compare_digest(known, proof):
        return True
    from ..state.seal import is_proven

    own = is_proven(claim, proof)
    if own:
        service.proven.put(claim, proof)
    return own


def owned(service: Service, call: Call, kind: Kind, id_: bytes) -> bytes:
    """An id with its proof, where it needs one."""
    return id_ + proof_of(call, kind, id_) if service.stateless else id_


def without_proof(service: Service, id_: bytes) -> bytes:
    """What :func:`owned` was given."""
    return id_[:-_PROOF_SIZE] if service.stateless else id_


def check_own(service: Service, call: Call, kind: Kind, id_: bytes | None) -> None:
    """Refuse an id that belongs to somebody else.

    Raises:
        StateError: it does.
    """
    if id_ and service.stateless and not is_own(service, call, kind, id_[:-_PROOF_SIZE], id_[-_PROOF_SIZE:]):
        raise StateError(f"the {kind} was begun by or for somebody else; run the query again")


def for_owner(service: Service, handler: Handler, call: Call, params: Any) -> Any:
    """Answer a call, if the execution that it goes on with is its caller's.

    Raises:
        StateError: it is not.
    """
    for name in ("execution_id", "global_execution_id"):
        check_own(service, call, "execution", getattr(params, name, None))
    return handler(call, params)


def _claim(call: Call, kind: Kind, data: bytes) -> bytes:
    caller = call.caller.context
    return b"%s\0%d\0%s%s" % (kind.encode(), len(caller), caller, data)
