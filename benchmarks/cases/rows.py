"""A row function over a million rows, through the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.cases.scalar import BATCH
from benchmarks.launch import attach, engine
from benchmarks.measure import Comparison, Side, alternate, seconds
from benchmarks.roundtrip import Pipes

if TYPE_CHECKING:
    import duckdb

ROWS = 1_000_000


def run(rounds: int) -> list[Comparison]:
    with engine() as connection:
        attach(connection, "kinds", catalog="bench")
        connection.execute("SET vgi_exchange_input_dedup = false")
        connection.execute(f"CREATE TABLE input AS SELECT range AS v FROM range({ROWS})")
        batches = connection.table("input").to_arrow_table().to_batches(max_chunksize=BATCH)
        messages = [batch.serialize() for batch in batches]
        sizes = [len(message) for message in messages]
        threads = int(connection.sql("SELECT current_setting('threads')").fetchall()[0][0])
        with Pipes(threads) as pipes:
            samples = alternate(
                {
                    "batch": _side(connection, "SELECT sum(n), count(*) FROM input, bench.next_one(v)"),
                    "row": _side(connection, "SELECT sum(n), count(*) FROM input, bench.next_one_by_row(v)"),
                    "scalar": _side(connection, "SELECT sum(bench.add_one(v)), count(*) FROM input"),
                    "pipe": lambda: seconds(lambda: pipes.run(messages, sizes)),
                },
                rounds,
            )
    return [
        Comparison("rows", f"FROM {ROWS:,} BIGINT, f(v): {form} form", samples[form], against, samples[other])
        for form in ("batch", "row")
        for against, other in (
            ("a scalar function in batch form, dedup off", "scalar"),
            ("no-op round trip of the bytes through pipes", "pipe"),
        )
    ]


def _side(connection: duckdb.DuckDBPyConnection, query: str) -> Side:
    return lambda: seconds(lambda: _check(connection.sql(query).fetchall()))


def _check(result: object) -> None:
    expected = [(ROWS * (ROWS + 1) // 2, ROWS)]
    if result != expected:
        raise RuntimeError(f"expected {expected}, got {result}: a wrong answer has no speed")
