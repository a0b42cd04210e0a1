"""Parameters and results of each type (spec 01, section 17)."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from duckwing.rpc.framing import batch_of_rows

from .wires import Wire

ENUM = pa.dictionary(pa.int16(), pa.utf8())
UTC = datetime.UTC


class Form(NamedTuple):
    """A type on the wire, and values of it."""

    type: pa.DataType
    values: st.SearchStrategy[Any]


def signed(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def unsigned(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**bits - 1)


def timestamps(seconds: int) -> st.SearchStrategy[int]:
    """Counts of a unit since 1970, of years that Python's ``datetime`` has, or 64 bits if these are fewer."""
    return st.integers(-60_000_000_000, 250_000_000_000).map(lambda value: value * seconds)


def list_of(item: pa.DataType) -> pa.DataType:
    return pa.list_(pa.field("item", item))


def map_of(key: pa.DataType, value: pa.DataType) -> pa.DataType:
    return pa.map_(key, pa.field("value", value))


TEXT = st.text(max_size=20)
COLORS = st.sampled_from(["RED", "green", "DARK_BLUE"])
DECIMAL128 = st.decimals(min_value=-(10**27), max_value=10**27, places=10)
DAY = 86_400

# Nanoseconds that are no microseconds have no Python value without pandas.
FORMS = {
    "bool": Form(pa.bool_(), st.booleans()),
    "int8": Form(pa.int8(), signed(8)),
    "int16": Form(pa.int16(), signed(16)),
    "int32": Form(pa.int32(), signed(32)),
    "int64": Form(pa.int64(), signed(64)),
    "uint8": Form(pa.uint8(), unsigned(8)),
    "uint16": Form(pa.uint16(), unsigned(16)),
    "uint32": Form(pa.uint32(), unsigned(32)),
    "uint64": Form(pa.uint64(), unsigned(64)),
    "float16": Form(pa.float16(), st.floats(width=16)),
    "float32": Form(pa.float32(), st.floats(width=32)),
    "float64": Form(pa.float64(), st.floats()),
    "utf8": Form(pa.utf8(), TEXT),
    "large_utf8": Form(pa.large_utf8(), TEXT),
    "binary": Form(pa.binary(), st.binary(max_size=50)),
    "large_binary": Form(pa.large_binary(), st.binary(max_size=50)),
    "fixed_size_binary": Form(pa.binary(4), st.binary(min_size=4, max_size=4)),
    "date32": Form(pa.date32(), st.dates()),
    "date64": Form(pa.date64(), st.dates()),
    "time32_s": Form(pa.time32("s"), st.integers(0, DAY - 1)),
    "time32_ms": Form(pa.time32("ms"), st.integers(0, DAY * 10**3 - 1)),
    "time64_us": Form(pa.time64("us"), st.integers(0, DAY * 10**6 - 1)),
    "time64_ns": Form(pa.time64("ns"), st.integers(0, DAY * 10**6 - 1).map(lambda value: value * 1000)),
    "timestamp_s": Form(pa.timestamp("s"), timestamps(1)),
    "timestamp_ms": Form(pa.timestamp("ms"), timestamps(10**3)),
    "timestamp_us": Form(pa.timestamp("us"), timestamps(10**6)),
    "timestamp_ns": Form(pa.timestamp("ns"), st.integers(-9 * 10**15, 9 * 10**15).map(lambda value: value * 1000)),
    "timestamp_utc": Form(pa.timestamp("us", "UTC"), timestamps(10**6)),
    "duration_s": Form(pa.duration("s"), st.integers(-(10**10), 10**10)),
    "duration_ms": Form(pa.duration("ms"), st.integers(-(10**13), 10**13)),
    "duration_us": Form(pa.duration("us"), st.integers(-(10**16), 10**16)),
    "duration_ns": Form(pa.duration("ns"), st.integers(-(10**15), 10**15).map(lambda value: value * 1000)),
    "decimal128": Form(pa.decimal128(38, 10), DECIMAL128),
    "decimal256": Form(pa.decimal256(60, 5), st.decimals(min_value=-(10**50), max_value=10**50, places=5)),
    "dictionary": Form(pa.dictionary(pa.int32(), pa.utf8()), TEXT),
    "newtype": Form(pa.int64(), signed(64)),
    "enum": Form(ENUM, COLORS),
    "list_int64": Form(list_of(pa.int64()), st.lists(signed(64), max_size=5)),
    "list_optional": Form(list_of(pa.int64()), st.lists(st.none() | signed(64), max_size=5)),
    "list_float32": Form(list_of(pa.float32()), st.lists(st.floats(width=32), max_size=5)),
    "list_list": Form(list_of(list_of(pa.utf8())), st.lists(st.lists(TEXT, max_size=3), max_size=3)),
    "list_enum": Form(list_of(ENUM), st.lists(COLORS, max_size=5)),
    "list_map": Form(
        list_of(map_of(pa.utf8(), pa.int64())),
        st.lists(st.dictionaries(TEXT, signed(64), max_size=3).map(lambda value: list(value.items())), max_size=3),
    ),
    "map_int64": Form(
        map_of(pa.utf8(), pa.int64()), st.dictionaries(TEXT, signed(64), max_size=5).map(lambda m: list(m.items()))
    ),
    "map_optional": Form(
        map_of(pa.utf8(), pa.utf8()),
        st.dictionaries(TEXT, st.none() | TEXT, max_size=5).map(lambda m: list(m.items())),
    ),
    "map_numbers": Form(
        map_of(pa.int64(), pa.int32()),
        st.dictionaries(signed(64), signed(32), max_size=5).map(lambda m: list(m.items())),
    ),
    "fixed_size_list": Form(pa.list_(pa.int16(), 3), st.lists(signed(16), min_size=3, max_size=3)),
    "struct": Form(
        pa.struct([pa.field("a", pa.int64()), pa.field("b", pa.list_(pa.utf8()))]),
        st.fixed_dictionaries({"a": st.none() | signed(64), "b": st.none() | st.lists(TEXT, max_size=3)}),
    ),
}


