"""Collections of rows that outlive queries and processes, each ATTACH with its own.

What has happened to a collection is a log in the state of the attachment, and the collection what comes out of it:
processes may add to it at once, and none has to remove anything.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pyarrow as pa
from annotated_types import Ge

import duckwing as dw
from duckwing.types import BIGINT, TIMESTAMP, VARCHAR, sql_name

WHEN = "_timestamp"

LONGEST_NAME = 255
"""Bytes."""

BATCH = 65_536
"""Rows."""

accumulate = dw.Catalog("accumulate", version="vgi-fixture", data_versions=["2.0.0"])


@dataclass(frozen=True)
class Collection:
    """What is in a collection.

    Attributes:
        rows: with their time, in the order in which they came.
    """

    rows: pa.Table

    def with_rows(
        self, rows: pa.Table, now: datetime.datetime, ttl: datetime.timedelta | None, most: int
    ) -> Collection:
        """After a call: what is too old or too much goes."""
        kept = pa.concat_tables([self.rows, rows])
        if ttl is not None:
            times = kept.column(WHEN).to_pylist()
            kept = kept.filter(pa.array([time >= now - ttl for time in times], pa.bool_()))
        return Collection(kept.slice(max(0, kept.num_rows - most)) if most else kept)


def find(name: str, ctx: dw.Context) -> Collection | None:
    """A collection, None if there is none of that name."""
    found: Collection | None = None
    for event, *about in ctx.state.attachment.read(name):
        if event == "clear":
            found = None
        elif event == "pin" and found is None:
            found = Collection(*about)
        elif event == "add" and found is not None and about[0].schema.equals(found.rows.schema):
            found = found.with_rows(*about)
    return found


def pinned(name: str, rows: pa.Schema, ctx: dw.Context) -> pa.Schema:
    """The columns of a collection, which are those of the first rows that somebody has wanted to add.

    Raises:
        ValueError: the name cannot be one, or other rows were the first.
    """
    if not name.strip():
        raise ValueError("the name of an accumulation must be non-empty")
    if len(name.encode()) > LONGEST_NAME:
        raise ValueError(f"the name of an accumulation has at most {LONGEST_NAME} bytes, not {len(name.encode())}")
    if WHEN in (column.casefold() for column in rows.names):
        raise ValueError(f"the input must not have the reserved '{WHEN}' column")
    columns = pa.schema([*((field.name, field.type) for field in rows), (WHEN, TIMESTAMP)])
    if find(name, ctx) is None:
        ctx.state.attachment.append(name, ("pin", pa.Table.from_batches([], columns)))
    collection = find(name, ctx)  # another process may have come first
    if collection is None or not collection.rows.schema.equals(columns):
        known = "nothing" if collection is None else shown(collection.rows.schema)
        raise ValueError(f"the input ({shown(columns)}) does not match the accumulation '{name}' ({known})")
    return columns


def shown(columns: pa.Schema) -> str:
    """Columns as SQL writes them."""
    return ", ".join(f"{field.name} {sql_name(field.type)}" for field in columns)


@accumulate.buffering(name="accumulate", columns=pinned, stability="volatile")
def add(
    name: str,
    rows: Iterator[pa.RecordBatch],
    *,
    ttl: pa.MonthDayNano | None = None,
    max_row_size: Annotated[int, Ge(0)] = 0,
    result: Literal["all", "new", "none"] = "all",
    ctx: dw.Context,
) -> Iterator[pa.RecordBatch]:
    """Add rows to a collection.

    Args:
        name: of the collection.
        rows: are added, all with the time of this call.
        ttl: older rows are removed; a month has 30 days.
        max_row_size: the oldest rows are removed until so many remain; 0: none is.
        result: what is returned.
    """
    table = pa.Table.from_batches(rows)
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    table = table.append_column(pa.field(WHEN, TIMESTAMP), pa.array([now] * table.num_rows, TIMESTAMP))
    ctx.state.attachment.append(name, ("add", table, now, None if ttl is None else length(ttl), max_row_size))
    if result == "new":
        yield from table.to_batches(max_chunksize=BATCH)
    elif result == "all":
        yield from read_rows(name, ctx)


def length(interval: Any) -> datetime.timedelta:
    """How long an interval is."""
    return datetime.timedelta(days=30 * interval.months + interval.days, microseconds=interval.nanoseconds // 1000)


def columns_of(name: str, ctx: dw.Context) -> pa.Schema:
    """The columns of a collection that must be there.

    Raises:
        LookupError: it is not.
    """
    collection = find(name, ctx)
    if collection is None:
        raise LookupError(f"there is no accumulation named '{name}'")
    return collection.rows.schema


@accumulate.table_function(name="accumulate_read", columns=columns_of, stability="volatile")
def read_rows(name: str, ctx: dw.Context) -> Iterator[pa.RecordBatch]:
    """The rows of a collection.

    Args:
        name: of the collection.
    """
    collection = find(name, ctx)
    if collection is not None:
        yield from collection.rows.combine_chunks().to_batches(max_chunksize=BATCH)


@accumulate.table_function(
    name="accumulate_clear", columns={"name": VARCHAR, "rows_cleared": BIGINT}, stability="volatile"
)
def clear(name: str, ctx: dw.Context) -> Iterator[tuple[str, int]]:
    """Remove a collection.

    Args:
        name: of the collection.
    """
    collection = find(name, ctx)
    ctx.state.attachment.append(name, ("clear",))
    yield name, 0 if collection is None else collection.rows.num_rows
