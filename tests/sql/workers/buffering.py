"""Buffering functions of every shape, and resumable table functions."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR

buffering = dw.Catalog("buffering")


# Functions


@buffering.buffering
def top_k(rows: Iterator[pa.RecordBatch], *, by: str, k: int = 3) -> Iterator[pa.Table]:
    yield pa.Table.from_batches(rows).sort_by([(by, "descending")]).slice(0, k)


@buffering.buffering
def same(rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from rows


@buffering.buffering(ordered=True)
def in_order(rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from rows


@buffering.buffering
def from_reader(rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
    assert isinstance(rows, pa.RecordBatchReader)
    return rows


@buffering.buffering
def from_table(rows: pa.Table) -> pa.Table:
    assert isinstance(rows, pa.Table)
    return rows


@buffering.buffering(columns={"batches": BIGINT, "rows": BIGINT, "bytes": BIGINT, "peak": BIGINT})
def measured(rows: Iterator[pa.RecordBatch], label: str) -> list[tuple[int, int, int, int]]:
    """What came, and the largest resident size of this process, in bytes."""
    count = total = size = 0
    for batch in rows:
        count, total, size = count + 1, total + batch.num_rows, size + batch.nbytes
    # Not getrusage(): on Linux it begins with the size of the process that started this one.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))
    return [(count, total, size, peak)]


@buffering.buffering(columns=lambda rows, n: dw.Bound({f"c{i}": VARCHAR for i in range(n)}, {"names": rows.names}))
def bound(n: int, rows: pa.Table, ctx: dw.Context, *, tag: str = "-") -> Iterator[tuple[str, ...]]:
    yield tuple(f"{ctx.bound['names']}{tag}{rows.num_rows}" for _ in range(n))


@buffering.buffering(columns={"n": BIGINT})
def endless(rows: pa.Table, *, witness: str) -> Iterator[dict[str, Any]]:
    try:
        while True:
            yield {"n": range(1000)}
    finally:
        Path(witness).write_text("closed", encoding="utf-8")


# Classes


@buffering.buffering(columns={"rows": BIGINT, "total": BIGINT, "pid": BIGINT})
class counted:
    """The kept batches, shared out to four sources."""

    def __init__(self, *, shares: int = 4) -> None:
        self.shares = shares

    def sink(self, rows: pa.RecordBatch) -> dict[str, list[int]]:
        return {"rows": [rows.num_rows], "total": [pc.sum(rows[0]).as_py()]}

    def split(self, parts: list[pa.RecordBatch]) -> list[list[int]]:
        return [list(range(share, len(parts), self.shares)) for share in range(self.shares)]

    def source(self, parts: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, int, int]]:
        kept = list(parts)
        yield sum(part["rows"][0].as_py() for part in kept), sum(p["total"][0].as_py() for p in kept), os.getpid()


@buffering.buffering(columns={"total": BIGINT})
class summed:
    """Keeps little, and has one source."""

    def sink(self, rows: pa.RecordBatch) -> pa.Table | None:
        total = pc.sum(rows[0]).as_py()
        return pa.table({"total": [total]}) if total is not None else None

    def source(self, parts: Iterator[pa.RecordBatch]) -> Iterator[tuple[int]]:
        yield (sum(part["total"][0].as_py() for part in parts),)


@buffering.buffering
class passed_on:
    """All rows through sink, split and source."""

    def sink(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        return rows

    def split(self, parts: list[pa.RecordBatch]) -> list[list[int]]:
        return [[place] for place in range(len(parts))]

    def source(self, parts: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return parts


@buffering.buffering(columns={"n": BIGINT})
class forgetful:
    """Keeps nothing."""

    def sink(self, rows: pa.RecordBatch) -> None:
        return None

    def split(self, parts: list[pa.RecordBatch]) -> list[list[int]]:
        return []

    def source(self, parts: Iterator[pa.RecordBatch]) -> Iterator[tuple[int]]:
        yield (1,)


Phase = Literal["bind", "init", "sink", "late sink", "split", "source", "late source", "none"]


def _columns(phase: Phase) -> dict[str, pa.DataType]:
    if phase == "bind":
        raise ValueError("not in bind")
    return {"n": BIGINT}


@buffering.buffering(columns=_columns)
class fails:
    """Fails in a phase."""

    def __init__(self, *, phase: Phase) -> None:
        self.phase = phase
        self._fail("init")

    def sink(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        self._fail("sink")
        if pc.max(rows[0]).as_py() > 10_000:
            self._fail("late sink")
        return rows

    def split(self, parts: list[pa.RecordBatch]) -> list[list[int]]:
        self._fail("split")
        return [list(range(len(parts)))]

    def source(self, parts: Iterator[pa.RecordBatch]) -> Iterator[dict[str, Any]]:
        self._fail("source")
        for part in parts:
            yield {"n": part[0]}
        self._fail("late source")

    def _fail(self, phase: str) -> None:
        if self.phase == phase:
            raise ValueError(f"not in {phase}")


@buffering.buffering(columns={"n": BIGINT})
class mistaken:
    def __init__(self, how: str) -> None:
        self.how = how

    def sink(self, rows: pa.RecordBatch) -> Any:
        return 5 if self.how == "sink" else rows

    def split(self, parts: list[pa.RecordBatch]) -> Any:
        return {"beyond": [[len(parts)]], "text": [["a"]], "number": 5, "flat": [0]}.get(self.how, [[0]])

    def source(self, parts: Iterator[pa.RecordBatch]) -> Any:
        return {"unknown column": {"m": [1]}, "number": 5}.get(self.how, iter(()))


@buffering.buffering(columns={"allocated": BIGINT})
def allocated(rows: pa.Table) -> Iterator[tuple[int]]:
    yield (pa.total_allocated_bytes(),)


# Resumable table functions


@buffering.table_function(columns={"n": BIGINT})
class steps:
    """A batch, a list of rows or nothing in each step."""

    position: int = 0

    def __init__(self, count: int, *, step: int = 1) -> None:
        self.count, self.step = count, step

    def next(self) -> Any:
        if self.position >= self.count:
            return None
        self.position += 1
        n = self.position * self.step
        return [{"n": [n]}, [(n,)], pa.table({"n": [n]}), [], (n,)][self.position % 5]


@buffering.table_function(columns={"n": BIGINT})
class fails_in_next:
    def __init__(self, *, phase: str) -> None:
        self.phase = phase
        self.calls = 0
        if phase == "init":
            raise ValueError("not in init")

    def next(self) -> Any:
        self.calls += 1
        if self.phase == "next" or (self.phase == "late next" and self.calls > 5):
            raise ValueError(f"not in {self.phase}")
        return 5 if self.phase == "number" else [(self.calls,)]


# Columns and conditions


def seen(file: str, who: str, ctx: dw.Context) -> None:
    with Path(file).open("a", encoding="utf-8") as lines:
        lines.write(f"{who} {','.join(ctx.columns)} {ctx.filters}".rstrip() + "\n")


@buffering.buffering
def noted(rows: Iterator[pa.RecordBatch], *, file: str, ctx: dw.Context) -> Iterator[pa.RecordBatch | dict[str, Any]]:
    seen(file, "function", ctx)
    for place, batch in enumerate(rows):
        yield batch if place % 2 else {name: batch[name] for name in ctx.columns}


@buffering.buffering
class noted_by_class:
    def __init__(self, *, file: str, ctx: dw.Context) -> None:
        self.file, self.ctx = file, ctx

    def sink(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        seen(self.file, "sink", self.ctx)
        return rows

    def source(self, parts: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        seen(self.file, "source", self.ctx)
        yield from parts


@buffering.buffering(projection=False, filters="none")
def told_nothing(rows: Iterator[pa.RecordBatch], *, file: str, ctx: dw.Context) -> Iterator[pa.RecordBatch]:
    seen(file, "function", ctx)
    yield from rows


@buffering.buffering(filters="mine")
def filters_itself(rows: Iterator[pa.RecordBatch], *, ctx: dw.Context) -> Iterator[pa.RecordBatch]:
    """Gives the first row alone where there are conditions."""
    batch = pa.concat_batches(list(rows))
    yield batch.slice(0, 1) if ctx.filters else batch


@buffering.buffering(columns={"place": BIGINT}, ordered="output")
class ordered_shares:
    """Shares that take the longer the earlier they are."""

    def sink(self, rows: pa.RecordBatch) -> dict[str, list[int]]:
        return {"kept": [1]}

    def split(self, parts: Any) -> list[list[int]]:
        return [[0] * place for place in range(8)]

    def source(self, parts: Iterator[pa.RecordBatch]) -> Iterator[tuple[int]]:
        place = sum(1 for _ in parts)
        time.sleep(0.02 * (8 - place))
        yield (place,)