def one(type: pa.DataType, value: Any, *, nullable: bool = False) -> pa.RecordBatch:
    """The parameters of an echo."""
    array = pa.nulls(1, type) if value is None else pa.array([value], type)
    return pa.RecordBatch.from_arrays([array], schema=pa.schema([pa.field("value", type, nullable)]))


def printed(array: pa.Array) -> str:
    """What NaN is equal to itself in."""
    return repr(array.to_pylist())


FEW = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.mark.parametrize("name", FORMS)
def test_any_value_comes_back(wire: Wire, name: str) -> None:
    form = FORMS[name]

    @FEW
    @given(form.values)
    def check(value: Any) -> None:
        sent = one(form.type, value)
        reply = wire.call(f"echo_{name}", sent)
        assert reply.error is None, reply.error
        assert reply.schema.equals(pa.schema([pa.field("result", form.type, nullable=False)]))
        assert printed(reply.result) == printed(sent.column(0))

    check()


@pytest.mark.parametrize("name", FORMS)
def test_any_value_or_none_comes_back(wire: Wire, name: str) -> None:
    form = FORMS[name]

    @FEW
    @example(None)
    @given(st.none() | form.values)
    def check(value: Any) -> None:
        sent = one(form.type, value, nullable=True)
        reply = wire.call(f"echo_{name}_or_none", sent)
        assert reply.error is None, reply.error
        assert reply.schema.equals(pa.schema([pa.field("result", form.type, nullable=True)]))
        assert printed(reply.result) == printed(sent.column(0))

    check()


@pytest.mark.parametrize("name", FORMS)
def test_none_where_it_must_not_be(wire: Wire, name: str) -> None:
    form = FORMS[name]
    reply = wire.call(f"echo_{name}", one(form.type, None))
    assert reply.error is not None
    assert (reply.error.type, reply.error.kind) == ("TypeError", None)
    assert reply.error.message == f"parameters of method 'echo_{name}': Value_{name}.value must not be null"


