"""Batches of answers that travel through an object store (spec 02, section 11.1)."""

from __future__ import annotations

import hashlib
import urllib.request
from collections.abc import Iterator

import pyarrow as pa
import pytest

import duckwing as dw
from duckwing.errors import DeclarationError
from duckwing.http import pointers, production, pumps, streams
from duckwing.http.compression import decode
from duckwing.http.objects import Offload
from duckwing.protocol.calls import INIT
from duckwing.protocol.catalogs import CATALOG_CATALOGS
from duckwing.rpc import keys
from duckwing.rpc.framing import Batch
from duckwing.rpc.method import NoParams

from .objects import Objects
from .serving import (
    Browserless,
    InThread,
    Reply,
    call_body,
    limited,
    make_app,
    open_scalar,
    read_streams,
    scan_request,
    serving,
)
from .workers.served import served

ABOVE = 50_000
CATALOGS = "/vgi.v2/catalog_catalogs"
SCAN = "/vgi.v2/init/init"
MANY = pa.RecordBatch.from_pydict({"value": range(10_000)})


@pytest.fixture
def store() -> Iterator[Objects]:
    with Objects() as store:
        yield store


@pytest.fixture
def client(store: Objects) -> Iterator[Browserless]:
    with serving(served, offload=Offload(store, ABOVE)) as client:
        yield client


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    # On a busy machine, too, each answer is to be a turn.
    monkeypatch.setattr(pumps, "LONGEST_WAIT", 30.0)


@pytest.fixture(scope="module")
def plain() -> Iterator[Browserless]:
    """A worker without a store, which has the same keys: calls are bound here, as listings are large, too."""
    with serving(served) as plain:
        yield plain


def fetched(pointer: Batch) -> Batch:
    """What a pointer stands for, got as a client gets it, with everything checked that the protocol says of it."""
    assert set(pointer.metadata) == {keys.LOCATION, keys.LOCATION_SHA256}
    assert pointer.data.num_rows == 0
    with urllib.request.urlopen(pointer.metadata[keys.LOCATION].decode()) as answer:
        body = decode(answer.read(), answer.headers["Content-Encoding"], 1 << 30)
    assert hashlib.sha256(body).hexdigest().encode() == pointer.metadata[keys.LOCATION_SHA256]
    [(schema, [batch])] = read_streams(body)
    assert schema == pointer.data.schema
    assert keys.LOCATION not in batch.metadata
    return batch


def resolved(batches: list[Batch]) -> list[Batch]:
    return [fetched(batch) if keys.LOCATION in batch.metadata else batch for batch in batches]


def pointed(reply: Reply) -> list[Batch]:
    return [batch for batch in reply.batches if keys.LOCATION in batch.metadata]


def opened(client: Browserless, plain: Browserless, name: str, *arguments: int, **named: int) -> Reply:
    """The first answer of a scan."""
    return client.post(SCAN, call_body(INIT, scan_request(plain, name, *arguments, **named)))


def scanned(client: Browserless, plain: Browserless, name: str, *arguments: int, **named: int) -> tuple[list[int], int]:
    """The numbers of a scan, and how many pointers there were."""
    tokens: dict[bytes, bytes] = {}
    found: list[int] = []
    count = 0
    reply = opened(client, plain, name, *arguments, **named)
    while True:
        assert reply.error is None
        batches = reply.streams[-1][1]
        for batch in resolved(batches):
            found += batch.data["n"].to_pylist()
        for batch in batches:
            assert not (keys.STREAM_STATE in batch.metadata and keys.LOCATION in batch.metadata)
        count += len(pointed(reply))
        if not reply.tokens:
            return found, count
        tokens |= reply.tokens
        reply = client.turn(tokens)


# Producers


@pytest.mark.parametrize("name", ["numbers", "walk"])
def test_large_batches_of_a_scan(client: Browserless, store: Objects, name: str, plain: Browserless) -> None:
    found, count = scanned(client, plain, name, 8000, 2000, width=100)
    assert found == list(range(8000))
    assert count == len(store.stored) > 2


@pytest.mark.parametrize("name", ["numbers", "walk"])
def test_small_batches_stay_in_the_response(client: Browserless, store: Objects, name: str, plain: Browserless) -> None:
    assert scanned(client, plain, name, 2000, 20) == (list(range(2000)), 0)
    assert store.stored == {}


def test_a_row_that_no_response_could_have(client: Browserless, store: Objects, plain: Browserless) -> None:
    with limited(client) as small:
        found, count = scanned(small, plain, "one_by_one", 4, width=300_000)
    assert (found, count) == ([0, 1, 2, 3], 4)


