"""What goes through memory that the client shares."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, LIST, STRUCT, VARCHAR

sharing = dw.Catalog("sharing")

ROW = STRUCT({"s": VARCHAR, "l": LIST(BIGINT), "r": STRUCT({"a": VARCHAR})})


@sharing.table_function(columns={"n": BIGINT})
def numbers(count: int) -> Iterator[dict[str, np.ndarray]]:
    """Count up from zero, in batches that are small, large, and too large for the memory."""
    start, size = 0, 100
    while start < count:
        end = min(start + size, count)
        yield {"n": np.arange(start, end)}
        start, size = end, size * 3


@sharing.scalar
def same(value: pa.Int64Array) -> pa.Int64Array:
    return value


@sharing.scalar(returns=ROW)
def same_row(
    s: pa.StringArray,
    l: Annotated[pa.ListArray, LIST(BIGINT)],  # noqa: E741 - as the column is called
    r: Annotated[pa.StructArray, STRUCT({"a": VARCHAR})],
) -> pa.StructArray:
    return pa.StructArray.from_arrays([s, l, r], names=["s", "l", "r"])


@sharing.table_in_out
class in_the_end:
    """All rows, when there are no more."""

    kept: pa.Table | None = None

    def process(self, rows: pa.RecordBatch) -> None:
        table = pa.Table.from_batches([rows])
        self.kept = table if self.kept is None else pa.concat_tables([self.kept, table])

    def finish(self) -> pa.Table | None:
        return self.kept


@sharing.scalar(stability="volatile")
def segments(_n: int) -> int:
    """How many segments this process has in use."""
    return Path("/proc/self/maps").read_text().count("/vgi_shm_")


@sharing.buffering(columns="input")
def everything(rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """All rows, after they have been kept on disk."""
    yield from rows
