"""What the optimizer and the profiler ask of a table function beside its scan (spec 05, section 7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..protocol.calls import BindRequest
from ..rpc.codec import decode
from .attachment import attachment_id

if TYPE_CHECKING:
    from ..protocol.scans import BoundRequest, CardinalityResponse, DynamicToStringRequest, DynamicToStringResponse
    from ..rpc.call import Call
    from . import Service

MEASURES = "_vgi/measures"
"""Where scans leave their counters for EXPLAIN ANALYZE, in the scope of their attachment."""

_KEPT = 100
"""So many scans' counters are kept at least: the profiler asks for those of the last ones, or never."""


def table_function_cardinality(service: Service, call: Call, request: BoundRequest) -> CardinalityResponse:
    """Unknown. Answered, because an error would cost the client a new process."""
    from ..protocol.scans import CardinalityResponse

    return CardinalityResponse()


def table_function_statistics(service: Service, call: Call, request: BoundRequest) -> None:
    """No statistics."""


def table_function_dynamic_to_string(
    service: Service, call: Call, request: DynamicToStringRequest
) -> DynamicToStringResponse:
    """The counters of a scan, which may have run in another process."""
    from ..protocol.scans import DynamicToStringResponse

    attachment = attachment_id(decode(BindRequest, request.bind_call).attach_opaque_data)
    scope = service.scopes.open("attachment", attachment) if attachment is not None else None
    data = scope.store.get(MEASURES, request.global_execution_id) if scope is not None else None
    if data is None:
        return DynamicToStringResponse(keys=(), values=())
    import json

    measures = json.loads(data)
    return DynamicToStringResponse(keys=tuple(measures), values=tuple(str(value) for value in measures.values()))


def keep_measures(
    service: Service, request: BindRequest, execution_id: bytes, measures: Mapping[str, int | float]
) -> None:
    """Leave the counters of a scan that is over for whatever process the profiler asks.

    Whether anybody will ask is not known.

    Raises:
        StateError: they cannot be kept.
    """
    attachment = attachment_id(request.attach_opaque_data)
    if not measures or attachment is None:
        return
    import json

    store = service.scopes.open_or_create("attachment", attachment).store
    if store.counter_add(MEASURES, b"scans", 1) % _KEPT == 0:
        store.drain(MEASURES)
    store.put(MEASURES, execution_id, json.dumps(measures).encode())
