"""``bind`` and ``init``: from a call of SQL to a running function (spec 05, sections 3 and 5)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..catalog.declared import Catalog, Schema
from ..errors import ArgumentError, CatalogError
from ..functions.arguments import Arguments
from ..functions.context import Context
from ..functions.overloads import choose_scalar, choose_table
from ..functions.scalar import BoundScalar
from ..functions.table import BoundTable
from ..protocol.calls import BindRequest, BindResponse, CallType, GlobalInitResponse, InitRequest
from ..rpc.codec import decode
from ..rpc.framing import EMPTY_SCHEMA, Batch
from .attachment import attached_catalog
from .describe import RESULT, UNLIMITED_WORKERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..rpc.call import Call, Stream
    from . import Service


def bind(service: Service, call: Call, request: BindRequest) -> BindResponse:
    """Check a call's arguments and tell the columns of its result. Repeatable, without side effects."""
    bound = bind_function(service, call, request)
    return BindResponse(_output_schema(bound))


def init(service: Service, call: Call, request: InitRequest) -> Stream:
    """Start a function: the stream that runs it."""
    bind_call = decode(BindRequest, request.bind_call)
    bound = bind_function(service, call, bind_call)
    if request.phase is not None:
        raise ArgumentError(f"function '{bind_call.function_name}' has no phase {request.phase.name}")
    execution_id = request.execution_id or os.urandom(16)
    if isinstance(bound, BoundScalar):
        columns = bind_call.input_schema or EMPTY_SCHEMA
        return ScalarStream(bound, columns, GlobalInitResponse(execution_id, None, UNLIMITED_WORKERS))
    if request.execution_id or request.split_tokens:
        raise ArgumentError(
            f"function '{bind_call.function_name}' runs in one process; it cannot be joined by a second stream"
        )
    return TableStream(bound, GlobalInitResponse(execution_id, None, 1))


class ScalarStream:
    """The exchange of a scalar function: a batch of arguments, a batch of results."""

    def __init__(self, bound: BoundScalar, columns: pa.Schema, header: GlobalInitResponse):
        self.header = header
        self.input_schema = columns
        self.output_schema = _output_schema(bound)
        self._bound = bound

    def turn(self, batch: Batch) -> Batch | None:
        """The results for one batch of arguments."""
        return Batch(pa.RecordBatch.from_arrays([self._bound(batch.data)], schema=self.output_schema))

    def close(self) -> None:
        """A scalar function holds nothing open."""


class TableStream:
    """The scan of a table function: a batch of rows for each tick."""

    def __init__(self, bound: BoundTable, header: GlobalInitResponse):
        self.header = header
        self.input_schema = None
        self.output_schema = _output_schema(bound)
        self._batches: Iterator[pa.RecordBatch] = bound.scan()

    def turn(self, batch: Batch) -> Batch | None:
        """The next batch of rows, None after the last."""
        rows = next(self._batches, None)
        return None if rows is None else Batch(rows)

    def close(self) -> None:
        """End the author's generator, so that its ``finally`` runs."""
        close = getattr(self._batches, "close", None)
        if close is not None:
            close()


def bind_function(service: Service, call: Call, request: BindRequest) -> BoundScalar | BoundTable:
    """The function that a bind request means, with its arguments.

    Raises:
        CatalogError: there is no such function.
        ArgumentError: its arguments do not fit.
    """
    catalog = attached_catalog(service, request.attach_opaque_data)
    context = Context(request.function_name, catalog.catalog_name, _log(call))
    schemas = _schemas(catalog, request.schema_path)
    name = request.function_name
    if request.function_type is CallType.SCALAR:
        scalars = next(filter(None, (schema.scalars(name) for schema in schemas)), None)
        if scalars:
            columns = request.input_schema if request.input_schema is not None else EMPTY_SCHEMA
            scalar = choose_scalar(scalars, columns, request.argument_names)
            return scalar.function.bind(scalar.parameters, columns, context)
    else:
        tables = next(filter(None, (schema.table_functions(name) for schema in schemas)), None)
        if tables:
            arguments = Arguments.decode(request.arguments)
            table = choose_table(tables, arguments)
            return table.function.bind(table.parameters, arguments, context)
    where = ".".join([catalog.catalog_name, *(request.schema_path or ())])
    raise CatalogError(f"there is no {request.function_type.name.lower()} function '{name}' in {where}")


def _schemas(catalog: Catalog, path: Sequence[str] | None) -> list[Schema]:
    """The schemas in which a function is looked for: the one of ``path``, or all if it names none."""
    if not path:
        return list(catalog.schemas())
    schema = catalog.find_schema(path[0]) if len(path) == 1 else None
    return [schema] if schema is not None else []


def _output_schema(bound: BoundScalar | BoundTable) -> pa.Schema:
    if isinstance(bound, BoundScalar):
        return pa.schema([pa.field(RESULT, bound.output_type)])
    return bound.function.columns


def _log(call: Call) -> Any:
    return lambda level, message, fields: call.log(level, message, fields)
