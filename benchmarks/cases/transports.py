"""What it costs to reach a worker: over standard streams, sockets, shared memory; cold and warm."""

from __future__ import annotations

import inspect
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from benchmarks.launch import WORKERS, duckwing_command, engine, launchers_folder
from benchmarks.measure import Comparison, Effort, Samples, Side, Target, alternate, check, seconds
from benchmarks.served import serving
from benchmarks.workers.moving import COLUMNS, ROWS, VALUE_BYTES, VALUES, steps_to_1

import duckwing as dw
from duckwing.process.launched import launched_workers, stop

if TYPE_CHECKING:
    import duckdb

Scan: TypeAlias = "Callable[[duckdb.DuckDBPyConnection], None]"

BATCHES = 60
SEGMENT_BYTES = 64 << 20
NUMBERS = 400_000


def run(effort: Effort) -> list[Comparison]:
    with launchers_folder() as folder:
        return [*_first_rows(effort.rounds, folder), *_moving(effort), *_computing(effort)]


# From ATTACH to the first row


def _first_rows(rounds: int, folder: Path) -> list[Comparison]:
    with serving("moving") as served, engine() as connection:
        connection.execute("SET vgi_worker_pool_idle_limit_seconds = 600")

        def first(location: str) -> float:
            attach = f"ATTACH 'moving' AS moving (TYPE vgi, LOCATION '{location}')"

            def ask() -> None:
                connection.execute(attach)
                check(connection.execute("SELECT moving.same(42)").fetchone(), (42,))

            taken = seconds(ask)
            connection.execute("DETACH moving")
            return taken

        def cold_stdio() -> float:
            connection.execute("CALL vgi_worker_pool_flush()")
            return first(_stdio())

        def cold_launch() -> float:
            for worker in launched_workers(folder):
                stop(worker)
            return first(_launch())

        def warm(location: str) -> Side:
            def side() -> float:
                first(location)
                return first(location)

            return side

        found = alternate(
            {
                "cold stdio": cold_stdio,
                "warm stdio": warm(_stdio()),
                "cold launch": cold_launch,
                "warm launch": warm(_launch()),
                "warm HTTP": warm(served.location),
            },
            rounds,
        )
    what = "ATTACH to the first row over a warm `launch:`"
    return [
        Comparison(
            "transports",
            what,
            found["warm launch"],
            "over pooled stdio",
            found["warm stdio"],
            target=Target("ratio", 1.3, "at most 1.3"),
        ),
        Comparison(
            "transports",
            what,
            found["warm launch"],
            "over a cold `launch:`",
            found["cold launch"],
            target=Target("ratio", 0.2, "at most 0.2"),
        ),
        Comparison(
            "transports", "… over a cold `launch:`", found["cold launch"], "over cold stdio", found["cold stdio"]
        ),
        Comparison("transports", "… over HTTP", found["warm HTTP"], "over pooled stdio", found["warm stdio"]),
    ]


# Large batches


def _moving(effort: Effort) -> list[Comparison]:
    return [
        *_moved(
            effort,
            f"{{}} batches of {VALUES} BLOBs of {VALUE_BYTES // 1000} kB",
            _scan_values,
            limits=True,
        ),
        *_moved(effort, f"the sums of {{}} batches of {COLUMNS} × {ROWS:,} BIGINT", _scan_numbers, limits=False),
    ]


def _moved(effort: Effort, what: str, scan_of: Callable[[int], Scan], *, limits: bool) -> list[Comparison]:
    batches = effort.size(BATCHES, least=2)
    what, scan = what.format(batches), scan_of(batches)
    found = alternate(
        {
            "shared": lambda: _timed(_stdio("shared"), scan, shared=True),
            "piped": lambda: _timed(_stdio(), scan, shared=False),
            "prefilled": lambda: _timed(_stdio("prefilled"), scan, shared=True),
            "socket": lambda: _timed(_launch("socket"), scan, shared=False),
            "shared socket": lambda: _timed(_launch("shared"), scan, shared=True),
            "copied": lambda: _copied(batches),
        },
        effort.rounds,
    )
    floor = Samples(tuple(map(sum, zip(found["prefilled"].values, found["copied"].values, strict=True))))
    faster = Target("ratio", 1 / 1.5, "at most 0.67") if limits else None
    near = Target("ratio", 1.3, "at most 1.3") if limits else None
    shared, piped, socket = (found[side] for side in ("shared", "piped", "socket"))
    return [
        Comparison("transports", f"{what} through shared memory", shared, "through the pipe", piped, target=faster),
        Comparison(
            "transports", "… through shared memory", shared, "a segment that is filled", found["prefilled"], target=near
        ),
        *(
            [Comparison("transports", "… through shared memory", shared, "that, and one copy of the bytes", floor)]
            if limits
            else []
        ),
        Comparison("transports", "… through an AF_UNIX socket", socket, "through the pipe", piped),
        Comparison("transports", "… a socket and shared memory", found["shared socket"], "through the socket", socket),
    ]


