"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import kinds, profiling, report
from benchmarks.cases import aggregate, buffering, exchange, filters, memory, rows, scalar, scan, startup, transports
from benchmarks.launch import duckwing_command, prepare_environment
from benchmarks.measure import Comparison

from duckwing.engine import EngineError

CASES: dict[str, Callable[[int], list[Comparison]]] = {
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
    "kinds": lambda rounds: kinds.run(min(rounds, kinds.ROUNDS)),
}

ROUNDS = 15


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for and print it; speeds never change the exit status."""
    options = _parser().parse_args(arguments)
    prepare_environment()
    if options.profile:
        profiling.profile(options.profile)
        return 0
    duckwing_command()
    comparisons: list[Comparison] = []
    load = os.getloadavg()[0]
    try:
        for name in options.cases or CASES:
            print(f"{name} …", file=sys.stderr, flush=True)
            comparisons += CASES[name](options.repeat)
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    print(report.markdown(comparisons))
    facts = report.environment()
    print(
        f"\nMedian (lowest–highest) of {options.repeat} alternating rounds, but of fewer where one takes seconds; "
        f"a ratio is the median of the rounds' own ratios.\nPython {facts['python']}, pyarrow {facts['pyarrow']}, "
        f"DuckDB {facts['duckdb']}, {facts['system']}, {facts['processors']} processors; "
        f"load average {load:.1f} before, {os.getloadavg()[0]:.1f} after."
    )
    if options.json is not None:
        options.json.write_text(json.dumps(report.as_json(comparisons), indent=2) + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/run.py",
        description="Measure Duckwing against peers and limits, all in one run.",
    )
    # choices= would refuse the empty list of "everything", so each name is checked by itself.
    parser.add_argument(
        "cases", nargs="*", type=_case, metavar="CASE", help=f"what to measure: {', '.join(CASES)}; all by default"
    )
    parser.add_argument("--repeat", type=_rounds, default=ROUNDS, metavar="N", help=f"rounds (default: {ROUNDS})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to FILE, too")
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
