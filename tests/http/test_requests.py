"""Every request gets the status, the headers and the body that the protocol wants (spec 02, sections 2 to 5, 7, 12)."""

from __future__ import annotations

import json
import re

import pyarrow as pa
import pytest

from duckwing.http.authentication import Presented, Reason, Rejected, Unavailable
from duckwing.protocol.attach import CATALOG_ATTACH, CatalogAttachRequest
from duckwing.protocol.calls import INIT
from duckwing.protocol.catalogs import CATALOG_CATALOGS
from duckwing.rpc import keys
from duckwing.rpc.call import Identity
from duckwing.rpc.errors import RemoteError
from duckwing.rpc.framing import EMPTY_SCHEMA, Batch, batch_of_rows, stream_buffers
from duckwing.rpc.method import NoParams

from .serving import (
    ARROW,
    Browserless,
    Reply,
    call_body,
    joined,
    limited,
    open_scalar,
    open_scan,
    read_streams,
    scan_request,
    serving,
)
from .workers.served import served

CATALOGS = "/vgi.v2/catalog_catalogs"
SUPPORT = "VGI-Accept-Max-Response-Bytes-Support"
CAPABILITIES = {SUPPORT: "true", "VGI-Supported-Encodings": "zstd, gzip", "VGI-Externalization-Enabled": "false"}


def check(presented: Presented) -> Identity:
    """Callers are who they say, but for some."""
    name = presented.headers.get("authorization", "").removeprefix("Bearer ")
    if not name:
        raise Rejected(Reason.MISSING)
    if name == "unknown":
        raise Unavailable("the authority is down")
    if name == "mistake":
        raise ZeroDivisionError("secret detail")
    return Identity("bearer", name, True)


def catalogs(**metadata: bytes) -> bytes:
    return call_body(CATALOG_CATALOGS, NoParams(), **metadata)


def is_capable(reply: Reply) -> bool:
    return all(reply.headers.get_all(name) == [value] for name, value in CAPABILITIES.items())


# Health


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer unknown"}, {"Authorization": "Basic !"}])
def test_health_is_told_to_everybody(headers: dict[str, str]) -> None:
    with serving(served, authenticate=check) as client:
        got = client.send("GET", "/health", headers=headers)
        assert got.status == 200
        about = json.loads(got.body)
        assert (about["status"], about["protocol"]) == ("ok", "vgi")
        assert re.fullmatch(r"[0-9a-f]{8,}", about["server_id"])
        head = client.send("HEAD", "/health", headers=headers)
        assert (head.status, head.wire) == (200, b"")
        options = client.send("OPTIONS", "/health", headers=headers)
        assert options.status == 204
        assert all(map(is_capable, (got, head, options)))


# Every response


def test_every_response_tells_the_capabilities() -> None:
    body = catalogs()
    with serving(served, authenticate=check, max_request_bytes=70_000) as client:

        def named(method: str, path: str, body: bytes | None = None, name: str = "ann", **headers: str) -> Reply:
            fields = {"Content-Type": ARROW, "Authorization": f"Bearer {name}"}
            return client.send(method, path, body, fields | {k.replace("_", "-"): v for k, v in headers.items()})

        replies = {
            200: named("POST", CATALOGS, body),
            204: named("OPTIONS", "/anything"),
            400: named("POST", CATALOGS, b"garbage"),
            401: named("POST", CATALOGS, body, name=""),
            404: named("POST", "/vgi.v2/nothing", body),
            405: named("PUT", CATALOGS, body),
            413: named("POST", CATALOGS, bytes(70_001)),
            415: named("POST", CATALOGS, body, Content_Type="text/plain"),
            500: named("POST", CATALOGS, body, name="mistake"),
            503: named("POST", CATALOGS, body, name="unknown"),
        }
        replies = {**replies, 4040: named("GET", "/nothing"), 2000: named("GET", "/")}
        for status, reply in replies.items():
            assert reply.status == (status if status < 1000 else status // 10), (status, reply)
            assert is_capable(reply), status
            assert reply.headers["VGI-Max-Request-Bytes"] == "70000"
            assert re.fullmatch(r"[0-9a-f]{16}", reply.headers["X-Request-ID"])
        assert b"secret detail" not in replies[500].body
        assert int(replies[503].headers["Retry-After"]) > 0
        assert replies[401].headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("given", ["abc-1", "a" * 128, "0af7651916cd43dd:8448eb211c80319c/1+=._"])
def test_a_request_keeps_the_id_that_it_has(client: Browserless, given: str) -> None:
    assert client.send("GET", "/health", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "a" * 129, "two words", 'quote"', "\u00e9", "tab\tbed"])
