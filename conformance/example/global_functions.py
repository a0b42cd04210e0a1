"""The functions of ``example`` that can be called without the catalog's name, with the prefix ``vgi_example``."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR

from .catalog import example, plain, plain_buffering


@example.scalar
def global_scalar(value: int) -> str:
    """A scalar function for every schema."""
    return f"global_scalar:{value}"


@plain(columns={"n": BIGINT, "label": VARCHAR}, cardinality=3)
def global_table() -> Iterator[tuple[int, str]]:
    """A table function for every schema."""
    for n in range(3):
        yield n, f"global_table:{n}"


@example.aggregate(order_dependent=False, distinct_dependent=False)
class global_agg:  # noqa: N801
    """An aggregate for every schema: the sum."""

    total: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        groups.add(self.total, value)

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.total)


@plain_buffering()
def global_buffered(data: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """A buffering function for every schema: the rows as they are."""
    yield from data


example.publish(global_scalar, global_table, global_agg, global_buffered, prefix="vgi_example")
