"""The limit of any worker on a pipe: the same bytes there and back, with nothing done to them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Protocol

from benchmarks.launch import WORKERS
from benchmarks.workers.noop import HEADER, widen

_PIECE = 1 << 20


class Sized(Protocol):
    """A message: an Arrow buffer, or bytes."""

    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...


class Pipes:
    """Processes that read messages and write back as many bytes as they are told.

    Args:
        count: how many; messages are dealt out among them, as engine threads deal out their rows.
    """

    def __init__(self, count: int):
        self._lanes = [_Lane() for _ in range(count)]
        self._threads = ThreadPoolExecutor(count)

    def __enter__(self) -> Pipes:
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
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, WORKERS / "noop.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
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
                raise RuntimeError(f"the pipe took {sent} bytes of {HEADER.size + size}")
            while answer > 0:
                received = os.readv(read_fd, room)
                if not received:
                    raise RuntimeError("the other end of the pipe has left")
                answer -= received

    def close(self) -> None:
        self._to.close()
        self._process.wait()
        self._from.close()
