"""A worker over HTTP, against the same server with nothing behind it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from benchmarks.launch import engine
from benchmarks.measure import Comparison, Effort, Samples, Side, Target, alternate, check, seconds
from benchmarks.posting import Connection, post
from benchmarks.processes import available, peak_of_import, processor_seconds_below
from benchmarks.roundtrip import Sized
from benchmarks.served import Served, serving
from benchmarks.workers.web import ARROW, COLUMNS, CONSTANT, ROWS, THREAD

from duckwing.client.connection import connect
from duckwing.protocol import VGI
from duckwing.protocol.calls import BIND, CallType
from duckwing.protocol.shared import CatalogParams
from duckwing.protocol.transactions import CATALOG_VERSION
from duckwing.rpc.client import request_buffers
from duckwing.rpc.codec import Record
from duckwing.rpc.method import Method

if TYPE_CHECKING:
    import duckdb

HALF = Target("ratio", 2.0, "at most 2: half the speed")
MEMORY = Target("value", 300e6, "under 300 MB")

GIGABYTE = 1_000_000_000
MOST_ROUNDS = 7
"""Of scans: each side moves a gigabyte."""

_ZEROS = "a handler on the same server that answers as many zeros"
_AGAIN = "a handler on the same server that reads the Arrow stream and writes it again"
_AWAY = "the same in the thread of authors' code"

CALLS = 2000
CONNECTIONS = 16


def run(effort: Effort) -> list[Comparison]:
    return [*_scans(effort.at_most(MOST_ROUNDS)), *_calls(effort)]


# Scans


@dataclass(frozen=True)
class _Scan:
    """A scan.

    Attributes:
        what: it reads.
        function: the table function; its argument is a number of batches.
        summary: SQL that uses all values.
        columns: how many BIGINTs a row has.
        expected: the summary of a number of batches.
    """

    what: str
    function: str
    summary: str
    columns: int
    expected: Callable[[int], int]

    def batches(self, size: int) -> int:
        """How many it takes to make ``size`` bytes."""
        return -(-size // (self.columns * ROWS * 8))

    def read(self, connection: duckdb.DuckDBPyConnection, catalog: str, batches: int) -> None:
        """Read them all, and check that they came."""
        query = f"SELECT count(*), {self.summary} FROM {catalog}.{self.function}({batches})"
        check(connection.execute(query).fetchone(), (batches * ROWS, self.expected(batches)))


def _sum_of_numbers(batches: int) -> int:
    rows = batches * ROWS
    return rows * (rows - 1) // 2


def _sum_of_wide(batches: int) -> int:
    return batches * sum(ROWS * (ROWS - 1) // 2 + i * ROWS for i in range(COLUMNS))


_SCANS = (
    _Scan("1 column of BIGINT, made by numpy", "numbers", "sum(n)::HUGEINT", 1, _sum_of_numbers),
    _Scan(
        f"{COLUMNS} columns of BIGINT, the same batch again and again",
        "wide",
        " + ".join(f"sum(c{i})" for i in range(COLUMNS)),
        COLUMNS,
        _sum_of_wide,
    ),
)


def _scans(effort: Effort) -> list[Comparison]:
    return [comparison for scan in _SCANS for comparison in (*_speed(scan, effort), *_memory(scan, effort))]


def _speed(scan: _Scan, effort: Effort) -> list[Comparison]:
    batches = scan.batches(effort.size(GIGABYTE))
    with (
        serving("web", processes=1) as worker,
        serving("web", "recorded", processes=1) as peer,
        engine() as connection,
    ):
        _attach(connection, "ours", worker)
        _attach(connection, "peer", peer)

        def side(catalog: str) -> Side:
            return lambda: seconds(lambda: scan.read(connection, catalog, batches))

        # The round that is not counted is the one that is recorded.
        samples = alternate({"ours": side("ours"), "peer": side("peer")}, effort.rounds)
    return [
        Comparison(
            "http",
            f"scan of {_size(scan, batches)}, {scan.what}",
            samples["ours"],
            "the same turns, recorded, from the same server",
            samples["peer"],
            target=HALF,
        )
    ]


def _memory(scan: _Scan, effort: Effort) -> list[Comparison]:
    if not available("http"):
        return []
    batches = scan.batches(effort.size(GIGABYTE))
    fewer = scan.batches(effort.size(GIGABYTE) // 10)
    samples = alternate(
        {
            "whole": lambda: _peak(scan, batches),
            "part": lambda: _peak(scan, fewer),
            "import": peak_of_import,
        },
        effort.at_most(3).rounds,
        warm_up=False,
    )
    what = f"worker's peak during a scan of {_size(scan, batches)}, {scan.what}"
    return [
        Comparison("http", what, samples["whole"], against, samples[other], "bytes", target)
        for against, other, target in (
            ("a process that imported pyarrow", "import", MEMORY),
            (f"during one of {_size(scan, fewer)}", "part", None),
        )
    ]


def _peak(scan: _Scan, batches: int) -> float:
    """The peak of a worker that does nothing else; bytes."""
    with serving("web", processes=1) as worker, engine() as connection:
        _attach(connection, "ours", worker)
        scan.read(connection, "ours", batches)
        return worker.peak()


def _size(scan: _Scan, batches: int) -> str:
    size = batches * scan.columns * ROWS * 8
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _attach(connection: duckdb.DuckDBPyConnection, name: str, worker: Served) -> None:
    connection.execute(f"ATTACH 'web' AS {name} (TYPE vgi, LOCATION '{worker.location}')")


# Calls


def _calls(effort: Effort) -> list[Comparison]:
    calls = effort.size(CALLS, least=CONNECTIONS)
    found: list[Comparison] = []
    with serving("web", processes=1) as worker, serving("web", "recorded", processes=1) as peer:
        for method, body in _bodies(worker):
            path = f"/{VGI.name}/{method}"
            with _connections(worker, 1) as [first]:
                first.send(post(path, body))
                answer = len(first.reply().body)
            for count, how in ((1, "one after the other"), (CONNECTIONS, f"over {CONNECTIONS} connections")):
                with _connections(worker, count) as ours, _connections(peer, count) as theirs:
                    one = _Calls(worker, ours, post(path, body), calls, answer)
                    other = _Calls(peer, theirs, post(f"{CONSTANT}{answer}", body), calls, answer)
                    again = _Calls(peer, theirs, post(ARROW, body), calls, len(body))
                    away = _Calls(peer, theirs, post(THREAD, body), calls, len(body))
                    sides = {_ZEROS: other, _AGAIN: again, _AWAY: away}
                    made = {against: side.make for against, side in sides.items()}
                    samples = alternate({"ours": one.make, **made}, effort.rounds)
                what = f"{method}, {how}"
                for against, side in sides.items():
                    target = HALF if side is other else None
                    found.append(Comparison("http", what, samples["ours"], against, samples[against], target=target))
                if one.processor:
                    what = f"{what}, processor time of the worker"
                    found += [Comparison("http", what, one.used, against, side.used) for against, side in sides.items()]
    return found


def _bodies(worker: Served) -> list[tuple[str, bytes]]:
    """Requests of two small calls: the smallest there is, and the one that begins each use of a function."""
    with connect(worker.location) as connection:
        session = connection.attach("web").session
        schema = pa.schema([pa.field("col_0", pa.int64())])
        bind = session.request("same", CallType.SCALAR, None, input_schema=schema)
        return [
            (CATALOG_VERSION.name, _body(CATALOG_VERSION, CatalogParams(session.attachment))),
            (BIND.name, _body(BIND, bind)),
        ]


def _body(method: Method[Any, Any], params: Record) -> bytes:
    return b"".join(memoryview(part) for part in request_buffers(VGI, method, params, {}))


class _Calls:
    """The same call again and again: on each connection one after the other, on all connections at a time.

    Args:
        worker: whose processor time is looked at.
        connections: to it.
        request: the call.
        calls: how many are made for a sample.
        answer: bytes of the right answer.

    Attributes:
        processor: seconds of processor time of a call, in each round; empty where the system does not tell.
    """

    def __init__(
        self,
        worker: Served,
        connections: Sequence[Connection],
        request: Sequence[bytes | Sized],
        calls: int,
        answer: int,
    ):
        self.processor: list[float] = []
        self._worker = worker
        self._connections = connections
        self._request = request
        self._turns = calls // len(connections)
        self._answer = answer
        self._tells = available("http")

    @property
    def used(self) -> Samples:
        """The processor time; the first round is not counted."""
        return Samples(tuple(self.processor[1:]))

    def make(self) -> float:
        """Make the calls; seconds of one."""
        count = self._turns * len(self._connections)
        before = processor_seconds_below(self._worker.supervisor) if self._tells else 0.0
        taken = seconds(self._make) / count
        if self._tells:
            self.processor.append((processor_seconds_below(self._worker.supervisor) - before) / count)
        return taken

    def _make(self) -> None:
        for _ in range(self._turns):
            for connection in self._connections:
                connection.send(self._request)
            for connection in self._connections:
                check(connection.receive(), self._answer)


@contextlib.contextmanager
def _connections(worker: Served, count: int) -> Iterator[list[Connection]]:
    connections = [Connection(worker.port) for _ in range(count)]
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()
