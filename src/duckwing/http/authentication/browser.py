"""Signing in with a browser, for people who open the pages of a worker (spec 02, section 15).

Two cookies outlive the sign-in: ``_vgi_auth``, the bearer token, which no script can read, and ``_vgi_identity``, for
display. The state between leaving for the provider and coming back is in a third one, sealed, so that any process
can go on with it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ...errors import Error
from ...rpc.call import Identity
from .base import Authenticator, ConfigurationError, Presented, Reason, Rejected, Unavailable
from .bearer import COOKIE, cookie_values
from .oauth import ProtectedResource
from .outbound import FetchError, post_form
from .provider import discovery, endpoint

SESSION_COOKIE = "_vgi_oauth_session"
IDENTITY_COOKIE = "_vgi_identity"
PURPOSE = b"browser sign-in 1"
PATIENCE = 600
"""Seconds that a person has for signing in."""

MAX_PATH = 2048
MAX_COOKIE = 3800  # browsers take 4096 bytes with name and attributes

_COOKIE_SAFE = re.compile(rf"[A-Za-z0-9._~+/=-]{{1,{MAX_COOKIE}}}")
_CODE = re.compile(r"[ -~]{1,4096}")
_PATH = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_SHOWN = ("sub", "email", "preferred_username", "name", "picture")

_STYLE = (
    ":root { color-scheme: light dark }"
    " body { max-width: 34rem; margin: 15vh auto 0; padding: 0 1.5rem; font: 16px/1.55 system-ui, sans-serif;"
    " background: light-dark(#f7f7f4, #101316); color: light-dark(#1b2024, #e7e9eb) }"
    " a { color: light-dark(#0a5c9e, #7fbcff) }"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
"""By which the style is permitted: the worker's own style sheet is for those who are signed in."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Sealer(Protocol):
    """What seals the cookie of a sign-in; the sealer of tokens is one."""

    def seal(self, payload: bytes, purpose: bytes) -> bytes:
        """``payload`` as base64 that nobody else can read or make."""

    def open(self, token: bytes, purpose: bytes) -> bytes:
        """What was sealed for the same purpose; an ``Error`` if it was not."""


