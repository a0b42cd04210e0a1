"""Catalog versions, and transactions as far as they bound the life of state (spec 04, section 8)."""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING

from ..errors import CatalogError, StateError
from ..functions.changes import changes_tables, read_changes
from ..protocol.transactions import CatalogVersionResult, TransactionBeginResult
from .attachment import attached_catalog, attachment_id
from .invocations import looking

if TYPE_CHECKING:
    from ..protocol.shared import AttachmentParams, CatalogParams
    from ..protocol.transactions import TransactionEndParams
    from ..rpc.call import Call
    from ..state.directory import ScopeDirectory
    from . import Service

_DROPPED = "_vgi/dropped"
"""Counts, for each attachment, the transactions that have made or altered tables in vain."""


def catalog_version(service: Service, call: Call, request: CatalogParams) -> CatalogVersionResult:
    """The version of what the catalog contains.

    It changes, too, when a transaction that has made tables is rolled back: the client still knows them.
    """
    catalog = attached_catalog(service, request.attach_opaque_data)
    version = catalog.live_version(looking(service, call, catalog, request))
    scope = service.scopes.open("attachment", attachment_id(request.attach_opaque_data) or b"")
    dropped = 0 if scope is None else scope.store.counter_get(_DROPPED, b"")
    if version and dropped:
        version = zlib.crc32(repr((version, dropped)).encode()) + 1
    return CatalogVersionResult(version)


def catalog_transaction_begin(service: Service, call: Call, request: AttachmentParams) -> TransactionBeginResult:
    """Name a transaction. What functions keep under the name is removed with its end."""
    attached_catalog(service, request.attach_opaque_data)
    return TransactionBeginResult(os.urandom(16))


def catalog_transaction_commit(service: Service, call: Call, request: TransactionEndParams) -> None:
    """Do what the transaction has changed.

    A mark says that a process is about it: should it die, the client asks again, and nobody knows whether
    the changes are in. Once they are, the transaction is removed, mark and all, before the answer goes out:
    who then asks again finds nothing left to do. Where they were refused, it is removed after the answer.

    Raises:
        CatalogError: a process has died.
        Exception: whatever the provider raises.
    """
    catalog = attached_catalog(service, request.attach_opaque_data)
    scope = service.scopes.open("transaction", request.transaction_opaque_data)
    if scope is None:
        return
    schema, changes = read_changes(scope.store)
    if changes:
        try:
            scope.marks.begin()
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
            _drop_tables(service, request, scope)
            call.after(lambda: service.scopes.remove("transaction", request.transaction_opaque_data))
            raise
    service.scopes.remove("transaction", request.transaction_opaque_data)


def catalog_transaction_rollback(service: Service, call: Call, request: TransactionEndParams) -> None:
    """Forget what the transaction has changed, and what functions kept in it."""
    attached_catalog(service, request.attach_opaque_data)
    scope = service.scopes.open("transaction", request.transaction_opaque_data)
    if scope is not None:
        _drop_tables(service, request, scope)
    service.scopes.remove("transaction", request.transaction_opaque_data)


def _drop_tables(service: Service, request: TransactionEndParams, transaction: ScopeDirectory) -> None:
    """Have the client look anew which tables there are, if the transaction has changed that."""
    if changes_tables(transaction.store):
        attachment = attachment_id(request.attach_opaque_data) or b""
        service.scopes.open_or_create("attachment", attachment).store.counter_add(_DROPPED, b"", 1)
