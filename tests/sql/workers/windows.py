"""Aggregates that compute windows themselves."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

import duckwing as dw

windows = dw.Catalog("windows")


class Sum:
    """A sum, in every form of OVER."""

    total: int = 0

    def update(self, value: int) -> None:
        self.total += value

    def merge(self, other: Sum) -> None:
        self.total += other.total

    def result(self) -> int:
        return self.total


@windows.aggregate
class framed(Sum):
    """With a method for frames."""

    def window(self, values: list[int]) -> int:
        return sum(values)


@windows.aggregate(empty=-1)
class framed_arrays:
    """Over all groups at once, and with a method for frames of arrays."""

    total: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        groups.add(self.total, value)

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.total)

    def window(self, values: pa.Int64Array) -> int:
        total: int = pc.sum(values).as_py()
        return total


@windows.aggregate(nulls="pass")
class nulls_in_frame:
    """Counts the NULLs of a frame."""

    count: int = 0

    def update(self, value: int | None) -> None:
        self.count += value is None

    def merge(self, other: nulls_in_frame) -> None:
        self.count += other.count

    def result(self) -> int:
        return self.count

    def window(self, values: list[int | None]) -> int:
        return sum(value is None for value in values)


@windows.aggregate
class scaled(Sum):
    """With a constant."""

    def __init__(self, factor: int):
        self.factor = factor

    def window(self, values: list[int]) -> int:
        return sum(values) * self.factor


@windows.aggregate
class running(Sum):
    """With a method for cumulative windows."""

    def running(self, value: int) -> int:
        self.total += value
        return self.total


@windows.aggregate
class running_arrays:
    """The same over arrays."""

    total: int = 0

    def update(self, value: pa.Int64Array) -> None:
        self.total += pc.sum(value).as_py()

    def merge(self, other: running_arrays) -> None:
        self.total += other.total

    def result(self) -> int:
        return self.total

    def running(self, value: pa.Int64Array) -> pa.Int64Array:
        sums = pc.add(pc.cumulative_sum(value), pa.scalar(self.total, pa.int64()))
        self.total = sums[-1].as_py()
        return sums


@windows.aggregate
class broken(Sum):
    """Raises in a window."""

    def window(self, values: list[int]) -> int:
        raise ValueError(f"no sum of {len(values)} rows")

    def running(self, value: int) -> int:
        raise ValueError(f"no sum up to {value}")
