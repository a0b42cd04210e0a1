"""``catalog_attach``: the first call of a client, and the one that a starting worker must answer fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..catalog.declared import DECLARED_VERSION
from ..catalog.versions import resolve_version
from ..errors import CatalogError
from ..protocol.attach import CatalogAttachRequest, CatalogAttachResult
from ..protocol.shared import CatalogParams
from .attachment import find_catalog, new_attachment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..catalog.declared import Catalog
    from ..protocol.functions import FunctionInfo
    from ..rpc.call import Call
    from . import Service


def catalog_attach(service: Service, call: Call, request: CatalogAttachRequest) -> CatalogAttachResult:
    """Attach the catalog that the request names; ``''`` means the only one."""
    catalog = find_catalog(service, request.name)
    if catalog is None and not request.name and len(service.catalogs) == 1:
        catalog = service.catalogs[0]
    names = ", ".join(f"'{c.catalog_name}'" for c in service.catalogs)
    if catalog is None:
        raise CatalogError(f"No worker handles catalog '{request.name}'; this one serves {names}")
    exact = catalog.exact_versions
    data_version = resolve_version(request.data_version_spec, catalog.data_versions, "data_version_spec", exact=exact)
    code_version = resolve_version(
        request.implementation_version, catalog.versions, "implementation_version", exact=exact
    )
    options: dict[str, Any] = {}
    if catalog.attach_options or request.options is not None:
        from ..functions.attach_options import read_attach_options

        options = read_attach_options(request.options, catalog.attach_options, catalog.catalog_name)
    catalog.check_attach(options)
    attachment = new_attachment(service, call, catalog, options, data_version)
    version = DECLARED_VERSION
    if catalog.is_dynamic:
        from .invocations import looking

        version = catalog.live_version(looking(service, call, catalog, CatalogParams(attachment)))
    return CatalogAttachResult(
        attach_opaque_data=attachment,
        supports_transactions=catalog.has_transactions,
        supports_time_travel=catalog.time_travel,
        supports_column_statistics=True,  # of the tables that say so, too
        catalog_version_frozen=not catalog.is_dynamic,
        catalog_version=version,
        default_schema=catalog.name,
        comment=catalog.catalog_comment,
        tags=catalog.catalog_tags,
        resolved_data_version=data_version,
        resolved_implementation_version=code_version,
        **_specifications(catalog),
    )


def _specifications(catalog: Catalog) -> dict[str, Any]:
    """The settings and types of secrets that the client registers, and what it attaches too."""
    if not catalog.settings and not catalog.secret_types and not catalog.companions and not catalog.published:
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
    return {
        "settings": tuple(map(encode, settings)),
        "secret_types": tuple(map(encode, secret_types)),
        "attach_catalogs": tuple(map(encode, catalog.companions)),
        "global_functions": tuple(encode(info) for info in _published(catalog)),
        "global_function_prefix": catalog.global_prefix,
    }


def _published(catalog: Catalog) -> Iterator[FunctionInfo]:
    """The records of the functions that can be called without the catalog's name."""
    if not catalog.published:
        return
    from .describe import function_infos

    for schema, function in catalog.published:
        yield from function_infos(schema.name, function)
