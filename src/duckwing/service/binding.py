"""From a bind request to the function that it means, with its arguments (spec 05, section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from ..errors import ArgumentError
from ..functions.arguments import Arguments
from ..functions.context import Context
from ..functions.overloads import choose_by_arguments, choose_by_columns
from ..functions.settings import require_settings
from ..protocol.calls import BindRequest, CallType
from ..rpc.framing import EMPTY_SCHEMA
from .attachment import attached_catalog
from .invocations import invocation, no_function, schemas_of
from .subjects import say_function

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..catalog.declared import Catalog
    from ..functions.binding import Values
    from ..rpc.call import Call
    from ..scans.scan import Scan
    from . import Service


class Bound(Protocol):
    """A function of any kind but scalar, with the arguments of one query."""

    @property
    def function(self) -> Any: ...

    @property
    def context(self) -> Context: ...

    @property
    def values(self) -> Values: ...

    def output(self) -> tuple[pa.Schema, Any]:
        """The columns of the result, and data for ``ctx.bound``."""


def bind_function(
    service: Service,
    call: Call,
    request: BindRequest,
    *,
    execution: bytes | None = None,
    data: bytes | None = None,
    scan: Scan | None = None,
) -> Any:
    """The function that a bind request means, with its arguments: a ``BoundScalar`` or a :class:`Bound`.

    Args:
        service: what is served.
        call: the call that carries the bind.
        request: the bind.
        execution: the execution, once it has begun.
        data: what the bind left for the scan.
        scan: what is wanted of the scan.

    Raises:
        CatalogError: there is no such function.
        ArgumentError: its arguments do not fit.
    """
    service.hooks.start()
    catalog = attached_catalog(service, call, request.attach_opaque_data)
    name = request.function_name
    if request.copy_from is not None or request.copy_to is not None:
        from .formats import bind_copy

        kind = "table_function" if request.copy_from is not None else "buffering"
        copying = invocation(service, call, catalog, kind, request, execution=execution, data=data, scan=scan)
        context = Context(copying)
        catalog.check_caller(context)
        return bind_copy(catalog, request, context, call)
    columns = request.input_schema if request.input_schema is not None else EMPTY_SCHEMA
    found = functions_meant(catalog, request)
    say_function(call, found[0])
    kind = found[0].kind
    context = Context(invocation(service, call, catalog, kind, request, execution=execution, data=data, scan=scan))
    catalog.check_caller(context)
    arguments = Arguments.decode(request.arguments)
    if kind == "scalar":
        constants = arguments.positional
        chosen = choose_by_columns(found, columns, request.argument_names, [value.type for value in constants])
        return ready(chosen.function, context).bind(chosen.parameters, columns, context, constants)
    if kind == "table_function":
        chosen = choose_by_arguments(found, arguments)
        return ready(chosen.function, context).bind(chosen.parameters, arguments, context)
    if request.input_schema is None:
        raise ArgumentError(f"function '{name}' was bound without the columns of its input")
    if kind == "row_function":
        chosen = choose_by_columns(found, columns, None)
        return ready(chosen.function, context).bind(chosen.parameters, columns, arguments, context)
    [function] = found
    return ready(function, context).bind(function.signature.parameters, columns, arguments, context)


def ready(function: Any, context: Context) -> Any:
    """A function that is about to be bound.

    Raises:
        ArgumentError: a setting that it needs has no value. Of scalars and aggregates the client does not say so.
    """
    if function.about.settings:
        require_settings(function.about.settings, context.settings, function.name)
    return function


def functions_meant(catalog: Catalog, request: BindRequest) -> Sequence[Any]:
    """The functions among which a bind request chooses by its arguments, at least one.

    Raises:
        CatalogError: there is none of that name.
    """
    name, scalar = request.function_name, request.function_type is CallType.SCALAR
    for schema in schemas_of(catalog, request.schema_path):
        found: Sequence[Any] = schema.scalars(name) if scalar else schema.table_functions(name)
        if found:
            return found
    raise no_function(catalog, request.schema_path, request.function_type.name.lower(), name)
