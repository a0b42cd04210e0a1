"""Declared functions as the records with which the catalog lists them (spec 06, sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..filters.envelope import SEMANTICS
from ..functions.about import About
from ..functions.overloads import overloads
from ..functions.signature import REQUIRED, Parameter, any_type
from ..protocol import metadata
from ..protocol.functions import (
    DistinctDependent,
    Example,
    FunctionInfo,
    FunctionType,
    NullHandling,
    OrderDependent,
    OrderPreservation,
    PartitionKind,
    RequiredSecret,
    Stability,
)
from ..rpc.framing import EMPTY_SCHEMA

if TYPE_CHECKING:
    from ..catalog.schema import AnyTableFunction, Schema
    from ..functions.aggregate import AggregateFunction
    from ..functions.pushdown import Pushdown
    from ..functions.scalar import ScalarFunction

UNLIMITED_WORKERS = 99999
"""How "any number" is written (spec 05, section 5.2)."""

RESULT = "result"
"""Name of the only column of a scalar function's answer."""


_ROW_ORDERS = {
    "preserved": OrderPreservation.PRESERVES_ORDER,
    "none": OrderPreservation.NO_ORDER_GUARANTEE,
    "fixed": OrderPreservation.FIXED_ORDER,
}

_PARTITION_KINDS = {
    "single": PartitionKind.SINGLE_VALUE_PARTITIONS,
    "disjoint": PartitionKind.DISJOINT_PARTITIONS,
    "overlapping": PartitionKind.OVERLAPPING_PARTITIONS,
}


def function_infos(schema: str, function: Any) -> list[FunctionInfo]:
    """A record for each form of one function."""
    if function.kind == "scalar":
        return scalar_infos(schema, [function])
    return aggregate_infos(schema, [function]) if function.kind == "aggregate" else table_infos(schema, [function])


def scalar_infos(schema: str, functions: Sequence[ScalarFunction[..., Any]]) -> list[FunctionInfo]:
    """A record for each form of scalar functions."""
    return [
        FunctionInfo(
            name=overload.function.name,
            schema_path=(schema,),
            function_type=FunctionType.SCALAR,
            arguments=arguments_schema(overload.parameters, constants=overload.function.constants == "bound"),
            output_schema=_result_schema(overload.function.returns),
            null_handling=NullHandling.SPECIAL if overload.function.sees_nulls else NullHandling.DEFAULT,
            stability=Stability[overload.function.stability.upper()],
            max_workers=UNLIMITED_WORKERS,
            **_documentation(overload.function.about),
        )
        for overload in overloads(functions)
    ]


def table_infos(schema: str, functions: Sequence[AnyTableFunction]) -> list[FunctionInfo]:
    """A record for each form of the functions that SQL calls in FROM."""
    return [
        FunctionInfo(
            name=overload.function.name,
            schema_path=(schema,),
            function_type=FunctionType.TABLE_BUFFERING if overload.function.kind == "buffering" else FunctionType.TABLE,
            arguments=arguments_schema(overload.parameters),
            output_schema=overload.function.columns.fixed or EMPTY_SCHEMA,
            null_handling=NullHandling.SPECIAL if overload.function.kind == "row_function" else NullHandling.DEFAULT,
            stability=Stability[overload.function.stability.upper()],
            **_execution(overload.function),
            **_documentation(overload.function.about),
        )
        for overload in overloads(functions)
    ]


def listed_table_functions(schema: Schema) -> list[AnyTableFunction]:
    """The functions of a schema that SQL can call in FROM."""
    return [function for function in schema.table_functions() if getattr(function, "listed", True)]


def aggregate_infos(schema: str, functions: Sequence[AggregateFunction]) -> list[FunctionInfo]:
    """A record for each form of aggregate functions."""
    return [
        FunctionInfo(
            name=overload.function.name,
            schema_path=(schema,),
            function_type=FunctionType.AGGREGATE,
            arguments=arguments_schema(overload.parameters, constants=True),
            output_schema=_result_schema(overload.function.returns),
            null_handling=NullHandling.SPECIAL if overload.function.sees_nulls else NullHandling.DEFAULT,
            stability=Stability.CONSISTENT,
            max_workers=UNLIMITED_WORKERS,
            order_dependent=OrderDependent.ORDER_DEPENDENT
            if overload.function.order_dependent
            else OrderDependent.NOT_ORDER_DEPENDENT,
            distinct_dependent=DistinctDependent.DISTINCT_DEPENDENT
            if overload.function.distinct_dependent
            else DistinctDependent.NOT_DISTINCT_DEPENDENT,
            supports_window=overload.function.has_window,
            streaming_partitioned=overload.function.has_running,
            required_secrets=tuple(
                RequiredSecret(s.lookup.type, None, s.lookup.name) for s in overload.function.signature.secrets
            ),
            **_documentation(overload.function.about),
        )
        for overload in overloads(functions)
    ]


