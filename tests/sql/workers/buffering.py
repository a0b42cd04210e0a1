"""Buffering functions of every shape; resumable table functions, settings and secrets."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

import duckwing as dw
from duckwing.types import BIGINT, BOOLEAN, DATE, DECIMAL, DOUBLE, INTEGER, LIST, TIMESTAMP, VARCHAR

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
    import resource

    count = total = size = 0
    for batch in rows:
        count, total, size = count + 1, total + batch.num_rows, size + batch.nbytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
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


# Settings and secrets

buffering.setting("buffering_limit", BIGINT, default=5, description="how many")
buffering.setting("buffering_label", VARCHAR, default="none")
buffering.setting("buffering_flag", BOOLEAN)
buffering.setting("buffering_factor", DOUBLE, default=0.5)
buffering.setting("buffering_price", DECIMAL(6, 2))
buffering.setting("buffering_days", LIST(DATE))
buffering.setting("buffering_since", TIMESTAMP)
buffering.setting("buffering_list", LIST(INTEGER), default=[1, 2])

SHOWN = {"text": VARCHAR}


def _shown(ctx: dw.Context) -> str:
    return " ".join(f"{name.removeprefix('buffering_')}={value!r}" for name, value in sorted(ctx.settings.items()))


@buffering.table_function(columns=SHOWN)
def settings(ctx: dw.Context) -> Iterator[tuple[str]]:
    yield (_shown(ctx),)


@buffering.row_function(columns=SHOWN)
def settings_of_row(n: int, ctx: dw.Context) -> tuple[str]:
    return (_shown(ctx),)


@buffering.table_in_out(columns=SHOWN)
def settings_of_batch(rows: pa.RecordBatch, ctx: dw.Context) -> Iterator[tuple[str]]:
    yield (_shown(ctx),)


@buffering.buffering(columns=SHOWN)
def settings_of_all(rows: pa.Table, ctx: dw.Context) -> Iterator[tuple[str]]:
    yield (_shown(ctx),)


buffering.secret_type("buffering_key", {"key": VARCHAR, "region": VARCHAR}, redact=["key"])
buffering.secret_type("buffering_other", {"key": VARCHAR}, redact=["key"])

Key = Annotated[dw.Secret, dw.Lookup("buffering_key")]


@buffering.table_function(columns=SHOWN)
def unlocked(path: str, key: Annotated[dw.Secret, dw.Lookup("buffering_key", scope="path")]) -> Iterator[tuple[str]]:
    """The length of the secret, which it must not print itself."""
    assert key["key"].startswith("hunter2")
    yield (f"{key.name} {key.type} {sorted(key)} {len(key['key'])} {key.get('region')} {list(key.scopes)}",)


@buffering.table_function(columns=SHOWN)
def perhaps(*, key: Key | None) -> Iterator[tuple[str]]:
    yield ("none" if key is None else key.name,)


@buffering.table_function(columns=SHOWN)
def named(key: Annotated[dw.Secret, dw.Lookup("buffering_key", name="the_one")]) -> Iterator[tuple[str]]:
    yield (key["region"],)


@buffering.table_function(columns=SHOWN)
def two(one: Key, other: Annotated[dw.Secret, dw.Lookup("buffering_other")]) -> Iterator[tuple[str]]:
    yield (f"{one.type} {other.type} {len(one['key'])} {len(other['key'])}",)


@buffering.row_function(columns=SHOWN)
def unlocked_row(n: int, key: Key) -> tuple[str]:
    return (f"{n} {len(key['key'])}",)


@buffering.table_in_out(columns=SHOWN)
class unlocked_batch:
    rows: int = 0

    def __init__(self, key: Key) -> None:
        self.key = key

    def process(self, rows: pa.RecordBatch) -> None:
        self.rows += rows.num_rows

    def finish(self) -> Iterator[tuple[str]]:
        yield (f"{self.rows} {len(self.key['key'])}",)


@buffering.buffering(columns=SHOWN)
def unlocked_all(rows: pa.Table, key: Key) -> Iterator[tuple[str]]:
    yield (f"{rows.num_rows} {len(key['key'])}",)


@buffering.table_function(columns={"n": BIGINT})
def fails_with_secret(key: Key, ctx: dw.Context) -> Iterator[tuple[int]]:
    ctx.log("about to fail", key=key)
    raise ValueError(f"the key {key} does not open")
    yield (1,)


@buffering.table_function(columns=SHOWN)
def caller(ctx: dw.Context) -> Iterator[tuple[str]]:
    yield (f"{ctx.caller.principal!r} {ctx.caller.authenticated} {ctx.function} {ctx.catalog}",)
