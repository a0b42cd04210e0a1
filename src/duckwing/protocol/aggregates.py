"""Aggregate functions: plain, windowed and streaming calls (spec 05, section 11)."""

from dataclasses import dataclass

import pyarrow as pa

from ..rpc.method import unary
from .shared import NoResult


@dataclass(frozen=True, kw_only=True)
class AggregateBindRequest:
    """Request of ``aggregate_bind``.

    Attributes:
        arguments: const arguments only, encoded as in :class:`~duckwing.protocol.calls.BindRequest`.
        input_schema: ``col_0`` and so on: the other arguments, with their resolved types.
        settings: as in ``BindRequest``; the other calls do not get them.
        secrets: as in ``BindRequest``; the other calls do not get them.
        argument_names: the name of each argument of the call, None for an item of the varargs.
    """

    function_name: str
    arguments: bytes = b""
    input_schema: pa.Schema | None = None
    settings: bytes | None = None
    secrets: bytes | None = None
    attach_opaque_data: bytes | None = None
    schema_path: tuple[str, ...] | None = None
    argument_names: tuple[str | None, ...] | None = None


@dataclass(frozen=True)
class AggregateBindResponse:
    """Answer of ``aggregate_bind``; ``output_schema`` has one field."""

    output_schema: pa.Schema
    execution_id: bytes


@dataclass(frozen=True)
class AggregateUpdateRequest:
    """Request of ``aggregate_update``; ``input_batch``: ``__vgi_group_id``, then the input columns."""

    function_name: str
    execution_id: bytes
    input_batch: pa.RecordBatch
    attach_opaque_data: bytes | None = None
    schema_path: tuple[str, ...] | None = None


@dataclass(frozen=True)
class AggregateCombineRequest:
    """Request of ``aggregate_combine``; ``merge_batch``: ``source_group_id``, ``target_group_id``."""

    function_name: str
    execution_id: bytes
    merge_batch: pa.RecordBatch
    attach_opaque_data: bytes | None = None
    schema_path: tuple[str, ...] | None = None


@dataclass(frozen=True)
class AggregateFinalizeRequest:
    """Request of ``aggregate_finalize``; ``group_ids_batch``: ``group_id``, one row per result."""

    function_name: str
    execution_id: bytes
    group_ids_batch: pa.RecordBatch
    output_schema: pa.Schema
    attach_opaque_data: bytes | None = None
    schema_path: tuple[str, ...] | None = None


@dataclass(frozen=True)
class AggregateResponse:
    """Results, one column: a row per group or row asked for, in that order."""

    result_batch: pa.RecordBatch


@dataclass(frozen=True)
class AggregateDestructorRequest:
    """Request of ``aggregate_destructor``; the content of ``group_ids_batch`` means nothing."""

    function_name: str
    execution_id: bytes
    group_ids_batch: pa.RecordBatch
    attach_opaque_data: bytes | None = None
    schema_path: tuple[str, ...] | None = None


@dataclass(frozen=True)
class AggregateWindowInitRequest:
    """Request of ``aggregate_window_init``: one OVER partition (spec 05, section 11.4).

    Attributes:
        row_count: number of rows of the partition.
        partition_batch: argument columns of the whole partition, ``col_0`` and so on.
        filter_mask: a bit per row, least significant first, 1 = passes FILTER; empty: all pass.
        frame_stats: four little-endian int64, a hint; may be short or empty.
        all_valid: a byte per argument column, 1 = no NULLs in it; empty: none in any.
    """

    function_name: str
    execution_id: bytes
    partition_id: int
    row_count: int
    partition_batch: pa.RecordBatch
    output_schema: pa.Schema
    filter_mask: bytes
    frame_stats: bytes
    all_valid: bytes
    attach_opaque_data: bytes | None = None
    schema_path: tuple[str, ...] | None = None


@dataclass(frozen=True)
class AggregateWindowRequest:
    """Request of ``aggregate_window``: the result of one row.

    Attributes:
        rid: place in the engine's output vector, not in the partition.
        frame_starts: first partition rows of the frames.
        frame_ends: partition rows behind the frames.
    """

    function_name: str
    execution_id: bytes
    partition_id: int
    rid: int
    frame_starts: tuple[int, ...]
    frame_ends: tuple[int, ...]
    attach_opaque_data: bytes | None = None
    schema_path: tuple[str, ...] | None = None


