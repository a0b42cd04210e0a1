"""Settings of all kinds of types, with defaults; and another catalog that has one of them with another default."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa

import duckwing as dw
from duckwing.types import (
    BIT,
    BLOB,
    DATE,
    DECIMAL,
    HUGEINT,
    INTEGER,
    INTERVAL,
    JSON,
    LIST,
    MAP,
    STRUCT,
    TIME,
    TIMESTAMP,
    TIMESTAMP_NS,
    TIMESTAMPTZ,
    UNION,
    UUID,
    VARCHAR,
)

DEFAULTS: dict[str, tuple[pa.DataType, Any]] = {
    "price": (DECIMAL(10, 2), Decimal("-1.5")),
    "day": (DATE, datetime.date(2024, 2, 29)),
    "clock": (TIME, datetime.time(1, 2, 3, 4)),
    "moment": (TIMESTAMP, datetime.datetime(2024, 2, 29, 12, 0, 1, 5)),
    "exact": (TIMESTAMP_NS, datetime.datetime(2024, 2, 29, 12)),
    "zoned": (TIMESTAMPTZ, datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))),
    "span": (INTERVAL, datetime.timedelta(days=-1, microseconds=7)),
    "id": (UUID, uuid.UUID(int=255)),
    "huge": (HUGEINT, -(2**127)),
    "bits": (BIT, "0101"),
    "bytes": (BLOB, b"\0'\xff"),
    "json": (JSON, '{"a": [1]}'),
    "ports": (LIST(INTEGER), [80, None]),
    "none": (LIST(VARCHAR), []),
    "server": (STRUCT({"host": VARCHAR, "tags": LIST(VARCHAR)}), {"host": "it's, {a}", "tags": ["x\\y", None, "NULL"]}),
    "prices": (MAP(VARCHAR, DECIMAL(6, 2)), {"a=b": Decimal(1), "": None}),
    "choice": (UNION({"n": INTEGER, "s": VARCHAR}), ("s", "x")),
}

defaults = dw.Catalog("defaults")
for name, (type_, default) in DEFAULTS.items():
    defaults.setting(f"defaults_{name}", type_, default=default)

others = dw.Catalog("others")
others.setting("defaults_ports", LIST(INTEGER), default=[7])


@dw.scalar(stability="volatile")
def value_of(name: str, ctx: dw.Context) -> str:
    """The value of a setting, as Python shows it."""
    return repr(ctx.settings[f"defaults_{name}"])


defaults.add(value_of)
others.add(value_of)
