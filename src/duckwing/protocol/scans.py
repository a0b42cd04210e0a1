"""What the client asks about a bound table function, and splits (spec 05, sections 7 and 8)."""

from dataclasses import dataclass
from typing import Annotated

import pyarrow as pa

from ..rpc.codec import NESTED
from ..rpc.method import unary
from .calls import NullOrder, OrderDirection


@dataclass(frozen=True)
class BoundRequest:
    """Request about a bind; fields as in :class:`~duckwing.protocol.calls.InitRequest`."""

    bind_call: bytes
    bind_opaque_data: bytes | None = None


@dataclass(frozen=True)
class CardinalityResponse:
    """Expected number of rows and an upper bound; None: unknown."""

    estimate: int | None = None
    max: int | None = None


@dataclass(frozen=True)
class DynamicToStringRequest:
    """Request of ``table_function_dynamic_to_string``, under EXPLAIN ANALYZE only."""

    bind_call: bytes
    bind_opaque_data: bytes | None
    global_execution_id: bytes


@dataclass(frozen=True)
class DynamicToStringResponse:
    """Lines for EXPLAIN ANALYZE; both tuples have the same length."""

    keys: tuple[str, ...] = ()
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlanRequest:
    """Request of ``table_function_plan`` (spec 05, section 8.1).

    Fields that ``init`` has too are as in :class:`~duckwing.protocol.calls.InitRequest`.

    Attributes:
        target_split_bytes: wanted bytes of a split.
        min_splits: wanted number of splits.
        max_splits_per_response: wanted size of a page.
        cursor: None for the first page, else one of an earlier page's ``next_cursors``.
        refined_filters: later and tighter filters.
        filters_complete: no further filters will come.
        start_position: of a positional read.
        end_position: of a positional read.
    """

    bind_call: bytes
    bind_opaque_data: bytes | None = None
    projection_ids: tuple[int, ...] | None = None
    pushdown_filters: Annotated[bytes, pa.large_binary()] | None = None
    join_keys: tuple[Annotated[bytes, pa.large_binary()], ...] | None = None
    row_limit: int | None = None
    target_split_bytes: int | None = None
    min_splits: int | None = None
    max_splits_per_response: int | None = None
    cursor: bytes | None = None
    refined_filters: Annotated[bytes, pa.large_binary()] | None = None
    filters_complete: bool = True
    start_position: bytes | None = None
    end_position: bytes | None = None
    order_by_column_name: str | None = None
    order_by_direction: OrderDirection | None = None
    order_by_null_order: NullOrder | None = None
    order_by_limit: int | None = None
    tablesample_percentage: float | None = None
    tablesample_seed: int | None = None


@dataclass(frozen=True, kw_only=True)
class ScanSplit:
    """A part of a scan that any process can read, again and again (spec 05, section 8.1).

    Attributes:
        payload: empty on the wire; the token has it.
        token: what ``init`` gets to read the split, never empty (spec 05, section 8.3).
        rows_exact: ``estimated_rows`` is exact.
        partition_bounds: two rows: minimum and maximum.
        column_statistics: a row per column.
        location_ids: indices into the plan's ``locations``.
        end_position: None: no bound.
    """

    payload: bytes = b""
    token: bytes
    estimated_rows: int | None = None
    rows_exact: bool = False
    estimated_bytes: int | None = None
    partition_bounds: pa.RecordBatch | None = None
    column_statistics: pa.RecordBatch | None = None
    location_ids: tuple[int, ...] | None = None
    start_position: bytes | None = None
    end_position: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class PlanResponse:
    """A page of splits (spec 05, section 8.1).

    Attributes:
        splits: none at all: there is nothing to read.
        next_cursors: where further pages start, without overlap or gap; None or none: complete.
        init_opaque_data: goes into the init of every split.
        max_workers: most splits that are read at once; None: no limit.
        catalog_version: the version that the plan was made against.
        scope: ``catalog`` or ``transaction``: where the splits may be used.
        locations: names that the splits' ``location_ids`` mean.
        partitioning: reserved.
        sort_order: reserved.
        cache_max_age_seconds: how long the plan may be used again, in seconds.
    """

    splits: tuple[Annotated[ScanSplit, NESTED], ...]
    next_cursors: tuple[bytes, ...] | None = None
    execution_id: bytes | None = None
    init_opaque_data: bytes | None = None
    max_workers: int | None = None
    estimated_total_splits: int | None = None
    estimated_total_rows: int | None = None
    estimated_total_bytes: int | None = None
    catalog_version: int | None = None
    scope: str
    locations: tuple[str, ...] | None = None
    partitioning: tuple[bytes, ...] | None = None
    sort_order: tuple[bytes, ...] | None = None
    cache_max_age_seconds: int | None = None
    start_position: bytes | None = None
    end_position: bytes | None = None


TABLE_FUNCTION_CARDINALITY = unary("table_function_cardinality", BoundRequest, CardinalityResponse, wrapped=True)
TABLE_FUNCTION_STATISTICS = unary("table_function_statistics", BoundRequest, pa.RecordBatch | None, wrapped=True)
TABLE_FUNCTION_PLAN = unary("table_function_plan", PlanRequest, PlanResponse, wrapped=True)
TABLE_FUNCTION_DYNAMIC_TO_STRING = unary(
    "table_function_dynamic_to_string", DynamicToStringRequest, DynamicToStringResponse, wrapped=True
)
