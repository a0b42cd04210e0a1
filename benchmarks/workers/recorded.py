"""The scalars of ``kinds.py``, whose answers are computed once: what is left is the client, the engine and the pipe.

A batch that has come before is answered with the bytes of the first answer, without looking at more of it than it
takes to recognize it. Everything else goes to the real worker. A process in Python can hardly do less.
"""

from __future__ import annotations

import os

from benchmarks.workers.kinds import bench
from benchmarks.workers.noop import widen

import duckwing as dw
from duckwing.process.standard import take_standard_streams
from duckwing.rpc.framing import Effect
from duckwing.rpc.limits import DEFAULT_LIMITS
from duckwing.rpc.message import parse_header
from duckwing.rpc.server import Server

_PIECE = 1 << 20
_PREFIX = 8
_HEAD = 256
"""Bytes of a message that are looked at as a whole: its header, which says how many rows there are."""
_SAMPLES = 64
"""Bytes of a body that tell it from the others. If they were too few, the query's answer would be wrong."""

Key = tuple[bytes, bytes]


class _Recorded:
    """A session of ``server`` on two descriptors."""

    def __init__(self, server: Server, read_fd: int, write_fd: int):
        self._core = server.session()
        self._effect: Effect = next(self._core)
        self._read_fd, self._write_fd = read_fd, write_fd
        self._answers: dict[Key, bytes] = {}
        self._bodies: dict[bytes, int] = {}

    def serve(self) -> None:
        """Answer until the client leaves."""
        read, data = os.read, b""
        while True:
            while (end := self._end(data)) is None:
                piece = read(self._read_fd, _PIECE)
                if not piece:
                    return
                data = data + piece if data else piece
            message, data = (data, b"") if end == len(data) else (data[:end], data[end:])
            self._answer(message)

    def _end(self, data: bytes) -> int | None:
        """Where the first message ends; None: it is not there as a whole."""
        if len(data) < _PREFIX:
            return None
        body = _PREFIX + int.from_bytes(data[4:_PREFIX], "little")
        if len(data) < body:
            return None
        header = data[:body]
        size = self._bodies.get(header)
        if size is None:
            is_end = body == _PREFIX
            size = self._bodies[header] = 0 if is_end else parse_header(data[_PREFIX:body], DEFAULT_LIMITS).body_length
        return body + size if len(data) >= body + size else None

    def _answer(self, message: bytes) -> None:
        # An odd step, so that not the same byte of each number is looked at.
        key = message[:_HEAD], message[_HEAD :: len(message) // _SAMPLES | 1]
        known = self._answers.get(key)
        if known is None:
            known = self._asked(message)
            if known and len(message) > _PREFIX:
                self._answers[key] = known
        self._write(known)

    def _asked(self, message: bytes) -> bytes:
        """What the real worker writes when it gets a message."""
        written, position = b"", 0
        while True:
            if isinstance(self._effect, int):
                if position == len(message):
                    return written
                piece = message[position : position + self._effect]
                position += len(piece)
                self._effect = self._core.send(piece)
            else:
                written += b"".join(map(bytes, self._effect))
                self._effect = self._core.send(b"")

    def _write(self, answer: bytes) -> None:
        written = 0
        while written < len(answer):
            written += os.write(self._write_fd, answer[written:] if written else answer)


if __name__ == "__main__":
    requests, answers = take_standard_streams()
    widen(requests, answers)
    _Recorded(dw.Worker(bench).server(), requests, answers).serve()
