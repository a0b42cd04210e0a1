"""Requests to a worker over HTTP: connections, retries, and what comes back (spec 02)."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..errors import ArgumentError
from ..rpc.errors import ConnectionClosed, MalformedMessage, ProtocolError, RpcError
from ..transports.sockets import ConnectError
from .http_coding import TooLargeError, codecs, compress, decompress
from .http_pool import Answer, ConnectFailedError, NotSentError, Pool
from .locations import Http

MAX_RESPONSE_BYTES = 256 << 20
"""Bytes of a response, before and after decompression (spec 02, section 10.2)."""

ANSWER_SECONDS = 300.0
"""Within which each piece of an answer must come (spec 02, section 8.2)."""

PAUSES = (0.1, 0.3, 0.9)
"""Seconds before a request is sent once more that nobody has served: a worker may just be starting again."""

COMPRESSED_BYTES = 1024
"""Smaller bodies are sent as they are (spec 02, section 6.1)."""

_ARROW = "application/vnd.apache.arrow.stream"
_ACCEPTED = "VGI-Accept-Max-Response-Bytes"
_SUPPORT = "VGI-Accept-Max-Response-Bytes-Support"
_ENCODINGS = "VGI-Supported-Encodings"

_LIMIT = re.compile(r"[1-9][0-9]{0,15}\Z")
_TOKEN = re.compile(r"[!-~]+\Z")
_REASONS = {
    "missing_credential",
    "invalid_credential",
    "expired_credential",
    "insufficient_scope",
    "proxy_required",
}
_SHOWN = 400
"""Characters of a foreign text that an error message has."""


class HttpError(RpcError):
    """The server refused a request before it became a call.

    Attributes:
        status: of the response.
    """

    def __init__(self, message: str, status: int):
        super().__init__(message)
        self.status = status


class AuthenticationError(HttpError):
    """The server wants to know who calls, or does not take the token.

    Attributes:
        reason: one of the codes of spec 02, section 13.2, such as ``missing_credential``.
    """

    def __init__(self, message: str, reason: str):
        super().__init__(message, 401)
        self.reason = reason


@dataclass(frozen=True)
class Reply:
    """A body of Arrow.

    Attributes:
        body: the streams, decompressed.
        failed: an error is among them, and whatever else there is does not count.
        refusal: what to say if there is no error, after all; None: the response says that the call was served.
    """

    body: bytes
    failed: bool = False
    refusal: HttpError | None = None


@dataclass(frozen=True)
class _Capabilities:
    codec: str | None
    request_bytes: int | None


class Requests:
    """Requests to one worker. Several threads may make them at once; each has a connection of its own meanwhile.

    Args:
        address: where the worker is.
        bearer_token: who asks; None: anybody.
        accepted: the codecs to use, the better one first; None: all, or none where the server is this machine, since
            copying is faster than compressing.
        seconds: within which each piece of an answer must come.
        max_response_bytes: of a response, before and after decompression.

    Raises:
        ArgumentError: a token must be visible ASCII.
    """

    def __init__(
        self,
        address: Http,
        bearer_token: str | None = None,
        *,
        accepted: Sequence[str] | None = None,
        seconds: float = ANSWER_SECONDS,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
    ):
        if bearer_token is not None and not _TOKEN.match(bearer_token):
            raise ArgumentError("a bearer token has at least one character, all of them visible ASCII")
        self.address = address
        self._token = bearer_token
        self._codecs = (() if address.is_local else codecs()) if accepted is None else tuple(accepted)
        self._seconds = seconds
        self._limit = max_response_bytes
        self._pool = Pool(address)
        self._lock = threading.Lock()
        self._known: _Capabilities | None = None

    def post(self, path: str, body: bytes) -> Reply:
        """Call a method.

        Args:
            path: behind the prefix, such as ``/vgi.v2/bind``.
            body: the Arrow stream.

        Raises:
            AuthenticationError: the server wants another caller.
            HttpError: the server refuses the request.
            ConnectError: nobody answers.
            ConnectionClosed: the connection broke; whether the call was served is unknown.
            ProtocolError: what answers is no worker, or says too much.
        """
        known = self._capabilities()
        if known.request_bytes is not None and len(body) > known.request_bytes:
            raise HttpError(
                f"the request has {len(body)} bytes, and the worker at {self.address.url} takes {known.request_bytes}; "
                "send fewer rows at a time",
                413,
            )
        codec = known.codec if len(body) >= COMPRESSED_BYTES else None
        answer = self._patiently("POST", path, *self._packed(body, codec))
        if answer.status == 415 and codec is not None:
            self._known = known = self._read_capabilities(answer)
            if known.codec != codec:
                answer = self._patiently("POST", path, *self._packed(body, known.codec))
        return self._reply(path, answer)

    def post_once(self, path: str, body: bytes, seconds: float) -> None:
        """Tell something that may be lost; the answer does not matter."""
        with contextlib.suppress(RpcError, ConnectFailedError, NotSentError):
            payload, headers = self._packed(body, None)
            self._pool.exchange("POST", path, payload, headers, min(seconds, self._seconds), self._limit)

    def fetch(self, location: bytes, digest: bytes | None) -> bytes:
        """The object that the worker points to, instead of sending it (spec 02, section 11.1).

        Args:
            location: its URL: https, or http if that is how the worker itself is reached.
            digest: its SHA-256 in hexadecimal digits, if the worker says it.

        Raises:
            ProtocolError: it is no such URL.
            FetchError: the object cannot be had.
        """
        schemes = ("https",) if self.address.secure else ("https", "http")
        try:
            url = location.decode("ascii")
            parts = urlsplit(url)
            plain = parts.hostname is not None and "@" not in parts.netloc and url.isprintable() and " " not in url
        except ValueError:
            plain = False
        if not plain or parts.scheme not in schemes:
            raise ProtocolError(
                f"the worker at {self.address.url} points to something else than an object behind "
                f"{' or '.join(f'{scheme}://' for scheme in schemes)}"
            )
        from .http_objects import fetch

        return fetch(url, digest, wire=MAX_RESPONSE_BYTES, limit=MAX_RESPONSE_BYTES, seconds=self._seconds)

    def close(self) -> None:
        """End all connections, also those that are in use."""
        self._pool.close()

    # Sending

    def _packed(self, body: bytes, codec: str | None) -> tuple[bytes, dict[str, str]]:
        headers = {
            "Content-Type": _ARROW,
            "X-VGI-Accept-Encoding": ", ".join(self._codecs) or "identity",
            _ACCEPTED: str(self._limit),
        }
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        if codec is None:
            return body, headers
        return compress(body, codec), {**headers, "Content-Encoding": codec}

    def _patiently(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        """Send a request, and once more where it is certain that nobody has begun to serve it."""
        for pause in (*PAUSES, None):
            try:
                answer = self._pool.exchange(method, path, body, headers, self._seconds, self._limit)
            except NotSentError as error:
                if pause is None:
                    raise ConnectionClosed(
                        f"the server at {self.address.url} hangs up before it has read the request: {error}"
                    ) from None
            except ConnectFailedError as error:
                if pause is None or not error.passing:
                    raise ConnectError(f"cannot connect to {self.address.url}: {error}") from None
            else:
                # 503 means that the call was not begun; with a body of Arrow somebody has begun it (section 12.1).
                if answer.status != 503 or _is_arrow(answer) or pause is None:
                    return answer
            self._pool.sleep(pause)
        raise AssertionError  # the last attempt returns or raises

    # Capabilities

    def _capabilities(self) -> _Capabilities:
        """What the server takes; the first call asks (spec 02, section 3)."""
        with self._lock:
            if self._known is None:
                self._known = self._read_capabilities(self._health())
            return self._known

    def _health(self) -> Answer:
        answer = self._patiently("HEAD", "/health", None, {_ACCEPTED: str(self._limit)})
        where = f"{self.address.url}/health"
        if 300 <= answer.status < 400:
            raise ConnectError(f"{where} redirects to {_destination(answer)}; give the address of the worker itself")
        if not 200 <= answer.status < 300:
            raise ConnectError(f"there is no VGI worker at {self.address.url}: HEAD {where} gives HTTP {answer.status}")
        if _header(answer, _SUPPORT) != "true":
            raise ConnectError(
                f"there is no VGI worker at {self.address.url}: {where} has no header '{_SUPPORT}: true'"
            )
        return answer

    def _read_capabilities(self, answer: Answer) -> _Capabilities:
        encodings = _header(answer, _ENCODINGS)
        offered = ["zstd"] if encodings is None else [word.strip().lower() for word in encodings.split(",")]
        size = _header(answer, "VGI-Max-Request-Bytes") or ""
        return _Capabilities(
            codec=next((codec for codec in offered if codec in self._codecs), None),
            request_bytes=int(size) if _LIMIT.match(size) else None,
        )

    # Receiving

    def _reply(self, path: str, answer: Answer) -> Reply:
        if answer.status == 200:
            if _header(answer, _SUPPORT) != "true":
                raise ProtocolError(
                    f"the answer of {self.address.url}{path} has no header '{_SUPPORT}: true'; what answers is no VGI "
                    "worker, or a proxy takes headers away"
                )
            return Reply(self._plain(answer), failed=_header(answer, "X-VGI-RPC-Error") == "true")
        refusal = self._refusal(path, answer)
        if answer.status == 401 or not _is_arrow(answer):
            raise refusal
        return Reply(self._plain(answer), failed=True, refusal=refusal)

    def _plain(self, answer: Answer) -> bytes:
        limit = min(self._limit, _limit_of(answer))
        codec = _header(answer, "X-VGI-Content-Encoding") or _header(answer, "Content-Encoding") or "identity"
        try:
            body = decompress(answer.body, codec.strip().lower(), limit)
            if len(body) > limit:
                raise TooLargeError
        except TooLargeError:
            raise ProtocolError(f"the answer of {self.address.url} has more than {limit} bytes") from None
        return body

    def _refusal(self, path: str, answer: Answer) -> HttpError:
        where = f"{self.address.url}{path}"
        if 300 <= answer.status < 400:
            to = _destination(answer)
            return HttpError(f"{where} redirects to {to}; give the address of the worker itself", answer.status)
        try:
            text = self._plain(answer).decode("utf-8", "replace")
        except (ProtocolError, MalformedMessage):
            text = ""
        if answer.status == 401:
            return self._unauthorized(answer, text)
        told = f": {self._shown(text)}" if text and not _is_arrow(answer) else ""
        return HttpError(f"{where} answers with HTTP {answer.status}{told}", answer.status)

    def _unauthorized(self, answer: Answer, text: str) -> AuthenticationError:
        told: object = None
        with contextlib.suppress(ValueError, RecursionError):
            told = json.loads(text)
        fields = told if isinstance(told, dict) else {}
        reason = _header(answer, "VGI-Auth-Reason") or fields.get("reason")
        if reason not in _REASONS:
            reason = "unauthorized"
        details = [str(fields[key]) for key in ("detail", "proxy_hint") if fields.get(key)]
        given = "give one as bearer_token=" if self._token is None else "the one that was given is not taken"
        return AuthenticationError(
            f"the worker at {self.address.url} wants a bearer token, and {given} (HTTP 401, {reason}"
            f"{': ' + self._shown('; '.join(details)) if details else ''})",
            str(reason),
        )

    def _shown(self, text: str) -> str:
        """A foreign text for a message: short, on one line, and without the token, should the server echo it."""
        if self._token is not None:
            text = text.replace(self._token, "…")
        return _one_line(text)


def _one_line(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * _SHOWN]).split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "…"


def _header(answer: Answer, name: str) -> str | None:
    value = answer.headers.get(name)
    return None if value is None else value.strip()


def _is_arrow(answer: Answer) -> bool:
    return _ARROW in (_header(answer, "Content-Type") or "").lower()


def _destination(answer: Answer) -> str:
    """Where a redirect leads to; what follows the path may be a credential."""
    return _one_line(re.split(r"[?#]", _header(answer, "Location") or "another place", maxsplit=1)[0])


def _limit_of(answer: Answer) -> int:
    """The largest response that the server says it makes."""
    values = answer.headers.get_all("VGI-Max-Response-Bytes")
    if not values:
        return MAX_RESPONSE_BYTES
    if len(values) > 1 or not _LIMIT.match(values[0]) or not 65_536 <= int(values[0]) <= (1 << 53) - 1:
        raise ProtocolError("the server's VGI-Max-Response-Bytes must be between 65536 and 9007199254740991")
    return int(values[0])
