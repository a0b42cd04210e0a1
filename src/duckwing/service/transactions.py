"""Catalog versions, and transactions as far as they bound the life of state (spec 04, section 8)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..errors import CatalogError, StateError
from ..functions.changes import read_changes
from ..protocol.transactions import CatalogVersionResult, TransactionBeginResult
from .attachment import attached_catalog
from .invocations import looking

if TYPE_CHECKING:
    from ..protocol.shared import AttachmentParams, CatalogParams
    from ..protocol.transactions import TransactionEndParams
    from ..rpc.call import Call
    from . import Service


def catalog_version(service: Service, call: Call, request: CatalogParams) -> CatalogVersionResult:
    """The version of what the catalog contains."""
    catalog = attached_catalog(service, request.attach_opaque_data)
    return CatalogVersionResult(catalog.live_version(looking(service, call, catalog, request)))


def catalog_transaction_begin(service: Service, call: Call, request: AttachmentParams) -> TransactionBeginResult:
    """Name a transaction. What functions keep under the name is removed with its end."""
    attached_catalog(service, request.attach_opaque_data)
    return TransactionBeginResult(os.urandom(16))


def catalog_transaction_commit(service: Service, call: Call, request: TransactionEndParams) -> None:
    """Do what the transaction has changed.

    A mark says that a process is about it, until the answer has gone out: should it die, the client asks
    again, and nobody knows whether the changes are in.

    Raises:
        CatalogError: that has happened.
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
        call.after(scope.marks.end)
        found = catalog.find_schema(schema or "")
        if found is None or found.mounted is None:
            raise CatalogError(f"the tables of schema '{schema}' can no longer be changed")
        found.mounted.apply(changes, looking(service, call, catalog, request))
    service.scopes.remove("transaction", request.transaction_opaque_data)


def catalog_transaction_rollback(service: Service, call: Call, request: TransactionEndParams) -> None:
    """Forget what the transaction has changed, and what functions kept in it."""
    attached_catalog(service, request.attach_opaque_data)
    service.scopes.remove("transaction", request.transaction_opaque_data)
