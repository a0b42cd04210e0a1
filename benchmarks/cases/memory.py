"""The most memory that a worker holds while it sends ten million rows."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from benchmarks.cases.scan import COUNT, scan
from benchmarks.launch import attach, engine
from benchmarks.measure import Comparison, Effort, Target, alternate
from benchmarks.processes import available, peak_of_import, peak_of_workers

if TYPE_CHECKING:
    import duckdb

TARGET = Target("value", 300e6, "under 300 MB")
MOST_ROUNDS = 3
"""Memory hardly varies."""


def run(effort: Effort) -> list[Comparison]:
    count = effort.size(COUNT)
    if not available("memory"):
        return []
    numbers = itertools.count()
    with engine() as connection:
        samples = alternate(
            {
                "batches": lambda: _peak_of_scan(connection, count, 100_000, f"memory-{next(numbers)}"),
                "one": lambda: _peak_of_scan(connection, count, count, f"memory-{next(numbers)}"),
                "import": peak_of_import,
            },
            effort.at_most(MOST_ROUNDS).rounds,
        )
    return [
        Comparison("memory", what, samples[side], "a process that imported pyarrow", samples["import"], "bytes", target)
        for what, side, target in (
            (f"worker, {count:,} BIGINT in batches of 100,000", "batches", TARGET),
            (f"worker, {count:,} BIGINT in one yield ({count * 8 / 1e6:g} MB)", "one", TARGET),
        )
    ]


def _peak_of_scan(connection: duckdb.DuckDBPyConnection, count: int, rows: int, mark: str) -> float:
    """Peak resident memory of a worker that nothing else has used; ``mark`` is a word of its command line."""
    attach(connection, "counting", mark)
    try:
        scan(connection, count, rows)
        return peak_of_workers(mark)
    finally:
        connection.execute("DETACH counting")
