"""A buffering function that keeps one gigabyte and gives it back."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.folders import Folders, file_system, temporary_folders
from benchmarks.launch import attach, engine
from benchmarks.measure import Comparison, Effort, Samples, Target, alternate, check, seconds
from benchmarks.processes import available, peak_of_import, peak_of_workers

if TYPE_CHECKING:
    import duckdb

ROWS = 1_000_000
LENGTH = 1000
"""Characters of each row, one byte each."""

BATCH = 2048
TARGET = Target("value", 300e6, "under 300 MB")
MOST_ROUNDS = 3
"""Each moves gigabytes."""


def run(effort: Effort) -> list[Comparison]:
    rows = effort.size(ROWS, least=BATCH)
    peaks: list[float] = []
    numbers = itertools.count()
    measured = available("buffering")
    with temporary_folders() as folders, engine() as connection:
        connection.execute(
            f"CREATE TABLE input AS SELECT repeat(chr((range % 26 + 65)::INTEGER), {LENGTH}) AS s FROM range({rows})"
        )
        expected = _summary(connection, "input")

        def ours() -> float:
            mark = f"buffering-{next(numbers)}"
            attach(connection, "kinds", mark, catalog="bench")
            try:
                # The process is there before the clock starts.
                connection.sql("SELECT bench.add_one(1)").fetchall()
                taken = seconds(lambda: check(_summary(connection, "bench.keep_all((FROM input))"), expected))
                if measured:
                    peaks.append(peak_of_workers(mark))
            finally:
                connection.execute("DETACH bench")
            return taken

        sides = {
            "ours": ours,
            "file": lambda: seconds(lambda: _through_file(folders, rows)),
            "import": peak_of_import if measured else lambda: 0.0,
        }
        samples = alternate(sides, effort.at_most(MOST_ROUNDS).rounds)
        kept = f"{rows * LENGTH / 1e9:g} GB of VARCHAR on {file_system(folders.state)}"
    found = [
        Comparison(
            "buffering",
            f"{kept}: kept and returned",
            samples["ours"],
            "as many bytes written to a file there and read again",
            samples["file"],
        )
    ]
    if measured:
        # The first round is not counted.
        found.append(
            Comparison(
                "buffering",
                f"{kept}: worker's peak",
                Samples(tuple(peaks[1:])),
                "a process that imported pyarrow",
                samples["import"],
                "bytes",
                TARGET,
            )
        )
    return found


def _summary(connection: duckdb.DuckDBPyConnection, source: str) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = connection.sql(
        f"SELECT count(*), sum(strlen(s))::BIGINT, sum(ascii(s))::BIGINT FROM {source}"
    ).fetchall()
    return found


def _through_file(folders: Folders, rows: int) -> None:
    path: Path = folders.state / "limit"
    piece = bytes(BATCH * LENGTH)
    count = rows // BATCH
    try:
        with open(path, "xb", buffering=0) as file:
            for _ in range(count):
                file.write(piece)
        with open(path, "rb", buffering=0) as file:
            while file.read(len(piece)):
                pass
    finally:
        os.unlink(path)
