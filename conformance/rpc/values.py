"""Methods that give back what they got: one for each type that parameters and results can have."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, NewType

import pyarrow as pa

from duckwing.rpc.call import Call, Handler
from duckwing.rpc.codec import EMPTY_MAP, NESTED
from duckwing.rpc.method import Method, NoParams, unary


class Color(enum.Enum):
    """Travels by the name of the member."""

    RED = 1
    green = 2
    DARK_BLUE = 3


Score = NewType("Score", int)


@dataclass(frozen=True)
class Point:
    """A record in others."""

    x: float
    y: float = 0.0
    label: str | None = None


@dataclass(frozen=True)
class Line:
    """A record of records, inline and as bytes of their own."""

    start: Point
    end: Annotated[Point, NESTED]
    via: tuple[Point, ...] = ()
    notes: tuple[Annotated[Point, NESTED], ...] = ()
    color: Color | None = None


@dataclass(frozen=True)
class Everything:
    """A record with a field of each form."""

    text: str
    data: bytes
    number: int
    ratio: float
    flag: bool
    color: Color
    line: Line
    nested: Annotated[Line, NESTED]
    schema: pa.Schema
    batch: pa.RecordBatch
    small: Annotated[int, pa.uint8()]
    words: tuple[str | None, ...] = ("a", "b")
    counts: Mapping[str, int | None] = EMPTY_MAP
    colors: tuple[Color, ...] = ()
    note: str | None = None
    missing: Annotated[int, pa.int16()] | None = None


def _time(type: pa.DataType) -> Any:
    return Annotated[datetime.time, type]


def _timestamp(*arguments: str) -> Any:
    return Annotated[datetime.datetime, pa.timestamp(*arguments)]


def _duration(unit: str) -> Any:
    return Annotated[datetime.timedelta, pa.duration(unit)]


PLAIN: Mapping[str, Any] = {
    "bool": bool,
    "int8": Annotated[int, pa.int8()],
    "int16": Annotated[int, pa.int16()],
    "int32": Annotated[int, pa.int32()],
    "int64": int,
    "uint8": Annotated[int, pa.uint8()],
    "uint16": Annotated[int, pa.uint16()],
    "uint32": Annotated[int, pa.uint32()],
    "uint64": Annotated[int, pa.uint64()],
    "float16": Annotated[float, pa.float16()],
    "float32": Annotated[float, pa.float32()],
    "float64": float,
    "utf8": str,
    "large_utf8": Annotated[str, pa.large_utf8()],
    "binary": bytes,
    "large_binary": Annotated[bytes, pa.large_binary()],
    "fixed_size_binary": Annotated[bytes, pa.binary(4)],
    "date32": Annotated[datetime.date, pa.date32()],
    "date64": Annotated[datetime.date, pa.date64()],
    "time32_s": _time(pa.time32("s")),
    "time32_ms": _time(pa.time32("ms")),
    "time64_us": _time(pa.time64("us")),
    "time64_ns": _time(pa.time64("ns")),
    "timestamp_s": _timestamp("s"),
    "timestamp_ms": _timestamp("ms"),
    "timestamp_us": _timestamp("us"),
    "timestamp_ns": _timestamp("ns"),
    "timestamp_utc": _timestamp("us", "UTC"),
    "duration_s": _duration("s"),
    "duration_ms": _duration("ms"),
    "duration_us": _duration("us"),
    "duration_ns": _duration("ns"),
    "decimal128": Annotated[Decimal, pa.decimal128(38, 10)],
    "decimal256": Annotated[Decimal, pa.decimal256(60, 5)],
    "dictionary": Annotated[str, pa.dictionary(pa.int32(), pa.utf8())],
    "newtype": Score,
    "enum": Color,
}
"""One value."""

COLLECTIONS: Mapping[str, Any] = {
    "list_int64": list[int],
    "list_optional": list[int | None],
    "list_float32": list[Annotated[float, pa.float32()]],
    "list_list": list[list[str]],
    "list_enum": list[Color],
    "list_map": list[dict[str, int]],
    "set_int64": set[int],
    "frozenset_utf8": frozenset[str],
    "map_int64": dict[str, int],
    "map_optional": Mapping[str, str | None],
    "map_numbers": Mapping[int, Annotated[int, pa.int32()]],
    "fixed_size_list": Annotated[list[int], pa.list_(pa.int16(), 3)],
    "struct": Annotated[dict[str, Any], pa.struct([pa.field("a", pa.int64()), pa.field("b", pa.list_(pa.utf8()))])],
}
"""Several values."""

RECORDS: Mapping[str, Any] = {
    "record": Annotated[Point, NESTED],
    "line": Annotated[Line, NESTED],
    "record_list": list[Annotated[Point, NESTED]],
    "struct_list": list[Point],
    "schema": pa.Schema,
    "batch": pa.RecordBatch,
}
"""Values with an IPC stream of their own, or fields of their own."""


@dataclass(frozen=True)
class Defaults:
    """Parameters that a client may leave null, even where they are not nullable."""

    required: int
    number: int = 7
    text: str = "seven"
    color: Color = Color.green
    note: str | None = None
    level: float | None = 0.5


@dataclass(frozen=True)
class Size:
    """Of a value to be made."""

    bytes: int


@dataclass(frozen=True)
class Flag:
    """Whether there is a result."""

    present: bool


def _echo(name: str, annotation: Any) -> Method[Any, Any]:
    params = dataclasses.make_dataclass(f"Value_{name}", [("value", annotation)], frozen=True)
    return unary(f"echo_{name}", params, annotation, idempotency="no_side_effects")


def _echoes() -> dict[str, Method[Any, Any]]:
    made = {}
    for name, annotation in {**PLAIN, **COLLECTIONS, **RECORDS}.items():
        for method in (_echo(name, annotation), _echo(f"{name}_or_none", annotation | None)):
            made[method.name] = method
    return made


ECHOES: Mapping[str, Method[Any, Any]] = _echoes()

EVERYTHING = unary("everything", Everything, Everything, wrapped=True)
EVERYTHING_FLAT = unary("everything_flat", Everything, Everything)
DEFAULTS = unary("defaults", Defaults, Defaults)
MIDDLE = unary("middle", Line, Point, wrapped=True)
MAYBE_POINT = unary("maybe_point", Flag, Point | None)
NOTHING = unary("nothing", NoParams)
NO_PARAMETERS = unary("no_parameters", NoParams, str)
MAKE_BINARY = unary("make_binary", Size, bytes)

METHODS: Mapping[str, Method[Any, Any]] = {
    **ECHOES,
    **{
        method.name: method
        for method in (
            EVERYTHING,
            EVERYTHING_FLAT,
            DEFAULTS,
            MIDDLE,
            MAYBE_POINT,
            NOTHING,
            NO_PARAMETERS,
            MAKE_BINARY,
        )
    },
}


def _same(call: Call, request: Any) -> Any:
    return request


def _value(call: Call, request: Any) -> Any:
    return request.value


def _middle(call: Call, request: Line) -> Point:
    return Point((request.start.x + request.end.x) / 2, (request.start.y + request.end.y) / 2, "middle")


HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(ECHOES, _value),
    "everything": _same,
    "everything_flat": _same,
    "defaults": _same,
    "middle": _middle,
    "maybe_point": lambda call, request: Point(1.0) if request.present else None,
    "nothing": lambda call, request: None,
    "no_parameters": lambda call, request: "there were none",
    "make_binary": lambda call, request: bytes(range(256)) * (request.bytes // 256),
}
