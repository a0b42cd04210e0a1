"""A worker as a child process, spoken to over its standard input and output."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Sequence

from ..transports.pipe import PipeStream

EXIT_SECONDS = 2.0
"""How long a worker may take to leave after its input was closed, before it is killed."""

STDERR_SHOWN = 4000
"""Characters of a worker's standard error that are kept for error messages."""


class WorkerProcess:
    """A running worker.

    Args:
        command: a shell command, as LOCATION would have it, or a list of arguments.

    Attributes:
        stream: the connection.
    """

    def __init__(self, command: str | Sequence[str]):
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._process = subprocess.Popen(
            command,
            shell=isinstance(command, str),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.stream = PipeStream(self._process.stdout.fileno(), self._process.stdin.fileno())

    @property
    def pid(self) -> int:
        """Process id; that of the shell for a command that does not begin with ``exec``."""
        return self._process.pid

    def stderr(self) -> str:
        """The end of what the worker has written to standard error so far."""
        self._stderr.seek(0, 2)
        self._stderr.seek(max(0, self._stderr.tell() - STDERR_SHOWN))
        return self._stderr.read().decode("utf-8", "replace").strip()

    def close(self) -> int:
        """Close the worker's input, wait for it to leave, and return its exit status."""
        self.stream.forget()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # it may have left first
                    pipe.close()
        try:
            status = self._process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._stderr.close()
        return status
