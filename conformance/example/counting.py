"""What functions that count share: ranges of rows, how many there are, and their bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import pyarrow as pa
from annotated_types import Ge

import duckwing as dw

Count = Annotated[int, Ge(0)]
"""A number of rows."""

Size = Annotated[int, Ge(1)]
"""A number of rows that is at least one."""


def ranges(count: int, size: int) -> Iterator[tuple[int, int]]:
    """The rows 0 to ``count`` in pieces of ``size``, as half-open ranges.

    Raises:
        ValueError: there are no such pieces.
    """
    if size < 1:
        raise ValueError(f"rows come in pieces of at least 1, not {size}")
    for start in range(0, count, size):
        yield start, min(start + size, count)


def integers(start: int, stop: int) -> pa.Array:
    """The integers of a half-open range, as BIGINT."""
    return pa.array(np.arange(start, stop, dtype=np.int64))


def texts(prefix: str, start: int, stop: int) -> pa.Array:
    """``prefix`` with each integer of a half-open range behind it."""
    return pa.array([f"{prefix}{n}" for n in range(start, stop)], pa.string())


def exact(count: int) -> dw.Cardinality:
    """Exactly ``count`` rows."""
    return dw.Cardinality(count, count)
