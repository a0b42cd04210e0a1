"""Aggregates through the engine: time against handlers that do nothing, and memory against what the numbers need."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from benchmarks.folders import Folders, file_system, temporary_folders
from benchmarks.launch import attach, engine
from benchmarks.measure import Comparison, Effort, Samples, Side, Target, alternate, check, seconds
from benchmarks.processes import POLL_SECONDS, available, peak_of_import, peak_of_workers, sampled

if TYPE_CHECKING:
    import duckdb

TARGET = Target("ratio", 1.5, "at most 1.5")
NUMBER = 8 + 1
"""Bytes that a group needs: its number, and the byte that says that it has one."""

MOST_ROUNDS = 5
"""Each takes seconds, and memory hardly varies."""

SIZES = (1_000_000, 4_000_000)


def run(effort: Effort) -> list[Comparison]:
    effort = effort.at_most(MOST_ROUNDS)
    with temporary_folders() as folders:
        with engine() as connection:
            attach(connection, "kinds", catalog="bench")
            attach(connection, "nothing")
            found = [
                _time(connection, "vsum", 5_000_000, 1_000_000, effort, TARGET),
                _time(connection, "vsum", 1_000_000, 1000, effort),
                _time(connection, "vsum", 1_000_000, 1, effort),
                _time(connection, "isum", 1_000_000, 1000, effort.at_most(2)),
            ]
        if available("aggregate"):
            for ids in SIZES:
                found += _memory(ids, folders, effort.at_most(2))
    return found


def _time(
    connection: duckdb.DuckDBPyConnection,
    function: str,
    rows: int,
    groups: int,
    effort: Effort,
    target: Target | None = None,
) -> Comparison:
    rows, groups = effort.size(rows), effort.size(groups)
    connection.execute(f"CREATE OR REPLACE TABLE input AS SELECT range % {groups} AS g, range AS v FROM range({rows})")

    def side(call: str) -> Side:
        return lambda: seconds(lambda: check(_summary(connection, call), expected))

    def nothing() -> float:
        zeros = [(groups, 0)]
        return seconds(lambda: check(_summary(connection, "nothing.vsum"), zeros))

    expected = _summary(connection, "sum")
    samples = alternate({"ours": side(f"bench.{function}"), "nothing": nothing}, effort.rounds)
    form = {"vsum": "all groups at once", "isum": "an instance a group"}[function]
    return Comparison(
        "aggregate",
        f"sum, {form}: {rows:,} rows in {groups:,} group{'s' if groups > 1 else ''}",
        samples["ours"],
        "the same query on a worker whose handlers do nothing",
        samples["nothing"],
        target=target,
    )


def _summary(connection: duckdb.DuckDBPyConnection, call: str) -> list[tuple[int, ...]]:
    query = f"SELECT count(*), sum(s * (g % 1009 + 1))::BIGINT FROM (SELECT g, {call}(v) AS s FROM input GROUP BY g)"
    found: list[tuple[int, ...]] = connection.sql(query).fetchall()
    return found


def _memory(ids: int, folders: Folders, effort: Effort) -> list[Comparison]:
    ids = effort.size(ids)
    numbers = itertools.count()
    shared: list[float] = []
    needed: list[float] = []

    def peak() -> float:
        process, mapped, count = _peaks(ids, f"aggregate-{ids}-{next(numbers)}")
        shared.append(mapped)
        needed.append(count * NUMBER)
        return process

    samples = alternate({"ours": peak, "import": peak_of_import}, effort.rounds)
    # The first round is not counted.
    measured, limit = Samples(tuple(shared[1:])), Samples(tuple(needed[1:]))
    both = Samples(tuple(a + b for a, b in zip(samples["import"].values, limit.values, strict=True)))
    count = f"{int(limit.median) // NUMBER:,} group ids"
    where = file_system(folders.memory)
    each = f"{NUMBER} bytes for each id"
    return [
        Comparison("aggregate", f"sum, shared memory ({where}), {count}", measured, each, limit, "bytes"),
        Comparison(
            "aggregate",
            f"sum, worker's peak with what it maps, {count}",
            samples["ours"],
            f"a process that imported pyarrow, and {each}",
            both,
            "bytes",
        ),
    ]


def _peaks(groups: int, mark: str) -> tuple[float, float, int]:
    """Peaks of a worker and of the shared memory, in bytes, and how many ids the client gave to ``groups`` groups."""
    # Folders of its own: what earlier queries have left stays for some seconds.
    with (
        temporary_folders() as folders,
        engine() as connection,
        sampled(folders.mapped, POLL_SECONDS) as mapped,
    ):
        attach(connection, "kinds", mark, catalog="bench")
        query = (
            f"SELECT count(*), max(s) FROM (SELECT v, bench.greatest_id(v) AS s FROM range({groups}) t(v) GROUP BY v)"
        )
        [(counted, greatest)] = connection.sql(query).fetchall()
        check(counted, groups)
        return peak_of_workers(mark), max(mapped, default=0), int(greatest) + 1
