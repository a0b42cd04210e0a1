"""Functions that take in all their input first: sink and combine (spec 05, section 10).

The ``transaction_id`` of these records is the transaction's opaque data.
"""

from dataclasses import dataclass

import pyarrow as pa

from ..rpc.method import unary
from .shared import NoResult


@dataclass(frozen=True)
class BufferingProcessRequest:
    """Request of ``table_buffering_process``: one chunk of input.

    Attributes:
        batch_index: place of the chunk in source order, for functions that require it.
    """

    function_name: str
    execution_id: bytes
    input_batch: pa.RecordBatch
    attach_opaque_data: bytes | None = None
    transaction_id: bytes | None = None
    batch_index: int | None = None
    schema_path: tuple[str, ...] | None = None


@dataclass(frozen=True)
class BufferingProcessResponse:
    """Where the chunk went. Only the last id that each sink thread got reaches combine."""

    state_id: bytes


@dataclass(frozen=True)
class BufferingCombineRequest:
    """Request of ``table_buffering_combine``: all input is there."""

    function_name: str
    execution_id: bytes
    state_ids: tuple[bytes, ...]
    attach_opaque_data: bytes | None = None
    transaction_id: bytes | None = None
    schema_path: tuple[str, ...] | None = None


@dataclass(frozen=True)
class BufferingCombineResponse:
    """What to read: one stream is opened per id; none at all: there is no output."""

    finalize_state_ids: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class BufferingDestructorRequest:
    """Request of ``table_buffering_destructor``: the execution is over."""

    function_name: str
    execution_id: bytes
    attach_opaque_data: bytes | None = None
    transaction_id: bytes | None = None
    schema_path: tuple[str, ...] | None = None


TABLE_BUFFERING_PROCESS = unary(
    "table_buffering_process", BufferingProcessRequest, BufferingProcessResponse, wrapped=True
)
TABLE_BUFFERING_COMBINE = unary(
    "table_buffering_combine", BufferingCombineRequest, BufferingCombineResponse, wrapped=True
)
TABLE_BUFFERING_DESTRUCTOR = unary("table_buffering_destructor", BufferingDestructorRequest, NoResult, wrapped=True)