def test_an_id_that_could_harm_a_log_is_replaced(client: Browserless, given: str) -> None:
    assert re.fullmatch(
        r"[0-9a-f]{16}", client.send("GET", "/health", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    )


# Paths


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/vgi.v1/catalog_catalogs", "protocol_not_supported"),
        ("/vgi.v2x/catalog_catalogs", "protocol_not_supported"),
        ("/nobody/catalog_catalogs/init", "protocol_not_supported"),
        ("/vgi.v2/nothing", "method_not_implemented"),
        ("/vgi.v2/nothing/init", "method_not_implemented"),
        ("/vgi.v2/nothing/exchange", "method_not_implemented"),
        ("/vgi.v2/__describe__", "method_not_implemented"),
        ("/vgi.v2/__transport_options__", "method_not_implemented"),
        ("/__describe__", "method_not_implemented"),
        ("/vgi%2ev2/catalog_catalogs", "protocol_not_specified"),
        ("/%76gi.v2/catalog_catalogs", "protocol_not_specified"),
        ("/vgi.v2%00/catalog_catalogs", "protocol_not_specified"),
        ("/9vgi/catalog_catalogs", "protocol_not_specified"),
        ("/<b>/catalog_catalogs", "protocol_not_specified"),
        (f"/{'v' * 256}/catalog_catalogs", "protocol_not_specified"),
    ],
)
def test_what_is_not_hosted_is_told_apart(client: Browserless, path: str, kind: str) -> None:
    reply = client.post(path, catalogs())
    assert (reply.status, reply.kind) == (404, kind)
    assert "<b>" not in str(reply.error)


@pytest.mark.parametrize(
    "path",
    [
        "/vgi.v2",
        "/vgi.v2/init/init/init",
        "/vgi.v2/init/other",
        "/vgi.v2/init/init/",
        "/",
        "/vgi.v2/init/INIT",
        "/__upload_url__/init/x/y",
        "/../vgi.v2/catalog_catalogs/..",
    ],
)
def test_what_is_no_path_of_the_rpc(client: Browserless, path: str) -> None:
    reply = client.post(path, catalogs())
    assert reply.status == 404
    assert reply.headers["Content-Type"].startswith("text/plain")
    assert len(reply.body) < 100


@pytest.mark.parametrize(
    "path", ["//vgi.v2/catalog_catalogs", "/vgi.v2//catalog_catalogs", "////vgi.v2///catalog_catalogs"]
)
def test_slashes_may_be_doubled(client: Browserless, path: str) -> None:
    assert client.post(path, catalogs()).status == 200


def test_a_query_is_no_part_of_the_path(client: Browserless) -> None:
    assert client.post(f"{CATALOGS}?a=b/c", catalogs()).status == 200


def test_under_a_prefix() -> None:
    with serving(served, prefix="/deep/vgi") as client:
        assert client.send("HEAD", "/health").status == 200
        assert client.post(CATALOGS, catalogs()).status == 200
        with Browserless(*client.ports) as bare:
            assert bare.post(CATALOGS, catalogs()).status == 404
            assert bare.post(f"/deep/vgix{CATALOGS}", catalogs()).status == 404
            assert bare.send("HEAD", "/health").status == 404


@pytest.mark.parametrize("path", ["/vgi.v2/init", "/vgi.v2/catalog_catalogs/init", "/vgi.v2/catalog_catalogs/exchange"])
def test_a_method_in_the_form_of_another_kind(client: Browserless, path: str) -> None:
    reply = client.post(path, catalogs())
    assert reply.status == 400
    assert "stream" in str(reply.error)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_other_methods(client: Browserless, method: str) -> None:
    reply = client.send(method, CATALOGS, b"")
    assert reply.status in (400, 405)  # a method that HTTP does not know is no request at all
    assert reply.headers[SUPPORT] == "true"


# Metadata


def test_the_protocol_may_be_left_to_the_path(client: Browserless) -> None:
    [(_, [batch])] = read_streams(catalogs())
    bare = Batch(batch.data, {k: v for k, v in batch.metadata.items() if k != keys.PROTOCOL})
    reply = client.post(CATALOGS, joined(stream_buffers(bare.data.schema, [bare])))
    assert (reply.status, reply.error) == (200, None)


