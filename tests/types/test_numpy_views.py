"""Arrow's numbers as NumPy sees them."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from duckwing.types.numpy_views import to_numpy

INTEGERS = {f"{sign}int{bits}": (sign == "", bits) for sign in ("", "u") for bits in (8, 16, 32, 64)}


@st.composite
def arrays(draw: st.DrawFn) -> pa.Array:
    """Numbers and booleans of any type, some of them NULL, cut out of others."""
    name = draw(st.sampled_from([*INTEGERS, "float32", "float64", "bool"]))
    values: st.SearchStrategy[object]
    if name == "bool":
        values = st.booleans()
    elif name.startswith("float"):
        values = st.floats(width=32 if name == "float32" else 64)
    else:
        signed, bits = INTEGERS[name]
        values = st.integers(-(1 << bits - 1) if signed else 0, (1 << bits - signed) - 1)
    if draw(st.booleans()):
        values = values | st.none()
    array = pa.array(draw(st.lists(values, max_size=40)), pa.type_for_alias(name))
    start = draw(st.integers(0, len(array)))
    return array.slice(start, draw(st.integers(0, len(array) - start)))


@given(arrays())
def test_as_pyarrow_makes_them(array: pa.Array) -> None:
    found, expected = to_numpy(array), array.to_numpy(zero_copy_only=False)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("type", [pa.int64(), pa.float64(), pa.bool_(), pa.string()])
def test_without_values(type: pa.DataType) -> None:
    for empty in (pa.array([], type), pa.nulls(0, type), pa.nulls(3, type).slice(3)):
        assert to_numpy(empty).tolist() == []
        assert to_numpy(empty).dtype == empty.to_numpy(zero_copy_only=False).dtype


def test_numbers_are_not_copied() -> None:
    array = pa.array([1.5, math.inf, -0.0]).slice(1)
    view = to_numpy(array)
    assert view.ctypes.data == array.buffers()[1].address + 8
    assert not view.flags.writeable
