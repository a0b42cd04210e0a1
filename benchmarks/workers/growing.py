"""A scan of any shape, and functions over numbers, for ``benchmarks.growth``."""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import duckwing as dw
from duckwing.types import BIGINT

growing = dw.Catalog("growing")


def _columns(columns: int) -> Mapping[str, pa.DataType]:
    return {f"c{i}": BIGINT for i in range(columns)}


@growing.table_function(columns=_columns)
def table(rows: int, columns: int, batch: int) -> Iterator[pa.RecordBatch]:
    """Numbers from zero, the same in each column.

    Args:
        rows: how many.
        columns: how many.
        batch: rows of a batch.
    """
    names = list(_columns(columns))
    for start in range(0, rows, batch):
        values = pa.array(np.arange(start, min(start + batch, rows)))
        yield pa.record_batch([values] * columns, names)


@growing.scalar
def add_one(value: pa.Int64Array) -> pa.Int64Array:
    return pc.add(value, 1)


@growing.scalar
def steps_to_1(n: int) -> int:
    """Nothing but Python."""
    steps = 0
    while n > 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


@growing.aggregate(name="total")
class Total:
    """A sum, for all groups of a batch at once."""

    total: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        groups.add(self.total, value)

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.total)
