"""The record that describes a function to the client (spec 06, section 2)."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import pyarrow as pa

from ..rpc.codec import EMPTY_MAP


class FunctionType(enum.Enum):
    """Kind of a function; a table-in-out function is a ``TABLE`` with a table argument."""

    SCALAR = enum.auto()
    TABLE = enum.auto()
    TABLE_BUFFERING = enum.auto()
    AGGREGATE = enum.auto()


class Stability(enum.Enum):
    """Whether a call with equal arguments has equal results."""

    CONSISTENT = enum.auto()
    VOLATILE = enum.auto()
    CONSISTENT_WITHIN_QUERY = enum.auto()


class NullHandling(enum.Enum):
    """What NULL arguments mean."""

    DEFAULT = enum.auto()
    """A NULL argument makes the result NULL."""
    SPECIAL = enum.auto()
    """The function sees NULLs."""


class OrderPreservation(enum.Enum):
    """What the order of a function's rows means."""

    PRESERVES_ORDER = enum.auto()
    NO_ORDER_GUARANTEE = enum.auto()
    FIXED_ORDER = enum.auto()


class PartitionKind(enum.Enum):
    """How the batches of a scan are divided by the partition columns."""

    NOT_PARTITIONED = enum.auto()
    SINGLE_VALUE_PARTITIONS = enum.auto()
    OVERLAPPING_PARTITIONS = enum.auto()
    DISJOINT_PARTITIONS = enum.auto()


class OrderDependent(enum.Enum):
    """Whether ORDER BY inside an aggregate call matters."""

    ORDER_DEPENDENT = enum.auto()
    NOT_ORDER_DEPENDENT = enum.auto()


class DistinctDependent(enum.Enum):
    """Whether DISTINCT inside an aggregate call matters."""

    DISTINCT_DEPENDENT = enum.auto()
    NOT_DISTINCT_DEPENDENT = enum.auto()


class Monotonicity(enum.StrEnum):
    """How a scalar function's result moves with one argument; plain text on the wire (spec 06, 2.6)."""

    UNKNOWN = "UNKNOWN"
    CONSTANT = "CONSTANT"
    NON_DECREASING = "NON_DECREASING"
    STRICTLY_INCREASING = "STRICTLY_INCREASING"
    NON_INCREASING = "NON_INCREASING"
    STRICTLY_DECREASING = "STRICTLY_DECREASING"


@dataclass(frozen=True)
class Example:
    """An example query."""

    sql: str
    description: str = ""
    expected_output: str | None = None


@dataclass(frozen=True)
class FilterFunction:
    """Identity of a function that pushed filters may use; versions start at 1 (spec 06, 2.7)."""

    namespace: str
    name: str
    version: Annotated[int, pa.uint64()] = 1


@dataclass(frozen=True)
class FilterEvaluationContext:
    """A session context in which filters can be evaluated (spec 06, 2.7)."""

    profile: str
    provider_fingerprint: str | None = None


@dataclass(frozen=True)
class RequiredSecret:
    """A secret that the client resolves before bind (spec 06, section 11.2)."""

    secret_type: str
    scope: str | None = None
    secret_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class FunctionInfo:
    """A function as the catalog lists it; several of one name are overloads (spec 06, section 2.3).

    A nullable field that is None leaves the choice to the client: ``stability`` is then read as
    ``CONSISTENT``, ``null_handling`` as ``DEFAULT``, ``order_preservation`` as
    ``PRESERVES_ORDER`` and a flag as False. ``order_dependent`` and ``distinct_dependent``
    default to the forms that are right for every aggregate; the other ones make
    ``f(DISTINCT x)`` wrong where they do not hold.

    Attributes:
        arguments: a field per declared argument, its properties as field metadata
            (:mod:`duckwing.protocol.metadata`).
        output_schema: the declared result; no fields if bind decides.
        parameter_default_values: one row; columns are a subset of ``arguments``, in their order.
        argument_monotonicity: scalars only: a :class:`Monotonicity` per declared argument.
        max_workers: most workers for one call.
        split_token_ttl_seconds: life time of a split token in seconds; None: no end.
    """

    comment: str | None = None
    tags: Mapping[str, str | None] = EMPTY_MAP
    name: str
    schema_path: tuple[str, ...]
    function_type: FunctionType
    arguments: pa.Schema
    output_schema: pa.Schema
    parameter_default_values: pa.RecordBatch | None = None
    stability: Stability | None = None
    null_handling: NullHandling | None = None
    argument_monotonicity: tuple[str, ...] | None = None
    description: str = ""
    examples: tuple[Example, ...] = ()
    categories: tuple[str, ...] = ()
    projection_pushdown: bool | None = False
    filter_pushdown: bool | None = False
    sampling_pushdown: bool | None = False
    late_materialization: bool | None = None
    filter_semantic_profiles: tuple[str, ...] = ()
    additional_filter_functions: tuple[FilterFunction, ...] = ()
    runtime_filter_algorithms: tuple[FilterFunction, ...] = ()
    filter_evaluation_contexts: tuple[FilterEvaluationContext, ...] = ()
    order_preservation: OrderPreservation | None = None
    max_workers: Annotated[int, pa.int32()] | None = None
    supports_batch_index: bool = False
    supports_splits: bool = False
    filters_exactly_applied: bool = False
    supports_positions: bool = False
    split_token_ttl_seconds: int | None = None
    partition_kind: PartitionKind = PartitionKind.NOT_PARTITIONED
    order_dependent: OrderDependent = OrderDependent.ORDER_DEPENDENT
    distinct_dependent: DistinctDependent = DistinctDependent.DISTINCT_DEPENDENT
    supports_window: bool = False
    streaming_partitioned: bool = False
    has_finalize: bool = False
    source_order_dependent: bool = False
    sink_order_dependent: bool = False
    requires_input_batch_index: bool = False
    input_from_args: bool = False
    required_settings: tuple[str, ...] = ()
    required_secrets: tuple[RequiredSecret, ...] = ()
