"""The numbers of groups against a plain Python model: ids repeat, values are NULL, groups merge in any tree."""

from __future__ import annotations

import functools
import math
import operator
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import duckwing as dw
from duckwing.errors import OutputError
from duckwing.functions.aggregate import BoundAggregate
from duckwing.functions.aggregate_groups import GroupStates
from duckwing.functions.arguments import Arguments
from duckwing.functions.context import Context, Invocation
from duckwing.functions.declare import aggregate
from duckwing.functions.groups import Field, Groups
from duckwing.state.arrays import MappedArrays
from duckwing.state.scope import Scope
from duckwing.types import BIGINT, LIST

LARGEST = 2**63 - 1

Row = tuple[int, int | None]
"""A group and a value."""

ids = st.integers(0, 7)
rows = st.lists(st.tuples(ids, st.none() | st.integers(-(2**60), 2**60)), max_size=40)
small_rows = st.lists(st.tuples(ids, st.none() | st.integers(-3, 3)), max_size=40)


@pytest.fixture
def groups_of(tmp_path: Path) -> Callable[..., Groups]:
    """``groups_of(field, *ids)``: groups whose only field is ``field``."""

    def groups_of(field: Field, *ids: int) -> Groups:
        arrays = MappedArrays(tmp_path, {field.name: field.dtype})
        arrays.reserve(10)
        arrays[field.name][:] = field.default
        return Groups(np.array(ids, np.int64), arrays, "aggregate 'f'", set())

    return groups_of


def integers(default: int = 0, dtype: Any = np.int64) -> Field:
    return Field("n", np.dtype(dtype), np.dtype(dtype).type(default))


def model(combine: Callable[[int, int], int], default: int, rows: Sequence[Row]) -> tuple[list[int], bool]:
    """The numbers of the groups, and whether all on the way there fit 64 bits."""
    numbers = [default] * 8
    fits = True
    for group, value in rows:
        if value is not None:
            numbers[group] = combine(numbers[group], value)
            fits = fits and -LARGEST - 1 <= numbers[group] <= LARGEST
    return numbers, fits


WAYS: dict[str, tuple[Callable[[Groups, Any, Any], None], Callable[[int, int], int], int]] = {
    "add": (Groups.add, operator.add, 0),
    "min": (Groups.min, min, LARGEST),
    "max": (Groups.max, max, -LARGEST - 1),
    "multiply": (lambda g, f, v: g.apply(np.multiply, f, v), operator.mul, 1),
    "bitwise_xor": (lambda g, f, v: g.apply(np.bitwise_xor, f, v), operator.xor, 0),
    "gcd": (lambda g, f, v: g.apply(np.gcd, f, v), math.gcd, 0),
    "lcm": (lambda g, f, v: g.apply(np.lcm, f, v), math.lcm, 1),
    "put": (Groups.put, lambda _, value: value, 0),
}


def shapes(values: Sequence[int | None]) -> list[Any]:
    """Values in every form in which an author may have them."""
    column = pa.array(values, pa.int64())
    masked = np.ma.masked_array(column.fill_null(0).to_numpy(), column.is_null().to_numpy(zero_copy_only=False))
    return [column, pa.chunked_array([column.slice(0, 1), column.slice(1)]), masked]


@pytest.mark.parametrize("way", WAYS)
@given(rows=rows | small_rows)
def test_changes(way: str, rows: list[Row]) -> None:
    change, combine, default = WAYS[way]
    expected, fits = model(combine, default, rows)
    for shape in shapes([value for _, value in rows]):
        with tempfile.TemporaryDirectory() as directory:
            arrays = MappedArrays(Path(directory), {"n": np.dtype(np.int64)})
            arrays.reserve(8)
            arrays["n"][:] = default
            groups = Groups(np.array([group for group, _ in rows], np.int64), arrays, "aggregate 'f'", set())
            if fits:
                change(groups, integers(default), shape)
                assert arrays["n"][:8].tolist() == expected
            else:
                with pytest.raises(OverflowError, match="a number in field 'n' does not fit int64"):
                    change(groups, integers(default), shape)
                assert arrays["n"][:8].tolist() == [default] * 8


