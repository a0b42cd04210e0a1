"""Table functions that count: sequences, their arguments, errors, logs and counters."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Gt

import duckwing as dw
from duckwing.types import BIGINT, DOUBLE, LIST, STRUCT, VARCHAR

from .catalog import example, plain
from .counting import Count, Size, exact, integers, ranges, texts


def sequence_statistics(count: int, increment: Any) -> Mapping[str, dw.ColumnStatistics]:
    """Bounds of ``count`` multiples of ``increment``, from 0 up."""
    if not count:
        return {}
    last = type(increment)(count - 1) * increment
    return {"n": dw.ColumnStatistics(min=type(increment)(0), max=last, nulls=False, distinct=count)}


@example.table_function(
    columns={"n": BIGINT}, cardinality=exact, statistics=sequence_statistics, categories=["generator", "utility"]
)
def sequence(count: Count, *, batch_size: Size = 2048, increment: Size = 1) -> Iterator[dict[str, pa.Array]]:
    """Generates a sequence of integers from 0 to n-1"""
    for start, stop in ranges(count, batch_size):
        yield {"n": np.arange(start, stop, dtype=np.int64) * increment}


@plain(columns={"n": DOUBLE}, cardinality=exact, statistics=sequence_statistics)
def double_sequence(
    count: Count, *, batch_size: Size = 2048, increment: Annotated[float, Gt(0)] = 1.0
) -> Iterator[dict[str, Any]]:
    """Generates a sequence of floating-point numbers from 0 to n-1"""
    for start, stop in ranges(count, batch_size):
        yield {"n": np.arange(start, stop) * increment}


@plain(
    columns=pa.schema(
        [
            ("id", BIGINT),
            ("greeting", VARCHAR),
            ("value", BIGINT),
            ("float_value", DOUBLE),
            ("enabled", pa.bool_()),
        ]
    ),
    cardinality=exact,
)
def named_params_echo(
    count: Count, *, greeting: str = "hello", multiplier: int = 1, scale: float = 1.0, enabled: bool = True
) -> Iterator[dict[str, Any]]:
    """Echoes named parameter values in output columns"""
    for start, stop in ranges(count, 2048):
        rows = np.arange(start, stop, dtype=np.int64)
        yield {
            "id": rows,
            "greeting": [greeting] * len(rows),
            "value": rows * multiplier,
            "float_value": rows * scale,
            "enabled": [enabled] * len(rows),
        }


@example.table_function(
    columns={"n": BIGINT, "metadata": STRUCT({"index": BIGINT, "label": VARCHAR}), "history": LIST(BIGINT)},
    cardinality=exact,
)
def nested_sequence(
    count: Count, ctx: dw.Context, *, batch_size: Size = 2048, history_size: Size = 20
) -> Iterator[dict[str, Any]]:
    """Generates a sequence with nested struct and list columns"""

    def column(name: str, rows: range) -> Any:
        if name == "n":
            return rows
        if name == "metadata":
            return [{"index": i, "label": f"row_{i}"} for i in rows]
        return [list(range(max(0, i - history_size + 1), i + 1)) for i in rows]

    for start, stop in ranges(count, batch_size):
        yield {name: column(name, range(start, stop)) for name in ctx.columns}


@plain(columns={"n": BIGINT}, cardinality=lambda: exact(10000))
def ten_thousand() -> Iterator[dict[str, pa.Array]]:
    """Generates 10000 integers from 0 to 9999"""
    for start, stop in ranges(10000, 1000):
        yield {"n": integers(start, stop)}


@example.table_function(
    columns={"id": BIGINT, "name": VARCHAR, "value": DOUBLE, "extra": BIGINT}, cardinality=exact, filters="none"
)
def projected_data(count: Count, ctx: dw.Context) -> Iterator[dict[str, Any]]:
    """Generates data with 4 columns, supporting projection pushdown"""

    def column(name: str, rows: Any) -> Any:
        if name == "name":
            return [f"item_{i}" for i in rows]
        return {"id": rows, "value": rows * 1.5, "extra": rows * rows}[name]

    for start, stop in ranges(count, 1000):
        rows = np.arange(start, stop, dtype=np.int64)
        yield {name: column(name, rows) for name in ctx.columns}


def constant_layout(values: tuple[pa.Scalar, ...]) -> dict[str, pa.DataType]:
    """A column of the type of each value."""
    if not values:
        raise ValueError("constant_columns requires at least 1 value")
    return {f"col_{place}": value.type for place, value in enumerate(values)}


@plain(columns=constant_layout, cardinality=exact)
def constant_columns(count: Count, *values: pa.Scalar) -> Iterator[dict[str, pa.Array]]:
    """Generates rows with constant values from varargs"""
    for start, stop in ranges(count, 2048):
        yield {f"col_{place}": pa.repeat(value, stop - start) for place, value in enumerate(values)}


@plain(columns={"idx": BIGINT, "tag": VARCHAR, "value": VARCHAR})
def union_varargs(
    *values: Annotated[tuple[str, Any], dw.types.UNION({"i": BIGINT, "s": VARCHAR})],
) -> dict[str, list[Any]]:
    """Shows which member of a union each argument has"""
    return {
        "idx": list(range(len(values))),
        "tag": [tag for tag, _ in values],
        "value": [None if value is None else str(value) for _, value in values],
    }


@plain(columns={"n": BIGINT}, categories=["testing"])
def generator_exception(fail_after: Annotated[int, Ge(0)]) -> Iterator[dict[str, list[int]]]:
    """Raises an exception after N batches for testing"""
    for n in range(fail_after):
        yield {"n": [n]}
    raise RuntimeError(f"Intentional failure after {fail_after} batches")


@plain(columns={"n": BIGINT})
def logging_generator(count: Count, ctx: dw.Context) -> Iterator[dict[str, list[int]]]:
    """Emits log messages during generation"""
    ctx.log(f"Starting generation of {count} values")
    for n in range(count):
        yield {"n": [n]}
    ctx.log("Generation complete")


@plain(columns={"n": BIGINT}, cardinality=exact)
def profiling_demo(
    count: Count, ctx: dw.Context, *, batch_size: Size = 2048, increment: Size = 1
) -> Iterator[dict[str, Any]]:
    """Counts what it has produced, for EXPLAIN ANALYZE"""
    started = time.monotonic()
    for start, stop in ranges(count, batch_size):
        ctx.measure("rows_produced", stop - start)
        ctx.measure("batches_emitted")
        ctx.measures["elapsed_ms"] = round(1000 * (time.monotonic() - started), 2)
        yield {"n": np.arange(start, stop, dtype=np.int64) * increment}


@plain(columns={"n": BIGINT})
def slow_cancellable(
    probe_path: str, *, count: Count = 1_000_000, sleep_ms: Annotated[int, Ge(0)] = 50
) -> Iterator[dict[str, list[int]]]:
    """Emits a row at a time, slowly, and says in a file when it was cancelled"""
    emitted = 0
    try:
        for n in range(count):
            time.sleep(sleep_ms / 1000)
            emitted += 1
            yield {"n": [n]}
    except GeneratorExit:
        with Path(probe_path).open("a", encoding="utf-8") as probe:
            probe.write(f"pid={os.getpid()} emitted={emitted}\n")
        raise


# Overloads


@plain(name="make_series", columns={"value": BIGINT})
def count_up(count: Count) -> Iterator[dict[str, pa.Array]]:
    """Generate integers from 0 to count-1"""
    for start, stop in ranges(count, 1024):
        yield {"value": integers(start, stop)}


@plain(name="make_series", columns={"value": BIGINT})
def from_to(start: int, stop: int) -> dict[str, pa.Array]:
    """Generate integers from start to stop-1"""
    return {"value": integers(start, stop)}


@plain(name="make_series", columns={"value": BIGINT})
def from_to_by(start: int, stop: int, step: Size) -> dict[str, Any]:
    """Generate integers from start to stop-1 with step"""
    return {"value": np.arange(start, stop, step, dtype=np.int64)}


@plain(name="make_series", columns={"value": BIGINT})
def parsed(values: str) -> dict[str, list[int]]:
    """Parse comma-separated integers into rows"""
    return {"value": [int(value) for value in values.split(",")]}


@plain(name="make_series", columns={"value": DOUBLE})
def ten_steps(step: float) -> dict[str, list[float]]:
    """Generate 10 float values with given step size"""
    return {"value": [i * step for i in range(10)]}


@plain(name="make_pairs", columns={"a": BIGINT, "b": BIGINT})
def integer_pairs(start: int, stop: int) -> dict[str, Any]:
    """Generate integer pairs (i, i*2)"""
    rows = np.arange(start, stop, dtype=np.int64)
    return {"a": rows, "b": rows * 2}


@plain(name="make_pairs", columns={"a": BIGINT, "b": VARCHAR})
def mixed_pairs(start: int, label: str) -> dict[str, pa.Array]:
    """Generate mixed int/string pairs"""
    return {"a": integers(start, start + 5), "b": texts(label, 0, 5)}


@plain(name="make_pairs", columns={"a": VARCHAR, "b": VARCHAR})
def text_pairs(prefix: str, suffix: str) -> dict[str, pa.Array]:
    """Generate string pairs with prefix and suffix"""
    return {"a": texts(prefix, 0, 5), "b": texts(suffix, 0, 5)}


def repeated(values: tuple[Any, ...], type_: pa.DataType) -> dict[str, pa.DataType]:
    """A column for each value."""
    if not values:
        raise ValueError("repeat_value requires at least 1 value")
    return {f"v{place}": type_ for place in range(len(values))}


@plain(name="repeat_value", columns=lambda values: repeated(values, BIGINT))
def repeat_integers(count: int, *values: int) -> dict[str, list[int]]:
    """Repeats integers"""
    return {f"v{place}": [value] * count for place, value in enumerate(values)}


@plain(name="repeat_value", columns=lambda values: repeated(values, VARCHAR))
def repeat_texts(count: int, *values: str) -> dict[str, list[str]]:
    """Repeats texts"""
    return {f"v{place}": [value] * count for place, value in enumerate(values)}
