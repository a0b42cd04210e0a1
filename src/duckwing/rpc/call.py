"""A call as its handler sees it, and what a handler of a stream method returns."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, runtime_checkable

import pyarrow as pa

from . import keys
from .codec import Record
from .errors import ConnectionClosed, MalformedMessage, RpcError, error_metadata, log_error
from .framing import Batch, empty_batch

LEVELS = ("ERROR", "WARN", "INFO", "DEBUG", "TRACE")
"""Levels of a log message, most severe first."""


class Stream(Protocol):
    """An open stream, as a handler of a stream method returns it.

    Attributes:
        header: the record that opens the answer.
        input_schema: schema of the batches that the client sends; None for a producer,
            whose client sends empty ticks.
        output_schema: schema of every batch of the answer.
    """

    @property
    def header(self) -> Record: ...

    @property
    def input_schema(self) -> pa.Schema | None: ...

    @property
    def output_schema(self) -> pa.Schema: ...

    def turn(self, batch: Batch) -> Batch | None:
        """Answer one input batch (or tick) with one batch; None ends a producer."""

    def close(self) -> None:
        """The stream is over: finished, failed, cancelled or cut off. Called exactly once."""


@runtime_checkable
class Travelling(Stream, Protocol):
    """A stream that any process can continue, once its handler has opened it again there (see :attr:`Call.opened`)."""

    def save(self) -> bytes | None:
        """What another process needs to go on from here; None: this is no moment at which it could."""

    def load(self, state: bytes) -> None:
        """Go on from where :meth:`save` was called; before the first turn."""


@runtime_checkable
class Lockstep(Protocol):
    """A producer that may want each of its batches to be asked for.

    Attributes:
        lockstep: ticks bring what makes later batches smaller; none should be made before its tick has come.
    """

    @property
    def lockstep(self) -> bool: ...


class Identity(NamedTuple):
    """Who calls (spec 05, section 18).

    Attributes:
        domain: what vouches for the caller, such as ``"bearer"``; ``""`` if nothing does.
        principal: who it is.
        authenticated: whether the transport has made sure of it.
        claims: further facts of the caller.
    """

    domain: str = ""
    principal: str = ""
    authenticated: bool = False
    claims: Mapping[str, Any] = MappingProxyType({})

    @property
    def context(self) -> bytes:
        """Bytes that no two callers share; nobody and somebody without a name differ."""
        return _context_of(self.authenticated, self.domain, self.principal)


@functools.lru_cache(maxsize=1024)
def _context_of(authenticated: bool, domain: str, principal: str) -> bytes:
    import json

    return json.dumps([authenticated, domain, principal]).encode()


ANONYMOUS = Identity()
"""The caller where the transport says nothing of it."""


class Call:
    """What a handler may know of the call that it serves, and its way to send log messages.

    Args:
        metadata: metadata of the request.
        server_id: id of the serving process; it travels with every message; ``""``: it does not.
        caller: who calls.
        opened: the header with which the stream was opened that is to be continued here; None: it is a new call.

    Attributes:
        method: name of the method, ``""`` until the request has been read that far.
        metadata: metadata of the request.
        caller: who calls.
        subject: what the call is about, such as a function, once a handler has found it out; errors of
            user code are then sent with it.
        opened: as above.
    """

    def __init__(
        self,
        metadata: Mapping[bytes, bytes],
        server_id: str,
        caller: Identity = ANONYMOUS,
        opened: Record | None = None,
    ):
        self.method = ""
        self.subject = ""
        self.metadata = metadata
        self.caller = caller
        self.opened = opened
        self._after: list[tuple[Callable[[], None], Callable[[], None]]] = []
        self._ids = {keys.SERVER_ID: server_id.encode()} if server_id else {}
        if keys.REQUEST_ID in metadata:
            self._ids[keys.REQUEST_ID] = metadata[keys.REQUEST_ID]
        self._logs: list[dict[bytes, bytes]] = []

    def log(self, level: str, message: str, extra: Mapping[str, Any] | None = None) -> None:
        """Send a log message; it travels before the next batch of the answer.

        Args:
            level: one of ``LEVELS``.
            message: the text.
            extra: further fields, sent as JSON.

        Raises:
            ValueError: ``level`` is no level.
        """
        if level not in LEVELS:
            raise ValueError(f"{level!r} is not a log level; expected one of {', '.join(LEVELS)}")
        metadata = {keys.LOG_LEVEL: level.encode(), keys.LOG_MESSAGE: message.encode("utf-8", "backslashreplace")}
        if extra:
            import json

            metadata[keys.LOG_EXTRA] = json.dumps(extra, default=str).encode()
        self._logs.append(metadata)

    def after(self, callback: Callable[[], None], lost: Callable[[], None] = lambda: None) -> None:
        """Have ``callback`` called once the answer of a unary call, or its error, has gone out.

        Not called if it cannot: the process dies, or the client has gone.

        Args:
            callback: called then.
            lost: called instead where it is known that the client did not get the answer, and may repeat the call.
        """
        self._after.append((callback, lost))

    @property
    def awaits_answer(self) -> bool:
        """Whether somebody wants to know what becomes of the answer."""
        return bool(self._after)

    def answered(self) -> None:
        """The answer has gone out."""
        callbacks, self._after = self._after, []
        for callback, _ in callbacks:
            callback()

    def lost(self) -> None:
        """The client has gone without the answer."""
        callbacks, self._after = self._after, []
        for _, lost in callbacks:
            lost()

    def tag(self, data: pa.RecordBatch) -> Batch:
        """``data`` with the ids that let an answer be traced to its call and process."""
        return Batch(data, self._ids)

    def messages(self, schema: pa.Schema) -> list[Batch]:
        """The log messages since the last time, as batches of ``schema``."""
        if not self._logs:
            return []
        pending, self._logs = self._logs, []
        empty = empty_batch(schema)
        return [Batch(empty, metadata | self._ids) for metadata in pending]

    def failure(self, schema: pa.Schema, error: BaseException) -> list[Batch]:
        """The last messages of a call that failed: the log messages, and ``error``, as batches of ``schema``.

        What of the error is not for the client goes to this process's log.
        """
        log_error(error, self.subject or f"method '{self.method}'")
        self._logs.append(error_metadata(error, self.subject))
        return self.messages(schema)


Handler = Callable[[Call, Any], Any]
"""Answers a method: called with the call and the record of the parameters."""


def run_handler(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a handler. What it says of connections of its own must not be taken for ours."""
    try:
        return function(*arguments)
    except (ConnectionClosed, MalformedMessage) as error:
        raise RpcError(f"a call to another worker failed: {error}") from error


def is_shutdown(error: BaseException) -> bool:
    """Whether ``error`` ends the process (an interrupt) and must not become an answer.

    ``SystemExit`` from user code does not: a process that left with status 0 in the middle of a
    stream would look like a complete result.
    """
    return isinstance(error, (KeyboardInterrupt, GeneratorExit))
