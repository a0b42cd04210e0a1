"""What a call is answered with, before HTTP makes a response of it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

import pyarrow as pa

from ..errors import Error
from ..rpc import keys
from ..rpc.call import Call
from ..rpc.errors import MalformedMessage, ProtocolError, RpcError
from ..rpc.framing import EMPTY_SCHEMA, Buffer, MemoryStream, drive, stream_buffers
from ..rpc.limits import DEFAULT_LIMITS
from ..rpc.request import read_request
from .headers import MIN_RESPONSE_BYTES


class ResponseTooLargeError(Error):
    """The client, or the worker's own settings, do not take a response of this size."""


@dataclass(frozen=True)
class Answer:
    """An Arrow body.

    Attributes:
        body: its buffers.
        status: of the response. A call that was begun is answered with 200, whatever came of it: the client repeats
            the request for others (spec 02, section 12.3).
        failed: the body is an error and nothing else.
        call: the call, to be told whether the answer has gone out.
        function: what the call was about, for the access log, as the following.
        rows: how many rows the body has.
        cancelled: the client wanted no more of a stream.
        uploads: of objects that the body points to; it must not go out before they have arrived.
    """

    body: Sequence[Buffer]
    status: int = 200
    failed: bool = False
    call: Call | None = None
    function: str = ""
    rows: int = 0
    cancelled: bool = False
    uploads: Sequence[Future[None]] = ()

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return sum(memoryview(buffer).nbytes for buffer in self.body)


def refusal(error: Exception, status: int, server_id: str, body: bytes = b"") -> Answer:
    """The answer to a request that has not become a call.

    Args:
        error: why not.
        status: of the response.
        server_id: of this server.
        body: of the request, if it has been read: its id goes with all errors (spec 01, section 3.1).
    """
    if isinstance(error, MalformedMessage):
        error = ProtocolError(str(error))
    return replace(failure(Call(_ids(body), server_id), EMPTY_SCHEMA, error), status=status)


def _ids(body: bytes) -> dict[bytes, bytes]:
    """The metadata with which a client knows its request again, as far as it can be read."""
    with contextlib.suppress(RpcError):
        request = drive(read_request(DEFAULT_LIMITS), MemoryStream(body))
        if request is not None and keys.REQUEST_ID in request.metadata:
            return {keys.REQUEST_ID: request.metadata[keys.REQUEST_ID]}
    return {}


def failure(call: Call, schema: pa.Schema, error: BaseException) -> Answer:
    """The answer of a call that failed.

    It is marked as an error unless log messages come before that: of a marked one, clients read nothing else.
    """
    messages = call.failure(schema, error)
    return Answer(stream_buffers(schema, messages), failed=len(messages) == 1, call=call)


def too_large(size: int, limit: int, method: str) -> ResponseTooLargeError:
    """The error of an answer that nobody takes (spec 02, section 10.2)."""
    more = "; the client's setting vgi_http_accepted_max_response_bytes says so" if limit >= MIN_RESPONSE_BYTES else ""
    return ResponseTooLargeError(f"HTTP body exceeds max_response_bytes ({size} > {limit}) for method '{method}'{more}")
