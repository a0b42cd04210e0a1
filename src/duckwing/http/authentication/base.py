"""What an authenticator is: who asks is found out, refused, or cannot be found out (spec 02, section 13.1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from starlette.datastructures import Headers

from ...errors import Error
from ...rpc.call import Identity


class Reason(StrEnum):
    """Why a caller is refused: the closed set of ``VGI-Auth-Reason`` (spec 02, section 13.2)."""

    MISSING = "missing_credential"
    INVALID = "invalid_credential"
    EXPIRED = "expired_credential"
    SCOPE = "insufficient_scope"
    PROXY = "proxy_required"
    UNAUTHORIZED = "unauthorized"


DETAILS = {
    Reason.MISSING: "authentication required",
    Reason.INVALID: "the credential is not valid",
    Reason.EXPIRED: "the credential has expired",
    Reason.SCOPE: "the credential does not permit this",
    Reason.PROXY: "this service must be called through its proxy",
    Reason.UNAUTHORIZED: "not authorized",
}
"""What is said to the caller, unless the one who refuses says something else."""


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request presents of its caller.

    Attributes:
        headers: headers of the request, repeated ones included.
        peer: address of the other end of the TCP connection, without its port; None where there is none,
            as on a Unix socket. Never taken from a header.
        path: path of the request.
    """

    headers: Headers
    peer: str | None
    path: str


class Authenticator(Protocol):
    """Finds out who calls; any function of this shape is one.

    It is called once for each request, from several threads at once, and may block.

    Raises:
        Rejected: the credential is absent, wrong, or not enough.
        Unavailable: it cannot be said now.
    """

    def __call__(self, presented: Presented, /) -> Identity: ...


class Rejected(Error):
    """The caller is refused.

    Args:
        reason: what the caller is told, as a code.
        detail: what the caller is told, as a short text; it must not say which check failed, and not repeat
            the credential. By default a text that follows from the reason.
        why: what the worker's log is told in addition.
        proxied: whether credentials reach this service through a proxy only, so that the caller can be told.
    """

    def __init__(
        self, reason: Reason = Reason.UNAUTHORIZED, detail: str = "", *, why: str = "", proxied: bool = False
    ) -> None:
        self.reason = Reason(reason)
        self.detail = detail or DETAILS[self.reason]
        self.why = why
        self.proxied = proxied or self.reason is Reason.PROXY
        super().__init__(f"{self.detail} ({why})" if why else self.detail)


class Unavailable(Error):
    """Whether the caller is who it claims to be cannot be found out now.

    Args:
        detail: what the caller is told.
        retry_after: seconds after which the caller may ask again.
        why: what the worker's log is told in addition.
    """

    def __init__(
        self, detail: str = "the authentication service cannot be reached", retry_after: int = 5, *, why: str = ""
    ) -> None:
        self.detail = detail
        self.retry_after = retry_after
        self.why = why
        super().__init__(f"{detail} ({why})" if why else detail)


class ConfigurationError(Error):
    """Authentication is configured in a way that cannot work, so the worker refuses to start."""
