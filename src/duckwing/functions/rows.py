"""Columns from the class of the rows: ``-> Iterator[Row]`` with a NamedTuple or dataclass."""

from __future__ import annotations

import typing
from collections.abc import AsyncIterator, Generator, Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

_ITERABLES = (Iterator, Iterable, Generator, Sequence, list, AsyncIterator)


def row_columns(annotation: Any) -> pa.Schema | None:
    """The columns that a return annotation names, None if it names none.

    Args:
        annotation: ``Iterator[Row]``, ``list[Row]``, ``Row`` and the like.
    """
    from ..types.python import struct_fields

    if typing.get_origin(annotation) in _ITERABLES:
        annotation = typing.get_args(annotation)[0]
    fields = struct_fields(annotation) if isinstance(annotation, type) else None
    return None if fields is None else pa.schema(fields)