def test_what_fits_no_response_is_sent_though_it_is_small(store: Objects, plain: Browserless) -> None:
    with serving(served, offload=Offload(store, 1 << 30)) as client:
        assert scanned(client, plain, "numbers", 5000, 5000, width=100)[1] == 0
        with limited(client) as small:
            assert scanned(small, plain, "numbers", 5000, 5000, width=100) == (list(range(5000)), 1)


def test_a_batch_that_is_too_large_for_an_object_is_cut(
    client: Browserless, store: Objects, monkeypatch: pytest.MonkeyPatch, plain: Browserless
) -> None:
    monkeypatch.setattr(production, "MAX_BATCH_BYTES", 100_000)
    found, count = scanned(client, plain, "numbers", 5000, 5000, width=100)
    assert found == list(range(5000))
    assert count >= 5
    assert all(len(data) < 101_000 for data, _ in store.stored.values())


def test_a_repeated_turn_has_the_same_pointers(client: Browserless, store: Objects, plain: Browserless) -> None:
    tokens = opened(client, plain, "numbers", 200_000, 20_000, width=100).tokens
    first = client.turn(tokens)
    names = {batch.metadata[keys.LOCATION] for batch in pointed(first)}
    assert names
    again = client.turn(tokens)
    assert {batch.metadata[keys.LOCATION] for batch in pointed(again)} == names
    client.turn(tokens, cancel=b"1")


def test_a_scan_is_not_made_into_the_store_ahead_of_its_client(
    client: Browserless, store: Objects, plain: Browserless
) -> None:
    tokens = opened(client, plain, "numbers", 9_000_000, 20_000, width=100).tokens
    client.turn(tokens)
    client.turn(tokens, cancel=b"1")
    # Of some 900 MB, these are the turns that were asked for, and the one ahead of them.
    assert sum(len(data) for data, _ in store.stored.values()) < 100 << 20


