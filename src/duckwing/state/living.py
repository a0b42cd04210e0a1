"""Which processes live: this one, shown to others, and the client that it works for."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

from . import locks

ID_SIZE = 16
"""Bytes of a process's id."""


class ProcessFile:
    """An empty file that this process holds for its whole life, under a name that no other process ever has.

    It is removed when the process ends in good order; otherwise it stays, and nobody holds it.

    Attributes:
        id: the name, ``ID_SIZE`` random bytes.
    """

    def __init__(self, folder: Path):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            self.id = os.urandom(ID_SIZE)
            self._path = folder / self.id.hex()
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            try:
                self._hold = locks.hold(self._path, alone=True)
            except FileNotFoundError:
                continue  # it was swept before it was held
            break
        self._process = os.getpid()
        atexit.register(self._remove)

    def _remove(self) -> None:
        if self._process == os.getpid():
            with contextlib.suppress(OSError):
                self._path.unlink()


def process_file(folder: Path) -> ProcessFile:
    """The file of this process in ``folder``, made by the first call; a forked child makes its own."""
    return _process_file(os.path.realpath(folder), os.getpid())


@functools.cache
def _process_file(folder: str, process: int) -> ProcessFile:
    return ProcessFile(Path(folder))


def sweep_processes(folder: Path) -> None:
    """Remove the files of processes that have died."""
    for entry in os.scandir(folder):
        with contextlib.suppress(OSError), locks.unheld(Path(entry.path)) as free:
            if free and sys.platform != "win32":  # where a living one cannot be told
                os.unlink(entry.path)


class Client(NamedTuple):
    """The process that this one works for.

    Attributes:
        place: what process numbers mean there: the boot and the process namespace; "" if that cannot be known.
        process: its number; 0 if there is none.
        start: when it was started, in clock ticks since the boot; 0 where that cannot be known.
    """

    place: str
    process: int
    start: int

    @classmethod
    def from_json(cls, value: Any) -> Client:
        """What ``list(client)`` gave.

        Raises:
            TypeError: it is something else.
        """
        match value:
            case [str(place), int(process), int(start)]:
                return cls(place, process, start)
        raise TypeError(f"expected [place, process, start], not {value!r}")

    def is_alive(self) -> bool | None:
        """Whether it still runs; None if that cannot be known from here."""
        if not self.process or not self.place or self.place != _place():
            return None
        try:
            if sys.platform != "linux":
                os.kill(self.process, 0)
                return True
            found = _linux_process(self.process)
        except (FileNotFoundError, ProcessLookupError):
            return False
        except (OSError, ValueError):
            return None
        return found.start == self.start and found.state not in "ZX"


UNKNOWN = Client("", 0, 0)
"""A client of which nothing can be known."""

_BETWEEN = frozenset(
    ("sh", "ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "pwsh", "tcsh", "yash", "zsh")
    + ("env", "ionice", "nice", "nohup", "setsid", "stdbuf", "time", "timeout")
    + ("conda", "hatch", "pdm", "pipx", "pixi", "poetry", "rye", "uv", "uvx")
)
"""Programs that start a worker in somebody else's name, and end with it."""


def client() -> Client:
    """The nearest ancestor of this process that is no shell or launcher.

    With ``pool false`` a worker ends between the calls of one query, and what tells that the query
    is over, too, is the end of its client. Where there is no ``/proc`` it is the parent process.
    """
    return _client(os.getpid())


def client_of(process: int) -> Client:
    """The process ``process`` of this machine, as whom this one works for."""
    if sys.platform != "linux":
        return Client(_place(), process, 0)
    try:
        return Client(_place(), process, _linux_process(process).start)
    except (OSError, ValueError):
        return Client(_place(), 0, 0)


@functools.cache
def _client(process: int) -> Client:
    place = _place()
    if sys.platform == "win32":
        return UNKNOWN
    if sys.platform != "linux":
        return Client(place, os.getppid() if os.getppid() > 1 else 0, 0)
    try:
        while True:
            process = _linux_process(process).parent
            if process <= 1:
                return Client(place, 0, 0)
            found = _linux_process(process)
            if found.name not in _BETWEEN:
                return Client(place, process, found.start)
    except (OSError, ValueError):
        return Client(place, 0, 0)


class _LinuxProcess(NamedTuple):
    name: str
    state: str
    parent: int
    start: int


def _linux_process(process: int) -> _LinuxProcess:
    """What ``/proc`` says about a process.

    Raises:
        OSError: there is no such process, or it may not be seen.
        ValueError: the file does not look as it should.
    """
    text = Path(f"/proc/{process}/stat").read_text(errors="replace")
    before, _, after = text.rpartition(")")  # the name may have brackets and spaces itself
    fields = after.split()
    if len(fields) < 20:
        raise ValueError(f"/proc/{process}/stat is too short")
    return _LinuxProcess(before.partition("(")[2], fields[0], int(fields[1]), int(fields[19]))


def _place() -> str:
    """What process numbers mean here. Folders can be shared with containers and other machines."""
    if sys.platform != "linux":
        return "" if sys.platform == "win32" else os.uname().nodename
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""
