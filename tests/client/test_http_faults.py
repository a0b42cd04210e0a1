"""What goes wrong between a client and a worker over HTTP: an error each time, and never a wrong or a short answer."""

from __future__ import annotations

import datetime
import gzip
import http.client
import ipaddress
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from duckwing.client import (
    AttachedCatalog,
    AuthenticationError,
    Batches,
    ConnectError,
    ConnectionClosed,
    HttpError,
    RemoteError,
    WorkerConnection,
    connect,
)
from duckwing.client.http import HttpSource
from duckwing.client.http_coding import TooLargeError, codecs, compress, decompress
from duckwing.client.http_pool import Pool
from duckwing.client.http_requests import Requests
from duckwing.client.locations import Http
from duckwing.errors import Error
from duckwing.rpc import keys
from duckwing.rpc.errors import MalformedMessage, ProtocolError, error_metadata
from duckwing.rpc.framing import EMPTY_SCHEMA, Batch, MemoryStream, StreamReader, drive, empty_batch, stream_buffers

from .conftest import serving
from .middle import Asked, Fault, Middle, Told

pytestmark = pytest.mark.full

SECONDS = 20.0
SUPPORT = {"VGI-Accept-Max-Response-Bytes-Support": "true"}
ARROW = {**SUPPORT, "Content-Type": "application/vnd.apache.arrow.stream"}
ROWS = 3000

