"""Values as bytes and back: equal, and of the same type."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import math
import struct
import types
import typing
import uuid
import zoneinfo
from collections import namedtuple
from typing import Annotated, Any, Literal, NamedTuple, NewType

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from duckwing.errors import StateError
from duckwing.state.values import codec, dump_fields, dump_value, load_fields, load_value


def same(first: Any, second: Any) -> bool:
    """Whether nobody could tell the two apart: types, time zones and NaN included."""
    if type(first) is not type(second):
        return False
    if isinstance(first, float):
        return bool(struct.pack("d", first) == struct.pack("d", second) or (math.isnan(first) and math.isnan(second)))
    if isinstance(first, (np.ndarray, np.generic)) and isinstance(second, (np.ndarray, np.generic)):
        return bool((first.dtype, first.shape) == (second.dtype, second.shape) and first.tobytes() == second.tobytes())
    if isinstance(first, decimal.Decimal):
        return bool(first.as_tuple() == second.as_tuple())
    if isinstance(first, (datetime.datetime, datetime.time)):
        return repr(first) == repr(second)
    if isinstance(first, dict):
        return same(list(first.items()), list(second.items()))
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    if dataclasses.is_dataclass(first):
        return all(same(getattr(first, f.name), getattr(second, f.name)) for f in dataclasses.fields(first))
    return bool(first == second)


class Colour(enum.Enum):
    RED = "r"
    BLUE = ("b", 2)


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Right(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: float | None = None


@dataclasses.dataclass
class Node:
    name: str
    children: list[Node] = dataclasses.field(default_factory=list)
    where: Point | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    items: tuple[int, ...]
    made: int = dataclasses.field(init=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "made", self.made + 1)


Loose = namedtuple("Loose", ["a", "b"])
Id = NewType("Id", int)

TEXT = st.text(st.characters(exclude_categories=[])) | st.text("\ud83d\ude00a")
INTEGERS = st.integers() | st.sampled_from([2**63, -(2**63), -(2**63) - 1, 10**4000])
ZONES = st.none() | st.sampled_from(
    [
        datetime.UTC,
        datetime.timezone(datetime.timedelta(hours=-5, microseconds=3), "odd"),
        zoneinfo.ZoneInfo("Europe/Zurich"),
    ]
)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    int: INTEGERS | st.booleans(),
    float: st.floats() | st.integers(),
    str: TEXT,
    bool: st.booleans(),
    None: st.none(),
    bytes: st.binary(),
    bytearray: st.builds(bytearray, st.binary()),
    datetime.date: st.dates(),
    datetime.time: st.times(timezones=ZONES) | st.builds(datetime.time, fold=st.integers(0, 1)),
    datetime.datetime: st.datetimes(timezones=ZONES, allow_imaginary=True),
    datetime.timedelta: st.timedeltas(),
    decimal.Decimal: st.decimals() | st.just(decimal.Decimal("-sNaN12")) | st.just(decimal.Decimal("1E+999")),
    uuid.UUID: st.uuids(),
    pa.MonthDayNano: st.builds(
        lambda *parts: pa.MonthDayNano(parts),
        st.integers(-(2**31), 2**31 - 1),
        st.integers(-(2**31), 2**31 - 1),
        st.integers(-(2**63), 2**63 - 1),
    ),
}
HASHABLE = [int, str, bytes, datetime.date, uuid.UUID]


Field = tuple[Any, st.SearchStrategy[Any]]


def annotated(inner: st.SearchStrategy[Field]) -> st.SearchStrategy[Field]:
    """Annotations made of those of ``inner``, each with a strategy for its values."""

    def make(first: Field, second: Field, key: Any) -> list[Field]:
        (kind, values), (other, others) = first, second
        generic: Any = types.GenericAlias
        return [
            (generic(list, (kind,)), st.lists(values, max_size=3)),
            (generic(tuple, (kind, ...)), st.lists(values, max_size=3).map(tuple)),
            (generic(tuple, (kind, other)), st.tuples(values, others)),
            (generic(dict, (key, kind)), st.dictionaries(SCALARS[key], values, max_size=3)),
            (generic(set, (key,)), st.sets(SCALARS[key], max_size=3)),
            (typing.Optional[kind], st.none() | values),  # noqa: UP045
        ]

    return st.builds(make, inner, inner, st.sampled_from(HASHABLE)).flatmap(st.sampled_from)


ANNOTATED = st.recursive(st.sampled_from(list(SCALARS.items())), annotated, max_leaves=4)


@given(st.data())
def test_fields_come_back_as_they_were(data: st.DataObject) -> None:
    fields = data.draw(st.lists(ANNOTATED, max_size=4))
    values = [data.draw(strategy) for _, strategy in fields]
    codecs = [codec(annotation) for annotation, _ in fields]
    assert same(load_fields(codecs, dump_fields(codecs, values)), values)
    untyped = [codec(Any)] * len(values)
    assert same(load_fields(untyped, dump_fields(untyped, values)), values)


def test_an_integer_too_long_for_decimal_digits() -> None:
    value = -(16**5000)
    assert load_value(dump_value([value])) == [value]
    assert load_fields([codec(int)], dump_fields([codec(int)], [value])) == [value]


ANY = st.recursive(
    st.one_of(*SCALARS.values()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.frozensets(TEXT, max_size=3),
        st.dictionaries(INTEGERS | TEXT | st.tuples(st.booleans(), st.binary()), inner, max_size=3),
    ),
    max_leaves=6,
)


@given(ANY)
def test_untyped_values_come_back_as_they_were(value: Any) -> None:
    assert same(load_value(dump_value(value)), value)


@given(hnp.arrays(hnp.array_dtypes() | hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, min_side=0, max_side=3)))
def test_arrays_come_back_as_they_were(array: np.ndarray) -> None:
    found = load_value(dump_value(array))
    assert same(found, array)
    assert found.flags.writeable
    one = codec(np.ndarray)
    assert same(one.load(one.dump(array)), array)
    if array.size and array.dtype.names is None:
        assert same(load_value(dump_value(array.flat[0])), array.flat[0])


def test_the_order_of_an_array_in_memory_is_kept() -> None:
    array = np.asfortranarray(np.arange(6).reshape(2, 3))
    assert load_value(dump_value(array)).flags.f_contiguous


DICTIONARY = pa.array(["a", None, "a"]).dictionary_encode()
BATCH = pa.record_batch({"a": [1, None], "b": [["x"], []]}).replace_schema_metadata({"k": "v"})
ARROW: list[Any] = [
    pa.array([1, None, 3], pa.int16())[1:],
    pa.nulls(3),
    pa.array([], pa.string()),
    DICTIONARY,
    pa.array([[1], None, [2, 3]], pa.list_(pa.int8())),
    pa.array([{"a": 1, "b": decimal.Decimal("1.50")}]),
    pa.array([b"0123456789abcdef"], pa.uuid()),
    pa.array(["x"], pa.string_view()),
    pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])]),
    pa.chunked_array([], pa.float32()),
    pa.chunked_array([DICTIONARY, DICTIONARY[:0], pa.array(["b"]).dictionary_encode()]),
    BATCH,
    BATCH.slice(1),
    BATCH.select([]),
    pa.table(BATCH),
    pa.table({"a": pa.chunked_array([[1, 2], [3]]), "b": pa.chunked_array([["x"], ["y", "z"]])}),
    pa.table({"a": pa.array([], pa.int64())}),
    pa.schema([pa.field("a", pa.int8(), nullable=False, metadata={"k": "v"})], metadata={"s": "t"}),
    pa.scalar(1, pa.uint8()),
    pa.scalar(None, pa.timestamp("us", "UTC")),
    pa.scalar([1, None]),
    pa.scalar(b"0123456789abcdef", pa.uuid()),
    DICTIONARY[0],
]


@pytest.mark.parametrize("value", ARROW, ids=lambda value: str(getattr(value, "type", type(value).__name__)))
def test_arrow_data_comes_back_as_it_was(value: Any) -> None:
    codecs = [codec(type(value)), codec(Any)]
    for found in (load_value(dump_value(value)), *load_fields(codecs, dump_fields(codecs, [value, value]))):
        assert type(found) is type(value)
        if isinstance(value, pa.Schema):
            assert found.equals(value, check_metadata=True)
            continue
        assert found.equals(value)
        if isinstance(value, (pa.RecordBatch, pa.Table)):
            assert found.schema.equals(value.schema, check_metadata=True)
            assert found.num_rows == value.num_rows
        else:
            assert found.type == value.type
        if isinstance(value, pa.ChunkedArray):
            assert [len(chunk) for chunk in found.chunks] == [len(chunk) for chunk in value.chunks]
        if not isinstance(value, pa.Scalar):
            found.validate(full=True)


def test_an_annotation_of_arrow_takes_its_subclasses_only() -> None:
    assert codec(pa.Array).dump(pa.array([1]))
    with pytest.raises(TypeError, match="Int64Array"):
        codec(pa.StringArray).dump(pa.array([1]))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Node, Node("a", [Node("b", where=Point(1)), Node("c")], Point(2, math.inf))),
        (Frozen, Frozen((1, 2))),
        (Point, Point(1, 2)),
        (Loose, Loose(1, (b"x",))),
        (Colour, Colour.BLUE),
        (Level, Level.HIGH),
        (Right, Right.READ | Right.WRITE),
        (Right, Right(0)),
        (dict[Colour, list[Level]], {Colour.RED: [Level.LOW]}),
        (Literal["a", 1], 1),
        (int | str | None, "x"),
        (int | float, 1.0),
        (list[int] | dict[str, int], {"a": 1}),
        (Annotated[int, "positive"], 3),
        (Id, 4),
        (list, [1, (2,)]),
        (tuple, (1, [2])),
        (tuple[()], ()),
        (dict, {1: {2}}),
        (frozenset[str], frozenset({"a"})),
        (object, [None]),
        (int, np.int32(3)),
        (float, np.float64(1.5)),
        (float, np.float32(1.5)),
        (np.int64, np.int64(7)),
        (np.ndarray[Any, np.dtype[np.int8]], np.array([[1, 2]], np.int8)),
        (typing.List[int], [1]),  # noqa: UP006
        (typing.Dict[str, typing.Tuple[int, ...]], {"a": (1, 2)}),  # noqa: UP006
    ],
    ids=repr,
)
def test_other_annotations(annotation: Any, value: Any) -> None:
    one = codec(annotation)
    found = load_fields([one], dump_fields([one], [value]))[0]
    assert same(found, value)


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (int, "text", "'text', which is of type str, as int"),
        (int, 1.0, "of type float, as int"),
        (int, Level.LOW, "of type Level, as int"),
        (int, np.float64(1), "of type float64, as int"),
        (float, decimal.Decimal(1), "of type Decimal, as float"),
        (bool, 1, "of type int, as bool"),
        (str, b"x", "of type bytes, as str"),
        (str, 10**5000, "of type int, as str"),
        (int | None, "x", "of type str, as int | None"),
        (datetime.date, datetime.datetime(2020, 1, 1), "of type datetime, as date"),
        (list[int], (1,), r"of type tuple, as list\[int\]"),
        (list[int], ["x"], "of type str, as int"),
        (tuple[int, int], (1,), r"of type tuple, as tuple\[int, int\]"),
        (dict[str, int], {1: 1}, "of type int, as str"),
        (Point, (1, 2.0), "of type tuple, as Point"),
        (Node, Node(3), "of type int, as str"),  # type: ignore[arg-type]
        (Literal["a"], "b", "as Literal"),
        (Literal[1], True, "as Literal"),
        (Colour, "r", "of type str, as Colour"),
        (np.ndarray, [1], "of type list, as ndarray"),
        (np.ndarray, np.ma.masked_array([1]), "MaskedArray"),
        (np.ndarray, np.array([object()]), "Python objects"),
        (Any, object(), "of type object"),
        (Any, Colour.RED, "of type Colour"),
        (datetime.datetime, datetime.datetime(2020, 1, 1, tzinfo=type("Zone", (datetime.tzinfo,), {})()), "Zone"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_value_that_does_not_match_is_named(annotation: Any, value: Any, message: str) -> None:
    one = codec(annotation)
    with pytest.raises(TypeError, match=message):
        dump_fields([one], [value])


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (complex, "complex"),
        (list[complex], "complex"),
        (typing.Sequence[int], "Sequence"),
        (typing.TypeVar("T"), "~T"),
        ("int", "'int'"),
        (dataclasses.make_dataclass("Bad", [("x", range)]), "range"),
    ],
    ids=str,
)
def test_an_annotation_that_cannot_be_kept_is_named(annotation: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        codec(annotation)


def test_a_value_that_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    node = Node("a")
    node.children.append(node)
    with pytest.raises(TypeError, match="contains itself"):
        dump_value(endless)
    with pytest.raises(TypeError, match="contains itself"):
        dump_fields([codec(Node)], [node])


def test_bytes_of_other_fields_are_an_error() -> None:
    one, two = codec(int), codec(list[datetime.date])
    with pytest.raises(StateError, match="expected 1"):
        load_fields([one], dump_fields([one, one], [1, 2]))
    for damaged in (b"", b"=", b":[1]", b"?[[]]", b":{}", b":[[1]]", b"\xff", b":[[true]]"):
        with pytest.raises(StateError):
            load_fields([two], damaged)
    for damaged in (b"", b"[", b'["list"]', b'["no such", ""]', b'["decimal"]', b'["numpy", "AAAA", true]'):
        with pytest.raises(StateError):
            load_value(damaged)


def test_no_class_is_made_from_bytes_alone() -> None:
    """What the tags name is a closed list."""
    for tag in ("os.system", "object", "type", "Point", "memoryview", "range"):
        with pytest.raises(StateError):
            load_value(f'["{tag}", "AAAA"]'.encode())
