"""Functions whose results DuckDB keeps."""

from __future__ import annotations

import datetime
import decimal
import hashlib
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, DECIMAL, LIST, STRUCT, TIMESTAMP, VARCHAR

from .buffering import Sums, layout_of
from .catalog import data as data_schema
from .catalog import example, plain, plain_buffering
from .counting import Count, Size, integers, ranges
from .parallel import Part, pieces, shares

KEPT = dw.Cache(ttl=300)


def nonce() -> int:
    """A number that no other run gets."""
    return secrets.randbits(63)


def kept_for(ttl: int) -> dw.Cache:
    """Results are fresh for so many seconds."""
    return dw.Cache(ttl=ttl)


def count_to(count: int, size: int, name: str = "n") -> Iterator[dict[str, pa.Array]]:
    """The integers below ``count`` in batches."""
    for start, stop in ranges(count, size):
        yield {name: integers(start, stop)}


@plain(columns={"n": BIGINT}, cache=kept_for)
def cacheable_numbers(*, n: Count = 10, ttl: Count = 300) -> Iterator[dict[str, pa.Array]]:
    """Numbers that are kept for some seconds"""
    yield from count_to(n, 1000)


@plain(columns={"nonce": BIGINT}, cache=KEPT)
def cache_nonce() -> Iterator[tuple[int]]:
    """A number that changes with every run"""
    yield (nonce(),)


@plain(columns={"n": BIGINT}, cache=dw.Cache(ttl=None))
def cache_no_store(*, n: int = 10) -> Iterator[dict[str, pa.Array]]:
    """Numbers that are not kept"""
    yield from count_to(n, 1000)


@plain(columns={"n": BIGINT, "nonce": BIGINT}, cache=dw.Cache(ttl=300, scope="transaction"))
def cache_scoped_txn(*, n: int = 10) -> dict[str, Any]:
    """Numbers that are kept within a transaction"""
    return {"n": integers(0, n), "nonce": [nonce()] * n}


@plain(columns={"n": BIGINT}, cache=KEPT)
def cache_big(*, rows: int = 5000) -> Iterator[dict[str, pa.Array]]:
    """A result of several batches"""
    yield from count_to(rows, 1000)


@plain(columns={"v": BIGINT}, cache=KEPT)
def cache_bench(rows: Count) -> Iterator[dict[str, pa.Array]]:
    """A result of any size"""
    yield from count_to(rows, 2048, "v")


ABC = {"a": BIGINT, "b": BIGINT, "c": BIGINT}


@plain(columns=ABC, cache=kept_for, listed=False)
def cache_multicol(*, n: int = 4, ttl: int = 300) -> dict[str, list[int]]:
    """Three columns"""
    return {name: [i * factor for i in range(n)] for name, factor in zip(ABC, (1, 10, 100), strict=True)}


@example.table_function(columns=ABC, cache=KEPT, filters="none")
def cache_projection(ctx: dw.Context) -> dict[str, list[int]]:
    """Three columns, of which only those are made that are wanted"""
    factors = dict(zip(ABC, (1, 10, 100), strict=True))
    return {name: [i * factors[name] for i in (1, 2, 3)] for name in ctx.columns}


@example.table_function(columns={"n": BIGINT}, cache=KEPT, projection=False)
def cache_filtered(*, rows: int = 100) -> Iterator[dict[str, pa.Array]]:
    """Numbers, of which the worker leaves out those that are not wanted"""
    yield from count_to(rows, 2048)


@plain(columns={"nonce": BIGINT}, cache=dw.Cache(ttl=0, validator=lambda: '"rev-v1"'))
def cache_revalidatable() -> Iterator[tuple[int]]:
    """A number that DuckDB asks about every time"""
    yield (nonce(),)


@plain(columns={"who": VARCHAR}, cache=KEPT)
def cache_whoami(ctx: dw.Context) -> Iterator[tuple[str]]:
    """Who calls"""
    yield (ctx.caller.principal or "anonymous",)


VERSIONS = {1: [101, 102, 103], 2: [201, 202], 3: [301, 302, 303, 304]}


@plain(columns={"v": BIGINT}, cache=KEPT)
def cache_versioned_scan(version: int) -> dict[str, list[int]]:
    """The rows of cache_versioned in one of its versions"""
    if version not in VERSIONS:
        raise ValueError(f"Unknown version: {version}; there are 1 to 3")
    return {"v": VERSIONS[version]}


@plain(columns={"n": BIGINT}, cache=KEPT)
def cache_poison() -> Iterator[dict[str, list[int]]]:
    """Fails after a batch"""
    yield {"n": [0, 1, 2]}
    raise RuntimeError("cache_poison: intentional mid-stream failure after a cacheable batch")


