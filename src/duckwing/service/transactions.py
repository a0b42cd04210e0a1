"""Catalog versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..protocol.shared import CatalogParams
from ..protocol.transactions import CatalogVersionResult
from .attachment import attached_catalog

if TYPE_CHECKING:
    from ..rpc.call import Call
    from . import Service


def catalog_version(service: Service, call: Call, request: CatalogParams) -> CatalogVersionResult:
    """Declared catalogs do not change while the process lives."""
    attached_catalog(service, request.attach_opaque_data)
    return CatalogVersionResult(1)
