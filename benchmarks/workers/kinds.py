"""The catalog "bench": a function of each kind, in the form that the documentation recommends."""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

import duckwing as dw
from duckwing.types import BIGINT, LIST, STRUCT, VARCHAR

ONE = pa.scalar(1, pa.int64())

bench = dw.Catalog("bench")


@bench.scalar
def add_one(value: pa.Int64Array) -> pa.Int64Array:
    return pc.add(value, ONE)


@bench.scalar
def upper_case(value: pa.StringArray) -> pa.StringArray:
    return pc.utf8_upper(value)


@bench.scalar
def sum_of_two(a: pa.Int64Array, b: pa.Int64Array) -> pa.Int64Array:
    return pc.add(a, b)


@bench.scalar
def sum_of_all(*values: pa.Int64Array) -> pa.Int64Array:
    total = values[0]
    for value in values[1:]:
        total = pc.add(total, value)
    return total


@bench.scalar
def same_text(value: pa.StringArray) -> pa.StringArray:
    return value


NESTED = STRUCT({"name": VARCHAR, "numbers": LIST(BIGINT)})


@bench.scalar
def same_nested(value: Annotated[pa.StructArray, NESTED]) -> Annotated[pa.StructArray, NESTED]:
    return value


@bench.aggregate(name="vsum")
class Sum:
    """The sum, for all groups of a batch at once."""

    total: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        groups.add(self.total, value)

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.total)


@bench.aggregate(name="isum")
class SumOfOne:
    """The sum, as an instance for each group."""

    total: int = 0

    def update(self, value: int) -> None:
        self.total += value

    def merge(self, other: "SumOfOne") -> None:
        self.total += other.total

    def result(self) -> int:
        return self.total


@bench.aggregate(name="greatest_id")
class GreatestId:
    """The greatest id of a state that became part of a group; the client counts them from 0."""

    greatest: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        groups.max(self.greatest, groups.ids)

    def merge(self, groups: dw.Groups, other: dw.Groups) -> None:
        groups.max(self.greatest, np.maximum(groups.ids, other.take(self.greatest)))

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.greatest)


@bench.table_function(columns={"n": BIGINT})
def series(n: int) -> Iterator[dict[str, npt.NDArray[np.int64]]]:
    """Count up from zero, in batches of 100,000."""
    return _count_up(n, 100_000)


@bench.table_function(columns={"n": BIGINT})
def series_1000(n: int) -> Iterator[dict[str, npt.NDArray[np.int64]]]:
    """Count up from zero, in batches of 1,000."""
    return _count_up(n, 1000)


WIDE = tuple(f"c{i}" for i in range(8))


@bench.table_function(columns=dict.fromkeys(WIDE, BIGINT))
def wide_series(n: int) -> Iterator[dict[str, npt.NDArray[np.int64]]]:
    """The same number in eight columns, in batches of 100,000."""
    for batch in _count_up(n, 100_000):
        yield dict.fromkeys(WIDE, batch["n"])


def _count_up(end: int, rows: int) -> Iterator[dict[str, npt.NDArray[np.int64]]]:
    for start in range(0, end, rows):
        yield {"n": np.arange(start, min(start + rows, end))}


@bench.row_function(columns={"n": BIGINT})
def next_one(value: pa.Int64Array) -> dict[str, pa.Array]:
    """One row for each row."""
    return {"n": pc.add(value, ONE)}


@bench.row_function(columns={"n": BIGINT})
def next_one_by_row(value: int) -> tuple[int]:
    """One row for each row, called for each."""
    return (value + 1,)


@bench.table_in_out
def pass_through(rows: pa.RecordBatch) -> pa.RecordBatch:
    return rows


@bench.buffering
def keep_all(rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    return rows
