"""Catalog versions, and transactions as far as they bound the life of state (spec 04, section 8)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

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
    """The transaction is over; whatever functions did outside of the worker has been done already."""
    attached_catalog(service, request.attach_opaque_data)
    service.scopes.remove("transaction", request.transaction_opaque_data)


catalog_transaction_rollback = catalog_transaction_commit
