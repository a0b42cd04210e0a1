"""A server with S3's interface, as a process of its own."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from .serving import PATIENCE

BUCKET = "bucket"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "eu-central-1"}


@contextlib.contextmanager
def s3_server() -> Iterator[Mapping[str, str]]:
    """What the environment of a worker says of it; it has one bucket."""
    command = [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", "0"]
    # Its log would fill a pipe that nobody reads.
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        address = _address(process)
        environment = {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": address, "BUCKET": BUCKET}
        s3_client(environment).create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": CREDENTIALS["AWS_DEFAULT_REGION"]}
        )
        yield environment
    finally:
        process.kill()
        process.wait(PATIENCE)


def s3_client(environment: Mapping[str, str]) -> Any:
    """boto3's client."""
    import boto3

    return boto3.session.Session(
        environment["AWS_ACCESS_KEY_ID"],
        environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_DEFAULT_REGION"],
    ).client("s3", endpoint_url=environment.get("AWS_ENDPOINT_URL_S3"))


def objects_in(environment: Mapping[str, str]) -> dict[str, Any]:
    """What is in the bucket, by key."""
    client = s3_client(environment)
    listed = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return {each["Key"]: client.get_object(Bucket=BUCKET, Key=each["Key"]) for each in listed}


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        found = re.search(r"Running on (http://127\.0\.0\.1:\d+)", line)
        if found:
            threading.Thread(target=_drain, args=(process.stderr,), daemon=True).start()
            return found[1]
    raise AssertionError("the S3 server has not started")


def _drain(lines: Any) -> None:
    with contextlib.closing(lines):
        for _ in lines:
            pass
