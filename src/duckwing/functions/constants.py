"""Constants of batch functions: ``Const[T]`` is one value for the whole array.

The client could send constants apart from the columns. But then DuckDB takes two calls that
differ only in a constant for the same call and computes one of them, seen in SELECT and WHERE: a
wrong answer. So they travel as columns, of which every value is normally the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from .nulls import take

Evaluate = Callable[[Sequence[pa.Array], Sequence[pa.Array], int], pa.Array]
"""From the constants, an array of one value each, the columns, and their length to the result."""


def evaluate_by_constants(
    evaluate: Evaluate, constants: Sequence[pa.Array], columns: Sequence[pa.Array], count: int
) -> pa.Array:
    """Evaluate a batch once for each combination of its constants, which is nearly always one.

    Args:
        evaluate: makes an array of as many values as it is told.
        constants: a column of ``count`` values for each constant.
        columns: the other columns.
        count: number of rows, at least one.
    """
    if all(_is_constant(constant) for constant in constants):
        return evaluate([constant.slice(0, 1) for constant in constants], columns, count)
    groups: dict[tuple[Any, ...], list[int]] = {}
    for row, key in enumerate(zip(*map(_keys, constants), strict=True)):
        groups.setdefault(key, []).append(row)
    pieces: list[pa.Array] = []
    order: list[int] = []
    for rows in groups.values():
        indices = pa.array(rows, pa.int32())
        chosen = [constant.slice(rows[0], 1) for constant in constants]
        pieces.append(evaluate(chosen, [take(column, indices) for column in columns], len(rows)))
        order += rows
    position = [0] * count
    for place, row in enumerate(order):
        position[row] = place
    return take(pa.concat_arrays(pieces), pa.array(position, pa.int32()))


def _is_constant(column: pa.Array) -> bool:
    storage = column.storage if isinstance(column, pa.ExtensionArray) else column
    return bool(storage.equals(pa.repeat(storage[0], len(storage))))


def _keys(column: pa.Array) -> list[str]:
    """The values as something that can be compared and hashed, whatever their type."""
    if _has_union(column.type):
        return [str(row) for row in range(len(column))]  # to_pylist() loses the tags
    storage = column.storage if isinstance(column, pa.ExtensionArray) else column
    return [repr(value) for value in storage.to_pylist()]


def _has_union(type: pa.DataType) -> bool:
    return pa.types.is_union(type) or any(_has_union(type.field(i).type) for i in range(type.num_fields))
