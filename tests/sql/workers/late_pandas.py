"""Functions that have nothing to do with pandas, and some that import it when they need it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, BOOLEAN, DOUBLE

late_pandas = dw.Catalog("late_pandas")

ONE = pa.scalar(1, pa.int64())


@late_pandas.scalar(stability="volatile")
def has_pandas(number: int) -> bool:
    """Whether somebody in this process has imported it."""
    return "pandas" in sys.modules


@late_pandas.table_function(columns={"number": BIGINT, "loaded": BOOLEAN})
def rows(count: int) -> Iterator[tuple[int, bool]]:
    for number in range(count):
        yield number, "pandas" in sys.modules


@late_pandas.aggregate
class total:
    sum: int = 0

    def update(self, value: int) -> None:
        self.sum += value

    def merge(self, other: total) -> None:
        self.sum += other.sum

    def result(self) -> int:
        return self.sum


@late_pandas.aggregate
class total_of_groups:
    sum: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        groups.add(self.sum, value)

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.sum)


@late_pandas.scalar
def doubled(value: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return value * 2


@late_pandas.scalar(returns=DOUBLE)
def smoothed(value: pa.DoubleArray) -> pa.Array:
    """NaN means that there is no value, if pyarrow knows a Series when it sees one."""
    import pandas as pd

    numbers = pd.Series(value.to_numpy(zero_copy_only=False))
    return pa.array(numbers.where(numbers > 1))


@late_pandas.scalar(returns=BIGINT)
def through_a_frame(value: pa.Int64Array) -> pa.Array:
    """pyarrow imports pandas itself."""
    frame = pa.table({"v": value}).to_pandas()
    return pa.Table.from_pandas(frame + ONE.as_py())["v"]
