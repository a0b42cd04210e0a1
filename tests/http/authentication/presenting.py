"""Requests as authenticators see them, and what they do with them."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from duckwing.http.authentication import Authenticator, Presented, Reason, Rejected


def presented(*headers: tuple[str, str], peer: str | None = "127.0.0.1") -> Presented:
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return Presented(Headers(raw=raw), peer, "/vgi.v2/bind")


def bearer(token: str) -> Presented:
    return presented(("Authorization", f"Bearer {token}"))


def refused(authenticator: Authenticator, request: Presented) -> Reason:
    """Why ``authenticator`` refuses ``request``."""
    with pytest.raises(Rejected) as caught:
        authenticator(request)
    return caught.value.reason