TYPES = pa.schema(
    [
        ("id", BIGINT),
        ("tags", LIST(BIGINT)),
        ("attrs", STRUCT({"x": BIGINT, "y": VARCHAR})),
        ("amt", DECIMAL(18, 2)),
        ("ts", TIMESTAMP),
        ("label", VARCHAR),
    ]
)


@plain(columns=TYPES, cache=KEPT)
def cache_types(rows: Count) -> Iterator[pa.RecordBatch]:
    """Values of many types"""
    for start, stop in ranges(rows, 2048):
        yield pa.RecordBatch.from_pylist([row_of(j) for j in range(start, stop)], TYPES)


def row_of(j: int) -> dict[str, Any]:
    """A row of cache_types."""
    if j % 5 == 0:
        return {"id": j}
    return {
        "id": j,
        "tags": [j, j + 1, j + 2],
        "attrs": {"x": j, "y": f"y{j}"},
        "amt": decimal.Decimal(j) + decimal.Decimal(j % 100) / 100,
        "ts": datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=j),
        "label": f"label-{j}",
    }


@plain(columns={"v": BIGINT}, cache=KEPT)
class cache_parallel:  # noqa: N801
    """Numbers that all threads read at once"""

    def __init__(self, rows: Count, *, batch_size: Size = 24000) -> None:
        self.rows, self.batch_size = rows, batch_size

    def plan(self) -> list[Part]:
        return shares(self.rows)

    def scan(self, part: Part) -> Iterator[dict[str, pa.Array]]:
        for start, stop in pieces(part, self.batch_size):
            yield {"v": integers(start, stop)}


@plain(columns={"n": BIGINT}, cache=KEPT, order="preserved")
class cache_ordered:  # noqa: N801
    """Numbers in order that all threads read at once"""

    def __init__(self, *, rows: int = 200_000, chunk_size: int = 1000) -> None:
        self.rows, self.chunk_size = rows, chunk_size

    def plan(self) -> list[Part]:
        return list(ranges(self.rows, self.chunk_size))

    def scan(self, part: Part) -> Iterator[dict[str, pa.Array]]:
        for start, stop in pieces(part, 256):
            yield {"n": integers(start, stop)}


@plain(columns={"tag": VARCHAR}, cache=KEPT, name="test_same_name_cached")
def cached_in_main() -> Iterator[tuple[str]]:
    """Schema-disambiguation probe; the main-schema kept result"""
    yield ("main",)


@data_schema.table_function(
    columns={"tag": VARCHAR}, cache=KEPT, name="test_same_name_cached", projection=False, filters="none"
)
def cached_in_data() -> Iterator[tuple[str]]:
    """Schema-disambiguation probe; the data-schema kept result"""
    yield ("data",)


# Of rows and tables


def content_hash(values: Mapping[str, pa.Array]) -> str:
    """A text that changes with the values."""
    digest = hashlib.sha256()
    for name, column in values.items():
        digest.update(f"{name}={column.to_pylist()!r};".encode())
    return digest.hexdigest()[:16]


@example.row_function(columns={"doubled": BIGINT}, cache=KEPT)
def cached_double(x: pa.Int64Array | None) -> dict[str, pa.Array]:
    """Twice each value"""
    import pyarrow.compute as pc

    return {"doubled": pc.multiply(x, 2)}


@example.row_function(columns={"i": BIGINT}, cache=KEPT)
def cached_explode(n: pa.Int64Array) -> tuple[dict[str, list[int]], list[int]]:
    """The integers below each value, the least of all values first"""
    counts = n.to_pylist()
    pairs = [(k, row) for k in range(max(counts, default=0)) for row, count in enumerate(counts) if count > k]
    return {"i": [k for k, _ in pairs]}, [row for _, row in pairs]


@example.row_function(columns={"doubled": BIGINT}, cache=dw.Cache(ttl=0, validator=lambda x: content_hash({"x": x})))
def cached_reval_double(x: pa.Int64Array | None) -> dict[str, pa.Array]:
    """Twice each value; DuckDB asks about it every time"""
    import pyarrow.compute as pc

    return {"doubled": pc.multiply(x, 2)}


@example.table_in_out(projection=False, cache=KEPT)
def cached_echo(data: pa.RecordBatch) -> pa.RecordBatch:
    """The rows as they are"""
    return data


def hash_of_rows(data: pa.RecordBatch) -> str:
    """A text that changes with the rows."""
    return content_hash(dict(zip(data.schema.names, data.columns, strict=True)))


@example.table_in_out(projection=False, cache=dw.Cache(ttl=0, validator=hash_of_rows))
def cached_reval_echo(data: pa.RecordBatch) -> pa.RecordBatch:
    """The rows as they are; DuckDB asks about them every time"""
    return data


@plain_buffering(columns=layout_of, cache=KEPT)
class cached_sum_all(Sums):  # noqa: N801
    """Column-wise sums that are kept"""

    def __init__(self, *, logging: bool = False, ctx: dw.Context) -> None:
        super().__init__(ctx=ctx)
