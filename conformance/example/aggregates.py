"""Aggregate functions of ``example``."""

from __future__ import annotations

import math
from typing import Annotated, Any, Self

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, DOUBLE

from .catalog import data, example

# What several have in common.


class Sum:
    """A sum of integers, of all groups at once."""

    total: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        groups.add(self.total, value)

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.total)


class FramedSum(Sum):
    """With a method for frames."""

    def window(self, value: pa.Int64Array) -> int:
        import pyarrow.compute as pc

        total: int = pc.sum(value).as_py()
        return total


class Texts:
    """Texts, one after the other."""

    texts: list[str]

    def __init__(self) -> None:
        self.texts = []

    def update(self, value: pa.StringArray) -> None:
        self.texts += value.to_pylist()

    def merge(self, other: Self) -> None:
        self.texts += other.texts

    def result(self) -> str:
        return ",".join(self.texts)


class NamedSum(Sum):
    """A sum with a name in front of it."""

    prefix = ""

    def result(self, groups: dw.Groups) -> pa.StringArray:
        return pa.array([f"{self.prefix}:{total}" for total in groups.take(self.total)], pa.utf8())


# One value for each group.


@example.aggregate(order_dependent=False, distinct_dependent=False)
class vgi_sum(Sum):  # noqa: N801
    """The sum of integers."""


@example.aggregate(nulls="pass", empty=0, order_dependent=False, distinct_dependent=False)
class vgi_count:  # noqa: N801
    """The number of rows."""

    rows: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups) -> None:
        groups.count(self.rows)

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.rows)


@example.aggregate(order_dependent=False, distinct_dependent=False)
class vgi_avg:  # noqa: N801
    """The mean of integers."""

    total: dw.PerGroup[float] = 0
    count: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        groups.add(self.total, value)
        groups.count(self.count)

    def result(self, groups: dw.Groups) -> pa.DoubleArray:
        return groups.take(self.total) / groups.take(self.count)


@example.aggregate(order_dependent=False, distinct_dependent=False)
class vgi_weighted_sum:  # noqa: N801
    """The sum of values, each times its weight."""

    total: dw.PerGroup[float] = 0

    def update(self, groups: dw.Groups, value: pa.DoubleArray, weight: pa.DoubleArray) -> None:
        import pyarrow.compute as pc

        groups.add(self.total, pc.multiply(value, weight))

    def result(self, groups: dw.Groups) -> pa.DoubleArray:
        return groups.take(self.total)


@example.aggregate(returns=lambda value: value, order_dependent=False, distinct_dependent=False)
class vgi_generic_sum:  # noqa: N801
    """The sum of any numbers, in their own type."""

    total: Any = 0

    def update(self, value: pa.Array) -> None:
        import pyarrow.compute as pc

        self.total += pc.sum(value).as_py()

    def merge(self, other: Self) -> None:
        self.total += other.total

    def result(self) -> object:
        return self.total


def as_doubles(values: pa.Array) -> pa.Array:
    """Numbers as the nearest DOUBLEs."""
    if pa.types.is_decimal(values.type):  # Arrow divides, and rounds twice
        return pa.array([None if value is None else float(value) for value in values.to_pylist()], DOUBLE)
    return values.cast(DOUBLE, safe=False)


@example.aggregate(nulls="pass", order_dependent=False, distinct_dependent=False)
class vgi_sum_all:  # noqa: N801
    """The sum of all numbers of all columns."""

    total: dw.PerGroup[float] = 0

    def update(self, groups: dw.Groups, *values: pa.Array) -> None:
        groups.add(self.total, 0.0)
        for value in values:
            groups.add(self.total, as_doubles(value))

    def result(self, groups: dw.Groups) -> pa.DoubleArray:
        return groups.take(self.total)


@example.aggregate
class vgi_listagg(Texts):  # noqa: N801
    """The texts, one after the other."""