EDGES: list[tuple[str, Any]] = [
    *((f"int{bits}", edge) for bits in (8, 16, 32, 64) for edge in (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)),
    *((f"uint{bits}", edge) for bits in (8, 16, 32, 64) for edge in (0, 2**bits - 1)),
    *((f"float{bits}", edge) for bits in (16, 32, 64) for edge in (math.inf, -math.inf, math.nan, -0.0)),
    ("float64", 5e-324),
    ("float64", 1.7976931348623157e308),
    ("utf8", ""),
    ("utf8", "\0"),
    ("utf8", "\N{DUCK} Größe\r\n"),
    ("binary", b""),
    ("binary", b"\x00\xff\xff\xff\xff\x00\x00\x00\x00"),
    ("date32", datetime.date.min),
    ("date32", datetime.date.max),
    ("timestamp_us", datetime.datetime.min),
    ("timestamp_us", datetime.datetime.max),
    ("timestamp_utc", datetime.datetime(2024, 2, 29, 12, 30, 0, 1, UTC)),
    ("time64_us", datetime.time.max),
    ("duration_us", datetime.timedelta(microseconds=-1)),
    ("decimal128", Decimal("-" + "9" * 28 + "." + "9" * 10)),
    ("decimal256", Decimal("1" * 55 + ".00001")),
    ("list_int64", []),
    ("list_optional", [None]),
    ("list_list", [[], ["", "a"]]),
    ("map_optional", [("", None)]),
]


@pytest.mark.parametrize(("name", "value"), EDGES, ids=lambda part: repr(part)[:30])
def test_edges_of_the_range(wire: Wire, name: str, value: Any) -> None:
    sent = one(FORMS[name].type, value)
    assert printed(wire.call(f"echo_{name}", sent).result) == printed(sent.column(0))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time64_ns", 1_999),
        ("timestamp_ns", 1),
        ("duration_ns", -1),
        ("date64", 1),
        ("time64_us", DAY * 10**6),
        ("time64_ns", DAY * 10**9),
    ],
)
def test_a_value_that_python_does_not_have_is_refused(wire: Wire, name: str, value: int) -> None:
    """It must not become another one."""
    type = FORMS[name].type
    column = pa.array([value], pa.int64()).view(type)
    reply = wire.call(
        f"echo_{name}",
        pa.RecordBatch.from_arrays([column], schema=pa.schema([pa.field("value", type, nullable=False)])),
    )
    assert reply.error is not None
    assert reply.error.type == "TypeError"
    assert f"Value_{name}.value cannot be read" in reply.error.message


@pytest.mark.parametrize("name", ["set_int64", "frozenset_utf8"])
def test_sets_are_lists_in_any_order(wire: Wire, name: str) -> None:
    values: list[Any] = [3, 1, 2, 3] if name == "set_int64" else ["b", "a", "b"]
    type = list_of(pa.int64() if name == "set_int64" else pa.utf8())
    reply = wire.call(f"echo_{name}", one(type, values))
    assert reply.schema.equals(pa.schema([pa.field("result", type, nullable=False)]))
    assert sorted(reply.result[0].as_py()) == sorted(set(values))


def test_an_enum_travels_by_name(wire: Wire) -> None:
    """Whether the dictionary has that one name or all of them (section 17.2)."""
    whole = pa.DictionaryArray.from_arrays(pa.array([2], pa.int16()), ["RED", "green", "DARK_BLUE"])
    sent = pa.RecordBatch.from_arrays([whole], schema=pa.schema([pa.field("value", ENUM, nullable=False)]))
    assert wire.call("echo_enum", sent).result.to_pylist() == ["DARK_BLUE"]
    reply = wire.call("echo_enum", one(ENUM, "PINK"))
    assert reply.error is not None
    assert reply.error.type == "TypeError"
    assert "Value_enum.value cannot be read" in reply.error.message


DEFAULTS = pa.schema(
    [
        pa.field("required", pa.int64(), nullable=False),
        pa.field("number", pa.int64(), nullable=False),
        pa.field("text", pa.utf8(), nullable=False),
        pa.field("color", ENUM, nullable=False),
        pa.field("note", pa.utf8()),
        pa.field("level", pa.float64()),
    ]
)


