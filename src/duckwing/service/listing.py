"""What a catalog contains: its schemas, and what is in them (spec 04, section 4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..catalog.declared import Catalog
from ..catalog.schema import Schema
from ..errors import CatalogError
from ..functions.overloads import overloads
from ..protocol.listing import ObjectType, SchemaContentsParams, SchemaInfo
from ..protocol.shared import CatalogParams, Items, ObjectParams, SchemaParams
from ..protocol.tables import ScanBranchesResult, ScanFunctionResult, TableAtParams
from ..rpc.codec import Record, encode
from .attachment import attached_catalog
from .describe import aggregate_infos, scalar_infos, table_infos
from .invocations import looking, schema_of

if TYPE_CHECKING:
    from ..catalog.branches import BranchTable
    from ..catalog.tables import Table
    from ..functions.context import Context
    from ..rpc.call import Call
    from . import Service


def catalog_schemas(service: Service, call: Call, request: CatalogParams) -> Items:
    """All schemas of the catalog."""
    catalog = attached_catalog(service, request.attach_opaque_data)
    ctx = looking(service, call, catalog, request)
    return _items(_schema_info(schema, ctx, request.attach_opaque_data) for schema in catalog.schemas())


def catalog_schema_get(service: Service, call: Call, request: SchemaParams) -> Items:
    """One schema, or none."""
    catalog = attached_catalog(service, request.attach_opaque_data)
    schema = schema_of(catalog, request.path)
    ctx = looking(service, call, catalog, request)
    return _items([_schema_info(schema, ctx, request.attach_opaque_data)] if schema else [])


def catalog_schema_contents_functions(service: Service, call: Call, request: SchemaContentsParams) -> Items:
    """The functions of one kind in a schema."""
    schema = schema_of(attached_catalog(service, request.attach_opaque_data), request.path)
    if schema is None:
        return Items()
    if request.type is ObjectType.SCALAR_FUNCTION:
        return _items(scalar_infos(schema.name, schema.scalars()))
    if request.type is ObjectType.TABLE_FUNCTION:
        return _items(table_infos(schema.name, schema.table_functions()))
    return _items(aggregate_infos(schema.name, schema.aggregates()))


def catalog_schema_contents_macros(service: Service, call: Call, request: SchemaContentsParams) -> Items:
    """The macros of one kind in a schema."""
    schema = schema_of(attached_catalog(service, request.attach_opaque_data), request.path)
    if schema is None or not schema.macros:
        return Items()
    from .objects import macro_info

    tables = request.type is ObjectType.TABLE_MACRO
    return _items(macro_info(schema.name, macro) for macro in schema.macros.values() if macro.is_table is tables)


def catalog_schema_contents_tables(service: Service, call: Call, request: SchemaParams) -> Items:
    """The tables of a schema."""
    catalog = attached_catalog(service, request.attach_opaque_data)
    schema = schema_of(catalog, request.path)
    if schema is None:
        return Items()
    from .objects import any_table_info

    infos = []
    ctx = looking(service, call, catalog, request)
    for name in schema.table_names(ctx):
        try:
            table = schema.find_table(name, ctx)
            if table is not None:
                infos.append(any_table_info(catalog, table))
        except Exception as error:
            # Its columns cannot be computed: an error would hide the others, too. Whoever names it gets the error.
            call.log("WARN", f"table '{name}' is not listed: {type(error).__name__}: {error}")
    return _items(infos)


def catalog_schema_contents_views(service: Service, call: Call, request: SchemaParams) -> Items:
    """The views of a schema."""
    schema = schema_of(attached_catalog(service, request.attach_opaque_data), request.path)
    if schema is None or not schema.views:
        return Items()
    from .objects import view_info

    return _items(view_info(schema.name, view) for view in schema.views.values())


def catalog_table_get(service: Service, call: Call, request: TableAtParams) -> Items:
    """One table, or none: the client asks for a table and a view of every name that it does not know."""
    catalog = attached_catalog(service, request.attach_opaque_data)
    schema = schema_of(catalog, request.schema_path)
    table = schema.find_table(request.name, looking(service, call, catalog, request)) if schema is not None else None
    if table is None:
        return Items()
    from .objects import any_table_info

    return _items([any_table_info(catalog, table)])


def catalog_view_get(service: Service, call: Call, request: ObjectParams) -> Items:
    """One view, or none."""
    schema = schema_of(attached_catalog(service, request.attach_opaque_data), request.schema_path)
    view = schema.views.get(request.name.casefold()) if schema is not None else None
    if schema is None or view is None:
        return Items()
    from .objects import view_info

    return _items([view_info(schema.name, view)])


def catalog_macro_get(service: Service, call: Call, request: ObjectParams) -> Items:
    """One macro, or none."""
    schema = schema_of(attached_catalog(service, request.attach_opaque_data), request.schema_path)
    macro = schema.macros.get(request.name.casefold()) if schema is not None else None
    if schema is None or macro is None:
        return Items()
    from .objects import macro_info

    return _items([macro_info(schema.name, macro)])


def catalog_table_scan_branches_get(service: Service, call: Call, request: TableAtParams) -> ScanBranchesResult:
    """What a scan of a table reads, where the listing does not say it."""
    from .objects import scan_branches

    return scan_branches(*_wanted(service, call, request))


def catalog_table_scan_function_get(service: Service, call: Call, request: TableAtParams) -> ScanFunctionResult:
    """The function that scans a table, for clients that know no branches."""
    from ..catalog.branches import BranchTable
    from .objects import scan_function

    catalog, table = _wanted(service, call, request)
    if isinstance(table, BranchTable):
        raise CatalogError(f"table '{table.name}' is read in branches, which this client does not know")
    return scan_function(catalog, table)


def _wanted(service: Service, call: Call, request: TableAtParams) -> tuple[Catalog, Table | BranchTable]:
    """The table that a request is about.

    Raises:
        CatalogError: there is none.
    """
    catalog = attached_catalog(service, request.attach_opaque_data)
    schema = schema_of(catalog, request.schema_path)
    table = schema.find_table(request.name, looking(service, call, catalog, request)) if schema is not None else None
    if table is None:
        raise CatalogError(f"there is no table '{request.name}' in {'.'.join(request.schema_path)}")
    return catalog, table


def _no_indexes(service: Service, call: Call, request: SchemaParams | ObjectParams) -> Items:
    """No catalog has indexes. Answered, because an error would cost the client a process."""
    attached_catalog(service, request.attach_opaque_data)
    return Items()


catalog_schema_contents_indexes = _no_indexes
catalog_index_get = _no_indexes


def _items(records: Iterable[Record]) -> Items:
    return Items(tuple(encode(record) for record in records))


def _table_count(schema: Schema, ctx: Context) -> int | None:
    """How many tables a listing shows; None: that cannot be told, which the listing must not hide by an error."""
    try:
        return len(schema.table_names(ctx))
    except Exception as error:
        ctx.log(
            f"the tables of schema '{schema.name}' cannot be counted: {type(error).__name__}: {error}", level="WARN"
        )
        return None


def _schema_info(schema: Schema, ctx: Context, attach_opaque_data: bytes) -> SchemaInfo:
    # Exact zeros save the client a call for each kind.
    counts = {
        "table": _table_count(schema, ctx),
        "view": len(schema.views),
        "index": 0,
        "macro": len(schema.macros),
        "aggregate_function": len(overloads(schema.aggregates())),
        "scalar_function": len(overloads(schema.scalars())),
        "table_function": len(overloads(schema.table_functions())),
    }
    return SchemaInfo(
        comment=schema.comment,
        tags=schema.tags,
        attach_opaque_data=attach_opaque_data,
        path=(schema.name,),
        estimated_object_count=counts,
    )
