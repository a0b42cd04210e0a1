"""Deliberately broken scans, below the declarations: these would refuse it, or see to it that it is right.

Each declares something and sends batches that do not keep to it, with metadata of its own.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa

import duckwing as dw
from duckwing.functions.arguments import Arguments
from duckwing.functions.binding import bind_arguments
from duckwing.functions.signature import Parameter
from duckwing.functions.table import BoundTable, TableFunction
from duckwing.protocol import metadata
from duckwing.rpc.codec import encode_batch
from duckwing.rpc.framing import Batch
from duckwing.scans.scan import Scan
from duckwing.types import BIGINT, VARCHAR

from .catalog import example, plain
from .counting import Size, integers

Sent = Iterator[tuple[dict[str, Any], Mapping[bytes, bytes]]]
"""Batches and what travels with them."""


class BrokenScan(BoundTable):
    """Sends what it likes."""

    def scan(self, scan: Scan, splits: Iterable[tuple[int, Any]] | None = None) -> Iterator[Batch]:
        function = self.function
        assert isinstance(function, BrokenFunction)
        for columns, tags in function.send(**self.values.by_name):
            arrays = [columns[field.name] for field in scan.wanted]
            yield Batch(pa.RecordBatch.from_arrays(arrays, schema=scan.wanted), tags)


@dataclass(frozen=True, eq=False)
class BrokenFunction(TableFunction[..., Any]):
    """A table function whose scans send what ``send`` gives for its arguments."""

    send: Callable[..., Sent]

    def bind(self, parameters: Sequence[Parameter], arguments: Arguments, context: dw.Context) -> BoundTable:
        return BrokenScan(self, bind_arguments(self.name, parameters, arguments), context)


class OnePart:
    """One part, of which nothing is read."""

    def __init__(self, count: Size) -> None:
        self.count = count

    def plan(self) -> list[int]:
        return [0]

    def scan(self, part: int) -> Iterator[dict[str, Any]]:
        yield {}


def broken(send: Callable[..., Sent], declared: TableFunction[..., Any]) -> BrokenFunction:
    """``declared``, which sends something else."""
    function = BrokenFunction(**{field.name: getattr(declared, field.name) for field in fields(declared)}, send=send)
    example.add(function)
    return function


def in_parts(send: Callable[[int], Sent], **options: Any) -> BrokenFunction:
    """A scan in one part that sends something else."""
    part = type(send.__name__, (OnePart,), {"__doc__": send.__doc__})
    declared = dw.table_function(name=send.__name__, projection=False, filters="none", **options)(part)
    return broken(send, declared)


def index(place: int) -> dict[bytes, bytes]:
    """The place of a batch."""
    return {metadata.BATCH_INDEX: str(place).encode()}


def bounds(low: str, high: str) -> dict[bytes, bytes]:
    """The least and the greatest country of a batch."""
    both = pa.RecordBatch.from_pydict({"country": [low, high]})
    return {metadata.PARTITION_VALUES: base64.b64encode(encode_batch(both))}


def broken_missing_batch_index_tag(count: int) -> Sent:
    """Says that its batches carry their place, but they do not"""
    yield {"n": integers(0, count)}, {}


def broken_non_monotone_batch_index(count: int) -> Sent:
    """Goes back to an earlier place"""
    yield {"n": integers(0, count)}, index(10)
    yield {"n": integers(42, 43)}, index(3)


def broken_batch_index_overflow(count: int) -> Sent:
    """Has too great a place"""
    yield {"n": integers(0, count)}, index(2**60)


def sales(count: int) -> dict[str, Any]:
    """Sales of one country."""
    return {"country": pa.array(["US"] * count), "sales": integers(0, count)}


def broken_missing_partition_values(count: int) -> Sent:
    """Says that it has partitions, but not which"""
    yield sales(count), {}


def broken_partition_min_neq_max(count: int) -> Sent:
    """Says that a batch is of two partitions at once"""
    yield sales(count), bounds("US", "BR")


for _send in (broken_missing_batch_index_tag, broken_non_monotone_batch_index, broken_batch_index_overflow):
    in_parts(_send, columns={"n": BIGINT}, order="preserved")

for _send in (broken_missing_partition_values, broken_partition_min_neq_max):
    in_parts(_send, columns={"country": VARCHAR, "sales": BIGINT}, partition_by="country")


@plain(columns={"country": VARCHAR, "sales": BIGINT})
def broken_partition_values_no_annotation(count: Size) -> dict[str, Any]:
    """Would say of which partition a batch is, but not which columns tell that: there is no way to do so"""
    raise dw.OutputError("a batch with partition values requires partition-annotated fields; say partition_by=")


@plain(columns={"category": VARCHAR, "revenue": BIGINT}, partition_by="category")
def broken_partition_column_absent_from_batch(count: Size) -> Iterator[dict[str, pa.Array]]:
    """Leaves out the column that tells its partitions apart"""
    yield {"revenue": integers(0, count)}


UNREACHABLE = b"http://127.0.0.1:9/nothing-listens-here"


def points_nowhere() -> Sent:
    """Sends a batch, and then the address of another one that cannot be fetched"""
    yield {"n": integers(0, 3)}, {}
    yield {"n": integers(0, 0)}, {b"vgi_rpc.location": UNREACHABLE}


@dw.table_function(
    name="cache_external_fail", columns={"n": BIGINT}, cache=dw.Cache(ttl=300), projection=False, filters="none"
)
def _declared() -> dict[str, list[int]]:
    """Ends with the address of a batch that cannot be fetched"""
    return {"n": []}


cache_external_fail = broken(points_nowhere, _declared)
