"""Functions that leave something for others, and what a process prepares for them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, LIST, VARCHAR

stateful = dw.Catalog("stateful", transactions=True)
started: list[str] = []


@stateful.scalar(stability="volatile")
def visits(scope: str, ctx: dw.Context) -> int:
    """Count, by scope."""
    count: int = getattr(ctx.state, scope).add("visits")
    return count


@stateful.scalar(stability="volatile")
def keep(key: str, value: int, ctx: dw.Context) -> int:
    """Keep a value for the attachment."""
    ctx.state.attachment.put(key, {"value": value, "as": (value, str(value))})
    return value


@stateful.scalar(stability="volatile")
def kept(key: str, ctx: dw.Context) -> str:
    """What was kept."""
    return repr(ctx.state.attachment.get(key))


@stateful.scalar(stability="volatile")
def enqueue(item: int, ctx: dw.Context) -> int:
    """Append to the queue of the attachment."""
    ctx.state.attachment.push(item)
    return item


@stateful.scalar(stability="volatile")
def dequeue(row: int, ctx: dw.Context) -> int | None:
    """Take out of it."""
    item: int | None = ctx.state.attachment.pop()
    return item


class Row(NamedTuple):
    """A row of ``measured``."""

    number: int
    text: str


@stateful.table_function
def measured(count: int, ctx: dw.Context) -> Iterator[Row]:
    """Rows that cost requests."""
    for number in range(count):
        ctx.measure("requests", 2)
        yield Row(number, str(number))


@stateful.scalar
def measures_nothing(value: int, ctx: dw.Context) -> int:
    """Counts where nobody asks."""
    ctx.measure("requests")
    return value


@stateful.scalar(concurrency=50)
async def patient(value: int) -> int:
    """Wait, fifty rows at a time."""
    running.append(value)
    most.append(max(most.pop(), len(running)))
    await asyncio.sleep(0.001)
    running.remove(value)
    if value == 666:
        raise ValueError("666 is not to be waited for")
    return value + 1


running: list[int] = []
most = [0]


@stateful.scalar(stability="volatile")
def at_once() -> int:
    """How many rows were awaited at the same time, at most."""
    return most[0]


@stateful.scalar(returns=lambda value: LIST(value))
def boxed(value: pa.Array) -> pa.ListArray:
    """A list of one."""
    return pa.ListArray.from_arrays(pa.array(range(len(value) + 1), pa.int32()), value)


@stateful.scalar(returns=lambda values: VARCHAR if pa.utf8() in values else BIGINT)
def either(*values: object) -> object:
    """Text if one of the arguments is."""
    return str(values[0]) if any(isinstance(v, str) for v in values) else values[0]


@stateful.scalar(returns=lambda value: 17)
def badly_typed(value: int) -> int:
    """Computes no type."""
    return value


@stateful.scalar(stability="volatile")
def hooks() -> str:
    """What has been prepared in this process."""
    return ",".join(started)


worker = dw.Worker(stateful)


@worker.on_start
def prepare() -> None:
    """Once per process."""
    started.append("prepared")


@worker.on_stop
def tidy() -> None:
    """When it ends."""
    if "DUCKWING_TEST_WITNESS" in os.environ:
        Path(os.environ["DUCKWING_TEST_WITNESS"]).write_text("tidied", "utf-8")


if __name__ == "__main__":
    worker.run()
