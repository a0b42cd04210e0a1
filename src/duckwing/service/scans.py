"""What the optimizer and the profiler ask of a table function beside its scan (spec 05, section 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from ..protocol.calls import BindRequest
from ..rpc.call import is_shutdown
from ..rpc.codec import decode
from .attachment import attached_catalog, attachment_id
from .binding import bind_function, functions_meant
from .executions import scope_of

if TYPE_CHECKING:
    from ..functions.hints import Hints
    from ..protocol.scans import BoundRequest, CardinalityResponse, DynamicToStringRequest, DynamicToStringResponse
    from ..rpc.call import Call
    from . import Service

T = TypeVar("T")

MEASURES = "_vgi/measures"
"""Where scans leave their counters for EXPLAIN ANALYZE, in the scope of their attachment."""

_KEPT = 100
"""So many scans' counters are kept at least: the profiler asks for those of the last ones, or never."""


def table_function_cardinality(service: Service, call: Call, request: BoundRequest) -> CardinalityResponse:
    """How many rows a scan gives, as far as its function says it."""
    from ..functions.hints import Cardinality
    from ..protocol.scans import CardinalityResponse

    known = _ask(
        service, call, request, lambda hints, values, bound: hints.cardinality_of(values, bound.what), Cardinality()
    )
    return CardinalityResponse(known.estimate, known.max)


def table_function_statistics(service: Service, call: Call, request: BoundRequest) -> pa.RecordBatch | None:
    """What a scan's function says of its columns."""
    return _ask(
        service,
        call,
        request,
        lambda hints, values, bound: hints.statistics_of(values, bound.output()[0], bound.what),
        None,
    )


def _ask(
    service: Service,
    call: Call,
    request: BoundRequest,
    question: Callable[[Hints, Mapping[str, Any], Any], T],
    unknown: T,
) -> T:
    """The answer of a function's hints to ``question``: asked of the hints, the arguments and the bound function.

    It is ``unknown`` where the function has no hints, and where they fail, which is logged: the
    client ignores an error, but ends the process that answers with one (spec 05, section 7).
    """
    bind_call = decode(BindRequest, request.bind_call)
    try:
        copying = bind_call.copy_from is not None or bind_call.copy_to is not None
        if not copying:
            catalog = attached_catalog(service, call, bind_call.attach_opaque_data)
            if not any(getattr(function, "hints", None) for function in functions_meant(catalog, bind_call)):
                return unknown
        bound = bind_function(service, call, bind_call, data=request.bind_opaque_data)
        hints: Hints | None = getattr(bound.function, "hints", None)
        if not hints:
            return unknown
        from ..functions.results import known_by_name

        values = known_by_name(bound.function.signature, bound.context, bound.values.by_name)
        return question(hints, values, bound)
    except BaseException as error:
        if is_shutdown(error):
            raise
        call.log("WARN", f"no estimate for '{bind_call.function_name}': {type(error).__name__}: {error}")
        return unknown


def table_function_dynamic_to_string(
    service: Service, call: Call, request: DynamicToStringRequest
) -> DynamicToStringResponse:
    """The counters of a scan, which may have run in another process."""
    from ..protocol.scans import DynamicToStringResponse

    attached = decode(BindRequest, request.bind_call).attach_opaque_data
    attached_catalog(service, call, attached)
    attachment = attachment_id(attached)
    scope = service.scopes.open("attachment", attachment) if attachment is not None else None
    if scope is None:
        return DynamicToStringResponse(keys=(), values=())
    import json

    group = scope_of(request.global_execution_id)
    measures: dict[str, int | float] = {}
    for _, data in scope.store.scan(MEASURES, group, group + b"\xff" * 17):
        for name, amount in json.loads(data).items():
            measures[name] = measures.get(name, 0) + amount
    return DynamicToStringResponse(keys=tuple(measures), values=tuple(str(value) for value in measures.values()))


def keep_measures(
    service: Service, request: BindRequest, execution_id: bytes, measures: Mapping[str, int | float]
) -> None:
    """Leave the counters of a scan that is over for whatever process the profiler asks.

    Whether anybody will ask is not known. The splits of one scan have execution ids that begin alike.

    Raises:
        StateError: they cannot be kept.
    """
    attachment = attachment_id(request.attach_opaque_data)
    if not measures or attachment is None:
        return
    import json

    store = service.scopes.open_or_create("attachment", attachment).store
    group = scope_of(execution_id)
    known = store.scan(MEASURES, group, group + b"\xff" * 17, limit=1)
    if not known and store.counter_add(MEASURES, b"scans", 1) % _KEPT == 0:
        store.drain(MEASURES)
    store.put(MEASURES, execution_id, json.dumps(measures).encode())
