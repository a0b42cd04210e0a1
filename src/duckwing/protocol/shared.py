"""Records and enums that methods of several areas have in common (spec 04, sections 1.1 and 1.4)."""

import enum
from dataclasses import dataclass


class OnConflict(enum.Enum):
    """What a CREATE does with an object that exists."""

    ERROR = enum.auto()
    """Fail: plain ``CREATE``."""
    IGNORE = enum.auto()
    """Keep what is there: ``IF NOT EXISTS``."""
    REPLACE = enum.auto()
    """Replace it: ``OR REPLACE``."""


@dataclass(frozen=True)
class Items:
    """Answer of everything that lists or gets objects: each item is an encoded record.

    A method that gets one object by name answers with one item or with none.
    """

    items: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class NoResult:
    """Answer without fields, for methods that must answer with a record."""


@dataclass(frozen=True)
class AttachmentParams:
    """Parameters of a method that concerns an attachment."""

    attach_opaque_data: bytes


@dataclass(frozen=True)
class CatalogParams:
    """Parameters of a method that concerns a catalog inside a transaction."""

    attach_opaque_data: bytes
    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True)
class SchemaParams:
    """Parameters of a method that concerns a schema."""

    attach_opaque_data: bytes
    path: tuple[str, ...]
    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True)
class ObjectParams:
    """Parameters of a method that concerns one object of a schema."""

    attach_opaque_data: bytes
    schema_path: tuple[str, ...]
    name: str
    transaction_opaque_data: bytes | None = None
