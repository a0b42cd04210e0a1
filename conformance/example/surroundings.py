"""Table functions that look at transactions, and at constants of many types."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Annotated, Any

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, BLOB, DOUBLE, TIMESTAMPTZ, UBIGINT

from .catalog import plain
from .counting import Count

DAY = 24 * 60 * 60 * 1000
"""In milliseconds."""

MONTH = 30 * DAY

A_MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
AN_INTERVAL = pa.MonthDayNano([0, 0, 1_500_000_000])


def first_seed(key: str, seed: int, ctx: dw.Context) -> dw.Bound:
    """The value of ``key`` in this transaction: the first seed."""
    values = ctx.state.transaction
    name = f"tx_cached_value/{key}"
    value = values.get(name)
    if value is None:
        values.put(name, seed)
        value = seed
    return dw.Bound({"v": BIGINT}, data=value)


@plain(columns=first_seed, cardinality=dw.Cardinality(1, 1))
def tx_cached_value(key: str, seed: int, ctx: dw.Context) -> Iterator[tuple[int]]:
    """The first seed that a key had in this transaction"""
    yield (ctx.bound,)


@plain(columns={"idx": UBIGINT, "ts_us": BIGINT, "iv_ms": BIGINT, "payload": BLOB, "ub": UBIGINT, "f": DOUBLE})
def typed_probe(
    n: Count,
    *,
    ts: Annotated[datetime.datetime, TIMESTAMPTZ] = A_MOMENT,
    iv: pa.MonthDayNano = AN_INTERVAL,
    blob: bytes = b"vgi",
    ub: Annotated[int, UBIGINT] = 9,
    f: float = 2.5,
) -> dict[str, list[Any]]:
    """Shows constants of many types"""
    moment = (ts - datetime.datetime.fromtimestamp(0, datetime.UTC)) // datetime.timedelta(microseconds=1)
    months, days, nanoseconds = iv
    return {
        "idx": list(range(n)),
        "ts_us": [moment] * n,
        "iv_ms": [months * MONTH + days * DAY + nanoseconds // 1_000_000] * n,
        "payload": [blob] * n,
        "ub": [ub] * n,
        "f": [f + i for i in range(n)],
    }
