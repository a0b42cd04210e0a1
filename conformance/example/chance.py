"""Scalar functions of ``example`` about stability: volatile ones, and seeds."""

from __future__ import annotations

import random

import pyarrow as pa

import duckwing as dw

from .catalog import example


@example.scalar(stability="volatile")
def random_int(min_val: int, max_val: int) -> int:
    """Generate random integers (demonstrates VOLATILE stability)"""
    return random.randint(min_val, max_val)


@example.scalar(stability="volatile")
def bernoulli() -> bool:
    """Generate random booleans (demonstrates VOLATILE stability)"""
    return random.random() < 0.5


@example.scalar(stability="consistent_within_query")
def query_seed(value: pa.Int64Array) -> pa.Int64Array:
    """A number that is the same within a query."""
    import pyarrow.compute as pc

    return pc.add_checked(value, 1000)


@example.scalar(constants="bound")
def hash_seed(seed: dw.Const[int], *, ctx: dw.Context) -> pa.Int64Array:
    """Generate deterministic integers from a constant seed"""
    return pa.array(range(seed, seed + ctx.rows), pa.int64())


@example.scalar(constants="bound")
def random_bytes(seed: dw.Const[int], byte_length: dw.Const[int], *, ctx: dw.Context) -> pa.BinaryArray:
    """Generate pseudo-random binary blobs from seed and length"""
    if byte_length < 0:
        raise ValueError(f"byte_length must be >= 0, got {byte_length}")
    source = random.Random(seed)
    return pa.array([source.randbytes(byte_length) for _ in range(ctx.rows)], pa.binary())
