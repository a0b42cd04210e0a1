"""Functions over arrays of NumPy, pandas and polars."""

import datetime
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, DATE, DECIMAL, DOUBLE, INTERVAL, LIST, TIMESTAMP, VARCHAR

libraries = dw.Catalog("libraries")

# What arrives


def described(values: Any) -> str:
    return f"{type(values).__name__} {values.dtype}"


@libraries.scalar
def numpy_kind(value: np.ndarray) -> pa.StringArray:
    return pa.array([described(value)] * len(value))


@libraries.scalar(nulls="pass")
def numpy_kind_with_nulls(value: np.ndarray) -> pa.StringArray:
    return pa.array([f"{described(value)} {int(np.ma.getmaskarray(value).sum())}"] * len(value))


@libraries.scalar
def pandas_kind(value: pd.Series) -> pa.StringArray:
    return pa.array([described(value)] * len(value))


@libraries.scalar
def pandas_kind_with_nulls(value: pd.Series | None) -> pa.StringArray:
    assert value is not None
    return pa.array([f"{described(value)} {int(value.isna().sum())}"] * len(value))


@libraries.scalar
def polars_kind(value: pl.Series | None) -> pa.StringArray:
    assert value is not None
    return pa.array([f"{described(value)} {value.null_count()}"] * len(value))


# The same value back


@libraries.scalar
def same_numpy(value: npt.NDArray[np.int64] | None) -> npt.NDArray[np.int64]:
    assert isinstance(value, np.ma.MaskedArray)
    return value


@libraries.scalar
def same_text_numpy(value: Annotated[npt.NDArray[np.object_], VARCHAR] | None) -> Annotated[np.ndarray, VARCHAR]:
    assert isinstance(value, np.ma.MaskedArray)
    return value


@libraries.scalar
def same_pandas(value: Annotated[pd.Series, LIST(VARCHAR)] | None) -> Annotated[pd.Series, LIST(VARCHAR)]:
    return value


@libraries.scalar
def same_decimal_pandas(value: Annotated[pd.Series, DECIMAL(10, 2)]) -> Annotated[pd.Series, DECIMAL(10, 2)]:
    return value


@libraries.scalar
def same_polars(value: Annotated[pl.Series, LIST(VARCHAR)] | None) -> Annotated[pl.Series, LIST(VARCHAR)]:
    assert value is not None
    return value


# Work


@libraries.scalar
def add(a: npt.NDArray[np.int64], b: Annotated[pd.Series, BIGINT], c: Annotated[pl.Series, BIGINT]) -> pa.Int64Array:
    assert not isinstance(a, np.ma.MaskedArray)
    return pa.array(a + b.to_numpy() + c.to_numpy())


@libraries.scalar
def root(value: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return np.sqrt(value)


@libraries.scalar
def root_pandas(value: Annotated[pd.Series, DOUBLE]) -> Annotated[pd.Series, DOUBLE]:
    with np.errstate(invalid="ignore"):
        return np.sqrt(value)


@libraries.scalar
def next_day(value: Annotated[npt.NDArray[np.datetime64], DATE]) -> Annotated[npt.NDArray[np.datetime64], DATE]:
    return value + 1


@libraries.scalar
def midnight(value: npt.NDArray[np.datetime64]) -> npt.NDArray[np.timedelta64]:
    result: npt.NDArray[np.timedelta64] = value - value.astype("M8[D]")
    return result


@libraries.scalar
def upper(value: Annotated[pl.Series, VARCHAR]) -> Annotated[pl.Series, VARCHAR]:
    return value.str.to_uppercase()


@libraries.scalar
def scaled(value: npt.NDArray[np.float64], factor: dw.Const[float]) -> npt.NDArray[np.float64]:
    return value * factor


@libraries.scalar
def longest(*values: Annotated[pd.Series, VARCHAR]) -> Annotated[pd.Series, VARCHAR]:
    return pd.concat(values, axis=1).apply(lambda row: max(row, key=len), axis=1)


@libraries.scalar(stability="volatile", returns=BIGINT)
def numbered(ctx: dw.Context) -> np.ndarray:
    return np.arange(ctx.rows)


# Mistakes


@libraries.scalar
def wrong_type(value: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return value / 2  # type: ignore[return-value]


@libraries.scalar
def wrong_length(value: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return value[:0]


@libraries.scalar
def two_dimensions(value: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.stack([value, value])


@libraries.scalar
def writes(value: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    value[:] = 0
    return value


# Tables

COLUMNS = {"n": BIGINT, "x": DOUBLE, "s": VARCHAR, "t": TIMESTAMP, "i": INTERVAL}
NOON = datetime.datetime(2024, 2, 29, 12)
DATA: dict[str, list[Any]] = {
    "n": [1, None],
    "x": [0.5, None],
    "s": ["a", None],
    "t": [NOON, None],
    "i": [datetime.timedelta(1), None],
}


@libraries.table_function(columns=COLUMNS)
def pandas_frame() -> Iterator[pd.DataFrame]:
    frame = pd.DataFrame({name: [values[1], *values] for name, values in DATA.items()})
    yield frame[frame.index > 0]  # whose index is no column


@libraries.table_function(columns=COLUMNS)
def polars_frame() -> pl.DataFrame:
    return pl.DataFrame(DATA).select("s", "t", "i", "x", "n")


@libraries.table_function(columns=COLUMNS)
def all_columns() -> Iterator[dict[str, Any]]:
    yield {
        "n": np.ma.MaskedArray([1, 2], [False, True]),
        "x": pd.Series(DATA["x"]),
        "s": pl.Series(DATA["s"]),
        "t": np.array([NOON, "NaT"], "M8[us]"),
        "i": pd.Series(DATA["i"]),
    }


@libraries.table_function(columns={"numpy": DOUBLE, "pandas": DOUBLE, "polars": DOUBLE})
def not_a_number() -> Iterator[dict[str, Any]]:
    values = [float("nan")]
    yield {"numpy": np.array(values), "pandas": pd.Series(values), "polars": pl.Series(values)}


@libraries.table_function(columns={"n": BIGINT})
def returns_series() -> Any:
    return pl.Series([1])
