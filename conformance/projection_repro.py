"""The catalog ``projection_repro``: wide scans of which few columns are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pyarrow as pa
from annotated_types import Ge

import duckwing as dw
from duckwing.types import BIGINT, BLOB, INTEGER, LIST, STRUCT, VARCHAR

projection_repro = dw.Catalog("projection_repro")

Count = Annotated[int, Ge(0)]

HEADERS = LIST(STRUCT({"k": VARCHAR, "v": BLOB}))

MESSAGES = pa.schema(
    [
        pa.field("topic", VARCHAR, nullable=False),
        pa.field("partition", INTEGER, nullable=False),
        pa.field("offset", BIGINT, nullable=False),
        pa.field("timestamp", pa.timestamp("ms", "UTC")),
        pa.field("timestamp_type", VARCHAR),
        pa.field("key", BLOB),
        pa.field("key_string", VARCHAR),
        pa.field("key_schema_id", INTEGER),
        pa.field("value", BLOB),
        pa.field("value_string", VARCHAR),
        pa.field("value_schema_id", INTEGER),
        pa.field("headers", HEADERS, nullable=False),
    ]
)


def column(name: str, rows: range) -> pa.Array:
    """The values of one column in some rows."""
    type_ = MESSAGES.field(name).type
    match name:
        case "topic":
            values: list[Any] = ["demo_topic"] * len(rows)
        case "partition":
            values = [i % 4 for i in rows]
        case "offset":
            values = list(rows)
        case "key" | "value":
            values = [f"{name[0]}{i}".encode() for i in rows]
        case "key_string" | "value_string":
            values = [f"{name[0]}{i}" for i in rows]
        case "headers":
            values = [[]] * len(rows)
        case _:
            return pa.nulls(len(rows), type_)
    return pa.array(values, type_)


def all_columns(rows: range) -> dict[str, pa.Array]:
    """All columns, whatever is wanted."""
    return {name: column(name, rows) for name in MESSAGES.names}


def by_two(n: int) -> Iterator[dict[str, pa.Array]]:
    """All columns, two rows at a time."""
    for start in range(0, n, 2):
        yield all_columns(range(start, min(start + 2, n)))


@projection_repro.table_function(columns=MESSAGES)
def proj_repro_strict(n: Count, ctx: dw.Context) -> dict[str, pa.Array]:
    """Builds the wanted columns alone"""
    return {name: column(name, range(n)) for name in ctx.columns}


@projection_repro.table_function(columns=MESSAGES)
def proj_repro_full_schema(n: Count) -> dict[str, pa.Array]:
    """Builds all columns"""
    return all_columns(range(n))


@projection_repro.table_function(columns=MESSAGES)
def proj_repro_chunked(n: Count) -> Iterator[dict[str, pa.Array]]:
    """Builds all columns, two rows at a time"""
    yield from by_two(n)


@projection_repro.table_function(columns=MESSAGES)
class proj_repro_multi_worker:  # noqa: N801
    """Builds all columns of all rows in each of four parts"""

    def __init__(self, n: Count) -> None:
        self.n = n

    def plan(self) -> list[int]:
        return list(range(4))

    def scan(self, part: int) -> Iterator[dict[str, pa.Array]]:
        yield from by_two(self.n)


projection_repro.table("strict_table", proj_repro_strict, args=[100])
projection_repro.table("full_table", proj_repro_full_schema, args=[100])
