"""Catalogs with many objects, which note in a file what they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR


class Crowd:
    """Tables ``t0``, ``t1``, … up to ``count``, named one by one; each holds its number."""

    def __init__(self, count: int, calls: str):
        self.count = count
        self.calls = Path(calls)

    def version(self, ctx: dw.Context) -> int:
        return 1

    def tables(self, ctx: dw.Context) -> Iterator[str]:
        for number in range(self.count):
            self.note("named")
            yield f"t{number}"

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        self.note(f"table {name}")
        number = name[1:]
        known = name[:1] in "tT" and number.isdigit() and int(number) < self.count
        return dw.TableDefinition({"n": BIGINT}, comment=f"number {number}") if known else None

    def scan(self, name: str, ctx: dw.Context) -> Iterator[tuple[int]]:
        self.note(f"scan {name}")
        yield (int(name[1:]),)

    def note(self, call: str) -> None:
        with self.calls.open("a") as calls:
            calls.write(f"{call}\n")


crowd = dw.Catalog("crowd")
crowd.attach_option("count", BIGINT, required=True)
crowd.attach_option("calls", VARCHAR, required=True)
crowd.mount(Crowd)
crowd.view("some", "SELECT n + 1 AS m FROM main.t1")


@crowd.table_function(columns={"n": BIGINT})
def noted(number: int, ctx: dw.Context) -> Iterator[tuple[int]]:
    """Its argument."""
    with Path(ctx.options["calls"]).open("a") as calls:
        calls.write(f"scan noted {number}\n")
    yield (number,)


crowd.table("declared", noted, args=(7,))
crowd.view("others", "SELECT * FROM main.declared, main.noted(8) AS other")

declared = dw.Catalog("declared")
for table in range(3000):
    declared.table(f"t{table}", noted, args=(table,))
