"""What the client pushes into a scan, out of its requests (spec 07, section 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from ..errors import ArgumentError
from ..filters.pushed import PushedFilters
from ..protocol import metadata as keys
from ..protocol.calls import NullOrder, OrderDirection
from ..scans.scan import Order, Sample, Scan

if TYPE_CHECKING:
    from ..protocol.calls import InitRequest
    from ..protocol.scans import PlanRequest


def read_scan(request: InitRequest | PlanRequest, columns: pa.Schema) -> Scan:
    """What is wanted of the scan that ``request`` starts or plans.

    Args:
        request: the request.
        columns: all columns of the function.

    Raises:
        ArgumentError: it wants a column that there is not.
        FilterError: its filters are malformed.
    """
    return Scan(
        columns,
        _projected(columns, request.projection_ids),
        PushedFilters(columns, request.pushdown_filters, request.join_keys or ()),
        _order(request),
        _sample(request),
        getattr(request, "min_splits", None) or 1,
    )


def tighten(scan: Scan, metadata: Mapping[bytes, bytes]) -> None:
    """Take over what a tick says about a running scan.

    Raises:
        FilterError: its change of the filters is malformed.
    """
    delta = metadata.get(keys.PUSHDOWN_FILTERS)
    if delta is not None:
        scan.pushed.update(delta)


def _projected(columns: pa.Schema, ids: Sequence[int] | None) -> pa.Schema:
    if ids is None:
        return columns
    for place in ids:
        if not 0 <= place < len(columns):
            raise ArgumentError(f"the scan wants column {place} of {len(columns)}")
    return pa.schema([columns.field(place) for place in ids])


def _order(request: InitRequest | PlanRequest) -> Order | None:
    if request.order_by_column_name is None:
        return None
    return Order(
        request.order_by_column_name,
        descending=request.order_by_direction is OrderDirection.DESC,
        nulls_first=request.order_by_null_order is NullOrder.NULLS_FIRST,
        limit=request.order_by_limit,
    )


def _sample(request: InitRequest | PlanRequest) -> Sample | None:
    if request.tablesample_percentage is None:
        return None
    seed = request.tablesample_seed
    return Sample(request.tablesample_percentage, None if seed == -1 else seed)
