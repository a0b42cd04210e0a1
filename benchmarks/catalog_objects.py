"""What a catalog costs by how many tables it has: ``python -m benchmarks.catalog_objects --help``.

Through the engine, each time in a new database and with a new process: from ATTACH to the answer of the first query,
which names one table; and SHOW ALL TABLES right after ATTACH. Both also with DuckDB's own database of as many tables,
which is in a file for the first one. Over HTTP the worker serves already, over stdio and ``launch:`` its start is part
of the time.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import math
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
from benchmarks import report
from benchmarks.launch import WORKERS, duckwing_command, engine, launchers_folder, prepare_environment
from benchmarks.measure import Samples, check, seconds
from benchmarks.plot import log_plot
from benchmarks.served import serving

KINDS = ("declared", "provider")
OWN = "DuckDB's own"
TRANSPORTS = ("stdio", "launch", "http")
FIRST, SHOW = "ATTACH and first query", "SHOW ALL TABLES"
COUNTS = (10, 1000, 10_000, 50_000)
ROUNDS = 5
QUICK_COUNTS, QUICK_ROUNDS = (10, 100), 1

Measured = Mapping[tuple[str, str], Mapping[int, Samples]]
"""Samples in seconds: by what was done and the kind of catalog, then by the number of tables."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, and draw if that is asked for; speeds never change the exit status."""
    options = _parser().parse_args(arguments)
    prepare_environment()
    load = os.getloadavg()[0]
    counts = sorted(set(options.counts or (QUICK_COUNTS if options.quick else COUNTS)))
    rounds = options.repeat or (QUICK_ROUNDS if options.quick else ROUNDS)
    measured = measure(counts, rounds, options.over)
    print(markdown(measured))
    facts = report.environment()
    print(
        f"\nOver {options.over}. Median (lowest–highest) of {rounds} rounds. Growth: the exponent with which the time "
        "grows from one number of tables to the next; 1 is linear.\n"
        f"Python {facts['python']}, pyarrow {facts['pyarrow']}, DuckDB {facts['duckdb']}, {facts['system']}, "
        f"{facts['processors']} processors; load average {load:.1f} before, {os.getloadavg()[0]:.1f} after."
    )
    if options.plot is not None:
        lines = {
            f"{what}, {kind}": [(count, samples.median) for count, samples in by_count.items()]
            for (what, kind), by_count in measured.items()
        }
        options.plot.write_text(log_plot(lines, "tables", "seconds"), encoding="utf-8")
    return 0


def measure(counts: Sequence[int], rounds: int, transport: str) -> Measured:
    """Run everything ``rounds`` times, the sizes in turn, so that load that comes and goes meets all of them."""
    taken: dict[tuple[str, str], dict[int, list[float]]] = {
        (what, kind): {count: [] for count in counts} for what, kind in itertools.product((FIRST, SHOW), (*KINDS, OWN))
    }
    with tempfile.TemporaryDirectory() as folder:
        files = {count: _database(Path(folder) / f"{count}.db", count) for count in counts}
        _measure(taken, counts, rounds, transport, files)
    return {key: {count: Samples(tuple(v)) for count, v in by_count.items()} for key, by_count in taken.items()}


def _measure(
    taken: Mapping[tuple[str, str], Mapping[int, list[float]]],
    counts: Sequence[int],
    rounds: int,
    transport: str,
    files: Mapping[int, Path],
) -> None:
    for number, kind, count in itertools.product(range(rounds), KINDS, counts):
        print(f"round {number + 1}: {count:,} tables, {kind} …", file=sys.stderr, flush=True)
        # Words that no other has keep the engine from using a process that runs already.
        with _located(transport, kind, str(count), f"first{number}") as location:
            taken[FIRST, kind][count].append(first_query(location, count))
        with _located(transport, kind, str(count), f"show{number}") as location:
            taken[SHOW, kind][count].append(_show(location, count))
        if kind == KINDS[0]:
            taken[FIRST, OWN][count].append(_first_of(f"ATTACH '{files[count]}' AS objects (READ_ONLY)", count))
            taken[SHOW, OWN][count].append(_show_own(count))


@contextlib.contextmanager
def _located(transport: str, *words: str) -> Iterator[str]:
    """Where a worker is that no one has used yet."""
    if transport == "http":
        with serving("objects", *words, processes=1) as served:
            yield served.location
    else:
        command = shlex.join([str(duckwing_command()), "run", str(WORKERS / "objects.py"), *words])
        with launchers_folder() if transport == "launch" else contextlib.nullcontext():
            yield f"launch:{command}" if transport == "launch" else f"exec {command}"


def _attach(location: str) -> str:
    quoted = location.replace("'", "''")
    return f"ATTACH 'objects' AS objects (TYPE vgi, LOCATION '{quoted}')"


def first_query(location: str, count: int) -> float:
    """Seconds of ATTACH and a query of the last table."""
    return _first_of(_attach(location), count)


def _first_of(attach: str, count: int) -> float:
    last = count - 1
    with engine() as connection:

        def run() -> None:
            connection.execute(attach)
            check(connection.execute(f"SELECT * FROM objects.main.t{last}").fetchall(), [(last,)])

        return seconds(run)


def _show(location: str, count: int) -> float:
    """Seconds of a listing."""
    with engine() as connection:
        # Over HTTP a listing of 50,000 tables is larger than the client takes by default.
        connection.execute(f"SET vgi_http_accepted_max_response_bytes = {1 << 30}")
        connection.execute(_attach(location))
        return seconds(lambda: check(len(connection.execute("SHOW ALL TABLES").fetchall()), count))


def _show_own(count: int) -> float:
    """Seconds of a listing of as many tables of the database itself."""
    with engine() as connection:
        _create(connection, count)
        return seconds(lambda: check(len(connection.execute("SHOW ALL TABLES").fetchall()), count))


def _database(path: Path, count: int) -> Path:
    """DuckDB's own file with as many tables, of which the last has a row."""
    with duckdb.connect(str(path)) as connection:
        _create(connection, count)
        connection.execute(f"INSERT INTO t{count - 1} VALUES ({count - 1})")
    return path


def _create(connection: duckdb.DuckDBPyConnection, count: int) -> None:
    connection.execute("BEGIN")
    for number in range(count):
        connection.execute(f"CREATE TABLE t{number} (n BIGINT)")
    connection.execute("COMMIT")


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.catalog_objects",
        description="Measure what a catalog costs by how many tables it has.",
    )
    parser.add_argument(
        "--counts",
        nargs="+",
        type=_positive,
        metavar="N",
        help=f"numbers of tables (default: {' '.join(map(str, COUNTS))})",
    )
    parser.add_argument(
        "--over", choices=TRANSPORTS, default=TRANSPORTS[0], help="how the worker is reached (default: %(default)s)"
    )
    parser.add_argument("--repeat", type=_positive, metavar="N", help=f"rounds (default: {ROUNDS})")
    parser.add_argument("--quick", action="store_true", help="only see that it runs: few tables, once")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the medians to FILE, as SVG")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number from 1 on is needed")
    return number


if __name__ == "__main__":
    raise SystemExit(main())
