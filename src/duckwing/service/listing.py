"""What a catalog contains: its schemas, and what is in them (spec 04, section 4)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence, Sized
from typing import TYPE_CHECKING, TypeVar

from ..catalog.declared import Catalog
from ..catalog.schema import Schema
from ..errors import CatalogError
from ..functions.overloads import overloads
from ..protocol.listing import ObjectType, SchemaContentsParams, SchemaInfo, ViewInfo
from ..protocol.shared import CatalogParams, Items, ObjectParams, SchemaParams
from ..protocol.tables import ScanBranchesResult, ScanFunctionResult, TableAtParams, TableInfo
from ..rpc.codec import Record, encode
from .attachment import attached_catalog
from .describe import aggregate_infos, listed_table_functions, scalar_infos, table_infos
from .invocations import looking, schema_of, seen_schema

if TYPE_CHECKING:
    from ..catalog.branches import BranchTable
    from ..catalog.tables import Table
    from ..functions.context import Context
    from ..rpc.call import Call
    from . import Service


T = TypeVar("T")

LISTING_BYTES = (1 << 31) - (1 << 16)
"""The most that the records of one listing take: an Arrow binary value has less than 2 GiB (spec 01, section 19), and
the answer is one. What is left is for its framing."""

_PER_ITEM = 4
"""Bytes of the offset of each record."""

_COUNTED = 1000
"""How many objects are counted one by one. Above a threshold, this one by default, the client lists none of them to
find the one that a query names (spec 04, section 4.3)."""

_MANY = 1_000_000
"""What more of them count as, whatever the threshold may be."""


def catalog_schemas(service: Service, call: Call, request: CatalogParams) -> Items:
    """All schemas of the catalog."""
    catalog = attached_catalog(service, call, request.attach_opaque_data)
    ctx = looking(service, call, catalog, request)
    return _items(_schema_info(schema, ctx, request.attach_opaque_data) for schema in catalog.seen_schemas(ctx))


def catalog_schema_get(service: Service, call: Call, request: SchemaParams) -> Items:
    """One schema, or none."""
    _, schema, ctx = _asked(service, call, request, request.path)
    return _items([_schema_info(schema, ctx, request.attach_opaque_data)] if schema else [])


def catalog_schema_contents_functions(service: Service, call: Call, request: SchemaContentsParams) -> Items:
    """The functions of one kind in a schema."""
    schema = schema_of(attached_catalog(service, call, request.attach_opaque_data), request.path)
    if schema is None:
        return Items()
    if request.type is ObjectType.SCALAR_FUNCTION:
        return _items(scalar_infos(schema.name, schema.scalars()))
    if request.type is ObjectType.TABLE_FUNCTION:
        return _items(table_infos(schema.name, listed_table_functions(schema)))
    return _items(aggregate_infos(schema.name, schema.aggregates()))


def catalog_schema_contents_macros(service: Service, call: Call, request: SchemaContentsParams) -> Items:
    """The macros of one kind in a schema."""
    schema = schema_of(attached_catalog(service, call, request.attach_opaque_data), request.path)
    if schema is None or not schema.macros:
        return Items()
    from .objects import macro_info

    tables = request.type is ObjectType.TABLE_MACRO
    return _items(macro_info(schema.name, macro) for macro in schema.macros.values() if macro.is_table is tables)


def catalog_schema_contents_tables(service: Service, call: Call, request: SchemaParams) -> Items:
    """The tables of a schema."""
    catalog, schema, ctx = _asked(service, call, request, request.path)
    if schema is None:
        return Items()
    from .objects import any_table_info

    def info(name: str) -> TableInfo | None:
        table = schema.find_table(name, ctx)
        return None if table is None else any_table_info(catalog, table)

    return _listing(call, schema, "table", list(schema.table_names(ctx)), info)


def catalog_schema_contents_views(service: Service, call: Call, request: SchemaParams) -> Items:
    """The views of a schema."""
    _, schema, ctx = _asked(service, call, request, request.path)
    if schema is None:
        return Items()
    from .objects import view_info

    def info(name: str) -> ViewInfo | None:
        view = schema.find_view(name, ctx)
        return None if view is None else view_info(schema.name, view)

    return _listing(call, schema, "view", schema.view_names(ctx), info)


def catalog_table_get(service: Service, call: Call, request: TableAtParams) -> Items:
    """One table, or none: the client asks for a table and a view of every name that it does not know."""
    catalog, table = _table(service, call, request)
    if table is None:
        return Items()
    from .objects import any_table_info

    return _items([any_table_info(catalog, table)])


def catalog_view_get(service: Service, call: Call, request: ObjectParams) -> Items:
    """One view, or none."""
    from .objects import view_info

    _, schema, ctx = _asked(service, call, request, request.schema_path)
    return _one(schema, view_info, lambda schema: schema.find_view(request.name, ctx))


def catalog_macro_get(service: Service, call: Call, request: ObjectParams) -> Items:
    """One macro, or none."""
    from .objects import macro_info

    schema = schema_of(attached_catalog(service, call, request.attach_opaque_data), request.schema_path)
    return _one(schema, macro_info, lambda schema: schema.macros.get(request.name.casefold()))


def catalog_table_scan_branches_get(service: Service, call: Call, request: TableAtParams) -> ScanBranchesResult:
    """What a scan of a table reads, where the listing does not say it."""
    from .objects import scan_branches

    return scan_branches(*_wanted(service, call, request))


def catalog_table_column_statistics_get(service: Service, call: Call, request: ObjectParams) -> bytes | None:
    """What is declared of the columns of a table, where the listing does not say it or may have grown old."""
    from .objects import table_statistics

    _, schema, ctx = _asked(service, call, request, request.schema_path)
    table = None if schema is None else schema.find_table(request.name, ctx)
    return None if table is None else table_statistics(table)


def catalog_table_scan_function_get(service: Service, call: Call, request: TableAtParams) -> ScanFunctionResult:
    """The function that scans a table, for clients that know no branches."""
    from ..catalog.branches import BranchTable
    from .objects import scan_function

    catalog, table = _wanted(service, call, request)
    if isinstance(table, BranchTable):
        raise CatalogError(f"table '{table.name}' is read in branches, which this client does not know")
    return scan_function(catalog, table)


def _asked(
    service: Service, call: Call, request: SchemaParams | ObjectParams | TableAtParams, path: Sequence[str]
) -> tuple[Catalog, Schema | None, Context]:
    """The catalog of a request, the schema of ``path`` if there is one, and who asks."""
    catalog = attached_catalog(service, call, request.attach_opaque_data)
    ctx = looking(service, call, catalog, request)
    return catalog, seen_schema(catalog, path, ctx), ctx


def _table(service: Service, call: Call, request: TableAtParams) -> tuple[Catalog, Table | BranchTable | None]:
    """The table that a request is about, if there is one."""
    catalog, schema, ctx = _asked(service, call, request, request.schema_path)
    return catalog, None if schema is None else schema.find_table(request.name, ctx)


def _wanted(service: Service, call: Call, request: TableAtParams) -> tuple[Catalog, Table | BranchTable]:
    """The table that a request is about.

    Raises:
        CatalogError: there is none.
    """
    catalog, table = _table(service, call, request)
    if table is None:
        raise CatalogError(f"there is no table '{request.name}' in {'.'.join(request.schema_path)}")
    return catalog, table


def _no_indexes(service: Service, call: Call, request: SchemaParams | ObjectParams) -> Items:
    """No catalog has indexes. Answered, because an error would cost the client a process."""
    attached_catalog(service, call, request.attach_opaque_data)
    return Items()


catalog_schema_contents_indexes = _no_indexes
catalog_index_get = _no_indexes


def _items(records: Iterable[Record]) -> Items:
    return Items(tuple(encode(record) for record in records))


def _one(schema: Schema | None, info: Callable[[str, T], Record], find: Callable[[Schema], T | None]) -> Items:
    """The record of one object of a schema, or none if either does not exist."""
    found = None if schema is None else find(schema)
    return Items() if schema is None or found is None else _items([info(schema.name, found)])


def _listing(
    call: Call, schema: Schema, what: str, names: Sequence[str], info: Callable[[str], Record | None]
) -> Items:
    """The records of objects; those without one are left out.

    Args:
        call: gets the warnings.
        schema: has the objects.
        what: they are.
        names: all of them.
        info: the record of one; it may raise.

    Raises:
        CatalogError: they do not fit into one answer, and there is no way to send a listing in several.
    """
    items, size = [], 0
    for name in names:
        try:
            record = info(name)
        except Exception as error:
            # Its columns cannot be computed: an error would hide the others, too. Whoever names it gets the error.
            call.log("WARN", f"{what} '{name}' is not listed: {type(error).__name__}: {error}")
            continue
        if record is None:
            continue
        items.append(encode(record))
        size += len(items[-1]) + _PER_ITEM
        if size > LISTING_BYTES:
            raise CatalogError(
                f"the {len(names):,} {what}s of schema '{schema.name}' cannot be listed: the records of the first "
                f"{len(items):,} take more than {LISTING_BYTES:,} bytes, the most that one answer can carry to "
                f"DuckDB. A {what} can still be queried by its name. To list them, spread them over several schemas, "
                f"or have the provider name fewer, or shorten comments and tags"
            )
    return Items(tuple(items))


def _count(schema: Schema, what: str, names: Callable[[Context], Iterable[str]], ctx: Context) -> int | None:
    """About how many objects a listing shows; None: that cannot be told, which the listing must not hide by an error.

    A provider that names them one by one is not asked for more than it takes to see that there are many.
    """
    try:
        named = names(ctx)
        if isinstance(named, Sized):
            return len(named)
        count = sum(1 for _ in itertools.islice(named, _COUNTED + 1))
        return count if count <= _COUNTED else _MANY
    except Exception as error:
        ctx.log(
            f"the {what} of schema '{schema.name}' cannot be counted: {type(error).__name__}: {error}", level="WARN"
        )
        return None


def _schema_info(schema: Schema, ctx: Context, attach_opaque_data: bytes) -> SchemaInfo:
    # Exact zeros save the client a call for each kind.
    counts = {
        "table": _count(schema, "tables", schema.table_names, ctx),
        "view": _count(schema, "views", schema.view_names, ctx),
        "index": 0,
        "macro": len(schema.macros),
        "aggregate_function": len(overloads(schema.aggregates())),
        "scalar_function": len(overloads(schema.scalars())),
        "table_function": len(overloads(listed_table_functions(schema))),
    }
    return SchemaInfo(
        comment=schema.comment,
        tags=schema.tags,
        attach_opaque_data=attach_opaque_data,
        path=(schema.name,),
        estimated_object_count=counts,
    )
