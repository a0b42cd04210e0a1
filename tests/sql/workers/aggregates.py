"""Aggregates of both forms and every shape."""

import math
import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

import duckwing as dw
from duckwing.types import ANY, BIGINT, DECIMAL, LIST, MAP, STRUCT, VARCHAR

aggregates = dw.Catalog("aggregates")
aggregates.setting("aggregates_limit", BIGINT, default=5)
aggregates.secret_type("aggregates_key", {"key": VARCHAR}, redact=["key"])

# All groups at once


@aggregates.aggregate(order_dependent=False)
class total:
    """The sum."""

    sum: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        groups.add(self.sum, value)

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.sum)


@aggregates.aggregate(order_dependent=False, distinct_dependent=False)
class span:
    low: dw.PerGroup[float] = math.inf
    high: dw.PerGroup[float] = -math.inf

    def update(self, groups: dw.Groups, value: pa.DoubleArray) -> None:
        groups.min(self.low, value)
        groups.max(self.high, value)

    def result(self, groups: dw.Groups) -> pa.DoubleArray:
        return groups.take(self.high) - groups.take(self.low)


@aggregates.aggregate
class variance:
    """The variance of a population, whose parts the class merges itself."""

    n: dw.PerGroup[int] = 0
    mean: dw.PerGroup[float] = 0
    squares: dw.PerGroup[float] = 0

    def update(self, groups: dw.Groups, value: pa.DoubleArray) -> None:
        place = np.unique(groups.ids, return_inverse=True)[1]
        n = np.bincount(place)
        mean = np.bincount(place, value.to_numpy()) / n
        squares = np.bincount(place, (value.to_numpy() - mean[place]) ** 2)
        first = np.unique(groups.ids, return_index=True)[1]
        old_n, old_mean, old_squares = (groups.take(f)[first] for f in (self.n, self.mean, self.squares))
        for field, values in zip(
            (self.n, self.mean, self.squares), combined(old_n, old_mean, old_squares, n, mean, squares), strict=True
        ):
            groups.put(field, values[place])

    def merge(self, groups: dw.Groups, other: dw.Groups) -> None:
        fields = (self.n, self.mean, self.squares)
        new = combined(*(groups.take(f) for f in fields), *(other.take(f) for f in fields))
        for field, values in zip(fields, new, strict=True):
            groups.put(field, values)

    def result(self, groups: dw.Groups) -> pa.DoubleArray:
        return groups.take(self.squares) / groups.take(self.n)


def combined(n: Any, mean: Any, squares: Any, n2: Any, mean2: Any, squares2: Any) -> tuple[Any, Any, Any]:
    count = n + n2
    delta = mean2 - mean
    return count, mean + delta * n2 / count, squares + squares2 + delta**2 * n * n2 / count


@aggregates.aggregate(empty=0)
class rows_of:
    n: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups) -> None:
        groups.count(self.n)

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.n)


@aggregates.aggregate
class above:
    n: dw.PerGroup[int] = 0

    def __init__(self, limit: Annotated[Decimal, DECIMAL(10, 2)] | None, factor: int = 1):
        self.limit = limit
        self.factor = factor

    def update(self, groups: dw.Groups, value: pa.DoubleArray) -> None:
        if self.limit is None:
            groups.add(self.n, self.factor)
        else:
            groups.add(self.n, pc.multiply(pc.cast(pc.greater(value, float(self.limit)), pa.int64()), self.factor))

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.n)


@aggregates.aggregate
class nulls_of:
    """Sees NULLs of the first column only."""

    n: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array | None, other: pa.StringArray) -> None:
        assert other.null_count == 0
        groups.add(self.n, pc.cast(pc.is_null(value), pa.int64()))

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.n)


@aggregates.aggregate
class total_all:
    """Any number of columns."""

    sum: dw.PerGroup[float] = 0

    def update(self, groups: dw.Groups, *values: pa.DoubleArray) -> None:
        for value in values:
            groups.add(self.sum, value)

    def result(self, groups: dw.Groups) -> pa.DoubleArray:
        return groups.take(self.sum)


# One instance for each group


@aggregates.aggregate
class joined:
    """Texts in their order."""

    texts: list[str]

    def __init__(self, separator: str = ","):
        self.separator = separator
        self.texts = []

    def update(self, text: str) -> None:
        self.texts.append(text)

    def merge(self, other: "joined") -> None:
        self.texts += other.texts

    def result(self) -> str:
        return self.separator.join(self.texts)


