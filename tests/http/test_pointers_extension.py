"""The real extension follows pointers, and puts requests into the store."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from duckwing.http.authentication import static_bearer
from duckwing.http.objects import Offload

from .objects import Objects, reply
from .serving import Browserless, serving
from .workers.served import served

pytestmark = pytest.mark.sql

SCAN = "SELECT count(*), sum(n) FROM served.numbers(6000, 2000, width := 100)"
UPLOAD = "SELECT sum(length(served.repeated(repeat('y', 300) || range % 10, 1))) FROM range(4000)"


@pytest.fixture
def store() -> Iterator[Objects]:
    with Objects() as store:
        yield store


@pytest.fixture
def served_beside(store: Objects, connection: duckdb.DuckDBPyConnection) -> Iterator[Browserless]:
    """Attached to ``connection``: a worker that sends every batch beside its answers, and takes small requests."""
    with serving(served, offload=Offload(store, 0), max_request_bytes=65_536) as client:
        connection.execute(f"ATTACH 'served' (TYPE vgi, LOCATION 'http://127.0.0.1:{client.ports[0]}')")
        yield client


@pytest.mark.parametrize(
    ("query", "row"),
    [
        (SCAN, (6000, 17_997_000)),
        (
            "SELECT count(*), sum(n), count(list), count(kind) FROM served.walk(3000, 700)",
            (3000, 4_498_500, 2727, 3000),
        ),
        ("SELECT sum(served.doubled(range)) FROM range(5000)", (24_995_000,)),
        ("SELECT sum(served.logged(range)) FROM range(3000)", (4_498_500,)),
        ("SELECT count(*) FROM served.passed((SELECT range FROM range(3000)))", (3000,)),
        ("SELECT count(*) FROM served.dropped((SELECT range FROM range(3000)))", (0,)),
        ("SELECT max(running) FROM served.running((SELECT range FROM range(3000)))", (4_498_500,)),
        ("SELECT sum(rows), sum(total) FROM served.counted((SELECT range FROM range(3000)))", (3000, 4_498_500)),
        ("SELECT served.total(range) FROM range(3000)", (4_498_500,)),
    ],
)
@pytest.mark.usefixtures("served_beside")
def test_all_that_is_beside(
    connection: duckdb.DuckDBPyConnection, store: Objects, query: str, row: tuple[int, ...]
) -> None:
    attached = len(store.requests)
    assert connection.execute(query).fetchone() == row
    followed = {asked.name for asked in store.requests[attached:]}
    assert len(followed) > 3
    assert followed <= set(store.stored)


@pytest.mark.usefixtures("served_beside")
def test_an_error_of_a_function(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error, match="LookupError: no 5"):
        connection.execute("SELECT served.fails(5)")
    with pytest.raises(duckdb.Error, match="LookupError: no further"):
        connection.execute("FROM served.breaks(3)")


@pytest.mark.parametrize("above", [0, 1 << 20])
def test_requests_that_are_larger_than_the_worker_takes(
    connection: duckdb.DuckDBPyConnection, store: Objects, above: int
) -> None:
    options = {"max_request_bytes": 65_536, "authenticate": static_bearer({"t1": "ann"})}
    with serving(served, offload=Offload(store, above), **options) as client:
        location = f"http://127.0.0.1:{client.ports[0]}"
        connection.execute(f"ATTACH 'served' (TYPE vgi, LOCATION '{location}', bearer_token 't1')")
        assert connection.execute(UPLOAD).fetchone() == (4000 * 301,)
        passed = (
            "SELECT sum(length(t)) FROM served.passed((SELECT repeat('z', 300) || range % 10 AS t FROM range(4000)))"
        )
        assert connection.execute(passed).fetchone() == (4000 * 301,)
    puts = [asked for asked in store.requests if asked.method == "PUT"]
    assert len(puts) >= 2
    for put in puts:
        assert put.headers["Content-Type"] == "application/octet-stream"
        assert put.name in store.gets()  # by the worker
    # Neither the extension nor the worker has shown the store who they are.
    assert all("Authorization" not in asked.headers for asked in store.requests)


def test_without_a_store_they_are_refused(connection: duckdb.DuckDBPyConnection) -> None:
    with serving(served, max_request_bytes=65_536) as client:
        connection.execute(f"ATTACH 'served' (TYPE vgi, LOCATION 'http://127.0.0.1:{client.ports[0]}')")
        with pytest.raises(duckdb.Error, match="413"):
            connection.execute(UPLOAD)


def test_rows_that_the_client_would_not_take(connection: duckdb.DuckDBPyConnection, store: Objects) -> None:
    row = "SELECT max(length(text)) FROM served.one_by_one(1, width := 600000)"
    connection.execute("SET vgi_http_accepted_max_response_bytes = 262144")
    for offload in (None, Offload(store)):
        with serving(served, offload=offload) as client:
            connection.execute(f"ATTACH 'served' (TYPE vgi, LOCATION 'http://127.0.0.1:{client.ports[0]}')")
            if offload is None:
                with pytest.raises(duckdb.Error, match="exceeds max_response_bytes"):
                    connection.execute(row)
            else:
                assert connection.execute(row).fetchone() == (300_000,)
            connection.execute("DETACH served")


@pytest.mark.usefixtures("served_beside")
def test_objects_that_are_lost_or_changed(connection: duckdb.DuckDBPyConnection, store: Objects) -> None:
    connection.execute(SCAN)  # so that what follows fetches no listing
    store.fault = lambda handler: reply(handler, 404)
    with pytest.raises(duckdb.Error, match=r"external location fetch failed \(HTTP 404\)"):
        connection.execute(SCAN)
    store.fault = lambda handler: reply(handler, 200, b"other bytes")
    with pytest.raises(duckdb.Error, match="SHA-256 checksum mismatch"):
        connection.execute(SCAN)
    store.fault = None
    assert connection.execute(SCAN).fetchone() == (6000, 17_997_000)
