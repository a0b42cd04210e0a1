"""What is checked of an array that came from outside, at every level of it."""

from __future__ import annotations

import pyarrow as pa
import pytest

from duckwing.rpc.validation import validate


def offsets(*values: int) -> pa.Buffer:
    return pa.array(values, pa.int32()).buffers()[1]


# Arrow's own cheap check looks at the first and the last offset only.
TEXT = pa.Array.from_buffers(pa.utf8(), 2, [None, offsets(0, 9, 1), pa.py_buffer(b"a")])
NOT_UTF8 = pa.Array.from_buffers(pa.utf8(), 1, [None, offsets(0, 1), pa.py_buffer(b"\xff")])
LISTS = pa.Array.from_buffers(pa.list_(pa.int64()), 2, [None, offsets(0, 9, 1)], children=[pa.array([1])])
VIEWS = pa.Array.from_buffers(pa.list_view(pa.int64()), 1, [None, offsets(7), offsets(1)], children=[pa.array([1])])
CODES = pa.Array.from_buffers(
    pa.sparse_union([pa.field("a", pa.int64())]), 1, [None, pa.py_buffer(b"\x05")], children=[pa.array([1])]
)


@pytest.mark.parametrize("bad", [TEXT, NOT_UTF8, LISTS, VIEWS, CODES], ids=["text", "utf8", "list", "view", "union"])
def test_what_is_unsafe_is_found_wherever_it_is(bad: pa.Array) -> None:
    n = len(bad)
    arrays = [
        bad,
        pa.StructArray.from_arrays([pa.array([0] * n), bad], ["a", "b"]),
        pa.Array.from_buffers(pa.list_(bad.type), 1, [None, offsets(0, n)], children=[bad]),
        pa.Array.from_buffers(pa.list_(bad.type, n), 1, [None], children=[bad]),
        pa.Array.from_buffers(pa.list_view(bad.type), 1, [None, offsets(0), offsets(n)], children=[bad]),
        pa.UnionArray.from_sparse(pa.array([0] * n, pa.int8()), [pa.array([0] * n), bad], ["a", "b"]),
        pa.Array.from_buffers(
            pa.map_(pa.int64(), bad.type),
            1,
            [None, offsets(0, n)],
            children=[pa.StructArray.from_arrays([pa.array([0] * n), bad], ["key", "value"])],
        ),
        pa.ExtensionArray.from_storage(pa.opaque(bad.type, "t", "v"), bad),
    ]
    for array in arrays:
        with pytest.raises(pa.ArrowInvalid):
            validate(array)


BEYOND_A_DAY = pa.array([86_400_000_000, 0], pa.int64()).view(pa.time64("us"))


@pytest.mark.parametrize(
    "good",
    [
        BEYOND_A_DAY,
        pa.StructArray.from_arrays([BEYOND_A_DAY], ["t"]),
        pa.ListArray.from_arrays([0, 2, None, 2], BEYOND_A_DAY),
        pa.FixedSizeListArray.from_arrays(BEYOND_A_DAY, 2),
        pa.MapArray.from_arrays([0, 2], ["a", "b"], BEYOND_A_DAY),
        pa.UnionArray.from_sparse(pa.array([1, 0], pa.int8()), [BEYOND_A_DAY, BEYOND_A_DAY], ["a", "b"]),
        pa.UnionArray.from_sparse(pa.array([7, 3], pa.int8()), [BEYOND_A_DAY, BEYOND_A_DAY], ["a", "b"], [3, 7]),
        pa.ListViewArray.from_arrays([1, 0], [1, 2], BEYOND_A_DAY),
        pa.LargeListViewArray.from_arrays([1, 0], [1, 2], BEYOND_A_DAY),
        pa.array([["x", None], None, []]),
        pa.array([["x", None], None, []], pa.large_list(pa.large_utf8())),
        pa.nulls(3, pa.map_(pa.utf8(), pa.int64())),
        pa.array(["a", "b", "a"]).dictionary_encode(),
        pa.nulls(2),
    ],
    ids=lambda array: str(array.type),
)
def test_values_that_duckdb_has_and_arrow_has_not_are_let_through(good: pa.Array) -> None:
    for array in (good, good.slice(1), good.slice(0, 0)):
        validate(array)
