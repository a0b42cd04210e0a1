"""Many queries at once over HTTP: ``python -m benchmarks.load --help``.

A worker serves, and the engine, in several processes, keeps a fixed number of queries under way: each thread has a
connection of its own and asks one query after the other, all kinds of functions in turn. Every answer is checked.
The exit status is 1 if a query fails or is answered wrongly, or if a process of the worker ends.
"""

from __future__ import annotations

import argparse
import itertools
import math
import multiprocessing
import os
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.folders import temporary_folders
from benchmarks.launch import prepare_environment
from benchmarks.processes import available, peaks_below, resident_below, sampled
from benchmarks.report import environment
from benchmarks.served import Served, serving

import duckwing as dw
from duckwing.engine import EngineError
from duckwing.process.options import usable_cores

if TYPE_CHECKING:
    import duckdb

QUERIES = 200
SECONDS = 60.0
CLIENTS = 4
ALONE_SECONDS = 10.0
QUICK_QUERIES, QUICK_SECONDS, QUICK_CLIENTS = 20, 3.0, 2
SAMPLE_SECONDS = 0.5
SHOWN_ERRORS = 5

_INPUT = "(SELECT range AS n FROM range(5000))"


@dataclass(frozen=True)
class _Query:
    """A query and its answer.

    Attributes:
        name: the kind of function.
        sql: the query, of the catalog ``bench``.
        answer: its rows.
    """

    name: str
    sql: str
    answer: list[tuple[object, ...]]


