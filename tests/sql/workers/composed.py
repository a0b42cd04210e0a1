"""Catalogs of two other files in one worker, and a provider that both have."""

from __future__ import annotations

from arithmetic import arithmetic  # type: ignore[import-not-found]
from catalogs import first  # type: ignore[import-not-found]

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR


class Who:
    """A table that tells where it is."""

    def version(self, ctx: dw.Context) -> int:
        return 1

    def tables(self, ctx: dw.Context) -> list[str]:
        return ["who"]

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        return dw.TableDefinition({"place": VARCHAR, "n": BIGINT}) if name.lower() == "who" else None

    def scan(self, name: str, ctx: dw.Context) -> list[tuple[str, int]]:
        return [(f"{ctx.catalog}.{ctx.schema}", 1)]


who = Who()
arithmetic.mount(who)
arithmetic.mount(who, schema=arithmetic.schema("aside"))
first.mount(who, schema=first.schema("aside"))

worker = dw.Worker(arithmetic, first)
