"""Bearer tokens: where a request carries one, and tokens that are known beforehand (spec 02, section 13.4)."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping

from ...rpc.call import Identity
from .base import Authenticator, ConfigurationError, Presented, Reason, Rejected

COOKIE = "_vgi_auth"
"""The cookie that carries the bearer token of a person who signed in with a browser."""

MAX_TOKEN = 16_384
_TOKEN = re.compile(rf"[!-~]{{1,{MAX_TOKEN}}}")


def bearer_token(presented: Presented) -> str:
    """The bearer token of a request: of ``Authorization`` or, without that header, of the sign-in's cookie.

    Raises:
        Rejected: there is none, more than one, or something else.
    """
    values = presented.headers.getlist("authorization")
    if len(values) > 1:
        raise Rejected(Reason.INVALID, why="more than one Authorization header")
    if values:
        scheme, _, token = values[0].partition(" ")
        if scheme.lower() != "bearer":
            raise Rejected(Reason.INVALID, why="Authorization is not of the scheme Bearer")
        token = token.strip(" ")
    else:
        cookies = cookie_values(presented, COOKIE)
        if not cookies:
            raise Rejected(Reason.MISSING)
        if len(cookies) > 1:
            raise Rejected(Reason.INVALID, why=f"more than one cookie {COOKIE}")
        token = cookies[0]
    if not _TOKEN.fullmatch(token):
        raise Rejected(Reason.INVALID, why=f"the token is empty, longer than {MAX_TOKEN} characters, or not ASCII")
    return token


def cookie_values(presented: Presented, name: str) -> list[str]:
    """The values of all cookies ``name`` of a request."""
    pairs = (pair.partition("=") for line in presented.headers.getlist("cookie") for pair in line.split(";"))
    return [value.strip() for key, _, value in pairs if key.strip() == name]


def static_bearer(tokens: Mapping[str, str]) -> Authenticator:
    """Bearer tokens that are known beforehand.

    Args:
        tokens: principals by their tokens. Tokens are visible ASCII characters without blanks.

    Raises:
        ConfigurationError: there are no tokens, or one of them is empty or could not be sent.
    """
    if not tokens:
        raise ConfigurationError("expected at least one bearer token, got none")
    for number, (token, principal) in enumerate(tokens.items(), 1):
        if not _TOKEN.fullmatch(token):
            raise ConfigurationError(
                f"bearer token {number} is empty or cannot be sent; use 1 to {MAX_TOKEN} visible ASCII characters"
            )
        if not principal:
            raise ConfigurationError(f"bearer token {number} has no principal; say whom it stands for")
    # Digests are of one length, so that comparing them says nothing of the tokens' lengths.
    known = [(_digest(token), Identity("bearer", principal, True)) for token, principal in tokens.items()]

    def authenticate(presented: Presented, /) -> Identity:
        digest = _digest(bearer_token(presented))
        found: Identity | None = None
        for expected, identity in known:  # all of them, also after a match: the time must not tell which one it was
            if hmac.compare_digest(expected, digest):
                found = identity
        if found is None:
            raise Rejected(Reason.INVALID, why="unknown bearer token")
        return found

    return authenticate


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("ascii")).digest()
