"""Catalogs as a whole: what a worker offers, versions, transactions, COPY formats (spec 04, 3, 8, 11, 12)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import pyarrow as pa

from ..rpc.codec import EMPTY_MAP, NESTED
from ..rpc.method import NoParams, unary
from .shared import AttachmentParams, Items, OnConflict


@dataclass(frozen=True)
class Release:
    """One data release of a catalog; ``released_at`` is an aware datetime."""

    version: str
    released_at: Annotated[datetime, pa.timestamp("us", tz="UTC")] | None = None
    summary: str = ""
    notes_url: str | None = None


@dataclass(frozen=True)
class AttachOptionSpec:
    """An ATTACH option that a catalog takes (spec 04, section 3.2).

    Attributes:
        type: schema of one field ``value``, of the option's type.
        default_value: one row, one column ``value``. The client does not fill it in.
        required: None means False. The client does not enforce it.
    """

    name: str
    description: str
    type: pa.Schema
    default_value: pa.RecordBatch | None = None
    required: bool | None = False


@dataclass(frozen=True)
class CatalogInfo:
    """An item of ``catalog_catalogs`` (spec 04, section 3.1)."""

    name: str
    implementation_version: str | None = None
    data_version_spec: str | None = None
    attach_option_specs: tuple[Annotated[AttachOptionSpec, NESTED], ...] = ()
    releases: tuple[Release, ...] = ()
    source_url: str | None = None


@dataclass(frozen=True)
class SettingSpec:
    """A DuckDB setting that a catalog declares at attach (spec 06, section 10.1).

    Attributes:
        type: schema of one field ``value``, of the setting's type.
        default_value: one row, one column ``value``.
    """

    name: str
    description: str
    type: pa.Schema
    default_value: pa.RecordBatch | None = None


@dataclass(frozen=True)
class SecretTypeSpec:
    """A secret type that a catalog declares at attach (spec 06, section 11.1).

    Attributes:
        parameters_schema: a field per parameter; the field metadata ``redact`` hides its value.
    """

    name: str
    description: str
    parameters_schema: pa.Schema


@dataclass(frozen=True)
class AttachedCatalog:
    """A companion catalog that the client attaches too (spec 04, section 12.2).

    Attributes:
        alias: the name to attach it as.
        target: path or DSN.
        db_type: ``""`` to take it from the prefix of ``target``.
        options: ATTACH options, verbatim.
        hidden: resolvable by name, but not listed.
        required: fail the ATTACH if it cannot be attached.
        secret_ref: the secret whose values go into the options, ``""`` for none.
    """

    alias: str
    target: str
    db_type: str = ""
    options: Mapping[str, str | None] = EMPTY_MAP
    hidden: bool = False
    required: bool = False
    secret_ref: str = ""


@dataclass(frozen=True)
class CatalogCreateRequest:
    """Request of ``catalog_create``; ``options`` has one row, a column per option."""

    name: str
    on_conflict: OnConflict
    options: pa.RecordBatch | None = None


@dataclass(frozen=True)
class CatalogDropParams:
    """Parameters of ``catalog_drop``."""

    name: str


CATALOG_CATALOGS = unary("catalog_catalogs", NoParams, Items)
CATALOG_DETACH = unary("catalog_detach", AttachmentParams)
CATALOG_CREATE = unary("catalog_create", CatalogCreateRequest, wrapped=True)
CATALOG_DROP = unary("catalog_drop", CatalogDropParams)