def _timed(location: str, scan: Scan, *, shared: bool) -> float:
    """Seconds of a scan by one thread, after another one: the process runs, and its memory is there."""
    if shared:
        os.environ["VGI_RPC_SHM_SIZE_BYTES"] = str(SEGMENT_BYTES)
    try:
        with dw.connect(threads=1) as connection:
            connection.execute(f"ATTACH 'moving' AS moving (TYPE vgi, LOCATION '{location}')")
            scan(connection)
            return seconds(lambda: scan(connection))
    finally:
        os.environ.pop("VGI_RPC_SHM_SIZE_BYTES", None)


def _copied(batches: int) -> float:
    """Seconds to copy the bytes of so many batches of values to where nothing of them is cached."""
    source = np.ones(VALUES * VALUE_BYTES, np.uint8)
    segment = np.ones(SEGMENT_BYTES // len(source) * len(source), np.uint8).reshape(-1, len(source))

    def copy() -> None:
        for batch in range(batches):
            np.copyto(segment[batch % len(segment)], source)

    return seconds(copy)


def _scan_values(batches: int) -> Scan:
    def scan(connection: duckdb.DuckDBPyConnection) -> None:
        found = connection.execute(f"SELECT sum(octet_length(value)) FROM moving.large({batches})").fetchone()
        check(found, (batches * VALUES * VALUE_BYTES,))

    return scan


def _scan_numbers(batches: int) -> Scan:
    sums = " + ".join(f"sum(c{i})" for i in range(COLUMNS))
    expected = batches * sum(ROWS * (ROWS - 1) // 2 + i * ROWS for i in range(COLUMNS))

    def scan(connection: duckdb.DuckDBPyConnection) -> None:
        check(connection.execute(f"SELECT {sums} FROM moving.wide({batches})").fetchone(), (expected,))

    return scan


# Processes


def _computing(effort: Effort) -> list[Comparison]:
    numbers = effort.size(NUMBERS)
    found = alternate(
        {
            "two": lambda: _compute(2, numbers),
            "one": lambda: _compute(1, numbers),
            "in process": lambda: _compute_in_process(2, numbers),
            "two alone": lambda: _alone(2, numbers),
            "one alone": lambda: _alone(1, numbers),
        },
        effort.rounds,
    )
    half, half_alone = (Samples(tuple(value / 2 for value in found[side].values)) for side in ("one", "one alone"))
    return [
        Comparison(
            "transports",
            f"the function alone, {numbers:,} times, in two processes of Python",
            found["two alone"],
            "half the time of one process",
            half_alone,
        ),
        Comparison(
            "transports",
            f"a row-form scalar in pure Python, {numbers:,} rows, two threads over `launch:`",
            found["two"],
            "half the time of one thread",
            half,
            target=Target("ratio", 2 / 1.8, "at most 1.11"),
        ),
        Comparison(
            "transports",
            f"a row-form scalar in pure Python, {numbers:,} rows, two threads over `launch:`",
            found["two"],
            "DuckDB's in-process Python UDF, two threads",
            found["in process"],
            target=Target("ratio", 1, "ahead"),
        ),
    ]


def _compute(threads: int, numbers: int) -> float:
    with dw.connect(threads=threads) as connection:
        connection.execute(f"ATTACH 'moving' AS moving (TYPE vgi, LOCATION '{_launch()}')")
        return _computed(connection, "moving.collatz", numbers)


def _compute_in_process(threads: int, numbers: int) -> float:
    with dw.connect(threads=threads) as connection:
        connection.create_function("collatz", steps_to_1, ["BIGINT"], "BIGINT")
        return _computed(connection, "collatz", numbers)


def _computed(connection: duckdb.DuckDBPyConnection, function: str, numbers: int) -> float:
    """Seconds in which a function is called for so many numbers."""
    connection.execute(f"CREATE TABLE numbers AS SELECT range AS n FROM range({numbers})")

    def compute() -> None:
        found = connection.execute(f"SELECT count(*) FROM numbers WHERE {function}(n) >= 0").fetchone()
        check(found, (numbers,))

    connection.execute(f"SELECT {function}(n) FROM numbers LIMIT 10")
    return seconds(compute)


def _alone(processes: int, numbers: int) -> float:
    """Seconds in which so many processes, each with its share, compute what a worker does: what the cores give."""
    shares = [f"range({first}, {numbers}, {processes})" for first in range(processes)]
    commands = [
        [sys.executable, "-c", f"{inspect.getsource(steps_to_1)}\nfor n in {share}: steps_to_1(n)"] for share in shares
    ]

    def compute() -> None:
        started = [subprocess.Popen(command) for command in commands]
        check(tuple(process.wait() for process in started), (0,) * processes)

    return seconds(compute)


# Workers


def _words(*arguments: str) -> str:
    return shlex.join([str(duckwing_command()), "run", str(WORKERS / "moving.py"), *arguments])


def _stdio(*arguments: str) -> str:
    return f"exec {_words(*arguments)}"


def _launch(*arguments: str) -> str:
    return f"launch:{_words(*arguments)}"
