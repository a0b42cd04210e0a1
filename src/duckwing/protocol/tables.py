"""Tables, and the functions that scan and write them (spec 04, sections 5, 7 and 10)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import pyarrow as pa

from ..rpc.codec import EMPTY_MAP, NESTED
from ..rpc.method import unary
from .calls import BindResponse
from .shared import Items, ObjectParams


@dataclass(frozen=True)
class ForeignKeyInfo:
    """A foreign key to a table of the same catalog (spec 04, section 5.1)."""

    fk_columns: tuple[str, ...]
    pk_columns: tuple[str, ...]
    referenced_table: str
    referenced_schema_path: tuple[str, ...]


@dataclass(frozen=True)
class ScanFunctionResult:
    """The function that scans or writes a table (spec 04, section 7.1).

    Attributes:
        function_name: a function of the worker, or one of DuckDB's own.
        arguments: the IPC stream of one row: a column ``arg_<i>`` per positional argument, and
            one of its own name per named argument; no bytes at all mean no arguments.
        required_extensions: DuckDB extensions to load first.
        schema_path: where the function is registered; None for functions of DuckDB.
    """

    function_name: str
    arguments: bytes = b""
    required_extensions: tuple[str, ...] = ()
    schema_path: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ScanBranch:
    """One part of a table that is a union (spec 04, section 7.2).

    Exactly one of ``function_name``, ``source_table`` and ``format_name`` is not empty.

    Attributes:
        arguments: as in :class:`ScanFunctionResult`.
        branch_filter: SQL predicate that the rows of the branch are filtered by.
        writable: INSERT goes here; at most one branch of a table.
        source_catalog: alias of the companion catalog that has ``source_table``.
        format_locations: files or URLs, at least one with ``format_name``.
        format_options: one row, a column per option of the reader.
    """

    function_name: str = ""
    arguments: bytes = b""
    branch_filter: str | None = None
    writable: bool = False
    source_catalog: str | None = None
    source_schema_path: tuple[str, ...] | None = None
    source_table: str | None = None
    format_name: str | None = None
    format_locations: tuple[str, ...] | None = None
    format_options: pa.RecordBatch | None = None
    schema_path: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ScanBranchesResult:
    """The parts of a table; one for an ordinary table (spec 04, section 7.2)."""

    branches: tuple[Annotated[ScanBranch, NESTED], ...]
    required_extensions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TableInfo:
    """A table (spec 04, section 5.1).

    Attributes:
        columns: a field per column, with the field metadata of spec 04, section 5.2.
        not_null_constraints: positions in ``columns``.
        unique_constraints: positions in ``columns``, a tuple per constraint.
        check_constraints: SQL expressions.
        primary_key_constraints: positions in ``columns``, a tuple per constraint.
        write_result_modes: ``count``, ``rows`` or ``changes`` for ``insert``, ``update`` and
            ``delete``; an operation that is not there is refused.
        scan_function: saves the call that asks for it; so do the other three.
        cardinality_max: a true upper bound on the number of rows, or None.
        column_statistics: the statistics batch of spec 04, section 5.6. Bytes, because the
            batch may carry metadata of its own.
        bind_result: saves ``bind`` of ``scan_function``.
        required_filters: an AND of ORs of column paths that a query must filter by.
    """

    comment: str | None = None
    tags: Mapping[str, str | None] = EMPTY_MAP
    name: str
    schema_path: tuple[str, ...]
    columns: pa.Schema
    not_null_constraints: tuple[Annotated[int, pa.int32()], ...] = ()
    unique_constraints: tuple[tuple[Annotated[int, pa.int32()], ...], ...] = ()
    check_constraints: tuple[str, ...] = ()
    primary_key_constraints: tuple[tuple[Annotated[int, pa.int32()], ...], ...] = ()
    foreign_key_constraints: tuple[Annotated[ForeignKeyInfo, NESTED], ...] = ()
    write_result_modes: Mapping[str, str | None] = EMPTY_MAP
    supports_column_statistics: bool = False
    scan_function: Annotated[ScanFunctionResult, NESTED] | None = None
    insert_function: Annotated[ScanFunctionResult, NESTED] | None = None
    update_function: Annotated[ScanFunctionResult, NESTED] | None = None
    delete_function: Annotated[ScanFunctionResult, NESTED] | None = None
    cardinality_estimate: int | None = None
    cardinality_max: int | None = None
    column_statistics: bytes | None = None
    bind_result: Annotated[BindResponse, NESTED] | None = None
    required_filters: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class TableAtParams:
    """Parameters of a method that concerns a table, perhaps at a version (spec 04, section 7.5).

    Attributes:
        at_unit: ``VERSION`` or ``TIMESTAMP``; None means the current state.
        at_value: the version or the time, as text; None exactly if ``at_unit`` is.
    """

    attach_opaque_data: bytes
    schema_path: tuple[str, ...]
    name: str
    at_unit: str | None = None
    at_value: str | None = None
    transaction_opaque_data: bytes | None = None


@dataclass(frozen=True)
class TableInsertFunctionParams:
    """Parameters of ``catalog_table_insert_function_get`` (spec 04, section 10.2).

    Attributes:
        writable_branch_function_name: the function of the writable branch of a table that has
            several branches.
    """

    attach_opaque_data: bytes
    schema_path: tuple[str, ...]
    name: str
    transaction_opaque_data: bytes | None = None
    writable_branch_function_name: str | None = None


CATALOG_TABLE_GET = unary("catalog_table_get", TableAtParams, Items)
CATALOG_TABLE_SCAN_FUNCTION_GET = unary("catalog_table_scan_function_get", TableAtParams, ScanFunctionResult)
CATALOG_TABLE_SCAN_BRANCHES_GET = unary("catalog_table_scan_branches_get", TableAtParams, ScanBranchesResult)
CATALOG_TABLE_COLUMN_STATISTICS_GET = unary("catalog_table_column_statistics_get", ObjectParams, bytes | None)
CATALOG_TABLE_INSERT_FUNCTION_GET = unary(
    "catalog_table_insert_function_get", TableInsertFunctionParams, ScanFunctionResult
)
CATALOG_TABLE_UPDATE_FUNCTION_GET = unary("catalog_table_update_function_get", ObjectParams, ScanFunctionResult)
CATALOG_TABLE_DELETE_FUNCTION_GET = unary("catalog_table_delete_function_get", ObjectParams, ScanFunctionResult)
