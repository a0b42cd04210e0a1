"""Names and forms of the headers that HTTP adds to the protocol (spec 02, section 4)."""

from __future__ import annotations

import re

ARROW = "application/vnd.apache.arrow.stream"
"""Content type of every request and answer of the RPC."""

RPC_ERROR = "X-VGI-RPC-Error"
REQUEST_ID = "X-Request-ID"
ACCEPTED_RESPONSE_BYTES = "VGI-Accept-Max-Response-Bytes"
ACCEPTED_SUPPORT = "VGI-Accept-Max-Response-Bytes-Support"
SUPPORTED_ENCODINGS = "VGI-Supported-Encodings"
MAX_REQUEST_BYTES = "VGI-Max-Request-Bytes"
EXTERNALIZATION = "VGI-Externalization-Enabled"
MAX_EXTERNALIZED_BYTES = "VGI-Max-Externalized-Response-Bytes"
UPLOAD_URLS = "VGI-Upload-URL-Support"
MAX_UPLOAD_BYTES = "VGI-Max-Upload-Bytes"

MIN_RESPONSE_BYTES = 65_536
MAX_RESPONSE_BYTES = 9_007_199_254_740_991

_NUMBER = re.compile(r"[1-9][0-9]{0,15}\Z")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}\Z")


def accepted_bytes(value: str | None) -> int | None:
    """The largest response that a client takes; None: it has not said.

    Raises:
        ValueError: it is no such number.
    """
    if value is None:
        return None
    if not _NUMBER.match(value) or not MIN_RESPONSE_BYTES <= int(value) <= MAX_RESPONSE_BYTES:
        raise ValueError(
            f"{ACCEPTED_RESPONSE_BYTES} must be between {MIN_RESPONSE_BYTES} and {MAX_RESPONSE_BYTES}, without sign, "
            "blanks or leading zeros"
        )
    return int(value)


def usable_request_id(value: str | None) -> str | None:
    """The id that a client has given its request, if it can go into headers and logs."""
    return value if value is not None and _REQUEST_ID.match(value) else None
