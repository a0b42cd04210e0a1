"""Workers that serve HTTP, as users start them."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.launch import WORKERS, duckwing_command
from benchmarks.processes import peaks_below

from duckwing.process.options import usable_cores

PATIENCE = 60.0
"""Seconds after which a worker that is told to end has failed; it finishes what it does for half of that."""


@dataclass(frozen=True)
class Served:
    """A worker that serves.

    Attributes:
        supervisor: id of the process that keeps the others.
        port: of the loopback.
    """

    supervisor: int
    port: int

    @property
    def location(self) -> str:
        """For ATTACH."""
        return f"http://127.0.0.1:{self.port}"

    def peak(self) -> float:
        """The largest peak of resident memory among its processes; bytes, Linux only."""
        return max(peaks_below(self.supervisor).values())


@contextlib.contextmanager
def serving(worker: str, *arguments: str, processes: int | None = None) -> Iterator[Served]:
    """Serve ``workers/<worker>.py`` until the ``with`` block ends.

    Args:
        worker: the file's name without its suffix.
        arguments: words for the worker's command line.
        processes: how many there are; None: as many as there are cores, which is the default.

    Raises:
        RuntimeError: it does not serve, or does not end.
    """
    count = str(usable_cores() if processes is None else processes)
    flags = ["--http", "--quiet", "--processes", count]
    command = [str(duckwing_command()), "run", str(WORKERS / f"{worker}.py"), *arguments, *flags]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        try:
            if not first.startswith("PORT:"):
                raise RuntimeError(f"{command} does not serve; the first line of its output is {first!r}")
            yield Served(process.pid, int(first.removeprefix("PORT:")))
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                raise RuntimeError(f"{command} did not end within {PATIENCE:.0f} s") from None
