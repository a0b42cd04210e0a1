"""The catalog ``narrow_bind``: a table that says more than its scan gives."""

from __future__ import annotations

import duckwing as dw
from duckwing.types import BIGINT

narrow_bind = dw.Catalog("narrow_bind")

BOTH = {"id": BIGINT, "val": BIGINT}


@narrow_bind.table_function(columns={"id": BIGINT})
def narrow_scan(count: int) -> dict[str, list[int]]:
    """One column"""
    return {"id": list(range(count))}


@narrow_bind.table_function(columns=BOTH)
def wide_scan(count: int) -> dict[str, list[int]]:
    """Both columns"""
    return {"id": list(range(count)), "val": [10 * (i + 1) for i in range(count)]}


narrow_bind.branches("mismatch", BOTH, [dw.Branch(narrow_scan, args=[3])])
narrow_bind.branches("consistent", BOTH, [dw.Branch(wide_scan, args=[3])])
