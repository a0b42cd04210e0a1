"""Where batches lie for a while that are too large for HTTP: object stores."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import Error

OFFLOAD_ABOVE = 1 << 20
"""Bytes of a batch. Larger ones travel beside HTTP, where there is a store (spec 02, section 11.1)."""


class ObjectStore(Protocol):
    """Keeps objects, and gives URLs with which whoever knows one can get, or put, one object for a while.

    Names are made by the worker, of letters, digits, ``-`` and ``_``; nobody can guess one. The path of each URL ends
    in ``/`` and the name. Methods are called from several threads at once, and raise what they like.
    """

    def put(self, name: str, data: bytes, coding: str) -> None:
        """Keep an object.

        Args:
            name: a new one.
            data: what it is.
            coding: what is told in ``Content-Encoding`` to whoever gets it; ``""`` for nothing.
        """

    def download_url(self, name: str, seconds: int) -> str:
        """Where anybody can GET an object for so long. Makes no request."""

    def upload_url(self, name: str, seconds: int) -> str:
        """Where anybody can PUT an object for so long, with any content type. Makes no request."""


@dataclass(frozen=True)
class Offload:
    """What travels beside HTTP.

    Attributes:
        store: over which.
        above: bytes of a batch; larger ones do, and those that would make an answer larger than the client takes.
    """

    store: ObjectStore
    above: int = OFFLOAD_ABOVE


class S3Objects:
    """Objects in a bucket of S3, or of another service with its interface (the extra ``s3``).

    The worker's own credentials sign the URLs; clients need none. Nothing removes the objects: give the bucket a
    lifecycle rule that does so after a day.

    Args:
        bucket: its name.
        prefix: of the objects' keys, such as ``"duckwing/"``.
        client: boto3's client for S3; by default one that the environment configures (``AWS_DEFAULT_REGION``,
            ``AWS_ENDPOINT_URL_S3``, …), made when it is first needed.
    """

    def __init__(self, bucket: str, *, prefix: str = "", client: Any = None):
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._made = client
        self._lock = threading.Lock()

    def put(self, name: str, data: bytes, coding: str) -> None:
        """Keep an object."""
        more = {"ContentEncoding": coding} if coding else {}
        content = "application/vnd.apache.arrow.stream"
        self._client.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=data, ContentType=content, **more)

    def download_url(self, name: str, seconds: int) -> str:
        """Where anybody can get an object for so long, or until the worker's own credentials expire."""
        return self._url("get_object", name, seconds)

    def upload_url(self, name: str, seconds: int) -> str:
        """Where anybody can put an object for so long, likewise."""
        return self._url("put_object", name, seconds)

    def _url(self, operation: str, name: str, seconds: int) -> str:
        params = {"Bucket": self._bucket, "Key": self._prefix + name}
        url: str = self._client.generate_presigned_url(operation, Params=params, ExpiresIn=seconds)
        return url

    @property
    def _client(self) -> Any:
        with self._lock:  # boto3 makes its clients in one thread at a time
            if self._made is None:
                self._made = _s3_client()
            return self._made


def _s3_client() -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ModuleNotFoundError as error:
        raise Error("objects in S3 need boto3: pip install 'duckwing[s3]'") from error
    config = Config(
        signature_version="s3v4",
        connect_timeout=5,
        read_timeout=30,
        # Else URLs for uploads would be signed with the checksum of no bytes at all.
        request_checksum_calculation="when_required",
    )
    client = boto3.client("s3", config=config)
    if ".amazonaws." in client.meta.endpoint_url:  # else its URLs name no region, and some are redirected
        client = boto3.client("s3", config=config.merge(Config(s3={"addressing_style": "virtual"})))
    return client
