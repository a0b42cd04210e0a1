"""A worker as a child process, spoken to over its standard input and output."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Sequence

from ..transports.pipe import PipeStream

EXIT_SECONDS = 2.0
"""How long a worker may take to leave after its input was closed, before it is killed."""

STDERR_HEADING = "\nworker stderr:\n"
"""Stands in messages of errors between what happened and what the worker has said last."""

STDERR_SHOWN = 4000
"""Characters of a worker's standard error that are kept for error messages."""

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126
"""Statuses with which a shell says so."""


class WorkerProcess:
    """A running worker.

    Args:
        command: a shell command, as LOCATION would have it, or a list of arguments.

    Attributes:
        stream: the connection.

    Raises:
        OSError: the first of the arguments cannot be started. A shell says so later.
    """

    def __init__(self, command: str | Sequence[str]):
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        try:
            self._process = subprocess.Popen(
                command,
                shell=isinstance(command, str),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
            )
        except BaseException:
            self._stderr.close()
            raise
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.stream = PipeStream(self._process.stdout.fileno(), self._process.stdin.fileno())

    @property
    def pid(self) -> int:
        """Process id; that of the shell for a command that does not begin with ``exec``."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status, negative for a signal; None: it runs."""
        return self._process.poll()

    def stderr(self) -> str:
        """The end of what the worker has written to standard error so far."""
        if self._stderr.closed:
            return ""
        self._stderr.seek(0, 2)
        self._stderr.seek(max(0, self._stderr.tell() - STDERR_SHOWN))
        return self._stderr.read().decode("utf-8", "replace").strip()

    def obituary(self) -> str:
        """What is known of its end, to be added to an error: how it ended, and what it has said last."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(EXIT_SECONDS)  # its pipes close a moment earlier
        status = self._process.returncode
        if status is None:
            ending = ""
        elif status == _NOT_FOUND:
            ending = " (the command was not found; expected one such as: exec duckwing run worker.py)"
        elif status == _NOT_EXECUTABLE:
            ending = " (the command may not be executed)"
        else:
            ending = f" (it exited with status {status})" if status >= 0 else f" (signal {-status} ended it)"
        said = self.stderr()
        return f"{ending}{STDERR_HEADING}{said}" if said else ending

    def hang_up(self) -> None:
        """Close its input and output; it leaves by itself."""
        self.stream.forget()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # it may have left first
                    pipe.close()

    def close(self) -> int:
        """Hang up, wait for it to leave, and return its exit status."""
        self.hang_up()
        try:
            status = self._process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._stderr.close()
        return status
