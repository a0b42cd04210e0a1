"""Every kind of function over each transport, with one and with two engine threads: time and the worker's memory.

The limit of what moves rows is the same bytes there and back with nothing done to them: through pipes, for ``launch:``
through local sockets, for HTTP through the same server. That of aggregates is a worker whose handlers do nothing, over
the same transport.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.folders import temporary_folders
from benchmarks.launch import WORKERS, duckwing_command, launchers_folder
from benchmarks.measure import Comparison, Effort, Side, alternate, check, seconds
from benchmarks.posting import Posts
from benchmarks.processes import (
    POLL_SECONDS,
    available,
    children_of,
    children_with,
    forget_peak,
    peak_of,
    peak_of_import,
    sampled,
)
from benchmarks.roundtrip import RoundTrips, Sized
from benchmarks.served import serving
from benchmarks.session import tick

import duckwing as dw
from duckwing.http.production import TURN_BYTES
from duckwing.process.launched import launched_workers

if TYPE_CHECKING:
    import duckdb

_Rows = list[tuple[Any, ...]]

Transport = Literal["stdio", "launch", "shared memory", "HTTP"]

TRANSPORTS: tuple[Transport, ...] = ("stdio", "launch", "shared memory", "HTTP")
THREADS = (1, 2)
MOST_ROUNDS = 5
"""There are some hundred figures for each transport."""

MOST_ROUNDS_OF_MEMORY = 2
"""Memory hardly varies."""

MARK = "looked-at"
"""A word on the command line of the worker whose memory is looked at."""

SEGMENT_BYTES = 64 << 20
BATCH = 2048
"""Rows that the engine sends at once: its vector size."""

LARGE_BATCH = 100_000
"""Rows that a scan's worker sends at once."""

_DEDUP = {True: ", dedup on", False: ", dedup off"}

LEAST_ANSWER = 8
"""Bytes. Without any answer, messages through a pipe would run into each other."""


@dataclass(frozen=True)
class _Workload:
    """A query.

    Attributes:
        what: it does with how much.
        query: SQL with ``{}`` in place of the catalog.
        reference: SQL of the same answer without a worker.
        moves: how rows travel: batches are answered by batches, or asked for, or sent and then asked for; or no
            bytes are the limit but the worker that does nothing.
        input: SQL of the rows of the table ``input``.
        output: SQL of the rows that come back.
        dedup: the client looks for equal rows, if it is not told otherwise.
        repeated: how many queries a sample has.
    """

    what: str
    query: str
    reference: str
    moves: Literal["through", "out", "in and out", "state"]
    input: str = "SELECT 1 AS v"
    output: str = ""
    dedup: bool = False
    repeated: int = 1


@dataclass(frozen=True)
class _Way:
    """Workers that are reached over one transport.

    Attributes:
        location: of ``workers/kinds.py``.
        nothing: of ``workers/nothing.py``.
        limit: moves bytes, over so many lanes.
        against: what that is.
        processes: those of ``location`` that live.
    """

    location: str
    nothing: str
    limit: Callable[[int], contextlib.AbstractContextManager[RoundTrips | Posts]]
    against: str
    processes: Callable[[], list[int]]


def run(transport: Transport, effort: Effort) -> list[Comparison]:
    """Measure everything over one transport."""
    effort = effort.at_most(MOST_ROUNDS)
    found: list[Comparison] = []
    tells = available(f"over {transport}")
    with temporary_folders(), _way(transport) as way:
        for threads, workload in itertools.product(THREADS, _workloads(effort)):
            with dw.connect(threads=threads) as connection:
                measured = _Measured(transport, connection, way, workload, threads)
                found += measured.times(effort.rounds)
                if tells and threads == max(THREADS):
                    found.append(measured.memory(effort.at_most(MOST_ROUNDS_OF_MEMORY).rounds))
    return found


CASES: dict[str, Callable[[Effort], list[Comparison]]] = {
    f"over-{transport.lower().replace(' ', '-')}": partial(run, transport) for transport in TRANSPORTS
}


# What is asked


def _workloads(effort: Effort) -> list[_Workload]:
    million = effort.size(1_000_000, least=BATCH)
    return [
        _Workload(
            "a scalar of one row",
            "SELECT {}.add_one(v) FROM input",
            "SELECT v + 1 FROM input",
            "through",
            output="SELECT v + 1 AS result FROM input",
            repeated=effort.size(50, least=5),
        ),
        *_scalars(million),
        *(
            _relation(f"scan, {columns} BIGINT", 5 * million, "out", f"{{}}.{function}({5 * million})", columns)
            for columns, function in ((1, "series"), (8, "wide_series"))
        ),
        _Workload(
            f"scan, {5 * million:,} BIGINT of which a condition takes 1 %",
            f"SELECT count(*), sum(n) FROM {{}}.series({5 * million}) WHERE n < {million // 20}",
            f"SELECT count(*), sum(n) FROM range({million // 20}) t(n)",
            "out",
            output=f"SELECT range AS n FROM range({million // 20})",
        ),
        _relation("row function", million, "through", "input, {}.next_one(v)"),
        _relation("table-in-out", million, "through", "{}.pass_through((SELECT v AS n FROM input))"),
        _relation("buffering", million, "in and out", "{}.keep_all((SELECT v AS n FROM input))"),
        *(_aggregate(million, groups) for groups in dict.fromkeys((1, effort.size(1000), million))),
    ]


