"""The options of the decorators, for type checkers; their defaults stand with what they configure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypedDict

import pyarrow as pa

from ..scans.cache import Cache
from ..scans.partitions import Partitions
from .about import ExampleLike, Stability
from .buffering import Ordered
from .columns import ColumnsOption
from .hints import CardinalityOption, StatisticsOption
from .pushdown import Filtering, RowOrder
from .scalar import Constants, Nulls
from .settings import Setting


class FunctionOptions(TypedDict, total=False):
    """Options of every decorator; :func:`duckwing.scalar` explains them."""

    name: str | None
    comment: str | None
    tags: Mapping[str, str] | None
    examples: Iterable[ExampleLike]
    categories: Iterable[str]
    settings: Iterable[str | Setting]


class ScalarOptions(FunctionOptions, total=False):
    """Options of ``scalar``; :func:`duckwing.scalar` explains them."""

    returns: pa.DataType | Callable[..., pa.DataType] | None
    nulls: Nulls
    stability: Stability
    cache: Cache | None
    constants: Constants
    concurrency: int | None


class TableFunctionOptions(FunctionOptions, total=False):
    """Options of ``table_function``; :func:`duckwing.table_function` explains them."""

    columns: ColumnsOption | None
    stability: Stability
    filters: Filtering
    samples: bool
    order: RowOrder | None
    partition_by: str | Sequence[str]
    partitions: Partitions
    late_materialization: bool
    projection: bool
    cache: Cache | Callable[..., Cache | None] | None
    split_ttl: int | None
    listed: bool
    cardinality: CardinalityOption | None
    statistics: StatisticsOption | None


class RowFunctionOptions(FunctionOptions, total=False):
    """Options of ``row_function``; :func:`duckwing.row_function` explains them."""

    columns: ColumnsOption | None
    concurrency: int | None
    stability: Stability
    cache: Cache | None
    projection: bool


class TableInOutOptions(FunctionOptions, total=False):
    """Options of ``table_in_out``; :func:`duckwing.table_in_out` explains them."""

    columns: ColumnsOption
    cache: Cache | None
    per_thread: bool
    projection: bool
    stability: Stability


class BufferingOptions(FunctionOptions, total=False):
    """Options of ``buffering``; :func:`duckwing.buffering` explains them."""

    columns: ColumnsOption
    cache: Cache | None
    ordered: Ordered
    projection: bool
    filters: Filtering
    stability: Stability


class AggregateOptions(FunctionOptions, total=False):
    """Options of ``aggregate``; :func:`duckwing.aggregate` explains them."""

    returns: pa.DataType | Callable[..., pa.DataType] | None
    empty: Any
    nulls: Nulls
    order_dependent: bool
    distinct_dependent: bool
