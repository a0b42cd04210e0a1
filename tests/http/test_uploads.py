"""Requests that are put into an object store, and what is fetched from there (spec 02, sections 11.2 and 11.3)."""

from __future__ import annotations

import datetime
import hashlib
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler

import pyarrow as pa
import pytest
import zstandard

from duckwing.client import http_objects
from duckwing.http import uploads
from duckwing.http.authentication import static_bearer
from duckwing.http.objects import Offload
from duckwing.http.tokens import Sealer
from duckwing.http.uploads import Uploads
from duckwing.protocol.calls import INIT
from duckwing.rpc import keys
from duckwing.rpc.call import Identity
from duckwing.rpc.errors import RpcError
from duckwing.rpc.framing import Batch, empty_batch, read_stream, stream_buffers

from .objects import Objects, reply
from .serving import Browserless, Reply, call_body, joined, open_scalar, request, scan_request, serving
from .workers.served import served

URLS = "/__upload_url__/init"
ONE = pa.RecordBatch.from_pydict({"value": [1]})
ANN = Identity("bearer", "ann", True)


@pytest.fixture
def store() -> Iterator[Objects]:
    with Objects() as store:
        yield store


@pytest.fixture
def client(store: Objects) -> Iterator[Browserless]:
    with serving(served, offload=Offload(store)) as client:
        yield client


def asked(count: int | None, method: str = "__upload_url__", **more: bytes) -> bytes:
    """The body of a request for URLs."""
    metadata = {keys.METHOD: method.encode(), keys.REQUEST_VERSION: b"1", keys.PROTOCOL_VERSION: b"2.0.0"}
    metadata |= {f"vgi_rpc.{key}".encode(): value for key, value in more.items()}
    return request(pa.RecordBatch.from_pydict({"count": pa.array([count], pa.int64())}), metadata)


def put(url: str, body: bytes, **headers: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, body, headers, method="PUT")) as answer:
        assert answer.status == 200


def uploaded(client: Browserless, body: bytes, **headers: str) -> bytes:
    """Put a request into the store; where it is."""
    [urls] = client.post(URLS, asked(1)).rows.to_pylist()
    put(urls["upload_url"], body, **headers)
    location: str = urls["download_url"]
    return location.encode()


def pointing(location: bytes, metadata: Mapping[bytes, bytes], data: pa.RecordBatch = ONE, **more: bytes) -> bytes:
    """The request that is sent instead."""
    extra = {f"vgi_rpc.{key}".encode(): value for key, value in more.items()}
    return request(empty_batch(data.schema), {**metadata, keys.LOCATION: location, **extra})


def turned(client: Browserless, body: bytes) -> Reply:
    return client.post("/vgi.v2/init/exchange", body)


# URLs


@pytest.mark.parametrize("method", ["__upload_url__", "__upload_url__/init"])
@pytest.mark.parametrize(("count", "given"), [(1, 1), (3, 3), (None, 1), (0, 1), (-5, 1), (100, 100), (2**62, 100)])
def test_urls(client: Browserless, method: str, count: int | None, given: int) -> None:
    answer = client.post(URLS, asked(count, method))
    [(schema, [batch])] = answer.streams
    assert schema == pa.schema(
        [
            pa.field("upload_url", pa.utf8(), nullable=False),
            pa.field("download_url", pa.utf8(), nullable=False),
            pa.field("expires_at", pa.timestamp("us", "UTC"), nullable=False),
        ]
    )
    rows = batch.data.to_pylist()
    assert len(rows) == given
    assert len({row[name] for row in rows for name in ("upload_url", "download_url")}) == 2 * given
    now = datetime.datetime.now(datetime.UTC)
    assert all(datetime.timedelta(minutes=50) < row["expires_at"] - now < datetime.timedelta(hours=1) for row in rows)


def test_urls_behind_a_prefix_and_for_callers_alone(store: Objects) -> None:
    authenticate = static_bearer({"t1": "ann"})
    with serving(served, offload=Offload(store), authenticate=authenticate, prefix="/vgi") as client:
        assert client.post(URLS, asked(1)).status == 401
        assert client.post(URLS, asked(1), {"Authorization": "Bearer t1"}).rows.num_rows == 1


def test_without_a_store_there_are_none() -> None:
    with serving(served) as client:
        answer = client.post(URLS, asked(1))
        assert (answer.status, answer.kind) == (404, "protocol_not_supported")
        tokens = open_scalar(client, "doubled", ONE).tokens
        refused = turned(client, pointing(b"https://127.0.0.1:1/x", tokens))
        assert refused.status == 400
        assert "a pointer to a location, but none was agreed on" in str(refused.error)


