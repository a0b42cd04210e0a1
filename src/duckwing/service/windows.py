"""Aggregates in OVER that compute their windows themselves (spec 05, sections 11.4 and 11.5)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from ..errors import StateError
from ..protocol.aggregates import (
    AggregateBindRequest,
    AggregateResponse,
    AggregateStreamingChunkRequest,
    AggregateStreamingCloseRequest,
    AggregateStreamingOpenRequest,
    AggregateStreamingOpenResponse,
    AggregateWindowBatchRequest,
    AggregateWindowDestructorRequest,
    AggregateWindowInitRequest,
    AggregateWindowRequest,
)
from ..protocol.shared import NoResult
from ..rpc.codec import decode, encode
from .aggregates import bind_aggregate, open_execution, result_batch
from .executions import begin, change, end, look, never_failing, new_execution_id, read_execution_id
from .subjects import say_function

if TYPE_CHECKING:
    from ..functions.aggregate import BoundAggregate
    from ..functions.frames import Running, WindowPartition
    from ..rpc.call import Call
    from . import Service

RUNNING = "_vgi/running"
"""Where a cumulative window leaves its state for the next chunk."""

_VERSION = b"version"


def aggregate_window_init(service: Service, call: Call, request: AggregateWindowInitRequest) -> NoResult:
    """Keep the rows of a partition. Doing so twice makes no difference, so no mark is needed."""
    open_execution(service, call, request.execution_id)
    scope = look(service, request.execution_id)
    scope.keep(_partition_name(request.partition_id), encode(replace(request, execution_id=b"")))
    return NoResult()


def aggregate_window(service: Service, call: Call, request: AggregateWindowRequest) -> AggregateResponse:
    """The value of one row."""
    bound, partition = _partition(service, call, request.execution_id, request.partition_id)
    frames = zip(request.frame_starts, request.frame_ends, strict=True)
    return AggregateResponse(result_batch(bound, partition.value(frames)))


def aggregate_window_batch(service: Service, call: Call, request: AggregateWindowBatchRequest) -> AggregateResponse:
    """The values of some rows."""
    bound, partition = _partition(service, call, request.execution_id, request.partition_id)
    frames = iter(zip(request.frame_starts, request.frame_ends, strict=True))
    values = [partition.value([next(frames) for _ in range(count)]) for count in request.frames_per_row]
    results = pa.concat_arrays(values) if values else pa.nulls(0, bound.output_type)
    return AggregateResponse(result_batch(bound, results))


def aggregate_window_destructor(service: Service, call: Call, request: AggregateWindowDestructorRequest) -> NoResult:
    """The partition is done. Never fails."""
    with never_failing("removing a window partition", expected=True):
        service.executions.pop(_partition_key(request.execution_id, request.partition_id))
        look(service, request.execution_id).drop(_partition_name(request.partition_id))
    return NoResult()


def aggregate_streaming_open(
    service: Service, call: Call, request: AggregateStreamingOpenRequest
) -> AggregateStreamingOpenResponse:
    """Begin a cumulative window."""
    _bind_session(service, call, request)
    execution_id = new_execution_id(service, call, request, secret=request.secrets is not None)
    begin(service, execution_id)
    return AggregateStreamingOpenResponse(execution_id)


def aggregate_streaming_chunk(
    service: Service, call: Call, request: AggregateStreamingChunkRequest
) -> AggregateResponse:
    """The values of the next rows."""
    session = service.executions.get(request.execution_id)
    if not isinstance(session, _Session):
        opened = read_execution_id(service, request.execution_id, AggregateStreamingOpenRequest)
        session = _Session(_bind_session(service, call, opened, request.execution_id), opened)
        service.executions.put(request.execution_id, session)
    say_function(call, session.bound.function)
    store = change(service, call, request.execution_id, alone=True).store
    results = session.current(store.get(RUNNING, _VERSION), lambda: store.get_many(RUNNING, _PARTS)).chunk(
        request.input_batch
    )
    parts, session.version = session.running.save(), os.urandom(8)
    store.put_many(RUNNING, [*zip(_PARTS, parts, strict=False), (_VERSION, session.version)])
    return AggregateResponse(result_batch(session.bound, results))


def aggregate_streaming_close(service: Service, call: Call, request: AggregateStreamingCloseRequest) -> NoResult:
    """The session is over. Never fails."""
    service.executions.pop(request.execution_id)
    with never_failing("removing the state of a window"):
        end(service, request.execution_id)
    return NoResult()


_PARTS = (b"key", b"state", b"last")


@dataclass(eq=False)
class _Session:
    """A cumulative window as this process knows it.

    Attributes:
        bound: the function with its constants.
        opened: how the session was opened.
        version: of its state, if that is the last one.
    """

    bound: BoundAggregate
    opened: AggregateStreamingOpenRequest
    version: bytes | None = None
    running: Running = field(init=False)

    def __post_init__(self) -> None:
        self.running = self._new()

    def current(self, version: bytes | None, load: Callable[[], Sequence[bytes | None]]) -> Running:
        """The window as the last chunk left it, in whatever process."""
        if version != self.version:
            self.running = self._new()
            parts = [part for part in load() if part is not None]
            if parts:
                self.running.load(parts)
        return self.running

    def _new(self) -> Running:
        from ..functions.frames import Running

        return Running(self.bound, self.opened.partition_key_count, self.opened.order_key_count)


def _bind_session(
    service: Service, call: Call, request: AggregateStreamingOpenRequest, execution_id: bytes | None = None
) -> BoundAggregate:
    first = request.partition_key_count + request.order_key_count
    columns = pa.schema(list(request.input_schema)[first:])
    bind = AggregateBindRequest(
        function_name=request.function_name,
        arguments=request.arguments,
        input_schema=columns,
        settings=request.settings,
        secrets=request.secrets,
        attach_opaque_data=request.attach_opaque_data,
        schema_path=request.schema_path,
    )
    return bind_aggregate(service, bind, call, execution_id)


def _partition(
    service: Service, call: Call, execution_id: bytes, partition_id: int
) -> tuple[BoundAggregate, WindowPartition]:
    bound = open_execution(service, call, execution_id).bound
    key = _partition_key(execution_id, partition_id)
    partition: WindowPartition | None = service.executions.get(key)
    if partition is None:
        from ..functions.frames import WindowPartition

        data = look(service, execution_id).kept(_partition_name(partition_id))
        if data is None:
            raise StateError(f"the rows of window partition {partition_id} are lost; run the query again")
        request = decode(AggregateWindowInitRequest, data)
        partition = WindowPartition(
            bound, request.partition_batch, _passing(request.filter_mask, request.row_count), request.row_count
        )
        service.executions.put(key, partition)
    return bound, partition


def _passing(mask: bytes, count: int) -> pa.Array | None:
    """The rows that pass FILTER; None for all."""
    if not mask or not count:
        return None
    array = pa.Array.from_buffers(pa.bool_(), count, [None, pa.py_buffer(mask)])
    return None if array.true_count == count else array


def _partition_key(execution_id: bytes, partition_id: int) -> bytes:
    return b"window %d of " % partition_id + execution_id


def _partition_name(partition_id: int) -> str:
    return f"window-{partition_id}"
