"""Attach data: the handle that a client keeps of an attachment and sends with every call.

It holds all that a process needs which never saw the attach (spec 04, section 3.5).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import CatalogError
from ..rpc.codec import decode, encode
from ..rpc.errors import RpcError

if TYPE_CHECKING:
    from ..catalog.declared import Catalog
    from . import Service


@dataclass(frozen=True)
class Attachment:
    """One ATTACH of one catalog.

    Attributes:
        id: 16 random bytes.
        catalog: the catalog's name.
    """

    id: bytes
    catalog: str


def new_attachment(catalog: Catalog) -> bytes:
    """Attach data for a new attachment of ``catalog``."""
    return encode(Attachment(os.urandom(16), catalog.catalog_name))


def attachment_id(attach_opaque_data: bytes | None) -> bytes | None:
    """What is the same in all calls through one ATTACH; None outside of any."""
    return decode(Attachment, attach_opaque_data).id if attach_opaque_data else None


def attached_catalog(service: Service, attach_opaque_data: bytes | None) -> Catalog:
    """The catalog of an attachment.

    Raises:
        CatalogError: the data is not ours, or the catalog is no longer served.
    """
    if not attach_opaque_data:
        if len(service.catalogs) == 1:
            return service.catalogs[0]
        raise CatalogError("the call does not say which catalog it belongs to; attach a catalog and call through it")
    try:
        name = decode(Attachment, attach_opaque_data).catalog
    except RpcError:
        raise CatalogError("the attachment was made by another worker; DETACH it and ATTACH again") from None
    catalog = find_catalog(service, name)
    if catalog is None:
        raise CatalogError(f"this worker no longer serves the catalog '{name}'; DETACH it and ATTACH again")
    return catalog


def find_catalog(service: Service, name: str) -> Catalog | None:
    """The catalog of that name, without regard to case."""
    return next((c for c in service.catalogs if c.catalog_name.casefold() == name.casefold()), None)
