"""Workers over HTTP. What all locations have in common is tested through the fixture ``to`` as well."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from duckwing.cli.app import main
from duckwing.client import (
    At,
    AttachedCatalog,
    AuthenticationError,
    ConnectError,
    LocationError,
    WorkerConnection,
    col,
    connect,
)
from duckwing.client.http import HttpSource
from duckwing.client.http_coding import codecs
from duckwing.client.http_requests import Requests
from duckwing.client.locations import Http, parse_location
from duckwing.errors import ArgumentError, CatalogError, Error
from duckwing.rpc.client import LogMessage
from duckwing.rpc.errors import ConnectionClosed, RemoteError
from duckwing.types import BIGINT, VARCHAR

from .conftest import serving

SECONDS = 30.0

WORKER = """
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR

demo = dw.Catalog("demo", comment="for the client's tests")


@demo.scalar
def reciprocal(value: float) -> float:
    return 1 / value


@demo.scalar
def noisy(value: int, ctx: dw.Context) -> int:
    ctx.log("seen", level="WARN", value=value)
    return value


@demo.scalar(stability="volatile")
def whoami(value: int, ctx: dw.Context) -> str:
    return ctx.caller.principal


@demo.scalar(stability="volatile")
def four() -> int:
    return 4


@demo.scalar
def line(length: int) -> str:
    return "-" * length


@demo.table_function(columns={"n": BIGINT})
def numbers(count: int, *, step: int = 1, witness: str = "", fail_at: int = -1):
    try:
        for n in range(count):
            if n == fail_at:
                raise LookupError("no more")
            yield {"n": [n * step]}
    finally:
        if witness:
            Path(witness).write_text("closed")


@demo.table_function(columns={"n": BIGINT, "text": VARCHAR})
class counted:
    n: int = 0

    def __init__(self, count: int):
        self.count = count

    def next(self) -> pa.RecordBatch | None:
        if self.n >= self.count:
            return None
        ids = range(self.n, min(self.n + 500, self.count))
        self.n = ids.stop
        return pa.RecordBatch.from_pydict({"n": list(ids), "text": [f"text number {i}" for i in ids]})


@demo.table_function(columns={"n": BIGINT})
class shared:
    def __init__(self, count: int):
        self.count = count

    def plan(self) -> range:
        return range(0, self.count, 100)

    def scan(self, split: int):
        yield {"n": list(range(split, split + 100))}


@demo.row_function(columns={"word": VARCHAR})
def words(text: str):
    yield from ((word,) for word in text.split())


@demo.table_in_out
def keep(rows: pa.RecordBatch, *, column: str):
    yield rows.filter(pc.is_valid(rows[column]))


@demo.buffering(columns="input")
def top(rows: Iterator[pa.RecordBatch], *, by: str, k: int = 3):
    yield pa.Table.from_batches(rows).sort_by([(by, "descending")]).slice(0, k)


@demo.aggregate
class total:
    sum: dw.PerGroup[float] = 0.0

    def update(self, groups: dw.Groups, value: pa.DoubleArray) -> None:
        groups.add(self.sum, value)

    def result(self, groups: dw.Groups) -> pa.DoubleArray:
        return pa.array(groups.take(self.sum))


