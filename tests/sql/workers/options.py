"""A catalog with attach options of many types, and one with a secret."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import duckwing as dw
from duckwing.types import BIGINT, BLOB, BOOLEAN, DATE, DECIMAL, DOUBLE, INTEGER, LIST, MAP, STRUCT, TIMESTAMP, VARCHAR

options = dw.Catalog("options")
for name, type_ in {
    "flag": BOOLEAN,
    "count": BIGINT,
    "ratio": DOUBLE,
    "price": DECIMAL(18, 3),
    "label": VARCHAR,
    "raw": BLOB,
    "day": DATE,
    "moment": TIMESTAMP,
    "sizes": LIST(INTEGER),
    "box": STRUCT({"w": INTEGER, "names": LIST(VARCHAR)}),
    "weights": MAP(VARCHAR, DOUBLE),
}.items():
    options.attach_option(name, type_)
options.attach_option("Mode", VARCHAR, default="fast", description="how it works")
options.attach_option("since", DATE, default=datetime.date(2020, 2, 29))
options.attach_option("limits", LIST(DECIMAL(4, 1)), default=[Decimal("1.5")])


@options.on_attach
def check(given: Mapping[str, Any]) -> None:
    if given["Mode"] not in ("fast", "slow"):
        raise ValueError(f"mode is fast or slow, not {given['Mode']}")


@options.scalar(stability="volatile")
def option(name: str, ctx: dw.Context) -> str:
    """An option of the attachment, as Python writes it."""
    return repr(ctx.options[name])


@options.table_function(columns={"name": VARCHAR, "value": VARCHAR})
def all_options(ctx: dw.Context) -> list[tuple[str, str]]:
    """All options."""
    return [(name, repr(value)) for name, value in ctx.options.items()]


vault = dw.Catalog("vault")
vault.attach_option("user", VARCHAR, required=True)
vault.attach_option("token", VARCHAR, required=True, secret=True)
vault.attach_option("pin", INTEGER, secret=True)


@vault.scalar(stability="volatile")
def opens(token: str, ctx: dw.Context) -> bool:
    """Whether the token is right."""
    return bool(token == ctx.options["token"])


class Box:
    """One table, whose comment tells the mode."""

    def __init__(self, mode: str, unused: int = 3):
        self.mode = mode

    def tables(self, ctx: dw.Context) -> list[str]:
        return ["mode"]

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        return dw.TableDefinition({"mode": VARCHAR}, comment=self.mode) if name == "mode" else None

    def scan(self, name: str, ctx: dw.Context) -> list[tuple[str]]:
        return [(self.mode,)]


options.mount(Box)
