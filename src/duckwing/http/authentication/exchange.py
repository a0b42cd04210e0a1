"""Tokens for clients that are not told the client's secret: the worker adds it (spec 02, section 15, point 7)."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .base import ConfigurationError, Unavailable
from .oauth import ProtectedResource
from .outbound import FetchError, is_loopback, post_form
from .provider import discovery, endpoint

MAX_BODY = 8192
RATE = 30
"""Requests in a minute of one address."""
MAX_ADDRESSES = 4096

_PASSED_ON = ("grant_type", "client_id", "code", "code_verifier", "redirect_uri", "refresh_token", "scope")


class TokenExchange:
    """Answers ``POST`` and ``OPTIONS`` of ``/_oauth/token``.

    Args:
        resource: whose first authorization server gives the tokens; it needs a ``client_id``.
        origins: origins of pages that may ask, besides those on the caller's own machine.
        clock: seconds, for tests.

    Raises:
        ConfigurationError: ``resource`` has no ``client_id``.
    """

    def __init__(
        self, resource: ProtectedResource, origins: Sequence[str] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        if resource.client_id is None:
            raise ConfigurationError("an address for tokens needs a client_id (VGI_OAUTH_CLIENT_ID)")
        self._secrets = {resource.client_id: resource.client_secret}
        if resource.device_code_client_id is not None:
            self._secrets[resource.device_code_client_id] = resource.device_code_client_secret
        self._issuer = resource.authorization_servers[0]
        self._document = discovery(self._issuer)
        self._origins = frozenset(origins) - {"*"}
        self._clock = clock
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, request: Request) -> Response:
        answer = await self._answer(request)
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Vary"] = "Origin"
        origin = request.headers.get("origin")
        if origin is not None and self._may_read(origin):
            answer.headers["Access-Control-Allow-Origin"] = origin
            answer.headers["Access-Control-Allow-Methods"] = "POST, OPTIONS"
            answer.headers["Access-Control-Allow-Headers"] = "Content-Type"
            answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return answer

    async def _answer(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204)
        if request.method != "POST":
            return _error(405, "invalid_request", "expected POST", {"Allow": "POST, OPTIONS"})
        if not self._within_rate(request.client.host if request.client else ""):
            return _error(429, "temporarily_unavailable", "too many requests", {"Retry-After": "60"})
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/x-www-form-urlencoded":
            return _error(415, "invalid_request", "expected application/x-www-form-urlencoded")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return _error(413, "invalid_request", f"expected at most {MAX_BODY} bytes")
        try:
            pairs = parse_qsl(body.decode("ascii"), strict_parsing=True, max_num_fields=32, errors="strict")
        except ValueError:
            return _error(400, "invalid_request", "the form is malformed")
        form = dict(pairs)
        if len(form) != len(pairs):
            return _error(400, "invalid_request", "a field is given twice")
        if form.get("grant_type") not in ("authorization_code", "refresh_token"):
            return _error(400, "unsupported_grant_type", "expected authorization_code or refresh_token")
        if form.get("client_id") not in self._secrets:
            return _error(400, "invalid_client", "this client is not one of this service")
        passed = {name: form[name] for name in _PASSED_ON if name in form}
        if (secret := self._secrets[form["client_id"]]) is not None:
            passed["client_secret"] = secret
        try:
            status, answered = await run_in_threadpool(self._ask, passed)
        except (FetchError, Unavailable):
            return _error(502, "server_error", "the identity provider cannot be reached")
        # With escapes, so that any text of the provider can be sent.
        return Response(json.dumps(answered), status, media_type="application/json")

    def _ask(self, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        url = endpoint(self._document.get(), "token_endpoint")
        return post_form(url, form, f"the token endpoint of {self._issuer}")

    def _may_read(self, origin: str) -> bool:
        if origin in self._origins:
            return True
        try:
            parts = urlsplit(origin)
            host = parts.hostname or ""
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and is_loopback(host) and origin == f"{parts.scheme}://{parts.netloc}"

    def _within_rate(self, address: str) -> bool:
        """A bucket for each address, which fills up in a minute. Called in the event loop alone."""
        now = self._clock()
        level, since = self._spent.pop(address, (0.0, now))
        level = max(0.0, level - (now - since) * RATE / 60)
        within = level + 1 <= RATE
        self._spent[address] = (level + within, now)
        if len(self._spent) > MAX_ADDRESSES:
            self._spent.popitem(last=False)
        return within


def _error(status: int, code: str, text: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": code, "error_description": text}, status, headers=headers)
