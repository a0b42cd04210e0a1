"""Functions over NamedTuples, dataclasses, TypedDicts, unions and geometries."""

import dataclasses
import datetime
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, TypedDict

import pyarrow as pa

import duckwing as dw
from duckwing.types import DECIMAL, GEOMETRY, STRUCT, TIMETZ, UNION, parse


class Point(NamedTuple):
    x: float
    y: float


@dataclasses.dataclass(frozen=True)
class Stop:
    id: uuid.UUID
    at: Point | None
    wait: datetime.timedelta | None = None
    fare: Annotated[Decimal, DECIMAL(6, 2)] = Decimal(0)

    def __post_init__(self) -> None:
        if self.fare is not None and self.fare < 0:
            raise ValueError("a fare is not negative")


class Trip(TypedDict, total=False):
    stops: list[Stop | None]
    by_name: dict[str, Point]
    starts: datetime.time


classes = dw.Catalog("types_classes")


@classes.scalar
def moved(point: Point, by: float) -> Point:
    assert type(point) is Point
    return Point(point.x + by, point.y + by)


@classes.scalar
def as_given(stop: Stop) -> Stop:
    assert type(stop) is Stop
    assert stop.at is None or type(stop.at) is Point
    return stop


@classes.scalar
def summary(trip: Trip) -> str:
    assert type(trip) is dict
    return repr(trip)


@classes.scalar
def reversed_trip(trip: Trip) -> Trip:
    return {**trip, "stops": trip["stops"][::-1]}


@classes.scalar
def corners(points: list[Point]) -> dict[str, Point]:
    return {f"{point.x:g}": point for point in points}


@classes.scalar
def wrong_class(x: float) -> Point:
    return Stop(uuid.UUID(int=1), None)  # type: ignore[return-value]


@classes.table_function(columns={"point": STRUCT({"x": parse("double"), "y": parse("double")})})
def around(center: Point, *, steps: list[Point]) -> Iterator[tuple[Point]]:
    for step in steps:
        yield (Point(center.x + step.x, center.y + step.y),)


Either = Annotated[
    tuple[str, Any], UNION({"number": parse("int"), "text": parse("text"), "place": parse("struct(x int)")})
]


@classes.scalar
def shown(value: Either) -> str:
    return repr(value)


@classes.scalar
def doubled(value: Either) -> Either:
    tag, inner = value
    return ("text", inner * 2) if tag == "text" else ("number", inner * 2) if tag == "number" else value


@classes.scalar
def unions(values: Annotated[list[Any], parse("union(n int, t text)[]")]) -> Annotated[list[Any], parse("varchar[]")]:
    return [None if value is None else value[0] for value in values]


@classes.table_function(columns={"v": parse("union(n int, t text)[]")})
def empty_unions() -> Iterator[pa.RecordBatch]:
    """A batch as it arrives from elsewhere: a union without values that was read has no buffers."""
    type = parse("union(n int, t text)[]")
    written = pa.BufferOutputStream()
    with pa.ipc.new_stream(written, pa.schema({"v": type})) as stream:
        members = [pa.array([], member.type) for member in map(type.value_type.field, range(2))]
        union = pa.UnionArray.from_sparse(pa.array([], pa.int8()), members, ["n", "t"])
        stream.write_batch(
            pa.record_batch([pa.ListArray.from_arrays(pa.array([0, 0, None, 0], "int32"), union)], ["v"])
        )
    yield from pa.ipc.open_stream(written.getvalue())


@classes.scalar
def geometry(value: Annotated[bytes, GEOMETRY]) -> Annotated[bytes, GEOMETRY]:
    assert type(value) is bytes
    return value


@classes.scalar
def geometries(value: Annotated[pa.Array, GEOMETRY]) -> Annotated[pa.Array, GEOMETRY]:
    assert value.type == GEOMETRY
    return value


@classes.scalar
def wkb(value: Annotated[pa.Array, GEOMETRY]) -> Annotated[pa.BinaryArray, GEOMETRY]:
    return value.storage


@classes.scalar
def time_of(hour: int, offset: int) -> Annotated[datetime.time, TIMETZ]:
    return datetime.time(hour, tzinfo=datetime.timezone(datetime.timedelta(hours=offset)))


@classes.scalar
def big() -> Annotated[int, parse("hugeint")]:
    return -(1 << 127)


@classes.scalar
def any_value(value: Any) -> str:
    return repr(value)


DEEP = parse("int" + "[]" * 59)


@classes.scalar
def deep(value: Annotated[list[Any], DEEP]) -> Annotated[list[Any], DEEP]:
    return value


@classes.table_function(columns={"v": DEEP})
def deep_rows(value: Annotated[list[Any], DEEP]) -> Iterator[tuple[Any]]:
    yield (value,)