demo.table("first", counted, args=[4])
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("worker") / "worker.py"
    path.write_text(WORKER, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def url(file: Path) -> Iterator[str]:
    with serving(file, "--http-workers", "2", "--prefix", "/some/where") as url:
        yield f"{url}/some/where"


@pytest.fixture
def worker(url: str) -> Iterator[WorkerConnection]:
    with connect(url) as worker:
        yield worker


@pytest.fixture
def demo(worker: WorkerConnection) -> AttachedCatalog:
    return worker.attach()


# Locations


@pytest.mark.parametrize(
    ("text", "expected", "url"),
    [
        ("http://localhost:8000", Http("localhost", 8000), "http://localhost:8000"),
        ("HTTPS://w.example/a/b/", Http("w.example", 443, "/a/b", True), "https://w.example:443/a/b"),
        ("http://w.example/", Http("w.example", 80), "http://w.example:80"),
        ("http://[::1]:9/x//", Http("::1", 9, "/x/"), "http://[::1]:9/x/"),
    ],
)
def test_locations(text: str, expected: Http, url: str) -> None:
    found = parse_location(text)
    assert found == expected
    assert isinstance(found, Http)
    assert found.url == url
    assert found.is_local == (expected.host in ("localhost", "::1"))


@pytest.mark.parametrize(
    "text",
    [
        "http://",
        "http:///x",
        "https://h:0",
        "http://h:65536",
        "http://h:8٣",
        "http://ada:hunter2@h",
        "http://h?x=hunter2",
        "http://h/x#hunter2",
        "http://h/a b",
        "http://h/ä",
        "http://h\r\nX: hunter2",
        "http://::1:9",
        "http://h\\x",
    ],
)
def test_what_is_no_location(text: str) -> None:
    with pytest.raises(LocationError, match="a LOCATION over HTTP is") as caught:
        parse_location(text)
    assert "hunter2" not in str(caught.value)


def test_a_token_is_for_http_alone() -> None:
    with pytest.raises(LocationError, match="bearer_token= is for workers at http"):
        connect("tcp://localhost:1", bearer_token="x")
    for token in ("", "a b", "a\r\nX: y", "ä"):
        with pytest.raises(ArgumentError, match="visible ASCII") as caught:
            connect("http://localhost:1", bearer_token=token)
        assert not token or token not in str(caught.value).replace("a bearer", "").replace("at least", "")


# Functions


def test_listings(worker: WorkerConnection, demo: AttachedCatalog) -> None:
    assert worker.catalogs() == ["demo"]
    assert worker.processes == ()
    assert demo.about.comment == "for the client's tests"
    assert {"numbers", "keep", "total"} < {function.name for function in demo.functions()}
    with pytest.raises(RemoteError, match="No worker handles catalog 'nosuch'"):
        worker.attach("nosuch")


def test_functions_of_all_kinds(demo: AttachedCatalog) -> None:
    column = pa.array([float(n + 1) for n in range(5000)])
    assert demo.scalar("reciprocal", column).to_pylist() == [1 / (n + 1) for n in range(5000)]
    assert demo.scalar("reciprocal", pa.array([], pa.float64())).to_pylist() == []
    assert demo.scalar("four", rows=3000).to_pylist() == [4] * 3000
    assert demo.row("words", ["to be", "", "or not"]).read_all()["word"].to_pylist() == ["to", "be", "or", "not"]
    rows = {"a": [None if n % 7 == 0 else n for n in range(6000)]}
    kept = demo.transform("keep", rows, column="a").read_all()["a"].to_pylist()
    assert kept == [n for n in range(6000) if n % 7]
    assert demo.transform("top", rows, by="a", k=2).read_all().to_pydict() == {"a": [5998, 5997]}
    assert demo.aggregate("total", column, threads=3).as_py() == sum(range(1, 5001))
    groups = ["ab"[n % 2] for n in range(5000)]
    assert demo.aggregate("total", column, groups=groups).to_pydict() == {
        "group": ["a", "b"],
        "result": [float(sum(range(1, 5001, 2))), float(sum(range(2, 5001, 2)))],
    }


def test_scans(demo: AttachedCatalog) -> None:
    assert [n for batch in demo.scan("numbers", 3, step=5) for n in batch["n"].to_pylist()] == [0, 5, 10]
    assert demo.scan("numbers", 0).read_all().num_rows == 0
    found = demo.scan("counted", 5000, columns=["text"], where=(col("n") > 4995) & ~col("n").isin([4997])).read_all()
    assert found.to_pydict() == {"text": [f"text number {n}" for n in (4996, 4998, 4999)]}
    best = demo.scan("counted", 5000, order_by=("n", "descending"), limit=2).read_all()
    assert best["n"].to_pylist() == [4999, 4998]
    assert 0 < demo.scan("counted", 5000, sample=10).read_all().num_rows < 2500
    assert demo.table("first").scan().read_all()["n"].to_pylist() == [0, 1, 2, 3]
    for threads in (1, 4):
        assert sorted(demo.scan("shared", 3000, threads=threads).read_all()["n"].to_pylist()) == list(range(3000))


def test_scans_at_the_same_time(demo: AttachedCatalog) -> None:
    scans = [demo.scan("counted", 3000) for _ in range(5)]
    for scan in scans:
        assert next(scan)["n"][0].as_py() == 0
    assert demo.scalar("reciprocal", [2.0]).to_pylist() == [0.5]
    assert [scan.read_all().num_rows for scan in scans] == [2500] * 5


def test_leaving_a_scan_early_closes_the_generator(demo: AttachedCatalog, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    scan = demo.scan("numbers", 1_000_000_000, witness=str(witness))
    assert next(scan)["n"].to_pylist() == [0]
    scan.close()
    waiting = threading.Event()
    for _ in range(int(SECONDS / 0.05)):
        if witness.exists() or waiting.wait(0.05):
            break
    assert witness.read_text() == "closed"


def test_errors(demo: AttachedCatalog) -> None:
    with pytest.raises(RemoteError) as caught:
        demo.scalar("reciprocal", [1.0, 0.0])
    assert caught.value.type == "ZeroDivisionError"
    with pytest.raises(ArgumentError):
        demo.scan("numbers", "many")
    for rows in (0, 3, 5000):
        seen: list[int] = []
        with pytest.raises(RemoteError, match=r"no more \[table function 'numbers'\]"):
            seen += [n for batch in demo.scan("numbers", 10_000, fail_at=rows) for n in batch["n"].to_pylist()]
        with pytest.raises(RemoteError):
            demo.scan("numbers", 10_000, fail_at=rows).read_all()
    assert demo.scalar("reciprocal", [4.0]).to_pylist() == [0.25]


def test_logs_are_handed_on(url: str) -> None:
    logs: list[LogMessage] = []
    with connect(url, on_log=logs.append) as worker:
        assert worker.attach().scalar("noisy", [5]).to_pylist() == [5]
    assert [(log.level, log.message) for log in logs] == [("WARN", "seen (value=5)")]


def test_nothing_is_called_after_the_end(url: str) -> None:
    with connect(url) as worker:
        demo = worker.attach()
        scan = demo.scan("counted", 1_000_000)
        begun = demo.scan("counted", 1_000_000)
        next(begun)
    for late in (scan, begun):
        with pytest.raises(ConnectionClosed, match="was closed; connect again"):
            late.read_all()
        late.close()
    with pytest.raises(Error, match="was closed; connect again"):
        demo.scalar("reciprocal", [1.0])


# Other workers of the SQL tests; the rest of their tests runs over HTTP in test_tables.py


def test_writes_and_transactions(tmp_path: Path) -> None:
    with serving("writable") as url, connect(url) as worker:
        store = worker.attach("store", options={"folder": str(tmp_path)})
        with store.transaction() as tx:
            tx.create_table("people", {"id": BIGINT, "name": VARCHAR}, primary_key=["id"])
            assert tx.insert("people", {"id": [1, 2, 3], "name": ["Ada", "Bo", None]}) == 3
        with store.transaction() as tx:
            assert tx.update("people", {"name": "Cy"}, where=col("name").is_null()) == 1
            assert tx.delete("people", where=col("id") == 2) == 1
        with contextlib.suppress(CatalogError), store.transaction() as tx:
            tx.delete("people")
            raise CatalogError("changed my mind")
        found = store.table("people").scan(order_by="id").read_all()
        assert found.to_pylist() == [{"id": 1, "name": "Ada"}, {"id": 3, "name": "Cy"}]


@pytest.mark.full
def test_copy_and_earlier_states(tmp_path: Path) -> None:
    with serving("copying") as url, connect(url) as worker:
        copying = worker.attach()
        rows = pa.table({"n": [str(n) for n in range(5000)]})
        assert copying.copy_to("lines", tmp_path / "out", rows) == 5000
        assert copying.copy_from("lines", tmp_path / "out", rows.schema).read_all() == rows
    with serving("versions") as url, connect(url) as worker:
        earlier = worker.attach("atlas").table("history", at=At(version=1))
        assert earlier.scan().read_all().to_pylist() == [{"old": "old 1", "n": 1}]


# The wire


@pytest.mark.parametrize("codec", ["zstd", "gzip"])
def test_compressed(url: str, codec: str) -> None:
    assert codec in codecs()
    location = parse_location(url)
    assert isinstance(location, Http)
    with WorkerConnection(HttpSource(Requests(location, accepted=[codec]))) as worker:
        demo = worker.attach()
        column = pa.array([1.0] * 20_000)
        assert demo.scalar("reciprocal", column).to_pylist() == [1.0] * 20_000
        assert demo.scan("counted", 20_000).read_all()["n"].to_pylist() == list(range(20_000))


def test_small_responses_cut_a_scan_into_turns(url: str) -> None:
    location = parse_location(url)
    assert isinstance(location, Http)
    requests = Requests(location, max_response_bytes=1 << 17)
    with WorkerConnection(HttpSource(requests)) as worker:
        demo = worker.attach()
        assert demo.scan("counted", 20_000).read_all()["n"].to_pylist() == list(range(20_000))
        with pytest.raises(RemoteError, match="exceeds max_response_bytes"):
            demo.scalar("line", [200] * 2048)


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConnectError, match=f"cannot connect to http://127.0.0.1:{port}: Connection refused"):
        connect(f"http://127.0.0.1:{port}").catalogs()


def test_tokens(file: Path) -> None:
    environment = {**os.environ, "VGI_BEARER_TOKENS": "sesame=ada"}
    with serving(file, environment=environment) as url:
        with connect(url) as worker, pytest.raises(AuthenticationError, match="missing_credential") as caught:
            worker.catalogs()
        assert caught.value.status == 401
        assert "give one as bearer_token=" in str(caught.value)
        with connect(url, bearer_token="tahini") as worker, pytest.raises(AuthenticationError) as caught:
            worker.catalogs()
        assert caught.value.reason == "invalid_credential"
        assert "tahini" not in str(caught.value)
        with connect(url, bearer_token="sesame") as worker:
            demo = worker.attach()
            assert demo.scalar("whoami", [1]).to_pylist() == ["ada"]
            assert demo.scan("counted", 5000).read_all().num_rows == 5000


# The command line


def test_describe_and_call(
    url: str, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DUCKWING_TOKEN", raising=False)
    assert main(["describe", url]) == 0
    assert "    scalar reciprocal(value DOUBLE) -> DOUBLE" in capsys.readouterr().out.splitlines()
    assert main(["call", url, "numbers", "3", "--named", "step=2", "--format", "csv"]) == 0
    assert capsys.readouterr().out == "n\n0\n2\n4\n"
    with serving(file, environment={**os.environ, "VGI_BEARER_TOKENS": "sesame=ada"}) as protected:
        assert main(["call", protected, "whoami", "1", "--format", "csv"]) != 0
        assert re.search("wants a bearer token.*missing_credential", capsys.readouterr().err)
        monkeypatch.setenv("DUCKWING_TOKEN", "sesame")
        assert main(["call", protected, "whoami", "1", "--format", "csv"]) == 0
        captured = capsys.readouterr()
        assert captured.out == "result\nada\n"
        assert "sesame" not in captured.err
