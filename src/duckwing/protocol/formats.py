"""COPY formats, asked for right after every ATTACH (spec 04, section 12.3)."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from ..rpc.codec import EMPTY_MAP
from ..rpc.method import unary
from .shared import CatalogParams, Items


@dataclass(frozen=True, kw_only=True)
class CopyFormatInfo:
    """A format for COPY, an item of ``catalog_copy_from_formats`` (spec 04, section 12.3).

    Attributes:
        format_name: the user writes ``FORMAT '<alias>.<format_name>'``.
        handler: the function that reads or writes.
        options: one field per option, declared like arguments of functions.
        direction: ``from``, ``to`` or ``both``.
        ordered: COPY TO only: one thread hands over the rows in source order.
    """

    comment: str | None = None
    tags: Mapping[str, str | None] = EMPTY_MAP
    format_name: str
    handler: str
    options: pa.Schema
    direction: str
    description: str = ""
    ordered: bool = False


CATALOG_COPY_FROM_FORMATS = unary("catalog_copy_from_formats", CatalogParams, Items)
