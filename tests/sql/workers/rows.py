"""Row functions of every shape."""

import asyncio
import dataclasses
import datetime
import json
import os
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

import duckwing as dw
from duckwing.types import BIGINT, DOUBLE, INTEGER, LIST, MAP, STRUCT, UUID, VARCHAR

rows = dw.Catalog("rows")

PAIR = {"n": BIGINT, "s": VARCHAR}


class Named(NamedTuple):
    n: int
    s: str


@dataclasses.dataclass
class Row:
    s: str
    n: int


# What is yielded


@rows.row_function(columns=PAIR)
def forms(n: int, form: str) -> Any:
    """``n`` rows in each form, numbered from 0; one form where there is only one row."""
    values = list(range(n))
    texts = [f"s{i}" for i in values]
    both = pa.table({"s": texts, "n": pa.array(values, pa.int32())}, pa.schema([("s", VARCHAR), ("n", INTEGER)]))
    made: dict[str, Any] = {
        "tuples": lambda: list(zip(values, texts, strict=True)),
        "iterator": lambda: iter(zip(values, texts, strict=True)),
        "named": lambda: [Named(i, s) for i, s in zip(values, texts, strict=True)],
        "dataclasses": lambda: [Row(s, i) for i, s in zip(values, texts, strict=True)],
        "dict": lambda: {"s": texts, "n": values},
        "batch": lambda: both.combine_chunks().to_batches()[0] if n else both.schema.empty_table(),
        "table": lambda: both,
        "reader": lambda: both.to_reader(max_chunksize=2),
        "frame": lambda: _frame(both),
        "one": lambda: (0, "s0") if n else None,
        "one named": lambda: Named(0, "s0") if n else None,
        "one dataclass": lambda: Row("s0", 0) if n else None,
    }
    return made[form]()


def _frame(table: pa.Table) -> Any:
    import pandas as pd

    return pd.DataFrame({name: table[name].to_pylist() for name in table.column_names})


@rows.row_function(columns=PAIR)
def mixed(n: int) -> Iterator[Any]:
    """Rows and batches in turn."""
    for i in range(n):
        yield (3 * i, "tuple")
        yield {"n": [3 * i + 1], "s": ["dict"]}
        yield Row("dataclass", 3 * i + 2)


@rows.row_function(columns={"i": BIGINT})
def repeat(n: int) -> Iterator[tuple[int]]:
    for i in range(n):
        yield (i,)


@rows.row_function
def words(text: str) -> Iterator[Row]:
    """Its columns are those of the class."""
    for place, word in enumerate(text.split()):
        yield Row(word, place)


@rows.row_function(columns={"text": VARCHAR})
def seen(a: int | None, b: str) -> list[tuple[str]]:
    """What the function sees of a row."""
    return [(f"{a!r} {b!r}",)]


@rows.row_function(columns={"total": BIGINT, "count": BIGINT})
def sum_of(first: int, *rest: int) -> tuple[int, int]:
    return first + sum(rest), 1 + len(rest)


# Batches


@rows.row_function(columns={"x": BIGINT, "count": BIGINT})
def plus(a: pa.Int64Array, b: pa.Int64Array, ctx: dw.Context) -> dict[str, Any]:
    """One row for each."""
    return {"x": pc.add(a, b), "count": [ctx.rows] * len(a)}


@rows.row_function(columns={"x": BIGINT})
def plus_or_zero(a: Annotated[pa.Array, BIGINT] | None, b: pa.Int64Array | None) -> dict[str, Any]:
    return {"x": pc.add(pc.fill_null(a, 0), pc.fill_null(b, 0))}


@rows.row_function(columns={"i": BIGINT})
def repeat_batch(n: pa.Int64Array) -> tuple[dict[str, Any], Any]:
    """As ``repeat``, for a whole batch, its rows in any order."""
    pairs = [(i, row) for row, times in enumerate(n.to_pylist()) for i in range(times)][::-1]
    return {"i": [i for i, _ in pairs]}, [row for _, row in pairs]


@rows.row_function(columns={"n": BIGINT})
def wrong_parents(n: pa.Int64Array, *, how: str = "") -> Any:
    columns = {"n": [1, 2, 3]}
    return {
        "": ({"n": n}, list(range(len(n)))),
        "none": columns,
        "too few": (columns, [0, 0]),
        "beyond": (columns, [0, 0, len(n)]),
        "negative": (columns, [0, -1, 0]),
        "null": (columns, [0, None, 0]),
        "text": (columns, ["a", "b", "c"]),
        "fractions": (columns, [0.0, 0.5, 0.0]),
    }[how]


# Async


@rows.row_function(columns={"s": VARCHAR}, concurrency=4)
async def slow(n: int, *, tag: str = "x") -> list[tuple[str]]:
    """Later rows are done first."""
    await asyncio.sleep(0.002 * (3 - n % 4))
    return [(f"{tag}{n}",)] * (n % 3)


@rows.row_function(columns={"i": BIGINT})
async def slow_iterator(n: int) -> AsyncIterator[tuple[int]]:
    for i in range(n):
        await asyncio.sleep(0)
        yield (i,)


in_progress = 0


@rows.row_function(columns={"most": BIGINT}, concurrency=5, stability="volatile")
async def most_at_once(n: int) -> tuple[int]:
    global in_progress
    in_progress += 1
    most = in_progress
    for _ in range(20):
        await asyncio.sleep(0)
        most = max(most, in_progress)
    in_progress -= 1
    return (most,)


