"""An aggregate that takes its time over each batch, and rows."""

import time
from collections.abc import Iterator

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT

slow = dw.Catalog("slow")


@slow.aggregate
class total:
    sum: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        time.sleep(0.3)
        groups.add(self.sum, value)

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.sum)


@slow.table_function(columns={"n": BIGINT})
def numbers(count: int) -> Iterator[dict[str, range]]:
    """Count up from zero, in batches that a small answer has room for."""
    for start in range(0, count, 1000):
        yield {"n": range(start, min(start + 1000, count))}
