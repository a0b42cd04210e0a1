"""Two catalogs in one worker, one with several schemas."""

from collections.abc import Iterator
from typing import Annotated

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, DOUBLE, VARCHAR

first = dw.Catalog("first", comment="The first", tags={"owner": "tests", "level": "1"}, version="1.2.3")
second = dw.Catalog("Second", default_schema="public")
geo = first.schema("geo", comment="Places", tags={"kind": "space"})
quoted = first.schema("with space")


@first.scalar(
    comment="as COMMENT ON would",
    tags={"a": "b"},
    examples=["SELECT first.half(3)", ("SELECT first.half(NULL)", "NULL is half of NULL")],
    categories=["arithmetic", "small"],
)
def half(
    value: Annotated[float, "what is halved"],
    digits: int = 2,
) -> float:
    """Half of a number.

    And more about it,
    on two lines.

    Args:
        digits: how many are kept.
    """
    return round(value / 2, digits)


@first.scalar(stability="volatile")
def whatever(*parts: pa.Array) -> pa.StringArray:
    return pa.array(["x"] * len(parts[0]))


@first.scalar
def place(value: int) -> str:
    return "main"


@geo.scalar(name="place")
def where_geo(value: int) -> str:
    return "geo"


@quoted.scalar(name="Quoted Name")
def quoted_name(value: int) -> str:
    return "with space"


@geo.table_function(columns={"name": VARCHAR, "size": DOUBLE}, stability="volatile", categories=["places"])
def places(count: int, *rest: int, unit: str = "km", Scale: float = 1.5) -> Iterator[tuple[str, float]]:
    """Places.

    Args:
        count: how many.
        rest: more of them.
        unit: of the size.
        Scale: factor.
    """
    for n in range(count):
        yield (f"{unit} {n}", n * Scale)


@second.table_function(columns={"n": BIGINT})
def one() -> Iterator[tuple[int]]:
    yield (1,)


@second.scalar(name="place")
def where_second(value: int) -> str:
    return "second"


@dw.scalar
def declared_free(value: int) -> int:
    return -value


second.add(declared_free)
