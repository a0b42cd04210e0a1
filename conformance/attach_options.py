"""Options of ATTACH: one of each type, each with a default; and a catalog that demands one."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa

import duckwing as dw
from duckwing.types import (
    BIGINT,
    BLOB,
    BOOLEAN,
    DATE,
    DECIMAL,
    DOUBLE,
    FLOAT,
    INTEGER,
    LIST,
    SMALLINT,
    STRUCT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    TINYINT,
    UBIGINT,
    UINTEGER,
    USMALLINT,
    UTINYINT,
    VARCHAR,
)

MOMENT = datetime.datetime(2026, 4, 24, 12, 34, 56)

OPTIONS: dict[str, tuple[pa.DataType, Any]] = {
    "opt_bool": (BOOLEAN, True),
    "opt_int8": (TINYINT, -8),
    "opt_int16": (SMALLINT, -16),
    "opt_int32": (INTEGER, -32),
    "opt_int64": (BIGINT, -64),
    "opt_uint8": (UTINYINT, 8),
    "opt_uint16": (USMALLINT, 16),
    "opt_uint32": (UINTEGER, 32),
    "opt_uint64": (UBIGINT, 64),
    "opt_float32": (FLOAT, 1.5),
    "opt_float64": (DOUBLE, 2.5),
    "opt_string": (VARCHAR, "hello"),
    "opt_blob": (BLOB, b"\x00\x01\x02"),
    "opt_date": (DATE, MOMENT.date()),
    "opt_time": (TIME, MOMENT.time()),
    "opt_timestamp": (TIMESTAMP, MOMENT),
    "opt_timestamp_tz": (TIMESTAMPTZ, MOMENT.replace(tzinfo=datetime.UTC)),
    "opt_decimal": (DECIMAL(18, 4), Decimal("123.4500")),
    "opt_list": (LIST(BIGINT), [1, 2, 3]),
    "opt_struct": (STRUCT({"a": BIGINT, "b": VARCHAR}), {"a": 1, "b": "x"}),
}
"""Types and defaults, in the order of the columns that show them."""

attach_options = dw.Catalog("attach_options")
for name, (type_, default) in OPTIONS.items():
    attach_options.attach_option(name, type_, default=default)


@attach_options.table_function(columns={name: type_ for name, (type_, _) in OPTIONS.items()})
def echo_attach_options(ctx: dw.Context) -> Iterator[tuple[Any, ...]]:
    """One row: the options of this ATTACH."""
    yield tuple(ctx.options[name] for name in OPTIONS)


attach_options_required = dw.Catalog("attach_options_required")
attach_options_required.attach_option("api_key", VARCHAR, required=True, description="API key")
attach_options_required.attach_option("region", VARCHAR, default="us-east-1")

if __name__ == "__main__":
    dw.Worker(attach_options, attach_options_required).run()
