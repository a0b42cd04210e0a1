"""ATTACH: what the client asks for and what it gets to know of a catalog (spec 04, section 3)."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from ..rpc.codec import EMPTY_MAP
from ..rpc.method import unary


@dataclass(frozen=True)
class ClientCapabilities:
    """What the client can do, for workers that choose branch kinds by it (spec 04, section 3.3)."""

    engine: str
    native_formats: tuple[str, ...] = ()
    catalogs: tuple[str, ...] = ()
    can_stream: bool = False
    filter_encodings: tuple[str, ...] = ()


@dataclass(frozen=True)
class CatalogAttachRequest:
    """Request of ``catalog_attach`` (spec 04, section 3.3).

    Attributes:
        name: the catalog; ``""`` is possible.
        options: one row, a column per option that the user gave; None if there were none.
        data_version_spec: the data version asked for; None means any.
        implementation_version: the worker version asked for; None means any.
        client_capabilities: an encoded :class:`ClientCapabilities`.
    """

    name: str
    options: pa.RecordBatch | None = None
    data_version_spec: str | None = None
    implementation_version: str | None = None
    client_capabilities: bytes | None = None


@dataclass(frozen=True)
class CatalogAttachResult:
    """Answer of ``catalog_attach`` (spec 04, section 3.4).

    Lists of records stay encoded here, so that an attach imports the records that it has alone.

    Attributes:
        attach_opaque_data: the worker's handle; comes back with every later call.
        catalog_version_frozen: the metadata never changes; ``catalog_version`` is not called.
        catalog_version: version of the metadata at attach; 0 means unknown.
        default_schema: must be listed; empty is read as ``main``.
        settings: each an encoded :class:`~duckwing.protocol.catalogs.SettingSpec`.
        secret_types: each an encoded :class:`~duckwing.protocol.catalogs.SecretTypeSpec`.
        attach_catalogs: each an encoded :class:`~duckwing.protocol.catalogs.AttachedCatalog`.
        supports_column_statistics: False: statistics are never asked for.
        global_functions: each an encoded :class:`~duckwing.protocol.functions.FunctionInfo`.
        global_function_prefix: empty for bare names.
    """

    attach_opaque_data: bytes
    supports_transactions: bool = False
    supports_time_travel: bool = False
    catalog_version_frozen: bool = False
    catalog_version: int = 0
    attach_opaque_data_required: bool = True
    default_schema: str = "main"
    settings: tuple[bytes, ...] = ()
    secret_types: tuple[bytes, ...] = ()
    attach_catalogs: tuple[bytes, ...] = ()
    comment: str | None = None
    tags: Mapping[str, str | None] = EMPTY_MAP
    supports_column_statistics: bool = False
    global_functions: tuple[bytes, ...] = ()
    global_function_prefix: str = ""
    resolved_data_version: str | None = None
    resolved_implementation_version: str | None = None


CATALOG_ATTACH = unary("catalog_attach", CatalogAttachRequest, CatalogAttachResult, wrapped=True)
