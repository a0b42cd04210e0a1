"""Catalog versions, and transactions as far as they bound the life of state (spec 04, section 8)."""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING

from ..errors import CatalogError, StateError
from ..functions.changes import LOST, changes_tables, forget_writer, has_written, read_changes
from ..protocol.transactions import CatalogVersionResult, TransactionBeginResult
from .attachment import attached_catalog, attachment_id
from .invocations import looking
from .ownership import check_own, owned

if TYPE_CHECKING:
    from ..protocol.shared import AttachmentParams, CatalogParams
    from ..protocol.transactions import TransactionEndParams
    from ..rpc.call import Call
    from ..state.scope import Scope
    from ..state.store import Store
    from . import Service

_CHANGED = "_vgi/changed"
"""Counts, for each attachment, the statements that have made or altered tables, and their rollbacks."""


def catalog_version(service: Service, call: Call, request: CatalogParams) -> CatalogVersionResult:
    """The version of what the catalog contains.

    It changes, too, when a transaction changes tables: should it be rolled back, the client would still know them.
    """
    catalog = attached_catalog(service, call, request.attach_opaque_data)
    version = catalog.live_version(looking(service, call, catalog, request))
    scope = service.scopes.open("attachment", attachment_id(request.attach_opaque_data) or b"")
    changed = 0 if scope is None else scope.store.counter_get(_CHANGED, b"")
    if version and changed:
        version = zlib.crc32(repr((version, changed)).encode()) + 1
    return CatalogVersionResult(version)


def catalog_transaction_begin(service: Service, call: Call, request: AttachmentParams) -> TransactionBeginResult:
    """Name a transaction. What functions keep under the name is removed with its end."""
    attached_catalog(service, call, request.attach_opaque_data)
    return TransactionBeginResult(owned(service, call, "transaction", os.urandom(16)))


def catalog_transaction_commit(service: Service, call: Call, request: TransactionEndParams) -> None:
    """Do what the transaction has changed.

    A mark says that a process is about it: should it die, the client asks again, and nobody knows whether
    the changes are in. Once they are, the transaction is removed, mark and all, before the answer goes out:
    who then asks again finds nothing left to do. Where they were refused, it is removed after the answer.

    Raises:
        CatalogError: a process has died, or the changes are lost.
        Exception: whatever the provider raises.
    """
    catalog = attached_catalog(service, call, request.attach_opaque_data)
    check_own(service, call, "transaction", request.transaction_opaque_data)
    scope = service.scopes.open("transaction", request.transaction_opaque_data)
    writers = _writers(service, request)
    if scope is None:
        if writers is not None and has_written(writers, request.transaction_opaque_data):
            raise CatalogError(LOST)
        return
    schema, changes = read_changes(scope.store)
    if changes:
        try:
            scope.marks.begin(alone=True)
        except StateError:
            raise CatalogError(
                "a worker process died while it committed; whether the changes are in is not known: "
                "look before you repeat them"
            ) from None
        try:
            found = catalog.find_schema(schema or "")
            if found is None or found.mounted is None:
                raise CatalogError(f"the tables of schema '{schema}' can no longer be changed")
            found.mounted.apply(changes, looking(service, call, catalog, request))
        except Exception:
            _forget(service, request, scope)
            call.after(lambda: service.scopes.remove("transaction", request.transaction_opaque_data))
            raise
        if writers is not None:
            forget_writer(writers, request.transaction_opaque_data)
    service.scopes.remove("transaction", request.transaction_opaque_data)


def catalog_transaction_rollback(service: Service, call: Call, request: TransactionEndParams) -> None:
    """Forget what the transaction has changed, and what functions kept in it."""
    attached_catalog(service, call, request.attach_opaque_data)
    check_own(service, call, "transaction", request.transaction_opaque_data)
    scope = service.scopes.open("transaction", request.transaction_opaque_data)
    if scope is not None:
        _forget(service, request, scope)
    service.scopes.remove("transaction", request.transaction_opaque_data)


def note_tables(service: Service, attach_opaque_data: bytes) -> None:
    """Have the client look anew which tables there are, from its next transaction on.

    Not only at a rollback, which does not arrive after a statement that has failed (seen).
    """
    attachment = attachment_id(attach_opaque_data) or b""
    service.scopes.open_or_create("attachment", attachment).store.counter_add(_CHANGED, b"", 1)


def _forget(service: Service, request: TransactionEndParams, transaction: Scope) -> None:
    """Note that what a transaction has changed will not be."""
    if changes_tables(transaction.store):
        note_tables(service, request.attach_opaque_data)
    writers = _writers(service, request)
    if writers is not None:
        forget_writer(writers, request.transaction_opaque_data)


def _writers(service: Service, request: TransactionEndParams) -> Store | None:
    """Where the attachment keeps which transactions have changed something."""
    scope = service.scopes.open("attachment", attachment_id(request.attach_opaque_data) or b"")
    return None if scope is None else scope.store
