"""Applying a pushed-down predicate to a batch, against the same written by hand with ``pyarrow.compute``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from benchmarks.measure import Comparison, Effort, Samples, Target, alternate, seconds

from duckwing.filters.evaluate import Evaluator
from duckwing.filters.tree import And, Call, Cast, Column, Expression, In, IsNull, Literal, Or, Predicate
from duckwing.filters.tree import Comparison as Compared

TARGET = Target("ratio", 1.5, "at most 1.5 times pyarrow.compute")
VALUES = 2_000_000
"""Rows that one sample looks at, in batches of either size."""


@dataclass(frozen=True)
class Workload:
    """A condition as a tree and by hand."""

    what: str
    tree: Expression
    by_hand: Callable[[pa.RecordBatch], Any]


def run(effort: Effort) -> list[Comparison]:
    return [_compare(workload, rows, effort) for rows in (2048, 100_000) for workload in _workloads(_batch(1))]


def _compare(workload: Workload, rows: int, effort: Effort) -> Comparison:
    batch, turns = _batch(rows), max(effort.size(VALUES) // rows, 1)
    evaluator = Evaluator([Predicate("p", workload.tree)], batch.schema)
    assert evaluator.apply(batch).equals(batch.filter(workload.by_hand(batch)))
    samples = alternate(
        {
            "ours": lambda: seconds(lambda: [evaluator.apply(batch) for _ in range(turns)]),
            "by hand": lambda: seconds(lambda: [batch.filter(workload.by_hand(batch)) for _ in range(turns)]),
        },
        effort.rounds,
    )
    ours, theirs = (Samples(tuple(v / turns for v in samples[side].values)) for side in ("ours", "by hand"))
    what = f"{rows:,} rows: {workload.what}"
    return Comparison("filters", what, ours, "pyarrow.compute by hand", theirs, target=TARGET)


def _batch(rows: int) -> pa.RecordBatch:
    random = np.random.default_rng(1)
    numbers = random.integers(0, 1000, rows)
    missing = random.random(rows) < 0.1
    return pa.record_batch(
        {
            "i": pa.array(numbers, mask=missing),
            "small": pa.array(numbers.astype(np.int32)),
            "f": pa.array(random.random(rows), mask=missing),
            "s": pa.array([f"customer {number}" for number in numbers], mask=missing),
            "d": pa.array(numbers).cast(pa.decimal128(21, 2)).cast(pa.decimal128(18, 2)),
        }
    )


def _workloads(batch: pa.RecordBatch) -> list[Workload]:
    i, small, f, s, d = (
        Column(name, place, batch.schema.field(place).type) for place, name in enumerate(["i", "small", "f", "s", "d"])
    )

    def constant(value: Any, type: pa.DataType | None = None) -> Literal:
        return Literal(pa.scalar(value, type))

    hundred, some = pa.scalar(100), pa.array(range(0, 1000, 7))
    price = pa.scalar(100, pa.decimal128(18, 2))
    return [
        Workload("i = 100", Compared("eq", i, constant(100)), lambda b: pc.equal(b["i"], hundred)),
        Workload(
            "i >= 100 AND i < 500",
            And((Compared("ge", i, constant(100)), Compared("lt", i, constant(500)))),
            lambda b: pc.and_kleene(pc.greater_equal(b["i"], hundred), pc.less(b["i"], pa.scalar(500))),
        ),
        Workload(
            "i < 100 OR i IS NULL",
            Or((Compared("lt", i, constant(100)), IsNull(i))),
            lambda b: pc.or_kleene(pc.less(b["i"], hundred), pc.is_null(b["i"])),
        ),
        Workload("i IN (143 values)", In(i, some), lambda b: pc.is_in(b["i"], value_set=some)),
        Workload("f < 0.5", Compared("lt", f, constant(0.5)), lambda b: pc.less(b["f"], pa.scalar(0.5))),
        Workload(
            "f > 0.5",
            Compared("gt", f, constant(0.5)),
            lambda b: pc.or_(pc.greater(b["f"], pa.scalar(0.5)), pc.is_nan(b["f"])),
        ),
        Workload(
            "s = 'customer 7'", Compared("eq", s, constant("customer 7")), lambda b: pc.equal(b["s"], "customer 7")
        ),
        Workload(
            "starts_with(s, 'customer 7')",
            Call("starts_with", (s, constant("customer 7"))),
            lambda b: pc.starts_with(b["s"], "customer 7"),
        ),
        Workload("d > 100.00", Compared("gt", d, Literal(price)), lambda b: pc.greater(b["d"], price)),
        Workload(
            "small::BIGINT > 100",
            Compared("gt", Cast(small, pa.int64()), constant(100)),
            lambda b: pc.greater(b["small"].cast(pa.int64()), hundred),
        ),
    ]
