"""Row functions: called with values, and for each row of another table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, Literal

import pyarrow as pa

import duckwing as dw
from duckwing.functions.arguments import Arguments
from duckwing.functions.row import BoundRow, RowFunction
from duckwing.functions.signature import Parameter
from duckwing.protocol import metadata
from duckwing.types import BIGINT, DOUBLE, VARCHAR

from .catalog import example

Pairs = tuple[dict[str, Any], Any]
"""Columns, and for each of their rows the row of the input that it is for."""


@example.row_function(name="geo_encode", columns={"geohash": VARCHAR})
def encode_place(latitude: float | None, longitude: float | None, *, precision: int = 4) -> tuple[str | None]:
    """A place as text"""
    return (joined((latitude, longitude), precision),)


@example.row_function(name="geo_encode", columns={"geohash": VARCHAR})
def encode_height(
    latitude: float | None, longitude: float | None, altitude: float | None, *, precision: int = 4
) -> tuple[str | None]:
    """A place and a height as text"""
    return (joined((latitude, longitude, altitude), precision),)


def joined(values: Sequence[float | None], precision: int) -> str | None:
    """The rounded values between colons; None if one is missing."""
    if any(value is None for value in values):
        return None
    return ":".join(str(round(value, precision)) for value in values if value is not None)


@example.row_function(columns={"row_sum": DOUBLE})
def row_sum(*values: float | None, absolute: bool = False) -> tuple[float | None]:
    """The sum of the columns of a row"""
    if any(value is None for value in values):
        return (None,)
    return (float(sum(abs(value) if absolute else value for value in values if value is not None)),)


@example.row_function(columns={"v": BIGINT})
def blended_drop(x: pa.DoubleArray) -> Pairs:
    """No rows, whatever comes"""
    return {"v": []}, []


@example.row_function(columns={"i": BIGINT})
def blended_explode(n: pa.Int64Array) -> Pairs:
    """The integers below each value"""
    counts = n.to_pylist()
    parents = [row for row, count in enumerate(counts) for _ in range(count)]
    return {"i": [i for count in counts for i in range(count)]}, pa.array(parents, pa.int32())


@example.row_function(columns={"a": BIGINT, "b": BIGINT})
def projectable_blended(x: pa.Int64Array | None) -> dict[str, pa.Array]:
    """Two multiples of each value"""
    import pyarrow.compute as pc

    return {"a": pc.multiply(x, 10), "b": pc.multiply(x, 100)}


# Deliberately broken, below the declarations: they would refuse it.

Mode = Literal["range", "length", "base64"]


class NoBase64(dw.Cache):
    """What it adds to each batch replaces the provenance."""

    def row_tags(self) -> dict[bytes, bytes]:
        return {metadata.PARENT_ROW: b"this is !! not base64"}


class HostileRow(BoundRow):
    """Says for its rows that they came from rows that there are not."""

    def runner(
        self, columns: pa.Schema, wanted: pa.Schema
    ) -> Callable[[pa.RecordBatch], tuple[pa.RecordBatch, pa.Array | None]]:
        run, mode = super().runner(columns, wanted), self.values.by_name["mode"]

        def run_badly(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.Array | None]:
            rows, _ = run(batch)
            count = batch.num_rows
            if mode == "length":
                return rows, pa.array([0] * (count + 1), pa.int32())
            return rows, pa.array([count] * rows.num_rows, pa.int32())

        return run_badly


class HostileFunction(RowFunction[..., Any]):
    """A row function whose calls are hostile."""

    def bind(
        self, parameters: Sequence[Parameter], columns: pa.Schema, arguments: Arguments, context: dw.Context
    ) -> BoundRow:
        bound = super().bind(parameters, columns, arguments, context)
        function: Any = self
        if bound.values.by_name["mode"] == "base64":
            function = replace(self, cache=NoBase64(ttl=1))
        return HostileRow(function, bound._inputs, bound.values, context)


def hostile_provenance(x: pa.Int64Array | None, *, mode: Mode = "range") -> dict[str, pa.Array]:
    """The values, from rows that there are not"""
    return {"hv": x}


_declared = dw.row_function(columns={"hv": BIGINT})(hostile_provenance)
example.add(HostileFunction(**{name: getattr(_declared, name) for name in (field.name for field in fields(_declared))}))