@pytest.mark.parametrize(
    ("metadata", "type", "kind"),
    [
        ({"protocol": b"vgi_rpc.Reflection.v1"}, "ProtocolNotSupportedError", "protocol_not_supported"),
        ({"protocol": b"\xff\xfe"}, "ProtocolNotSupportedError", "protocol_not_supported"),
        ({"method": b"catalog_attach"}, "ProtocolError", None),
        ({"method": b"\xff"}, "ProtocolError", None),
        ({"request_version": b"2"}, "VersionError", None),
        ({"protocol_version": b"3.0.0"}, "ProtocolVersionError", "protocol_version_mismatch"),
        ({"protocol_version": b"2.1.0"}, "ProtocolVersionError", "protocol_version_mismatch"),
        ({"protocol_version": b"two"}, "ProtocolVersionError", "protocol_version_mismatch"),
    ],
)
def test_metadata_that_does_not_fit(
    client: Browserless, metadata: dict[str, bytes], type: str, kind: str | None
) -> None:
    reply = client.post(CATALOGS, catalogs(**metadata))
    assert (reply.status, reply.kind) == (400, kind)
    assert str(reply.error).startswith(type), reply.error


def test_the_patch_level_of_the_protocol_does_not_matter(client: Browserless) -> None:
    assert client.post(CATALOGS, catalogs(protocol_version=b"2.0.17")).error is None


# Bodies


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b"\xff" * 100,
        catalogs()[:-9],
        catalogs()[:-60],
        catalogs()[:20],
        b"\xff\xff\xff\xff\xff\xff\xff\x7f" + bytes(100),
        joined(stream_buffers(EMPTY_SCHEMA, [])),
        joined(stream_buffers(EMPTY_SCHEMA, [Batch(batch_of_rows(1))] * 2)),
    ],
)
@pytest.mark.parametrize("path", [CATALOGS, "/vgi.v2/init/init", "/vgi.v2/init/exchange"])
def test_bodies_that_are_no_request(client: Browserless, path: str, body: bytes) -> None:
    reply = client.post(path, body)
    assert reply.status == 400
    assert str(reply.error).startswith("ProtocolError"), reply.error


def test_parameters_that_cannot_be_read(client: Browserless) -> None:
    batch = Batch(pa.RecordBatch.from_pydict({"request": [b"no record"]}), read_streams(attach())[0][1][0].metadata)
    reply = client.post("/vgi.v2/catalog_attach", joined(stream_buffers(batch.data.schema, [batch])))
    assert reply.status == 400
    assert reply.error is not None


