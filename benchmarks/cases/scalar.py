"""Scalar functions over two million rows, through the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.launch import attach, engine
from benchmarks.measure import Comparison, Effort, Side, alternate, check, seconds
from benchmarks.roundtrip import RoundTrips
from benchmarks.workers import columns
from duckdb.func import PythonUDFType

if TYPE_CHECKING:
    import duckdb

ROWS = 2_000_000
BATCH = 2048
"""Rows that the engine sends at once: its vector size."""


@dataclass(frozen=True)
class _Function:
    title: str
    name: str
    type: str
    python: Callable[..., Any]
    column: str
    """SQL for the input: distinct values, which is where looking for duplicates can only cost."""
    summary: str
    """SQL that uses every result: ``{}`` stands for the call."""


FUNCTIONS = (
    _Function("BIGINT × 2", "times_two", "BIGINT", columns.times_two.function, "range", "sum({})"),
    _Function(
        "upper(VARCHAR)",
        "upper_case",
        "VARCHAR",
        columns.upper_case.function,
        "'customer ' || range",
        "bit_xor(hash({}))",
    ),
)


def run(effort: Effort) -> list[Comparison]:
    with engine() as connection:
        attach(connection, "columns")
        return [comparison for function in FUNCTIONS for comparison in _compare(connection, function, effort)]


def _compare(connection: duckdb.DuckDBPyConnection, function: _Function, effort: Effort) -> list[Comparison]:
    rows = effort.size(ROWS)
    connection.execute(f"CREATE OR REPLACE TABLE input AS SELECT {function.column} AS v FROM range({rows})")
    connection.create_function(
        f"{function.name}_in_process",
        function.python,
        [function.type],
        function.type,
        type=PythonUDFType.ARROW,
    )
    batches = connection.table("input").to_arrow_table().to_batches(max_chunksize=BATCH)
    messages = [batch.serialize() for batch in batches]
    sizes = [len(message) for message in messages]
    threads = int(connection.sql("SELECT current_setting('threads')").fetchall()[0][0])
    ours = _query(function, f"columns.{function.name}(v)")
    peer = _query(function, f"{function.name}_in_process(v)")
    expected = connection.sql(peer).fetchall()

    def query(sql: str, dedup: bool) -> Side:
        def measure() -> float:
            connection.execute(f"SET vgi_exchange_input_dedup = {dedup}")
            return seconds(lambda: check(connection.sql(sql).fetchall(), expected))

        return measure

    with RoundTrips(threads) as pipes:
        samples = alternate(
            {
                "on": query(ours, dedup=True),
                "off": query(ours, dedup=False),
                "peer": query(peer, dedup=False),
                "pipe": lambda: seconds(lambda: pipes.run(messages, sizes)),
            },
            effort.rounds,
        )
    return [
        Comparison("scalar", f"{function.title}, dedup {dedup}", samples[dedup], against, samples[other])
        for dedup in ("on", "off")
        for against, other in (
            ("DuckDB's in-process Arrow UDF", "peer"),
            ("no-op round trip of the bytes through pipes", "pipe"),
        )
    ]


def _query(function: _Function, call: str) -> str:
    return f"SELECT {function.summary.format(call)} FROM input"
