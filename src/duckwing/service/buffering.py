"""Buffering functions: sink, combine, source (spec 05, section 10)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

import pyarrow as pa

from ..errors import ArgumentError, StateError
from ..protocol.buffering import (
    BufferingCombineRequest,
    BufferingCombineResponse,
    BufferingDestructorRequest,
    BufferingProcessRequest,
    BufferingProcessResponse,
)
from ..protocol.calls import BindRequest, GlobalInitResponse, InitRequest, Phase
from ..protocol.shared import NoResult
from ..rpc.codec import decode, decode_batch, encode_batch
from ..rpc.framing import Batch
from ..state.scope import NO_INDEX
from .binding import bind_function
from .describe import UNLIMITED_WORKERS
from .executions import begin, change, end, look, never_failing, new_execution_id, read_execution_id
from .invocations import log_of
from .pushdown import read_scan, tighten
from .streams import TableStream
from .subjects import say_function

if TYPE_CHECKING:
    from ..functions.buffering import BoundBuffering
    from ..rpc.call import Call, Stream
    from ..scans.scan import Scan
    from ..state.scope import Entry, Scope, Spool
    from . import Service

_WRITTEN = "_vgi/written"
"""Counts the batches that a COPY TO has sent."""


def open_buffering(
    service: Service,
    call: Call,
    bound: BoundBuffering,
    request: InitRequest,
    scan: Scan,
    columns: pa.Schema,
    execution_id: bytes,
) -> Stream:
    """The stream of a sink, which carries nothing, or of a source.

    Raises:
        ArgumentError: the function has no such phase.
    """
    if request.phase is Phase.TABLE_BUFFERING:
        if request.execution_id is None:
            bind_call = decode(BindRequest, request.bind_call)
            execution_id = new_execution_id(service, call, request, secret=bind_call.secrets is not None)
            begin(service, execution_id)
        header = GlobalInitResponse(execution_id, None, UNLIMITED_WORKERS)
        return SinkStream(header, columns, scan.wanted)
    if request.phase is Phase.TABLE_BUFFERING_FINALIZE:
        scope = look(service, execution_id)
        parts = _Parts(scope.spooled())
        share = request.finalize_state_id or execution_id
        whole = share == execution_id
        positions = range(len(parts)) if whole else [p for (p,) in struct.iter_unpack("<q", share[1:])]
        batches = bound.source((parts[position] for position in positions), scan)
        stream: Stream = TableStream(
            batches, scan.wanted, GlobalInitResponse(execution_id), lambda metadata: tighten(scan, metadata)
        )
        if bound.function.cache is None:
            return stream
        from .caching import CachedStream

        return CachedStream(stream, bound.cache_tags)
    raise ArgumentError(f"function '{bound.function.name}' takes a table; it cannot be scanned without one")


class SinkStream:
    """The stream of a thread that will sink: it carries no data."""

    def __init__(self, header: GlobalInitResponse, columns: pa.Schema, output: pa.Schema):
        self.header = header
        self.input_schema = columns
        self.output_schema = output

    def turn(self, batch: Batch) -> Batch | None:
        """Refuse data: it travels in calls of its own."""
        raise ArgumentError("the rows of a buffering function travel with table_buffering_process")

    def save(self) -> None:
        """There is nothing to go on with."""

    def load(self, state: bytes) -> None:
        """Go on."""

    def close(self) -> None:
        """Nothing is open."""


def table_buffering_process(service: Service, call: Call, request: BufferingProcessRequest) -> BufferingProcessResponse:
    """Keep a batch of input."""
    execution = _execution(service, call, request.execution_id)
    scope = change(service, call, request.execution_id)
    kept = execution.bound.sink(request.input_batch)
    if kept is not None and kept.num_rows:
        index = NO_INDEX if request.batch_index is None else request.batch_index
        if request.batch_index is None and execution.bound.function.orders_input:
            index = scope.store.counter_add(
                _WRITTEN, b"", 1
            )  # one thread sends them, in order, perhaps to many processes
        execution.spool(scope).append(encode_batch(kept), index)
    return BufferingProcessResponse(request.execution_id)


def table_buffering_combine(service: Service, call: Call, request: BufferingCombineRequest) -> BufferingCombineResponse:
    """All input is there: say what sources there are."""
    execution = _execution(service, call, request.execution_id)
    scope = look(service, request.execution_id)
    if execution.writes:
        execution.bound.write(iter(_Parts(scope.spooled())))
        return BufferingCombineResponse(())
    parts = _Parts(scope.spooled())
    shares = execution.bound.split(parts)
    if shares is None or [list(share) for share in shares] == [list(range(len(parts)))]:
        return BufferingCombineResponse((request.execution_id,))
    # The byte in front makes an empty share an id that is not empty.
    return BufferingCombineResponse(tuple(b"#" + struct.pack(f"<{len(share)}q", *share) for share in shares))


def table_buffering_destructor(service: Service, call: Call, request: BufferingDestructorRequest) -> NoResult:
    """The execution is over. Never fails."""
    execution = service.executions.pop(request.execution_id)
    with never_failing("removing the input of a buffering function"):
        if isinstance(execution, _Execution):
            execution.close()
        end(service, request.execution_id)
    return NoResult()


@dataclass(eq=False)
class _Execution:
    """An execution as this process knows it.

    Attributes:
        bound: the function.
        writes: it writes for COPY TO, and gives no rows.
    """

    bound: BoundBuffering
    writes: bool = False
    _scope: Scope | None = None
    _spool: Spool | None = None

    def spool(self, scope: Scope) -> Spool:
        """Where this process keeps its part of the input."""
        if self._spool is None:
            self._scope, self._spool = scope, scope.spool()
        return self._spool

    def is_going_on(self) -> bool:
        """Whether what this process keeps of it may still be needed."""
        return self._scope is None or self._scope.is_current()

    def close(self) -> None:
        """Close the file."""
        if self._spool is not None:
            self._spool.close()
            self._spool = None


def _execution(service: Service, call: Call, execution_id: bytes) -> _Execution:
    execution = service.executions.get(execution_id)
    if execution is None:
        request = read_execution_id(service, execution_id, InitRequest)
        bind_call = decode(BindRequest, request.bind_call)
        scan = read_scan(request, request.output_schema)
        bound = bind_function(
            service, call, bind_call, execution=execution_id, data=request.bind_opaque_data, scan=scan
        )
        execution = _Execution(bound, bind_call.copy_to is not None)
        # Only one process is told of the end of an execution; the file would stay open in the others.
        service.executions.keep(lambda kept: not isinstance(kept, _Execution) or kept.is_going_on())
        service.executions.put(execution_id, execution)
    if not isinstance(execution, _Execution):
        raise StateError("the execution is none of a buffering function")
    execution.bound.context.redirect(log_of(call))
    say_function(call, execution.bound.function)
    return execution


class _Parts(Sequence[pa.RecordBatch]):
    """The kept batches, read from disk one by one."""

    def __init__(self, entries: Sequence[Entry]):
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, position: int) -> pa.RecordBatch: ...

    @overload
    def __getitem__(self, position: slice) -> Sequence[pa.RecordBatch]: ...

    def __getitem__(self, position: int | slice) -> pa.RecordBatch | Sequence[pa.RecordBatch]:
        if isinstance(position, slice):
            return _Parts(self._entries[position])
        return decode_batch(self._entries[position].read())

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return (decode_batch(entry.read()) for entry in self._entries)