@example.aggregate(order_dependent=False, distinct_dependent=False)
class vgi_percentile:  # noqa: N801
    """The value below which a part of the values lies."""

    values: list[float]

    def __init__(self, percentile: float | None):
        if percentile is None:
            raise ValueError("percentile must not be NULL")
        if not math.isfinite(percentile):
            raise ValueError(f"percentile must be a finite number, got {percentile}")
        if not 0 <= percentile <= 1:
            raise ValueError(f"percentile must be in [0, 1], got {percentile}")
        self.percentile = percentile
        self.values = []

    def update(self, value: pa.DoubleArray) -> None:
        self.values += value.to_pylist()

    def merge(self, other: Self) -> None:
        self.values += other.values

    def result(self) -> float:
        ordered = sorted(self.values)
        return ordered[min(int(self.percentile * len(ordered)), len(ordered) - 1)]


# Windows: frames, and cumulative ones.


@example.aggregate(order_dependent=False, distinct_dependent=False)
class vgi_window_sum(FramedSum):  # noqa: N801
    """The sum of integers, with a method for frames."""


@example.aggregate(order_dependent=False, distinct_dependent=False)
class vgi_window_sum_batch(FramedSum):  # noqa: N801
    """The same: the frames of many rows come in one call, and are cut out of the partition here."""


@example.aggregate(order_dependent=False, distinct_dependent=False)
class vgi_window_median:  # noqa: N801
    """The median of a frame."""

    values: list[float]

    def __init__(self) -> None:
        self.values = []

    def update(self, value: pa.DoubleArray) -> None:
        self.values += value.to_pylist()

    def merge(self, other: Self) -> None:
        self.values += other.values

    def result(self) -> float:
        return median(self.values)

    def window(self, value: pa.DoubleArray) -> float:
        return median(value.to_pylist())


def median(values: list[float]) -> float:
    """The middle value, or the mean of both."""
    from statistics import median

    return median(values)


@example.aggregate
class vgi_window_listagg(Texts):  # noqa: N801
    """The texts of a frame, one after the other."""

    def window(self, value: pa.StringArray) -> str:
        return ",".join(value.to_pylist())


@example.aggregate(order_dependent=False, distinct_dependent=False)
class vgi_streaming_sum:  # noqa: N801
    """The sum of integers, with a method for cumulative windows."""

    total: int = 0

    def update(self, value: pa.Int64Array) -> None:
        import pyarrow.compute as pc

        self.total += pc.sum(value).as_py()

    def merge(self, other: Self) -> None:
        self.total += other.total

    def result(self) -> int:
        return self.total

    def running(self, value: pa.Int64Array) -> pa.Int64Array:
        import pyarrow.compute as pc

        sums = pc.add_checked(pc.cumulative_sum_checked(value), pa.scalar(self.total, pa.int64()))
        self.total = sums[-1].as_py()
        return sums


# The same name in two schemas.


@example.aggregate(name="test_same_name_agg", nulls="pass", order_dependent=False, distinct_dependent=False)
class same_name_main(NamedSum):  # noqa: N801
    """Schema-disambiguation probe; the main-schema aggregate"""

    prefix = "main"


@data.aggregate(name="test_same_name_agg", nulls="pass", order_dependent=False, distinct_dependent=False)
class same_name_data(NamedSum):  # noqa: N801
    """Schema-disambiguation probe; the data-schema aggregate"""

    prefix = "data"


# A type that depends on a secret.


@example.aggregate(
    returns=lambda secret: DOUBLE if secret is not None and secret.get("use_ssl") else BIGINT,
    order_dependent=False,
    distinct_dependent=False,
)
class secret_typed_sum(Sum):  # noqa: N801
    """The sum of integers, as DOUBLE or BIGINT."""

    def __init__(self, *, secret: Annotated[dw.Secret, dw.Lookup("vgi_example")] | None):
        """The secret decides when a query is planned."""