@rows.row_function(columns={"n": BIGINT}, concurrency=8)
async def odd_fail(n: int, witness: str) -> tuple[int]:
    """The even ones wait until they are cancelled, and leave a line in ``witness``."""
    await asyncio.sleep(0.01)
    if n % 2:
        raise ValueError(f"row {n} is refused")
    try:
        await asyncio.sleep(20)
    except asyncio.CancelledError:
        with open(witness, "a", encoding="utf-8") as file:
            print(n, file=file)
        raise
    return (n,)


# Arguments and types


@rows.row_function(columns={"text": VARCHAR})
def options(a: int, *, Sep: str = "-", times: int = 1, day: datetime.date | None = None) -> tuple[str]:
    return (f"{a}{Sep}{times}{Sep}{day}",)


@rows.row_function(columns=lambda value, width: {f"v{i}": value for i in range(width)})
def copies(value: Any, *, width: int = 2) -> tuple[Any, ...]:
    return (value,) * width


@rows.row_function(columns=lambda a: dw.Bound({"a": BIGINT, "secret": VARCHAR}, {"of bind": [1, 2]}))
def bound(a: int, ctx: dw.Context) -> tuple[int, str]:
    return a, json.dumps(ctx.bound)


@rows.row_function(columns={"key": VARCHAR, "point": STRUCT({"x": DOUBLE, "tags": LIST(VARCHAR)}), "id": UUID})
def nested(
    values: Annotated[dict[str, Any], MAP(VARCHAR, LIST(DOUBLE))],
    member: Annotated[dict[str, Any], STRUCT({"tags": LIST(VARCHAR), "id": UUID})],
) -> Iterator[tuple[Any, ...]]:
    for key, numbers in values.items():
        for number in numbers:
            yield key, {"x": number, "tags": member["tags"]}, member["id"]


@rows.row_function(columns={"n": BIGINT})
def never_null(n: pa.Int64Array) -> dict[str, Any]:
    assert n.null_count == 0
    return {"n": n}


@rows.row_function(columns={"pid": BIGINT}, stability="volatile")
def process(n: int) -> tuple[int]:
    return (os.getpid(),)


@rows.row_function(columns={"allocated": BIGINT}, stability="volatile")
def allocated(n: int) -> tuple[int]:
    return (pa.total_allocated_bytes(),)


@rows.row_function(columns={"n": BIGINT})
def logged(n: int, ctx: dw.Context) -> tuple[int]:
    ctx.log("a row", level="WARN", n=n)
    return (n,)


# Overloads


@rows.row_function(name="either", columns={"form": VARCHAR})
def either_of_int(a: int) -> tuple[str]:
    return (f"BIGINT {a}",)


@rows.row_function(name="either", columns={"form": VARCHAR, "more": BIGINT})
def either_of_text(a: str) -> tuple[str, int]:
    return f"VARCHAR {a}", len(a)


@rows.row_function(name="either", columns={"form": VARCHAR})
def either_of_two(a: int, b: int, *, sep: str = "+") -> tuple[str]:
    return (f"{a}{sep}{b}",)


@rows.row_function(columns=lambda first, rest: {"first": first, **{f"r{i}": type for i, type in enumerate(rest)}})
def turned(first: str, *rest: Any) -> tuple[Any, ...]:
    """The arguments as they are."""
    return first, *rest


# Mistakes


@rows.row_function(columns=PAIR)
def mistaken(how: str) -> Any:
    return {
        "number": 5,
        "text": "ab",
        "short": (1,),
        "list": [[1, "a"]],
        "unknown column": {"n": [1], "s": ["a"], "t": [1]},
        "wrong value": [("x", "a")],
    }[how]


@rows.row_function(columns={"n": BIGINT})
def fails(n: int, at: int) -> Iterator[tuple[int]]:
    yield (n,)
    if n == at:
        raise ValueError(f"no row {n}")


@rows.row_function(columns={"n": BIGINT})
def fails_in_batch(n: pa.Int64Array) -> Any:
    raise ValueError(f"no {len(n)} rows")


def _fail(n: pa.DataType) -> Any:
    raise ValueError("no columns")


@rows.row_function(columns=_fail)
def fails_in_bind(n: int) -> tuple[int]:
    return (n,)


@rows.row_function(columns={"a": BIGINT, "b": VARCHAR, "wanted": VARCHAR})
def wide(n: int, ctx: dw.Context) -> Iterator[tuple[int, str, str]]:
    for i in range(n):
        yield (i, f"b{i}", ",".join(ctx.columns))


@rows.row_function(columns={"a": BIGINT, "b": VARCHAR, "wanted": VARCHAR})
def wide_batch(n: pa.Int64Array, ctx: dw.Context) -> tuple[dict[str, list[Any]], list[int]]:
    pairs = [(i, parent) for parent, count in enumerate(n.to_pylist()) for i in range(count)]
    values: dict[str, list[Any]] = {
        "a": [i for i, _ in pairs],
        "b": [f"b{i}" for i, _ in pairs],
        "wanted": [",".join(ctx.columns)] * len(pairs),
    }
    return {name: values[name] for name in ctx.columns}, [parent for _, parent in pairs]


@rows.row_function(columns={"a": BIGINT, "b": VARCHAR, "wanted": VARCHAR}, projection=False)
def wide_whole(n: int, ctx: dw.Context) -> Iterator[dict[str, list[Any]]]:
    yield {"a": list(range(n)), "b": [f"b{i}" for i in range(n)], "wanted": [",".join(ctx.columns)] * n}
