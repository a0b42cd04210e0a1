"""What a client declares of the service: its own, so that a mistake in the service's declarations is found."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from duckwing.rpc.method import Method, NoParams, stream, unary

NUMBERS = pa.schema([pa.field("n", pa.int64())])
PAIRS = pa.schema([pa.field("n", pa.int64()), pa.field("label", pa.utf8())])


class How(enum.Enum):
    VALUE = "VALUE"
    OWN = "OWN"
    EMPTY = "EMPTY"
    LINES = "LINES"
    UNICODE = "UNICODE"
    SURROGATE = "SURROGATE"
    LONG = "LONG"
    CHAINED = "CHAINED"
    EXIT = "EXIT"
    STOP = "STOP"
    UNPRINTABLE = "UNPRINTABLE"
    NOT_IMPLEMENTED = "NOT_IMPLEMENTED"
    WRONG_TYPE = "WRONG_TYPE"
    NO_RESULT = "NO_RESULT"
    UNKNOWN = "UNKNOWN"


class When(enum.Enum):
    NEVER = "NEVER"
    OPENING = "OPENING"
    TURN = "TURN"
    END = "END"
    CLOSE = "CLOSE"
    WRONG_SCHEMA = "WRONG_SCHEMA"
    EXIT = "EXIT"


@dataclass(frozen=True)
class Fail:
    how: How
    logs: int = 0


@dataclass(frozen=True)
class Log:
    levels: tuple[str, ...]
    text: str = "message"
    extra: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Told:
    method: str
    metadata: Mapping[str, bytes]
    domain: str
    principal: str
    authenticated: bool


@dataclass(frozen=True)
class Diary:
    name: str


@dataclass(frozen=True)
class Meeting:
    name: str
    callers: int
    seconds: float


@dataclass(frozen=True)
class Produce:
    batches: int
    rows: int = 1
    logs: int = 0
    fails: When = When.NEVER
    at: int = 0
    lockstep: bool = False
    diary: str = ""


@dataclass(frozen=True)
class Add:
    amount: int = 0
    logs: int = 0
    fails: When = When.NEVER
    at: int = 0
    diary: str = ""


@dataclass(frozen=True)
class Repeat:
    schema: pa.Schema


@dataclass(frozen=True)
class Opened:
    title: str
    total: int | None
    tags: Mapping[str, str] | None


@dataclass(frozen=True)
class Bare:
    pass


WHICH = unary("which", NoParams, str)
FAIL = unary("fail", Fail, str)
LOG = unary("log", Log, int)
LOG_EVERY_LEVEL = unary("log_every_level", NoParams)
TELL = unary("tell", NoParams, Told)
SHOUT = unary("shout", NoParams)
DIARY = unary("diary", Diary, list[str])
MEET = unary("meet", Meeting, bool)
ABSENT = unary("absent", NoParams, int)
NEVER_HEARD_OF = unary("never_heard_of", NoParams, int)

PRODUCE = stream("produce", Produce, header=Opened)
PRODUCE_BARE = stream("produce_bare", Produce, header=Bare)
PRODUCE_ANYWHERE = stream("produce_anywhere", Produce, header=Opened, wrapped=True)
ADD = stream("add", Add, header=Opened)
ADD_BARE = stream("add_bare", Add, header=Bare)
TOTAL = stream("total", Add, header=Opened)
TOTAL_ANYWHERE = stream("total_anywhere", Add, header=Opened, wrapped=True)
REPEAT = stream("repeat", Repeat, header=Opened)

PRODUCERS: list[Method[Produce, Any]] = [PRODUCE, PRODUCE_ANYWHERE]
TOTALS: list[Method[Add, Any]] = [TOTAL, TOTAL_ANYWHERE]


def pairs(*numbers: int, label: str | None = None) -> pa.RecordBatch:
    return pa.record_batch([pa.array(numbers, pa.int64()), pa.array([label] * len(numbers), pa.utf8())], schema=PAIRS)