WORKER = """
from collections.abc import Iterator

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT

demo = dw.Catalog("demo")


@demo.scalar
def double(n: int) -> int:
    return 2 * n


@demo.table_function(columns={"n": BIGINT})
class counted:
    n: int = 0

    def __init__(self, count: int):
        self.count = count

    def next(self) -> pa.RecordBatch | None:
        if self.n >= self.count:
            return None
        ids = range(self.n, min(self.n + 100, self.count))
        self.n = ids.stop
        return pa.RecordBatch.from_pydict({"n": pa.array(ids, BIGINT)})


@demo.table_in_out
def first(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    yield rows.slice(0, 1)


@demo.aggregate
class total:
    sum: dw.PerGroup[float] = 0.0

    def update(self, groups: dw.Groups, value: pa.DoubleArray) -> None:
        groups.add(self.sum, value)

    def result(self, groups: dw.Groups) -> pa.DoubleArray:
        return pa.array(groups.take(self.sum))
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("worker") / "worker.py"
    path.write_text(WORKER, encoding="utf-8")
    # Small responses, so that a scan has many turns.
    with serving(Path(path), "--max-stream-response-bytes", "65536") as url:
        yield url


@pytest.fixture
def middle(url: str) -> Iterator[Middle]:
    middle = Middle(url)
    yield middle
    middle.stop()


@pytest.fixture
def worker(middle: Middle) -> Iterator[WorkerConnection]:
    with connect(middle.url) as worker:
        yield worker


@pytest.fixture
def demo(worker: WorkerConnection) -> AttachedCatalog:
    return worker.attach()


def at(end: str, fault: Fault, after: int = 0, times: int = 1_000_000) -> Fault:
    """``fault`` for the POST requests whose path ends so, from the one with number ``after`` on."""
    seen = 0

    def faulty(asked: Asked, pass_on: Callable[[], Told]) -> Told | bytes:
        nonlocal seen
        if asked.method == "POST" and asked.path.endswith(end):
            seen += 1
            if after < seen <= after + times:
                return fault(asked, pass_on)
        return pass_on()

    return faulty


def says(told: Told | bytes) -> Fault:
    """A fault that does not ask the worker."""
    return lambda asked, pass_on: told


def changed(change: Callable[[Told], Told | bytes]) -> Fault:
    """A fault that changes what the worker says."""
    return lambda asked, pass_on: change(pass_on())


def read_into(seen: list[int], scan: Batches) -> None:
    """Collect the rows of a scan; those before an error stay."""
    for batch in scan:
        seen += batch["n"].to_pylist()


def stream(schema: pa.Schema, *batches: Batch) -> bytes:
    """An IPC stream."""
    return b"".join(memoryview(buffer) for buffer in stream_buffers(schema, batches))


# Connections


def test_connections_are_used_again(middle: Middle, demo: AttachedCatalog) -> None:
    for _ in range(5):
        assert demo.scalar("double", [1]).to_pylist() == [2]
    assert demo.scan("counted", ROWS * 10).read_all().num_rows == ROWS * 10
    assert middle.connections == 1
    heads = [asked for asked in middle.asked if asked.method == "HEAD"]
    assert middle.asked[0] is heads[0]
    assert len(heads) == 1
    assert heads[0].path == "/health"
    assert heads[0].headers["vgi-accept-max-response-bytes"] == "268435456"
    assert "authorization" not in heads[0].headers
    for asked in middle.posts():
        assert asked.headers["content-type"] == "application/vnd.apache.arrow.stream"
        assert asked.headers["vgi-accept-max-response-bytes"] == "268435456"


def test_a_connection_that_was_closed_while_idle_is_replaced(middle: Middle, demo: AttachedCatalog) -> None:
    def close(told: Told) -> bytes:
        return told.raw  # and the end of the connection, which no header has told of

    middle.fault = at("/exchange", changed(close))
    for n in range(5):
        assert demo.scalar("double", [n]).to_pylist() == [2 * n]
        assert middle.ended.acquire(timeout=SECONDS)
    assert middle.connections >= 5
    assert len(middle.posts("/exchange")) == 5


def test_parallel_calls_have_connections_of_their_own(middle: Middle, demo: AttachedCatalog) -> None:
    together = threading.Barrier(3)

    def meet(asked: Asked, pass_on: Callable[[], Told]) -> Told:
        together.wait(SECONDS)
        return pass_on()

    demo.scalar("double", [0])
    middle.fault = at("/exchange", meet)
    found: list[list[int]] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(demo.scalar("double", [n]).to_pylist())) for n in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert sorted(found) == [[0], [2], [4]]
    assert middle.connections == 3


@pytest.mark.parametrize("begun", [False, True])
def test_closing_wakes_who_waits(middle: Middle, begun: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the response, or within one whose end is the connection's."""
    reached, release = threading.Event(), threading.Event()

    def hold(asked: Asked, pass_on: Callable[[], Told]) -> Told:
        reached.set()
        release.wait(SECONDS)
        return pass_on()

    def read(response: http.client.HTTPResponse, size: int = -1) -> bytes:
        if response.will_close:
            reached.set()
        return wait_for_more(response, size)

    def begin() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
        release.wait(SECONDS)

    wait_for_more = http.client.HTTPResponse.read
    if begun:
        middle.early = lambda path: begin() if path.endswith("/catalog_catalogs") else None
        monkeypatch.setattr(http.client.HTTPResponse, "read", read)
    else:
        middle.fault = at("/catalog_catalogs", hold)
    worker = connect(middle.url)
    errors: list[Error] = []

    def call() -> None:
        try:
            worker.catalogs()
        except Error as error:
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    assert reached.wait(SECONDS)
    worker.close()
    thread.join(SECONDS)
    release.set()
    assert not thread.is_alive()
    assert isinstance(errors[0], ConnectionClosed)
    assert "was closed; connect again" in str(errors[0])


def test_an_answer_is_not_waited_for_for_ever(middle: Middle) -> None:
    release = threading.Event()

    def hold(asked: Asked, pass_on: Callable[[], Told]) -> bytes:
        release.wait(SECONDS)
        return b""

    middle.fault = at("/catalog_catalogs", hold)
    source = HttpSource(Requests(Http("127.0.0.1", middle.server_address[1]), seconds=0.2))
    with WorkerConnection(source) as worker:
        with pytest.raises(ConnectionClosed, match=r"did not answer within 0\.2 s; whether the call was served is unk"):
            worker.catalogs()
        release.set()
    assert len(middle.posts()) == 1  # never twice: the first may be served yet


