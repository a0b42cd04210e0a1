"""Arrow forms of one SQL type into each other."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duckwing.errors import ArgumentError, OutputError
from duckwing.types import (
    ANY,
    ARRAY,
    BIGINT,
    BIGNUM,
    BIT,
    BLOB,
    BOOLEAN,
    DATE,
    DECIMAL,
    DOUBLE,
    FLOAT,
    GEOMETRY,
    HUGEINT,
    INTEGER,
    INTERVAL,
    JSON,
    LIST,
    MAP,
    SMALLINT,
    STRUCT,
    TIME,
    TIME_NS,
    TIMESTAMP,
    TIMESTAMP_NS,
    TIMESTAMPTZ,
    TIMETZ,
    TINYINT,
    UBIGINT,
    UHUGEINT,
    UNION,
    UUID,
    VARCHAR,
)
from duckwing.types.convert import from_duckdb, to_duckdb
from duckwing.types.forms import ANYTHING, CONVERTIBLE, EXACT, NO_FIT, SAME_TYPE, arrival, fits
from duckwing.types.names import sql_name
from duckwing.types.values import from_values, to_values

from .strategies import columns


def as_it_arrives(array: pa.Array, *, lossless: bool = False, large: bool = False, views: bool = False) -> pa.Array:
    """``array`` as DuckDB exports it under such settings (spec 06, section 7)."""
    values, type = to_values(array), array.type
    return _export(values, type, lossless, large, views)


def _export(values: list[Any], type: pa.DataType, lossless: bool, large: bool, views: bool) -> pa.Array:
    is_ = pa.types

    def child(inner_values: list[Any], inner: pa.DataType) -> pa.Array:
        return _export(inner_values, inner, lossless, large, views)

    text = pa.string_view() if views else pa.large_utf8() if large else pa.utf8()
    binary = pa.binary_view() if views else pa.large_binary() if large else pa.binary()
    if type in (VARCHAR, BLOB):
        return pa.array(values, text if type.equals(VARCHAR) else binary)
    if type.equals(UUID) and not lossless:
        return pa.array([None if v is None else str(v) for v in values], text)
    if type.equals(JSON):
        storage = pa.array(values, pa.large_utf8() if large else pa.utf8())
        return pa.ExtensionArray.from_storage(pa.json_(storage.type), storage) if lossless else storage
    if type in (BIT, BIGNUM):
        storage = from_values(values, type, "x").storage.cast(binary)
        opaque = pa.opaque(binary, type.type_name, "DuckDB")
        return pa.ExtensionArray.from_storage(opaque, storage) if lossless or type.equals(BIGNUM) else storage
    if type.equals(GEOMETRY):
        return from_values(values, type, "x").storage.cast(binary)
    if type in (HUGEINT, UHUGEINT) and not lossless:
        validity, data = from_values(values, type, "x").storage.buffers()
        return pa.Array.from_buffers(pa.decimal128(38, 0), len(values), [validity, data])
    if type.equals(BOOLEAN) and lossless:
        return pa.ExtensionArray.from_storage(pa.bool8(), pa.array(values, pa.bool_()).cast(pa.int8()))
    if is_.is_decimal(type) and views and type.precision <= 18:
        small = pa.decimal32 if type.precision <= 9 else pa.decimal64
        return pa.array(values, small(type.precision, type.scale))
    if is_.is_timestamp(type) and type.tz:
        return from_values(values, type, "x").cast(pa.timestamp("us", "Asia/Kathmandu"))
    if is_.is_map(type):
        whole = from_values(values, type, "x")
        keys, items = (child(to_values(a), a.type) for a in (whole.keys, whole.items))
        return pa.MapArray.from_arrays(whole.offsets, keys, items, mask=whole.is_null())
    if is_.is_fixed_size_list(type):
        inner = child([x for v in values for x in ([None] * type.list_size if v is None else v)], type.value_type)
        return pa.FixedSizeListArray.from_arrays(
            inner, type.list_size, mask=pa.array([v is None for v in values], pa.bool_())
        )
    if is_.is_list(type):
        inner = child([x for v in values if v is not None for x in v], type.value_type)
        sizes = [0 if v is None else len(v) for v in values]
        starts = [sum(sizes[:n]) for n in range(len(sizes) + 1)]
        mask = pa.array([v is None for v in values], pa.bool_())
        if views:
            return pa.ListViewArray.from_arrays(
                pa.array(starts[:-1], pa.int32()), pa.array(sizes, pa.int32()), inner, mask=mask
            )
        lists = pa.LargeListArray if large else pa.ListArray
        return lists.from_arrays(pa.array(starts, pa.int64() if large else pa.int32()), inner, mask=mask)
    if is_.is_struct(type):
        inner = [child([None if v is None else v[f.name] for v in values], f.type) for f in type]
        return pa.StructArray.from_arrays(
            inner, [f.name for f in type], mask=pa.array([v is None for v in values], pa.bool_())
        )
    if is_.is_union(type):
        whole = from_values(values, type, "x")
        inner = [child(to_values(whole.field(i)), type.field(i).type) for i in range(type.num_fields)]
        return pa.UnionArray.from_sparse(whole.type_codes, inner, [type.field(i).name for i in range(type.num_fields)])
    return from_values(values, type, "x")


@given(columns(), st.booleans(), st.booleans(), st.booleans())
def test_every_form_becomes_the_declared_one(
    column: tuple[pa.DataType, list[Any]], lossless: bool, large: bool, views: bool
) -> None:
    type, values = column
    if "TIME WITH TIME ZONE" in sql_name(type) or (views and large):
        return
    array = as_it_arrives(from_values(values, type, "x"), lossless=lossless, large=large, views=views)
    assert fits(array.type, type) >= SAME_TYPE
    convert = from_duckdb(array.type, type)
    converted = array if convert is None else convert(array)
    converted.validate(full=True)
    assert converted.type.equals(type)
    assert to_values(converted) == values
    half = array.slice(len(values) // 2)
    assert to_values(half if convert is None else convert(half)) == values[len(values) // 2 :]


@given(columns())
def test_the_form_of_arrival_is_one_for_all_settings(column: tuple[pa.DataType, list[Any]]) -> None:
    type, _ = column
    assert arrival(arrival(type)).equals(arrival(type))
    if "TIME WITH TIME ZONE" not in sql_name(type):
        assert fits(arrival(type), type) >= SAME_TYPE


@pytest.mark.parametrize(
    ("actual", "declared", "quality"),
    [
        (BIGINT, BIGINT, EXACT),
        (LIST(BIGINT), pa.list_(pa.field("l", BIGINT)), EXACT),
        (pa.large_utf8(), VARCHAR, SAME_TYPE),
        (pa.utf8(), UUID, SAME_TYPE),
        (pa.utf8(), JSON, SAME_TYPE),
        (pa.binary_view(), BIT, SAME_TYPE),
        (pa.decimal128(38, 0), UHUGEINT, SAME_TYPE),
        (pa.decimal32(4, 2), DECIMAL(4, 2), SAME_TYPE),
        (pa.timestamp("us", "Europe/Rome"), TIMESTAMPTZ, SAME_TYPE),
        (pa.bool8(), BOOLEAN, SAME_TYPE),
        (pa.dictionary(pa.uint8(), pa.utf8()), VARCHAR, SAME_TYPE),
        (TIME, TIMETZ, SAME_TYPE),
        (pa.json_(pa.large_utf8()), JSON, SAME_TYPE),
        (pa.large_list(pa.large_utf8()), LIST(JSON), SAME_TYPE),
        (pa.struct([("a", pa.utf8())]), STRUCT({"a": UUID}), SAME_TYPE),
        (LIST(INTEGER), LIST(BIGINT), CONVERTIBLE),
        (TINYINT, BIGINT, CONVERTIBLE),
        (UBIGINT, DOUBLE, CONVERTIBLE),
        (BIGINT, DECIMAL(38, 0), CONVERTIBLE),
        (FLOAT, DOUBLE, CONVERTIBLE),
        (ANY, VARCHAR, CONVERTIBLE),
        (VARCHAR, ANY, ANYTHING),
        (BIGINT, INTEGER, NO_FIT),
        (DOUBLE, BIGINT, NO_FIT),
        (DOUBLE, FLOAT, NO_FIT),
        (VARCHAR, BIGINT, NO_FIT),
        (BIGINT, VARCHAR, NO_FIT),
        (VARCHAR, BLOB, NO_FIT),
        (BOOLEAN, BIGINT, NO_FIT),
        (TIMESTAMP, TIMESTAMPTZ, NO_FIT),
        (DATE, TIMESTAMP, NO_FIT),
        (TIMESTAMP_NS, TIMESTAMP, NO_FIT),
        (TIME_NS, TIME, NO_FIT),
        (BLOB, BIGNUM, NO_FIT),
        (HUGEINT, UHUGEINT, NO_FIT),
        (UUID, VARCHAR, NO_FIT),
        (LIST(UUID), LIST(VARCHAR), NO_FIT),
        (BIGINT, HUGEINT, NO_FIT),
        (LIST(VARCHAR), LIST(BIGINT), NO_FIT),
        (LIST(BIGINT), ARRAY(BIGINT, 2), NO_FIT),
        (ARRAY(BIGINT, 3), ARRAY(BIGINT, 2), NO_FIT),
        (STRUCT({"a": BIGINT}), STRUCT({"b": BIGINT}), NO_FIT),
        (STRUCT({"a": BIGINT}), STRUCT({"a": BIGINT, "b": BIGINT}), NO_FIT),
        (STRUCT({"a": BIGINT}), UNION({"a": BIGINT}), NO_FIT),
        (STRUCT({"a": BIGINT}), BIGINT, NO_FIT),
        (MAP(VARCHAR, BIGINT), MAP(BIGINT, BIGINT), NO_FIT),
    ],
    ids=str,
)
def test_fits(actual: pa.DataType, declared: pa.DataType, quality: int) -> None:
    assert fits(actual, declared) == quality
    if quality == NO_FIT:
        with pytest.raises(ArgumentError, match=r"expected .*, got"):
            from_duckdb(actual, declared)


@pytest.mark.parametrize(
    ("actual", "given"),
    [
        (pa.array([True, None]).cast(pa.int8()), BOOLEAN),
        (pa.array([b"\x03\xf5", None], pa.binary_view()), BIT),
        (pa.array(["{}", None], pa.large_utf8()), JSON),
    ],
    ids=str,
)
def test_any_has_one_form_of_extension_types(actual: pa.Array, given: pa.DataType) -> None:
    extension = {
        BOOLEAN: pa.bool8(),
        BIT: pa.opaque(pa.binary_view(), "bit", "DuckDB"),
        JSON: pa.json_(pa.large_utf8()),
    }
    array = pa.ExtensionArray.from_storage(extension[given], actual)
    convert = from_duckdb(array.type, ANY)
    assert convert is not None
    assert convert(array).type == given
    assert to_values(convert(array)) == [{BOOLEAN: True, BIT: "10101", JSON: "{}"}[given], None]


def test_untyped_nulls() -> None:
    for declared in (VARCHAR, UUID, LIST(HUGEINT), UNION({"a": BIGINT})):
        convert = from_duckdb(pa.null(), declared)
        assert convert is not None
        assert to_values(convert(pa.nulls(2))) == [None, None]
        assert convert(pa.nulls(2)).type.equals(declared)


def test_offsets_of_times_are_not_made_up() -> None:
    for actual, declared in ((TIME, TIMETZ), (LIST(TIME), LIST(TIMETZ)), (STRUCT({"t": TIME}), STRUCT({"t": TIMETZ}))):
        with pytest.raises(ArgumentError, match="SET arrow_lossless_conversion = true"):
            from_duckdb(actual, declared)


def test_empty_unions_that_were_read() -> None:
    """They have no buffer of type codes."""
    type = LIST(UNION({"a": BIGINT, "b": VARCHAR}))
    batch = pa.record_batch([from_values([None, []], type, "x")], ["x"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    array = pa.ipc.open_stream(sink.getvalue()).read_next_batch().column(0)
    assert to_values(array) == [None, []]
    convert = from_duckdb(type, LIST(UNION({"a": DOUBLE, "b": VARCHAR})))
    assert convert is not None
    assert to_values(convert(array)) == [None, []]


def test_text_that_is_no_uuid() -> None:
    convert = from_duckdb(VARCHAR, UUID)
    assert convert is not None
    for text in ("x", "1234", "12345678-9abc-def0-1234-56789abcdef0ff"):
        with pytest.raises(ValueError):
            convert(pa.array([text]))


@pytest.mark.parametrize(
    ("returned", "declared", "values"),
    [
        (pa.array([1, None], TINYINT), BIGINT, [1, None]),
        (pa.array([1.0, 2.0]), BIGINT, [1, 2]),
        (pa.array([300], BIGINT), SMALLINT, [300]),
        (pa.array(["a", None], pa.large_utf8()), VARCHAR, ["a", None]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), VARCHAR, ["a", "b", "a"]),
        (pa.array([b"a"], pa.binary(1)), BLOB, [b"a"]),
        (pa.array(["00000000-0000-0000-0000-000000000001", None]), UUID, [1, None]),
        (pa.array([b"\0" * 15 + b"\1"], pa.binary(16)), UUID, [1]),
        (pa.array(["{}"]), JSON, ["{}"]),
        (pa.array(["{}"], pa.json_()), VARCHAR, ["{}"]),
        (pa.array([-5, None]), HUGEINT, [-5, None]),
        (pa.array([(1 << 64) - 1], UBIGINT), UHUGEINT, [(1 << 64) - 1]),
        (pa.array([1_000_000], pa.duration("us")), INTERVAL, [pa.MonthDayNano((0, 0, 10**9))]),
        (pa.array([[b"\0" * 15 + b"\1"]], pa.list_(pa.binary(16))), LIST(UUID), [[1]]),
        (pa.array([["00000000-0000-0000-0000-000000000001", None]]), LIST(UUID), [[1, None]]),
        (pa.array([[Decimal(5), None]], LIST(DECIMAL(38, 0))), LIST(HUGEINT), [[5, None]]),
        (from_values([("a", 1)], UNION({"a": TINYINT}), "x"), UNION({"a": BIGINT}), [("a", 1)]),
    ],
    ids=str,
)
def test_results(returned: pa.Array, declared: pa.DataType, values: list[Any]) -> None:
    result = to_duckdb(returned, declared, "result of f")
    assert result.type.equals(declared)
    found = [v.int if hasattr(v, "int") else v for v in to_values(result)]
    assert [[getattr(i, "int", i) for i in v] if isinstance(v, list) else v for v in found] == values


@pytest.mark.parametrize(
    ("returned", "declared"),
    [
        (pa.array([1.5]), BIGINT),
        (pa.array([300]), TINYINT),
        (pa.array(["x"]), BIGINT),
        (pa.array([1001], TIMESTAMP_NS), TIMESTAMP),
        (pa.array(["1.234"]).cast(DECIMAL(5, 3)), DECIMAL(4, 2)),
        (pa.array(["sixteen letters."]), UUID),
        (pa.array(["sixteen letters."]), HUGEINT),
        (pa.array([1.0]), HUGEINT),
        (pa.array([1], pa.duration("ns")), INTERVAL),
        (pa.array([1]), BIT),
        (pa.array([1]), LIST(BIGINT)),
        (pa.array([[1]]), ARRAY(BIGINT, 2)),
        (pa.array([1]), JSON),
        (pa.array([0], TIME), TIMETZ),
    ],
    ids=str,
)
def test_results_that_do_not_fit(returned: pa.Array, declared: pa.DataType) -> None:
    with pytest.raises(OutputError, match=r"result of f must be .*, got "):
        to_duckdb(returned, declared, "result of f")
