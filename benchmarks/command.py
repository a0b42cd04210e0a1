"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import kinds, profiling, report
from benchmarks.cases import (
    aggregate,
    buffering,
    exchange,
    filters,
    http,
    memory,
    over,
    rows,
    scalar,
    scan,
    startup,
    transports,
)
from benchmarks.launch import duckwing_command, prepare_environment
from benchmarks.measure import Comparison, Effort
from benchmarks.ratio_plot import ratio_plot

from duckwing.engine import EngineError

CASES: dict[str, Callable[[Effort], list[Comparison]]] = {
    "startup": startup.run,
    "scalar": scalar.run,
    "exchange": exchange.run,
    "scan": scan.run,
    "transports": transports.run,
    "filters": filters.run,
    "memory": memory.run,
    "rows": rows.run,
    "aggregate": aggregate.run,
    "buffering": buffering.run,
    "http": http.run,
    **over.CASES,
    "kinds": kinds.run,
}

ROUNDS = 15
QUICK_ROUNDS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for and print it; speeds never change the exit status."""
    options = _parser().parse_args(arguments)
    prepare_environment()
    if options.profile:
        profiling.profile(options.profile)
        return 0
    if options.read:
        read = [c for path in options.read for c in report.from_json(json.loads(path.read_text("utf-8")))]
        print(report.side_by_side(read) if options.side_by_side else report.markdown(read))
        _draw(read, options.plot)
        return 0
    duckwing_command()
    effort = Effort(options.repeat or (QUICK_ROUNDS if options.quick else ROUNDS), options.quick)
    comparisons: list[Comparison] = []
    load = os.getloadavg()[0]
    try:
        for name in options.cases or CASES:
            print(f"{name} …", file=sys.stderr, flush=True)
            comparisons += CASES[name](effort)
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    if options.quick:
        comparisons = [replace(comparison, target=None) for comparison in comparisons]
    print(report.markdown(comparisons))
    facts = report.environment()
    if options.quick:
        print("\nThe sizes are too small for the figures to mean anything.")
    print(
        f"\nMedian (lowest–highest) of {effort.rounds} alternating rounds, but of fewer where one takes seconds; "
        f"a ratio is the median of the rounds' own ratios.\nPython {facts['python']}, pyarrow {facts['pyarrow']}, "
        f"DuckDB {facts['duckdb']}, {facts['system']}, {facts['processors']} processors; "
        f"load average {load:.1f} before, {os.getloadavg()[0]:.1f} after."
    )
    if options.json is not None:
        options.json.write_text(json.dumps(report.as_json(comparisons), indent=2) + "\n", encoding="utf-8")
    _draw(comparisons, options.plot)
    return 0


def _draw(comparisons: Sequence[Comparison], path: Path | None) -> None:
    if path is not None:
        path.write_text(ratio_plot(comparisons), encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/run.py",
        description="Measure Duckwing against peers and limits, all in one run.",
    )
    # choices= would refuse the empty list of "everything", so each name is checked by itself.
    parser.add_argument(
        "cases", nargs="*", type=_case, metavar="CASE", help=f"what to measure: {', '.join(CASES)}; all by default"
    )
    parser.add_argument("--repeat", type=_rounds, metavar="N", help=f"rounds (default: {ROUNDS})")
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"only see that it runs: {QUICK_ROUNDS} rounds and small sizes, whose figures mean nothing",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to FILE, too")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the ratios into FILE, as SVG")
    parser.add_argument(
        "--read", type=Path, nargs="+", metavar="FILE", help="measure nothing, show what --json has written before"
    )
    parser.add_argument(
        "--side-by-side", action="store_true", help="with --read: a column for each case, such as those over-…"
    )
    parser.add_argument(
        "--profile",
        choices=profiling.WORKLOADS,
        metavar="CASE",
        help=f"only run a worker's session in this process under cProfile: {', '.join(profiling.WORKLOADS)}",
    )
    return parser


def _case(text: str) -> str:
    if text not in CASES:
        raise argparse.ArgumentTypeError(f"there is no case {text!r}; choose from {', '.join(CASES)}")
    return text


def _rounds(text: str) -> int:
    rounds = int(text)
    if rounds < 1:
        raise argparse.ArgumentTypeError("at least one round is needed")
    return rounds
