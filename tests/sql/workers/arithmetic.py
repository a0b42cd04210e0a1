"""Functions whose results DuckDB can compute, too."""

import gc
import os
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR

arithmetic = dw.Catalog("arithmetic")
BATCH = 10_000


@arithmetic.scalar
def scaled(value: pa.Int64Array, factor: dw.Const[int]) -> pa.Int64Array:
    return pc.multiply(value, factor)


@arithmetic.scalar(stability="volatile")
def collects_garbage(value: int) -> bool:
    return gc.isenabled()


@arithmetic.scalar
def described(value: int, text: str) -> str:
    return f"{text}:{value % 97}"


@arithmetic.table_function(columns={"n": BIGINT, "name": VARCHAR})
def numbers(start: int, count: int) -> Iterator[object]:
    for first in range(start, start + count, BATCH):
        n = range(first, min(first + BATCH, start + count))
        yield {"n": n, "name": [f"n{i % 10}" for i in n]}


@arithmetic.scalar(stability="volatile")
def process_of(value: int) -> int:
    return os.getpid()
