"""One line of the log for each request, which tells enough and no secrets (spec 02, section 19)."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from duckwing.http.access import name_requests
from duckwing.http.authentication import Presented
from duckwing.protocol.catalogs import CATALOG_CATALOGS
from duckwing.rpc import keys
from duckwing.rpc.call import Identity
from duckwing.rpc.method import NoParams

from .serving import Browserless, call_body, eventually, open_scalar, open_scan, serving
from .workers.served import served

BODY = call_body(CATALOG_CATALOGS, NoParams())


@pytest.fixture
def ann(caplog: pytest.LogCaptureFixture) -> Iterator[Browserless]:
    """A client whose name is Ann, of a server that logs its requests."""
    caplog.set_level(logging.INFO, "duckwing.access")

    def check(presented: Presented) -> Identity:
        return Identity("bearer", presented.headers["authorization"].removeprefix("Bearer secret-of-"), True)

    with serving(served, authenticate=check) as client:
        client.headers["Authorization"] = "Bearer secret-of-ann"
        yield client


def entry(caplog: pytest.LogCaptureFixture, id_: str | None) -> dict[str, Any]:
    """The line about a request; it may be written just after the client has its answer."""

    def find() -> list[dict[str, Any]]:
        records = [json.loads(r.getMessage()) for r in list(caplog.records) if r.name == "duckwing.access"]
        return [record for record in records if record["id"] == id_]

    [found] = eventually(find)
    return dict(found)


def test_a_call_is_logged(ann: Browserless, caplog: pytest.LogCaptureFixture) -> None:
    reply = ann.post("/vgi.v2/catalog_catalogs", BODY)
    found = entry(caplog, reply.headers["X-Request-ID"])
    assert (found["http_method"], found["path"]) == ("POST", "/vgi.v2/catalog_catalogs")
    assert (found["protocol"], found["method"]) == ("vgi.v2", "catalog_catalogs")
    assert (found["principal"], found["status"]) == ("ann", 200)
    assert (found["request_bytes"], found["response_bytes"]) == (len(BODY), len(reply.wire))
    assert 0 < found["seconds"] < 30
    assert "failed" not in found


def test_failures_are_logged(ann: Browserless, caplog: pytest.LogCaptureFixture) -> None:
    for path, body, status in (("/vgi.v2/nothing", BODY, 404), ("/vgi.v2/catalog_catalogs", b"x", 400)):
        reply = ann.post(path, body)
        found = entry(caplog, reply.headers["X-Request-ID"])
        assert (found["status"], found["failed"]) == (status, True)
    one = pa.RecordBatch.from_pydict({"value": [1]})
    stream = open_scalar(ann, "fails", one)
    found = entry(caplog, ann.turn(stream.tokens, one).headers["X-Request-ID"])
    assert (found["status"], found["failed"]) == (200, True)


def test_turns_and_cancels_are_logged(ann: Browserless, caplog: pytest.LogCaptureFixture) -> None:
    stream = open_scan(ann, "walk", 200_000, 1000, width=100)
    reply = ann.turn(stream.tokens)
    assert entry(caplog, reply.headers["X-Request-ID"])["rows"] == reply.rows.num_rows
    cancelled = ann.turn(stream.tokens, cancel=b"1")
    assert entry(caplog, cancelled.headers["X-Request-ID"])["cancelled"] is True


def test_the_log_has_no_secrets(ann: Browserless, caplog: pytest.LogCaptureFixture) -> None:
    stream = open_scan(ann, "walk", 200_000, 1000, width=100)
    tokens = {**stream.tokens, keys.CALL_STATE: b"changed"}
    last = ann.turn(tokens)
    ann.send("GET", "/nothing?token=secret-of-ann")
    entry(caplog, last.headers["X-Request-ID"])
    for record in caplog.records:
        text = record.getMessage()
        assert "secret-of" not in text
        assert not any(token.decode() in text for token in stream.tokens.values())


def test_what_a_path_has_cannot_break_a_line(ann: Browserless, caplog: pytest.LogCaptureFixture) -> None:
    reply = ann.post("/%0a%22}/" + "x" * 5000, BODY)
    found = entry(caplog, reply.headers["X-Request-ID"])
    assert len(found["path"]) <= 200
    assert all("\n" not in r.getMessage() for r in caplog.records if r.name == "duckwing.access")


def test_what_is_logged_during_a_call_names_its_request(
    client: Browserless, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [caplog.handler])
    monkeypatch.setattr(caplog.handler, "filters", [])
    name_requests()
    one = pa.RecordBatch.from_pydict({"value": [1]})
    stream = open_scalar(client, "fails", one)
    reply = client.turn(stream.tokens, one)
    records = [r for r in caplog.records if r.name.startswith("duckwing") and r.levelno >= logging.WARNING]
    assert {getattr(record, "request_id", None) for record in records} == {reply.headers["X-Request-ID"]}
