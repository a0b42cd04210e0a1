"""A row function over a million rows, through the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.cases.scalar import BATCH
from benchmarks.launch import attach, engine
from benchmarks.measure import Comparison, Effort, Side, alternate, check, seconds
from benchmarks.roundtrip import RoundTrips

if TYPE_CHECKING:
    import duckdb

ROWS = 1_000_000


def run(effort: Effort) -> list[Comparison]:
    rows = effort.size(ROWS)
    with engine() as connection:
        attach(connection, "kinds", catalog="bench")
        connection.execute("SET vgi_exchange_input_dedup = false")
        connection.execute(f"CREATE TABLE input AS SELECT range AS v FROM range({rows})")
        batches = connection.table("input").to_arrow_table().to_batches(max_chunksize=BATCH)
        messages = [batch.serialize() for batch in batches]
        sizes = [len(message) for message in messages]
        threads = int(connection.sql("SELECT current_setting('threads')").fetchall()[0][0])
        with RoundTrips(threads) as pipes:
            samples = alternate(
                {
                    "batch": _side(connection, rows, "SELECT sum(n), count(*) FROM input, bench.next_one(v)"),
                    "row": _side(connection, rows, "SELECT sum(n), count(*) FROM input, bench.next_one_by_row(v)"),
                    "scalar": _side(connection, rows, "SELECT sum(bench.add_one(v)), count(*) FROM input"),
                    "pipe": lambda: seconds(lambda: pipes.run(messages, sizes)),
                },
                effort.rounds,
            )
    return [
        Comparison("rows", f"FROM {rows:,} BIGINT, f(v): {form} form", samples[form], against, samples[other])
        for form in ("batch", "row")
        for against, other in (
            ("a scalar function in batch form, dedup off", "scalar"),
            ("no-op round trip of the bytes through pipes", "pipe"),
        )
    ]


def _side(connection: duckdb.DuckDBPyConnection, rows: int, query: str) -> Side:
    return lambda: seconds(lambda: _check(connection.sql(query).fetchall(), rows))


def _check(result: object, rows: int) -> None:
    check(result, [(rows * (rows + 1) // 2, rows)])
