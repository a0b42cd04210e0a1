"""A scan of any shape, for ``benchmarks.growth``."""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

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


@growing.aggregate
class values_kept:  # noqa: N801
    """How many values there are, found by keeping all of them."""

    values: list[int]

    def __init__(self) -> None:
        self.values = []

    def update(self, value: int) -> None:
        self.values.append(value)

    def merge(self, other: "values_kept") -> None:
        self.values += other.values

    def result(self) -> int:
        return len(self.values)