def _scalars(rows: int) -> Iterator[_Workload]:
    numbers = ", ".join(f"range + {i} AS c{i}" for i in range(8))
    some = max(rows // 10, BATCH)
    nested = "{'name': 'customer ' || range, 'numbers': [range, range + 1, range + 2]}"
    yield _scalar("1 BIGINT", rows, "range AS v", "add_one(v)", "v + 1", "sum")
    yield _scalar("2 BIGINT", rows, "range AS a, range + 1 AS b", "sum_of_two(a, b)", "a + b", "sum")
    every = [f"c{i}" for i in range(8)]
    yield _scalar("8 BIGINT", rows, numbers, f"sum_of_all({', '.join(every)})", " + ".join(every), "sum")
    text = "'customer ' || range AS v"
    yield _scalar("VARCHAR of 15 characters", rows, text, "same_text(v)", "v", "hash")
    long = "repeat(chr((65 + range % 26)::INTEGER), 990) || lpad(range::VARCHAR, 10, '0') AS v"
    yield _scalar("VARCHAR of 1,000 characters", some, long, "same_text(v)", "v", "hash")
    yield _scalar("STRUCT of VARCHAR and BIGINT[]", some, f"{nested} AS v", "same_nested(v)", "v", "hash")


def _scalar(what: str, rows: int, columns: str, call: str, builtin: str, summary: Literal["sum", "hash"]) -> _Workload:
    used = "sum({})" if summary == "sum" else "bit_xor(hash({}))"
    return _Workload(
        f"scalar of {what}, {rows:,} distinct rows",
        f"SELECT {used.format('{}.' + call)} FROM input",
        f"SELECT {used.format(builtin)} FROM input",
        "through",
        f"SELECT {columns} FROM range({rows})",
        f"SELECT {builtin} AS result FROM input",
        dedup=True,
    )


def _relation(
    what: str, rows: int, moves: Literal["through", "out", "in and out"], source: str, columns: int = 1
) -> _Workload:
    names = [f"c{i}" for i in range(columns)] if columns > 1 else ["n"]
    sums = " + ".join(f"sum({name})" for name in names)
    first = 1 if "next_one" in source else 0
    made = f"FROM range({first}, {rows + first})"
    return _Workload(
        f"{what}, {rows:,} rows",
        f"SELECT count(*), {sums} FROM {source}",
        f"SELECT count(*), {columns} * sum(range) {made}",
        moves,
        f"SELECT range AS v FROM range({1 if moves == 'out' else rows})",
        f"SELECT {', '.join(f'range AS {name}' for name in names)} {made}",
    )


def _aggregate(rows: int, groups: int) -> _Workload:
    query = "SELECT count(*), bit_xor(hash(g, s)) FROM (SELECT g, {} AS s FROM input GROUP BY g)"
    return _Workload(
        f"aggregate, {rows:,} rows in {groups:,} group{'s' if groups > 1 else ''}",
        query.format("{}.vsum(v)"),
        query.format("sum(v)::BIGINT"),
        "state",
        f"SELECT range % {groups} AS g, range AS v FROM range({rows})",
    )


# Measuring


class _Measured:
    """One workload over one transport.

    Args:
        transport: its name.
        connection: of a new database.
        way: to the worker.
        workload: what is asked.
        threads: of the database.
    """

    def __init__(
        self,
        transport: Transport,
        connection: duckdb.DuckDBPyConnection,
        way: _Way,
        workload: _Workload,
        threads: int,
    ):
        self._transport = transport
        self._connection = connection
        self._way = way
        self._workload = workload
        self._threads = threads
        self._case = f"over {transport}"
        self._at = f"{threads} thread{'s' if threads > 1 else ''}"
        connection.execute("SET vgi_worker_pool_idle_limit_seconds = 600")
        connection.execute(f"CREATE TABLE input AS {workload.input}")
        for name, location in (("bench", way.location), ("nothing", way.nothing)):
            connection.execute(f"ATTACH '{name}' AS {name} (TYPE vgi, LOCATION '{location}')")

    def times(self, rounds: int) -> list[Comparison]:
        """Seconds of a query."""
        workload = self._workload
        expected = self._connection.sql(workload.reference).fetchall()
        dedup = (True, False) if workload.dedup else (True,)
        sides: dict[str, Side] = {str(on): self._side("bench", expected, on) for on in dedup}
        with contextlib.ExitStack() as stack:
            if workload.moves == "state":
                against = "the same query on a worker whose handlers do nothing"
                sides["limit"] = self._side("nothing", None, True)
            else:
                against = self._way.against
                limit = stack.enter_context(self._way.limit(self._threads))
                messages, answers = self._bytes()
                sides["limit"] = lambda: seconds(lambda: limit.run(messages, answers))
            samples = alternate(sides, rounds)
        return [
            Comparison(
                self._case,
                f"{workload.what}, {self._at}{_DEDUP[on] if workload.dedup else ''}",
                samples[str(on)],
                against,
                samples["limit"],
            )
            for on in dedup
        ]

    def memory(self, rounds: int) -> Comparison:
        """The peak of the worker's process that has most."""
        samples = alternate({"ours": self._peak, "import": peak_of_import}, rounds, warm_up=False)
        what = f"{self._workload.what}, {self._at}: a worker's peak"
        against = "a process that imported pyarrow"
        return Comparison(self._case, what, samples["ours"], against, samples["import"], "bytes")

    def _side(self, catalog: str, expected: _Rows | None, dedup: bool) -> Side:
        """Seconds of a query; ``expected`` is None where there is nothing to check."""

        def side() -> float:
            self._connection.execute(f"SET vgi_exchange_input_dedup = {dedup}")
            return seconds(lambda: self._ask(catalog, expected)) / self._workload.repeated

        return side

    def _ask(self, catalog: str, expected: _Rows | None = None) -> None:
        query = self._workload.query.format(catalog)
        for _ in range(self._workload.repeated):
            found = self._connection.execute(query).fetchall()
            if expected is not None:
                check(found, expected)

    def _peak(self) -> float:
        for process in self._way.processes():
            forget_peak(process)
        # The engine ends some of the processes with the query.
        with sampled(lambda: max(map(peak_of, self._way.processes()), default=0), POLL_SECONDS) as peaks:
            self._ask("bench")
        if not any(peaks):
            raise RuntimeError("the worker was gone before its memory could be read")
        return max(peaks)

    def _bytes(self) -> tuple[list[Sized], list[int]]:
        """What goes to the worker, and how many bytes it answers to each message."""
        workload = self._workload
        sent = self._messages("FROM input", BATCH)
        through = workload.moves == "through"
        received = [len(message) for message in self._messages(workload.output, BATCH if through else LARGE_BATCH)]
        if through:
            return sent, received
        if self._transport == "HTTP":
            received = _turns(received)
        ticks: list[Sized] = [tick()] * len(received)
        if workload.moves == "out":
            return ticks, received
        return [*sent, *ticks], [*[LEAST_ANSWER] * len(sent), *received]

    def _messages(self, query: str, rows: int) -> list[Sized]:
        table = self._connection.sql(query).to_arrow_table()
        return [batch.serialize() for batch in table.to_batches(max_chunksize=rows)]


def _turns(batches: Sequence[int]) -> list[int]:
    """Bytes of the responses that carry so many bytes of batches."""
    turns = [0]
    for size in batches:
        if turns[-1] >= TURN_BYTES:
            turns.append(0)
        turns[-1] += size
    return turns


# Ways to a worker


@contextlib.contextmanager
def _way(transport: Transport) -> Iterator[_Way]:
    if transport == "HTTP":
        with serving("kinds") as kinds, serving("nothing") as nothing, serving("web", "recorded") as limit:
            yield _Way(
                kinds.location,
                nothing.location,
                lambda lanes: Posts(limit.port, lanes),
                "no-op round trip of the bytes through the same server",
                lambda: children_of(kinds.supervisor),
            )
    elif transport == "launch":
        with launchers_folder() as folder:
            yield _Way(
                f"launch:{_words('kinds', MARK)}",
                f"launch:{_words('nothing')}",
                lambda lanes: RoundTrips(lanes, sockets=True),
                "no-op round trip of the bytes through sockets",
                lambda: children_of(_launched(folder)),
            )
    else:
        way = _Way(
            f"exec {_words('kinds', MARK)}",
            f"exec {_words('nothing')}",
            RoundTrips,
            "no-op round trip of the bytes through pipes",
            lambda: children_with(MARK),
        )
        with _shared_memory() if transport == "shared memory" else contextlib.nullcontext():
            yield way


@cache
def _launched(folder: Path) -> int:
    """The process that keeps those of the worker whose memory is looked at. To look for it is to connect to it."""
    return next(worker.pid for worker in launched_workers(folder) if worker.pid and MARK in worker.command)


def _words(worker: str, *arguments: str) -> str:
    return shlex.join([str(duckwing_command()), "run", str(WORKERS / f"{worker}.py"), *arguments])


@contextlib.contextmanager
def _shared_memory() -> Iterator[None]:
    """The engine offers shared memory to the workers that it starts in the ``with`` block."""
    os.environ["VGI_RPC_SHM_SIZE_BYTES"] = str(SEGMENT_BYTES)
    try:
        yield
    finally:
        del os.environ["VGI_RPC_SHM_SIZE_BYTES"]
