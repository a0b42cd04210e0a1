"""What travels with the client from turn to turn of a stream (spec 02, section 9).

The call token is made once, and holds what never changes; the cursor says how far the stream has come.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..rpc.call import Identity
from .tokens import InvalidToken, Sealer

CURSOR_SECONDS = 3600.0
CALL_SECONDS = 24 * 3600.0
"""How long tokens can be used. Each turn gives a new cursor; the call token limits how long a stream can take."""

MAX_SKEW = 60.0
"""Seconds by which the clocks of two machines may differ."""

_CURSOR, _CALL = b"cursor", b"call"
_CURSOR_HEAD = struct.Struct("<d16s16sQ")
_CALL_HEAD = struct.Struct("<d16sQIIIII")


class ExpiredToken(InvalidToken):
    """A token is too old."""

    def __init__(self) -> None:
        super().__init__("The state token has expired; run the query again")


@dataclass(frozen=True)
class OpenCall:
    """A call whose stream is open.

    Attributes:
        id: 16 random bytes.
        limit: bytes of a response that the client took when it was opened.
        method: its name.
        output: the stream's schema, serialised.
        request: the request's stream; empty if only one process can go on.
        header: the encoded header; empty likewise.
        coding: in which the client takes objects beside HTTP; ``""``: in none.
    """

    id: bytes
    limit: int
    method: str
    output: bytes
    request: bytes = b""
    header: bytes = b""
    coding: str = ""


@dataclass(frozen=True)
class Cursor:
    """How far a stream has come.

    Attributes:
        call: id of the call.
        owner: the process that alone can go on; zeros if any can.
        turn: the next turn.
        state: what the next turn needs.
    """

    call: bytes
    owner: bytes
    turn: int
    state: bytes


class Cursors:
    """Makes and opens the tokens of streams.

    Args:
        sealer: seals them.
        clock: seconds since the epoch.
    """

    def __init__(self, sealer: Sealer, clock: Callable[[], float] = time.time):
        self._sealer = sealer
        self._clock = clock

    def cursor(self, cursor: Cursor, protocol: str, caller: Identity) -> bytes:
        """The token of a cursor."""
        head = _CURSOR_HEAD.pack(self._clock(), cursor.call, cursor.owner, cursor.turn)
        return self._sealer.seal(head + cursor.state, _CURSOR, _context(protocol, caller))

    def read_cursor(self, token: bytes, protocol: str, caller: Identity) -> Cursor:
        """The cursor of a token.

        Raises:
            InvalidToken: it is none of this caller's, or has expired.
        """
        data = self._sealer.open(token, _CURSOR, _context(protocol, caller))
        created, call, owner, turn = _CURSOR_HEAD.unpack_from(data)
        self._check_age(created, CURSOR_SECONDS)
        return Cursor(call, owner, turn, data[_CURSOR_HEAD.size :])

    def call(self, call: OpenCall, protocol: str, caller: Identity) -> bytes:
        """The token of a call."""
        parts = (call.method.encode(), call.output, call.request, call.header, call.coding.encode())
        head = _CALL_HEAD.pack(self._clock(), call.id, call.limit, *map(len, parts))
        return self._sealer.seal(b"".join((head, *parts)), _CALL, _context(protocol, caller))

    def read_call(self, token: bytes, cursor: Cursor, protocol: str, caller: Identity) -> OpenCall:
        """The call of a token.

        Args:
            token: the token.
            cursor: of the same stream.
            protocol: the one whose stream it is.
            caller: who asks.

        Raises:
            InvalidToken: it is none of this caller's, or of another stream, or has expired.
        """
        data = self._sealer.open(token, _CALL, _context(protocol, caller))
        created, id_, limit, *lengths = _CALL_HEAD.unpack_from(data)
        if id_ != cursor.call:
            raise InvalidToken
        self._check_age(created, CALL_SECONDS)
        parts: list[bytes] = []
        position = _CALL_HEAD.size
        for length in lengths:
            parts.append(data[position : position + length])
            position += length
        method, output, request, header, coding = parts
        return OpenCall(id_, limit, method.decode(), output, request, header, coding.decode())

    def _check_age(self, created: float, seconds: float) -> None:
        age = self._clock() - created
        if not -MAX_SKEW <= age <= seconds:
            raise ExpiredToken


def _context(protocol: str, caller: Identity) -> bytes:
    return protocol.encode() + b"\0" + caller.context
