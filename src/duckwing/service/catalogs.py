"""What a worker serves, asked before or beside an attachment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..protocol.catalogs import CatalogInfo
from ..protocol.shared import AttachmentParams, Items
from ..rpc.codec import encode

if TYPE_CHECKING:
    from ..rpc.call import Call
    from ..rpc.method import NoParams
    from . import Service


def catalog_catalogs(service: Service, call: Call, request: NoParams) -> Items:
    """The catalogs of this worker."""
    infos = [CatalogInfo(c.catalog_name, implementation_version=c.version) for c in service.catalogs]
    return Items(tuple(encode(info) for info in infos))


def catalog_detach(service: Service, call: Call, request: AttachmentParams) -> None:
    """Nothing is kept for an attachment, so there is nothing to forget."""
