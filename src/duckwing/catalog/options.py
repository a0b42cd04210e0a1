"""The options of a schema's methods, for type checkers; the methods explain them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

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
    column_comments: Mapping[str, str]
    primary_key: str | Sequence[str]
    unique: Sequence[str | Sequence[str]]
    not_null: Sequence[str]
    foreign_keys: Sequence[ForeignKey]
    checks: Sequence[str]
    defaults: Mapping[str, str]
    generated: Mapping[str, Generated]
    row_id: str | None
    required_filters: Sequence[str | Sequence[str]]
