"""What a worker serves, asked before or beside an attachment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from ..protocol.catalogs import AttachOptionSpec, CatalogInfo, Release
from ..protocol.shared import AttachmentParams, Items
from ..rpc.codec import encode

if TYPE_CHECKING:
    from ..catalog.declared import Catalog
    from ..rpc.call import Call
    from ..rpc.method import NoParams
    from . import Service


def catalog_catalogs(service: Service, call: Call, request: NoParams) -> Items:
    """The catalogs of this worker."""
    return Items(tuple(encode(_info(catalog)) for catalog in service.catalogs))


def _info(catalog: Catalog) -> CatalogInfo:
    options = [
        AttachOptionSpec(
            option.name,
            option.description,
            pa.schema([pa.field("value", option.type)]),
            option.default_batch(),
            option.required,
        )
        for option in catalog.attach_options.values()
    ]
    return CatalogInfo(
        catalog.catalog_name,
        implementation_version=catalog.version,
        data_version_spec=catalog.data_version_spec,
        attach_option_specs=tuple(options),
        releases=tuple(Release(r.version, r.released_at, r.summary, r.notes_url) for r in catalog.releases),
        source_url=catalog.source_url,
    )


def catalog_detach(service: Service, call: Call, request: AttachmentParams) -> None:
    """Nothing is kept for an attachment, so there is nothing to forget."""
