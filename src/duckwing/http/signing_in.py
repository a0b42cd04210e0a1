"""Where people sign in with their browser, and where clients exchange codes for tokens (spec 02, section 15)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from .authentication import BrowserSignIn, TokenExchange
from .settings import Settings
from .tokens import Sealer


class SigningIn:
    """The paths below ``/_oauth``; none of them, unless an authorization server and a client id are configured.

    Args:
        settings: of the worker.
        sealer: seals what a browser keeps while its person signs in.
    """

    def __init__(self, settings: Settings, sealer: Sealer):
        resource, authenticate, prefix = settings.resource, settings.authenticate, settings.prefix
        self._prefix = prefix
        self._browser: BrowserSignIn | None = None
        self._exchange: TokenExchange | None = None
        self.token_path: str | None = None
        if resource is not None and resource.client_id is not None and authenticate is not None:
            self._browser = BrowserSignIn(resource, authenticate, sealer, prefix)
            self.token_path = resource.token_path(prefix)
            if self.token_path is not None:
                self._exchange = TokenExchange(resource, settings.cors.origins)

    @property
    def is_offered(self) -> bool:
        """Whether people can sign in with their browser."""
        return self._browser is not None

    async def exchange(self, request: Request) -> Response | None:
        """The answer of the path for tokens; None if the request is none of its."""
        if self._exchange is None or request.method not in ("POST", "OPTIONS"):
            return None
        return await self._exchange(request)

    async def page(self, request: Request, path: str) -> Response | None:
        """The answer to a GET of a browser that signs in or out; None if the path is none of these."""
        if self._browser is None or request.method != "GET":
            return None
        if path == f"{self._prefix}/_oauth/callback":
            return await self._browser.callback(request)
        if path == f"{self._prefix}/_oauth/logout":
            return await self._browser.logout(request)
        if path == f"{self._prefix}/_oauth/login":
            return await self._browser.begin(request)
        return None

    async def invitation(self, request: Request, error: Exception) -> Response | None:
        """What sends a browser to sign in that was refused for ``error``; None if it is to be told instead."""
        if self._browser is not None and self._browser.invites(request, error):
            return await self._browser.begin(request)
        return None
