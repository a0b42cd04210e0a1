"""The most memory that a worker holds while it sends ten million rows."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cases.scan import COUNT, scan
from benchmarks.launch import attach, engine
from benchmarks.measure import Comparison, Target, alternate

if TYPE_CHECKING:
    import duckdb

TARGET = Target("value", 300e6, "under 300 MB")
MOST_ROUNDS = 3
"""Memory hardly varies."""

_PROC = Path("/proc")


def run(rounds: int) -> list[Comparison]:
    if not (_PROC / "self" / "status").exists():
        print("memory: skipped, because it needs Linux's /proc", file=sys.stderr)
        return []
    numbers = itertools.count()
    with engine() as connection:
        samples = alternate(
            {
                "batches": lambda: _peak_of_scan(connection, 100_000, f"memory-{next(numbers)}"),
                "one": lambda: _peak_of_scan(connection, COUNT, f"memory-{next(numbers)}"),
                "import": _peak_of_import,
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
        # The engine keeps the process for the next query, so it is still there to be asked.
        peaks = [_peak(process / "status") for process in _children() if mark in _words(process)]
    finally:
        connection.execute("DETACH counting")
    if not peaks:
        raise RuntimeError("the worker was gone before its memory could be read")
    return max(peaks)


def _peak_of_import() -> float:
    program = "import pyarrow; print(open('/proc/self/status').read())"
    status = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    return _high_water(status)


def _children() -> list[Path]:
    ids = [pid for task in (_PROC / "self" / "task").iterdir() for pid in (task / "children").read_text().split()]
    return [_PROC / pid for pid in ids]


def _words(process: Path) -> list[str]:
    return (process / "cmdline").read_text().split("\0")


def _peak(status: Path) -> float:
    return _high_water(status.read_text())


def _high_water(status: str) -> float:
    """``VmHWM`` of a status text, in bytes; the kernel writes kibibytes."""
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return float(line.split()[1]) * 1024
