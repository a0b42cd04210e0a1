"""``catalog_attach``: the first call of a client, and the one that a starting worker must answer fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import CatalogError
from ..protocol.attach import CatalogAttachRequest, CatalogAttachResult
from .attachment import find_catalog, new_attachment

if TYPE_CHECKING:
    from ..catalog.declared import Catalog
    from ..rpc.call import Call
    from . import Service


CATALOG_VERSION = 1
"""Declared catalogs do not change while their process lives. (0 would mean "unknown", and no result be used again.)"""


def catalog_attach(service: Service, call: Call, request: CatalogAttachRequest) -> CatalogAttachResult:
    """Attach the catalog that the request names; ``''`` means the only one."""
    catalog = find_catalog(service, request.name)
    if catalog is None and not request.name and len(service.catalogs) == 1:
        catalog = service.catalogs[0]
    names = ", ".join(f"'{c.catalog_name}'" for c in service.catalogs)
    if catalog is None:
        raise CatalogError(f"this worker has no catalog '{request.name}'; it serves {names}")
    for wanted, option in (
        (request.data_version_spec, "data_version_spec"),
        (request.implementation_version, "implementation_version"),
    ):
        if wanted is not None and not (option == "implementation_version" and wanted == catalog.version):
            raise CatalogError(
                f"catalog '{catalog.catalog_name}' was asked for with {option} '{wanted}', "
                f"but it serves {catalog.version or 'no particular version'}; leave the option out"
            )
    options: dict[str, Any] = {}
    if catalog.attach_options or request.options is not None:
        from ..functions.attach_options import read_attach_options

        options = read_attach_options(request.options, catalog.attach_options, catalog.catalog_name)
    catalog.check_attach(options)
    return CatalogAttachResult(
        attach_opaque_data=new_attachment(catalog, options),
        supports_transactions=catalog.transactions,
        catalog_version_frozen=True,
        catalog_version=CATALOG_VERSION,
        default_schema=catalog.name,
        comment=catalog.catalog_comment,
        tags=catalog.catalog_tags,
        resolved_implementation_version=catalog.version,
        **_specifications(catalog),
    )


def _specifications(catalog: Catalog) -> dict[str, Any]:
    """The settings and types of secrets that the client registers."""
    if not catalog.settings and not catalog.secret_types:
        return {}
    import pyarrow as pa

    from ..protocol.catalogs import SecretTypeSpec, SettingSpec
    from ..rpc.codec import encode

    settings = [
        SettingSpec(s.name, s.description, pa.schema([pa.field("value", s.type)]), s.default_batch())
        for s in catalog.settings.values()
    ]
    secret_types = []
    for declared in catalog.secret_types:
        fields = [
            pa.field(name, type, metadata={b"redact": b"true"} if name in declared.redacted else None)
            for name, type in declared.parameters.items()
        ]
        secret_types.append(SecretTypeSpec(declared.name, declared.description, pa.schema(fields)))
    return {"settings": tuple(map(encode, settings)), "secret_types": tuple(map(encode, secret_types))}