@pytest.mark.parametrize(
    "kind", [None, "", "text/plain", "application/json", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_other_content_types(client: Browserless, kind: str | None) -> None:
    reply = client.send("POST", CATALOGS, catalogs(), {"Content-Type": kind} if kind is not None else {})
    assert reply.status == 415
    assert ARROW.encode() in reply.body


def test_what_is_wrong_first_is_told_first() -> None:
    """Who calls comes before where, that before the type, and that before the body."""
    with serving(served, authenticate=check) as client:
        nobody = {"Content-Type": "text/plain", "VGI-Accept-Max-Response-Bytes": "x"}
        ann = nobody | {"Authorization": "Bearer ann"}
        assert client.send("POST", "/vgi.v2/nothing", b"x", nobody).status == 401
        assert client.send("POST", "/vgi.v2/nothing", b"x", ann).status == 400
        del ann["VGI-Accept-Max-Response-Bytes"]
        assert client.send("POST", "/vgi.v2/nothing", b"x", ann).status == 404
        assert client.send("POST", CATALOGS, b"x", ann).status == 415
        assert client.send("POST", CATALOGS, b"x", ann | {"Content-Type": ARROW}).status == 400


# Calls


def attach(name: str = "served") -> bytes:
    return call_body(CATALOG_ATTACH, CatalogAttachRequest(name))


def test_a_call_that_succeeds_is_no_error(client: Browserless) -> None:
    reply = client.post("/vgi.v2/catalog_attach", attach())
    assert reply.status == 200
    assert reply.headers["X-VGI-RPC-Error"] is None
    assert reply.headers["Content-Type"] == ARROW
    assert int(reply.headers["Content-Length"]) == len(reply.wire)
    [(_, [batch])] = reply.streams
    assert batch.data.num_rows == 1
    assert batch.metadata[keys.SERVER_ID]


def test_a_call_that_fails_is_an_error_with_status_200(client: Browserless) -> None:
    reply = client.post("/vgi.v2/catalog_attach", attach("nowhere"))
    assert (reply.status, reply.headers["X-VGI-RPC-Error"]) == (200, "true")
    [(_, [batch])] = reply.streams
    assert batch.data.num_rows == 0
    assert b"nowhere" in batch.metadata[keys.LOG_MESSAGE]
    assert json.loads(batch.metadata[keys.LOG_EXTRA])["exception_type"]


def test_an_error_of_a_function_keeps_its_words(client: Browserless) -> None:
    stream = open_scalar(client, "fails", pa.RecordBatch.from_pydict({"value": [5]}))
    reply = client.turn(stream.tokens, pa.RecordBatch.from_pydict({"value": [5]}))
    assert (reply.status, reply.headers["X-VGI-RPC-Error"]) == (200, "true")
    assert "LookupError: no 5" in str(reply.error)
    assert reply.tokens == {}


# Sizes


@pytest.mark.parametrize(
    "value",
    ["", "0", "-1", "+70000", " ", "7e6", "0x10000", "070000", "65535", "9007199254740992", "9" * 400, "70000,70000"],
)
@pytest.mark.parametrize("path", [CATALOGS, "/vgi.v2/init/init"])
def test_malformed_limits(client: Browserless, path: str, value: str) -> None:
    reply = client.post(path, catalogs(), {"VGI-Accept-Max-Response-Bytes": value})
    assert (reply.status, reply.headers["X-VGI-RPC-Error"]) == (400, "true")
    assert str(reply.error).startswith("ValueError")
    assert client.send("OPTIONS", path, headers={"VGI-Accept-Max-Response-Bytes": value}).status == 400


@pytest.mark.parametrize("value", ["65536", "268435456", "9007199254740991"])
def test_limits_that_are_fine(client: Browserless, value: str) -> None:
    assert client.post(CATALOGS, catalogs(), {"VGI-Accept-Max-Response-Bytes": value}).error is None


def test_a_unary_answer_over_the_limit_is_an_error() -> None:
    import duckwing as dw

    crowded = dw.Catalog("crowded")
    for number in range(30):

        def plus(value: int) -> int:
            return value

        plus.__name__, plus.__doc__ = f"plus_{number}", "x" * 5000
        crowded.scalar(plus)
    with serving(crowded) as client:
        catalog = client.connect().attach("crowded")
        assert len(catalog.functions()) == 30
        too_large = r"ResponseTooLargeError: HTTP body exceeds max_response_bytes \(\d+ > 65536\)"
        with limited(client) as small, pytest.raises(RemoteError, match=too_large):
            small.connect().attach("crowded").functions()


def test_a_worker_limit_is_for_streams_alone() -> None:
    with serving(served, max_stream_bytes=65_536) as client:
        assert client.send("HEAD", "/health").headers["VGI-Max-Response-Bytes"] is None
        stream = open_scan(client, "numbers", 20_000, 20_000)
        replies = [stream.reply]
        rows = 0
        while (batch := stream.tick()) is not None:
            rows += batch.data.num_rows
            if stream.reply is not replies[-1]:
                replies.append(stream.reply)
        assert rows == 20_000
        assert max(len(reply.body) for reply in replies) <= 65_536
        assert len(replies) > 3


def test_a_single_row_that_is_too_large_is_an_error() -> None:
    with serving(served, max_stream_bytes=65_536) as client:
        reply = client.post("/vgi.v2/init/init", call_body(INIT, scan_request(client, "numbers", 1, 1, width=70_000)))
        assert reply.status == 200
        assert "ResponseTooLargeError" in str(reply.error)
        assert reply.tokens == {}


@pytest.mark.parametrize("name", ["numbers", "walk"])
def test_a_turn_does_not_raise_the_limit_of_its_stream(client: Browserless, name: str) -> None:
    with limited(client) as small:
        stream = open_scan(small, name, 30_000, 10_000)
    tokens, turns = stream.tokens, 0
    while tokens:  # the later turns are asked for by a client that takes much
        reply = client.turn(tokens)
        assert reply.error is None
        assert len(reply.body) <= 65_536
        tokens = {**tokens, **reply.tokens} if reply.tokens else {}
        turns += 1
    assert turns > 5


def test_a_turn_may_lower_the_limit(client: Browserless) -> None:
    doubled = open_scalar(client, "doubled", pa.RecordBatch.from_pydict({"value": [1]}))
    many = pa.RecordBatch.from_pydict({"value": list(range(10_000))})
    with limited(client) as small:
        assert "ResponseTooLargeError" in str(small.turn(doubled.tokens, many).error)
    assert client.turn(doubled.tokens, many).rows.num_rows == 10_000