@aggregates.aggregate(nulls="pass", empty="nothing")
class shown:
    """All values with NULLs, sorted."""

    values: list[str]

    def __init__(self) -> None:
        self.values = []

    def update(self, value: int, flag: bool) -> None:
        self.values.append(f"{value} {flag}")

    def merge(self, other: "shown") -> None:
        self.values += other.values

    def result(self) -> str:
        return "; ".join(sorted(self.values))


@aggregates.aggregate(name="total_of_batches")
class TotalOfBatches:
    sum: int | None = None

    def update(self, value: pa.Int64Array) -> None:
        assert value.null_count == 0
        self.sum = (self.sum or 0) + pc.sum(value).as_py()

    def merge(self, other: "TotalOfBatches") -> None:
        if other.sum is not None:
            self.sum = (self.sum or 0) + other.sum

    def result(self) -> int | None:
        return self.sum


@aggregates.aggregate(empty=0)
class rows_by_one:
    n: int = 0

    def update(self) -> None:
        self.n += 1

    def merge(self, other: "rows_by_one") -> None:
        self.n += other.n

    def result(self) -> int:
        return self.n


@aggregates.aggregate(empty=0)
class steps:
    """A constant of update alone: no columns at all."""

    n: int = 0

    def update(self, step: dw.Const[int]) -> None:
        self.n += step

    def merge(self, other: "steps") -> None:
        self.n += other.n

    def result(self) -> int:
        return self.n


@aggregates.aggregate
class weighted:
    """A constant before a column, and a column that may be left out."""

    sum: float = 0.0

    def update(self, factor: dw.Const[float], value: float, weight: float = 1.0, power: dw.Const[int] = 1) -> None:
        self.sum += factor * value * weight**power

    def merge(self, other: "weighted") -> None:
        self.sum += other.sum

    def result(self) -> float:
        return self.sum


# Overloads


@aggregates.aggregate(name="kind")
class KindOfText:
    def update(self, value: str) -> None: ...
    def merge(self, other: "KindOfText") -> None: ...
    def result(self) -> str:
        return "text"


@aggregates.aggregate(name="kind")
class KindOfNumber:
    def update(self, value: float) -> None: ...
    def merge(self, other: "KindOfNumber") -> None: ...
    def result(self) -> str:
        return "number"


@aggregates.aggregate(name="kind")
class KindOfPair:
    def update(self, value: int, other: int) -> None: ...
    def merge(self, other: "KindOfPair") -> None: ...
    def result(self) -> str:
        return "pair"


# Types


@aggregates.aggregate(returns=lambda value: LIST(value))
class collected:
    """Values of any type, as a list."""

    values: pa.Array | None = None

    def update(self, value: Annotated[pa.Array, ANY]) -> None:
        self.values = value if self.values is None else pa.concat_arrays([self.values, value])

    def merge(self, other: "collected") -> None:
        if other.values is not None:
            self.update(other.values)

    def result(self) -> Any:
        return self.values.to_pylist() if self.values is not None else []


@aggregates.aggregate(returns=lambda value, digits: DECIMAL(30, digits))
class rounded:
    sum: Decimal = Decimal(0)

    def __init__(self, digits: int):
        self.digits = digits

    def update(self, value: Annotated[Decimal, DECIMAL(20, 4)]) -> None:
        self.sum += value

    def merge(self, other: "rounded") -> None:
        self.sum += other.sum

    def result(self) -> Any:
        return round(self.sum, self.digits)


@aggregates.aggregate
class histogram:
    counts: dict[str, int]

    def __init__(self) -> None:
        self.counts = {}

    def update(self, point: Annotated[dict[str, Any], STRUCT({"kind": VARCHAR, "numbers": LIST(BIGINT)})]) -> None:
        self.counts[point["kind"]] = self.counts.get(point["kind"], 0) + len(point["numbers"])

    def merge(self, other: "histogram") -> None:
        for kind, count in other.counts.items():
            self.counts[kind] = self.counts.get(kind, 0) + count

    def result(self) -> Annotated[dict[str, int], MAP(VARCHAR, BIGINT)]:
        return dict(sorted(self.counts.items()))


