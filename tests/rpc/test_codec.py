"""Dataclasses as Arrow records and back (spec 01, section 17)."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckwing.rpc.codec import (
    EMPTY_MAP,
    NESTED,
    decode,
    decode_schema,
    encode,
    encode_schema,
    from_batch,
    result_type,
    schema_of,
    to_batch,
    value_type,
)
from duckwing.rpc.errors import CodecError, MalformedMessage
from duckwing.rpc.framing import Batch, batch_of_rows, stream_buffers

from .toy import joined

pytestmark = pytest.mark.timeout(60)


class Mode(enum.Enum):
    READ = "r"
    WRITE = "w"
    lower_case = "l"


@dataclass(frozen=True)
class Inner:
    number: int
    text: str | None = None
    mode: Mode | None = None


@dataclass(frozen=True)
class Outer:
    text: str
    data: bytes
    number: int
    ratio: float
    flag: bool
    maybe_text: str | None
    maybe_number: int | None
    texts: list[str]
    numbers: tuple[int | None, ...]
    blobs: list[bytes] | None
    table: dict[str, int]
    tags: Mapping[str, str | None]
    mode: Mode
    maybe_mode: Mode | None
    modes: tuple[Mode, ...]
    inner: Inner
    maybe_inner: Inner | None
    inners: tuple[Inner, ...]
    nested: Annotated[Inner, NESTED]
    maybe_nested: Annotated[Inner, NESTED] | None
    nesteds: tuple[Annotated[Inner, NESTED], ...]
    schema: pa.Schema
    batch: pa.RecordBatch | None
    small: Annotated[int, pa.uint8()]
    single: Annotated[float, pa.float32()]
    price: Annotated[Decimal, pa.decimal128(12, 2)]
    day: Annotated[date, pa.date32()]
    moment: Annotated[datetime, pa.timestamp("us", "UTC")] | None


SCHEMA = pa.schema(
    [
        pa.field("text", pa.utf8(), nullable=False),
        pa.field("data", pa.binary(), nullable=False),
        pa.field("number", pa.int64(), nullable=False),
        pa.field("ratio", pa.float64(), nullable=False),
        pa.field("flag", pa.bool_(), nullable=False),
        pa.field("maybe_text", pa.utf8()),
        pa.field("maybe_number", pa.int64()),
        pa.field("texts", pa.list_(pa.field("item", pa.utf8())), nullable=False),
        pa.field("numbers", pa.list_(pa.field("item", pa.int64())), nullable=False),
        pa.field("blobs", pa.list_(pa.field("item", pa.binary()))),
        pa.field("table", pa.map_(pa.utf8(), pa.int64()), nullable=False),
        pa.field("tags", pa.map_(pa.utf8(), pa.utf8()), nullable=False),
        pa.field("mode", pa.dictionary(pa.int16(), pa.utf8()), nullable=False),
        pa.field("maybe_mode", pa.dictionary(pa.int16(), pa.utf8())),
        pa.field("modes", pa.list_(pa.dictionary(pa.int16(), pa.utf8())), nullable=False),
        pa.field("inner", (inner := pa.struct(list(schema_of(Inner)))), nullable=False),
        pa.field("maybe_inner", inner),
        pa.field("inners", pa.list_(inner), nullable=False),
        pa.field("nested", pa.binary(), nullable=False),
        pa.field("maybe_nested", pa.binary()),
        pa.field("nesteds", pa.list_(pa.binary()), nullable=False),
        pa.field("schema", pa.binary(), nullable=False),
        pa.field("batch", pa.binary()),
        pa.field("small", pa.uint8(), nullable=False),
        pa.field("single", pa.float32(), nullable=False),
        pa.field("price", pa.decimal128(12, 2), nullable=False),
        pa.field("day", pa.date32(), nullable=False),
        pa.field("moment", pa.timestamp("us", "UTC")),
    ]
)

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
INNERS = st.builds(Inner, number=INT64, text=st.none() | TEXT, mode=st.none() | st.sampled_from(Mode))
SCHEMAS = st.lists(st.tuples(TEXT, st.sampled_from([pa.int8(), pa.utf8(), pa.list_(pa.null())])), max_size=3).map(
    lambda fields: pa.schema([pa.field(name, type, metadata={"k": name}) for name, type in fields])
)
BATCHES = st.lists(INT64, max_size=4).map(lambda values: pa.record_batch({"v": pa.array(values, pa.int64())}))
OUTERS = st.builds(
    Outer,
    text=TEXT,
    data=st.binary(max_size=8),
    number=INT64,
    ratio=st.floats(allow_nan=False),
    flag=st.booleans(),
    maybe_text=st.none() | TEXT,
    maybe_number=st.none() | INT64,
    texts=st.lists(TEXT, max_size=3),
    numbers=st.lists(st.none() | INT64, max_size=3).map(tuple),
    blobs=st.none() | st.lists(st.binary(max_size=4), max_size=3),
    table=st.dictionaries(TEXT, INT64, max_size=3),
    tags=st.dictionaries(TEXT, st.none() | TEXT, max_size=3),
    mode=st.sampled_from(Mode),
    maybe_mode=st.none() | st.sampled_from(Mode),
    modes=st.lists(st.sampled_from(Mode), max_size=3).map(tuple),
    inner=INNERS,
    maybe_inner=st.none() | INNERS,
    inners=st.lists(INNERS, max_size=3).map(tuple),
    nested=INNERS,
    maybe_nested=st.none() | INNERS,
    nesteds=st.lists(INNERS, max_size=2).map(tuple),
    schema=SCHEMAS,
    batch=st.none() | BATCHES,
    small=st.integers(0, 255),
    single=st.floats(width=32, allow_nan=False),
    price=st.decimals(-(10**9), 10**9, places=2),
    day=st.dates(),
    moment=st.none() | st.datetimes(min_value=datetime(1700, 1, 1), timezones=st.just(UTC)),
)


def test_schema_of_every_form() -> None:
    assert schema_of(Outer).equals(SCHEMA)


@given(OUTERS)
@settings(max_examples=80, deadline=None)
def test_every_form_comes_back(record: Outer) -> None:
    batch = to_batch(record)
    assert batch.schema.equals(SCHEMA)
    assert batch.num_rows == 1
    batch.validate(full=True)
    again = decode(Outer, encode(record))
    assert again == record
    for field in ("texts", "numbers", "table", "inners"):
        assert type(getattr(again, field)) is type(getattr(record, field))
    assert again.schema.equals(record.schema, check_metadata=True)


def test_not_a_number_and_infinity() -> None:
    @dataclass(frozen=True)
    class Float:
        value: float

    assert math.isnan(decode(Float, encode(Float(math.nan))).value)
    assert decode(Float, encode(Float(-math.inf))).value == -math.inf


def test_encoded_records_are_plain_arrow() -> None:
    reader = pa.ipc.open_stream(encode(Inner(7, "x", Mode.WRITE)))
    assert reader.read_all().to_pylist() == [{"number": 7, "text": "x", "mode": "WRITE"}]


# What a peer may send otherwise


def test_unknown_fields_are_ignored_and_order_is_free() -> None:
    batch = pa.record_batch({"new": pa.array([[1]]), "text": pa.array(["x"]), "number": pa.array([7])})
    assert from_batch(Inner, batch) == Inner(7, "x", None)


def test_absent_fields_take_their_default_or_null() -> None:
    @dataclass(frozen=True)
    class Later:
        number: int
        since: int = 3
        note: str | None = None
        other: str | None = "x"
        tags: Mapping[str, str] = EMPTY_MAP
        required_nullable: Annotated[str | None, "no default"] = None

    assert from_batch(Later, pa.record_batch({"number": pa.array([7])})) == Later(7)


@dataclass(frozen=True)
class Child:
    a: int
    b: int = 5
    c: str | None = None


@dataclass(frozen=True)
class Parent:
    child: Child


def test_absent_fields_of_structs_take_their_default_or_null() -> None:
    old = pa.array([{"a": 1, "unknown": 9}])
    assert from_batch(Parent, pa.record_batch({"child": old})) == Parent(Child(1))
    with pytest.raises(CodecError, match=r"Child\.a is missing"):
        from_batch(Parent, pa.record_batch({"child": pa.array([{"b": 1}])}))


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array(["WRITE"]), Mode.WRITE),
        (pa.array(["write"]), Mode.WRITE),
        (pa.array(["lower_case"]), Mode.lower_case),
        (pa.array(["READ"]).dictionary_encode(), Mode.READ),
        (pa.DictionaryArray.from_arrays(pa.array([2], pa.int8()), ["READ", "x", "WRITE"]), Mode.WRITE),
        (pa.array([None], pa.dictionary(pa.int16(), pa.utf8())), None),
    ],
)
def test_enums_in_other_clothes(array: pa.Array, expected: Mode | None) -> None:
    assert from_batch(Inner, pa.record_batch({"number": pa.array([1]), "mode": array})).mode == expected


def test_names_of_list_items_and_map_entries_are_free() -> None:
    @dataclass(frozen=True)
    class Free:
        items: list[int]
        table: dict[str, int]

    items = pa.array([[1, 2]], pa.list_(pa.field("element", pa.int64(), nullable=False)))
    table = pa.array([[("a", 1)]], pa.map_(pa.field("k", pa.utf8(), nullable=False), pa.field("v", pa.int64())))
    assert from_batch(Free, pa.record_batch({"items": items, "table": table})) == Free([1, 2], {"a": 1})


def test_schemas_may_be_a_message_or_a_stream() -> None:
    schema = pa.schema([pa.field("x", pa.int8(), metadata={"k": "v"})])
    assert encode_schema(schema) == schema.serialize().to_pybytes()
    assert len(encode_schema(pa.schema([]))) == 56
    for data in (encode_schema(schema), joined(stream_buffers(schema, []))):
        assert decode_schema(data).equals(schema, check_metadata=True)


@dataclass(frozen=True)
class Defaults:
    name: str
    title: str | None = None
    parts: tuple[int, ...] = ()
    tags: Mapping[str, str | None] = EMPTY_MAP
    mode: Mode = Mode.READ
    count: int = 1000


def test_a_default_is_written_like_an_equal_value() -> None:
    spelt_out = Defaults("x", None, tuple(list[int]()), {}, Mode("r"), int("1000"))
    assert encode(Defaults("x")) == encode(spelt_out)
    assert decode(Defaults, encode(Defaults("x"))) == spelt_out
    changed = Defaults("x", "y", (1,), {"a": "b"}, count=1001)
    assert decode(Defaults, encode(changed)) == changed


def test_record_without_fields() -> None:
    @dataclass(frozen=True)
    class Nothing:
        pass

    batch = to_batch(Nothing())
    assert (batch.num_rows, batch.num_columns) == (1, 0)
    assert decode(Nothing, encode(Nothing())) == Nothing()
    assert from_batch(Nothing, batch_of_rows(0)) == Nothing()


# What is refused


def one(**columns: Any) -> pa.RecordBatch:
    return pa.record_batch({name: pa.array([value]) for name, value in columns.items()})


@dataclass(frozen=True)
class Containers:
    numbers: tuple[int, ...] = ()
    table: Mapping[str, int] = EMPTY_MAP
    inner: Inner | None = None
    inners: tuple[Inner, ...] = ()
    nested: Annotated[Inner, NESTED] | None = None
    schema: pa.Schema | None = None
    moment: Annotated[datetime, pa.timestamp("us", "UTC")] | None = None


@pytest.mark.parametrize(
    ("cls", "batch", "message"),
    [
        (Inner, one(text="x"), "Inner.number is missing"),
        (Inner, one(number="7"), "Inner.number must be int64, got string"),
        (Inner, pa.record_batch({"number": pa.array([7], pa.int32())}), "Inner.number must be int64, got int32"),
        (Inner, one(number=1.5), "Inner.number must be int64, got double"),
        (Inner, pa.record_batch({"number": pa.nulls(1, pa.int64())}), "Inner.number must not be null"),
        (Inner, pa.record_batch({"number": pa.nulls(1)}), "Inner.number must be int64, got null"),
        (Inner, pa.record_batch({"number": pa.array([1, 2])}), "Inner must have exactly one row, got 2"),
        (Inner, pa.record_batch({"number": pa.array([], pa.int64())}), "Inner must have exactly one row, got 0"),
        (Inner, pa.RecordBatch.from_arrays([pa.array([1])] * 2, ["number"] * 2), "Inner has a field twice"),
        (Inner, one(number=1, mode="EXECUTE"), "Inner.mode cannot be read"),
        (Inner, one(number=1, mode=5), "Inner.mode must be dictionary"),
        (Containers, one(numbers=["x"]), "Containers.numbers must be list<item: int64>, got list<item: string>"),
        (Containers, one(numbers=[None]), "Containers.numbers must be list<item: int64>, got list<item: null>"),
        (Containers, one(table={"a": 1}), "Containers.table must be map<string, int64>, got struct<a: int64>"),
        (Containers, one(inner={"number": "x"}), "Containers.inner must be struct<"),
        (Containers, one(inner={"text": "x"}), "Inner.number is missing"),
        (Containers, one(inner={"number": 1, "mode": "EXECUTE"}), "Containers.inner cannot be read"),
        (
            Containers,
            pa.record_batch({"inner": pa.array([{"number": None}], pa.struct([("number", pa.int64())]))}),
            "Inner.number must not be null",
        ),
        (
            Containers,
            pa.record_batch({"inners": pa.array([[{}]], pa.list_(pa.struct([])))}),
            "Containers.inners must be list<",
        ),
        (
            Containers,
            pa.record_batch({"table": pa.array([[(1, 1)]], pa.map_(pa.int8(), pa.int64()))}),
            "Containers.table must be map<",
        ),
        (
            Containers,
            pa.record_batch(
                {
                    "inner": pa.StructArray.from_arrays(
                        [pa.array([1]), pa.array([2])], fields=[pa.field("number", pa.int64())] * 2
                    )
                }
            ),
            "Containers.inner",
        ),
        (Containers, one(nested=b"no Arrow"), "Containers.nested cannot be read"),
        (Containers, one(nested=encode_schema(schema_of(Inner))), "Inner must have exactly one row, got 0"),
        (Containers, one(schema=b""), "Containers.schema cannot be read"),
        (
            Containers,
            pa.record_batch({"moment": pa.array([2**63 - 1], pa.timestamp("us", "UTC"))}),
            "Containers.moment cannot be read",
        ),
    ],
)
def test_batches_that_are_no_record(cls: type[Any], batch: pa.RecordBatch, message: str) -> None:
    with pytest.raises(CodecError) as caught:
        from_batch(cls, batch)
    assert message in str(caught.value)
    with pytest.raises(CodecError):
        decode(cls, joined(stream_buffers(batch.schema, [Batch(batch)])))


def test_streams_of_several_batches_are_no_record() -> None:
    batch = one(number=1)
    with pytest.raises(MalformedMessage, match="one batch, got 2"):
        decode(Inner, joined(stream_buffers(batch.schema, [Batch(batch), Batch(batch)])))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (Inner(None), "Inner.number must not be null"),  # type: ignore[arg-type]
        (Inner("7"), "Inner.number cannot be written as int64"),  # type: ignore[arg-type]
        (Inner(1.5), "Inner.number cannot be written as int64"),  # type: ignore[arg-type]
        (Inner(2**63), "Inner.number cannot be written as int64"),
        (Inner(1, 5), "Inner.text cannot be written as string"),  # type: ignore[arg-type]
        (Inner(1, "\ud800"), "Inner.text cannot be written as string"),
        (Inner(1, None, "READ"), "Inner.mode cannot be written as dictionary"),  # type: ignore[arg-type]
        (Containers(numbers=(1, 2.5)), "Containers.numbers cannot be written"),  # type: ignore[arg-type]
        (Containers(numbers="12"), "Containers.numbers cannot be written"),  # type: ignore[arg-type]
        (Containers(numbers=5), "Containers.numbers cannot be written"),  # type: ignore[arg-type]
        (Containers(table={"a": 0.5}), "Containers.table cannot be written"),  # type: ignore[dict-item]
        (Containers(table={1: 1}), "Containers.table cannot be written"),  # type: ignore[dict-item]
        (Containers(table=[1]), "Containers.table cannot be written"),  # type: ignore[arg-type]
        (Containers(inner=Inner(None)), "Inner.number must not be null"),  # type: ignore[arg-type]
        (Containers(inner=Mode.READ), "Containers.inner cannot be written"),  # type: ignore[arg-type]
        (Containers(nested=5), "Containers.nested cannot be written"),  # type: ignore[arg-type]
    ],
)
def test_records_that_cannot_be_written(record: Any, message: str) -> None:
    with pytest.raises(CodecError) as caught:
        encode(record)
    assert message in str(caught.value)


def test_what_the_class_itself_refuses() -> None:
    @dataclass(frozen=True)
    class Positive:
        number: int

        def __post_init__(self) -> None:
            if self.number <= 0:
                raise ValueError("must be positive")

    with pytest.raises(CodecError, match="Positive cannot be made: must be positive"):
        from_batch(Positive, one(number=0))


@pytest.mark.parametrize(
    "annotation", [str | int, str | int | None, None, object, tuple[int, str], dict[str, Mode], set[object]]
)
def test_annotations_without_arrow_form(annotation: Any) -> None:
    with pytest.raises(TypeError):
        value_type(annotation)


@pytest.mark.parametrize(
    ("annotation", "type", "nullable"),
    [
        (int, pa.int64(), False),
        (int | None, pa.int64(), True),
        (Inner, pa.binary(), False),
        (Inner | None, pa.binary(), True),
        (list[str], pa.list_(pa.utf8()), False),
        (list[Inner], pa.list_(value_type(Inner).type), False),
        (pa.Schema, pa.binary(), False),
    ],
)
def test_results(annotation: Any, type: pa.DataType, nullable: bool) -> None:
    form = result_type(annotation)
    assert (form.type, form.nullable) == (type, nullable)


def test_results_come_back() -> None:
    form = result_type(Inner | None)
    for value in (Inner(7, "x", Mode.READ), None):
        assert form.value(form.array(value, "result"), "result") == value
