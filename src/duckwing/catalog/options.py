"""The options of a schema's methods, for type checkers; the methods explain them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from ..functions.hints import Cardinality
from ..scans.statistics import ColumnStatistics, TableStatistics
from .tables import ForeignKey, Generated


class ViewOptions(TypedDict, total=False):
    """Options of ``Schema.view``."""

    comment: str | None
    tags: Mapping[str, str] | None
    column_comments: Mapping[str, str] | None


class MacroOptions(TypedDict, total=False):
    """Options of ``Schema.macro``."""

    comment: str | None
    tags: Mapping[str, str] | None
    docs: Mapping[str, str] | None


class TableOptions(TypedDict, total=False):
    """Options of ``Schema.table``."""

    args: Sequence[Any]
    named: Mapping[str, Any] | None
    comment: str | None
    tags: Mapping[str, str] | None
    column_comments: Mapping[str, str] | None
    primary_key: str | Sequence[str]
    unique: str | Sequence[str | Sequence[str]]
    not_null: str | Sequence[str]
    foreign_keys: ForeignKey | Sequence[ForeignKey]
    checks: str | Sequence[str]
    defaults: Mapping[str, str] | None
    generated: Mapping[str, Generated] | None
    row_id: str | None
    required_filters: str | Sequence[str | Sequence[str]]
    time_travel: bool
    data_versions: str | Sequence[str]
    version: str | int | None
    since: datetime.date | None
    cardinality: int | Cardinality | None
    statistics: Mapping[str, ColumnStatistics] | TableStatistics | None
