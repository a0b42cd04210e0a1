"""A client that sends anything, over bytes or over HTTP."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import pyarrow as pa

from .foreign import PROTOCOL, Line, Message, check_failure, line, read, record, request
from .wires import Place

VALUE = record(value=pa.array([7]))
GOOD = request("echo_int64", VALUE)


class Told(NamedTuple):
    """An error that answers a request.

    Attributes:
        schema: of the answer.
        message: the error.
        status: over HTTP, that of the response.
    """

    schema: pa.Schema
    message: Message
    status: int | None


class Asking:
    """A client that sends anything, over bytes or over HTTP. All that is refused, on one connection."""

    def __init__(self, service: Place):
        self.by_request = service.by_request
        self._service = service
        self._open = contextlib.ExitStack()
        self._line: Line | None = None

    def refused(self, body: bytes, path: str = "echo_int64", protocol: str = PROTOCOL) -> Told:
        """Send what is no request; the error. Calls can be made as before, on the same connection."""
        if self.by_request:
            page = self._service.pages().post(path, body, protocol)
            assert page.failed
            [(schema, [message])] = page.streams
            self.check_usable()
            return Told(schema, message, page.status)
        if self._line is None:
            self._line = self._open.enter_context(self._connected())
        used, self._line = self._line, None  # whatever goes wrong now, the next test has another one
        schema, [message] = used.call(body)
        check_answered(used)
        self._line = used
        return Told(schema, message, None)

    def broken(self, body: bytes) -> Told:
        """Send what is no Arrow; the error. A connection of bytes ends then, and the service does not."""
        if self.by_request:
            return self.refused(body)
        with self._connected() as made:
            send_in_vain(made, body)
            schema, [message] = read(made.source)
            check_ended(made)
        self.check_usable()
        return Told(schema, message, None)

    def close(self) -> None:
        """End its connection."""
        self._open.close()

    def check_usable(self) -> None:
        """Another client is answered."""
        if self.by_request:
            page = self._service.pages().post("echo_int64", GOOD)
            assert (page.status, page.failed, page.messages[0][0]) == (200, False, [{"result": 7}])
        elif self._service.transport != "stdio":  # there it would be another process
            with self._connected() as made:
                check_answered(made)

    def _connected(self) -> contextlib.AbstractContextManager[Line]:
        return line(self._service.address(), self._service.transport)


def check_answered(line: Line) -> None:
    """A call is answered."""
    assert line.call(GOOD).messages[0][0] == [{"result": 7}]


def send_in_vain(line: Line, body: bytes) -> None:
    """Send what is refused before all of it has been read."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        line.send(body)


def check_ended(line: Line) -> None:
    """Nothing more comes."""
    with contextlib.suppress(ConnectionResetError):  # what was not read, was in vain
        assert line.source.read() == b""


def check(told: Told, type: str, kind: str | None, text: str) -> None:
    """An error in its form (spec 01, section 7)."""
    said = told.message[1][b"vgi_rpc.log_message"].decode()
    check_failure(told.message, said)
    assert said.startswith(f"{type}: {text}")
    assert told.message[1].get(b"vgi_rpc.error_kind") == (kind.encode() if kind else None)
