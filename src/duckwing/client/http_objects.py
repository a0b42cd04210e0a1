"""What is fetched from where a pointer says: objects beside HTTP (spec 02, section 11)."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import ipaddress
import re
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from ..rpc.errors import MalformedMessage, RpcError
from .http_coding import TooLargeError, codecs, decompress

STEP_SECONDS = 10.0
"""Within which a connection is made, and each further piece comes."""

_PIECE = 1 << 18
_CREDENTIALS = re.compile(r"(?<=//)[^/\s@]*@|[?#]\S*")


class FetchError(RpcError):
    """An object cannot be had. The text names the server alone: the rest of the URL is a credential.

    Attributes:
        passing: it may work in a moment.
    """

    def __init__(self, message: str, *, passing: bool = False):
        super().__init__(message)
        self.passing = passing


def fetch(url: str, digest: bytes | None = None, *, wire: int, limit: int, seconds: float) -> bytes:
    """An object, decompressed. Redirects are not followed, and no credentials are sent.

    Args:
        url: begins with ``http://`` or ``https://``; whoever calls has made sure that it may be asked.
        digest: the lower-case hexadecimal SHA-256 that the object has, decompressed; None: unknown.
        wire: bytes that are read at most.
        limit: bytes that are made of them at most.
        seconds: that all of it takes at most.

    Raises:
        FetchError: it cannot be had, is too large, or has another digest.
    """
    try:
        body = _plain(*_get(url, wire, time.monotonic() + seconds), limit)
    except TooLargeError:
        raise FetchError(f"the object has more than {limit} bytes") from None
    except MalformedMessage as error:
        raise FetchError(f"the object is damaged: {error}") from None
    if digest is not None and not hmac.compare_digest(hashlib.sha256(body).hexdigest().encode(), digest):
        raise FetchError("the object has another SHA-256 than its pointer says")
    return body


def _plain(body: bytes, coding: str, limit: int) -> bytes:
    if coding == "identity" and len(body) > limit:
        raise TooLargeError
    return decompress(body, coding, limit)


def _get(url: str, wire: int, deadline: float) -> tuple[bytes, str]:
    """The bytes of an object as they travelled, and their coding."""
    offered = ", ".join(codecs())
    headers = {"X-VGI-Accept-Encoding": offered, "Accept-Encoding": offered, "User-Agent": "duckwing"}
    server = f"the server of the object, {urlsplit(url).hostname},"
    try:
        request = urllib.request.Request(url, headers=headers)
        with contextlib.closing(_opener(url).open(request, timeout=STEP_SECONDS)) as answer:
            if answer.status != 200:
                passing = answer.status >= 500 or answer.status == 429
                raise FetchError(f"{server} answers with HTTP {answer.status}; expected 200", passing=passing)
            coding = answer.headers["X-VGI-Content-Encoding"] or answer.headers["Content-Encoding"] or "identity"
            return _read(answer, server, wire, deadline), coding.strip().lower()
    except FetchError:
        raise
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        told = reason.strerror if isinstance(reason, OSError) and reason.strerror else type(reason).__name__
        raise FetchError(f"{server} cannot be reached: {told}", passing=True) from None
    except Exception as error:  # a broken status line is a ValueError; the text of such errors may have the URL
        raise FetchError(f"{server} does not speak HTTP: {type(error).__name__}") from None


def _opener(url: str) -> urllib.request.OpenerDirector:
    # Without the handlers that would follow redirects, and open files.
    opener = urllib.request.OpenerDirector()
    handlers = [urllib.request.HTTPHandler(), urllib.request.HTTPSHandler()]
    for handler in [*handlers, *([] if _is_loopback(url) else [urllib.request.ProxyHandler()])]:
        opener.add_handler(handler)
    return opener


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(answer: Any, server: str, wire: int, deadline: float) -> bytes:
    length = answer.headers["Content-Length"] or ""
    announced = int(length) if length.isdigit() else None
    if announced is not None and announced > wire:
        raise FetchError(f"the object has {announced} bytes; at most {wire} are read")
    body = bytearray()
    while piece := answer.read1(_PIECE):
        body += piece
        if len(body) > wire:
            raise FetchError(f"the object has more than {wire} bytes")
        if time.monotonic() > deadline:
            raise FetchError(f"{server} is too slow", passing=True)
    if announced is not None and len(body) != announced:
        raise FetchError(f"{server} hangs up in the middle of it", passing=True)
    return bytes(body)


def without_credentials(text: str) -> str:
    """A text for the log, in which URLs have neither user nor query."""
    return _CREDENTIALS.sub("…", text)
