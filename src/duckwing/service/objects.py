"""Tables, views and macros as the records with which the catalog lists them (spec 04, sections 5 and 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..protocol import metadata
from ..protocol.calls import BindResponse
from ..protocol.listing import MacroInfo, MacroType, ViewInfo
from ..protocol.tables import ForeignKeyInfo, ScanBranch, ScanBranchesResult, ScanFunctionResult, TableInfo
from ..rpc.codec import encode_batch
from ..rpc.framing import Batch, stream_buffers
from ..types.values import array_of_one

if TYPE_CHECKING:
    from ..catalog.branches import Branch, BranchTable
    from ..catalog.declared import Catalog
    from ..catalog.tables import ForeignKey, Table
    from ..catalog.views import Macro, View
    from ..functions.hints import Hints


NO_ARGUMENTS = encode_batch(pa.RecordBatch.from_pydict({}))
"""A batch without columns."""


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
        write_result_modes=dict.fromkeys(table.writers, "rows" if table.returning else "count"),
        insert_function=_write_function(catalog, table, "insert"),
        update_function=_write_function(catalog, table, "update"),
        delete_function=_write_function(catalog, table, "delete"),
        **_estimates(*_known_rows(table)),
    )


def branch_table_info(table: BranchTable) -> TableInfo:
    """A table that is read in branches, which the client asks for when it binds."""
    return TableInfo(
        comment=table.comment,
        tags=table.tags,
        name=table.name,
        schema_path=(table.schema,),
        columns=table.columns,
        required_filters=tuple(tuple(group) for group in table.required_filters),
        **_estimates(*_known_rows(table)),
    )


def any_table_info(catalog: Catalog, table: Table | BranchTable) -> TableInfo:
    """A table of either kind."""
    from ..catalog.branches import BranchTable

    return branch_table_info(table) if isinstance(table, BranchTable) else table_info(catalog, table)


def scan_branches(catalog: Catalog, table: Table | BranchTable) -> ScanBranchesResult:
    """What a scan of a table reads."""
    from ..catalog.branches import BranchTable

    if not isinstance(table, BranchTable):
        return ScanBranchesResult((_worker_branch(catalog, table, None),))
    branches = tuple(
        _worker_branch(catalog, scanned, branch.where) if scanned is not None else _foreign_branch(branch)
        for branch, scanned in table.branches
    )
    return ScanBranchesResult(branches, tuple(table.extensions))


def _worker_branch(catalog: Catalog, table: Table, where: str | None) -> ScanBranch:
    function = scan_function(catalog, table)
    return ScanBranch(
        function.function_name, function.arguments or NO_ARGUMENTS, where, schema_path=function.schema_path
    )


def _foreign_branch(branch: Branch) -> ScanBranch:
    """A branch that DuckDB reads itself."""
    from ..catalog.branches import CatalogTable, Files, Native

    match branch.source:
        case Native(function, args, named):
            columns = {f"arg_{place}": array_of_one(value) for place, value in enumerate(args)}
            columns |= {name: array_of_one(value) for name, value in named.items()}
            batch = encode_batch(pa.RecordBatch.from_pydict(columns)) if columns else NO_ARGUMENTS
            return ScanBranch(function, batch, branch.where)
        case CatalogTable(catalog, schema, table):
            return ScanBranch(
                "",
                NO_ARGUMENTS,
                branch.where,
                source_catalog=catalog,
                source_schema_path=(schema,),
                source_table=table,
            )
        case Files(format_, locations, options):
            return ScanBranch(
                "",
                NO_ARGUMENTS,
                branch.where,
                format_name=format_,
                format_locations=tuple(locations),
                format_options=pa.RecordBatch.from_pydict({name: [value] for name, value in options.items()})
                if options
                else None,
            )
    raise AssertionError(branch.source)


def scan_function(catalog: Catalog, table: Table) -> ScanFunctionResult:
    """The function that scans a table, with its arguments."""
    function = table.function
    home = next(
        schema.name
        for schema in [catalog.find_schema(table.schema), *catalog.schemas()]
        if schema is not None and any(other is function for other in schema.table_functions(function.name))
    )
    return ScanFunctionResult(function.name, table.arguments.encode(), schema_path=(home,))


def _write_function(catalog: Catalog, table: Table, operation: str) -> ScanFunctionResult | None:
    name = table.writers.get(operation)
    if name is None:
        return None
    return ScanFunctionResult(name, table.arguments.encode(), schema_path=scan_function(catalog, table).schema_path)


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
    defaults = {name: array_of_one(value) for name, value in macro.defaults.items()}
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


def table_statistics(table: Table | BranchTable) -> bytes | None:
    """What is declared of the columns of a table, and for how long (spec 04, section 5.6); None if nothing is."""
    hints, columns, what = _known_rows(table)
    if hints is None or hints.statistics.compute is not None:
        return None
    statistics = hints.statistics_of({}, columns, what)
    if statistics is None:
        return None
    age = {} if hints.max_age is None else {metadata.STATISTICS_MAX_AGE: str(hints.max_age).encode()}
    return b"".join(map(bytes, stream_buffers(statistics.schema, [Batch(statistics, age)])))


def _known_rows(table: Table | BranchTable) -> tuple[Hints | None, pa.Schema, str]:
    """What is declared of the rows of a table, its columns, and its name for error messages."""
    from ..catalog.branches import BranchTable

    if isinstance(table, BranchTable):
        return table.hints, table.columns, f"table '{table.name}'"
    return table.hints or table.function.hints, table.scanned[0], table.bound.what


def _estimates(hints: Hints | None, columns: pa.Schema, what: str) -> dict[str, Any]:
    """What the optimizer wants to know, where it is the same for all scans; else it asks for each.

    What is computed may change while the client is attached, and wrong statistics make wrong answers.
    """
    if hints is None or hints.cardinality.compute is not None or hints.statistics.compute is not None:
        return {}
    cardinality = hints.cardinality_of({}, what)
    statistics = hints.statistics_of({}, columns, what)
    return {
        "cardinality_estimate": cardinality.estimate,
        "cardinality_max": cardinality.max,
        "supports_column_statistics": statistics is not None,
        # A listing is kept: what may grow old is asked for.
        "column_statistics": None if statistics is None or hints.max_age is not None else encode_batch(statistics),
    }
