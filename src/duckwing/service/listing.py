"""What a catalog contains: its schemas and their functions (spec 04, section 4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..catalog.declared import Catalog, Schema
from ..functions.overloads import overloads
from ..protocol.listing import ObjectType, SchemaContentsParams, SchemaInfo
from ..protocol.shared import CatalogParams, Items, ObjectParams, SchemaParams
from ..rpc.codec import Record, encode
from .attachment import attached_catalog
from .describe import aggregate_infos, scalar_infos, table_infos

if TYPE_CHECKING:
    from ..rpc.call import Call
    from . import Service


def catalog_schemas(service: Service, call: Call, request: CatalogParams) -> Items:
    """All schemas of the catalog."""
    catalog = attached_catalog(service, request.attach_opaque_data)
    return _items(_schema_info(schema, request.attach_opaque_data) for schema in catalog.schemas())


def catalog_schema_get(service: Service, call: Call, request: SchemaParams) -> Items:
    """One schema, or none."""
    schema = _schema(attached_catalog(service, request.attach_opaque_data), request.path)
    return _items([_schema_info(schema, request.attach_opaque_data)] if schema else [])


def catalog_schema_contents_functions(service: Service, call: Call, request: SchemaContentsParams) -> Items:
    """The functions of one kind in a schema."""
    schema = _schema(attached_catalog(service, request.attach_opaque_data), request.path)
    if schema is None:
        return Items()
    if request.type is ObjectType.SCALAR_FUNCTION:
        return _items(scalar_infos(schema.name, schema.scalars()))
    if request.type is ObjectType.TABLE_FUNCTION:
        return _items(table_infos(schema.name, schema.table_functions()))
    return _items(aggregate_infos(schema.name, schema.aggregates()))


def _nothing(service: Service, call: Call, request: CatalogParams | SchemaParams | ObjectParams) -> Items:
    """Kinds of objects that no catalog has yet.

    Answered rather than left out: the client asks for a table and a view of every name that it
    does not know, misspelt ones included, and an error would cost it a process.
    """
    attached_catalog(service, request.attach_opaque_data)
    return Items()


catalog_schema_contents_macros = _nothing
catalog_schema_contents_tables = _nothing
catalog_schema_contents_views = _nothing
catalog_schema_contents_indexes = _nothing
catalog_table_get = _nothing
catalog_view_get = _nothing
catalog_macro_get = _nothing
catalog_index_get = _nothing


def _items(records: Iterable[Record]) -> Items:
    return Items(tuple(encode(record) for record in records))


def _schema(catalog: Catalog, path: Sequence[str]) -> Schema | None:
    return catalog.find_schema(path[0]) if len(path) == 1 else None


def _schema_info(schema: Schema, attach_opaque_data: bytes) -> SchemaInfo:
    # Exact zeros save the client a call for each kind.
    counts = {
        "table": 0,
        "view": 0,
        "index": 0,
        "macro": 0,
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
