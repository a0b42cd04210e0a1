"""What a worker lists, read over its protocol as DuckDB reads it."""

from __future__ import annotations

from dataclasses import dataclass

from ..client import WorkerConnection
from ..protocol.catalogs import SecretTypeSpec, SettingSpec
from ..protocol.functions import FunctionInfo
from ..protocol.listing import (
    CATALOG_SCHEMA_CONTENTS_FUNCTIONS,
    CATALOG_SCHEMA_CONTENTS_MACROS,
    CATALOG_SCHEMA_CONTENTS_TABLES,
    CATALOG_SCHEMA_CONTENTS_VIEWS,
    CATALOG_SCHEMAS,
    MacroInfo,
    ObjectType,
    SchemaContentsParams,
    SchemaInfo,
    ViewInfo,
)
from ..protocol.shared import CatalogParams, SchemaParams
from ..protocol.tables import TableInfo
from ..rpc.codec import decode

_FUNCTIONS = (ObjectType.SCALAR_FUNCTION, ObjectType.TABLE_FUNCTION, ObjectType.AGGREGATE_FUNCTION)


@dataclass(frozen=True)
class Contents:
    """What a catalog has.

    Attributes:
        name: the catalog's.
        functions: pairs of a schema's name and a function, a pair for each form of a function.
        described: what has a description and is no function: what it is, its name, the description.
        tables: its tables.
        views: its views.
        macros: its macros.
    """

    name: str
    functions: tuple[tuple[str, FunctionInfo], ...]
    described: tuple[tuple[str, str, str], ...]
    tables: tuple[TableInfo, ...]
    views: tuple[ViewInfo, ...]
    macros: tuple[MacroInfo, ...]


def read_contents(worker: WorkerConnection) -> list[Contents]:
    """The contents of all catalogs of a worker.

    Raises:
        RpcError: the worker does not answer, or refuses.
    """
    found: list[Contents] = []
    for name in worker.catalogs():
        about = worker.attach(name).about
        handle = about.attach_opaque_data
        functions: list[tuple[str, FunctionInfo]] = []
        tables: list[TableInfo] = []
        views: list[ViewInfo] = []
        macros: list[MacroInfo] = []
        for item in worker.rpc.call(CATALOG_SCHEMAS, CatalogParams(handle)).items:
            path = decode(SchemaInfo, item).path
            for kind in _FUNCTIONS:
                params = SchemaContentsParams(handle, path, kind)
                listed = worker.rpc.call(CATALOG_SCHEMA_CONTENTS_FUNCTIONS, params).items
                functions += [(".".join(path), decode(FunctionInfo, record)) for record in listed]
            schema = SchemaParams(handle, path)
            tables += [decode(TableInfo, r) for r in worker.rpc.call(CATALOG_SCHEMA_CONTENTS_TABLES, schema).items]
            views += [decode(ViewInfo, r) for r in worker.rpc.call(CATALOG_SCHEMA_CONTENTS_VIEWS, schema).items]
            for kind in (ObjectType.SCALAR_MACRO, ObjectType.TABLE_MACRO):
                params = SchemaContentsParams(handle, path, kind)
                listed = worker.rpc.call(CATALOG_SCHEMA_CONTENTS_MACROS, params).items
                macros += [decode(MacroInfo, record) for record in listed]
        settings = [decode(SettingSpec, record) for record in about.settings]
        secret_types = [decode(SecretTypeSpec, record) for record in about.secret_types]
        described = [
            *(("setting", setting.name, setting.description) for setting in settings),
            *(("secret type", secret_type.name, secret_type.description) for secret_type in secret_types),
        ]
        found.append(Contents(name, tuple(functions), tuple(described), tuple(tables), tuple(views), tuple(macros)))
    return found
