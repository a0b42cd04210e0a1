"""Table-in-out functions of every shape."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR

in_out = dw.Catalog("in_out")

PAIR = {"n": BIGINT, "s": VARCHAR}


@in_out.table_in_out
def same(rows: pa.RecordBatch) -> pa.RecordBatch:
    return rows


@in_out.table_in_out
def keep(rows: pa.RecordBatch, *, column: str) -> Iterator[pa.RecordBatch]:
    """The rows where ``column`` is not NULL."""
    yield rows.filter(pc.is_valid(rows[column]))


@in_out.table_in_out
def as_table(rows: pa.Table) -> pa.Table:
    assert isinstance(rows, pa.Table)
    return rows


@in_out.table_in_out
def times(count: int, rows: pa.RecordBatch, suffix: str) -> Iterator[pa.RecordBatch]:
    """Each batch ``count`` times; the table stands between the constants."""
    assert suffix == "x"
    for _ in range(count):
        yield rows


@in_out.table_in_out(columns=PAIR)
def forms(rows: pa.RecordBatch, form: str) -> Any:
    """A row for each row of the input, in each form."""
    numbers = rows[0].to_pylist()
    texts = [f"s{n}" for n in numbers]
    table = pa.table({"s": texts, "n": numbers})
    made: dict[str, Any] = {
        "rows": lambda: iter(zip(numbers, texts, strict=True)),
        "list": lambda: list(zip(numbers, texts, strict=True)),
        "dict": lambda: {"s": texts, "n": numbers},
        "batch": lambda: table.to_batches()[0],
        "table": lambda: table,
        "frame": lambda: table.to_pandas(),
        "reader": lambda: table.to_reader(max_chunksize=1),
        "mixed": lambda: iter([{"s": texts, "n": numbers}, table.slice(0, 0), *[]]),
        "nothing": lambda: None,
        "no rows": lambda: iter(()),
    }
    return made[form]()


@in_out.table_in_out(columns={"first": BIGINT, "count": BIGINT})
def described(rows: pa.RecordBatch) -> Iterator[tuple[int, int]]:
    yield rows[0][0].as_py(), rows.num_rows


@in_out.table_in_out(
    columns=lambda rows, width: pa.schema([f.with_name(f"{f.name}{i}") for i in range(width) for f in rows])
)
def widen(rows: pa.RecordBatch, width: int) -> pa.RecordBatch:
    names = [f"{name}{i}" for i in range(width) for name in rows.schema.names]
    return pa.RecordBatch.from_arrays(list(rows.columns) * width, names=names)


@in_out.table_in_out(columns=lambda rows: dw.Bound(dict.fromkeys(rows.names, VARCHAR), {"of bind": rows.names}))
def bound(rows: pa.RecordBatch, ctx: dw.Context) -> Iterator[tuple[str, ...]]:
    yield tuple(str(ctx.bound) for _ in rows.schema.names)


@in_out.table_in_out(columns={"text": VARCHAR})
def shown(
    rows: pa.RecordBatch, a: int, b: str, *, kind: Literal["x", "y"] = "x", limit: int | None = None, needed: float
) -> Iterator[tuple[str]]:
    yield (f"{a!r} {b!r} {kind!r} {limit!r} {needed!r} {rows.num_rows}",)


@in_out.table_in_out(columns={"text": VARCHAR})
def maybe(rows: pa.RecordBatch, a: int | None) -> Iterator[tuple[str]]:
    yield (repr(a),)


@in_out.table_in_out(columns={"type": VARCHAR, "first": VARCHAR})
def types(rows: pa.RecordBatch) -> Iterator[tuple[str, str]]:
    """What the columns are in Python."""
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        yield f"{name} {column.type}", repr(column[0].as_py())


# Classes


@in_out.table_in_out(columns={"total": BIGINT, "count": BIGINT})
class total:
    """The sum of the first column: one row, after the last."""

    sum: int = 0
    count: int = 0

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def process(self, rows: pa.RecordBatch) -> None:
        self.sum += self.scale * (pc.sum(rows[0]).as_py() or 0)
        self.count += rows.num_rows

    def finish(self) -> Iterator[tuple[int, int]]:
        yield self.sum, self.count


@in_out.table_in_out(columns={"total": BIGINT, "count": BIGINT}, per_thread=True)
class total_of_thread(total.function):  # type: ignore[name-defined, misc]
    """The sum of what a thread sees: a row for each."""


@in_out.table_in_out
class with_footer:
    """The rows as they come, and then the last one again, ``times`` over, batch by batch."""

    last: pa.Table | None = None

    def __init__(self, *, times: int = 1) -> None:
        self.times = times

    def process(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        self.last = pa.Table.from_batches([rows.slice(rows.num_rows - 1)])
        return rows

    def finish(self) -> Iterator[pa.Table]:
        assert self.last is not None
        for _ in range(self.times):
            yield self.last


@in_out.table_in_out
class numbered:
    """No finish: each thread has an instance."""

    def __init__(self, *, keep: int) -> None:
        self.keep = keep

    def process(self, table: pa.Table) -> pa.Table:
        return table.slice(0, self.keep)


@in_out.table_in_out(columns={"n": BIGINT})
class silent:
    """``finish`` may give nothing."""

    def process(self, rows: pa.RecordBatch) -> Any:
        return {"n": rows[0]}

    def finish(self) -> None:
        return None


@in_out.table_in_out
class own_state:
    """Saves and loads itself."""

    def __init__(self) -> None:
        self.seen = 0

    def process(self, rows: pa.RecordBatch) -> None:
        self.seen += rows.num_rows

    def finish(self) -> list[dict[str, list[int]]]:
        return [{"i": [self.seen]}]

    def save(self) -> bytes:
        return str(self.seen).encode()

    def load(self, data: bytes) -> None:
        self.seen = int(data)


# The environment


@in_out.table_in_out(columns={"pid": BIGINT})
def process(rows: pa.RecordBatch) -> Iterator[tuple[int]]:
    yield (os.getpid(),)


@in_out.table_in_out(columns={"allocated": BIGINT})
def allocated(rows: pa.RecordBatch) -> Iterator[tuple[int]]:
    yield (pa.total_allocated_bytes(),)


@in_out.table_in_out
def logged(rows: pa.RecordBatch, ctx: dw.Context) -> pa.RecordBatch:
    ctx.log("a batch", rows=rows.num_rows)
    return rows


# Mistakes and failures

Phase = Literal["init", "process", "late process", "finish", "late finish", "field", "none"]


@in_out.table_in_out(columns={"n": BIGINT})
class fails:
    """Fails in a phase."""

    seen: int = 0

    def __init__(self, *, phase: Phase, witness: str | None = None) -> None:
        self.phase = phase
        self.witness = witness
        self._fail("init")

    def process(self, rows: pa.RecordBatch) -> Any:
        self._fail("process")
        self.seen += rows.num_rows
        if self.seen > 10_000:
            self._fail("late process")
        if self.phase == "field" and self.seen == 20_000:
            self.seen = "text"  # type: ignore[assignment]
        return {"n": rows[0]}

    def finish(self) -> Iterator[dict[str, Any]]:
        try:
            self._fail("finish")
            for n in range(100):
                yield {"n": [-n]}
            self._fail("late finish")
        finally:
            if self.witness:
                Path(self.witness).write_text("finished", encoding="utf-8")

    def _fail(self, phase: str) -> None:
        if self.phase == phase:
            raise ValueError(f"not in {phase}")


def _fail(rows: pa.Schema) -> Any:
    raise ValueError(f"no columns for {rows.names}")


@in_out.table_in_out(columns=_fail)
def fails_in_bind(rows: pa.RecordBatch) -> Any:
    return rows


@in_out.table_in_out(columns=PAIR)
def mistaken(rows: pa.RecordBatch, how: str) -> Any:
    return {
        "number": 5,
        "unknown column": {"n": [1], "s": ["a"], "t": [1]},
        "wrong value": [("x", "a")],
        "other rows": rows,
    }[how]


@in_out.table_in_out(columns={"text": VARCHAR})
def constrained(rows: pa.RecordBatch, *, kind: Annotated[str, "which"] = "a") -> Iterator[tuple[str]]:
    yield (kind,)