def _sum_and_count(count: int, first: int = 0) -> list[tuple[object, ...]]:
    return [(count * (count - 1) // 2 + first * count, count)]


_MIX = (
    _Query("scalar", f"SELECT sum(bench.add_one(n)), count(*) FROM {_INPUT}", _sum_and_count(5000, 1)),
    _Query("table", "SELECT sum(n), count(*) FROM bench.series(200_000)", _sum_and_count(200_000)),
    _Query(
        "row function",
        f"SELECT sum(r.n), count(*) FROM {_INPUT} t, bench.next_one(t.n) r",
        _sum_and_count(5000, 1),
    ),
    _Query("table-in-out", f"SELECT sum(n), count(*) FROM bench.pass_through({_INPUT})", _sum_and_count(5000)),
    _Query("buffering", f"SELECT sum(n), count(*) FROM bench.keep_all({_INPUT})", _sum_and_count(5000)),
    _Query(
        "aggregate",
        f"SELECT sum(s), count(*) FROM (SELECT bench.vsum(n) AS s FROM {_INPUT} GROUP BY n % 100)",
        [(5000 * 4999 // 2, 100)],
    ),
)


@dataclass
class _Tally:
    """What happened in one process of the engine, or in all of them.

    Attributes:
        seconds: of each query that was answered, by the name of its kind.
        errors: how often each message came.
        elapsed: seconds until the last answer.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    elapsed: float = 0.0

    @property
    def every(self) -> list[float]:
        """Seconds of all queries."""
        return [taken for of_kind in self.seconds.values() for taken in of_kind]

    def add(self, other: _Tally) -> None:
        """Count what ``other`` has counted."""
        for name, taken in other.seconds.items():
            self.seconds.setdefault(name, []).extend(taken)
        self.errors += other.errors
        self.elapsed = max(self.elapsed, other.elapsed)

    @property
    def rate(self) -> float:
        """Queries that were answered in a second."""
        return len(self.every) / self.elapsed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the load and print what came of it."""
    options = _parser().parse_args(arguments)
    queries = options.queries or (QUICK_QUERIES if options.quick else QUERIES)
    seconds = options.seconds or (QUICK_SECONDS if options.quick else SECONDS)
    clients = min(options.clients or (QUICK_CLIENTS if options.quick else CLIENTS), queries)
    prepare_environment()
    if not available("load"):
        return 1
    cores = usable_cores()
    with temporary_folders(), serving("kinds") as worker:
        try:
            alone = _load(worker, 1, min(ALONE_SECONDS, seconds), 1)
            before = set(peaks_below(worker.supervisor))
            with sampled(lambda: resident_below(worker.supervisor), SAMPLE_SECONDS) as memory:
                found = _load(worker, queries, seconds, clients)
        except EngineError as error:
            print(error, file=sys.stderr)
            return 1
        peaks = peaks_below(worker.supervisor)
    print(_markdown(found, alone))
    _print_memory(memory, peaks)
    facts = environment()
    print(
        f"\n{queries} queries at a time for {seconds:g} s from {clients} processes of the engine on {cores} cores that "
        f"the worker shares with them; {len(found.every):,} answered, {sum(found.errors.values()):,} failed.\n"
        f"{found.rate:.1f} queries a second, {alone.rate:.1f} with one at a time.\n"
        f"Python {facts['python']}, pyarrow {facts['pyarrow']}, DuckDB {facts['duckdb']}, {facts['system']}; "
        f"load average {os.getloadavg()[0]:.1f} at the end."
    )
    found.add(_Tally(errors=alone.errors))
    if not before <= set(peaks):
        found.errors["a process of the worker has ended"] += 1
    for message, count in found.errors.most_common(SHOWN_ERRORS):
        print(f"{count} times: {message}", file=sys.stderr)
    return 1 if found.errors or not found.every else 0


# The load


def _load(worker: Served, queries: int, seconds: float, clients: int) -> _Tally:
    """Keep ``queries`` queries under way for so many seconds, from ``clients`` processes."""
    shares = [queries // clients + (number < queries % clients) for number in range(clients)]
    context = multiprocessing.get_context("spawn")
    found = _Tally()
    with context.Manager() as manager, ProcessPoolExecutor(clients, context) as pool:
        ready = manager.Barrier(clients)
        running = [pool.submit(_client, worker.location, share, seconds, ready) for share in shares]
        for client in running:
            found.add(client.result())
    return found


def _client(location: str, queries: int, seconds: float, ready: threading.Barrier) -> _Tally:
    """One process of the engine: a database, and a thread with a connection for each query at a time."""
    tallies = [_Tally() for _ in range(queries)]
    with dw.connect() as connection:
        connection.execute(f"ATTACH 'bench' AS bench (TYPE vgi, LOCATION '{location}')")
        cursors = [connection.cursor() for _ in range(queries)]
        ready.wait()
        start = time.monotonic()
        end = start + seconds
        threads = [
            threading.Thread(target=_ask, args=(cursor, number, end, tally))
            for number, (cursor, tally) in enumerate(zip(cursors, tallies, strict=True))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elapsed = time.monotonic() - start
        for cursor in cursors:
            cursor.close()
    found = _Tally(elapsed=elapsed)
    for tally in tallies:
        found.add(tally)
    return found


def _ask(connection: duckdb.DuckDBPyConnection, first: int, end: float, tally: _Tally) -> None:
    """Ask one query after the other; what begins before the end is waited for."""
    for query in itertools.islice(itertools.cycle(_MIX), first % len(_MIX), None):
        start = time.monotonic()
        if start >= end:
            return
        try:
            answer = connection.execute(query.sql).fetchall()
        except Exception as error:  # whatever it is, it is what the run is for
            tally.errors[f"{query.name}: {type(error).__name__}: {error}"[:500]] += 1
            continue
        if answer != query.answer:
            tally.errors[f"{query.name}: expected {query.answer}, got {answer!r:.200}"] += 1
            continue
        tally.seconds.setdefault(query.name, []).append(time.monotonic() - start)


# What is printed


def _markdown(found: _Tally, alone: _Tally) -> str:
    rows = [["Queries", "Answered", "p50", "p99", "Longest", "p50 alone", "p50 ÷ p50 alone"]]
    kinds = {"all": (found.every, alone.every)}
    kinds |= {query.name: (found.seconds.get(query.name, []), alone.seconds.get(query.name, [])) for query in _MIX}
    for name, (taken, by_itself) in kinds.items():
        if not taken or not by_itself:
            rows.append([name, str(len(taken)), *["–"] * 5])
            continue
        median, reference = statistics.median(taken), statistics.median(by_itself)
        times = [f"{value * 1e3:.0f} ms" for value in (median, _percentile(taken, 99), max(taken), reference)]
        rows.append([name, f"{len(taken):,}", *times, f"{median / reference:.1f}"])
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines)


def _percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that at least ``percent`` in a hundred do not exceed."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def _print_memory(memory: Sequence[float], peaks: dict[int, float]) -> None:
    print(f"\nPeak of each process of the worker: {', '.join(f'{peak / 1e6:.0f} MB' for peak in peaks.values())}.")
    quarter = len(memory) // 4
    if quarter:
        first, last = (max(part) / 1e6 for part in (memory[:quarter], memory[-quarter:]))
        print(f"All together, at most: {first:.0f} MB in the first quarter of the time, {last:.0f} MB in the last.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load",
        description="Ask a worker many queries at once over HTTP; the exit status is 1 if one of them fails.",
    )
    parser.add_argument("--queries", type=_positive, metavar="N", help=f"at a time (default: {QUERIES})")
    parser.add_argument("--seconds", type=float, metavar="S", help=f"for how long (default: {SECONDS:g})")
    parser.add_argument(
        "--clients", type=_positive, metavar="N", help=f"processes of the engine that ask (default: {CLIENTS})"
    )
    parser.add_argument("--quick", action="store_true", help="only see that it runs: few queries for a few seconds")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number from 1 on is needed")
    return number


if __name__ == "__main__":
    raise SystemExit(main())
