"""What streams and calls write down of themselves, for whoever wants to know that they were cleaned up.

The processes of a service share it: the one that is asked need not be the one that wrote.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from duckwing.rpc.call import Call, Handler
from duckwing.rpc.method import Method, unary

FOLDER_VARIABLE = "DUCKWING_CONFORMANCE_DIARY"
"""Environment variable: the folder of the diaries; one of this user's by default."""

POLL_SECONDS = 0.01


@dataclass(frozen=True)
class Diary:
    """Which one: a name that the client makes up, of letters and digits."""

    name: str


@dataclass(frozen=True)
class Meeting:
    """Callers that wait for each other.

    Attributes:
        name: of the diary in which they come together.
        callers: how many there are.
        seconds: how long one waits for the others.
    """

    name: str
    callers: int
    seconds: float


DIARY = unary("diary", Diary, list[str], idempotency="no_side_effects")
MEET = unary("meet", Meeting, bool)

METHODS: Mapping[str, Method[Diary, list[str]] | Method[Meeting, bool]] = {"diary": DIARY, "meet": MEET}


def write(name: str, entry: str) -> None:
    """Add a line to a diary; without a name there is none."""
    if name:
        # One write of a line is not torn apart by those of other processes.
        descriptor = os.open(_path(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, f"{entry}\n".encode())
        finally:
            os.close(descriptor)


def read(name: str) -> list[str]:
    """The lines of a diary."""
    try:
        return _path(name).read_text().splitlines()
    except FileNotFoundError:
        return []


def _path(name: str) -> Path:
    if not (name.isascii() and name.isalnum() and len(name) <= 64):
        raise ValueError(f"{name!r:.80} is no name of a diary; expected up to 64 letters and digits")
    return _folder() / name


def _folder() -> Path:
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    folder = Path(tempfile.gettempdir()) / f"duckwing-conformance-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    return folder


def _meet(call: Call, request: Meeting) -> bool:
    """Whether all callers were here at the same time."""
    write(request.name, "here")
    deadline = time.monotonic() + request.seconds
    while len(read(request.name)) < request.callers:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


HANDLERS: Mapping[str, Handler] = {"diary": lambda call, request: read(request.name), "meet": _meet}
