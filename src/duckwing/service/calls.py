"""``bind`` and ``init``: from a call of SQL to a running function (spec 05, sections 3 and 5)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..errors import ArgumentError
from ..protocol.calls import BindRequest, BindResponse, CallType, GlobalInitResponse, InitRequest, Phase
from ..rpc.codec import decode
from ..rpc.framing import EMPTY_SCHEMA
from .binding import bind_function
from .describe import UNLIMITED_WORKERS
from .ownership import owned
from .pushdown import read_scan, tighten
from .scans import keep_measures
from .streams import ScalarStream, TableStream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..functions.scalar import BoundScalar
    from ..functions.signature import Signature
    from ..functions.table import BoundTable
    from ..rpc.call import Call, Stream
    from ..scans.scan import Scan
    from . import Service


def bind(service: Service, call: Call, request: BindRequest) -> BindResponse:
    """Check a call's arguments and tell the columns of its result. Repeatable, without side effects."""
    bound = bind_function(service, call, request)
    scalar = request.function_type is CallType.SCALAR
    values: Mapping[str, Any] = {} if scalar else bound.values.by_name
    signature: Signature = bound.function.signature
    if signature.secrets:
        if not request.resolved_secrets_provided:
            return _look_up(signature, values)
        for parameter in signature.secrets:
            bound.context.secret(parameter, values)
    if scalar:
        return BindResponse(_scalar_schema(bound))
    if request.copy_from is not None:
        return BindResponse(request.copy_from.expected_schema)
    columns, data = bound.output()
    if data is None:
        return BindResponse(columns)
    from ..state.values import dump_value

    return BindResponse(columns, dump_value(data))


def init(service: Service, call: Call, request: InitRequest) -> Stream:
    """Start a function: the stream that runs it."""
    bind_call = decode(BindRequest, request.bind_call)
    # The splits of one scan begin with the id that their plan has given them, so that they share one scope.
    part_of = request.init_opaque_data if request.split_tokens else None
    execution_id = request.execution_id or owned(service, call, "execution", (part_of or b"") + os.urandom(16))
    if call.opened is not None:
        assert isinstance(call.opened, GlobalInitResponse)
        execution_id = call.opened.execution_id
    scan = read_scan(request, request.output_schema) if bind_call.function_type is CallType.TABLE else None
    bound = bind_function(service, call, bind_call, execution=execution_id, data=request.bind_opaque_data, scan=scan)
    kind = bound.function.kind
    if kind == "scalar":
        _require_phase(request, None, bound)
        columns = bind_call.input_schema or EMPTY_SCHEMA
        return ScalarStream(
            bound, columns, _scalar_schema(bound), GlobalInitResponse(execution_id, None, UNLIMITED_WORKERS)
        )
    assert scan is not None
    if kind == "table_function":
        return _open_scan(service, call, bound, request, bind_call, scan, execution_id)
    columns = bind_call.input_schema
    if columns is None:
        raise ArgumentError(f"function '{bind_call.function_name}' was started without the columns of its input")
    if kind == "row_function":
        from .exchanges import RowStream

        _require_phase(request, Phase.INPUT, bound)
        return RowStream(bound, columns, scan, GlobalInitResponse(execution_id, None, UNLIMITED_WORKERS))
    if kind == "table_in_out":
        from .exchanges import open_table_in_out

        return open_table_in_out(service, bound, request, scan, columns, execution_id)
    from .buffering import open_buffering

    return open_buffering(service, call, bound, request, scan, columns, execution_id)


def _open_scan(
    service: Service,
    call: Call,
    bound: BoundTable,
    request: InitRequest,
    bind_call: BindRequest,
    scan: Scan,
    execution_id: bytes,
) -> Stream:
    _require_phase(request, None, bound)
    if request.execution_id:
        raise ArgumentError(
            f"function '{bind_call.function_name}' runs in one process; it cannot be joined by a second stream"
        )
    splits = None
    if request.split_tokens:
        from .splits import redeem

        splits = redeem(bound, call, bind_call, request.split_tokens)
    header = GlobalInitResponse(execution_id)

    def on_tick(metadata: Mapping[bytes, bytes]) -> None:
        tighten(scan, metadata)

    def on_close() -> None:
        keep_measures(service, bind_call, execution_id, bound.context.measures)

    stream: Stream
    first_rows = scan.order is not None
    if bound.function.form == "resumable":
        from .resumable import ResumableStream

        measures = bound.context.measures
        rows = bound.resumable(scan)
        stream = ResumableStream(rows, scan.wanted, header, measures, on_tick, on_close, lockstep=first_rows)
    else:
        batches = bound.scan(scan, splits)
        stream = TableStream(batches, scan.wanted, header, on_tick, on_close, lockstep=first_rows)
    if bound.function.cache is None:
        return stream
    from .caching import CachedStream

    return CachedStream(stream, bound.cache_tags)


def _look_up(signature: Signature, values: Mapping[str, Any]) -> BindResponse:
    """The answer that has the client look up secrets and bind again (spec 05, section 3.5)."""
    lookups = [secret.lookup for secret in signature.secrets]
    scopes = [lookup.path_in(values) for lookup in lookups]
    return BindResponse(
        EMPTY_SCHEMA,
        lookup_secret_types=tuple(lookup.type for lookup in lookups),
        lookup_scopes=tuple(None if scope is None else str(scope) for scope in scopes),
        lookup_names=tuple(lookup.name for lookup in lookups),
    )


def _require_phase(request: InitRequest, phase: Phase | None, bound: Any) -> None:
    if request.phase is not phase:
        raise ArgumentError(
            f"function '{bound.function.name}' has no phase {request.phase.name if request.phase else 'of a scan'}"
        )


def _scalar_schema(bound: BoundScalar) -> pa.Schema:
    from .describe import RESULT

    return pa.schema([pa.field(RESULT, bound.output_type)])
