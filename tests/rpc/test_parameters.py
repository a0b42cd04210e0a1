"""Parameters and input as they may come: nulls for defaults, columns in another order (spec 01)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest

from duckwing.rpc.codec import encode_batch
from duckwing.rpc.framing import Batch
from duckwing.rpc.limits import DEFAULT_LIMITS
from duckwing.rpc.method import REQUEST_SCHEMA, unary
from duckwing.rpc.request import read_params
from duckwing.rpc.turns import adapter


@dataclass(frozen=True)
class Wanted:
    required: int
    words: tuple[str, ...] = ("a",)
    count: int = 3
    note: str | None = "none"


FLAT = unary("flat", Wanted)
WRAPPED = unary("wrapped", Wanted, wrapped=True)


def wrapped(record: pa.RecordBatch) -> Any:
    data = pa.record_batch([pa.array([encode_batch(record)], pa.binary())], schema=REQUEST_SCHEMA)
    return read_params(WRAPPED, data, DEFAULT_LIMITS)


def record(**values: Any) -> pa.RecordBatch:
    types = {"required": pa.int64(), "words": pa.list_(pa.utf8()), "count": pa.int64(), "note": pa.utf8()}
    return pa.record_batch({name: pa.array([value], types[name]) for name, value in values.items()})


def test_null_is_the_default_of_what_must_not_be_null() -> None:
    nulls = record(required=1, words=None, count=None, note=None)
    assert wrapped(nulls) == Wanted(1, note=None)  # there, null is a value
    assert wrapped(record(required=1)) == Wanted(1)
    assert wrapped(record(required=1, count=5, words=["b"], note="c")) == Wanted(1, ("b",), 5, "c")
    flat = pa.RecordBatch.from_arrays(nulls.columns, schema=FLAT.params_schema)
    assert read_params(FLAT, flat, DEFAULT_LIMITS) == Wanted(1)


def test_null_is_nothing_where_there_is_no_default() -> None:
    with pytest.raises(TypeError, match=r"parameters of method 'wrapped': Wanted.required must not be null"):
        wrapped(record(required=None, count=None))


def test_a_field_twice() -> None:
    twice = pa.RecordBatch.from_arrays(
        [pa.array([1]), pa.nulls(1, pa.int64()), pa.array([2])], ["required"] + ["count"] * 2
    )
    with pytest.raises(TypeError, match="Wanted has a field twice"):
        wrapped(twice)


AAB = pa.schema([pa.field("a", pa.int64()), pa.field("a", pa.int64()), pa.field("b", pa.int64())])


def test_columns_of_one_name_are_told_by_their_place() -> None:
    adapt = adapter(pa.schema([pa.field(name, pa.int32()) for name in "aab"]), AAB)
    assert adapt is not None
    sent = pa.RecordBatch.from_arrays([pa.array([n], pa.int32()) for n in (1, 2, 3)], list("aab"))
    assert [column.to_pylist() for column in adapt(Batch(sent)).data.columns] == [[1], [2], [3]]


@pytest.mark.parametrize("names", ["aba", "baa", "abb", "ab", "aabb"])
def test_columns_of_one_name_in_another_order(names: str) -> None:
    with pytest.raises(TypeError, match=r"Input schema mismatch: expected .*, got "):
        adapter(pa.schema([pa.field(name, pa.int64()) for name in names]), AAB)
