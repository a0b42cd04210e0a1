"""Aggregates: bind, update, combine, finalize (spec 05, sections 11.1 and 11.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..errors import OutputError
from ..functions.arguments import Arguments
from ..functions.context import Context
from ..functions.overloads import choose_aggregate
from ..protocol.aggregates import (
    AggregateBindRequest,
    AggregateBindResponse,
    AggregateCombineRequest,
    AggregateDestructorRequest,
    AggregateFinalizeRequest,
    AggregateResponse,
    AggregateUpdateRequest,
)
from ..protocol.shared import NoResult
from ..rpc.framing import EMPTY_SCHEMA
from .attachment import attached_catalog
from .binding import ready
from .describe import RESULT
from .executions import begin, change, look, never_failing, new_execution_id, read_execution_id, scope_of
from .invocations import invocation, log_of, no_function, schemas_of
from .subjects import say_function

if TYPE_CHECKING:
    from ..functions.aggregate import BoundAggregate
    from ..functions.aggregate_groups import GroupStates
    from ..functions.aggregate_instances import InstanceStates
    from ..rpc.call import Call
    from ..state.scope import Scope
    from . import Service


def aggregate_bind(service: Service, call: Call, request: AggregateBindRequest) -> AggregateBindResponse:
    """Check the constants and tell the type of the result."""
    bound = bind_aggregate(service, request, call)
    for parameter in bound.function.signature.secrets:
        bound.context.secret(parameter, bound.constants)
    execution_id = new_execution_id(service, call, request, secret=request.secrets is not None)
    begin(service, execution_id)
    return AggregateBindResponse(result_schema(bound), execution_id)


def aggregate_update(service: Service, call: Call, request: AggregateUpdateRequest) -> NoResult:
    """Take in the rows of some groups."""
    execution = open_execution(service, call, request.execution_id)
    scope = change(service, call, request.execution_id)
    batch = request.input_batch
    execution.states(scope).update(batch.column(0), execution.bound.columns(batch, first=1))
    return NoResult()


def aggregate_combine(service: Service, call: Call, request: AggregateCombineRequest) -> NoResult:
    """Take groups into others."""
    execution = open_execution(service, call, request.execution_id)
    scope = change(service, call, request.execution_id)
    execution.states(scope).combine(request.merge_batch.column(0), request.merge_batch.column(1))
    return NoResult()


def aggregate_finalize(service: Service, call: Call, request: AggregateFinalizeRequest) -> AggregateResponse:
    """The results of groups, some of which may never have been updated."""
    execution = open_execution(service, call, request.execution_id)
    ids = request.group_ids_batch.column(0)
    scope = look(service, request.execution_id)
    return AggregateResponse(result_batch(execution.bound, execution.states(scope).finalize(ids)))


def aggregate_destructor(service: Service, call: Call, request: AggregateDestructorRequest) -> NoResult:
    """There are no groups at the moment. Never fails.

    That need not be the end: the engine sorts one group after the other for ``f(x ORDER BY y)``, and makes
    this call between any two of them, and perhaps late (seen). So the state is removed later.
    """
    with never_failing("ending an aggregate", expected=True):
        scope = service.scopes.open("execution", scope_of(request.execution_id))
        if scope is not None:
            complete = False
            try:
                states = open_execution(service, call, request.execution_id).states(scope)
                complete = not states.outstanding()
            finally:
                scope.end(complete=complete)
    return NoResult()


@dataclass(eq=False)
class AggregateExecution:
    """An execution as this process knows it.

    Attributes:
        bound: the function with its constants.
        scope: where its state is; None until it is needed.
        opened: its states there.
    """

    bound: BoundAggregate
    scope: Scope | None = None
    opened: GroupStates | InstanceStates | None = None

    def states(self, scope: Scope) -> GroupStates | InstanceStates:
        """The states of the groups in a scope, which is another one if the query ran before."""
        if self.opened is not None and self.scope is scope:
            return self.opened
        if self.opened is not None:
            self.opened.close()
        if self.bound.function.form == "groups":
            from ..functions.aggregate_groups import GroupStates

            self.opened = GroupStates(self.bound, scope)
        else:
            from ..functions.aggregate_instances import InstanceStates

            self.opened = InstanceStates(self.bound, scope.store)
        self.scope = scope
        return self.opened


def open_execution(service: Service, call: Call, execution_id: bytes) -> AggregateExecution:
    """The execution of an id, kept for the next call.

    Raises:
        StateError: the id is not ours.
    """
    execution = service.executions.get(execution_id)
    if execution is None:
        request = read_execution_id(service, execution_id, AggregateBindRequest)
        execution = AggregateExecution(bind_aggregate(service, request, call, execution_id))
        # Only one process is told of the end of an execution; the memory would stay mapped in the others.
        service.executions.keep(is_going_on)
        service.executions.put(execution_id, execution)
    execution.bound.context.redirect(log_of(call))
    say_function(call, execution.bound.function)
    return execution


def is_going_on(execution: Any) -> bool:
    """Whether what a process keeps of an execution may still be needed."""
    return not isinstance(execution, AggregateExecution) or execution.scope is None or execution.scope.is_current()


def bind_aggregate(
    service: Service, request: AggregateBindRequest, call: Call, execution_id: bytes | None = None
) -> BoundAggregate:
    """The aggregate that a bind means, with its constants.

    Raises:
        CatalogError: there is no such function.
        ArgumentError: its arguments do not fit.
    """
    service.hooks.start()
    catalog = attached_catalog(service, call, request.attach_opaque_data)
    name = request.function_name
    functions: Any = next(
        filter(None, (schema.aggregates(name) for schema in schemas_of(catalog, request.schema_path))), None
    )
    if not functions:
        raise no_function(catalog, request.schema_path, "aggregate", name)
    say_function(call, functions[0])
    context = Context(invocation(service, call, catalog, "aggregate", request, execution=execution_id))
    catalog.check_caller(context)
    columns = request.input_schema if request.input_schema is not None else EMPTY_SCHEMA
    arguments = Arguments.decode(request.arguments)
    chosen = choose_aggregate(functions, columns, len(arguments.positional), request.argument_names)
    bound: BoundAggregate = ready(chosen.function, context).bind(chosen.parameters, columns, arguments, context)
    return bound


def result_schema(bound: BoundAggregate) -> pa.Schema:
    """The only column of an aggregate's answers."""
    return pa.schema([pa.field(RESULT, bound.output_type)])


def result_batch(bound: BoundAggregate, results: pa.Array) -> pa.RecordBatch:
    """Results as an answer has them."""
    if not results.type.equals(bound.output_type):
        raise OutputError(f"result of {bound.function.what} is {results.type}, not {bound.output_type}")
    return pa.RecordBatch.from_arrays([results], schema=result_schema(bound))