class _Failed(Exception):
    """The sign-in cannot go on: what the person is told, and the status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class BrowserSignIn:
    """Signs people in at the first authorization server of ``resource``.

    Args:
        resource: where to sign in; it needs a ``client_id``.
        authenticator: checks the token before it becomes a cookie: one that it refused would send the browser to
            and fro without end.
        sealer: seals the cookie of a sign-in that is under way.
        prefix: where the worker is mounted.

    Raises:
        ConfigurationError: ``resource`` has no ``client_id``.
    """

    def __init__(
        self, resource: ProtectedResource, authenticator: Authenticator, sealer: Sealer, prefix: str = ""
    ) -> None:
        if resource.client_id is None:
            raise ConfigurationError("signing in with a browser needs a client_id (VGI_OAUTH_CLIENT_ID)")
        self._resource = resource
        self._client_id = resource.client_id
        self._authenticator = authenticator
        self._sealer = sealer
        self._prefix = prefix
        self._base = resource.path(prefix)
        self._secure = resource.origin.startswith("https:")
        self._issuer = resource.authorization_servers[0]
        self._document = discovery(self._issuer)

    def invites(self, request: Request, error: Exception) -> bool:
        """Whether to sign somebody in who asks for a page, and for whom the authenticator raised ``error``.

        Not if they bring a token themselves: programs are told 401, and why.
        """
        return (
            request.method == "GET"
            and "text/html" in request.headers.get("accept", "")
            and "authorization" not in request.headers
            and isinstance(error, Rejected)
            and error.reason in (Reason.MISSING, Reason.INVALID, Reason.EXPIRED)
        )

    async def begin(self, request: Request) -> Response:
        """Send the browser to the provider; it comes back to the page that was asked for."""
        try:
            document = await self._discovered()
            authorize = _endpoint(document, "authorization_endpoint")
        except _Failed as failure:
            return self._page(failure)
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        session = {"state": state, "verifier": verifier, "path": self._wanted(request), "at": int(time.time())}
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(self._resource.scopes) or "openid",
            "state": state,
            "code_challenge": _base64url(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        answer = RedirectResponse(f"{authorize}{'&' if '?' in authorize else '?'}{urlencode(query)}", 302, HEADERS)
        sealed = self._sealer.seal(json.dumps(session).encode(), PURPOSE).decode("ascii")
        self._set(answer, SESSION_COOKIE, sealed, PATIENCE, path=self._oauth_path)
        return answer

    async def callback(self, request: Request) -> Response:
        """The browser is back: make its code a token, and the token a cookie."""
        try:
            session = self._session(request)
            code = self._code(request, session["state"])
            answered = await self._exchange(code, session["verifier"])
            token = answered.get("id_token" if self._resource.use_id_token else "access_token")
            if not isinstance(token, str) or not _COOKIE_SAFE.fullmatch(token):
                raise _Failed(502, "The identity provider gave no token that fits into a cookie.")
            identity = await self._identity(request, token)
        except _Failed as failure:
            return self._page(failure)
        path = session["path"] if self.is_inside(session["path"]) else self._base + "/"
        answer = RedirectResponse(path, 302, HEADERS)
        lifetime = _lifetime(answered, identity)
        self._set(answer, COOKIE, token, lifetime)
        shown = _base64url(json.dumps(_display(answered, identity)).encode())
        if len(shown) <= MAX_COOKIE:
            self._set(answer, IDENTITY_COOKIE, shown, lifetime, readable=True)
        self._set(answer, SESSION_COOKIE, "", 0, path=self._oauth_path)
        return answer

    async def logout(self, request: Request) -> Response:
        """Forget who is signed in here; the provider goes on to know them."""
        link = f'<a href="{html.escape(self._base)}/">Sign in again</a>'
        answer = HTMLResponse(_document("Signed out", f"<p>You are signed out of this worker.</p><p>{link}</p>"), 200)
        answer.headers.update(HEADERS)
        self._set(answer, COOKIE, "", 0)
        self._set(answer, IDENTITY_COOKIE, "", 0, readable=True)
        self._set(answer, SESSION_COOKIE, "", 0, path=self._oauth_path)
        return answer

    def is_inside(self, path: str) -> bool:
        """Whether ``path`` leads to a page of this worker, and to nothing else, however a browser reads it."""
        place = path.partition("?")[0]
        segments = [segment.lower().replace("%2e", ".") for segment in place.split("/")]
        return (
            len(path) <= MAX_PATH
            and _PATH.fullmatch(path) is not None
            and "//" not in place
            and ".." not in segments
            and "." not in segments
            and (place == self._base or place.startswith(self._base + "/"))
        )

    @property
    def _oauth_path(self) -> str:
        return self._base + "/_oauth/"

    @property
    def _redirect_uri(self) -> str:
        return f"{self._resource.origin}{self._oauth_path}callback"

    def _wanted(self, request: Request) -> str:
        """The page that ``request`` asks for, as browsers see it: a proxy may have taken the public path away."""
        raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
        whole = raw.decode("latin-1").removeprefix(request.scope.get("root_path", ""))
        path = whole.removeprefix(self._prefix)
        query = str(request.scope["query_string"], "latin-1")
        wanted = self._base + path + (f"?{query}" if query else "")
        if not whole.startswith(self._prefix) or path.startswith("/_oauth/") or not self.is_inside(wanted):
            return self._base + "/"
        return wanted

    async def _discovered(self) -> dict[str, Any]:
        try:
            return await run_in_threadpool(self._document.get)
        except Unavailable:
            raise _Failed(503, "The identity provider cannot be reached. Try again in a moment.") from None

    def _session(self, request: Request) -> dict[str, Any]:
        again = _Failed(400, "This sign-in has expired or was begun elsewhere. Go back to the page and start again.")
        cookies = cookie_values(_presented(request, request.headers), SESSION_COOKIE)
        if len(cookies) != 1 or len(cookies[0]) > 4096:
            raise again
        try:
            session = json.loads(self._sealer.open(cookies[0].encode("latin-1"), PURPOSE))
        except Error:
            raise again from None
        if not 0 <= time.time() - session["at"] <= PATIENCE:
            raise again
        return dict(session)

    def _code(self, request: Request, state: str) -> str:
        """The authorization code of a callback that belongs to ``state``."""
        query = request.query_params
        if any(len(query.getlist(name)) > 1 for name in ("state", "code", "error", "iss")):
            raise _Failed(400, "The identity provider's answer is malformed.")
        if not hmac.compare_digest(query.get("state", "").encode("utf-8", "replace"), state.encode()):
            raise _Failed(400, "This sign-in was begun in another window. Go back to the page and start again.")
        if query.get("iss", self._issuer) != self._issuer:  # RFC 9207
            raise _Failed(400, "This answer is of another identity provider.")
        if "error" in query:
            raise _Failed(403, "The identity provider did not sign you in.")
        code = query.get("code", "")
        if not _CODE.fullmatch(code):
            raise _Failed(400, "The identity provider's answer is malformed.")
        return code

    async def _exchange(self, code: str, verifier: str) -> dict[str, Any]:
        url = _endpoint(await self._discovered(), "token_endpoint")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": self._redirect_uri,
            "client_id": self._client_id,
        }
        if self._resource.client_secret is not None:
            form["client_secret"] = self._resource.client_secret
        try:
            status, answered = await run_in_threadpool(post_form, url, form, f"the token endpoint of {self._issuer}")
        except FetchError:
            raise _Failed(502, "The identity provider cannot be reached. Try again in a moment.") from None
        if status != 200:
            raise _Failed(502, "The identity provider did not accept this sign-in. Start again.")
        return answered

    async def _identity(self, request: Request, token: str) -> Identity:
        kept = [(name, value) for name, value in request.headers.raw if name not in (b"authorization", b"cookie")]
        headers = Headers(raw=[*kept, (b"authorization", b"Bearer " + token.encode())])
        try:
            return await run_in_threadpool(self._authenticator, _presented(request, headers))
        except Rejected:
            raise _Failed(403, "You are signed in, but this worker does not let you in.") from None
        except Unavailable:
            raise _Failed(503, "Who you are cannot be checked now. Try again in a moment.") from None

    def _set(
        self, answer: Response, name: str, value: str, lifetime: int | None, *, path: str = "", readable: bool = False
    ) -> None:
        attributes = [f"{name}={value}", f"Path={path or self._base or '/'}", "SameSite=Lax"]
        if lifetime is not None:
            attributes.append(f"Max-Age={lifetime}")
        if self._secure:
            attributes.append("Secure")
        if not readable:
            attributes.append("HttpOnly")
        answer.headers.append("Set-Cookie", "; ".join(attributes))

    def _page(self, failure: _Failed) -> Response:
        link = f'<a href="{html.escape(self._base)}/">Back to the worker</a>'
        content = _document("Sign-in", f"<p>{html.escape(str(failure))}</p><p>{link}</p>")
        answer = HTMLResponse(content, failure.status)
        answer.headers.update(HEADERS)
        return answer


def _presented(request: Request, headers: Headers) -> Presented:
    return Presented(headers, request.client.host if request.client else None, request.url.path)


def _endpoint(document: dict[str, Any], name: str) -> str:
    try:
        return endpoint(document, name)
    except FetchError:
        raise _Failed(502, "The identity provider does not say where to sign in.") from None


def _lifetime(answered: Mapping[str, Any], identity: Identity) -> int | None:
    """Seconds for which the token is good; None if nobody says, so that the cookie ends with the browser."""
    left = []
    for value, since in ((answered.get("expires_in"), 0.0), (identity.claims.get("exp"), time.time())):
        if isinstance(value, (int, float)) and not isinstance(value, bool) and since < value < since + 1e9:
            left.append(int(value - since))
    return min(left) if left else None


def _display(answered: Mapping[str, Any], identity: Identity) -> dict[str, str]:
    """What a page may show of a person; nothing is ever decided by it."""
    claims = dict(identity.claims)
    id_token = answered.get("id_token")
    if isinstance(id_token, str) and id_token.count(".") == 2:
        try:
            payload = id_token.split(".")[1]
            unverified = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except (ValueError, RecursionError):
            unverified = None
        if isinstance(unverified, dict):
            claims = unverified | claims
    shown = {name: value for name in _SHOWN if isinstance(value := claims.get(name), str)}
    return {"sub": identity.principal} | shown


def _document(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style><main><h1>{title}</h1>{body}</main></html>"
    )


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
