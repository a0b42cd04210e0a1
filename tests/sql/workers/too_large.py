"""A catalog of tables whose records do not fit into one answer: most have a comment of 64 MiB."""

from __future__ import annotations

import duckwing as dw
from duckwing.types import BIGINT

LARGE = "x" * (64 << 20)


class Large:
    """Forty large tables, and so many names of a small one that DuckDB lists none to find it."""

    def version(self, ctx: dw.Context) -> int:
        return 1

    def tables(self, ctx: dw.Context) -> list[str]:
        return [f"t{number}" for number in range(40)] + ["small"] * 2000

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        return dw.TableDefinition({"n": BIGINT}, comment=None if name == "small" else LARGE)

    def scan(self, name: str, ctx: dw.Context) -> list[tuple[int]]:
        return [(1,)]


too_large = dw.Catalog("too_large")
too_large.mount(Large())
