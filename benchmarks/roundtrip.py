"""The limit of any worker on a pipe or a socket: the same bytes there and back, with nothing done to them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import IO, Protocol

from benchmarks.launch import WORKERS
from benchmarks.workers.noop import HEADER, widen

from duckwing.transports import sockets as local_sockets

_PIECE = 1 << 20


class Sized(Protocol):
    """A message: an Arrow buffer, or bytes."""

    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...


class RoundTrips:
    """Processes that read messages and write back as many bytes as they are told.

    Args:
        count: how many; messages are dealt out among them, as engine threads deal out their rows.
        sockets: through local sockets, not pipes.
    """

    def __init__(self, count: int, *, sockets: bool = False):
        self._lanes = [_Lane(sockets) for _ in range(count)]
        self._threads = ThreadPoolExecutor(count)

    def __enter__(self) -> RoundTrips:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown()
        for lane in self._lanes:
            lane.close()

    def run(self, messages: Sequence[Sized], answers: Sequence[int]) -> None:
        """Send each message and wait for an answer of ``answers[i]`` bytes before the next."""
        lanes = len(self._lanes)
        running = [
            self._threads.submit(lane.run, messages[number::lanes], answers[number::lanes])
            for number, lane in enumerate(self._lanes)
        ]
        for lane_done in running:
            lane_done.result()


class _Lane:
    def __init__(self, sockets: bool) -> None:
        command = [sys.executable, str(WORKERS / "noop.py")]
        self._to: IO[bytes] | socket.socket
        self._from: IO[bytes] | socket.socket
        if sockets:
            here, there = socket.socketpair()
            for end in (here, there):
                local_sockets.widen(end)
            with there:
                self._process = subprocess.Popen(command, stdin=there.fileno(), stdout=there.fileno())
            self._to = self._from = here
        else:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._to, self._from = self._process.stdin, self._process.stdout
            widen(self._to.fileno(), self._from.fileno())
        self._room = bytearray(_PIECE)

    def run(self, messages: Sequence[Sized], answers: Sequence[int]) -> None:
        write_fd, read_fd, room = self._to.fileno(), self._from.fileno(), [self._room]
        for message, answer in zip(messages, answers, strict=True):
            size = len(message)
            sent = os.writev(write_fd, [HEADER.pack(size, answer), message])
            if sent != HEADER.size + size:
                raise RuntimeError(f"only {sent} bytes of {HEADER.size + size} were taken")
            while answer > 0:
                received = os.readv(read_fd, room)
                if not received:
                    raise RuntimeError("the other end has left")
                answer -= received

    def close(self) -> None:
        self._to.close()
        self._process.wait()
        self._from.close()
