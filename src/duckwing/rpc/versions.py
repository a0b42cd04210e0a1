"""The check of application protocol versions (spec 01, section 13.2)."""

from __future__ import annotations

import re

from .errors import ProtocolVersionError

_SEMVER = re.compile(rb"(0|[1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,17})\Z")


def check_version(client: bytes | None, server: str) -> None:
    """Compare the version that a client declares with ours: major and minor must be equal.

    Raises:
        ProtocolVersionError: they differ; the message says which side to upgrade.
    """
    match = _SEMVER.match(client) if client is not None else None
    ours = tuple(int(part) for part in server.split("."))
    theirs = tuple(int(part) for part in match.groups()) if match else None
    if theirs is not None and theirs[:2] == ours[:2]:
        return
    if client is None:
        shown = "<not declared>"
    else:
        shown = client.decode("utf-8", "backslashreplace")[:60]
    if theirs is None and client is not None:
        direction = f"client sent a malformed protocol_version; expected MAJOR.MINOR.PATCH such as {server}."
    elif theirs is None or theirs < ours:
        direction = (
            f"client is too old; upgrade the VGI extension/client to a version supporting protocol_version {server}."
        )
    else:
        direction = f"server is too old; upgrade the VGI worker to a version supporting protocol_version {shown}."
    raise ProtocolVersionError(
        f"VGI client/worker protocol_version mismatch.\n  Client: {shown}\n  Server: {server}\n  Direction: {direction}"
    )