def defaults(*values: Any) -> pa.RecordBatch:
    arrays = [
        pa.nulls(1, field.type) if value is None else pa.array([value], field.type)
        for field, value in zip(DEFAULTS, values, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=DEFAULTS)


def test_null_takes_the_default(wire: Wire) -> None:
    """A client sends all columns (section 4)."""
    reply = wire.call("defaults", defaults(1, None, None, None, None, None))
    assert unpacked(reply.result) == {
        "required": 1, "number": 7, "text": "seven", "color": "green", "note": None, "level": 0.5
    }  # fmt: skip
    reply = wire.call("defaults", defaults(1, 2, "", "RED", "n", 0.0))
    assert unpacked(reply.result) == {
        "required": 1, "number": 2, "text": "", "color": "RED", "note": "n", "level": 0.0
    }  # fmt: skip
    reply = wire.call("defaults", defaults(None, 2, "", "RED", "n", 0.0))
    assert reply.error is not None
    assert (reply.error.type, reply.error.message) == (
        "TypeError",
        "parameters of method 'defaults': Defaults.required must not be null",
    )


def unpacked(array: pa.Array) -> dict[str, Any]:
    """The record in a result."""
    [row] = pa.ipc.open_stream(array[0].as_py()).read_all().to_pylist()
    fields: dict[str, Any] = row
    return fields


@pytest.mark.parametrize("rows", [0, 1])
def test_no_parameters(wire: Wire, rows: int) -> None:
    """A request without columns has one row; none is taken too (section 4)."""
    reply = wire.call("no_parameters", batch_of_rows(rows))
    assert reply.schema.equals(pa.schema([pa.field("result", pa.utf8(), nullable=False)]))
    assert reply.result.to_pylist() == ["there were none"]


def test_no_result(wire: Wire) -> None:
    reply = wire.call("nothing")
    [batch] = reply.batches
    assert (reply.error, len(reply.schema), batch.data.num_rows, batch.data.num_columns) == (None, 0, 0, 0)


@pytest.mark.parametrize(
    "parameters",
    [
        batch_of_rows(1),
        one(pa.int32(), 1),
        one(pa.int64(), 1, nullable=True),
        pa.record_batch([pa.array([1])], schema=pa.schema([pa.field("valu", pa.int64(), nullable=False)])),
        pa.record_batch(
            [pa.array([1]), pa.array([1])],
            schema=pa.schema([pa.field(name, pa.int64(), nullable=False) for name in ("value", "more")]),
        ),
    ],
    ids=["none", "type", "nullable", "name", "number"],
)
def test_other_parameters(wire: Wire, parameters: pa.RecordBatch) -> None:
    reply = wire.call("echo_int64", parameters)
    assert reply.error is not None
    assert reply.error.type == "ProtocolError"
    assert reply.error.message.startswith(
        "Parameter schema mismatch for method 'echo_int64': expected (value: int64 not null), got ("
    )


@pytest.mark.parametrize("rows", [0, 2])
def test_other_than_one_row(wire: Wire, rows: int) -> None:
    schema = pa.schema([pa.field("value", pa.int64(), nullable=False)])
    reply = wire.call("echo_int64", pa.record_batch([pa.array([1] * rows, pa.int64())], schema=schema))
    assert reply.error is not None
    assert reply.error.type == "ProtocolError"
    assert reply.error.message.startswith(f"Expected 1 row in request batch, got {rows}.")


@pytest.mark.parametrize("size", [1 << 22, pytest.param(1 << 26, marks=pytest.mark.full)])
def test_very_large_values(wire: Wire, size: int) -> None:
    data = bytes(range(256)) * (size >> 8)
    assert wire.call("echo_binary", one(pa.binary(), data)).result[0].as_buffer().equals(pa.py_buffer(data))
    text = "\N{DUCK}" * (size >> 3)
    assert wire.call("echo_utf8", one(pa.utf8(), text)).result[0].as_py() == text
    made = pa.record_batch([pa.array([size])], schema=pa.schema([pa.field("bytes", pa.int64(), nullable=False)]))
    assert wire.call("make_binary", made).result[0].as_buffer().equals(pa.py_buffer(data))
    numbers = list(range(size >> 8))
    assert wire.call("echo_list_int64", one(list_of(pa.int64()), numbers)).result[0].as_py() == numbers
