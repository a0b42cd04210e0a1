"""What the optimizer asks of a table function before its scan (spec 05, section 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..protocol.scans import BoundRequest, CardinalityResponse, DynamicToStringRequest, DynamicToStringResponse

if TYPE_CHECKING:
    from ..rpc.call import Call
    from . import Service


def table_function_cardinality(service: Service, call: Call, request: BoundRequest) -> CardinalityResponse:
    """Unknown. Answered, because an error would cost the client a new process."""
    return CardinalityResponse()


def table_function_statistics(service: Service, call: Call, request: BoundRequest) -> None:
    """No statistics."""


def table_function_dynamic_to_string(
    service: Service, call: Call, request: DynamicToStringRequest
) -> DynamicToStringResponse:
    """Nothing to add to EXPLAIN ANALYZE."""
    return DynamicToStringResponse(keys=(), values=())
