"""Tables, views and macros as the records with which the catalog lists them (spec 04, sections 5 and 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

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
        write_result_modes=dict.fromkeys(table.writers, "rows"),
        insert_function=_write_function(table, "insert"),
        update_function=_write_function(table, "update"),
        delete_function=_write_function(table, "delete"),
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


def _write_function(table: Table, operation: str) -> ScanFunctionResult | None:
    name = table.writers.get(operation)
    return None if name is None else ScanFunctionResult(name, table.arguments.encode(), schema_path=(table.schema,))


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
                    metadata=_of_parameter(macro, name),
                )
                for name in macro.parameters
            ]
        ),
    )


def _of_parameter(macro: Macro, name: str) -> dict[bytes, bytes]:
    properties: dict[bytes, bytes] = {}
    if name in macro.docs:
        properties[metadata.DOC] = macro.docs[name].encode()
    if name in macro.defaults:
        import json

        properties[metadata.DEFAULT] = json.dumps(macro.defaults[name]).encode()
    return properties


def _bind_result(table: Table) -> BindResponse:
    columns, data = table.scanned
    if data is None:
        return BindResponse(columns)
    from ..state.values import dump_value

    return BindResponse(columns, dump_value(data))


def _foreign_key(catalog: Catalog, table: Table, key: ForeignKey) -> ForeignKeyInfo:
    schema, _, name = key.table.rpartition(".")
    return ForeignKeyInfo(tuple(key.columns), tuple(key.referenced), name, (schema or table.schema,))


def _estimates(table: Table) -> dict[str, Any]:
    """What the optimizer wants to know, where it is the same for all scans; else it asks for each.

    What is computed may change while the client is attached, and wrong statistics make wrong answers.
    """
    hints = table.function.hints
    if hints is None or hints.cardinality.compute is not None or hints.statistics.compute is not None:
        return {}
    what = table.bound.what
    cardinality = hints.cardinality_of({}, what)
    statistics = hints.statistics_of({}, table.scanned[0], what)
    return {
        "cardinality_estimate": cardinality.estimate,
        "cardinality_max": cardinality.max,
        "supports_column_statistics": statistics is not None,
        "column_statistics": None if statistics is None else encode_batch(statistics),
    }
