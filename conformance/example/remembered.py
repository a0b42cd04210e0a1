"""Scalar functions of ``example`` whose results DuckDB may use again."""

from __future__ import annotations

import pyarrow as pa

import duckwing as dw

from .catalog import example

FIVE_MINUTES = dw.Cache(ttl=300)


@example.scalar(cache=FIVE_MINUTES)
def cached_double_scalar(value: pa.Int64Array) -> pa.Int64Array:
    """Twice the value."""
    import pyarrow.compute as pc

    return pc.multiply_checked(value, 2)


@example.scalar(cache=FIVE_MINUTES, constants="bound")
def cached_add_const(value: pa.Int64Array, addend: dw.Const[int]) -> pa.Int64Array:
    """The value and a constant."""
    import pyarrow.compute as pc

    return pc.add_checked(value, addend)


@example.scalar(cache=FIVE_MINUTES)
def cached_label(value: int) -> str | None:
    """A label for values from 0 on."""
    return f"lbl-{value}" if value >= 0 else None