@dataclass(frozen=True)
class AggregateWindowBatchRequest:
    """Request of ``aggregate_window_batch``: the results of several rows.

    Attributes:
        row_idx: number of the first row.
        count: number of rows.
        frames_per_row: how many of the frames belong to each row.
        frame_starts: first partition rows of all frames.
        frame_ends: partition rows behind all frames.
    """

    function_name: str
    execution_id: bytes
    partition_id: int
    row_idx: int
    count: int
    frames_per_row: tuple[int, ...]
    frame_starts: tuple[int, ...]
    frame_ends: tuple[int, ...]
    attach_opaque_data: bytes | None = None
    schema_path: tuple[str, ...] | None = None


@dataclass(frozen=True)
class AggregateWindowDestructorRequest:
    """Request of ``aggregate_window_destructor``: the partition is done."""

    function_name: str
    execution_id: bytes
    partition_id: int
    attach_opaque_data: bytes | None = None
    schema_path: tuple[str, ...] | None = None


@dataclass(frozen=True)
class AggregateStreamingOpenRequest:
    """Request of ``aggregate_streaming_open`` (spec 05, section 11.5).

    Attributes:
        input_schema: ``__pk_0`` and so on, ``__ok_0`` and so on, ``__val_0`` and so on.
        partition_key_count: number of ``__pk`` columns.
        order_key_count: number of ``__ok`` columns.
    """

    function_name: str
    arguments: bytes
    input_schema: pa.Schema
    partition_key_count: int
    order_key_count: int
    output_schema: pa.Schema
    settings: bytes | None = None
    secrets: bytes | None = None
    attach_opaque_data: bytes | None = None
    schema_path: tuple[str, ...] | None = None


@dataclass(frozen=True)
class AggregateStreamingOpenResponse:
    """Answer of ``aggregate_streaming_open``."""

    execution_id: bytes


@dataclass(frozen=True)
class AggregateStreamingChunkRequest:
    """Request of ``aggregate_streaming_chunk``; rows are sorted by partition keys, then order keys."""

    function_name: str
    execution_id: bytes
    input_batch: pa.RecordBatch
    attach_opaque_data: bytes | None = None
    schema_path: tuple[str, ...] | None = None


@dataclass(frozen=True)
class AggregateStreamingCloseRequest:
    """Request of ``aggregate_streaming_close``."""

    function_name: str
    execution_id: bytes
    attach_opaque_data: bytes | None = None
    schema_path: tuple[str, ...] | None = None


AGGREGATE_BIND = unary("aggregate_bind", AggregateBindRequest, AggregateBindResponse, wrapped=True)
AGGREGATE_UPDATE = unary("aggregate_update", AggregateUpdateRequest, NoResult, wrapped=True)
AGGREGATE_COMBINE = unary("aggregate_combine", AggregateCombineRequest, NoResult, wrapped=True)
AGGREGATE_FINALIZE = unary("aggregate_finalize", AggregateFinalizeRequest, AggregateResponse, wrapped=True)
AGGREGATE_DESTRUCTOR = unary("aggregate_destructor", AggregateDestructorRequest, NoResult, wrapped=True)
AGGREGATE_WINDOW_INIT = unary("aggregate_window_init", AggregateWindowInitRequest, NoResult, wrapped=True)
AGGREGATE_WINDOW = unary("aggregate_window", AggregateWindowRequest, AggregateResponse, wrapped=True)
AGGREGATE_WINDOW_BATCH = unary("aggregate_window_batch", AggregateWindowBatchRequest, AggregateResponse, wrapped=True)
AGGREGATE_WINDOW_DESTRUCTOR = unary(
    "aggregate_window_destructor", AggregateWindowDestructorRequest, NoResult, wrapped=True
)
AGGREGATE_STREAMING_OPEN = unary(
    "aggregate_streaming_open", AggregateStreamingOpenRequest, AggregateStreamingOpenResponse, wrapped=True
)
AGGREGATE_STREAMING_CHUNK = unary(
    "aggregate_streaming_chunk", AggregateStreamingChunkRequest, AggregateResponse, wrapped=True
)
AGGREGATE_STREAMING_CLOSE = unary("aggregate_streaming_close", AggregateStreamingCloseRequest, NoResult, wrapped=True)
