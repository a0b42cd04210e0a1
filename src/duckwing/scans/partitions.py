"""Tables whose batches are told apart by the values of some columns (spec 07, section 13)."""

from __future__ import annotations

import base64
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from ..errors import DeclarationError, OutputError
from ..protocol import metadata
from ..rpc.codec import encode_batch

Partitions = Literal["single", "disjoint", "overlapping"]


@dataclass(frozen=True, eq=False)
class Partitioning:
    """How the batches of a function are partitioned.

    Attributes:
        columns: the columns that tell the partitions apart, in the order of the result.
        kind: ``single``: each batch has one value of them.
        what: names the function in error messages.
    """

    columns: pa.Schema
    kind: Partitions
    what: str

    def split(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """``batch`` in pieces of one partition each, where each batch must have one."""
        if self.kind != "single" or batch.num_rows < 2:
            yield batch
            return
        starts = [0, *self._changes(batch), batch.num_rows]
        for start, end in itertools.pairwise(starts):
            yield batch.slice(start, end - start)

    def _changes(self, batch: pa.RecordBatch) -> list[int]:
        """The rows at which another partition begins."""
        import pyarrow.compute as pc

        from ..filters.compare import Side, comparison

        changed = None
        for column in self.columns:
            values = batch.column(column.name)
            differ = comparison("distinct_from", Side(column.type), Side(column.type))
            found = differ(values.slice(1), values.slice(0, len(values) - 1))
            changed = found if changed is None else pc.or_(changed, found)
        return [place + 1 for place in pc.indices_nonzero(changed).to_pylist()]

    def metadata(self, batch: pa.RecordBatch) -> Mapping[bytes, bytes]:
        """The bounds of the partition columns in ``batch``, as they travel with it."""
        if not batch.num_rows:
            return {}
        arrays = [self._bounds(batch.column(column.name), column) for column in self.columns]
        bounds = pa.RecordBatch.from_arrays(arrays, schema=self.columns)
        return {metadata.PARTITION_VALUES: base64.b64encode(encode_batch(bounds))}

    def _bounds(self, values: pa.Array, column: pa.Field) -> pa.Array:
        if self.kind == "single":
            return values.take(pa.array([0, 0]))
        import pyarrow.compute as pc

        try:
            bounds = pc.min_max(values)
        except pa.ArrowNotImplementedError:
            raise OutputError(f"{self.what}: column '{column.name}' of type {column.type} has no bounds") from None
        if pa.types.is_floating(column.type) and pc.any(pc.is_nan(values)).as_py():
            numbers = bounds["min"].as_py()  # Arrow passes over NaN, which is DuckDB's greatest number
            return pa.array([math.nan if numbers is None or numbers == math.inf else numbers, math.nan], column.type)
        return pa.array([bounds["min"], bounds["max"]], column.type)


def partition_columns(schema: pa.Schema) -> list[pa.Field]:
    """The columns of ``schema`` that are marked as partition columns."""
    return [field for field in schema if field.metadata and metadata.PARTITION_COLUMN in field.metadata]


def marked_columns(schema: pa.Schema, names: tuple[str, ...]) -> pa.Schema:
    """``schema`` with the partition columns marked for the client."""
    return pa.schema(
        [
            field.with_metadata({**(field.metadata or {}), metadata.PARTITION_COLUMN: b"true"})
            if field.name in names
            else field
            for field in schema
        ],
        metadata=schema.metadata,
    )


def check_partition_columns(names: tuple[str, ...], schema: pa.Schema, what: str) -> None:
    """Refuse partition columns that the function does not have.

    Raises:
        DeclarationError: there is one.
    """
    for name in names:
        if schema.get_field_index(name) < 0:
            raise DeclarationError(
                f"{what}: partition_by= names '{name}', which is none of its columns {', '.join(schema.names)}"
            )
