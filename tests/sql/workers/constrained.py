"""Arguments with constraints and choices."""

import enum
import re
from collections.abc import Iterator
from typing import Annotated, Literal

import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Ge, Gt, Le, Len, MultipleOf, Predicate

import duckwing as dw
from duckwing.types import BIGINT, DOUBLE, VARCHAR

constrained = dw.Catalog("constrained")


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 10


Percent = Annotated[int, Ge(0), Le(100)]


# By row


@constrained.scalar
def percent(k: Percent) -> int:
    return k


@constrained.scalar
def optional(k: Percent | None) -> str:
    return str(k)


@constrained.scalar
def sku(code: Annotated[str, re.compile(r"[A-Z]{2}\d+"), Len(0, 5), "of a product"]) -> str:
    return code


@constrained.scalar
def lower(text: Annotated[str, Predicate(str.islower)]) -> str:
    return text


@constrained.scalar
def unit(name: Literal["m", "km"]) -> str:
    return f"unit {name}"


@constrained.scalar
def color(value: Color, level: Level = Level.LOW) -> str:
    return f"{value.name} {level.name}"


# By batch


@constrained.scalar
def rounded(value: pa.DoubleArray, digits: dw.Const[Annotated[int, Ge(0), Le(3)]]) -> pa.DoubleArray:
    return pc.round(value, digits)


# Constants


@constrained.table_function(columns={"k": BIGINT, "step": DOUBLE, "mode": VARCHAR, "color": VARCHAR})
def arguments(
    k: Annotated[int, Ge(1), MultipleOf(3)],
    *,
    step: Annotated[float, Gt(0)] = 0.5,
    mode: Literal["fast", "slow"] = "fast",
    color: Color | None = None,
) -> Iterator[tuple[int, float, str, str | None]]:
    yield k, step, mode, None if color is None else color.name


@constrained.table_function(columns={"k": BIGINT})
def each(*ks: Percent) -> Iterator[tuple[int]]:
    yield from ((k,) for k in ks)
