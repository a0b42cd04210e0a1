"""A catalog with tables: the command line says whether they are declared or of a provider, and how many."""

from __future__ import annotations

import sys

import duckwing as dw
from duckwing.types import BIGINT

KIND, COUNT = sys.argv[1], int(sys.argv[2])


@dw.table_function(columns={"n": BIGINT})
def number(value: int) -> list[tuple[int]]:
    return [(value,)]


class Provider:
    def version(self, ctx: dw.Context) -> int:
        return 1

    def tables(self, ctx: dw.Context) -> list[str]:
        return [f"t{n}" for n in range(COUNT)]

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        known = name[:1] == "t" and name[1:].isdigit() and int(name[1:]) < COUNT
        return dw.TableDefinition({"n": BIGINT}) if known else None

    def scan(self, name: str, ctx: dw.Context) -> list[tuple[int]]:
        return [(int(name[1:]),)]


objects = dw.Catalog("objects")
if KIND == "declared":
    for n in range(COUNT):
        objects.table(f"t{n}", number, args=(n,))
else:
    objects.mount(Provider())
