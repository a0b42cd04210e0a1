"""What a catalog costs by how many tables it has: ``python -m benchmarks.catalog_objects --help``.

Through the engine over stdio, each time in a new database and with a new process: from ATTACH to the answer of the
first query, which names one table; and SHOW ALL TABLES right after ATTACH.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import report
from benchmarks.launch import attach, engine, prepare_environment
from benchmarks.measure import Samples, seconds
from benchmarks.plot import log_plot

KINDS = ("declared", "provider")
FIRST, SHOW = "ATTACH and first query", "SHOW ALL TABLES"
COUNTS = (1, 1000, 10_000, 50_000)
ROUNDS = 5

Measured = Mapping[tuple[str, str], Mapping[int, Samples]]
"""Samples in seconds: by what was done and the kind of catalog, then by the number of tables."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, and draw if that is asked for; speeds never change the exit status."""
    options = _parser().parse_args(arguments)
    prepare_environment()
    load = os.getloadavg()[0]
    measured = measure(sorted(set(options.counts)), options.repeat)
    print(markdown(measured))
    facts = report.environment()
    print(
        f"\nMedian (lowest–highest) of {options.repeat} rounds. Growth: the exponent with which the time grows "
        f"from one number of tables to the next; 1 is linear.\nPython {facts['python']}, pyarrow {facts['pyarrow']}, "
        f"DuckDB {facts['duckdb']}, {facts['system']}, {facts['processors']} processors; "
        f"load average {load:.1f} before, {os.getloadavg()[0]:.1f} after."
    )
    if options.plot is not None:
        lines = {
            f"{what}, {kind}": [(count, samples.median) for count, samples in by_count.items()]
            for (what, kind), by_count in measured.items()
        }
        options.plot.write_text(log_plot(lines, "tables", "seconds"), encoding="utf-8")
    return 0


def measure(counts: Sequence[int], rounds: int) -> Measured:
    """Run everything ``rounds`` times, the sizes in turn, so that load that comes and goes meets all of them."""
    taken: dict[tuple[str, str], dict[int, list[float]]] = {
        (what, kind): {count: [] for count in counts} for what in (FIRST, SHOW) for kind in KINDS
    }
    for number, kind, count in itertools.product(range(rounds), KINDS, counts):
        print(f"round {number + 1}: {count:,} tables, {kind} …", file=sys.stderr, flush=True)
        taken[FIRST, kind][count].append(_first(kind, count, number))
        taken[SHOW, kind][count].append(_show(kind, count, number))
    return {key: {count: Samples(tuple(v)) for count, v in by_count.items()} for key, by_count in taken.items()}


def _first(kind: str, count: int, number: int) -> float:
    """Seconds of ATTACH and a query of the last table."""
    last = count - 1
    with engine() as connection:

        def run() -> None:
            # Words that no other has keep the engine from using a process that runs already.
            attach(connection, "objects", kind, str(count), f"first{number}")
            _check(connection.execute(f"SELECT * FROM objects.main.t{last}").fetchall(), [(last,)])

        return seconds(run)


def _show(kind: str, count: int, number: int) -> float:
    """Seconds of a listing."""
    with engine() as connection:
        attach(connection, "objects", kind, str(count), f"show{number}")
        return seconds(lambda: _check(len(connection.execute("SHOW ALL TABLES").fetchall()), count))


def growth(by_count: Mapping[int, Samples]) -> list[float]:
    """The exponents of the growth of the medians between neighbouring numbers of tables."""
    return [
        math.log(by_count[larger].median / by_count[smaller].median) / math.log(larger / smaller)
        for smaller, larger in itertools.pairwise(by_count)
    ]


def markdown(measured: Measured) -> str:
    """The table: a median in seconds with its lowest and highest sample for each number of tables."""
    counts = list(next(iter(measured.values())))
    steps = [f"growth {a:,} to {b:,}" for a, b in itertools.pairwise(counts)]
    rows = [["", "Catalog", *(f"{count:,} tables" for count in counts), *steps]]
    for (what, kind), by_count in measured.items():
        times = [f"{s.median:.3f} s ({s.low:.3f}–{s.high:.3f})" for s in by_count.values()]
        rows.append([what, kind, *times, *(f"{exponent:.2f}" for exponent in growth(by_count))])
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines)


def _check(result: object, expected: object) -> None:
    if result != expected:
        raise RuntimeError(f"expected {expected}, got {result}: a wrong answer has no speed")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.catalog_objects",
        description="Measure what a catalog costs by how many tables it has.",
    )
    parser.add_argument(
        "--counts",
        nargs="+",
        type=_positive,
        default=COUNTS,
        metavar="N",
        help="numbers of tables (default: %(default)s)",
    )
    parser.add_argument("--repeat", type=_positive, default=ROUNDS, metavar="N", help="rounds (default: %(default)s)")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the medians to FILE, as SVG")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number from 1 on is needed")
    return number


if __name__ == "__main__":
    raise SystemExit(main())