# TLS


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(key.private_bytes(*form))
    return tmp_path / "cert.pem", tmp_path / "key.pem"


def test_encrypted(url: str, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    middle = Middle(url, context)
    try:
        with connect(middle.url) as worker, pytest.raises(ConnectError, match=r"(?i)certificate.verify.failed"):
            worker.catalogs()
        assert middle.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        middle.connections = 0
        with connect(middle.url) as worker:
            demo = worker.attach()
            assert demo.scan("counted", 30_000).read_all()["n"].to_pylist() == list(range(30_000))
            assert middle.connections == 1
            middle.fault = at("/exchange", changed(lambda told: told.raw[:-1]))
            with pytest.raises(ConnectionClosed):
                demo.scan("counted", 30_000).read_all()
            scan = demo.scan("counted", 30_000)
            next(scan)
        with pytest.raises(ConnectionClosed, match="was closed"):
            scan.read_all()
    finally:
        middle.stop()


# What is sent again, and what is not


@pytest.mark.parametrize("end", ["/health", "/catalog_attach", "/init", "/exchange", "/aggregate_update"])
def test_busy_for_a_moment(middle: Middle, worker: WorkerConnection, end: str) -> None:
    seen = 0

    def busy(asked: Asked, pass_on: Callable[[], Told]) -> Told:
        nonlocal seen
        if asked.path.endswith(end):
            seen += 1
            if seen <= 2:
                return Told(503, SUPPORT, b"later")
        return pass_on()

    middle.fault = busy
    demo = worker.attach()
    assert demo.scan("counted", 30_000).read_all()["n"].to_pylist() == list(range(30_000))
    assert demo.aggregate("total", [1.0, 2.0]).as_py() == 3.0
    assert seen >= 3


def test_busy_for_long(middle: Middle, demo: AttachedCatalog) -> None:
    middle.fault = at("/exchange", says(Told(503, SUPPORT, b"come\nback \x1b[31mlater")))
    with pytest.raises(HttpError, match=r"/exchange answers with HTTP 503: come back \[31mlater$") as caught:
        demo.scalar("double", [1])
    assert caught.value.status == 503
    assert len(middle.posts("/exchange")) == 4


@pytest.mark.parametrize("status", [408, 429, 500, 502, 504])
def test_what_may_have_been_applied_is_not_sent_again(middle: Middle, demo: AttachedCatalog, status: int) -> None:
    def applied(told: Told) -> Told:
        return Told(status, SUPPORT)

    middle.fault = at("/aggregate_update", changed(applied))
    with pytest.raises(HttpError, match=f"HTTP {status}"):
        demo.aggregate("total", [1.0, 2.0])
    assert len(middle.posts("/aggregate_update")) == 1


def test_a_lost_answer_is_not_asked_for_again(middle: Middle, demo: AttachedCatalog) -> None:
    middle.fault = at("/aggregate_update", changed(lambda told: b""))
    with pytest.raises(ConnectionClosed, match="whether the call was served is unknown"):
        demo.aggregate("total", [1.0, 2.0])
    assert len(middle.posts("/aggregate_update")) == 1
    assert len(middle.posts("/aggregate_destructor")) == 1


def test_a_failed_call_with_503_is_an_error_at_once(middle: Middle, demo: AttachedCatalog) -> None:
    body = stream(EMPTY_SCHEMA, Batch(empty_batch(EMPTY_SCHEMA), error_metadata(ValueError("applied, and lost"))))
    middle.fault = at("/aggregate_update", says(Told(503, ARROW, body)))
    with pytest.raises(RemoteError, match="applied, and lost"):
        demo.aggregate("total", [1.0, 2.0])
    assert len(middle.posts("/aggregate_update")) == 1


def test_a_coding_that_is_refused_is_not_used_again(middle: Middle) -> None:
    def refuse(asked: Asked, pass_on: Callable[[], Told]) -> Told:
        if asked.method == "POST" and "content-encoding" in asked.headers:
            return Told(415, {**SUPPORT, "VGI-Supported-Encodings": ""}, b"not that")
        return pass_on()

    middle.fault = refuse
    requests = Requests(Http("127.0.0.1", middle.server_address[1]), accepted=("zstd", "gzip"))
    with WorkerConnection(HttpSource(requests)) as worker:
        demo = worker.attach()
        for _ in range(3):
            assert len(demo.scalar("double", [1] * 2048)) == 2048
    codings = [asked.headers.get("content-encoding") for asked in middle.posts("/exchange")]
    assert codings.count("zstd") <= 1
    assert codings.count(None) == 3


# Answers that are none


def cut_chunks(told: Told) -> bytes:
    """Chunked, without the last chunk."""
    lines = [f"HTTP/1.1 {told.status} OK", *(f"{k}: {v}" for k, v in told.headers.items())]
    head = "\r\n".join([*lines, "Transfer-Encoding: chunked", "", ""]).encode()
    return head + b"%x\r\n%b\r\n" % (len(told.body), told.body)


def until_the_end(told: Told, cut: int) -> bytes:
    """Without any length; the end of the connection ends it."""
    lines = [f"HTTP/1.1 {told.status} OK", *(f"{k}: {v}" for k, v in told.headers.items())]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + told.body[: len(told.body) - cut]


DAMAGES: Sequence[tuple[str, Callable[[Told], Told | bytes]]] = [
    ("dropped", lambda told: b""),
    ("head only", lambda told: told.raw[:40]),
    ("half of the body", lambda told: told.raw[: -len(told.body) // 2]),
    ("without the last byte", lambda told: told.raw[:-1]),
    ("length too large", lambda told: replace(told, length=len(told.body) + 1).raw),
    ("length too small", lambda told: replace(told, length=len(told.body) - 8)),
    ("length negative", lambda told: replace(told, length=-1, body=told.body[:-8]).raw),
    ("chunks without end", cut_chunks),
    ("cut off at a message", lambda told: until_the_end(told, 8)),
    ("cut off within a message", lambda told: until_the_end(told, 20)),
    ("nothing", lambda told: replace(told, body=b"")),
    ("something behind", lambda told: replace(told, body=told.body + b"x")),
    ("a second stream", lambda told: replace(told, body=told.body + stream(EMPTY_SCHEMA))),
    ("no Arrow", lambda told: replace(told, body=b"<!DOCTYPE html>" * 50)),
    ("no HTTP", lambda told: b"SSH-2.0-OpenSSH_9.2\r\n"),
    ("no support", lambda told: told.without("VGI-Accept-Max-Response-Bytes-Support")),
    ("an error without error", lambda told: told.having(X_VGI_RPC_Error="true")),
    ("no zstd", lambda told: told.having(Content_Encoding="zstd")),
    ("no gzip", lambda told: told.having(X_VGI_Content_Encoding="gzip")),
    (
        "gzip that is cut",
        lambda told: replace(told, body=gzip.compress(told.body)[:-9]).having(Content_Encoding="gzip"),
    ),
    ("brotli", lambda told: told.having(Content_Encoding="br")),
    ("nonsense of a limit", lambda told: told.having(VGI_Max_Response_Bytes="12")),
    ("redirect", lambda told: Told(307, {**SUPPORT, "Location": "http://elsewhere/?secret"})),
    ("created", lambda told: replace(told, status=201)),
]


@pytest.mark.parametrize("change", [change for _, change in DAMAGES], ids=[name for name, _ in DAMAGES])
def test_a_damaged_turn_is_an_error_and_never_a_short_scan(
    middle: Middle, demo: AttachedCatalog, change: Callable[[Told], Told | bytes]
) -> None:
    middle.fault = at("/exchange", changed(change), after=1, times=1)
    seen: list[int] = []
    with pytest.raises(Error) as caught:
        read_into(seen, demo.scan("counted", 100_000))
    assert not isinstance(caught.value, RemoteError)
    assert "secret" not in str(caught.value)
    assert seen == list(range(len(seen)))
    assert 0 < len(seen) < 100_000
    assert len(middle.posts("/exchange")) in (2, 3)  # perhaps with a cancel, but the turn was not asked for again
    assert all(keys.CANCEL in asked.body for asked in middle.posts("/exchange")[2:])
    middle.fault = lambda asked, pass_on: pass_on()
    assert demo.scan("counted", 30_000).read_all()["n"].to_pylist() == list(range(30_000))


@pytest.mark.parametrize("change", [change for _, change in DAMAGES], ids=[name for name, _ in DAMAGES])
@pytest.mark.parametrize("end", ["/catalog_attach", "/init/init"])
@pytest.mark.full
def test_damaged_answers(middle: Middle, worker: WorkerConnection, end: str, change: Callable[[Told], Any]) -> None:
    middle.fault = at(end, changed(change), times=1)

    def use() -> None:
        demo = worker.attach()
        assert demo.scan("counted", 30_000).read_all()["n"].to_pylist() == list(range(30_000))
        raise AssertionError("nobody has noticed")

    with pytest.raises(Error) as caught:
        use()
    assert not isinstance(caught.value, RemoteError)
    assert len(middle.posts(end)) == 1


def test_a_response_over_the_limit(middle: Middle) -> None:
    requests = Requests(Http("127.0.0.1", middle.server_address[1]), max_response_bytes=100_000, accepted=("gzip",))
    large = b"\0" * 1_000_000
    with WorkerConnection(HttpSource(requests)) as worker:
        for told in (
            Told(200, ARROW, large),
            Told(200, {**ARROW, "Content-Encoding": "gzip"}, gzip.compress(large)),
            until_the_end(Told(200, ARROW, large), 0),
            until_the_end(Told(200, {**ARROW, "VGI-Max-Response-Bytes": "65536"}, large[:70_000]), 0),
        ):
            middle.fault = at("/catalog_catalogs", says(told))
            with pytest.raises(ProtocolError, match=r"has more than (100000|65536) bytes"):
                worker.catalogs()


def test_a_request_over_the_limit_is_not_sent(middle: Middle, demo: AttachedCatalog) -> None:
    middle.fault = lambda asked, pass_on: pass_on().having(VGI_Max_Request_Bytes="10000")
    with connect(middle.url) as worker:
        limited = worker.attach()
        before = len(middle.posts("/exchange"))
        with pytest.raises(HttpError, match=r"and the worker at .* takes 10000; send fewer rows at a time"):
            limited.scalar("double", [1] * 2048)
        assert len(middle.posts("/exchange")) == before
        assert limited.scalar("double", [1] * 100).to_pylist() == [2] * 100


LARGE = pa.table({"n": ["x" * 20_000] * 2000})
"""More than fits into the buffers of a connection; goes as one batch."""


@pytest.mark.skipif(sys.platform != "linux", reason="what a reset leaves of an answer")
def test_a_refusal_before_the_body_is_read(middle: Middle, demo: AttachedCatalog) -> None:
    told = Told(413, SUPPORT, b"too much").raw
    middle.early = lambda path: [told] if path.endswith("/exchange") else None
    with pytest.raises(HttpError, match="HTTP 413: too much"):
        demo.transform("first", LARGE).read_all()


def test_what_was_not_sent_is_sent_again(middle: Middle, demo: AttachedCatalog) -> None:
    early: list[str] = []

    def hang_up(path: str) -> list[bytes] | None:
        if path.endswith("/exchange") and len(early) < 2:
            early.append(path)
            return []
        return None

    middle.early = hang_up
    assert demo.transform("first", LARGE).read_all() == LARGE.slice(0, 1)
    assert len(early) == 2
    assert len(middle.posts("/exchange")) == 1
    early.clear()
    middle.early = lambda path: [] if path.endswith("/exchange") else None
    with pytest.raises(ConnectionClosed, match="hangs up before it has read the request"):
        demo.transform("first", LARGE).read_all()


def test_a_server_that_is_just_being_started(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    started: list[Middle] = []

    def start(pool: Pool, seconds: float) -> None:
        started.append(Middle(url, port=port))

    monkeypatch.setattr(Pool, "sleep", start)
    with connect(f"http://127.0.0.1:{port}") as worker:
        assert worker.catalogs() == ["demo"]
    [middle] = started
    middle.stop()


# What the server is not


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (Told(404, SUPPORT), "there is no VGI worker at .*: HEAD .*/health gives HTTP 404"),
        (Told(401, SUPPORT), "gives HTTP 401"),
        (Told(200, {}), "no header 'VGI-Accept-Max-Response-Bytes-Support: true'"),
        (Told(200, {"VGI-Accept-Max-Response-Bytes-Support": "yes"}), "no header"),
        (Told(302, {**SUPPORT, "Location": "https://elsewhere/x?secret"}), "redirects to https://elsewhere/x; give"),
    ],
)
def test_no_worker_is_there(middle: Middle, told: Told, message: str) -> None:
    middle.fault = says(told)
    with connect(middle.url) as worker, pytest.raises(ConnectError, match=message) as caught:
        worker.catalogs()
    assert "secret" not in str(caught.value)
    assert middle.posts() == []


@pytest.mark.parametrize(
    ("headers", "body", "reason", "message"),
    [
        ({"VGI-Auth-Reason": "expired_credential"}, b"{}", "expired_credential", r"\(HTTP 401, expired_credential\)"),
        (
            {},
            b'{"reason": "insufficient_scope", "detail": "ask\\nthe owner of s3same"}',
            "insufficient_scope",
            r"insufficient_scope: ask the owner of …\)",
        ),
        ({"VGI-Auth-Reason": "wrong moon"}, b"<html>", "unauthorized", r"\(HTTP 401, unauthorized\)"),
        ({}, b"[" * 100_000, "unauthorized", "HTTP 401"),
        (
            {"VGI-Auth-Reason": "proxy_required"},
            b'{"detail": "no", "proxy_hint": "use the gateway"}',
            "proxy_required",
            "proxy_required: no; use the gateway",
        ),
    ],
)
def test_refused_callers(middle: Middle, headers: dict[str, str], body: bytes, reason: str, message: str) -> None:
    middle.fault = at("", says(Told(401, {**SUPPORT, **headers, "Content-Type": "application/json"}, body)))
    with connect(middle.url, bearer_token="s3same") as worker:
        with pytest.raises(AuthenticationError, match=message) as caught:
            worker.catalogs()
        assert caught.value.reason == reason
        assert "s3same" not in str(caught.value)
        assert "the one that was given is not taken" in str(caught.value)
    [asked] = middle.posts()
    assert asked.headers["authorization"] == "Bearer s3same"


def test_the_kind_of_an_error_survives(middle: Middle, demo: AttachedCatalog) -> None:
    """Of workers that leave methods out: what is listed with them is empty."""
    metadata = {**error_metadata(KeyError("x")), keys.ERROR_KIND: b"method_not_implemented"}
    body = stream(EMPTY_SCHEMA, Batch(empty_batch(EMPTY_SCHEMA), metadata))
    for told in (Told(404, ARROW, body), Told(200, {**ARROW, "X-VGI-RPC-Error": "true"}, body)):
        middle.fault = at("/catalog_copy_from_formats", says(told))
        assert demo.copy_formats() == []
    middle.fault = at("/catalog_copy_from_formats", says(Told(404, SUPPORT, b"no such page")))
    with pytest.raises(HttpError, match="HTTP 404: no such page"):
        demo.copy_formats()


# What other workers may answer


def batches_of(body: bytes) -> tuple[pa.Schema, list[Batch]]:
    """The one stream of a body."""
    memory = MemoryStream(body)
    reader = StreamReader()
    schema = drive(reader.read_schema(), memory)
    assert schema is not None
    found = []
    while (batch := drive(reader.read_batch(), memory)) is not None:
        found.append(batch)
    assert not memory.remaining
    return schema, found


def remade(make: Callable[[pa.Schema, list[Batch]], Sequence[Batch]]) -> Fault:
    """A fault that changes the batches of a response."""

    def change(told: Told) -> Told:
        schema, batches = batches_of(told.body)
        return replace(told, body=stream(schema, *make(schema, batches)))

    return changed(change)


def split_cursor(schema: pa.Schema, batches: list[Batch]) -> list[Batch]:
    [answer] = batches
    return [Batch(answer.data), Batch(empty_batch(schema), answer.metadata)]


def test_the_cursor_of_an_exchange_may_have_a_batch_of_its_own(middle: Middle, demo: AttachedCatalog) -> None:
    middle.fault = at("/exchange", remade(split_cursor))
    assert demo.scalar("double", list(range(5000))).to_pylist() == [2 * n for n in range(5000)]


def test_several_batches_for_one_are_an_error(middle: Middle, demo: AttachedCatalog) -> None:
    for make in (
        lambda schema, batches: [Batch(batches[0].data), batches[0]],
        lambda schema, batches: [*reversed(split_cursor(schema, batches))],
    ):
        middle.fault = at("/exchange", remade(make))
        with pytest.raises(ProtocolError, match="answered one batch with several"):
            demo.scalar("double", [1])


def test_the_end_of_an_exchange_before_its_input(middle: Middle, demo: AttachedCatalog) -> None:
    middle.fault = at("/exchange", remade(lambda schema, batches: []))
    with pytest.raises(ProtocolError, match="ended the stream instead of answering a batch"):
        demo.scalar("double", [1])
    middle.fault = at("/exchange", remade(lambda schema, batches: [Batch(batches[0].data)]))
    assert demo.scalar("double", [1]).to_pylist() == [2]
    with pytest.raises(ProtocolError, match="the stream is over"):
        demo.scalar("double", [1] * 5000)


def test_turns_that_only_ask_for_patience(middle: Middle, demo: AttachedCatalog) -> None:
    cursors: list[bytes] = []

    def patience(asked: Asked, pass_on: Callable[[], Told]) -> Told:
        _, [tick] = batches_of(asked.body)
        cursors.append(tick.metadata[keys.STREAM_STATE])
        if cursors.count(cursors[-1]) < 3:
            schema = pa.schema([("n", pa.int64())])
            waiting = Batch(empty_batch(schema), {keys.STREAM_STATE: cursors[-1]})
            return Told(200, ARROW, stream(schema, waiting))
        return pass_on()

    middle.fault = at("/exchange", patience)
    assert demo.scan("counted", 30_000).read_all()["n"].to_pylist() == list(range(30_000))


def test_the_cursor_of_a_turn_may_ride_on_its_data(middle: Middle, demo: AttachedCatalog) -> None:
    def make(schema: pa.Schema, batches: list[Batch]) -> list[Batch]:
        *data, last = batches
        return [*data[:-1], Batch(data[-1].data, last.metadata)] if keys.STREAM_STATE in last.metadata else batches

    middle.fault = at("/exchange", remade(make))
    assert demo.scan("counted", 30_000).read_all()["n"].to_pylist() == list(range(30_000))


def test_an_error_behind_the_data_of_a_turn(middle: Middle, demo: AttachedCatalog) -> None:
    def make(schema: pa.Schema, batches: list[Batch]) -> list[Batch]:
        return [*batches, Batch(empty_batch(schema), error_metadata(LookupError("no more")))]

    middle.fault = at("/exchange", remade(make))
    seen: list[int] = []
    with pytest.raises(RemoteError, match="LookupError: no more"):
        read_into(seen, demo.scan("counted", 100_000))
    assert seen == list(range(len(seen)))


def test_an_error_behind_the_header(middle: Middle, demo: AttachedCatalog) -> None:
    def change(told: Told) -> Told:
        memory = MemoryStream(told.body)
        reader = StreamReader()
        schema = drive(reader.read_schema(), memory)
        drive(reader.drain(), memory)
        assert schema is not None
        header = told.body[: len(told.body) - memory.remaining]
        failure = Batch(empty_batch(EMPTY_SCHEMA), error_metadata(LookupError("not today")))
        return replace(told, body=header + stream(EMPTY_SCHEMA, failure))

    middle.fault = at("/init/init", changed(change))
    with pytest.raises(RemoteError, match="not today"):
        demo.scalar("double", [1])
    with pytest.raises(RemoteError, match="not today"):
        demo.scan("counted", 10).read_all()
    with pytest.raises(RemoteError, match="not today"):
        demo.transform("first", {"n": [1]}).read_all()
    assert middle.posts("/exchange") == []


def test_rows_that_are_elsewhere_are_no_empty_batch(middle: Middle, demo: AttachedCatalog) -> None:
    def make(schema: pa.Schema, batches: list[Batch]) -> list[Batch]:
        return [Batch(empty_batch(schema), {keys.LOCATION: b"ftp://store/x?sig=secret"}), *batches[-1:]]

    middle.fault = at("/exchange", remade(make))
    told = "points to something else than an object behind https:// or http://"
    with pytest.raises(ProtocolError, match=told) as caught:
        demo.scan("counted", 100_000).read_all()
    assert "secret" not in str(caught.value)


def test_a_scan_that_is_left_early_is_cancelled_once(middle: Middle, demo: AttachedCatalog) -> None:
    with demo.scan("counted", 1_000_000) as scan:
        next(scan)
    [cancel] = middle.posts("/exchange")
    schema, [batch] = batches_of(cancel.body)
    assert not len(schema)
    assert batch.data.num_rows == 0
    assert batch.metadata.keys() == {keys.STREAM_STATE, keys.CALL_STATE, keys.CANCEL}
    # A cancel may be lost, and what a stream with input is not asked needs none.
    middle.fault = at("/exchange", says(b""))
    with demo.scan("counted", 1_000_000) as scan:
        next(scan)
    assert len(middle.posts("/exchange")) == 2


# Compression


@pytest.mark.parametrize("codec", ["zstd", "gzip"])
def test_bodies_are_bounded_while_they_are_decompressed(codec: str) -> None:
    bomb = compress(b"\0" * (50 << 20), codec)
    assert decompress(bomb, codec, 50 << 20) == b"\0" * (50 << 20)
    with pytest.raises(TooLargeError):
        decompress(bomb, codec, (50 << 20) - 1)
    plain = bytes(range(256)) * 10_000
    whole = compress(plain, codec)
    assert decompress(whole, codec, len(plain)) == plain
    for broken in (b"", whole[:5], whole[:-1], whole[:-9], whole + b"x", whole + whole, b"x" + whole):
        with pytest.raises(MalformedMessage):
            decompress(broken, codec, 1 << 30)


def test_without_zstandard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert codecs() == ("gzip",)
    with pytest.raises(MalformedMessage, match="'br', which was not asked for"):
        decompress(b"x", "br", 10)


def test_frames_without_their_size() -> None:
    import zstandard

    plain = bytes(range(256)) * 10_000
    stream = zstandard.ZstdCompressor().compressobj()
    body = stream.compress(plain) + stream.flush()
    assert decompress(body, "zstd", len(plain)) == plain
    with pytest.raises(TooLargeError):
        decompress(body, "zstd", len(plain) - 1)
    for broken in (body[:-1], body[: len(body) // 2], body + b"x"):
        with pytest.raises(MalformedMessage):
            decompress(broken, "zstd", 1 << 30)
