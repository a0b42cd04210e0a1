"""Errors of the RPC layer, and how an error travels (spec 01, sections 7 and 12).

An error is sent as a zero-row batch whose metadata names its type and message;
:func:`error_metadata` writes that metadata and :func:`error_from_metadata`
reads it back on the other side.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Mapping

from ..errors import Error
from . import keys

MAX_TRACEBACK = 16_000
"""Characters of a traceback that travel; the rest is cut (spec 01, section 7.1)."""

MAX_MESSAGE = 64_000
"""Characters of an error message that travel: it must fit into the header of an Arrow message."""


DEBUG_VARIABLE = "DUCKWING_DEBUG"
"""Environment variable of a server: with ``1`` or ``true``, the client gets the tracebacks, not the log."""


class RpcError(Error):
    """Base of the errors of the RPC layer."""

    kind: str | None = None
    """Stable token that travels as ``vgi_rpc.error_kind``, if the error has one."""


class ConnectionClosed(RpcError):
    """The other side closed the connection, or died, in the middle of a call."""


class MalformedMessage(RpcError):
    """Bytes arrived that are not an acceptable Arrow IPC stream."""


class CodecError(RpcError):
    """A record and its Arrow form do not fit each other."""


class ProtocolError(RpcError):
    """A well-formed Arrow stream arrived that is not a well-formed call."""


class VersionError(RpcError):
    """The framing version is not the one that this side speaks."""


class ProtocolVersionError(RpcError):
    """The peer speaks another version of the application protocol."""

    kind = "protocol_version_mismatch"


class ProtocolNotSpecifiedError(RpcError):
    """The request does not say which protocol it belongs to."""

    kind = "protocol_not_specified"


class ProtocolNotSupportedError(RpcError):
    """The server does not host the protocol that the request names."""

    kind = "protocol_not_supported"


class MethodNotImplementedError(RpcError):
    """The protocol has no such method, or this server leaves it out."""

    kind = "method_not_implemented"


class RemoteError(RpcError):
    """The other side answered a call with an error.

    Attributes:
        type: class name of the exception on the other side, such as ``ValueError``.
        message: its message, without the class name.
        traceback: the formatted traceback, ``""`` if none was sent. Duckwing's servers send it in debug mode only.
        kind: the ``error_kind`` token, or None.
    """

    def __init__(self, type: str, message: str, traceback: str = "", kind: str | None = None):
        super().__init__(f"{type}: {message}" if type else message)
        self.type = type
        self.message = message
        self.traceback = traceback
        self.kind = kind


@functools.cache
def debug_mode() -> bool:
    """Whether ``DUCKWING_DEBUG`` is on; what it says when the first call fails holds for the process."""
    return os.environ.get(DEBUG_VARIABLE, "").strip().lower() in ("1", "true")


def error_metadata(error: BaseException, subject: str = "") -> dict[bytes, bytes]:
    """The metadata of the error batch for ``error``.

    Errors of Duckwing itself are made to be read by whoever made the call: they say what they are about, and
    have no traceback. To the message of another one ``subject`` is added, and the part of its
    traceback that lies outside Duckwing travels in debug mode.

    Args:
        error: what ended the call.
        subject: what the call was about, such as a function; ``""`` if nothing is known.
    """
    import json  # only a call that fails needs it

    name = type(error).__name__
    message = _message(error)
    trace = ""
    if not isinstance(error, Error):
        message = _with_subject(message, subject)
        trace = format_traceback(error) if debug_mode() else ""
    extra: dict[str, object] = {
        "exception_type": name,
        "exception_message": message,
        "traceback": trace,
    }
    metadata = {
        keys.LOG_LEVEL: b"EXCEPTION",
        keys.LOG_MESSAGE: _utf8(f"{name}: {message}"),
    }
    # The kind of an error from another server is that server's: passed on, it would look like ours.
    kind = error.kind if isinstance(error, RpcError) and not isinstance(error, RemoteError) else None
    if kind is not None:
        extra["error_kind"] = kind
        metadata[keys.ERROR_KIND] = kind.encode()
    metadata[keys.LOG_EXTRA] = _utf8(json.dumps(extra))
    return metadata


def log_error(error: BaseException, what: str) -> None:
    """Write the traceback of user code's ``error`` to the log, unless the client gets it.

    Args:
        error: what ended the call.
        what: the call or what it was about.
    """
    if isinstance(error, Error) or debug_mode():
        return
    import logging

    # A handler of the author's that fails must not take the place of the answer.
    with contextlib.suppress(Exception):
        logging.getLogger(__name__).error("%s failed\n%s", what, format_traceback(error).rstrip())


def error_from_metadata(metadata: Mapping[bytes, bytes]) -> RemoteError:
    """The error that an error batch describes, for raising on this side."""
    import json

    text = metadata.get(keys.LOG_MESSAGE, b"").decode("utf-8", "replace")
    extra: object = None
    with contextlib.suppress(ValueError):
        extra = json.loads(metadata.get(keys.LOG_EXTRA, b"{}"))
    fields = extra if isinstance(extra, dict) else {}
    kind = metadata.get(keys.ERROR_KIND)
    name = str(fields.get("exception_type", ""))
    message = str(fields.get("exception_message", text))
    return RemoteError(
        name, message, str(fields.get("traceback", "")), kind.decode("utf-8", "replace") if kind else None
    )


def format_traceback(error: BaseException) -> str:
    """The traceback of ``error`` from the first frame outside Duckwing on, cut to a bounded length."""
    import traceback

    package = __name__.split(".", 1)[0] + "."
    tb = error.__traceback__
    while tb is not None and str(tb.tb_frame.f_globals.get("__name__", "")).startswith(package):
        tb = tb.tb_next
    text = "".join(traceback.format_exception(type(error), error, tb or error.__traceback__))
    if len(text) > MAX_TRACEBACK:
        text = text[:MAX_TRACEBACK] + "\n… <traceback truncated>"
    return text


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as broken:
        return f"<the message of this exception cannot be printed: {type(broken).__name__}>"
    return text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + "… <message truncated>"


def _with_subject(message: str, subject: str) -> str:
    """``message`` and what it is about, on a line of its own if the message has several."""
    if not subject:
        return message
    message = message.rstrip()
    separator = "\n" if "\n" in message else " "
    return f"{message}{separator if message else ''}[{subject}]"


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
