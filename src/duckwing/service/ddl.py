"""Statements that make and remove schemas, tables and views (spec 04, section 9); ``alter`` has those about columns.

They are kept in the journal of their transaction, like changes of rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..catalog.writing import check_changes, record_change
from ..errors import CatalogError
from ..functions.changes import Change
from ..protocol.shared import OnConflict
from .attachment import attached_catalog
from .invocations import looking, seen_schema
from .refusals import refused
from .transactions import note_tables

if TYPE_CHECKING:
    from ..catalog.declared import Catalog
    from ..catalog.providers import Mount
    from ..functions.context import Context
    from ..protocol.ddl import (
        ObjectCommentParams,
        ObjectDropParams,
        ObjectRenameParams,
        SchemaCreateParams,
        SchemaDropParams,
        TableCreateRequest,
        ViewCreateParams,
    )
    from ..rpc.call import Call
    from . import Service


def catalog_schema_create(service: Service, call: Call, request: SchemaCreateParams) -> None:
    """CREATE SCHEMA."""
    mount, ctx = _of_schemas(service, call, request)
    [name] = request.path
    catalog = attached_catalog(service, call, request.attach_opaque_data)
    found = catalog.seen_schema(name, ctx)
    if found is not None:
        if request.on_conflict is OnConflict.IGNORE:
            return
        if request.on_conflict is OnConflict.ERROR:
            raise CatalogError(f"schema '{found.name}' already exists")
        _check_not_declared(catalog, name)
        _drop_schema(mount, found.name, True, ctx)
    record(mount, Change("create_schema", name), ctx)


def catalog_schema_drop(service: Service, call: Call, request: SchemaDropParams) -> None:
    """DROP SCHEMA."""
    mount, ctx = _of_schemas(service, call, request)
    [name] = request.path
    catalog = attached_catalog(service, call, request.attach_opaque_data)
    _check_not_declared(catalog, name)
    found = catalog.seen_schema(name, ctx)
    if found is None:
        if request.ignore_not_found:
            return
        raise CatalogError(f"there is no schema '{name}'")
    if not request.cascade and (left := [*found.table_names(ctx), *found.view_names(ctx)]):
        raise CatalogError(f"schema '{found.name}' still has {', '.join(left[:5])}; DROP SCHEMA … CASCADE drops all")
    _drop_schema(mount, found.name, request.cascade, ctx)
    check_changes(mount, ctx)


def _check_not_declared(catalog: Catalog, schema: str) -> None:
    if catalog.find_schema(schema) is not None:
        raise CatalogError(f"schema '{schema}' is declared by the worker; it cannot be dropped")


def _drop_schema(mount: Mount, name: str, cascade: bool, ctx: Context) -> None:
    record_change(mount, Change("drop_schema", name, options={"cascade": cascade}), ctx)


def catalog_table_create(service: Service, call: Call, request: TableCreateRequest) -> None:
    """CREATE TABLE, also the one of CREATE TABLE AS."""
    mount, ctx = changed(service, call, request)
    if not _make_room(mount, "table", request.name, request.on_conflict, ctx):
        return
    if request.foreign_key_constraints:
        raise CatalogError(f"table '{request.name}': foreign keys cannot be created here")
    names = request.columns.names
    options = {
        "primary_key": [names[place] for key in request.primary_key_constraints for place in key],
        "not_null": [names[place] for place in request.not_null_constraints],
        "unique": [[names[place] for place in key] for key in request.unique_constraints],
        "checks": list(request.check_constraints),
    }
    record(mount, Change("create_table", request.name, columns=request.columns, options=options), ctx)


def catalog_table_drop(service: Service, call: Call, request: ObjectDropParams) -> None:
    """DROP TABLE."""
    mount, ctx = changed(service, call, request)
    if request.ignore_not_found and mount.kind_of(request.name, ctx) != "table":
        return
    record(mount, Change("drop_table", request.name), ctx)


def catalog_table_rename(service: Service, call: Call, request: ObjectRenameParams) -> None:
    """ALTER TABLE … RENAME TO."""
    mount, ctx = changed(service, call, request)
    record(mount, Change("rename_table", request.name, options={"new_name": request.new_name}), ctx)


def catalog_view_create(service: Service, call: Call, request: ViewCreateParams) -> None:
    """CREATE VIEW."""
    mount, ctx = changed(service, call, request)
    if _make_room(mount, "view", request.name, request.on_conflict, ctx):
        record(mount, Change("create_view", request.name, options={"definition": request.definition}), ctx)


def catalog_view_drop(service: Service, call: Call, request: ObjectDropParams) -> None:
    """DROP VIEW."""
    mount, ctx = changed(service, call, request)
    if request.ignore_not_found and mount.kind_of(request.name, ctx) != "view":
        return
    record(mount, Change("drop_view", request.name), ctx)


def catalog_view_rename(service: Service, call: Call, request: ObjectRenameParams) -> None:
    """ALTER VIEW … RENAME TO."""
    mount, ctx = changed(service, call, request)
    record(mount, Change("rename_view", request.name, options={"new_name": request.new_name}), ctx)


def catalog_table_comment_set(service: Service, call: Call, request: ObjectCommentParams) -> None:
    """COMMENT ON TABLE and COMMENT ON VIEW."""
    mount, ctx = changed(service, call, request)
    record(mount, Change("comment", request.name, options={"column": None, "comment": request.comment}), ctx)


catalog_view_comment_set = catalog_table_comment_set


def record(mount: Mount, change: Change, ctx: Context) -> None:
    """Keep what a statement changes, and let the provider refuse it.

    Raises:
        CatalogError: the provider does not take such changes.
        Exception: whatever it raises.
    """
    record_change(mount, change, ctx)
    check_changes(mount, ctx)


def changed(service: Service, call: Call, request: Any) -> tuple[Mount, Context]:
    """The provider whose tables or views a statement changes, and who asks.

    Raises:
        CatalogError: those of this schema cannot be changed.
    """
    catalog = attached_catalog(service, call, request.attach_opaque_data)
    ctx = looking(service, call, catalog, request)
    schema = seen_schema(catalog, request.schema_path, ctx)
    mount = schema.mounted if schema is not None else None
    if schema is None or mount is None or not mount.writes:
        raise refused(catalog, call.method)
    if request.name.casefold() in schema.declared_relations:
        raise CatalogError(
            f"'{request.name}' in schema '{schema.name}' is declared by the worker; it cannot be changed"
        )
    note_tables(service, request.attach_opaque_data)
    return mount, ctx


def _of_schemas(service: Service, call: Call, request: Any) -> tuple[Mount, Context]:
    """The provider that has schemas of its own, and who asks.

    Raises:
        CatalogError: the catalog has none.
    """
    catalog = attached_catalog(service, call, request.attach_opaque_data)
    source = catalog.schema_source
    if source is None or source.mounted is None:
        raise refused(catalog, call.method, "; it has no provider with the method schemas(ctx)")
    if len(request.path) != 1:
        raise CatalogError(f"schemas cannot be nested: {'.'.join(request.path)}")
    note_tables(service, request.attach_opaque_data)
    return source.mounted, looking(service, call, catalog, request)


def _make_room(mount: Mount, kind: str, name: str, on_conflict: OnConflict, ctx: Context) -> bool:
    """Have a name be free for a new table or view.

    Returns:
        Whether the statement has anything left to do.

    Raises:
        CatalogError: the name is taken.
    """
    taken = mount.kind_of(name, ctx)
    if taken is None:
        return True
    if taken == kind and on_conflict is OnConflict.IGNORE:
        return False
    if taken != kind or on_conflict is OnConflict.ERROR:
        raise CatalogError(f"{taken} '{name}' already exists")
    record_change(mount, Change("drop_table" if kind == "table" else "drop_view", name), ctx)
    return True