@pytest.mark.parametrize("name", ["numbers", "walk"])
def test_any_process_goes_on(store: Objects, name: str, plain: Browserless, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(production, "TURN_BYTES", 100_000)
    offload = Offload(store, ABOVE)
    with (
        InThread(make_app(served, offload=offload)) as one,
        InThread(make_app(served, offload=offload)) as other,
        Browserless(one.port, other.port) as two,
    ):
        found, count = scanned(two, plain, name, 6000, 1000, width=100)
    assert found == list(range(6000))
    assert count > 2


# Exchanges, unary calls, headers


def test_a_large_answer_of_an_exchange_has_its_cursor_in_the_object(
    client: Browserless, store: Objects, plain: Browserless
) -> None:
    tokens = open_scalar(plain, "doubled", MANY).tokens
    for _ in range(3):
        [pointer] = client.turn(tokens, MANY).batches
        batch = fetched(pointer)
        assert batch.data["result"].to_pylist() == list(range(0, 20_000, 2))
        tokens = {**tokens, keys.STREAM_STATE: batch.metadata[keys.STREAM_STATE]}
    assert len(store.stored) == 3


def test_a_large_result_of_a_unary_call(store: Objects, plain: Browserless) -> None:
    body = call_body(CATALOG_CATALOGS, NoParams())
    expected = plain.post(CATALOGS, body).rows
    with serving(served, offload=Offload(store, 0)) as client:
        reply = client.post(CATALOGS, body)
    [pointer] = reply.batches
    assert pa.Table.from_batches([fetched(pointer).data]).equals(expected)
    assert reply.headers["X-VGI-RPC-Error"] is None


def test_the_header_of_a_stream(store: Objects, plain: Browserless) -> None:
    with serving(served, offload=Offload(store, 0)) as client:
        (header_schema, [header]), _ = opened(client, plain, "numbers", 10, 10).streams
    assert header_schema.names == ["execution_id", "opaque_data", "max_workers"]
    assert fetched(header).data.num_rows == 1


def test_log_messages_stay_in_the_response(store: Objects, plain: Browserless) -> None:
    with serving(served, offload=Offload(store, 0)) as client:
        one = pa.RecordBatch.from_pydict({"value": [1]})
        tokens = open_scalar(plain, "logged", one).tokens
        [log, pointer] = client.turn(tokens, one).batches
    assert log.metadata[keys.LOG_MESSAGE] == b"a message"
    assert fetched(pointer).data.to_pylist() == [{"result": 1}]


# Coding


@pytest.mark.parametrize(
    ("headers", "compression", "coding"),
    [
        ({"X-VGI-Accept-Encoding": "zstd, gzip", "Accept-Encoding": "deflate, gzip, br, zstd"}, "auto", "zstd"),
        ({"Accept-Encoding": "gzip"}, "auto", "gzip"),
        ({"X-VGI-Accept-Encoding": "identity", "Accept-Encoding": "zstd"}, "auto", ""),
        # An object has the standard header alone.
        ({"X-VGI-Accept-Encoding": "zstd", "Accept-Encoding": "identity"}, "auto", ""),
        ({"X-VGI-Accept-Encoding": "zstd, gzip", "Accept-Encoding": "gzip, zstd"}, "off", ""),
        ({"Accept-Encoding": "identity"}, "on", ""),
    ],
)
@pytest.mark.parametrize("name", ["numbers", "walk"])
def test_objects_are_compressed_as_the_client_takes_them(
    store: Objects,
    headers: dict[str, str],
    compression: str,
    coding: str,
    name: str,
    plain: Browserless,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(production, "TURN_BYTES", 100_000)  # so that there are several
    offload = Offload(store, ABOVE)
    # Also where what is asked for next is made by another process, which has not seen the first request.
    with (
        InThread(make_app(served, offload=offload, compression=compression)) as one,
        InThread(make_app(served, offload=offload, compression=compression)) as other,
        Browserless(one.port, other.port, headers=headers) as two,
    ):
        assert scanned(two, plain, name, 4000, 2000, width=100)[0] == list(range(4000))
    assert {kept for _, kept in store.stored.values()} == {coding}


# A store that does not work


def test_a_store_that_refuses(
    client: Browserless, store: Objects, caplog: pytest.LogCaptureFixture, plain: Browserless
) -> None:
    store.refuses = PermissionError("at https://me:secret@store/x?signature=secret#secret")
    for reply in (
        opened(client, plain, "numbers", 5000, 5000, width=100),
        opened(client, plain, "walk", 5000, 5000, width=100),
        client.turn(open_scalar(plain, "doubled", MANY).tokens, MANY),
    ):
        assert (reply.status, reply.headers["X-VGI-RPC-Error"], reply.tokens) == (200, "true", {})
        assert "OffloadError: the worker's object store did not take an answer of" in str(reply.error)
        assert "(PermissionError)" in str(reply.error)
        assert "secret" not in str(reply.error)
    assert "PermissionError: at https://" in caplog.text
    assert "secret" not in caplog.text
    # What needs no store works.
    assert scanned(client, plain, "numbers", 100, 100) == (list(range(100)), 0)


def test_a_store_that_refuses_the_answer_of_a_unary_call(store: Objects) -> None:
    with serving(served, offload=Offload(store, 0)) as client:
        store.refuses = OSError()
        reply = client.post(CATALOGS, call_body(CATALOG_CATALOGS, NoParams()))
    assert (reply.status, reply.headers["X-VGI-RPC-Error"]) == (200, "true")
    assert "OffloadError" in str(reply.error)


def test_urls_that_cannot_be_made(
    client: Browserless, store: Objects, monkeypatch: pytest.MonkeyPatch, plain: Browserless
) -> None:
    def fail(name: str, seconds: int) -> str:
        raise LookupError("no credentials")

    monkeypatch.setattr(store, "download_url", fail)
    reply = opened(client, plain, "numbers", 5000, 5000, width=100)
    assert (reply.status, reply.headers["X-VGI-RPC-Error"]) == (200, "true")
    assert "LookupError: no credentials" in str(reply.error)


def test_a_batch_that_no_object_can_have(
    client: Browserless, store: Objects, monkeypatch: pytest.MonkeyPatch, plain: Browserless
) -> None:
    tokens = open_scalar(plain, "doubled", MANY).tokens
    monkeypatch.setattr(pointers, "MAX_BATCH_BYTES", 50_000)
    monkeypatch.setattr(streams, "MAX_BATCH_BYTES", 50_000)
    reply = client.turn(tokens, MANY)
    assert "ResponseTooLargeError" in str(reply.error)
    assert store.stored == {}


# What a worker says


def test_capabilities(client: Browserless, plain: Browserless) -> None:
    said = client.send("HEAD", "/health").headers
    assert said["VGI-Externalization-Enabled"] == "true"
    assert said["VGI-Upload-URL-Support"] == "true"
    assert said["VGI-Max-Upload-Bytes"] == str(256 << 20)
    said = plain.send("HEAD", "/health").headers
    assert said["VGI-Externalization-Enabled"] == "false"
    assert said["VGI-Upload-URL-Support"] is None
    assert said["VGI-Max-Upload-Bytes"] is None


def test_a_worker_with_a_store(store: Objects) -> None:
    worker = dw.Worker(served)
    worker.offload(store, above=7)
    assert worker.asgi().settings.offload == Offload(store, 7)
    for wrong in (-1, True, 1.5, "1"):
        with pytest.raises(DeclarationError, match="above= is a number of bytes"):
            worker.offload(store, above=wrong)  # type: ignore[arg-type]
