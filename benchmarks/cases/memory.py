"""The most memory that a worker holds while it sends ten million rows."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from benchmarks.cases.scan import COUNT, scan
from benchmarks.launch import attach, engine
from benchmarks.measure import Comparison, Target, alternate
from benchmarks.processes import available, peak_of_import, peak_of_workers

if TYPE_CHECKING:
    import duckdb

TARGET = Target("value", 300e6, "under 300 MB")
MOST_ROUNDS = 3
"""Memory hardly varies."""


def run(rounds: int) -> list[Comparison]:
    if not available("memory"):
        return []
    numbers = itertools.count()
    with engine() as connection:
        samples = alternate(
            {
                "batches": lambda: _peak_of_scan(connection, 100_000, f"memory-{next(numbers)}"),
                "one": lambda: _peak_of_scan(connection, COUNT, f"memory-{next(numbers)}"),
                "import": peak_of_import,
            },
            min(rounds, MOST_ROUNDS),
        )
    return [
        Comparison("memory", what, samples[side], "a process that imported pyarrow", samples["import"], "bytes", target)
        for what, side, target in (
            (f"worker, {COUNT:,} BIGINT in batches of 100,000", "batches", TARGET),
            (f"worker, {COUNT:,} BIGINT in one yield (80 MB)", "one", TARGET),
        )
    ]


def _peak_of_scan(connection: duckdb.DuckDBPyConnection, rows: int, mark: str) -> float:
    """Peak resident memory of a worker that nothing else has used; ``mark`` is a word of its command line."""
    attach(connection, "counting", mark)
    try:
        scan(connection, rows)
        return peak_of_workers(mark)
    finally:
        connection.execute("DETACH counting")
