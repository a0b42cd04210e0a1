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
        connection.execute(f"CREATE TABLE input AS SELECT range AS v FROM range({ROWS})")
        batches = connection.table("input").to_arrow_table().to_batches(max_chunksize=BATCH)
        messages = [batch.serialize() for batch in batches]
        sizes = [len(message) for message in messages]
        threads = int(connection.sql("SELECT current_setting('threads')").fetchall()[0][0])
        with Pipes(threads) as pipes:
            samples = alternate(
                {
                    "next_one": _query(connection, "next_one"),
                    "next_one_by_row": _query(connection, "next_one_by_row"),
                    "pipe": lambda: seconds(lambda: pipes.run(messages, sizes)),
                },
                rounds,
            )
    return [
        Comparison(
            "rows",
            f"row function, {form}, FROM {ROWS:,} BIGINT, f(v)",
            samples[side],
            "no-op round trip of the bytes through pipes",
            samples["pipe"],
        )
        for form, side in (("batch form", "next_one"), ("row form", "next_one_by_row"))
    ]


def _query(connection: duckdb.DuckDBPyConnection, function: str) -> Side:
    query = f"SELECT sum(n), count(*) FROM input, bench.{function}(v)"
    return lambda: seconds(lambda: _check(connection.sql(query).fetchall()))


def _check(result: object) -> None:
    expected = [(ROWS * (ROWS + 1) // 2, ROWS)]
    if result != expected:
        raise RuntimeError(f"expected {expected}, got {result}: a wrong answer has no speed")
