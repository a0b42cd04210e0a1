"""Handlers behind paths, asked as a browser would ask them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

Handler = Callable[[Request], Awaitable[Response]]


class Browser:
    """Asks handlers; keeps cookies, follows nothing.

    Args:
        handlers: handlers by path; the one under ``""`` answers every other path.
        origin: where they are.
        address: the address that requests come from.
    """

    def __init__(self, handlers: Mapping[str, Handler], origin: str, address: str = "192.0.2.1") -> None:
        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            handler = handlers.get(scope["path"]) or handlers[""]
            response = await handler(Request(scope, receive))
            await response(scope, receive, send)

        self._transport = httpx.ASGITransport(application, client=(address, 50000))
        self._origin = origin
        self.cookies = httpx.Cookies()

    def __call__(self, method: str, url: str, content: bytes = b"", **headers: str) -> httpx.Response:
        """Send one request."""

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=self._transport, base_url=self._origin, cookies=self.cookies
            ) as client:
                fields = {name.replace("_", "-"): value for name, value in headers.items()}
                answer = await client.request(method, url, content=content, headers=fields)
                self.cookies = client.cookies
                return answer

        return asyncio.run(ask())
