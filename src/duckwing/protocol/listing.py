"""Schemas and what is in them: views, macros, indexes, and the methods that list (spec 04, 4 and 6)."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from ..rpc.codec import EMPTY_MAP
from ..rpc.method import unary
from .shared import CatalogParams, ObjectParams, SchemaParams
from .shared import Items as Items


class ObjectType(enum.Enum):
    """Kind of a catalog object, as a listing is asked for it (spec 04, section 4.4)."""

    TABLE = enum.auto()
    VIEW = enum.auto()
    SCALAR_FUNCTION = enum.auto()
    TABLE_FUNCTION = enum.auto()
    """All table functions, the buffering ones too."""
    AGGREGATE_FUNCTION = enum.auto()
    SCALAR_MACRO = enum.auto()
    TABLE_MACRO = enum.auto()
    INDEX = enum.auto()


class MacroType(enum.Enum):
    """Kind of a macro."""

    SCALAR = enum.auto()
    TABLE = enum.auto()


class IndexConstraintType(enum.Enum):
    """The constraint that an index stands for."""

    NONE = enum.auto()
    UNIQUE = enum.auto()
    PRIMARY = enum.auto()


@dataclass(frozen=True, kw_only=True)
class SchemaInfo:
    """An item of ``catalog_schemas`` (spec 04, section 4.2).

    Attributes:
        attach_opaque_data: echo of the attach handle; no client reads it.
        path: the schema's path; DuckDB 1.5 takes one component only.
        estimated_object_count: counts by ``table``, ``view``, ``index``, ``scalar_function``,
            ``aggregate_function``, ``table_function`` and ``macro``; a missing key is unknown.
    """

    comment: str | None = None
    tags: Mapping[str, str | None] = EMPTY_MAP
    attach_opaque_data: bytes = b""
    path: tuple[str, ...]
    estimated_object_count: Mapping[str, int | None] | None = None


@dataclass(frozen=True, kw_only=True)
class ViewInfo:
    """A view; ``definition`` is one SELECT statement (spec 04, section 6.1)."""

    comment: str | None = None
    tags: Mapping[str, str | None] = EMPTY_MAP
    name: str
    schema_path: tuple[str, ...]
    definition: str
    column_comments: Mapping[str, str | None] = EMPTY_MAP


@dataclass(frozen=True, kw_only=True)
class MacroInfo:
    """A macro (spec 04, section 6.2).

    Attributes:
        parameters: names, in order.
        parameter_default_values: the IPC stream of one row, a column per parameter with a
            default. Bytes, because empty ones too mean that there is none.
        definition: an expression, or a SELECT statement for a table macro.
        arguments_schema: for tools: a nullable field per parameter.
    """

    comment: str | None = None
    tags: Mapping[str, str | None] = EMPTY_MAP
    name: str
    schema_path: tuple[str, ...]
    macro_type: MacroType
    parameters: tuple[str, ...] = ()
    parameter_default_values: bytes | None = None
    definition: str
    arguments_schema: pa.Schema | None = None


@dataclass(frozen=True, kw_only=True)
class IndexInfo:
    """An index, for description only (spec 04, section 6.3)."""

    comment: str | None = None
    tags: Mapping[str, str | None] = EMPTY_MAP
    name: str
    schema_path: tuple[str, ...]
    table_name: str
    index_type: str
    constraint_type: IndexConstraintType = IndexConstraintType.NONE
    expressions: tuple[str, ...] = ()
    options: Mapping[str, str | None] = EMPTY_MAP


@dataclass(frozen=True)
class SchemaContentsParams:
    """Parameters of listings of one kind of object."""

    attach_opaque_data: bytes
    path: tuple[str, ...]
    type: ObjectType
    transaction_opaque_data: bytes | None = None


CATALOG_SCHEMAS = unary("catalog_schemas", CatalogParams, Items)
CATALOG_SCHEMA_GET = unary("catalog_schema_get", SchemaParams, Items)
CATALOG_SCHEMA_CONTENTS_TABLES = unary("catalog_schema_contents_tables", SchemaParams, Items)
CATALOG_SCHEMA_CONTENTS_VIEWS = unary("catalog_schema_contents_views", SchemaParams, Items)
CATALOG_SCHEMA_CONTENTS_INDEXES = unary("catalog_schema_contents_indexes", SchemaParams, Items)
CATALOG_SCHEMA_CONTENTS_FUNCTIONS = unary("catalog_schema_contents_functions", SchemaContentsParams, Items)
CATALOG_SCHEMA_CONTENTS_MACROS = unary("catalog_schema_contents_macros", SchemaContentsParams, Items)
CATALOG_VIEW_GET = unary("catalog_view_get", ObjectParams, Items)
CATALOG_INDEX_GET = unary("catalog_index_get", ObjectParams, Items)
CATALOG_MACRO_GET = unary("catalog_macro_get", ObjectParams, Items)