def test_requests_that_are_none(client: Browserless) -> None:
    other = request(
        pa.RecordBatch.from_pydict({"number": [1]}), {keys.METHOD: b"__upload_url__", keys.REQUEST_VERSION: b"1"}
    )
    for body in (asked(1, "init"), asked(1, request_version=b"2"), other, b"", b"no arrow", asked(1)[:40]):
        answer = client.post(URLS, body)
        assert (answer.status, answer.error is not None) == (400, True)
    assert client.post(URLS, asked(1, filler=bytes(9000))).status == 413
    assert client.send("POST", URLS, asked(1), {"Content-Type": "text/plain"}).status == 415
    assert client.send("GET", URLS).status == 404


def test_a_store_that_makes_no_urls(
    client: Browserless, store: Objects, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(name: str, seconds: int) -> str:
        raise LookupError("no role for https://me:secret@store.example/")

    tokens = open_scalar(client, "doubled", ONE).tokens
    pointer = pointing(uploaded(client, request(ONE, {})), tokens)
    monkeypatch.setattr(store, "download_url", fail)
    for answer in (client.post(URLS, asked(1)), turned(client, pointer)):
        assert answer.status == 400
        assert "makes no URL (LookupError)" in str(answer.error)
    assert "LookupError: no role for" in caplog.text
    assert "secret" not in caplog.text


# Pointers


def test_the_input_of_an_exchange(client: Browserless, store: Objects) -> None:
    tokens = open_scalar(client, "doubled", ONE).tokens
    values = pa.RecordBatch.from_pydict({"value": range(50_000)})
    # The tokens that count are the pointer's.
    location = uploaded(client, request(values, {keys.STREAM_STATE: b"x", keys.CALL_STATE: b"y", b"app": b"1"}))
    for _ in range(2):  # clients repeat requests
        answer = turned(client, pointing(location, tokens))
        assert answer.rows["result"].to_pylist() == list(range(0, 100_000, 2))
    assert all("Authorization" not in asked_for.headers for asked_for in store.requests)


def test_a_compressed_object_and_its_digest(client: Browserless) -> None:
    tokens = open_scalar(client, "doubled", ONE).tokens
    body = request(pa.RecordBatch.from_pydict({"value": [1] * 10_000}), {})
    digest = hashlib.sha256(body).hexdigest().encode()
    packed = zstandard.ZstdCompressor().compress(body)
    location = uploaded(client, packed, **{"Content-Encoding": "zstd"})
    pointer = pointing(location, tokens)
    assert turned(client, pointer).rows.num_rows == 10_000
    for said, status in ((digest, 200), (digest[:-1] + b"x", 400), (b"", 400)):
        batch = read_stream(pointer)[1][0]
        with_digest = request(batch.data, {**batch.metadata, keys.LOCATION_SHA256: said})
        assert turned(client, with_digest).status == status


def test_a_request_that_begins_a_call(client: Browserless) -> None:
    body = call_body(INIT, scan_request(client, "numbers", 10, 10))
    batch = read_stream(body)[1][0]
    pointer = pointing(uploaded(client, body), batch.metadata, batch.data)
    assert client.post("/vgi.v2/init/init", pointer).rows["n"].to_pylist() == list(range(10))


def test_which_metadata_count(store: Objects) -> None:
    sealer = Sealer([bytes(32)])
    rooms = Uploads(store, sealer)
    inner = Batch(
        ONE, {keys.STREAM_STATE: b"inner", keys.METHOD: b"inner", keys.CANCEL: b"1", b"vgi.cache.x": b"inner"}
    )
    outer = {keys.STREAM_STATE: b"outer", keys.CALL_STATE: b"outer", b"vgi.cache.x": b"outer", b"more": b"outer"}
    try:
        urls = rooms._offer(asked(1), ANN).body
        [row] = read_stream(joined(urls))[1][0].data.to_pylist()
        put(row["upload_url"], joined(stream_buffers(ONE.schema, [inner])))
        _, [batch] = read_stream(rooms._resolve(pointing(row["download_url"].encode(), outer), ANN))
    finally:
        rooms.close()
    assert batch.data.equals(ONE)
    assert batch.metadata == {keys.STREAM_STATE: b"outer", keys.CALL_STATE: b"outer", b"vgi.cache.x": b"inner"}


def test_what_only_looks_like_a_pointer(client: Browserless, store: Objects) -> None:
    texts = pa.RecordBatch.from_pydict({"path": ["vgi_rpc.location"]})
    tokens = open_scalar(client, "caller", ONE).tokens
    assert turned(client, request(ONE, {**tokens, b"about": b"vgi_rpc.location"})).status == 200
    assert "Input schema mismatch" in str(turned(client, request(texts, tokens)).error)
    assert store.requests == []


# What is not fetched


def test_only_what_was_given_to_this_caller_is_fetched(store: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    authenticate = static_bearer({"t1": "ann", "t2": "ben"})
    ann, ben = ({"Authorization": f"Bearer {token}"} for token in ("t1", "t2"))
    with serving(served, offload=Offload(store, 0), authenticate=authenticate) as client, Objects() as foreign:
        with serving(served, authenticate=authenticate) as plain:
            plain.headers.update(ann)
            tokens = open_scalar(plain, "doubled", ONE).tokens

        def answered(location: bytes, headers: Mapping[str, str] = ann) -> Reply:
            return client.post("/vgi.v2/init/exchange", pointing(location, tokens), headers)

        client.headers.update(ann)
        [good_url] = client.post(URLS, asked(1)).rows.to_pylist()
        client.headers.clear()
        put(good_url["upload_url"], request(ONE, {}))
        good_location = good_url["download_url"].encode()
        assert answered(good_location).error is None
        before = list(store.requests)
        path = good_location.decode().removeprefix(store.url)
        name = path.split("?")[0].rpartition("/")[2]
        store.put("answer", request(ONE, {}), "")
        for location in (
            foreign.url + path,  # another server
            foreign.url.replace("http://", "https://") + path,
            store.url.replace("http://", "http://user@") + path,
            store.url + path.replace("/objects/", "/objects/more/"),
            store.url + path.replace("/objects/", "/other/"),
            store.url + path.replace(name, name[:-1] + ("A" if name[-1] != "A" else "B")),  # another name
            store.url + path.replace(name, ""),
            store.download_url("answer", 60),  # what lies in the store and was given to nobody
            "file:///etc/passwd",
            f"file:///objects/{name}",
            "http://169.254.169.254/latest/meta-data",
            "//[",
            "",
            "é" + store.url,
        ):
            refused = answered(location.encode())
            assert refused.status == 400, location
            assert "was not got from this worker" in str(refused.error)
            assert "signature" not in str(refused.error)
        assert answered(good_location, ben).status == 400  # his tokens are not these, either, but that comes later
        assert store.requests == before
        assert foreign.requests == []
        monkeypatch.setattr(uploads, "URL_SECONDS", -120)
        [old] = client.post(URLS, asked(1), ann).rows.to_pylist()
        assert "has expired" in str(answered(old["download_url"].encode()).error)


def test_callers_do_not_share_objects(store: Objects) -> None:
    rooms = Uploads(store, Sealer([bytes(32)]))
    try:
        [row] = read_stream(joined(rooms._offer(asked(1), ANN).body))[1][0].data.to_pylist()
        put(row["upload_url"], request(ONE, {}))
        pointer = pointing(row["download_url"].encode(), {})
        assert read_stream(rooms._resolve(pointer, ANN))[1][0].data.equals(ONE)
        for other in (Identity("bearer", "ben", True), Identity("jwt", "ann", True), Identity()):
            with pytest.raises(RpcError, match="was not got from this worker"):
                rooms._resolve(pointer, other)
    finally:
        rooms.close()
    assert store.gets() == [row["download_url"].split("?")[0].rpartition("/")[2]]


def test_objects_that_are_no_requests(client: Browserless, store: Objects) -> None:
    tokens = open_scalar(client, "doubled", ONE).tokens
    chained = request(ONE, {keys.LOCATION: b"http://127.0.0.1:1/x"})
    several = joined(stream_buffers(ONE.schema, [Batch(ONE), Batch(ONE)]))
    for body in (b"", b"no arrow", request(ONE, {})[:-100], chained, several, joined(stream_buffers(ONE.schema, []))):
        answer = turned(client, pointing(uploaded(client, body), tokens))
        assert (answer.status, answer.error is not None) == (400, True)
    rows = {**tokens, keys.LOCATION: uploaded(client, request(ONE, {}))}
    fetched = len(store.gets())
    assert "has no rows of its own" in str(turned(client, request(ONE, rows)).error)
    assert len(store.gets()) == fetched
    assert turned(client, request(ONE, tokens)).rows.to_pylist() == [{"result": 2}]  # nothing of that did harm


# A store that misbehaves


def moved(handler: BaseHTTPRequestHandler) -> None:
    reply(handler, 302, Location=f"http://127.0.0.1:1{handler.path}")


def cut(handler: BaseHTTPRequestHandler) -> None:
    reply(handler, 200, b"only this", **{"Content-Length": "100000"})


@pytest.mark.parametrize(
    ("fault", "status", "message"),
    [
        (lambda handler: reply(handler, 404), 400, "answers with HTTP 404"),
        (moved, 400, "answers with HTTP 302"),
        (lambda handler: reply(handler, 206, b"part"), 400, "answers with HTTP 206"),
        (lambda handler: reply(handler, 500), 503, "answers with HTTP 500"),
        (lambda handler: reply(handler, 429), 503, "answers with HTTP 429"),
        (cut, 503, "hangs up in the middle"),
        (lambda handler: handler.wfile.write(b"\x00\r\n\r\n"), 503, "cannot be reached"),
        (lambda handler: reply(handler, 200, b"x", **{"Content-Encoding": "br"}), 400, "is damaged"),
        (lambda handler: reply(handler, 200, b"x", **{"Content-Encoding": "zstd"}), 400, "is damaged"),
    ],
)
def test_faults_of_the_store(
    client: Browserless,
    store: Objects,
    fault: Callable[[BaseHTTPRequestHandler], None],
    status: int,
    message: str,
) -> None:
    tokens = open_scalar(client, "doubled", ONE).tokens
    pointer = pointing(uploaded(client, request(ONE, {})), tokens)
    store.fault = fault
    answer = turned(client, pointer)
    assert answer.status == status
    text = answer.wire.decode() if status == 503 else str(answer.error)
    assert message in text
    assert "127.0.0.1" in text or "is damaged" in text
    assert "signature" not in text
    assert answer.headers["Retry-After"] == ("1" if status == 503 else None)
    store.fault = None
    assert turned(client, pointer).rows.to_pylist() == [{"result": 2}]


def test_large_objects_are_not_read_to_the_end(
    client: Browserless, store: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = open_scalar(client, "doubled", ONE).tokens
    values = pa.RecordBatch.from_pydict({"value": [7] * 100_000})
    body = request(values, {})
    packed = zstandard.ZstdCompressor().compress(body)
    location = uploaded(client, packed, **{"Content-Encoding": "zstd"})
    assert turned(client, pointing(location, tokens)).rows.num_rows == 100_000
    monkeypatch.setattr(uploads, "MAX_UPLOAD_BYTES", len(body) - 1)
    assert f"more than {len(body) - 1} bytes" in str(turned(client, pointing(location, tokens)).error)
    monkeypatch.undo()
    monkeypatch.setattr(uploads, "MAX_UPLOAD_BYTES", 100_000)
    assert f"has {len(body)} bytes" in str(turned(client, pointing(uploaded(client, body), tokens)).error)

    sent: list[int] = []

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while len(sent) < 1000:
                handler.wfile.write(bytes(1 << 20))
                sent.append(1)
        except OSError:
            return

    location = uploaded(client, body)
    store.fault = endless
    assert "more than 100000 bytes" in str(turned(client, pointing(location, tokens)).error)
    assert len(sent) < 100


def test_slow_stores_are_not_waited_for(client: Browserless, store: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = open_scalar(client, "doubled", ONE).tokens
    pointer = pointing(uploaded(client, request(ONE, {})), tokens)
    monkeypatch.setattr(http_objects, "STEP_SECONDS", 0.2)
    over = threading.Event()

    def silent(handler: BaseHTTPRequestHandler) -> None:
        over.wait(30)

    def drops(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while not over.wait(0.05):
                handler.wfile.write(b"x")
        except OSError:
            return

    try:
        store.fault = silent
        assert turned(client, pointer).status == 503
        monkeypatch.setattr(http_objects, "STEP_SECONDS", 20.0)  # each drop is in time
        store.fault = drops
        monkeypatch.setattr(uploads, "FETCH_SECONDS", 1.0)
        answer = turned(client, pointer)
        assert (answer.status, b"is too slow" in answer.wire) == (503, True)
    finally:
        over.set()
