"""One turn of a session in this process: Duckwing's own share, against Arrow alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
from benchmarks.measure import Comparison, Effort, Samples, Target, alternate
from benchmarks.session import Session, message_of, tick
from benchmarks.workers.counting import count_up, counting
from benchmarks.workers.identity import identity, same_rows

ROWS = 2048
TURNS = 2000

TARGET = Target("ratio", 2, "at most 2")

Turns = Callable[[int], float]
"""Takes a number of turns; seconds that they took."""


@dataclass(frozen=True)
class Workload:
    """Duckwing and the limit doing the same turns."""

    ours: Turns
    limit: Turns
    target: Target | None = None


def run(effort: Effort) -> list[Comparison]:
    both = "reading and writing the two Arrow messages"
    workloads = [
        ("identity(BIGINT), a batch", both, scalar("same_bigint")),
        ("identity(VARCHAR), a batch", both, scalar("same_varchar")),
        ("identity(BIGINT), row by row", f"{both}, calling the function on to_pylist()", scalar("same_rows")),
        ("a scan's turn", "making and writing the Arrow message", scan(ROWS)),
    ]
    return [_compare(f"{ROWS:,} rows: {what}", against, workload, effort) for what, against, workload in workloads]


def _compare(what: str, against: str, workload: Workload, effort: Effort) -> Comparison:
    turns = effort.size(TURNS)
    samples = alternate({"ours": lambda: workload.ours(turns), "limit": lambda: workload.limit(turns)}, effort.rounds)
    ours, limit = (Samples(tuple(v / turns for v in samples[side].values)) for side in ("ours", "limit"))
    return Comparison("exchange", what, ours, against, limit, target=workload.target)


def scalar(function: str) -> Workload:
    """A scalar function of ``workers/identity.py`` over one column of 2,048 rows."""
    values = pa.array([f"customer {i}" for i in range(ROWS)] if function == "same_varchar" else range(ROWS))
    batch = pa.RecordBatch.from_arrays([values], names=["col_0"])
    message, input_schema = message_of(batch), batch.schema
    session = Session(identity, function, columns=input_schema)
    by_row = function == "same_rows"
    output_schema = pa.schema([pa.field("result", values.type)])

    def turn() -> None:
        column = pa.ipc.read_record_batch(pa.py_buffer(message), input_schema).column(0)
        if by_row:
            column = pa.array(list(map(same_rows.function, column.to_pylist())), column.type)
        pa.RecordBatch.from_arrays([column], schema=output_schema).serialize()

    target = TARGET if function == "same_bigint" else None
    return Workload(lambda turns: session.exchange(message, turns), _repeated(turn), target)


def scan(rows: int) -> Workload:
    """``workers/counting.py`` in batches of ``rows``."""
    endless = 1 << 62
    session = Session(counting, "count_up", positional=[endless], arguments={"rows": rows})
    message = tick()
    produced = count_up.function(endless, rows=rows)
    schema = pa.schema([pa.field("n", pa.int64())])

    def turn() -> None:
        column = pa.array(next(produced)["n"])
        pa.RecordBatch.from_arrays([column], schema=schema).serialize()

    return Workload(lambda turns: session.exchange(message, turns), _repeated(turn))


def _repeated(turn: Callable[[], None]) -> Turns:
    def turns(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            turn()
        return time.perf_counter() - start

    return turns