@aggregates.aggregate
class total_numpy:
    sum: dw.PerGroup[np.float64] = 0

    def update(self, groups: dw.Groups, value: npt.NDArray[np.float64]) -> None:
        assert isinstance(value, np.ndarray)
        groups.add(self.sum, value)

    def result(self, groups: dw.Groups) -> npt.NDArray[np.float64]:
        return groups.take(self.sum)


@aggregates.aggregate
class total_masked:
    sum: dw.PerGroup[np.int64] = 0

    def update(self, groups: dw.Groups, value: npt.NDArray[np.int64] | None) -> None:
        assert isinstance(value, np.ma.MaskedArray)
        groups.add(self.sum, value)

    def result(self, groups: dw.Groups) -> npt.NDArray[np.int64]:
        return groups.take(self.sum)


@aggregates.aggregate
class total_pandas:
    sum: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: Annotated[pd.Series, BIGINT] | None) -> None:
        assert isinstance(value, pd.Series)
        groups.add(self.sum, value)

    def result(self, groups: dw.Groups) -> Annotated[pd.Series, BIGINT]:
        return pd.Series(groups.take(self.sum))


@aggregates.aggregate(nulls="pass")
class total_polars:
    sum: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: Annotated[pl.Series, BIGINT]) -> None:
        assert isinstance(value, pl.Series)
        groups.add(self.sum, value)

    def result(self, groups: dw.Groups) -> Annotated[pl.Series, BIGINT]:
        return pl.Series(groups.take(self.sum))


# Settings and secrets


@aggregates.aggregate
class limited:
    n: int = 0

    def __init__(self, ctx: dw.Context):
        self.limit = ctx.settings["aggregates_limit"]

    def update(self, value: int) -> None:
        self.n = min(self.n + value, self.limit)

    def merge(self, other: "limited") -> None:
        self.n = min(self.n + other.n, self.limit)

    def result(self) -> int:
        return self.n


@aggregates.aggregate
class keyed:
    n: int = 0

    def __init__(self, path: str, key: Annotated[dw.Secret, dw.Lookup("aggregates_key", scope="path")]):
        self.key = key["key"]

    def update(self, value: int) -> None:
        self.n += value

    def merge(self, other: "keyed") -> None:
        self.n += other.n

    def result(self) -> str:
        return f"{self.key} {self.n}"


# Failures

Place = Literal["init", "update", "merge", "result", "none"]


def fail(place: str, here: str) -> None:
    if place == here:
        raise ValueError(f"failed in {here}")
    if place == f"exit in {here}":
        os._exit(3)


@aggregates.aggregate
class fails_at_once:
    sum: dw.PerGroup[int] = 0

    def __init__(self, place: str):
        fail(place, "init")
        self.place = place

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        fail(self.place, "update")
        groups.add(self.sum, value)

    def merge(self, groups: dw.Groups, other: dw.Groups) -> None:
        fail(self.place, "merge")
        groups.add(self.sum, other.take(self.sum))

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        fail(self.place, "result")
        return groups.take(self.sum)


@aggregates.aggregate
class fails_by_one:
    sum: int = 0

    def __init__(self, place: str):
        fail(place, "init")
        self.place = place

    def update(self, value: int) -> None:
        fail(self.place, "update")
        self.sum += value

    def merge(self, other: "fails_by_one") -> None:
        fail(self.place, "merge")
        self.sum += other.sum

    def result(self) -> int:
        fail(self.place, "result")
        return self.sum


@aggregates.aggregate
class wrong:
    """Results that cannot be."""

    sum: dw.PerGroup[int] = 0

    def __init__(self, how: Literal["length", "put", "overflow"]):
        self.how = how

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        if self.how == "put":
            groups.put(self.sum, value)
        else:
            groups.add(self.sum, 2**62 if self.how == "overflow" else value)

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.sum)[1:] if self.how == "length" else groups.take(self.sum)


# For tests that kill workers


@aggregates.buffering(columns={"n": BIGINT, "sum": BIGINT})
class totals:
    def sink(self, rows: pa.RecordBatch) -> dict[str, list[int]]:
        return {"n": [rows.num_rows], "sum": [pc.sum(rows.column(0)).as_py()]}

    def source(self, parts: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, int]]:
        n = sum_ = 0
        for part in parts:
            n += pc.sum(part["n"]).as_py()
            sum_ += pc.sum(part["sum"]).as_py()
        yield n, sum_


@aggregates.buffering
def same(rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from rows
