"""What lets pages of other origins call a worker (spec 02, section 16)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_EXPOSED = ", ".join(
    (
        "WWW-Authenticate",
        "X-Request-ID",
        "X-VGI-Content-Encoding",
        "X-VGI-RPC-Error",
        "VGI-Auth-Reason",
        "VGI-Auth-Proxy-Required",
        "VGI-Supported-Encodings",
        "VGI-Max-Request-Bytes",
        "VGI-Max-Response-Bytes",
        "VGI-Max-Externalized-Response-Bytes",
        "VGI-Externalization-Enabled",
        "VGI-Accept-Max-Response-Bytes-Support",
        "VGI-Upload-URL-Support",
        "VGI-Max-Upload-Bytes",
        "VGI-Proxy-Proof-Required",
        "Retry-After",
    )
)

_METHODS = "GET, HEAD, POST, OPTIONS"

_REQUESTED = (
    "Content-Type, Content-Encoding, Authorization, VGI-Accept-Max-Response-Bytes, X-VGI-Accept-Encoding, "
    "X-Request-ID, VGI-Session, VGI-Session-Accept"
)


@dataclass(frozen=True)
class Cors:
    """Origins whose pages may call.

    Attributes:
        origins: such as ``https://example.org``; ``*`` for all; none: no header says anything.
    """

    origins: Sequence[str] = ()

    def headers(self, origin: str | None) -> list[tuple[str, str]]:
        """What every response says to a request from ``origin``."""
        if not self.origins:
            return []
        headers = [("Access-Control-Expose-Headers", _EXPOSED), ("Cross-Origin-Resource-Policy", "cross-origin")]
        if "*" in self.origins:
            return [("Access-Control-Allow-Origin", "*"), *headers]
        headers.append(("Vary", "Origin"))
        if origin in self.origins:
            headers.append(("Access-Control-Allow-Origin", origin or ""))
        return headers

    def preflight(self, requested: str | None) -> list[tuple[str, str]]:
        """What the answer to ``OPTIONS`` says besides.

        Args:
            requested: the headers that the page wants to send.
        """
        if not self.origins:
            return []
        plain = requested is not None and len(requested) <= 2000 and requested.isprintable()
        return [
            ("Access-Control-Allow-Methods", _METHODS),
            ("Access-Control-Allow-Headers", requested if requested and plain else _REQUESTED),
            ("Access-Control-Max-Age", "300"),
        ]
