"""Ten million numbers from a table function, through the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from benchmarks.launch import attach, engine
from benchmarks.measure import Comparison, Effort, alternate, check, seconds
from benchmarks.roundtrip import RoundTrips
from benchmarks.session import message_of, tick
from benchmarks.workers.counting import count_up

if TYPE_CHECKING:
    import duckdb

COUNT = 10_000_000
BATCHES = (2048, 100_000)


def run(effort: Effort) -> list[Comparison]:
    with engine() as connection:
        attach(connection, "counting")
        return [comparison for rows in BATCHES for comparison in _compare(connection, rows, effort)]


def _compare(connection: duckdb.DuckDBPyConnection, rows: int, effort: Effort) -> list[Comparison]:
    count = effort.size(COUNT)
    answers = [len(message_of(batch)) for batch in _reader(count, rows)]
    ticks = [tick()] * len(answers)
    with RoundTrips(1) as pipes:
        samples = alternate(
            {
                "ours": lambda: seconds(lambda: scan(connection, count, rows)),
                "peer": lambda: seconds(lambda: _scan_in_process(connection, count, rows)),
                "pipe": lambda: seconds(lambda: pipes.run(ticks, answers)),
            },
            effort.rounds,
        )
    what = f"{count:,} BIGINT in batches of {rows:,}"
    return [
        Comparison("scan", what, samples["ours"], against, samples[other])
        for against, other in (
            ("DuckDB reading the same Arrow stream in process", "peer"),
            ("no-op transfer of the bytes through a pipe", "pipe"),
        )
    ]


def scan(connection: duckdb.DuckDBPyConnection, count: int, rows: int) -> None:
    """Read everything from the attached worker ``counting``, and check that it came."""
    query = f"SELECT sum(n), count(*) FROM counting.count_up({count}, rows := {rows})"
    _check(connection.sql(query).fetchall(), count)


def _scan_in_process(connection: duckdb.DuckDBPyConnection, count: int, rows: int) -> None:
    _check(connection.from_arrow(_reader(count, rows)).aggregate("sum(n), count(*)").fetchall(), count)


def _reader(count: int, rows: int) -> pa.RecordBatchReader:
    """What the worker sends, as a stream of this process."""
    schema = pa.schema([pa.field("n", pa.int64())])
    produced = count_up.function(count, rows=rows)
    batches = (pa.RecordBatch.from_arrays([pa.array(columns["n"])], schema=schema) for columns in produced)
    return pa.RecordBatchReader.from_batches(schema, batches)


def _check(result: object, count: int) -> None:
    check(result, [(count * (count - 1) // 2, count)])
