"""Other processes, which run a few lines of Python and talk over their standard streams."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from types import TracebackType

SAY = """
import sys
def say(value):
    # In one piece: print() writes the end of the line by itself where nothing is buffered.
    sys.stdout.write(f"{value}\\n")
    sys.stdout.flush()
"""


class Process:
    """A Python process that runs ``script``; a call of ``say(text)`` in it is a line for :meth:`hear`."""

    def __init__(self, script: str, *arguments: object):
        self._process = subprocess.Popen(
            [sys.executable, "-c", SAY + textwrap.dedent(script), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def hear(self) -> str:
        """The next line that it says, "" after the last."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def hear_all(self) -> list[str]:
        """The lines until it ends, which must be in good order."""
        assert self._process.stdout is not None
        lines = self._process.stdout.read().split()
        assert self._process.wait(60) == 0
        return lines

    def tell(self) -> None:
        """Let an ``input()`` in it return."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def finish(self) -> None:
        """Wait for its end, which must be in good order."""
        assert self._process.wait(60) == 0

    def kill(self) -> None:
        """Kill it with SIGKILL, and wait until it is dead."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait(60)
