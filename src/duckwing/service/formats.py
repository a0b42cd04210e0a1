"""COPY formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..protocol.shared import CatalogParams, Items
from .attachment import attached_catalog

if TYPE_CHECKING:
    from ..rpc.call import Call
    from . import Service


def catalog_copy_from_formats(service: Service, call: Call, request: CatalogParams) -> Items:
    """No COPY formats. Answered, because an error would cost the client a new process."""
    attached_catalog(service, request.attach_opaque_data)
    return Items()
