"""Requests that travel beside HTTP: URLs to put them at, and the pointers that come instead (spec 02, section 11.2).

A client gets the name of an object with its URL, and the name is a sealed token: it says until when, and opens only
for the caller that got it. What the worker fetches is never an address that a client has named, but the one that the
store gives for such a name.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

import pyarrow as pa

from ..client.http_objects import fetch, without_credentials
from ..rpc import keys
from ..rpc.call import Identity
from ..rpc.errors import ProtocolError
from ..rpc.framing import Batch, read_stream, stream_buffers
from ..rpc.limits import DEFAULT_LIMITS
from ..rpc.request import method_name, one_line
from .answers import Answer
from .calls import read_body
from .cursors import MAX_SKEW
from .objects import ObjectStore
from .pointers import URL_SECONDS, OffloadError
from .tokens import InvalidToken, Sealer

T = TypeVar("T")

_log = logging.getLogger(__name__)

PATH = "/__upload_url__/init"
"""Where URLs are asked for, behind the prefix: under no protocol."""

MAX_OFFER_BYTES = 8192
"""Of a request for URLs."""

MAX_UPLOAD_BYTES = 256 << 20
"""Of an uploaded request, as it travels and as it is."""

MAX_URLS = 100

FETCH_SECONDS = 60.0
FETCHERS = 4
"""Requests that are fetched at a time, and how long one may take."""

_METHODS = ("__upload_url__", "__upload_url__/init")
_COUNT = pa.schema([("count", pa.int64())])
_URLS = pa.schema(
    [
        pa.field("upload_url", pa.utf8(), nullable=False),
        pa.field("download_url", pa.utf8(), nullable=False),
        pa.field("expires_at", pa.timestamp("us", "UTC"), nullable=False),
    ]
)

_ENVELOPE = frozenset(
    (
        keys.METHOD,
        keys.REQUEST_VERSION,
        keys.PROTOCOL,
        keys.PROTOCOL_VERSION,
        keys.REQUEST_ID,
        keys.STREAM_STATE,
        keys.CALL_STATE,
        keys.CANCEL,
    )
)
"""Metadata that say what a request is; the pointer has them, whatever the object says."""

_PURPOSE = b"upload"
_EXPIRY = struct.Struct("<d")
_TO_NAME, _FROM_NAME = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")


class Uploads:
    """Uploaded requests.

    Args:
        store: where they lie.
        sealer: makes their names.
    """

    def __init__(self, store: ObjectStore, sealer: Sealer):
        self._store = store
        self._sealer = sealer
        self._threads = ThreadPoolExecutor(FETCHERS, "duckwing-uploads")

    async def offer(self, body: bytes, caller: Identity) -> Answer:
        """Answer a request for URLs.

        Raises:
            RpcError: it is none.
            OffloadError: the store makes no URL.
        """
        return await self._in_thread(partial(self._offer, body, caller))

    async def resolve(self, body: bytes, caller: Identity) -> bytes:
        """The request itself, if its body is a pointer to it; else ``body``.

        Raises:
            RpcError: it points to nothing that this worker gave to this caller, or to no request.
            FetchError: the object cannot be had.
            OffloadError: the store makes no URL.
        """
        # A body without the key's name is no pointer. What else has it is read once more than necessary.
        if keys.LOCATION not in body:
            return body
        return await self._in_thread(partial(self._resolve, body, caller))

    def close(self) -> None:
        """Fetch nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, job)

    def _offer(self, body: bytes, caller: Identity) -> Answer:
        request = read_body(body, DEFAULT_LIMITS)
        name = method_name(request)
        if name not in _METHODS:
            raise ProtocolError(f"The request names method {name[:100]!r}, but was sent to '{_METHODS[0]}'.")
        assert request.batch is not None
        data = request.batch.data
        if data.schema.names != _COUNT.names or data.schema.types != _COUNT.types:
            raise ProtocolError(f"Expected the parameters {one_line(_COUNT)}, got {one_line(data.schema)}.")
        count = min(max(data["count"][0].as_py() or 1, 1), MAX_URLS)
        expires = time.time() + URL_SECONDS
        names = [self._name(expires, caller) for _ in range(count)]
        columns = [
            [self._url(self._store.upload_url, name, URL_SECONDS) for name in names],
            [self._url(self._store.download_url, name, URL_SECONDS) for name in names],
            [datetime.datetime.fromtimestamp(int(expires), datetime.UTC)] * count,
        ]
        arrays = [pa.array(values, field.type) for values, field in zip(columns, _URLS, strict=True)]
        return Answer(stream_buffers(_URLS, [Batch(pa.RecordBatch.from_arrays(arrays, schema=_URLS))]), rows=count)

    def _resolve(self, body: bytes, caller: Identity) -> bytes:
        pointer = read_body(body, DEFAULT_LIMITS).batch
        if pointer is None or keys.LOCATION not in pointer.metadata:
            return body
        if pointer.data.num_rows:
            raise ProtocolError("A batch that points to a location has no rows of its own.")
        plain = fetch(
            self._issued(pointer.metadata[keys.LOCATION], caller),
            pointer.metadata.get(keys.LOCATION_SHA256),
            wire=MAX_UPLOAD_BYTES,
            limit=MAX_UPLOAD_BYTES,
            seconds=FETCH_SECONDS,
        )
        schema, batches = read_stream(plain, DEFAULT_LIMITS)
        if len(batches) != 1:
            raise ProtocolError(f"Expected 1 batch in the uploaded request, got {len(batches)}.")
        [uploaded] = batches
        if keys.LOCATION in uploaded.metadata:
            raise ProtocolError("An uploaded request that points to another one is not followed.")
        metadata = {key: value for key, value in uploaded.metadata.items() if key not in _ENVELOPE}
        metadata |= {key: value for key, value in pointer.metadata.items() if key in _ENVELOPE}
        return b"".join(map(memoryview, stream_buffers(schema, [Batch(uploaded.data, metadata)])))

    # Names and URLs

    def _url(self, make: Callable[[str, int], str], name: str, seconds: int) -> str:
        try:
            return make(name, seconds)
        except Exception as error:
            told = without_credentials(f"{type(error).__name__}: {error}")
            _log.error("the object store makes no URL: %s", told)
            raise OffloadError(
                f"the worker's object store makes no URL ({type(error).__name__}); the worker's log says more"
            ) from None

    def _name(self, expires: float, caller: Identity) -> str:
        token = self._sealer.seal(_EXPIRY.pack(expires), _PURPOSE, caller.context)
        return token.translate(_TO_NAME).decode()

    def _issued(self, location: bytes, caller: Identity) -> str:
        """A URL of the object that a location names.

        Raises:
            ProtocolError: this caller has not got it from here, or too long ago.
        """
        try:
            url = location.decode("ascii")
            asked = urlsplit(url)
            name = asked.path.rpartition("/")[2].encode()
            token = name.translate(_FROM_NAME)
            (expires,) = _EXPIRY.unpack(self._sealer.open(token, _PURPOSE, caller.context))
        except (ValueError, InvalidToken):
            raise _foreign() from None
        if time.time() > expires + MAX_SKEW:
            raise ProtocolError("The location of the request has expired; ask for a new one.")
        own = self._url(self._store.download_url, name.decode(), int(FETCH_SECONDS))
        if urlsplit(own)[:3] != asked[:3]:
            raise _foreign()
        return own


def _foreign() -> ProtocolError:
    return ProtocolError(f"The request points to a location that was not got from this worker's '{_METHODS[0]}'.")
