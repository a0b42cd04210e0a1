"""What a caller is told who is refused, or about whom nothing can be found out (spec 02, sections 13.1 and 13.2)."""

from __future__ import annotations

import logging

from starlette.responses import JSONResponse, Response

from .base import Rejected, Unavailable
from .oauth import ProtectedResource

PROXY_HINT = "Credentials are added by a proxy in front of this service; send requests to the proxy."

_log = logging.getLogger(__name__)


def refusal(error: Exception, resource: ProtectedResource | None = None, prefix: str = "") -> Response:
    """The answer for what an authenticator raised; what is not for the caller goes to the log.

    Args:
        error: what it raised.
        resource: where to sign in, if that is configured.
        prefix: where the worker is mounted.
    """
    if isinstance(error, Rejected):
        return unauthorized(error, resource, prefix)
    if isinstance(error, Unavailable):
        return unavailable(error)
    _log.error("the authenticator failed", exc_info=error)
    body = {"error": "internal_error", "detail": "the authenticator failed; see the log of the worker"}
    return JSONResponse(body, 500, headers={"Cache-Control": "no-store"})


def unauthorized(rejected: Rejected, resource: ProtectedResource | None = None, prefix: str = "") -> Response:
    """The 401."""
    # Rejections are the caller's fault and may come in any number: they are not worth more than "info".
    _log.info("rejected: %s%s", rejected.reason.value, f": {_one_line(rejected.why)}" if rejected.why else "")
    body = {"error": "unauthorized", "reason": rejected.reason.value, "detail": rejected.detail}
    headers = {
        "VGI-Auth-Reason": rejected.reason.value,
        "WWW-Authenticate": resource.challenge(prefix) if resource else "Bearer",
        "Cache-Control": "no-store",
    }
    if rejected.proxied:
        headers["VGI-Auth-Proxy-Required"] = "true"
        body["proxy_hint"] = PROXY_HINT
    return JSONResponse(body, 401, headers=headers)


def unavailable(error: Unavailable) -> Response:
    """The 503: a 401 would make clients forget who they are."""
    _log.warning("authentication is unavailable: %s", _one_line(error.why or error.detail))
    return JSONResponse(
        {"error": "authentication_unavailable", "detail": error.detail},
        503,
        headers={"Retry-After": str(max(1, int(error.retry_after))), "Cache-Control": "no-store"},
    )


def _one_line(text: str) -> str:
    """``text`` without what could pass for another line of the log, and no longer than a line."""
    return "".join(each if each.isprintable() else "?" for each in text[:500])
