"""Buckets of S3 as object stores, over a server of their own."""

from __future__ import annotations

import os
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping

import duckdb
import pytest

from duckwing.errors import Error
from duckwing.http.objects import S3Objects

from .s3 import BUCKET, CREDENTIALS, objects_in, s3_client, s3_server
from .serving import WORKER, Process

STORED = WORKER.with_name("stored.py")


@pytest.fixture(scope="module")
def s3() -> Iterator[Mapping[str, str]]:
    with s3_server() as environment:
        yield environment


@pytest.fixture
def default(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str]], None]:
    """Sets the environment from which boto3 makes clients."""

    def default(environment: Mapping[str, str]) -> None:
        import boto3

        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

    return default


@pytest.mark.full
def test_objects_in_a_bucket(s3: Mapping[str, str], default: Callable[[Mapping[str, str]], None]) -> None:
    default(s3)
    store = S3Objects(BUCKET, prefix="/some/place/")
    store.put("first", b"its bytes", "zstd")
    store.put("second", b"others", "")
    with urllib.request.urlopen(store.download_url("first", 60)) as answer:
        assert (answer.read(), answer.headers["Content-Encoding"]) == (b"its bytes", "zstd")
    with urllib.request.urlopen(store.download_url("second", 60)) as answer:
        assert (answer.read(), answer.headers["Content-Encoding"]) == (b"others", None)
    # As the extension puts it.
    headers = {"Content-Type": "application/octet-stream"}
    with urllib.request.urlopen(
        urllib.request.Request(store.upload_url("third", 60), b"from a client", headers, method="PUT")
    ) as answer:
        assert answer.status == 200
    with urllib.request.urlopen(store.download_url("third", 60)) as answer:
        assert answer.read() == b"from a client"
    found = s3_client(s3).list_objects_v2(Bucket=BUCKET, Prefix="some/")["Contents"]
    assert [each["Key"] for each in found] == ["some/place/first", "some/place/second", "some/place/third"]
    assert store.download_url("first", 60).split("?")[0].endswith("/some/place/first")


@pytest.mark.parametrize(
    ("environment", "server"),
    [
        ({}, "https://bucket.s3.eu-central-1.amazonaws.com/x?"),  # of its region, for others may redirect
        ({"AWS_DEFAULT_REGION": "us-east-1"}, "https://bucket.s3.amazonaws.com/x?"),
        ({"AWS_ENDPOINT_URL_S3": "https://store.example.com"}, "https://store.example.com/bucket/x?"),
    ],
)
def test_urls_without_a_request(
    environment: dict[str, str], server: str, default: Callable[[Mapping[str, str]], None]
) -> None:
    default({**CREDENTIALS, **environment})
    store = S3Objects(BUCKET)
    for url in (store.download_url("x", 60), store.upload_url("x", 60)):
        assert url.startswith(server)
        assert "X-Amz-Expires=60&X-Amz-SignedHeaders=host&" in url
        assert "checksum" not in url.lower()


@pytest.mark.full
def test_a_client_of_ones_own(s3: Mapping[str, str]) -> None:
    store = S3Objects(BUCKET, client=s3_client(s3))
    store.put("own", b"bytes", "")
    assert s3_client(s3).get_object(Bucket=BUCKET, Key="own")["Body"].read() == b"bytes"


def test_without_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    store = S3Objects(BUCKET)  # nothing is needed before it is used
    with pytest.raises(Error, match=r"pip install 'duckwing\[s3\]'"):
        store.download_url("x", 60)


@pytest.mark.sql
@pytest.mark.full
def test_a_worker_of_two_processes(s3: Mapping[str, str], connection: duckdb.DuckDBPyConnection) -> None:
    flags = ("--processes", "2", "--max-request-bytes", "65536", "--compression", "on")
    with Process(*flags, file=STORED, environment=s3) as server:
        connection.execute(f"ATTACH 'served' (TYPE vgi, LOCATION 'http://127.0.0.1:{server.port}')")
        for function in ("numbers", "walk"):
            scan = f"SELECT count(*), sum(n), min(length(text)) FROM served.{function}(6000, 2000, width := 200)"
            count, total, _ = connection.execute(scan).fetchone() or (0, 0, 0)
            assert (count, total) == (6000, 17_997_000)
        lengths = "SELECT sum(length(served.repeated(repeat('y', 500) || range % 10, 1))) FROM range(4000)"
        assert connection.execute(lengths).fetchone() == (4000 * 501,)
    kept = objects_in(s3)
    beside = [key for key in kept if key.startswith("dw/")]
    codings = {kept[key].get("ContentEncoding") for key in beside}
    assert codings == {"zstd", None}  # answers are compressed, what clients put there is not
    types = {kept[key]["ContentType"] for key in beside}
    assert types == {"application/vnd.apache.arrow.stream", "application/octet-stream"}
