"""ALTER TABLE about a column, and COMMENT ON COLUMN (spec 04, section 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..functions.changes import Change, Operation
from ..functions.columns import check_columns
from .ddl import changed, record

if TYPE_CHECKING:
    from ..catalog.providers import Mount
    from ..functions.context import Context
    from ..protocol.ddl import (
        ColumnAddParams,
        ColumnCommentParams,
        ColumnDefaultParams,
        ColumnDropParams,
        ColumnParams,
        ColumnRenameParams,
        ColumnTypeChangeParams,
    )
    from ..rpc.call import Call
    from . import Service


def catalog_table_column_add(service: Service, call: Call, request: ColumnAddParams) -> None:
    """ADD COLUMN."""
    mount, ctx = changed(service, call, request)
    if request.if_column_not_exists and _has_column(mount, request.name, request.column_definition.names[0], ctx):
        return
    record(mount, Change("add_column", request.name, columns=request.column_definition), ctx)


def catalog_table_column_drop(service: Service, call: Call, request: ColumnDropParams) -> None:
    """DROP COLUMN."""
    mount, ctx = changed(service, call, request)
    if request.if_column_exists and not _has_column(mount, request.name, request.column_name, ctx):
        return
    record(mount, Change("drop_column", request.name, options={"column": request.column_name}), ctx)


def catalog_table_column_rename(service: Service, call: Call, request: ColumnRenameParams) -> None:
    """RENAME COLUMN."""
    _alter(service, call, request, "rename_column", request.column_name, new_name=request.new_column_name)


def catalog_table_column_type_change(service: Service, call: Call, request: ColumnTypeChangeParams) -> None:
    """SET DATA TYPE."""
    mount, ctx = changed(service, call, request)
    options = {"column": request.column_definition.names[0], "expression": request.expression}
    record(mount, Change("change_type", request.name, columns=request.column_definition, options=options), ctx)


def catalog_table_column_default_set(service: Service, call: Call, request: ColumnDefaultParams) -> None:
    """SET DEFAULT."""
    _alter(service, call, request, "set_default", request.column_name, expression=request.expression)


def catalog_table_column_default_drop(service: Service, call: Call, request: ColumnParams) -> None:
    """DROP DEFAULT."""
    _alter(service, call, request, "drop_default", request.column_name)


def catalog_table_not_null_set(service: Service, call: Call, request: ColumnParams) -> None:
    """SET NOT NULL."""
    _alter(service, call, request, "set_not_null", request.column_name)


def catalog_table_not_null_drop(service: Service, call: Call, request: ColumnParams) -> None:
    """DROP NOT NULL."""
    _alter(service, call, request, "drop_not_null", request.column_name)


def catalog_table_column_comment_set(service: Service, call: Call, request: ColumnCommentParams) -> None:
    """COMMENT ON COLUMN."""
    _alter(service, call, request, "comment", request.column_name, comment=request.comment)


def _alter(service: Service, call: Call, request: Any, operation: Operation, column: str, **options: Any) -> None:
    mount, ctx = changed(service, call, request)
    record(mount, Change(operation, request.name, options={"column": column, **options}), ctx)


def _has_column(mount: Mount, table: str, column: str, ctx: Context) -> bool:
    columns = check_columns(mount.definition(table, ctx).columns, f"table '{table}'")
    return column.casefold() in map(str.casefold, columns.names)
