"""Scans of tables with a row id, also for late materialization."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from annotated_types import Ge

import duckwing as dw
from duckwing.filters.tree import Comparison, In
from duckwing.filters.tree import Literal as Constant
from duckwing.types import BIGINT, STRUCT, VARCHAR

from .catalog import example
from .counting import Count, Size, exact, integers, ranges, texts
from .echo import comparisons

Layout = Literal["first", "middle", "last"]
RowIdType = Literal["int64", "string", "struct"]

ROW_ID = {b"is_row_id": b""}
"""Marks the column that identifies a row."""

_TYPES = {"int64": BIGINT, "string": VARCHAR, "struct": STRUCT({"a": BIGINT, "b": VARCHAR})}

PRIME, MODULUS = 2_654_435_761, 1_000_000_007


def row_id_layout(layout: str, row_id_type: str) -> pa.Schema:
    """The columns, with the row id in its place."""
    fields = [pa.field("name", VARCHAR), pa.field("value", VARCHAR)]
    place = ("first", "middle", "last").index(layout)
    fields.insert(place, pa.field("row_id", _TYPES[row_id_type], metadata=ROW_ID))
    return pa.schema(fields)


@example.table_function(columns=row_id_layout, filters="none")
def rowid_sequence(
    count: Count, *, layout: Layout = "first", row_id_type: RowIdType = "int64"
) -> Iterator[dict[str, Any]]:
    """Rows with a row id of some type in some place"""
    for start, stop in ranges(count, 2048):
        ids: Any = integers(start, stop)
        if row_id_type == "string":
            ids = texts("rid_", start, stop)
        elif row_id_type == "struct":
            ids = [{"a": i, "b": f"s_{i}"} for i in range(start, stop)]
        yield {"row_id": ids, "name": texts("item_", start, stop), "value": texts("val_", start, stop)}


LATE = pa.schema(
    [
        pa.field("row_id", BIGINT, metadata=ROW_ID),
        pa.field("ord", BIGINT),
        pa.field("payload", VARCHAR),
        pa.field("pushed", VARCHAR),
    ]
)

NO_WITNESS = "rid:in=0;rng=none"


def witness(filters: dw.Filters) -> str:
    """What the filters say of the row id: how many values, and between which bounds."""
    values = 0
    low: Any = None
    high: Any = None
    for part in comparisons(filters, "row_id"):
        if isinstance(part, In):
            values += len(part.values)
        elif isinstance(part, Comparison) and isinstance(part.right, Constant):
            constant = part.right.value.as_py()
            if part.operator in ("gt", "ge", "eq"):
                low = constant if low is None else min(low, constant)
            if part.operator in ("lt", "le", "eq"):
                high = constant if high is None else max(high, constant)
    bounds = "none" if low is None and high is None else f"{low}..{high}"
    return f"rid:in={values};rng={bounds}"


@example.table_function(columns=LATE, cardinality=exact, late_materialization=True)
def late_materialization(
    count: Count,
    ctx: dw.Context,
    *,
    batch_size: Size = 2048,
    dup_row_id: bool = False,
    null_ord_stride: Annotated[int, Ge(0)] = 0,
) -> Iterator[dict[str, Any]]:
    """Rows that say by which row ids they were asked for"""
    pushed = witness(ctx.filters)
    for start, stop in ranges(count, batch_size):
        rows = np.arange(start, stop, dtype=np.int64)
        latest = witness(ctx.filters)
        pushed = pushed if latest == NO_WITNESS else latest
        order = rows * PRIME % MODULUS
        yield {
            "row_id": rows // 2 if dup_row_id else rows,
            "ord": pa.array(order, BIGINT, mask=rows % null_ord_stride == 0) if null_ord_stride else order,
            "payload": texts("payload_", start, stop),
            "pushed": [pushed] * len(rows),
        }
