"""Constant arguments that are handed over with their Arrow types."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

import duckwing as dw
from duckwing.functions.arguments import Arguments
from duckwing.functions.context import Context, Invocation


def layout(values: tuple[pa.Scalar, ...]) -> dict[str, pa.DataType]:
    return {f"c{place}": value.type for place, value in enumerate(values)}


@dw.table_function(columns=layout)
def constants(*values: pa.Scalar) -> dict[str, pa.Array]:
    return {f"c{place}": pa.repeat(value, 1) for place, value in enumerate(values)}


def bound(*values: pa.Array) -> Any:
    context = Context(Invocation("constants", "demo"))
    return constants.bind(constants.signature.parameters, Arguments(values, {}), context)


@pytest.mark.parametrize("type_", [pa.int16(), pa.string(), pa.list_(pa.int8()), pa.decimal128(30, 2)])
@pytest.mark.parametrize("null", [True, False])
def test_the_type_of_a_constant(type_: pa.DataType, null: bool) -> None:
    value = pa.nulls(1, type_) if null else pa.array([[1] if pa.types.is_list(type_) else 1]).cast(type_)
    found = bound(value)
    assert found.output()[0] == pa.schema([("c0", type_)])
    [scalar] = found.values.positional
    assert scalar.type == type_
    assert scalar.is_valid is not null
