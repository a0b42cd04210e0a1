"""What a worker asks of identity providers: JSON from configured addresses, and nothing else (spec 02, section 20)."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from ...errors import Error
from .base import ConfigurationError

TIMEOUT = 5.0
"""Seconds that a connection, and the whole of an answer's body, may take."""

MAX_BODY = 512 * 1024


class FetchError(Error):
    """An address did not give what was expected of it. The text has neither query nor credentials."""


def check_url(url: str, what: str) -> str:
    """``url``, if it is one that may be asked, or shown to clients: https, or http on this machine.

    Args:
        url: the address.
        what: what it is, for the error.

    Raises:
        ConfigurationError: it is not.
    """
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_fits = SplitResult("", "", "", "", ""), False
    plain = url.isascii() and url.isprintable() and not set(url) & set(' "\\<>')
    if not (plain and port_fits and parts.hostname) or "@" in parts.netloc or "#" in url:
        raise ConfigurationError(f"{what} must be an absolute URL without user or fragment, not {url!r}")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ConfigurationError(f"{what} must begin with https:// (http:// on localhost alone), not {url!r}")
    return url


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine by its name or address; nothing is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def get_json(url: str, what: str) -> dict[str, Any]:
    """The JSON object at ``url``.

    Raises:
        FetchError: it cannot be had.
    """
    status, body = _send(urllib.request.Request(url, headers={"Accept": "application/json"}), what)
    if status != 200:
        raise FetchError(f"{what} answered with status {status}; expected 200")
    return _object(body, what)


def post_form(url: str, form: Mapping[str, str], what: str) -> tuple[int, dict[str, Any]]:
    """Post a form; returns the status and the JSON object of the answer.

    Raises:
        FetchError: there is no such answer.
    """
    request = urllib.request.Request(
        url,
        data=urlencode(form).encode(),
        headers={"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"},
    )
    status, body = _send(request, what)
    return status, _object(body, what)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    # A redirect would lead to an address that nobody has checked, with the form in its hand.
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _send(request: urllib.request.Request, what: str) -> tuple[int, bytes]:
    handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
    if is_loopback(urlsplit(request.full_url).hostname or ""):
        handlers.append(urllib.request.ProxyHandler({}))
    opener = urllib.request.build_opener(*handlers)
    deadline = time.monotonic() + TIMEOUT
    try:
        with _answer(opener, request) as answer:
            body = bytearray()
            while chunk := answer.read1(65_536):
                body += chunk
                if len(body) > MAX_BODY:
                    raise FetchError(f"{what} answered with more than {MAX_BODY} bytes")
                if time.monotonic() > deadline:
                    raise FetchError(f"{what} took longer than {TIMEOUT:g} s")
            return answer.status, bytes(body)
    except FetchError:
        raise
    # http.client and ssl have families of their own, and a broken status line is a ValueError.
    except Exception as error:
        raise FetchError(f"{what} cannot be reached: {_described(error)}") from error


@contextlib.contextmanager
def _answer(opener: urllib.request.OpenerDirector, request: urllib.request.Request) -> Iterator[Any]:
    try:
        answer = opener.open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        answer = error
    with contextlib.closing(answer):
        yield answer


def _described(error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(reason) or type(reason).__name__


def _object(body: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise FetchError(f"{what} answered with something else than a JSON object")
    return value
