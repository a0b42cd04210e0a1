"""CREATE, DROP, ALTER and COMMENT (spec 04, section 9). Every method answers with nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import pyarrow as pa

from ..rpc.codec import EMPTY_MAP, NESTED
from ..rpc.method import unary
from .listing import IndexConstraintType, MacroType
from .shared import OnConflict as OnConflict
from .tables import ForeignKeyInfo


@dataclass(frozen=True)
class SchemaCreateParams:
    """Parameters of ``catalog_schema_create``."""

    attach_opaque_data: bytes
    path: tuple[str, ...]
    on_conflict: OnConflict
    comment: str | None = None
    tags: Mapping[str, str | None] | None = None
    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True)
class SchemaDropParams:
    """Parameters of ``catalog_schema_drop``."""

    attach_opaque_data: bytes
    path: tuple[str, ...]
    ignore_not_found: bool
    cascade: bool
    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class TableCreateRequest:
    """Request of ``catalog_table_create``; fields as in :class:`~duckwing.protocol.tables.TableInfo`.

    All fields of ``columns`` are nullable; NOT NULL is in ``not_null_constraints`` alone.
    """

    attach_opaque_data: bytes
    schema_path: tuple[str, ...]
    name: str
    columns: pa.Schema
    on_conflict: OnConflict
    not_null_constraints: tuple[Annotated[int, pa.int32()], ...] = ()
    unique_constraints: tuple[tuple[Annotated[int, pa.int32()], ...], ...] = ()
    check_constraints: tuple[str, ...] = ()
    primary_key_constraints: tuple[tuple[Annotated[int, pa.int32()], ...], ...] = ()
    foreign_key_constraints: tuple[Annotated[ForeignKeyInfo, NESTED], ...] = ()
    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True)
class ObjectDropParams:
    """Parameters of dropping a table, view or index."""

    attach_opaque_data: bytes
    schema_path: tuple[str, ...]
    name: str
    ignore_not_found: bool
    cascade: bool
    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True)
class ObjectRenameParams:
    """Parameters of renaming a table or view."""

    attach_opaque_data: bytes
    schema_path: tuple[str, ...]
    name: str
    new_name: str
    ignore_not_found: bool
    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True)
class ObjectCommentParams:
    """Parameters of COMMENT ON a table or view; ``comment`` None removes it."""

    attach_opaque_data: bytes
    schema_path: tuple[str, ...]
    name: str
    comment: str | None
    ignore_not_found: bool
    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True)
class ColumnAddParams:
    """Parameters of ADD COLUMN; ``column_definition`` has one field."""

    attach_opaque_data: bytes
    schema_path: tuple[str, ...]
    name: str
    column_definition: pa.Schema
    ignore_not_found: bool
    if_column_not_exists: bool
    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True)
class ColumnDropParams:
    """Parameters of DROP COLUMN."""

    attach_opaque_data: bytes
    schema_path: tuple[str, ...]
    name: str
    column_name: str
    ignore_not_found: bool
    if_column_exists: bool
    cascade: bool
    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True)
class ColumnRenameParams:
    """Parameters of RENAME COLUMN."""

    attach_opaque_data: bytes
    schema_path: tuple[str, ...]
    name: str
    column_name: str
    new_column_name: str
    ignore_not_found: bool
    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True)
class ColumnTypeChangeParams:
    """Parameters of SET DATA TYPE.

    Attributes:
        column_definition: one field: the column with its new type.
        expression: SQL that makes the new value, e.g. ``CAST("x" AS INTEGER)``.
    """

    attach_opaque_data: bytes
    schema_path: tuple[str, ...]
    name: str
    column_definition: pa.Schema
    expression: str | None
    ignore_not_found: bool
    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True)
class ColumnDefaultParams:
    """Parameters of SET DEFAULT; ``expression`` is SQL."""

    attach_opaque_data: bytes
    schema_path: tuple[str, ...]
    name: str
    column_name: str
    expression: str
    ignore_not_found: bool
    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True)
class ColumnCommentParams:
    """Parameters of COMMENT ON COLUMN; ``comment`` None removes it."""

    attach_opaque_data: bytes
    schema_path: tuple[str, ...]
    name: str
    column_name: str
    comment: str | None
    ignore_not_found: bool
    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True)
class ColumnParams:
    """Parameters of an ALTER COLUMN that needs the column alone."""

    attach_opaque_data: bytes
    schema_path: tuple[str, ...]
    name: str
    column_name: str
    ignore_not_found: bool
    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True)
class ViewCreateParams:
    """Parameters of CREATE VIEW; ``definition`` is the SELECT statement."""

    attach_opaque_data: bytes
    schema_path: tuple[str, ...]
    name: str
    definition: str
    on_conflict: OnConflict
    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class MacroCreateRequest:
    """Request of ``catalog_macro_create``; fields as in :class:`~duckwing.protocol.listing.MacroInfo`."""

    attach_opaque_data: bytes
    schema_path: tuple[str, ...]
    name: str
    macro_type: MacroType
    parameters: tuple[str, ...] = ()
    definition: str
    on_conflict: OnConflict
    parameter_default_values: bytes | None = None
    arguments_schema: pa.Schema | None = None
    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True)
class MacroDropParams:
    """Parameters of DROP MACRO."""

    attach_opaque_data: bytes
    schema_path: tuple[str, ...]
    name: str
    ignore_not_found: bool
    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class IndexCreateRequest:
    """Request of ``catalog_index_create``; fields as in :class:`~duckwing.protocol.listing.IndexInfo`."""

    attach_opaque_data: bytes
    schema_path: tuple[str, ...]
    name: str
    table_name: str
    index_type: str
    constraint_type: IndexConstraintType
    expressions: tuple[str, ...]
    on_conflict: OnConflict
    options: Mapping[str, str | None] = EMPTY_MAP
    transaction_opaque_data: bytes | None = None


CATALOG_SCHEMA_CREATE = unary("catalog_schema_create", SchemaCreateParams)
CATALOG_SCHEMA_DROP = unary("catalog_schema_drop", SchemaDropParams)
CATALOG_TABLE_CREATE = unary("catalog_table_create", TableCreateRequest, wrapped=True)
CATALOG_TABLE_DROP = unary("catalog_table_drop", ObjectDropParams)
CATALOG_TABLE_RENAME = unary("catalog_table_rename", ObjectRenameParams)
CATALOG_TABLE_COMMENT_SET = unary("catalog_table_comment_set", ObjectCommentParams)
CATALOG_TABLE_COLUMN_ADD = unary("catalog_table_column_add", ColumnAddParams)
CATALOG_TABLE_COLUMN_DROP = unary("catalog_table_column_drop", ColumnDropParams)
CATALOG_TABLE_COLUMN_RENAME = unary("catalog_table_column_rename", ColumnRenameParams)
CATALOG_TABLE_COLUMN_TYPE_CHANGE = unary("catalog_table_column_type_change", ColumnTypeChangeParams)
CATALOG_TABLE_COLUMN_DEFAULT_SET = unary("catalog_table_column_default_set", ColumnDefaultParams)
CATALOG_TABLE_COLUMN_DEFAULT_DROP = unary("catalog_table_column_default_drop", ColumnParams)
CATALOG_TABLE_COLUMN_COMMENT_SET = unary("catalog_table_column_comment_set", ColumnCommentParams)
CATALOG_TABLE_NOT_NULL_SET = unary("catalog_table_not_null_set", ColumnParams)
CATALOG_TABLE_NOT_NULL_DROP = unary("catalog_table_not_null_drop", ColumnParams)
CATALOG_VIEW_CREATE = unary("catalog_view_create", ViewCreateParams)
CATALOG_VIEW_DROP = unary("catalog_view_drop", ObjectDropParams)
CATALOG_VIEW_RENAME = unary("catalog_view_rename", ObjectRenameParams)
CATALOG_VIEW_COMMENT_SET = unary("catalog_view_comment_set", ObjectCommentParams)
CATALOG_MACRO_CREATE = unary("catalog_macro_create", MacroCreateRequest, wrapped=True)
CATALOG_MACRO_DROP = unary("catalog_macro_drop", MacroDropParams)
CATALOG_INDEX_CREATE = unary("catalog_index_create", IndexCreateRequest, wrapped=True)
CATALOG_INDEX_DROP = unary("catalog_index_drop", ObjectDropParams)
