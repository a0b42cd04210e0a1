"""The NULL rule, and constants of a batch, for columns of every type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from duckwing.functions.constants import evaluate_by_constants
from duckwing.functions.nulls import evaluate_valid, may_have_nulls, rows_without_nulls
from duckwing.types.values import from_values, to_values

from ..types.strategies import columns


@given(columns(), st.randoms())
def test_rows_without_nulls_are_evaluated_and_the_others_are_null(
    column: tuple[pa.DataType, list[Any]], random: Any
) -> None:
    type, values = column
    others = [random.choice([None, row]) for row in range(len(values))]
    arrays = [from_values(values, type, "x"), pa.array(others, pa.int64())]
    if not any(may_have_nulls(array) for array in arrays):
        assert None not in [*values, *others]
        return
    valid = rows_without_nulls(arrays)
    assert valid is not None
    seen: list[int] = []

    def first(columns: Sequence[pa.Array]) -> pa.Array:
        assert None not in to_values(columns[0])
        seen.extend(columns[1].to_pylist())
        return columns[0]

    result = evaluate_valid(first, arrays, valid, type)
    result.validate(full=True)
    assert result.type.equals(type)
    whole = [value if other is not None else None for value, other in zip(values, others, strict=True)]
    assert to_values(result) == whole
    assert seen == [row for row, value in enumerate(whole) if value is not None]


@given(columns(), st.data())
def test_one_call_for_each_combination_of_constants(column: tuple[pa.DataType, list[Any]], data: st.DataObject) -> None:
    type, values = column
    if not values:
        return
    constants = data.draw(st.lists(st.sampled_from([1, 2, None]), min_size=len(values), max_size=len(values)))
    calls: list[Any] = []

    def evaluate(constants: Sequence[pa.Array], columns: Sequence[pa.Array], count: int) -> pa.Array:
        assert len(columns[0]) == len(columns[1]) == count
        [constant], [*same] = constants[0].to_pylist(), columns[1].to_pylist()
        assert same == [constant] * count
        calls.append(constant)
        return columns[0]

    array = pa.array(constants, pa.int64())
    result = evaluate_by_constants(evaluate, [array], [from_values(values, type, "x"), array], len(values))
    assert to_values(result) == values
    assert sorted(calls, key=str) == sorted(set(constants), key=str)


@given(columns(), st.data())
def test_constants_of_every_type(column: tuple[pa.DataType, list[Any]], data: st.DataObject) -> None:
    type, values = column
    if not values:
        return
    array = from_values(values, type, "x")

    def evaluate(constants: Sequence[pa.Array], columns: Sequence[pa.Array], count: int) -> pa.Array:
        [constant] = to_values(constants[0])
        assert [values[row] for row in columns[0].to_pylist()] == [constant] * count
        return columns[0]

    rows = pa.array(range(len(values)), pa.int64())
    assert evaluate_by_constants(evaluate, [array], [rows], len(values)).equals(rows)
