"""Functions over a table, batch by batch."""

from __future__ import annotations

import time
from typing import Annotated

import pyarrow as pa
from annotated_types import Ge

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR

from .catalog import data as data_schema
from .catalog import example


@example.table_in_out(categories=["utility", "debug"], tags={"category": "debug", "type": "passthrough"}, name="echo")
def echo_rows(data: pa.RecordBatch) -> pa.RecordBatch:
    """Passthrough function that emits each input batch unchanged"""
    return data


@example.table_in_out
def echo_witness(data: pa.RecordBatch, ctx: dw.Context) -> dict[str, pa.Array]:
    """Says in every cell how many columns are wanted"""
    cells = pa.array([str(len(ctx.columns))] * data.num_rows, VARCHAR)
    return {name: cells.cast(data.schema.field(name).type) for name in ctx.columns}


def at_least_once(repeat_count: int, data: pa.Schema) -> pa.Schema:
    """The columns of the input.

    Raises:
        ValueError: nothing is to be repeated.
    """
    if repeat_count < 1:
        raise ValueError("Repeat count must be at least 1")
    return data


@example.table_in_out(columns=at_least_once, projection=False)
def repeat_inputs(repeat_count: int, data: pa.RecordBatch) -> pa.RecordBatch:
    """Duplicates each input batch N times"""
    return pa.concat_batches([data] * repeat_count)


@example.table_in_out(columns=lambda data: {data.names[0]: BIGINT}, per_thread=True)
class substream_partial_sum:  # noqa: N801
    """A sum of the first column for each thread"""

    total: int = 0

    def process(self, data: pa.RecordBatch) -> None:
        import pyarrow.compute as pc

        self.total += pc.sum(data.column(0)).as_py() or 0

    def finish(self) -> list[tuple[int]]:
        return [(self.total,)]


@example.table_in_out(projection=False)
def slow_cancellable_inout(
    probe_path: str, data: pa.RecordBatch, *, sleep_ms: Annotated[int, Ge(0)] = 50
) -> pa.RecordBatch:
    """Passes rows on, slowly"""
    time.sleep(sleep_ms / 1000)
    return data


def tagged(tag: str, rows: pa.RecordBatch) -> dict[str, list[str | None]]:
    """Each value of the first column with ``tag`` before it."""
    return {"tag": [None if value is None else f"{tag}:{value}" for value in rows.column(0).to_pylist()]}


@example.table_in_out(columns={"tag": VARCHAR}, name="test_same_name_transform")
def transform_in_main(data: pa.RecordBatch) -> dict[str, list[str | None]]:
    """Schema-disambiguation probe; the main-schema table-in-out"""
    return tagged("main", data)


@data_schema.table_in_out(columns={"tag": VARCHAR}, name="test_same_name_transform")
def transform_in_data(data: pa.RecordBatch) -> dict[str, list[str | None]]:
    """Schema-disambiguation probe; the data-schema table-in-out"""
    return tagged("data", data)
