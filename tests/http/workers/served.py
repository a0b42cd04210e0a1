"""A function of each kind, for tests of HTTP."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

import duckwing as dw
from duckwing.types import BIGINT, LIST, STRUCT, VARCHAR

served = dw.Catalog("served")


def note(file: str, line: str) -> None:
    """A line of ``file``, in one write; none without a file."""
    if file:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, f"{line}\n".encode())
        os.close(descriptor)


# Scalars


@served.scalar(stability="volatile")
def doubled(value: int) -> int:
    return 2 * value


@served.scalar(stability="volatile")
def logged(value: int, ctx: dw.Context) -> int:
    ctx.log("a message")
    return value


@served.scalar(stability="volatile")
def fails(value: int) -> int:
    raise LookupError(f"no {value}")


@served.scalar(stability="volatile")
def repeated(text: str, times: dw.Const[int]) -> str:
    return text * times


@served.scalar(stability="volatile")
def process(value: int) -> int:
    return os.getpid()


@served.scalar(stability="volatile")
def held(path: str) -> str:
    """Come back when ``path`` with ``.go`` is there."""
    Path(f"{path}.begun").touch()
    deadline = time.monotonic() + 25
    while not Path(f"{path}.go").exists():
        if time.monotonic() > deadline:
            raise TimeoutError(path)
        time.sleep(0.005)
    return "done"


@served.scalar(stability="volatile")
def caller(value: int, ctx: dw.Context) -> str:
    return f"{ctx.caller.domain}:{ctx.caller.principal}"


# Generators


@served.table_function(columns={"n": BIGINT, "pid": BIGINT, "text": VARCHAR})
def numbers(count: int, batch: int, ctx: dw.Context, *, width: int = 0, witness: str = "") -> Iterator[object]:
    """``count`` numbers; ``witness`` learns of the end."""
    try:
        for first in range(0, count, batch):
            n = range(first, min(first + batch, count))
            values = {"n": n, "pid": [os.getpid()] * len(n), "text": [f"{i}" + "x" * width for i in n]}
            yield {name: values[name] for name in ctx.columns}
    finally:
        note(witness, "closed")


@served.table_function(columns={"n": BIGINT})
def breaks(after: int) -> Iterator[object]:
    """Fail after so many batches."""
    for n in range(after):
        yield {"n": [n] * 1000}
    raise LookupError("no further")


@served.table_function(columns={"n": BIGINT})
def talks(count: int, ctx: dw.Context) -> Iterator[object]:
    for n in range(count):
        ctx.log(f"row {n}")
        yield (n,)


@served.table_function(columns={"n": BIGINT})
def pauses(path: str) -> Iterator[object]:
    """A row, and a second one when ``path`` is there."""
    yield {"n": [0]}
    deadline = time.monotonic() + 25
    while not Path(path).exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    yield {"n": [1]}


# Classes that any process can go on with

RICH = {
    "n": BIGINT,
    "text": VARCHAR,
    "kind": pa.dictionary(pa.int32(), pa.utf8()),
    "list": LIST(BIGINT),
    "struct": STRUCT({"a": BIGINT, "b": LIST(VARCHAR)}),
    "pid": BIGINT,
}


def rich(first: int, rows: int, width: int = 0) -> dict[str, Any]:
    """Rows of all shapes, the same every time, but for the process."""
    n = range(first, first + rows)
    return {
        "n": n,
        "text": [None if i % 7 == 3 else f"text {i} " + "y" * (i * 31 % (width + 1)) for i in n],
        "kind": pa.array([f"kind {i % 5 + i // 1000}" for i in n]).dictionary_encode(),
        "list": [None if i % 11 == 5 else list(range(i % 4)) for i in n],
        "struct": [{"a": i, "b": [f"b{i}"] * (i % 3)} for i in n],
        "pid": [os.getpid()] * rows,
    }


@served.table_function(columns=RICH)
class walk:
    """Batches of changing size."""

    position: int = 0
    step: int = 0

    def __init__(self, count: int, batch: int, *, width: int = 0, witness: str = "") -> None:
        self.count, self.batch, self.width, self.witness = count, batch, width, witness

    def next(self) -> Any:
        if self.position >= self.count:
            return None
        self.step += 1
        rows = min(1 + self.batch * self.step % (2 * self.batch), self.count - self.position)
        made = rich(self.position, rows, self.width)
        self.position += rows
        return made

    def close(self) -> None:
        note(self.witness, "closed")


@served.table_function(columns={"n": BIGINT, "text": VARCHAR, "pid": BIGINT})
class one_by_one:
    """A row at a time, of changing width."""

    position: int = 0

    def __init__(self, count: int, *, width: int = 0) -> None:
        self.count, self.width = count, width

    def next(self) -> Any:
        if self.position >= self.count:
            return None
        n = self.position
        self.position += 1
        return (n, "z" * (self.width // 2 + n * 7919 % (self.width // 2 + 1)), os.getpid())


# Functions of tables


@served.table_in_out
def passed(rows: pa.RecordBatch) -> pa.RecordBatch:
    return rows


@served.table_in_out(columns={"n": BIGINT})
def dropped(rows: pa.RecordBatch) -> None:
    return None


@served.table_in_out(columns={"running": BIGINT, "pid": BIGINT})
class running:
    """The sum so far after each batch, and at the end the sum and the number of rows."""

    sum: int = 0
    rows: int = 0

    def __init__(self, *, witness: str = "") -> None:
        self.witness = witness

    def process(self, rows: pa.RecordBatch) -> dict[str, Any]:
        self.sum += pc.sum(rows[0]).as_py() or 0
        self.rows += rows.num_rows
        return {"running": [self.sum], "pid": [os.getpid()]}

    def finish(self) -> Iterator[tuple[int, int]]:
        yield self.sum, self.rows


@served.buffering(columns={"rows": BIGINT, "total": BIGINT, "pid": BIGINT})
class counted:
    """The kept batches, shared out to two sources."""

    def sink(self, rows: pa.RecordBatch) -> dict[str, list[int]]:
        return {"rows": [rows.num_rows], "total": [pc.sum(rows[0]).as_py()]}

    def split(self, parts: list[pa.RecordBatch]) -> list[list[int]]:
        return [list(range(share, len(parts), 2)) for share in range(2)]

    def source(self, parts: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, int, int]]:
        kept = list(parts)
        yield sum(part["rows"][0].as_py() for part in kept), sum(p["total"][0].as_py() for p in kept), os.getpid()


@served.aggregate(order_dependent=False)
class total:
    """The sum."""

    sum: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        groups.add(self.sum, value)

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.sum)


worker = dw.Worker(served)


@worker.on_stop
def tidy() -> None:
    """Tell that the process has ended in an orderly way."""
    note(os.environ.get("DUCKWING_TEST_WITNESS", ""), "stopped")


if __name__ == "__main__":
    worker.run()
