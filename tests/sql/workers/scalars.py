"""Scalar functions of every shape."""

import datetime
import itertools
import os
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc

import duckwing as dw
from duckwing.types import ANY, BIGINT, DATE, DECIMAL, HUGEINT, INTEGER, LIST, SMALLINT, STRUCT, VARCHAR

scalars = dw.Catalog("scalars", comment="Scalars of every shape", tags={"kind": "test"}, version="1.2.3")
counter = itertools.count()

# NULLs


@scalars.scalar
def add(a: int, b: int) -> int:
    return a + b


@scalars.scalar
def add_batches(a: pa.Int64Array, b: pa.Int64Array) -> pa.Int64Array:
    assert a.null_count == b.null_count == 0
    return pc.add(a, b)


@scalars.scalar
def shown(value: int | None) -> str:
    return repr(value)


@scalars.scalar
def mixed(a: int, b: int | None, c: str) -> str:
    return f"{a} {b} {c}"


@scalars.scalar
def mixed_batches(a: pa.Int64Array, b: pa.Int64Array | None) -> pa.StringArray:
    assert a.null_count == 0
    return pc.binary_join_element_wise(pc.cast(a, VARCHAR), pc.fill_null(pc.cast(b, VARCHAR), "none"), " ")


@scalars.scalar(nulls="pass")
def nulls_in_batch(value: pa.Int64Array) -> pa.Int64Array:
    return pa.array([value.null_count] * len(value))


@scalars.scalar(nulls="pass")
def is_none(a: int, b: str) -> str:
    return f"{a is None} {b is None}"


@scalars.scalar
def odd_or_null(value: int) -> int | None:
    return value if value % 2 else None


@scalars.scalar
def null_for_all(value: pa.Int64Array) -> pa.StringArray:
    return pa.nulls(len(value), pa.utf8())


@scalars.scalar(nulls="pass")
def union_tag(value: pa.Array) -> pa.StringArray:
    return pa.array([str(v) for v in value.to_pylist()])


# How often, and what for


@scalars.scalar(stability="volatile")
def create_file(path: str, row: int) -> bool:
    Path(path).touch()
    return True


@scalars.scalar(stability="volatile")
def ticket() -> str:
    return f"{os.getpid()} {next(counter)}"


@scalars.scalar(stability="volatile")
def ticket_for(value: int) -> str:
    return f"{os.getpid()} {next(counter)} {value}"


@scalars.scalar
def once() -> str:
    return f"{os.getpid()} {next(counter)}"


@scalars.scalar(stability="consistent_within_query")
def rows_in_batch(value: pa.Int64Array, ctx: dw.Context) -> pa.Int64Array:
    assert ctx.rows == len(value)
    return pa.array([ctx.rows] * ctx.rows)


@scalars.scalar(stability="volatile")
def row_numbers(ctx: dw.Context) -> pa.Int64Array:
    return pa.array(range(ctx.rows), pa.int64())


@scalars.scalar
def where_am_i(value: int, ctx: dw.Context) -> str:
    return f"{ctx.catalog} {ctx.function}"


@scalars.scalar(stability="volatile")
def logged(value: int, ctx: dw.Context) -> int:
    ctx.log("value seen", level="WARN", value=value, when=datetime.date(2024, 1, 2))
    ctx.log(f"again {value}")
    return value


@scalars.scalar
def logged_then_failed(ctx: dw.Context, value: int) -> int:
    ctx.log("before the error", level="ERROR")
    raise ValueError("after the log")


# Arguments


@scalars.scalar
def total(*values: int) -> int:
    return sum(values)


@scalars.scalar
def joined(separator: dw.Const[str], *parts: str) -> str:
    return separator.join(parts)


@scalars.scalar
def joined_batches(*parts: pa.StringArray) -> pa.StringArray:
    return pc.binary_join_element_wise(*parts, "-")


@scalars.scalar
def separated_batches(separator: dw.Const[str], *parts: pa.StringArray) -> pa.StringArray:
    return pc.binary_join_element_wise(*parts, separator)


@scalars.scalar
def types_of(*values: pa.Array) -> pa.StringArray:
    return pa.array([", ".join(str(v.type) for v in values)] * len(values[0]))


@scalars.scalar
def scaled(value: pa.DoubleArray, factor: dw.Const[float], offset: dw.Const[float | None]) -> pa.DoubleArray:
    assert isinstance(factor, float)
    return pc.add(pc.multiply(value, factor), 0.0 if offset is None else offset)


@scalars.scalar
def constant_first(factor: dw.Const[int], value: int) -> int:
    return factor * value


@scalars.scalar
def repeated(times: dw.Const[int], ctx: dw.Context, text: dw.Const[str]) -> pa.StringArray:
    return pa.array([text * times] * ctx.rows)


@scalars.scalar
def only_constants(a: dw.Const[int], b: dw.Const[str]) -> str:
    return b * a


@scalars.scalar
def pad(text: str, width: int = 5, fill: str = ".") -> str:
    """Pad a text.

    Args:
        text: what is padded.
        width: to how many characters.
        fill: with what.
    """
    return text.ljust(width, fill)


@scalars.scalar
def pad_batches(text: pa.StringArray, width: dw.Const[int] = 5, fill: dw.Const[str] = ".") -> pa.StringArray:
    return pc.utf8_rpad(text, width, fill)


@scalars.scalar
def python_type(value: Any) -> str:
    return type(value).__name__


@scalars.scalar
def days(value: datetime.timedelta) -> datetime.timedelta:
    return value * 2


@scalars.scalar
def lists(values: list[int | None], members: dict[str, float]) -> list[str]:
    return [f"{v}" for v in values] + [f"{k}={v}" for k, v in members.items()]


