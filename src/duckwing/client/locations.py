"""What a LOCATION means: who starts the worker, and how it is reached (spec 03, section 1)."""

from __future__ import annotations

import ipaddress
import re
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


@dataclass(frozen=True)
class Http:
    """A worker that serves HTTP.

    Attributes:
        host: name or address, without the brackets of IPv6.
        port: of the server.
        prefix: of all paths: empty, or with a slash at its beginning.
        secure: over TLS.
    """

    host: str
    port: int
    prefix: str = ""
    secure: bool = False

    @property
    def url(self) -> str:
        """What all paths are added to."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}{self.prefix}"

    @property
    def is_local(self) -> bool:
        """Whether the server is this machine, as far as its name tells."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"


Location: TypeAlias = Command | UnixSocket | TcpSocket | Launched | Http

_UNIX = "unix://"
_LAUNCH = "launch:"
_TCP = "tcp://"

_ELSEWHERE = {
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


_HTTP = re.compile(
    r"http(?P<secure>s?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[^\x00-\x20\x7f:/@\[\]\\?#]+)(?::(?P<port>[0-9]{1,5}))?"
    r'(?P<prefix>(?:/[!-"$->@-~]*)?)\Z',
    re.IGNORECASE,
)


def parse_location(location: str | Sequence[str]) -> Location:
    """Read a LOCATION as DuckDB reads it in ATTACH: by its beginning alone.

    Args:
        location: the text, or a list: the arguments of a command, which no shell sees.

    Raises:
        LocationError: it is empty, malformed, or names a transport that this client does not have.

    Example:
        >>> parse_location("tcp://localhost:9000")
        TcpSocket(host='localhost', port=9000)
        >>> parse_location("https://worker.example/vgi")
        Http(host='worker.example', port=443, prefix='/vgi', secure=True)
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
            "the LOCATION is empty; expected a command such as 'exec duckwing run worker.py', launch:…, unix://…, "
            "tcp://… or https://…"
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
    if location[:7].lower() == "http://" or location[:8].lower() == "https://":
        return _http(location)
    for prefix, what in _ELSEWHERE.items():
        if location[: len(prefix)].lower() == prefix:
            raise LocationError(
                f"this version of duckwing.client does not connect to {what} ({prefix}…); attach it in DuckDB, or use "
                "a command, launch:…, unix://…, tcp://… or https://…"
            )
    return Command(location)


def _http(location: str) -> Http:
    found = _HTTP.match(location)
    secure = bool(found and found["secure"])
    port = int(found["port"] or (443 if secure else 80)) if found else 0
    if not found or not 1 <= port <= 65535:
        # The text is not repeated: there may be a password in it.
        raise LocationError(
            "a LOCATION over HTTP is http://host:port or https://host:port, perhaps with a path; it has no user, no "
            "query and no fragment, and a port from 1 to 65535. A token goes into bearer_token="
        )
    return Http(found["host"].strip("[]"), port, found["prefix"].removesuffix("/"), secure)
