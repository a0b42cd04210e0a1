"""The options of the decorators, for type checkers; their defaults stand with what they configure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Required, TypedDict

import pyarrow as pa

from .about import ExampleLike, Stability
from .scalar import Nulls
from .table import Columns


class ScalarOptions(TypedDict, total=False):
    """Options of ``scalar``; :func:`duckwing.scalar` explains them."""

    name: str | None
    returns: pa.DataType | None
    nulls: Nulls
    stability: Stability
    comment: str | None
    tags: Mapping[str, str] | None
    examples: Iterable[ExampleLike]
    categories: Iterable[str]


class TableFunctionOptions(TypedDict, total=False):
    """Options of ``table_function``; :func:`duckwing.table_function` explains them."""

    columns: Required[Columns]
    name: str | None
    stability: Stability
    comment: str | None
    tags: Mapping[str, str] | None
    examples: Iterable[ExampleLike]
    categories: Iterable[str]