@scalars.scalar(returns=STRUCT({"id": BIGINT, "tags": LIST(VARCHAR)}))
def structured(value: Annotated[dict[str, Any], STRUCT({"a": INTEGER, "b": LIST(SMALLINT)})]) -> Any:
    return {"id": value["a"], "tags": [str(b) for b in value["b"]]}


@scalars.scalar
def decimals(value: Annotated[Decimal, DECIMAL(10, 2)]) -> Annotated[Decimal, DECIMAL(12, 3)]:
    return value / 8


@scalars.scalar
def identified(value: uuid.UUID) -> uuid.UUID:
    return uuid.UUID(int=value.int ^ 1)


# Overloads


@scalars.scalar(name="which")
def which_int(value: int) -> str:
    return "BIGINT"


@scalars.scalar(name="which")
def which_str(value: str) -> str:
    return "VARCHAR"


@scalars.scalar(name="which")
def which_float(value: float) -> str:
    return "DOUBLE"


@scalars.scalar(name="which")
def which_date(value: datetime.date) -> str:
    return "DATE"


@scalars.scalar(name="which")
def which_list(value: list[int]) -> str:
    return "BIGINT[]"


@scalars.scalar(name="which")
def which_small(value: pa.Int16Array) -> pa.StringArray:
    return pa.array(["SMALLINT"] * len(value))


@scalars.scalar(name="which")
def which_two(first: int, second: str) -> str:
    return "BIGINT, VARCHAR"


@scalars.scalar(name="which")
def which_two_swapped(first: str, second: int) -> int:
    return 21


@scalars.scalar(name="which")
def which_many(first: int, second: int, third: int, *more: int) -> str:
    return f"{3 + len(more)} BIGINT"


@scalars.scalar(name="or_any")
def exact(value: int) -> str:
    return "BIGINT"


@scalars.scalar(name="or_any")
def fallback(value: pa.Array) -> pa.StringArray:
    return pa.array(["ANY"] * len(value))


@scalars.scalar(name="or_any_real")
def exact_real(value: float) -> str:
    return "DOUBLE"


@scalars.scalar(name="or_any_real")
def fallback_real(value: pa.Array) -> pa.StringArray:
    return pa.array(["ANY"] * len(value))


@scalars.scalar(name="by_name")
def text_by_name(text: str) -> str:
    return "VARCHAR"


@scalars.scalar(name="by_name")
def id_by_name(id: uuid.UUID) -> str:
    return "UUID"


@scalars.scalar(name="by_name")
def huge_by_name(huge: Annotated[int, HUGEINT]) -> str:
    return "HUGEINT"


@scalars.scalar(name="by_name")
def anything_by_name(anything: Any) -> str:
    return "ANY"


@scalars.scalar(name="const_or_not")
def with_const(value: int, mode: dw.Const[str]) -> str:
    return f"const {mode}"


@scalars.scalar(name="const_or_not")
def without_const(value: int, mode: int) -> str:
    return f"column {mode}"


# Mistakes


@scalars.scalar
def fails(value: int) -> int:
    """Raises, two calls deep."""
    if value == 3:
        return _deeper(value)
    return value


def _deeper(value: int) -> int:
    raise LookupError(f"nothing for {value}")


@scalars.scalar
def fails_chained(value: int) -> int:
    try:
        raise KeyError("inner")
    except KeyError as error:
        raise RuntimeError("outer") from error


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


@scalars.scalar
def fails_without_text(value: int) -> int:
    raise Unprintable


@scalars.scalar
def fails_in_group(value: int) -> int:
    raise ExceptionGroup("several", [ValueError("one"), TypeError("two")])


@scalars.scalar
def fails_at_length(value: int) -> int:
    raise ValueError("é" * 100_000)


@scalars.scalar
def wrong_length(value: pa.Int64Array) -> pa.Int64Array:
    return pa.array([1], pa.int64())


@scalars.scalar
def wrong_class(value: pa.Int64Array) -> pa.Int64Array:
    return [1] * len(value)


@scalars.scalar
def wrong_type(value: pa.Int64Array) -> pa.Int64Array:
    return pa.array(["x"] * len(value))


@scalars.scalar
def lossy(value: pa.DoubleArray) -> pa.Int64Array:
    return value


@scalars.scalar
def wrong_value(value: int) -> str:
    return value  # type: ignore[return-value]


@scalars.scalar
def a_fraction(value: int) -> int:
    return value + 0.5  # type: ignore[return-value]


@scalars.scalar
def chunked(value: pa.Int64Array) -> pa.Int64Array:
    half = len(value) // 2
    return pa.chunked_array([value[:half], value[half:]])


@scalars.scalar
def narrower(value: pa.Int64Array) -> pa.Int64Array:
    return pc.cast(value, pa.int8())


@scalars.scalar(returns=DATE)
def dictionary(value: pa.Int64Array) -> pa.Array:
    return pa.array([datetime.date(2024, 1, 1)] * len(value)).dictionary_encode()


@scalars.scalar(returns=VARCHAR)
def dictionary_of_text(value: Annotated[pa.Array, ANY]) -> pa.Array:
    return pc.cast(value, VARCHAR).dictionary_encode()


@scalars.scalar(returns=lambda value: value)
def as_it_is(value: pa.Array | None) -> pa.Array | None:
    return value


@scalars.scalar(returns=lambda value: LIST(STRUCT({"v": value})))
def within(value: pa.Array | None) -> pa.Array | None:
    assert value is not None
    return pa.array([[{"v": one}] for one in value.to_pylist()])