def _execution(function: Any) -> dict[str, Any]:
    """How a function that SQL calls in FROM runs."""
    if function.kind == "table_function":
        pushdown = function.pushdown
        return {
            **_taken_over(pushdown),
            "sampling_pushdown": pushdown.samples,
            "late_materialization": pushdown.late_materialization,
            "order_preservation": _ROW_ORDERS[pushdown.order],
            "partition_kind": _PARTITION_KINDS[pushdown.partitions]
            if pushdown.partition_columns
            else PartitionKind.NOT_PARTITIONED,
            "max_workers": UNLIMITED_WORKERS if function.form == "splits" else 1,
            "supports_splits": function.form == "splits",
            "supports_batch_index": function.form == "splits" and pushdown.order == "preserved",
            "split_token_ttl_seconds": function.split_ttl,
        }
    if function.kind == "row_function":
        return {
            "projection_pushdown": function.projection,
            "order_preservation": OrderPreservation.NO_ORDER_GUARANTEE,
            "max_workers": UNLIMITED_WORKERS,
            "input_from_args": True,
        }
    if function.kind == "table_in_out":
        serial = function.finishes and not function.per_thread
        return {
            "projection_pushdown": function.projection,
            "order_preservation": OrderPreservation.NO_ORDER_GUARANTEE,
            "max_workers": 1 if serial else UNLIMITED_WORKERS,
            # Not where there is nothing to finish, although the client would then keep the connection, and so the
            # process, for the next query (spec 05, section 9.1): DuckDB invalidates the whole database when it
            # finishes a function within a correlated LATERAL.
            "has_finalize": function.finishes,
        }
    return {
        **_taken_over(function.pushdown),
        "order_preservation": OrderPreservation.PRESERVES_ORDER,
        "max_workers": UNLIMITED_WORKERS,
        "requires_input_batch_index": function.ordered is True,
        "sink_order_dependent": function.ordered == "serial",
        "source_order_dependent": function.orders_output,
    }


def _taken_over(pushdown: Pushdown) -> dict[str, Any]:
    """The columns and conditions that a function gets to know."""
    filtered = pushdown.filters != "none"
    return {
        "projection_pushdown": pushdown.projection,
        "filter_pushdown": filtered,
        "filter_semantic_profiles": (SEMANTICS,) if filtered else (),
        "filters_exactly_applied": filtered,
    }


def _result_schema(returns: pa.DataType | None) -> pa.Schema:
    """The result of a scalar or an aggregate; None: the bind decides (spec 06, section 4)."""
    if returns is None:
        return pa.schema([pa.field(RESULT, pa.null(), metadata={metadata.ANY_RESULT: b"true"})])
    return pa.schema([pa.field(RESULT, returns)])


def arguments_schema(parameters: Sequence[Parameter], *, constants: bool = False) -> pa.Schema:
    """The arguments schema of a function: positional ones first, properties as metadata.

    Args:
        parameters: of one form of the function.
        constants: the client takes constants out of the call and sends them with the bind. Not for
            scalars, unless they say so: DuckDB then mixes up calls that differ only in a constant.
    """
    return pa.schema([pa.field(p.name, p.type, metadata=_properties(p, constants)) for p in parameters])


def _properties(parameter: Parameter, constants: bool) -> dict[bytes, bytes]:
    properties: dict[bytes, bytes] = {}
    if constants and parameter.const:
        properties[metadata.CONST] = b"true"
    if parameter.kind == "named":
        properties[metadata.ARG] = b"named"
    if parameter.kind == "table":
        properties[metadata.TYPE] = b"table"
    elif any_type(parameter.type):
        properties[metadata.TYPE] = b"any"
    if parameter.kind == "varargs":
        properties[metadata.VARARGS] = b"true"
    if parameter.doc:
        properties[metadata.DOC] = parameter.doc.encode()
    if parameter.default is not REQUIRED:
        properties[metadata.DEFAULT] = _json(parameter.default)
    if parameter.constraints is not None:
        shown = {
            metadata.CHOICES: parameter.constraints.choices_text,
            metadata.RANGE: parameter.constraints.range_text,
            metadata.PATTERN: parameter.constraints.pattern_text,
        }
        properties |= {key: text.encode() for key, text in shown.items() if text is not None}
    return properties


def _json(value: Any) -> bytes:
    import enum
    import json

    if isinstance(value, enum.Enum):
        value = value.value
    elif isinstance(value, bytes):
        value = "".join(chr(byte) if 32 <= byte < 127 and byte != 92 else f"\\x{byte:02X}" for byte in value)
    elif isinstance(value, pa.MonthDayNano):
        value = _interval_text(value)
    return json.dumps(value, default=str).encode()


def _interval_text(value: Any) -> str:
    """An INTERVAL as SQL reads it."""
    parts = {"months": value.months, "days": value.days, "microseconds": value.nanoseconds // 1000}
    return " ".join(f"{count} {unit}" for unit, count in parts.items() if count) or "0 days"


def _documentation(about: About) -> dict[str, Any]:
    return {
        "comment": about.comment,
        "tags": about.tags,
        "description": about.description,
        "examples": tuple(Example(sql, description) for sql, description in about.examples),
        "categories": about.categories,
        "required_settings": about.settings,
    }
