"""Statements that change which tables there are and what columns they have (spec 04, section 9).

They are kept in the journal of their transaction, like changes of rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..catalog.writing import check_changes, record_change
from ..errors import CatalogError
from ..functions.changes import Change
from ..functions.columns import check_columns
from ..protocol.shared import OnConflict
from .attachment import attached_catalog
from .invocations import looking, schema_of
from .refusals import refused
from .transactions import note_tables

if TYPE_CHECKING:
    from ..catalog.providers import Mount
    from ..functions.context import Context
    from ..protocol.ddl import (
        ColumnAddParams,
        ColumnDropParams,
        ColumnRenameParams,
        ObjectDropParams,
        ObjectRenameParams,
        TableCreateRequest,
    )
    from ..rpc.call import Call
    from . import Service


def catalog_table_create(service: Service, call: Call, request: TableCreateRequest) -> None:
    """CREATE TABLE, also the one of CREATE TABLE AS."""
    mount, ctx = _changed(service, call, request)
    if mount.provider(ctx).table(request.name, ctx) is not None:
        if request.on_conflict is OnConflict.IGNORE:
            return
        if request.on_conflict is OnConflict.ERROR:
            raise CatalogError(f"table '{request.name}' already exists")
        record_change(mount, Change("drop_table", request.name), ctx)
    if request.foreign_key_constraints:
        raise CatalogError(f"table '{request.name}': foreign keys cannot be created here")
    names = request.columns.names
    options = {
        "primary_key": [names[place] for key in request.primary_key_constraints for place in key],
        "not_null": [names[place] for place in request.not_null_constraints],
        "unique": [[names[place] for place in key] for key in request.unique_constraints],
        "checks": list(request.check_constraints),
    }
    _record(mount, Change("create_table", request.name, columns=request.columns, options=options), ctx)


def catalog_table_drop(service: Service, call: Call, request: ObjectDropParams) -> None:
    """DROP TABLE."""
    mount, ctx = _changed(service, call, request)
    if mount.provider(ctx).table(request.name, ctx) is None and request.ignore_not_found:
        return
    _record(mount, Change("drop_table", request.name), ctx)


def catalog_table_rename(service: Service, call: Call, request: ObjectRenameParams) -> None:
    """ALTER TABLE … RENAME TO."""
    mount, ctx = _changed(service, call, request)
    _record(mount, Change("rename_table", request.name, options={"new_name": request.new_name}), ctx)


def catalog_table_column_add(service: Service, call: Call, request: ColumnAddParams) -> None:
    """ALTER TABLE … ADD COLUMN."""
    mount, ctx = _changed(service, call, request)
    if request.if_column_not_exists and _has_column(mount, request.name, request.column_definition.names[0], ctx):
        return
    _record(mount, Change("add_column", request.name, columns=request.column_definition), ctx)


def catalog_table_column_drop(service: Service, call: Call, request: ColumnDropParams) -> None:
    """ALTER TABLE … DROP COLUMN."""
    mount, ctx = _changed(service, call, request)
    if request.if_column_exists and not _has_column(mount, request.name, request.column_name, ctx):
        return
    _record(mount, Change("drop_column", request.name, options={"column": request.column_name}), ctx)


def catalog_table_column_rename(service: Service, call: Call, request: ColumnRenameParams) -> None:
    """ALTER TABLE … RENAME COLUMN."""
    mount, ctx = _changed(service, call, request)
    options = {"column": request.column_name, "new_name": request.new_column_name}
    _record(mount, Change("rename_column", request.name, options=options), ctx)


def _record(mount: Mount, change: Change, ctx: Context) -> None:
    """Keep what a statement changes, and let the provider refuse it.

    Raises:
        CatalogError: the provider does not take such changes.
        Exception: whatever it raises.
    """
    record_change(mount, change, ctx)
    check_changes(mount, ctx)


def _changed(service: Service, call: Call, request: Any) -> tuple[Mount, Context]:
    """The provider whose tables a statement changes, and who asks.

    Raises:
        CatalogError: the tables of this schema cannot be changed.
    """
    catalog = attached_catalog(service, request.attach_opaque_data)
    schema = schema_of(catalog, request.schema_path)
    mount = schema.mounted if schema is not None else None
    if mount is None or not mount.writes:
        raise refused(catalog, call.method)
    note_tables(service, request.attach_opaque_data)
    return mount, looking(service, call, catalog, request)


def _has_column(mount: Mount, table: str, column: str, ctx: Context) -> bool:
    columns = check_columns(mount.definition(table, ctx).columns, f"table '{table}'")
    return column.casefold() in map(str.casefold, columns.names)
