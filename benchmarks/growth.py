"""How cost grows: ``python -m benchmarks.growth --help``.

Each dimension is measured at several sizes, through the engine and a warm ``launch:`` worker, all sizes in turn, so
that load that comes and goes meets all of them. What grows is the median time; the exponent is that of the power of the
size that fits it best. 1 is linear, 0 is a cost that does not depend on it at all.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import shlex
import statistics
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import report
from benchmarks.catalog_objects import first_query, growth
from benchmarks.folders import temporary_folders
from benchmarks.launch import WORKERS, duckwing_command, launchers_folder, prepare_environment
from benchmarks.measure import Samples, alternate, check, seconds
from benchmarks.plot import Panel, log_panels

import duckwing as dw

if TYPE_CHECKING:
    import duckdb

ROUNDS, QUICK_ROUNDS = 5, 1
QUICK = 50
"""By how much rows are divided where it only matters that everything runs."""

PARALLEL_ROWS = 4 * 122_880
"""Four of DuckDB's row groups: each is one thread's."""

Ask = Callable[[int], float]
"""Seconds that something of a size takes."""


@dataclass(frozen=True)
class Dimension:
    """Something that grows.

    Attributes:
        name: of it.
        what: is timed.
        sizes: how large it is, from small to large.
        ask: times it.
        expected: the exponent that it should not exceed.
    """

    name: str
    what: str
    sizes: Sequence[int]
    ask: Ask
    expected: str


@dataclass(frozen=True)
class Grown:
    """A dimension that was measured: the samples of each size, in seconds."""

    dimension: Dimension
    by_size: Mapping[int, Samples]

    @property
    def exponent(self) -> float:
        """The slope of the line that fits the logarithms best."""
        sizes = [math.log(size) for size in self.by_size]
        return statistics.linear_regression(sizes, [math.log(s.median) for s in self.by_size.values()]).slope

    @property
    def last(self) -> float:
        """The exponent between the two largest sizes, where fixed costs matter least."""
        return growth(self.by_size)[-1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, and draw if that is asked for; speeds never change the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    names = [dimension.name for dimension in dimensions()]
    if unknown := set(options.dimensions) - set(names):
        parser.error(f"there is no dimension {', '.join(sorted(unknown))}; choose from {', '.join(names)}")
    prepare_environment()
    load = os.getloadavg()[0]
    rounds = options.repeat or (QUICK_ROUNDS if options.quick else ROUNDS)
    with temporary_folders(), launchers_folder():
        grown = []
        for dimension in dimensions(QUICK if options.quick else 1):
            if not options.dimensions or dimension.name in options.dimensions:
                print(f"{dimension.name} …", file=sys.stderr, flush=True)
                grown.append(measure(dimension, rounds))
    print(markdown(grown))
    facts = report.environment()
    print(
        f"\nMedians of {rounds} rounds. Python {facts['python']}, pyarrow {facts['pyarrow']}, "
        f"DuckDB {facts['duckdb']}, {facts['system']}, {facts['processors']} processors; "
        f"load average {load:.1f} before, {os.getloadavg()[0]:.1f} after."
    )
    if options.plot is not None:
        panels = [
            Panel(
                f"{one.dimension.name}: {one.dimension.what}",
                {
                    f"exponent {one.exponent:.2f} (end: {one.last:.2f})": [
                        (size, samples.median) for size, samples in one.by_size.items()
                    ]
                },
                one.dimension.name,
                "seconds",
            )
            for one in grown
        ]
        options.plot.write_text(log_panels(panels), encoding="utf-8")
    return 0


def measure(dimension: Dimension, rounds: int) -> Grown:
    """Run all sizes of a dimension in turn."""
    sides = {str(size): _side(dimension.ask, size) for size in dimension.sizes}
    samples = alternate(sides, rounds)
    return Grown(dimension, {size: samples[str(size)] for size in dimension.sizes})


def _side(ask: Ask, size: int) -> Callable[[], float]:
    return lambda: ask(size)


def dimensions(smaller: int = 1) -> Iterator[Dimension]:
    """All that is measured.

    Args:
        smaller: by how much rows are divided.
    """
    many = 4_000_000 // smaller
    yield Dimension("rows", "a scan of one BIGINT", _steps(10_000, 10_000_000, smaller), _scan_rows, "1")
    yield Dimension("rows of a scalar", "a batch-form function", _steps(10_000, 10_000_000, smaller), _scalar, "1")
    yield Dimension(
        "columns", f"a scan of {many // 4:,} rows", (1, 4, 16, 64), lambda n: _scan(many // 4, n, 100_000), "1"
    )
    yield Dimension(
        "batch size",
        f"a scan of {many // 4:,} rows",
        (100, 1000, 10_000, 100_000),
        lambda n: _scan(many // 4, 1, n),
        "0 for large ones; −1 where batches are so small that only their number counts",
    )
    yield Dimension(
        "groups",
        f"a sum of {many // 2:,} rows",
        (10, 1000, 100_000, 1_000_000) if smaller == 1 else (10, 1000),
        lambda n: _groups(many // 2, n),
        "0 while the rows cost more, at most 1",
    )
    yield Dimension(
        "values of a group", "an instance that keeps all of them", _steps(10_000, 1_000_000, smaller), _kept, "1"
    )
    objects = (10, 1000, 50_000) if smaller == 1 else (10, 100)
    yield Dimension("objects", "ATTACH and first query, with the worker's start", objects, _objects, "1")
    yield Dimension("connections", "ATTACH and a query by each at the same time", (1, 4, 16, 64), _connections, "1")
    yield Dimension(
        "processes",
        f"{PARALLEL_ROWS // smaller:,} rows of a function of pure Python, with as many threads",
        (1, 2, 4),
        lambda n: _processes(n, PARALLEL_ROWS // smaller),
        "−1 up to the number of cores",
    )


def _steps(low: int, high: int, smaller: int) -> list[int]:
    """Powers of ten, or fewer of them."""
    sizes = []
    size = low
    while size <= high // smaller:
        sizes.append(size)
        size *= 10
    return sizes if len(sizes) > 1 else [low // 10, low]


# What is timed


def _scan_rows(rows: int) -> float:
    return _scan(rows, 1, 100_000)


def _scan(rows: int, columns: int, batch: int) -> float:
    total = " + ".join(f"sum(c{i})" for i in range(columns))
    expected = columns * rows * (rows - 1) // 2
    return _query("growing", f"SELECT {total} FROM growing.table({rows}, {columns}, {batch})", expected)


def _kept(rows: int) -> float:
    return _query("growing", f"SELECT growing.values_kept(i) FROM range({rows}) t(i)", rows)


def _scalar(rows: int) -> float:
    return _query("kinds", f"SELECT sum(bench.add_one(i)) FROM range({rows}) t(i)", rows * (rows + 1) // 2)


def _groups(rows: int, groups: int) -> float:
    sums = f"SELECT bench.vsum(i) AS total FROM range({rows}) t(i) GROUP BY i % {groups}"
    # What nobody asks for DuckDB would not compute.
    return _query("kinds", f"SELECT sum(total) FROM ({sums})", rows * (rows - 1) // 2)


def _objects(count: int) -> float:
    # Words that no other has start a process of their own.
    words = [str(duckwing_command()), "run", str(WORKERS / "objects.py"), "declared", str(count), os.urandom(4).hex()]
    return first_query(f"exec {shlex.join(words)}", count)


def _connections(count: int) -> float:
    failed: list[BaseException] = []

    def client() -> None:
        try:
            with _attached("moving", 1) as connection:
                _check(connection.execute("SELECT moving.collatz(27)").fetchall(), 111)
        except BaseException as error:
            failed.append(error)

    def run() -> None:
        threads = [threading.Thread(target=client) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    taken = seconds(run)
    if failed:
        raise failed[0]
    return taken


def _processes(count: int, rows: int) -> float:
    with _attached("moving", count, "--processes", str(count)) as connection:
        connection.execute(f"CREATE TABLE numbers AS SELECT range AS n FROM range({rows})")
        query = "SELECT count(*) FROM numbers WHERE moving.collatz(n) >= 0"
        return seconds(lambda: _check(connection.execute(query).fetchall(), rows))


def _query(worker: str, query: str, expected: int) -> float:
    """Seconds of a query of one number."""
    with _attached(worker, None) as connection:
        return seconds(lambda: _check(connection.execute(query).fetchall(), expected))


@contextlib.contextmanager
def _attached(worker: str, threads: int | None, *flags: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to ``workers/<worker>.py``, which is warm after the first one."""
    catalog = "bench" if worker == "kinds" else worker
    command = shlex.join([str(duckwing_command()), "run", str(WORKERS / f"{worker}.py"), *flags])
    with dw.connect() if threads is None else dw.connect(threads=threads) as connection:
        connection.execute(f"ATTACH '{catalog}' AS {catalog} (TYPE vgi, LOCATION 'launch:{command}')")
        yield connection


def _check(found: object, expected: int) -> None:
    check(found, [(expected,)])


# What is printed


def markdown(grown: Sequence[Grown]) -> str:
    """A row for each dimension."""
    lines = [
        "| What grows | Seconds at each size | Exponent | … between the largest | Expected |",
        "|---|---|---|---|---|",
    ]
    for one in grown:
        times = ", ".join(f"{size:,}: {samples.median:.3g}" for size, samples in one.by_size.items())
        what = f"{one.dimension.name}: {one.dimension.what}"
        lines.append(f"| {what} | {times} | {one.exponent:.2f} | {one.last:.2f} | {one.dimension.expected} |")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    names = [dimension.name for dimension in dimensions()]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description="Measure how cost grows.")
    parser.add_argument(
        "dimensions", nargs="*", metavar="DIMENSION", help=f"what grows: {', '.join(names)}; all by default"
    )
    parser.add_argument("--repeat", type=int, metavar="N", help=f"rounds (default: {ROUNDS})")
    parser.add_argument("--quick", action="store_true", help="only see that it runs; the figures mean nothing")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the medians to FILE, as SVG")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
