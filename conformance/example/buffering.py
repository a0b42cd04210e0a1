"""Functions that see all rows of a table before they give any."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
from annotated_types import Ge

import duckwing as dw
from duckwing.types import BIGINT, DOUBLE, VARCHAR

from .catalog import data as data_schema
from .catalog import example, plain_buffering
from .counting import Count, Size, integers
from .in_out import tagged

Batches = Iterator[pa.RecordBatch]


@plain_buffering()
def buffer_input(data: Batches) -> Batches:
    """Collects all input batches and emits during finalization"""
    yield from data


@example.buffering
def echo_buffering(data: Batches) -> Batches:
    """Collects all input, and emits it"""
    yield from data


@plain_buffering(ordered="serial")
def ordered_buffer_input(data: Batches) -> Batches:
    """Collects all input in its order, and emits it"""
    yield from data


@plain_buffering(ordered=True)
def batch_index_buffer_input(data: Batches) -> Batches:
    """Collects all input, and emits it in the order of its batches"""
    yield from data


# Sums


def summable(type_: pa.DataType, *, decimals: bool) -> pa.DataType | None:
    """The type of a sum of values; None if there is none."""
    is_ = pa.types
    if is_.is_integer(type_):
        return BIGINT
    return DOUBLE if is_.is_floating(type_) or (decimals and is_.is_decimal(type_)) else None


def sums_layout(data: pa.Schema, *, decimals: bool = True) -> dw.Bound:
    """The numeric columns, whose names the scan gets to know, too.

    Raises:
        ValueError: there are none.
    """
    types = {field.name: summable(field.type, decimals=decimals) for field in data}
    found = {name: type_ for name, type_ in types.items() if type_ is not None}
    if not found:
        raise ValueError(f"the input requires at least one numeric column, got {', '.join(data.names)}")
    return dw.Bound(found, data=list(found))


def simple_layout(data: pa.Schema) -> dw.Bound:
    """The integers and floating-point numbers."""
    return sums_layout(data, decimals=False)


def layout_of(data: pa.Schema) -> dw.Bound:
    """All numbers."""
    return sums_layout(data)


def partial_sums(rows: pa.RecordBatch, names: Sequence[str]) -> dict[str, list[Any]]:
    """One row with the sum of each column; 0 where all is NULL."""
    import pyarrow.compute as pc

    types = {name: summable(rows.schema.field(name).type, decimals=True) for name in names}
    return {name: [pc.sum(rows[name].cast(type_)).as_py() or 0] for name, type_ in types.items()}


class Sums:
    """Sums of columns: a partial one for each batch, and their sum."""

    def __init__(self, *, ctx: dw.Context) -> None:
        self.ctx = ctx

    def sink(self, data: pa.RecordBatch) -> Any:
        return partial_sums(data, self.ctx.bound)

    def source(self, parts: Batches) -> Iterator[dict[str, list[Any]]]:
        kept = list(parts)
        names = self.ctx.bound
        yield partial_sums(pa.concat_batches(kept), names) if kept else {name: [0] for name in names}


@plain_buffering(columns=layout_of, categories=["aggregation", "numeric"])
class sum_all_columns(Sums):  # noqa: N801
    """Computes column-wise sums across all batches"""

    def __init__(self, *, logging: bool = False, ctx: dw.Context) -> None:
        super().__init__(ctx=ctx)
        self.logging = logging

    def sink(self, data: pa.RecordBatch) -> Any:
        if self.logging:
            self.ctx.log(f"Processing batch with {data.num_rows} rows")
        return super().sink(data)

    def split(self, parts: Sequence[pa.RecordBatch]) -> list[range]:
        if self.logging:
            self.ctx.log(f"Combining {min(len(parts), 1)} state_ids")  # an execution has one
        return [range(len(parts))]


@plain_buffering(columns=simple_layout)
class sum_all_columns_simple_distributed(Sums):  # noqa: N801
    """Distributed sum using the buffered (Sink+Combine+Source) model"""


@plain_buffering(columns=layout_of)
class exception_process(Sums):  # noqa: N801
    """Test function that raises exception during process"""

    def __init__(self, *, logging: bool = False, ctx: dw.Context) -> None:
        super().__init__(ctx=ctx)

    def sink(self, data: pa.RecordBatch) -> None:
        count = self.ctx.state.execution.add("batches")
        if count % 2 == 0:
            raise RuntimeError(f"Intentional exception on batch {count}")


@plain_buffering(columns=layout_of)
class exception_finalize(Sums):  # noqa: N801
    """Test function that raises exception during finalize"""

    def __init__(self, *, logging: bool = False, ctx: dw.Context) -> None:
        super().__init__(ctx=ctx)

    def source(self, parts: Batches) -> Iterator[dict[str, list[Any]]]:
        raise RuntimeError("Intentional exception during finalize()")


# Crashes


class Kept:
    """Keeps the rows, and gives them back."""

    def sink(self, data: pa.RecordBatch) -> pa.RecordBatch:
        return data

    def source(self, parts: Batches) -> Batches:
        yield from parts


@plain_buffering()
class crash_on_process(Kept):  # noqa: N801
    """Ends its process in the middle of the input"""

    def sink(self, data: pa.RecordBatch) -> pa.RecordBatch:
        os.kill(os.getpid(), signal.SIGKILL)
        return data


@plain_buffering()
class crash_on_combine(Kept):  # noqa: N801
    """Fails when all input is there"""

    def split(self, parts: Sequence[pa.RecordBatch]) -> list[list[int]]:
        raise RuntimeError("Intentional exception during combine()")


@plain_buffering()
class crash_on_finalize(Kept):  # noqa: N801
    """Fails when it is asked for rows"""

    def source(self, parts: Batches) -> Batches:
        raise RuntimeError("Intentional exception during finalize()")


@plain_buffering()
class hang_on_process(Kept):  # noqa: N801
    """Sleeps for an hour"""

    def sink(self, data: pa.RecordBatch) -> pa.RecordBatch:
        time.sleep(3600)
        return data


# What is kept


def same_layout(data: pa.Schema) -> dw.Bound:
    """The columns of the input, which the scan gets to know, too."""
    return dw.Bound(data, data=data)


@plain_buffering(columns=same_layout)
class large_state:  # noqa: N801
    """Keeps a mebibyte of each batch, and says in every column how much that is"""

    def __init__(self, *, ctx: dw.Context) -> None:
        self.ctx = ctx

    def sink(self, data: pa.RecordBatch) -> dict[str, list[bytes]]:
        return {"kept": [bytes(1 << 20)]}

    def source(self, parts: Batches) -> Iterator[pa.RecordBatch]:
        total = pa.array([sum(len(part["kept"][0].as_py()) for part in parts)])
        columns: pa.Schema = self.ctx.bound
        yield pa.record_batch([total.cast(field.type) for field in columns], schema=columns)


@plain_buffering(columns={"v": BIGINT}, ordered="output")
class ordered_source:  # noqa: N801
    """Sixteen sources, each of which gives its number"""

    def sink(self, data: pa.RecordBatch) -> dict[str, list[int]]:
        return {"place": [0]}

    def split(self, parts: Sequence[pa.RecordBatch]) -> list[list[int]]:
        return [[0] * number for number in range(16)]

    def source(self, parts: Batches) -> Iterator[tuple[int]]:
        yield (sum(1 for _ in parts),)


@plain_buffering(columns={"n": BIGINT})
def buffer_emit_wide(rows: Count, data: Batches) -> dict[str, pa.Array]:
    """Gives all its rows in one batch"""
    return {"n": integers(0, rows)}


@plain_buffering(columns={"n": BIGINT})
def slow_cancellable_buffering(
    probe_path: str, data: Batches, *, count: Size = 1000, sleep_ms: Annotated[int, Ge(0)] = 10
) -> Iterator[dict[str, list[int]]]:
    """Gives a row at a time, slowly, and says in a file when it was cancelled"""
    emitted = 0
    try:
        for n in range(count):
            time.sleep(sleep_ms / 1000)
            emitted += 1
            yield {"n": [n]}
    except GeneratorExit:
        with Path(probe_path).open("a", encoding="utf-8") as probe:
            probe.write(f"pid={os.getpid()} emitted={emitted}\n")
        raise


@plain_buffering(columns={"tag": VARCHAR}, name="test_same_name_buffered")
def buffered_in_main(data: Batches) -> Iterator[dict[str, Any]]:
    """Schema-disambiguation probe; the main-schema buffering function"""
    for rows in data:
        yield tagged("main", rows)


@plain_buffering(data_schema, columns={"tag": VARCHAR}, name="test_same_name_buffered")
def buffered_in_data(data: Batches) -> Iterator[dict[str, Any]]:
    """Schema-disambiguation probe; the data-schema buffering function"""
    for rows in data:
        yield tagged("data", rows)
