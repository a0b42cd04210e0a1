"""Pages of other origins (spec 02, section 16)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from duckwing.http.cors import Cors
from duckwing.protocol.catalogs import CATALOG_CATALOGS
from duckwing.rpc.method import NoParams

from .serving import Browserless, Reply, call_body, serving
from .workers.served import served

BODY = call_body(CATALOG_CATALOGS, NoParams())
PAGE = "https://page.example"
SAFE = {"cache-control", "content-type", "content-length", "date", "server", "vary", "connection"}
"""Headers that pages may read anyway, or that say nothing to them."""


def replies(client: Browserless, origin: str = PAGE) -> list[Reply]:
    """Responses of every family."""
    headers = {"Origin": origin}
    return [
        client.send("HEAD", "/health", headers=headers),
        client.send("GET", "/health", headers=headers),
        client.send("GET", "/nothing", headers=headers),
        client.send("OPTIONS", "/vgi.v2/init/init", headers=headers),
        client.send("PUT", "/health", b"", headers),
        client.post("/vgi.v2/catalog_catalogs", BODY, headers),
        client.post("/vgi.v2/catalog_catalogs", BODY, {**headers, "X-VGI-Accept-Encoding": "zstd"}),
        client.post("/vgi.v2/catalog_catalogs", b"garbage", headers),
        client.post("/vgi.v2/nothing", BODY, headers),
        client.send("POST", "/vgi.v2/catalog_catalogs", BODY, headers),
    ]


def test_nobody_elses_pages_may_call_by_default() -> None:
    with serving(served) as client:
        for reply in replies(client):
            assert not [name for name in reply.headers if name.lower().startswith("access-control-")]


def test_everybodys_pages_may_call() -> None:
    with serving(served, compression="on", cors_origins=("*",)) as client:
        for reply in replies(client):
            assert reply.headers["Access-Control-Allow-Origin"] == "*"
            assert reply.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
            assert reply.headers["Access-Control-Allow-Credentials"] is None


def test_pages_may_read_every_header_that_is_sent() -> None:
    with serving(served, compression="on", max_request_bytes=70_000, cors_origins=("*",)) as client:
        for reply in replies(client):
            exposed = {name.strip().lower() for name in reply.headers["Access-Control-Expose-Headers"].split(",")}
            for name in map(str.lower, reply.headers.keys()):
                if name.startswith(("vgi-", "x-", "www-", "retry-")):
                    assert name in exposed
                else:
                    assert name in SAFE or name.startswith(("access-control-", "cross-origin-", "content-", "etag")), (
                        name
                    )


@pytest.fixture(scope="module")
def client() -> Iterator[Browserless]:
    """A client of a worker that every page may call."""
    with serving(served, cors_origins=("*",)) as client:
        yield client


def test_a_preflight_allows_what_is_asked_for(client: Browserless) -> None:
    asked = "content-type, x-vgi-accept-encoding, x-anything"
    headers = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": asked}
    reply = client.send("OPTIONS", "/vgi.v2/init/init", headers=headers)
    assert (reply.status, reply.wire) == (204, b"")
    assert reply.headers["Access-Control-Allow-Headers"] == asked
    assert {"GET", "HEAD", "POST", "OPTIONS"} <= set(reply.headers["Access-Control-Allow-Methods"].split(", "))
    assert int(reply.headers["Access-Control-Max-Age"]) > 0
    bare = client.send("OPTIONS", "/anywhere", headers={"Origin": PAGE})
    allowed = bare.headers["Access-Control-Allow-Headers"]
    for name in (
        "Content-Type",
        "Content-Encoding",
        "Authorization",
        "VGI-Accept-Max-Response-Bytes",
        "X-VGI-Accept-Encoding",
    ):
        assert name in allowed


@pytest.mark.parametrize("asked", ["x" * 3000, "a\r\nSet-Cookie: b=c", "\x01"])
def test_what_a_preflight_asks_for_is_not_copied_blindly(asked: str) -> None:
    [allowed] = [value for name, value in Cors(("*",)).preflight(asked) if name == "Access-Control-Allow-Headers"]
    assert asked not in allowed
    assert "Authorization" in allowed


def test_only_named_origins() -> None:
    with serving(served, cors_origins=(PAGE, "http://localhost:8000")) as client:
        for origin in (PAGE, "http://localhost:8000"):
            for reply in replies(client, origin):
                assert reply.headers["Access-Control-Allow-Origin"] == origin
                assert "Origin" in reply.headers["Vary"]
        for origin in ("https://page.example.evil.example", "http://page.example", "null", "*", ""):
            for reply in replies(client, origin):
                assert reply.headers["Access-Control-Allow-Origin"] is None
                assert "Origin" in reply.headers["Vary"]


def test_nobody() -> None:
    with serving(served, cors_origins=()) as client:
        for reply in replies(client):
            assert not [name for name in reply.headers if name.lower().startswith(("access-control-", "cross-origin-"))]
        assert client.send("OPTIONS", "/anywhere").status == 204
