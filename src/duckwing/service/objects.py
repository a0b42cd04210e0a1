"""Tables, views and macros as the records with which the catalog lists them (spec 04, sections 5 and 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..functions.results import known_by_name
from ..protocol import metadata
from ..protocol.calls import BindResponse
from ..protocol.listing import MacroInfo, MacroType, ViewInfo
from ..protocol.tables import ForeignKeyInfo, ScanFunctionResult, TableInfo
from ..rpc.codec import encode_batch

if TYPE_CHECKING:
    from ..catalog.declared import Catalog
    from ..catalog.tables import ForeignKey, Table
    from ..catalog.views import Macro, View


def table_info(catalog: Catalog, table: Table) -> TableInfo:
    """A table with all that saves the client further calls before a scan.

    Raises:
        Exception: its columns are computed, and computing them raises.
    """
    return TableInfo(
        comment=table.comment,
        tags=table.tags,
        name=table.name,
        schema_path=(table.schema,),
        columns=table.columns,
        not_null_constraints=table.positions(table.not_null),
        unique_constraints=tuple(table.positions(group) for group in table.unique),
        check_constraints=tuple(table.checks),
        primary_key_constraints=(table.positions(table.primary_key),) if table.primary_key else (),
        foreign_key_constraints=tuple(_foreign_key(catalog, table, key) for key in table.foreign_keys),
        scan_function=scan_function(catalog, table),
        bind_result=_bind_result(table) if table.is_fixed else None,
        required_filters=tuple(tuple(group) for group in table.required_filters),
        **_estimates(table),
    )


def scan_function(catalog: Catalog, table: Table) -> ScanFunctionResult:
    """The function that scans a table, with its arguments."""
    function = table.function
    home = next(
        schema.name
        for schema in [catalog.find_schema(table.schema), *catalog.schemas()]
        if schema is not None and any(other is function for other in schema.table_functions(function.name))
    )
    return ScanFunctionResult(function.name, table.arguments.encode(), schema_path=(home,))


def view_info(schema: str, view: View) -> ViewInfo:
    """A view."""
    return ViewInfo(
        comment=view.comment,
        tags=view.tags,
        name=view.name,
        schema_path=(schema,),
        definition=view.definition,
        column_comments=view.column_comments,
    )


def macro_info(schema: str, macro: Macro) -> MacroInfo:
    """A macro."""
    defaults = {name: pa.array([value]) for name, value in macro.defaults.items()}
    return MacroInfo(
        comment=macro.comment,
        tags=macro.tags,
        name=macro.name,
        schema_path=(schema,),
        macro_type=MacroType.TABLE if macro.is_table else MacroType.SCALAR,
        parameters=tuple(macro.parameters),
        parameter_default_values=encode_batch(pa.RecordBatch.from_pydict(defaults)) if defaults else None,
        definition=macro.definition,
        arguments_schema=pa.schema(
            [
                pa.field(
                    name,
                    defaults[name].type if name in defaults else pa.null(),
                    metadata={metadata.DOC: macro.docs[name].encode()} if name in macro.docs else None,
                )
                for name in macro.parameters
            ]
        ),
    )


def _bind_result(table: Table) -> BindResponse:
    columns, data = table.scanned
    if data is None:
        return BindResponse(columns)
    from ..state.values import dump_value

    return BindResponse(columns, dump_value(data))


def _foreign_key(catalog: Catalog, table: Table, key: ForeignKey) -> ForeignKeyInfo:
    schema, _, name = key.table.rpartition(".")
    return ForeignKeyInfo(tuple(key.columns), tuple(key.referenced or key.columns), name, (schema or table.schema,))


def _estimates(table: Table) -> dict[str, Any]:
    """What the optimizer wants to know, where it is the same for all scans; else it asks for each."""
    bound = table.bound
    hints = bound.function.hints
    if hints is None or not table.is_fixed:
        return {}
    known = known_by_name(bound.function.signature, bound.context, bound.values.by_name)
    cardinality = hints.cardinality_of(known, bound.what)
    statistics = hints.statistics_of(known, table.scanned[0], bound.what)
    return {
        "cardinality_estimate": cardinality.estimate,
        "cardinality_max": cardinality.max,
        "column_statistics": None if statistics is None else encode_batch(statistics),
    }
