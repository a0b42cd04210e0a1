"""Row functions and table-in-out functions: a batch in, a batch out (spec 05, section 9)."""

from __future__ import annotations

import base64
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..errors import ArgumentError, StateError
from ..protocol import metadata
from ..protocol.calls import GlobalInitResponse, InitRequest, Phase
from ..rpc.codec import decode, encode
from ..rpc.framing import Batch
from ..scans.cache import still_holds
from .caching import not_modified
from .describe import UNLIMITED_WORKERS
from .executions import end, scope_of
from .streams import TableStream, plain

if TYPE_CHECKING:
    from ..functions.row import BoundRow
    from ..functions.table_in_out import BoundTableInOut
    from ..rpc.call import Stream
    from ..scans.scan import Scan
    from . import Service


class RowStream:
    """The exchange of a row function: the rows for a batch of input, and where each came from."""

    def __init__(self, bound: BoundRow, columns: pa.Schema, scan: Scan, header: GlobalInitResponse):
        self.header = header
        self.input_schema = columns
        self.output_schema = scan.wanted
        self._run = bound.runner(scan.columns, scan.wanted)
        self._bound = bound

    def turn(self, batch: Batch) -> Batch | None:
        """The rows for one batch of input."""
        tags = self._bound.cache_tags(batch.data)
        if still_holds(batch.metadata, tags):
            return not_modified(self.output_schema, tags)
        rows, parents = self._run(batch.data)
        if parents is None or not len(parents):
            return Batch(rows, tags)
        data = memoryview(parents.buffers()[1])[4 * parents.offset : 4 * (parents.offset + len(parents))]
        return Batch(rows, {metadata.PARENT_ROW: base64.b64encode(data), **tags})

    def save(self) -> bytes:
        """Nothing: each batch stands for itself."""
        return b""

    def load(self, state: bytes) -> None:
        """Go on."""

    def close(self) -> None:
        """A row function holds nothing open."""


def open_table_in_out(
    service: Service,
    bound: BoundTableInOut,
    request: InitRequest,
    scan: Scan,
    columns: pa.Schema,
    execution_id: bytes,
) -> Stream:
    """The stream for a batch after the other, or the one after the last.

    Raises:
        ArgumentError: the function has no such phase.
    """
    function = bound.function
    if request.phase is Phase.INPUT:
        workers = 1 if function.finishes and not function.per_thread else UNLIMITED_WORKERS
        return TableInOutStream(service, bound, scan, columns, GlobalInitResponse(execution_id, None, workers))
    if request.phase is Phase.FINALIZE:
        header = GlobalInitResponse(execution_id)
        if not function.finishes:
            return TableStream(iter(()), scan.wanted, header)
        kept = _kept(service, request.execution_id or b"")
        if kept is None:
            raise StateError(f"the state of function '{bound.function.name}' is lost; run the query again")

        def on_close() -> None:
            if service.stateless:
                _has_been_read(service, request.execution_id or b"")

        # The request does not repeat which columns are wanted (seen).
        return TableStream(plain(_finish(bound, kept, scan.columns)), kept.wanted, header, on_close=on_close)
    raise ArgumentError(f"function '{function.name}' takes a table; it cannot be scanned without one")


class TableInOutStream:
    """The exchange of a table-in-out function."""

    def __init__(
        self,
        service: Service,
        bound: BoundTableInOut,
        scan: Scan,
        columns: pa.Schema,
        header: GlobalInitResponse,
    ):
        self._service = service
        self.header = header
        self.input_schema = columns
        self.output_schema = scan.wanted
        self._columns = scan.columns
        self._bound = bound
        self._execution = header.execution_id
        function = bound.function
        # One that sees all rows is finished for a table without rows, too; so it starts with the stream.
        self._started: Any = bound.start() if function.finishes and not function.per_thread else None
        self._failed = False
        if service.stateless and function.finishes:
            service.scopes.open_or_create("execution", scope_of(self._execution))
            self._keep()

    def turn(self, batch: Batch) -> Batch | None:
        """The rows for one batch of input."""
        tags = self._bound.cache_tags(batch.data)
        if still_holds(batch.metadata, tags):
            return not_modified(self.output_schema, tags)
        self._failed = True
        try:
            if self._started is None:
                self._started = self._bound.start()
            rows = self._bound.process(self._started, batch.data, self._columns, self.output_schema)
            if self._service.stateless and self._bound.function.finishes:
                self._keep()  # nobody says which batch is the last one
        except BaseException:
            if self._service.stateless and self._bound.function.finishes:
                end(self._service, self._execution)  # nobody will ask for the finish
            raise
        self._failed = False
        return Batch(rows, tags)

    def save(self) -> bytes:
        """The fields of the author's instance."""
        return self.unfinished().saved or b""

    def load(self, state: bytes) -> None:
        """Go on with these fields."""
        fields = self._bound.function.state
        if state and fields is not None:
            self._started = self._bound.start()
            fields.load(self._started, state)

    def close(self) -> None:
        """Keep the state for the finish, which follows on the same connection (spec 05, section 9.1).

        Not where other processes find it: a query that ends early never asks for the finish, and nobody
        would say that what was kept for it can go.
        """
        if self._bound.function.finishes and not self._failed and not self._service.stateless:
            self._service.executions.put(self._execution, self)

    def unfinished(self) -> _Unfinished:
        """What the finish needs.

        Raises:
            OutputError: a field of the instance cannot be kept.
        """
        fields = self._bound.function.state
        saved = None if self._started is None or fields is None else fields.save(self._started)
        return _Unfinished(saved, self.output_schema)

    def _keep(self) -> None:
        kept = self.unfinished()
        scope = self._service.scopes.open_or_create("execution", scope_of(self._execution))
        scope.store.put(_STATE, b"", encode(kept))


_STATE = "_vgi/table_in_out"
"""Where the state of a stream is kept for the finish, which may reach another process."""


@dataclass(frozen=True)
class _Unfinished:
    """A stream whose input is over, as far as is known.

    Attributes:
        saved: the fields of the instance that has seen all of it; None: there was none.
        wanted: the columns that are sent.
    """

    saved: bytes | None
    wanted: pa.Schema


def _kept(service: Service, execution_id: bytes) -> _Unfinished | None:
    """What a stream has left for the finish; None if nothing is there. It stays: a client may ask twice."""
    if service.stateless:
        scope = service.scopes.open("execution", scope_of(execution_id))
        data = scope.store.get(_STATE, b"") if scope is not None else None
        return None if data is None else decode(_Unfinished, data)
    kept = service.executions.pop(execution_id)
    return kept.unfinished() if isinstance(kept, TableInOutStream) else None


def _has_been_read(service: Service, execution_id: bytes) -> None:
    """Let the state go, though not at once: the client may not have got the rows, and ask again."""
    scope = service.scopes.open("execution", scope_of(execution_id))
    if scope is not None:
        scope.end(complete=False)


def _finish(bound: BoundTableInOut, kept: _Unfinished, columns: pa.Schema) -> Generator[pa.RecordBatch]:
    started = bound.start()
    fields = bound.function.state
    if kept.saved is not None and fields is not None:
        fields.load(started, kept.saved)
    return bound.finish(started, columns, kept.wanted)
