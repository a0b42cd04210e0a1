"""Methods that fail, log, and tell what they know of their call."""

from __future__ import annotations

import enum
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from duckwing.rpc.call import LEVELS, Call, Handler
from duckwing.rpc.errors import MethodNotImplementedError
from duckwing.rpc.method import Method, NoParams, unary


class ServiceError(Exception):
    """An error of the service's own."""


class Unprintable(Exception):
    """An error whose message cannot be made."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class How(enum.Enum):
    """The ways to fail."""

    VALUE = enum.auto()
    OWN = enum.auto()
    EMPTY = enum.auto()
    LINES = enum.auto()
    UNICODE = enum.auto()
    SURROGATE = enum.auto()
    LONG = enum.auto()
    CHAINED = enum.auto()
    EXIT = enum.auto()
    STOP = enum.auto()
    UNPRINTABLE = enum.auto()
    NOT_IMPLEMENTED = enum.auto()
    WRONG_TYPE = enum.auto()
    NO_RESULT = enum.auto()


@dataclass(frozen=True)
class Fail:
    """How to fail, after so many log messages."""

    how: How
    logs: int = 0


@dataclass(frozen=True)
class Log:
    """What to log: the levels, in order, and a text for each."""

    levels: tuple[str, ...]
    text: str = "message"
    extra: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Told:
    """A call as its handler sees it."""

    method: str
    metadata: Mapping[str, bytes]
    domain: str
    principal: str
    authenticated: bool


FAIL = unary("fail", Fail, str)
LOG = unary("log", Log, int)
LOG_EVERY_LEVEL = unary("log_every_level", NoParams)
TELL = unary("tell", NoParams, Told, idempotency="no_side_effects")
SHOUT = unary("shout", NoParams)
ABSENT = unary("absent", NoParams, int)
"""Declared, and served by nobody."""

METHODS: Mapping[str, Method[Any, Any]] = {m.name: m for m in (FAIL, LOG, LOG_EVERY_LEVEL, TELL, SHOUT, ABSENT)}


def fail(call: Call, request: Fail) -> Any:
    """Fail as asked."""
    for number in range(request.logs):
        call.log("WARN", f"about to fail {number}")
    return raise_or_return(request.how)


def raise_or_return(how: How) -> Any:
    """Raise the error, or return what is no result.

    Raises:
        BaseException: as asked.
    """
    match how:
        case How.VALUE:
            raise ValueError("no such value")
        case How.OWN:
            raise ServiceError("of its own")
        case How.EMPTY:
            raise ValueError
        case How.LINES:
            raise ServiceError("first line\nsecond line\n\tthird line")
        case How.UNICODE:
            raise ServiceError("Größe 鴨 \N{DUCK} \0 zero")
        case How.SURROGATE:
            raise ServiceError("half a character: \ud800")
        case How.LONG:
            raise ServiceError("long " * 1_000_000)
        case How.CHAINED:
            try:
                raise KeyError("cause")
            except KeyError as error:
                raise ServiceError("effect") from error
        case How.EXIT:
            raise SystemExit(0)
        case How.STOP:
            return next(iter(()))
        case How.UNPRINTABLE:
            raise Unprintable
        case How.NOT_IMPLEMENTED:
            raise MethodNotImplementedError("this service leaves it out")
        case How.WRONG_TYPE:
            return 5
        case How.NO_RESULT:
            return None


def _log(call: Call, request: Log) -> int:
    for level in request.levels:
        call.log(level, request.text, request.extra)
    return len(request.levels)


def _log_every_level(call: Call, request: NoParams) -> None:
    for level in LEVELS:
        call.log(level, f"at {level}")


def _tell(call: Call, request: NoParams) -> Told:
    metadata = {key.decode(): value for key, value in call.metadata.items()}
    return Told(call.method, metadata, call.caller.domain, call.caller.principal, call.caller.authenticated)


def _shout(call: Call, request: NoParams) -> None:
    """Print to standard output, which may be the connection."""
    print("hello from the service", flush=True)
    os.write(1, b"hello from its descriptor\n")
    subprocess.run([sys.executable, "-c", "print('hello from its child')"], check=True)


HANDLERS: Mapping[str, Handler] = {
    "fail": fail,
    "log": _log,
    "log_every_level": _log_every_level,
    "tell": _tell,
    "shout": _shout,
}
