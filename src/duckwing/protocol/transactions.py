"""Catalog versions and transactions (spec 04, section 8)."""

from dataclasses import dataclass

from ..rpc.method import unary
from .shared import AttachmentParams, CatalogParams


@dataclass(frozen=True)
class CatalogVersionResult:
    """Answer of ``catalog_version``; 0 makes the client reload all metadata (spec 04, section 8)."""

    version: int


@dataclass(frozen=True)
class TransactionBeginResult:
    """Answer of ``catalog_transaction_begin``; None or empty bytes: there is no transaction."""

    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True)
class TransactionEndParams:
    """Parameters of commit and rollback."""

    attach_opaque_data: bytes
    transaction_opaque_data: bytes


CATALOG_VERSION = unary("catalog_version", CatalogParams, CatalogVersionResult)
CATALOG_TRANSACTION_BEGIN = unary("catalog_transaction_begin", AttachmentParams, TransactionBeginResult)
CATALOG_TRANSACTION_COMMIT = unary("catalog_transaction_commit", TransactionEndParams)
CATALOG_TRANSACTION_ROLLBACK = unary("catalog_transaction_rollback", TransactionEndParams)
