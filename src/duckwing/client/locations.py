"""What a LOCATION means: who starts the worker, and how it is reached (spec 03, section 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..errors import Error
from ..transports.sockets import parse_address
from .launcher import split_arguments


class LocationError(Error):
    """A LOCATION that cannot be read, or that this client cannot connect to."""


@dataclass(frozen=True)
class Command:
    """A worker that the client starts and speaks to over standard input and output.

    Attributes:
        command: text for the shell, or a list of arguments.
    """

    command: str | tuple[str, ...]


@dataclass(frozen=True)
class UnixSocket:
    """A worker that listens on a socket of the file system."""

    path: str


@dataclass(frozen=True)
class TcpSocket:
    """A worker that listens on a port; without encryption."""

    host: str
    port: int


@dataclass(frozen=True)
class Launched:
    """A worker that all clients of a user share; whoever comes first starts it."""

    arguments: tuple[str, ...]


Location: TypeAlias = Command | UnixSocket | TcpSocket | Launched

_UNIX = "unix://"
_LAUNCH = "launch:"
_TCP = "tcp://"

_ELSEWHERE = {
    "http://": "workers over HTTP",
    "https://": "workers over HTTP",
    "oci://": "container images",
    "docker://": "container images",
    "github://": "releases on GitHub",
    "github-auto://": "releases on GitHub",
    "database://": "workers that are kept in a table",
    "iroh://": "workers over Iroh",
    "httpi://": "workers over Iroh",
    "worker:": "workers in a browser",
}
"""What DuckDB can attach in some build, and this client cannot."""


def parse_location(location: str | Sequence[str]) -> Location:
    """Read a LOCATION as DuckDB reads it in ATTACH: by its beginning alone.

    Args:
        location: the text, or a list: the arguments of a command, which no shell sees.

    Raises:
        LocationError: it is empty, malformed, or names a transport that this client does not have.

    Example:
        >>> parse_location("tcp://localhost:9000")
        TcpSocket(host='localhost', port=9000)
        >>> parse_location("launch:my-worker 'a b'")
        Launched(arguments=('my-worker', 'a b'))
        >>> parse_location("exec duckwing run worker.py")
        Command(command='exec duckwing run worker.py')
    """
    if not isinstance(location, str):
        if not location:
            raise LocationError("a command has at least one argument")
        return Command(tuple(location))
    if not location.strip():
        raise LocationError(
            "the LOCATION is empty; expected a command such as 'exec duckwing run worker.py', launch:…, unix://… or "
            "tcp://…"
        )
    try:
        # Only these two are written in lower case alone; UNIX://… would be a command of the shell.
        if location.startswith(_LAUNCH):
            return Launched(tuple(split_arguments(location.removeprefix(_LAUNCH))))
        if location.startswith(_UNIX):
            return UnixSocket(location.removeprefix(_UNIX))
        if location[: len(_TCP)].lower() == _TCP:
            return TcpSocket(*parse_address(location[len(_TCP) :]))
    except ValueError as error:
        raise LocationError(f"the LOCATION {location} cannot be read: {error}") from None
    for prefix, what in _ELSEWHERE.items():
        if location[: len(prefix)].lower() == prefix:
            raise LocationError(
                f"this version of duckwing.client does not connect to {what} ({prefix}…); attach it in DuckDB, or use "
                "a command, launch:…, unix://… or tcp://…"
            )
    return Command(location)
