"""The command line that every worker understands (spec 03, section 3)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeVar

from .collector import resume_collector

if TYPE_CHECKING:
    from .http_options import Http

T = TypeVar("T")

DEFAULT_IDLE_SECONDS = 300.0

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True)
class Unix:
    """Listen on an AF_UNIX socket at ``path``."""

    path: str


@dataclass(frozen=True)
class Tcp:
    """Listen on ``port`` of ``host``; port 0 lets the system choose."""

    host: str
    port: int


@dataclass(frozen=True)
class Logging:
    """What of Python's ``logging`` is written to standard error.

    Attributes:
        level: the least severe level, for ``loggers``; None leaves Python's default, warnings.
        loggers: names of loggers; empty for all.
        json: one JSON object a line, not text.
    """

    level: str | None = None
    loggers: tuple[str, ...] = ()
    json: bool = False


@dataclass(frozen=True)
class Options:
    """What the command line asks for.

    Attributes:
        listen: where clients connect; None for standard input and output, and for HTTP.
        http: how to serve HTTP; None: it is not wanted.
        idle_seconds: a listening worker ends after so long without connections; 0 or less for never.
        processes: how many processes a listening worker keeps ready.
        remote: a worker that asks nobody who he is may listen on other addresses than the loopback.
        reload: a listening worker starts again when a source file of its has changed.
        quiet: say nothing to a person at a terminal.
        profile: the folder in which each process says where it has spent its time; None: it does not.
        logging: what is logged.
    """

    listen: Unix | Tcp | None = None
    http: Http | None = None
    idle_seconds: float = DEFAULT_IDLE_SECONDS
    processes: int = 1
    remote: bool = False
    reload: bool = False
    quiet: bool = False
    profile: str | None = None
    logging: Logging = Logging()

    def serving(self) -> AbstractContextManager[None]:
        """What a process does in its block: it serves.

        Garbage is collected from now on, and where the time goes is looked at, if that is wanted.

        Raises:
            SystemExit: with status 1, on entering, if nothing can be written there.
        """
        resume_collector()
        if self.profile is None:
            return nullcontext()
        from .profiling import profiled

        return profiled(self.profile)


def parse_options(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Options:
    """Read the flags of a worker; words and flags of the author's own are left alone.

    Flags that take a value take it as ``--flag value`` and ``--flag=value``; of a repeated flag the last counts.

    Raises:
        SystemExit: with status 2, after a message on standard error, if a flag is used wrongly.
    """
    found = _Flags(arguments)
    places = [flag for flag in ("--unix", "--tcp", "--http") if flag in found.values or flag in found.switches]
    if len(places) > 1:
        _fail(f"{' and '.join(places)} exclude each other; give one")
    http = _read_http(found, environment) if places == ["--http"] else None
    listen: Unix | Tcp | None = None
    if "--unix" in found.values:
        if sys.platform == "win32":
            _fail("--unix is not supported on Windows; use --tcp, or give DuckDB the command itself as LOCATION")
        listen = Unix(found.one("--unix", _path, ""))
    elif "--tcp" in found.values:
        listen = found.one("--tcp", _tcp, Tcp("", 0))
    debug = "--debug" in found.switches or environment.get("VGI_WORKER_DEBUG") == "1"
    idle = environment.get("VGI_RPC_IDLE_TIMEOUT")
    seconds = found.one("--idle-timeout", _seconds, _seconds(idle) if idle else DEFAULT_IDLE_SECONDS)
    if environment.get("VGI_WORKER_IDLE_TIMEOUT"):
        seconds = _checked("VGI_WORKER_IDLE_TIMEOUT", _seconds, environment["VGI_WORKER_IDLE_TIMEOUT"])
    return Options(
        listen=listen,
        http=http,
        idle_seconds=seconds,
        processes=found.one("--processes", _count, 0) or found.one("--http-workers", _count, 0) or usable_cores(),
        remote="--allow-remote" in found.switches,
        reload="--reload" in found.switches,
        quiet="--quiet" in found.switches or "-q" in found.switches or environment.get("VGI_QUIET") == "1",
        profile=found.one("--profile", _path, environment.get("DUCKWING_PROFILE") or None),
        logging=Logging(
            level=found.one("--log-level", _level, "DEBUG" if debug else None),
            loggers=tuple(found.values.get("--log-logger", ())),
            json=found.one("--log-format", _log_format, False),
        ),
    )


def _read_http(found: _Flags, environment: Mapping[str, str]) -> Http:
    from .http_options import read_http

    try:
        return read_http({flag: given[-1] for flag, given in found.values.items()}, found.switches, environment)
    except ValueError as error:
        _fail(str(error))


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Flags:
    """A command line, taken apart as far as it is ours."""

    _valued = frozenset(
        ("--unix", "--tcp", "--idle-timeout", "--processes", "--profile", "--log-level", "--log-logger", "--log-format")
    )

    def __init__(self, arguments: Sequence[str]):
        self.values: dict[str, list[str]] = {}
        self.switches: set[str] = set()
        valued = self._valued
        if "--http" in arguments:
            from .http_options import VALUED

            valued |= VALUED
        rest = iter(arguments)
        for argument in rest:
            flag, equals, value = argument.partition("=")
            if flag in valued:
                if not equals:
                    value = next(rest, "")
                    if not value:
                        _fail(f"{flag} needs a value: {flag} VALUE")
                self.values.setdefault(flag, []).append(value)
            else:
                self.switches.add(flag)

    def one(self, flag: str, read: Callable[[str], T], default: T) -> T:
        given = self.values.get(flag)
        return _checked(flag, read, given[-1]) if given else default


def _checked(flag: str, read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except ValueError as error:
        _fail(f"{flag} {text}: {error}")


def _path(text: str) -> str:
    if "\0" in text:
        raise ValueError("a path has no zero bytes")
    return os.path.join(os.getcwd(), text)  # not normalised: the launcher compares it byte for byte


def _tcp(text: str) -> Tcp:
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError("expected [HOST:]PORT with a port from 0 to 65535, such as 127.0.0.1:9000")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    return Tcp(host or "127.0.0.1", int(port))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = float("nan")
    if seconds != seconds or seconds == float("inf"):
        raise ValueError("expected seconds, such as 300 or 1.5; 0 means never") from None
    return max(seconds, 0.0)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 256):
        raise ValueError("expected a number of processes from 1 to 256")
    return int(text)


def _level(text: str) -> str:
    if text.upper() not in LOG_LEVELS:
        raise ValueError(f"expected one of {', '.join(LOG_LEVELS)}")
    return text.upper()


def _log_format(text: str) -> bool:
    if text not in ("text", "json"):
        raise ValueError("expected text or json")
    return text == "json"


def _fail(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(2)