@given(st.lists(ids, max_size=40))
def test_counts(groups: list[int]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        arrays = MappedArrays(Path(directory), {"n": np.dtype(np.int64)})
        arrays.reserve(8)
        Groups(np.array(groups, np.int64), arrays, "aggregate 'f'", set()).count(integers())
        assert arrays["n"][:8].tolist() == [groups.count(group) for group in range(8)]


# Numbers that do not fit


def test_a_sum_that_does_not_fit(groups_of: Callable[..., Groups]) -> None:
    groups = groups_of(integers(), 1, 1)
    groups.add(integers(), LARGEST // 2)
    with pytest.raises(OverflowError, match="aggregate 'f': a number in field 'n' does not fit int64"):
        groups.add(integers(), 1 + LARGEST // 4)
    assert groups.take(integers()).tolist() == [LARGEST - 1] * 2


def test_numbers_close_to_the_limit_fit(groups_of: Callable[..., Groups]) -> None:
    groups = groups_of(integers(), 0, 1, 0)
    groups.add(integers(), pa.array([LARGEST - 1, -LARGEST, 1]))
    assert groups.take(integers()).tolist() == [LARGEST, -LARGEST, LARGEST]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_values_that_do_not_fit(groups_of: Callable[..., Groups], dtype: Any) -> None:
    field = integers(0, dtype)
    largest = int(np.iinfo(dtype).max)
    for change in (Groups.add, Groups.max, Groups.min, Groups.put):
        for wrong in (largest + 1, np.array([0, -(2**40)]), pa.array([2**40, -1])):
            with pytest.raises((OverflowError, OutputError)):
                change(groups_of(field, 1, 2), field, wrong)
    groups = groups_of(field, 1, 2)
    groups.put(field, pa.array([largest, 5], pa.uint64()))
    assert groups.take(field).tolist() == [largest, 5]
    with pytest.raises(OverflowError):
        groups.count(field)


def test_unsigned_values_are_added_exactly(groups_of: Callable[..., Groups]) -> None:
    groups = groups_of(integers(), 0, 0)
    groups.add(integers(), pa.array([2**60 + 1, 2**60 + 1], pa.uint64()))
    assert groups.take(integers()).tolist() == [2**61 + 2] * 2


@pytest.mark.parametrize("values", [1.5, np.array([1.5, 2]), pa.array([1.5, 2]), pa.array(["a", "b"]), ["a", "b"]])
def test_values_of_another_kind(groups_of: Callable[..., Groups], values: Any) -> None:
    for change in (Groups.add, Groups.max, Groups.put):
        with pytest.raises(OutputError, match="field 'n' has numbers of int64, not "):
            change(groups_of(integers(), 1, 2), integers(), values)


@pytest.mark.parametrize("values", [[1], [1, 2, 3], pa.array([1]), pa.array([None, 1, 2]), np.ma.masked_array([1])])
def test_too_few_or_too_many_values(groups_of: Callable[..., Groups], values: Any) -> None:
    for change in (Groups.add, Groups.max, Groups.put):
        with pytest.raises(OutputError, match="values for 2 rows or groups in field 'n'"):
            change(groups_of(integers(), 1, 2), integers(), values)


def test_booleans_and_floats(groups_of: Callable[..., Groups]) -> None:
    flag = Field("n", np.dtype(bool), np.False_)
    groups = groups_of(flag, 1, 2, 1)
    groups.apply(np.logical_or, flag, pa.array([False, None, True]))
    assert groups.take(flag).tolist() == [True, False, True]
    part = Field("n", np.dtype(np.float64), np.float64(0))
    groups = groups_of(part, 1, 2, 1)
    groups.add(part, pa.array([0.5, None, 1]))
    groups.add(part, 1)
    assert groups.take(part).tolist() == [3.5, 1.0, 3.5]


def test_columns_of_other_libraries(groups_of: Callable[..., Groups]) -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    for series in (polars.Series([1, None, 3]), pandas.Series([1, None, 3], dtype="Int64")):
        groups = groups_of(integers(), 1, 2, 1)
        groups.add(integers(), series)
        assert groups.take(integers()).tolist() == [4, 0, 4]


# What cannot be


@pytest.mark.parametrize("ufunc", [np.subtract, np.power, np.left_shift, np.negative, np.frompyfunc(max, 2, 1), max])
def test_functions_that_depend_on_the_order(groups_of: Callable[..., Groups], ufunc: Any) -> None:
    with pytest.raises(OutputError, match="apply\\(\\) takes a function of numpy whose order and grouping do not"):
        groups_of(integers(), 1).apply(ufunc, integers(), 1)


def test_defaults_that_would_count_twice(groups_of: Callable[..., Groups]) -> None:
    with pytest.raises(OutputError, match="the default of field 'n' must be 0, because it is changed with add"):
        groups_of(integers(10), 1).add(integers(10), 1)
    with pytest.raises(OutputError, match="the default of field 'n' must be 1, because it is changed with multiply"):
        groups_of(integers(), 1).apply(np.multiply, integers(), 1)
    groups = groups_of(integers(10), 1)
    groups.max(integers(10), 3)
    assert groups.take(integers(10)).tolist() == [10]


def test_what_is_no_field(groups_of: Callable[..., Groups]) -> None:
    with pytest.raises(OutputError, match=r"the first argument must be a PerGroup field, self\.…, not 5"):
        groups_of(integers(), 1).add(5, 1)


# Merging


class Derived:
    """Changed in ways whose merging is known."""

    total: dw.PerGroup[int] = 0
    low: dw.PerGroup[int] = LARGEST
    odd: dw.PerGroup[bool] = False
    count: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        groups.add(self.total, value)
        groups.min(self.low, value)
        groups.apply(np.logical_xor, self.odd, value.to_numpy() % 2 == 1)
        groups.count(self.count)

    def result(self, groups: dw.Groups) -> pa.ListArray:
        fields = (self.total, self.low, self.odd, self.count)
        return pa.array(np.stack([groups.take(f).astype(np.int64) for f in fields], 1).tolist(), LIST(BIGINT))


class Written(Derived):
    """The same, merged by its author, who reads a group again after it was changed."""

    def merge(self, groups: dw.Groups, other: dw.Groups) -> None:
        groups.put(self.total, groups.take(self.total) + other.take(self.total))
        groups.put(self.low, np.minimum(groups.take(self.low), other.take(self.low)))
        groups.put(self.odd, (other.take(self.total) + groups.take(self.total) - other.take(self.total)) % 2 == 1)
        groups.put(self.count, groups.take(self.count) + other.take(self.count))


class _Mapped:
    """As much of a scope as groups need."""

    def __init__(self, directory: Path):
        self._directory = directory

    def arrays(self, fields: Mapping[str, np.dtype[Any]]) -> MappedArrays:
        return MappedArrays(self._directory, fields)


def states(cls: type, directory: Path) -> GroupStates:
    function = aggregate(returns=LIST(BIGINT))(cls)
    columns = pa.schema([("value", pa.int64())])
    context = Context(Invocation("f", "c"))
    bound: BoundAggregate = function.bind(function.signature.parameters, columns, Arguments((), {}), context)
    return GroupStates(bound, cast(Scope, _Mapped(directory)))


def expected(rows: Sequence[Row]) -> list[int] | None:
    values = [value for _, value in rows if value is not None]
    return [sum(values), min(values), sum(values) % 2, len(values)] if values else None


batches = st.lists(
    st.lists(st.tuples(ids, st.none() | st.integers(-1000, 1000)), min_size=1, max_size=12), min_size=1, max_size=6
)
pairs = st.lists(st.lists(st.tuples(ids, ids).filter(lambda p: p[0] != p[1]), min_size=1, max_size=10), max_size=5)


@pytest.mark.parametrize("cls", [Derived, Written])
@given(batches=batches, merges=pairs)
def test_merging_in_any_order(cls: type, batches: list[list[Row]], merges: list[list[tuple[int, int]]]) -> None:
    """Targets repeat, are sources later on or were before; sources stay as they are."""
    with tempfile.TemporaryDirectory() as directory:
        one, other = states(cls, Path(directory)), states(cls, Path(directory))
        content: list[list[Row]] = [[] for _ in range(8)]
        for number, batch in enumerate(batches):
            process = (one, other)[number % 2]
            process.update(pa.array([g for g, _ in batch]), [pa.array([v for _, v in batch], pa.int64())])
            for group, value in batch:
                content[group].append((group, value))
        for number, merge in enumerate(merges):
            (other, one)[number % 2].combine(pa.array([s for s, _ in merge]), pa.array([t for _, t in merge]))
            for source, target in merge:
                content[target] = content[target] + content[source]
        wanted = [3, *range(8), 3, 9]
        for process in (one, other):
            results = process.finalize(pa.array(wanted)).to_pylist()
            assert results == [expected(content[group]) if group < 8 else None for group in wanted]


@given(batches=batches, tree=st.randoms(use_true_random=False))
def test_a_tree_gives_the_same_as_one_pass(batches: list[list[Row]], tree: Any) -> None:
    with tempfile.TemporaryDirectory() as directory:
        process = states(Derived, Path(directory))
        for group, batch in enumerate(batches):
            process.update(pa.array([group] * len(batch)), [pa.array([v for _, v in batch], pa.int64())])
        left = list(range(len(batches)))
        while len(left) > 1:
            source = left.pop(tree.randrange(len(left)))
            process.combine(pa.array([source]), pa.array([tree.choice(left)]))
        [result] = process.finalize(pa.array(left)).to_pylist()
        assert result == expected(functools.reduce(operator.iadd, batches, []))


def test_a_merged_sum_that_does_not_fit(tmp_path: Path) -> None:
    process = states(Derived, tmp_path)
    process.update(pa.array([0, 1]), [pa.array([LARGEST, 1])])
    with pytest.raises(OverflowError, match="a number in field 'total' does not fit int64: 9223372036854775808"):
        process.combine(pa.array([1]), pa.array([0]))


class Last(Derived):
    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        groups.put(self.total, value)


class Both(Derived):
    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        groups.add(self.total, value)
        groups.apply(np.bitwise_xor, self.total, value)


@pytest.mark.parametrize(("cls", "change"), [(Last, "put\\(\\)"), (Both, "(add|bitwise_xor) and (add|bitwise_xor)")])
def test_fields_of_which_only_the_author_knows_how_they_merge(tmp_path: Path, cls: type, change: str) -> None:
    """The error comes in every query, whether DuckDB merges or not."""
    process = states(cls, tmp_path)
    process.update(pa.array([0, 1]), [pa.array([1, 2])])
    message = f"field 'total' is changed with {change}, so only you know how two groups merge; write merge"
    with pytest.raises(OutputError, match=message):
        process.combine(pa.array([0]), pa.array([1]))
    with pytest.raises(OutputError, match=message):
        states(cls, tmp_path).finalize(pa.array([0]))


def test_group_numbers_that_no_client_sends(tmp_path: Path) -> None:
    process = states(Derived, tmp_path)
    with pytest.raises(dw.ArgumentError, match="groups are numbered from 0, got -1"):
        process.update(pa.array([-1]), [pa.array([1])])
    assert process.finalize(pa.array([-1, 2**62])).to_pylist() == [None, None]
