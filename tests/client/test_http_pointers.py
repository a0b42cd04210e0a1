"""The client gets what a worker points to, and nothing else (spec 02, section 11)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pyarrow as pa
import pytest

from duckwing.client import AttachedCatalog, connect
from duckwing.client.http import HttpConnection
from duckwing.client.http_objects import FetchError, fetch, without_credentials
from duckwing.client.http_requests import Requests
from duckwing.client.locations import Http
from duckwing.http.objects import Offload
from duckwing.protocol import VGI
from duckwing.rpc import keys
from duckwing.rpc.client import LogMessage
from duckwing.rpc.errors import ProtocolError, RemoteError, error_metadata
from duckwing.rpc.framing import Batch, empty_batch, stream_buffers

from ..http.objects import Objects, reply
from ..http.serving import joined, serving
from ..http.workers.served import served

ROWS = pa.RecordBatch.from_pydict({"n": [1, 2, 3]})
LOG = Batch(empty_batch(ROWS.schema), {keys.LOG_LEVEL: b"INFO", keys.LOG_MESSAGE: b"from the object"})


@pytest.fixture
def store() -> Iterator[Objects]:
    with Objects() as store:
        yield store


@pytest.fixture
def catalog(store: Objects) -> Iterator[AttachedCatalog]:
    """A worker that sends every batch beside its answers."""
    with (
        serving(served, offload=Offload(store, 0)) as browser,
        connect(f"http://127.0.0.1:{browser.ports[0]}", bearer_token="t1") as connection,
    ):
        yield connection.attach("served")


@pytest.mark.parametrize("name", ["numbers", "walk"])
def test_a_scan(catalog: AttachedCatalog, store: Objects, name: str) -> None:
    before = len(store.gets())
    assert catalog.scan(name, 3000, 700).read_all()["n"].to_pylist() == list(range(3000))
    assert len(store.gets()) - before >= 5


def test_functions(catalog: AttachedCatalog, store: Objects) -> None:
    assert catalog.scalar("doubled", list(range(5000))).to_pylist() == list(range(0, 10_000, 2))
    assert catalog.transform("running", {"value": list(range(100))}).read_all()["running"].to_pylist()[-1] == 4950
    with pytest.raises(RemoteError, match="LookupError: no 5"):
        catalog.scalar("fails", [5])
    # The store does not learn who asks.
    assert all("Authorization" not in asked.headers for asked in store.requests)


def test_an_object_that_is_gone(catalog: AttachedCatalog, store: Objects) -> None:
    catalog.scan("numbers", 10, 10).read_all()
    store.fault = lambda handler: reply(handler, 403)
    with pytest.raises(FetchError, match="answers with HTTP 403") as caught:
        catalog.scan("numbers", 10, 10).read_all()
    assert "signature" not in str(caught.value)


# What a worker may point to


def following(secure: bool = False, on_log: Callable[[LogMessage], None] | None = None) -> HttpConnection:
    return HttpConnection(Requests(Http("worker.example", 1, secure=secure)), VGI, on_log)


def pointer(location: bytes, **more: bytes) -> Batch:
    metadata = {f"vgi_rpc.location.{key}".encode(): value for key, value in more.items()}
    return Batch(empty_batch(ROWS.schema), {keys.LOCATION: location, **metadata})


def kept(store: Objects, *batches: Batch, schema: pa.Schema = ROWS.schema) -> bytes:
    store.put("object", joined(stream_buffers(schema, batches)), "")
    return store.download_url("object", 60).encode()


def test_what_comes_back(store: Objects) -> None:
    logs: list[LogMessage] = []
    location = kept(store, LOG, Batch(ROWS, {b"about": b"them"}))
    digest = hashlib.sha256(store.stored["object"][0]).hexdigest().encode()
    batch = following(on_log=logs.append).follow(pointer(location, sha256=digest))
    assert (batch.data, batch.metadata) == (ROWS, {b"about": b"them"})
    assert [log.message for log in logs] == ["from the object"]
    with pytest.raises(FetchError, match="another SHA-256"):
        following().follow(pointer(location, sha256=b"0" * 64))


@pytest.mark.parametrize(
    "location",
    [
        b"file:///etc/passwd",
        b"ftp://store.example/x?signature=secret",
        b"data:,x",
        b"//store.example/x",
        b"http:///x",
        b"https://me:secret@store.example/x",
        b"https://store.example/x y",
        b"https://store.example/x\r\nHost: y",
        b"https://[/",
        b"\xff",
        b"",
    ],
)
def test_what_is_no_object(location: bytes) -> None:
    with pytest.raises(ProtocolError, match=r"something else than an object behind https:// or http://") as caught:
        following().follow(pointer(location))
    assert "secret" not in str(caught.value)


def test_a_worker_behind_tls_does_not_point_to_plain_text(store: Objects) -> None:
    with pytest.raises(ProtocolError, match=r"something else than an object behind https://$"):
        following(secure=True).follow(pointer(kept(store, Batch(ROWS))))
    assert store.requests == []


def test_objects_that_are_no_batch(store: Objects) -> None:
    other = pa.RecordBatch.from_pydict({"m": [1]})
    failure = Batch(empty_batch(ROWS.schema), error_metadata(LookupError("from the object")))
    for batches, schema, expected in (
        ([], ROWS.schema, "something else than one batch"),
        ([Batch(ROWS), Batch(ROWS)], ROWS.schema, "something else than one batch"),
        ([Batch(other)], other.schema, "something else than one batch"),
        ([pointer(b"https://store.example/x")], ROWS.schema, "points to an object that points"),
        ([failure], ROWS.schema, "LookupError: from the object"),
    ):
        with pytest.raises((ProtocolError, RemoteError), match=expected):
            following().follow(pointer(kept(store, *batches, schema=schema)))
    with pytest.raises(ProtocolError, match="something else than one batch"):
        following().follow(Batch(ROWS, pointer(kept(store, Batch(ROWS))).metadata))


# Fetching


def got(store: Objects, **more: object) -> bytes:
    bounds = {"wire": 1 << 20, "limit": 1 << 20, "seconds": 30.0, **more}
    return fetch(store.download_url("object", 60), **bounds)  # type: ignore[arg-type]


def test_bounds(store: Objects) -> None:
    store.put("object", b"x" * 1000, "")
    assert got(store, wire=1000, limit=1000) == b"x" * 1000
    for bounds in ({"wire": 999}, {"limit": 999}):
        with pytest.raises(FetchError, match=r"the object has .*(1000|999) bytes"):
            got(store, **bounds)

    def unannounced(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"x" * 1000)

    store.fault = unannounced
    assert got(store, wire=1000) == b"x" * 1000
    with pytest.raises(FetchError, match="more than 999 bytes"):
        got(store, wire=999)


def test_redirects_are_not_followed(store: Objects) -> None:
    store.put("object", b"x", "")
    location = store.download_url("object", 60)
    store.fault = lambda handler: reply(handler, 307, Location=location)
    with pytest.raises(FetchError, match="answers with HTTP 307"):
        got(store)
    assert len(store.requests) == 1


def test_nobody_listens(store: Objects) -> None:
    with pytest.raises(FetchError, match=r"the server of the object, 127\.0\.0\.1, cannot be reached") as caught:
        fetch("http://127.0.0.1:1/x?signature=secret", wire=1, limit=1, seconds=1.0)
    assert caught.value.passing
    assert "secret" not in str(caught.value)


def test_what_logs_have_of_urls() -> None:
    text = "cannot PUT https://me:pw@store.example/x?sig=secret#part, see http://a.example/b"
    assert without_credentials(text) == "cannot PUT https://…store.example/x… see http://a.example/b"
