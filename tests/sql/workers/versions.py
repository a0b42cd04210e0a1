"""A catalog with versions of its code and its data, and tables with earlier states."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR

atlas = dw.Catalog(
    "atlas",
    version=["2.0.0", "1.4.0"],
    data_versions=["2024.1.0", "2023.2.1", "2023.1.0"],
    releases=[
        dw.Release(
            "2024.1.0", datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC), "Borders moved", "https://example.org"
        ),
        dw.Release("2023.2.1"),
    ],
    source_url="https://example.org/atlas",
)


@atlas.scalar(stability="volatile")
def data_version(ctx: dw.Context) -> str | None:
    """The version of the data."""
    return ctx.data_version


@atlas.table_function(columns={"name": VARCHAR})
def countries(ctx: dw.Context) -> Iterator[tuple[str]]:
    """Countries, and the version they are of."""
    yield (f"of {ctx.data_version}",)


atlas.table("countries", countries)
atlas.table("rivers", countries, data_versions=["2024.1.0", "2023.2.1"])
atlas.table("borders", countries, data_versions="2024.1.0")

STATES = {"1": ["old"], "2": ["old", "new"]}


def state_of(ctx: dw.Context) -> str:
    """The version that is asked for."""
    if ctx.at is None:
        return "2"
    if ctx.at.unit == "timestamp":
        return "1" if ctx.at.value < "2024" else "2"
    if ctx.at.value not in STATES:
        raise ValueError(f"there is no version {ctx.at.value}; there are {', '.join(STATES)}")
    return ctx.at.value


def columns_of(ctx: dw.Context) -> pa.Schema:
    """The columns, which have become more."""
    names = STATES[state_of(ctx)]
    return pa.schema([*(pa.field(name, VARCHAR) for name in names), pa.field("n", BIGINT)])


@atlas.table_function(columns=columns_of, stability="volatile")
def history(ctx: dw.Context) -> Iterator[dict[str, list[object]]]:
    """A row that tells its version."""
    state = state_of(ctx)
    yield {**{name: [f"{name} {state}"] for name in STATES[state]}, "n": [int(state)]}


atlas.table("history", history, time_travel=True)


@atlas.table_function(columns={"id": BIGINT})
def roads_at_first() -> Iterator[tuple[int]]:
    """Roads as they were known in 2022."""
    yield (1,)


@atlas.table_function(columns={"id": BIGINT, "name": VARCHAR})
def roads_with_names() -> Iterator[tuple[int, str]]:
    """Roads since they have names."""
    yield 1, "High Street"
    yield 2, "Low Street"


@atlas.table_function(columns={"name": VARCHAR, "lanes": BIGINT})
def roads_with_lanes(count: int) -> Iterator[tuple[str, int]]:
    """Roads without numbers."""
    yield "High Street", count


atlas.table("roads", roads_at_first, version=1, since=datetime.date(2022, 1, 1), primary_key="id")
atlas.table(
    "roads",
    roads_with_names,
    version=2,
    since=datetime.datetime(2023, 1, 1, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
    comment="with names",
)
atlas.table(
    "roads", roads_with_lanes, args=[4], version="next", since=datetime.date(2024, 1, 1), data_versions="2024.1.0"
)

atlas.table("bridges", roads_at_first, data_versions=["2023.1.0", "2023.2.1"])
atlas.table("bridges", roads_with_lanes, args=[2], data_versions="2024.1.0", not_null="name")

atlas.table("ferries", roads_at_first, version="a")
atlas.table("ferries", roads_with_names, version="b")


class Ledger:
    """Tables with earlier states: of each version, a row."""

    time_travel = True

    def tables(self, ctx: dw.Context) -> list[str]:
        return ["entries"]

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        return dw.TableDefinition({"at": VARCHAR, "n": BIGINT}) if name == "entries" else None

    def scan(self, name: str, ctx: dw.Context) -> Iterator[tuple[str, int]]:
        upto = 3 if ctx.at is None else int(ctx.at.value)
        for n in range(upto):
            yield (str(ctx.at), n)


class Present:
    """Tables without earlier states."""

    def tables(self, ctx: dw.Context) -> list[str]:
        return ["today"]

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        return dw.TableDefinition({"n": BIGINT}) if name == "today" else None

    def scan(self, name: str, ctx: dw.Context) -> Iterator[tuple[int]]:
        yield (1,)


atlas.mount(Ledger(), schema=atlas.schema("ledger"))
atlas.mount(Present(), schema=atlas.schema("present"))

changing = dw.Catalog("changing")
changing.attach_option("file", VARCHAR, required=True)


def words(ctx: dw.Context) -> list[str]:
    """What the file says: a number, and the names of the columns."""
    return Path(ctx.options["file"]).read_text().split()


@changing.on_version
def number(ctx: dw.Context) -> int:
    """The version of the columns."""
    return int(words(ctx)[0])


def named_in_file(ctx: dw.Context) -> pa.Schema:
    """The columns of now."""
    return pa.schema([pa.field(name, BIGINT) for name in words(ctx)[1:]])


@changing.table_function(columns=named_in_file, stability="volatile")
def ones(ctx: dw.Context) -> Iterator[dict[str, list[int]]]:
    """A row of ones."""
    yield {name: [1] for name in words(ctx)[1:]}


changing.table("ones", ones)
