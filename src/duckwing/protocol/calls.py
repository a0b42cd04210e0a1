"""``bind`` and ``init``: how every function but aggregates is called (spec 05, sections 3 and 5)."""

import enum
from dataclasses import dataclass
from typing import Annotated

import pyarrow as pa

from ..rpc.method import stream, unary


class CallType(enum.Enum):
    """Kind of function that a bind asks for (spec 05, section 3.1).

    The extension sends ``SCALAR``, and ``TABLE`` for everything else, buffering functions and
    COPY included: look functions up by name and schema, not by this. Apart from ``FunctionType``
    of the function record, so that a bind need not import that.
    """

    SCALAR = enum.auto()
    TABLE = enum.auto()
    TABLE_BUFFERING = enum.auto()
    AGGREGATE = enum.auto()


class Phase(enum.Enum):
    """What an init opens, where the function kind leaves it open (spec 05, section 5.1)."""

    INPUT = enum.auto()
    FINALIZE = enum.auto()
    TABLE_BUFFERING = enum.auto()
    TABLE_BUFFERING_FINALIZE = enum.auto()


class OrderDirection(enum.Enum):
    """Direction of a Top-N hint."""

    ASC = enum.auto()
    DESC = enum.auto()


class NullOrder(enum.Enum):
    """Where a Top-N hint wants NULLs."""

    NULLS_FIRST = enum.auto()
    NULLS_LAST = enum.auto()


@dataclass(frozen=True)
class CopyFrom:
    """The source of a COPY FROM; ``expected_schema`` is that of the target table."""

    format: str
    file_path: str
    expected_schema: pa.Schema


@dataclass(frozen=True)
class CopyTo:
    """The destination of a COPY TO."""

    format: str
    file_path: str


@dataclass(frozen=True, kw_only=True)
class BindRequest:
    """Request of ``bind`` (spec 05, section 3.1).

    Attributes:
        arguments: the IPC stream of one row, one struct column ``args`` with the fields
            ``positional_<i>`` and ``named_<name>`` (spec 05, section 3.2); no bytes at all, no
            row or a null row mean no arguments.
        input_schema: columns of the input; None for functions without input rows.
        settings: the IPC stream of one row, a column per setting; None if there are none.
        secrets: the IPC stream of one row, a struct column per secret; None if there are none.
        resolved_secrets_provided: True on the second bind, with the secrets that the first
            answer asked for.
        at_unit: ``TIMESTAMP`` or ``VERSION``; None or ``""`` without AT clause.
        at_value: the time or version, as text.
        schema_path: the function's schema; None or empty: look through all schemas.
        argument_names: scalars only: the name of each argument of the call, None for an
            item of the varargs.
    """

    function_name: str
    arguments: bytes = b""
    function_type: CallType
    input_schema: pa.Schema | None = None
    settings: bytes | None = None
    secrets: bytes | None = None
    attach_opaque_data: bytes | None = None
    transaction_opaque_data: bytes | None = None
    resolved_secrets_provided: bool = False
    at_unit: str | None = None
    at_value: str | None = None
    copy_from: CopyFrom | None = None
    copy_to: CopyTo | None = None
    schema_path: tuple[str, ...] | None = None
    argument_names: tuple[str | None, ...] | None = None


@dataclass(frozen=True)
class BindResponse:
    """Answer of ``bind`` (spec 05, section 3.3).

    Attributes:
        output_schema: all columns of the result, unprojected.
        opaque_data: comes back as ``bind_opaque_data`` in every request about this bind.
        lookup_secret_types: secrets to resolve before the client binds again; usually none.
        lookup_scopes: scope of each of them, None or ``""`` for no scope.
        lookup_names: name of each of them, None or ``""`` for no name.
    """

    output_schema: pa.Schema
    opaque_data: bytes | None = None
    lookup_secret_types: tuple[str, ...] = ()
    lookup_scopes: tuple[str | None, ...] = ()
    lookup_names: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class InitRequest:
    """Request of ``init`` (spec 05, section 5.1).

    Attributes:
        bind_call: the encoded :class:`BindRequest`, byte for byte as it was sent.
        output_schema: the bind's, unprojected.
        bind_opaque_data: the bind's ``opaque_data``.
        projection_ids: indices into ``output_schema``, in output order; None: all columns.
        pushdown_filters: the filters of spec 07; None: none.
        join_keys: an IPC stream per pushed IN set.
        split_tokens: the splits to read, in this order; not empty: a split init.
        row_limit: no more rows are wanted; a hint.
        phase: what the stream is for; None for scalars and scans.
        finalize_state_id: with ``TABLE_BUFFERING_FINALIZE``: what to read.
        execution_id: the execution to join; None starts one.
        init_opaque_data: ``opaque_data`` of the init that started the execution.
        substream_id: table-in-out only: the client's id of the pipeline.
        order_by_column_name: column of the Top-N hint; None: no hint.
        order_by_limit: number of rows of the Top-N hint.
        tablesample_percentage: 0 to 100; None: no sample is taken here.
        tablesample_seed: None or -1 for an unseeded sample.
    """

    bind_call: bytes
    output_schema: pa.Schema
    bind_opaque_data: bytes | None = None
    projection_ids: tuple[int, ...] | None = None
    pushdown_filters: Annotated[bytes, pa.large_binary()] | None = None
    join_keys: tuple[Annotated[bytes, pa.large_binary()], ...] | None = None
    split_tokens: tuple[Annotated[bytes, pa.large_binary()], ...] | None = None
    row_limit: int | None = None
    phase: Phase | None = None
    finalize_state_id: bytes | None = None
    execution_id: bytes | None = None
    init_opaque_data: bytes | None = None
    substream_id: bytes | None = None
    order_by_column_name: str | None = None
    order_by_direction: OrderDirection | None = None
    order_by_null_order: NullOrder | None = None
    order_by_limit: int | None = None
    tablesample_percentage: float | None = None
    tablesample_seed: int | None = None


@dataclass(frozen=True)
class GlobalInitResponse:
    """Header of the stream that ``init`` opens (spec 05, section 5.2).

    Attributes:
        execution_id: new for the init that starts an execution, else the request's own.
        opaque_data: comes back as ``init_opaque_data``.
        max_workers: most parallel streams of the execution; 0 and less are read as 1.
    """

    execution_id: bytes
    opaque_data: bytes | None = None
    max_workers: int = 1


BIND = unary("bind", BindRequest, BindResponse, wrapped=True)
INIT = stream("init", InitRequest, header=GlobalInitResponse, wrapped=True)
