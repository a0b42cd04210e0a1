"""A catalog with versions of its code and its data, and tables with earlier states."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

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
