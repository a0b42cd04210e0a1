"""Annotations of Python as types, and values as what was annotated."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, ClassVar, NamedTuple, NotRequired, TypedDict

import pyarrow as pa
import pytest

import duckwing as dw
from duckwing import types
from duckwing.errors import OutputError
from duckwing.functions.declare import scalar
from duckwing.types import (
    BIGINT,
    BIT,
    BLOB,
    DATE,
    DECIMAL,
    DOUBLE,
    INTEGER,
    INTERVAL,
    LIST,
    MAP,
    STRUCT,
    TIME,
    TIMESTAMP,
    TIMETZ,
    UNION,
    UUID,
    VARCHAR,
)
from duckwing.types.python import python_type, struct_fields, value_converter, why_untyped
from duckwing.types.values import from_values, to_values


class Point(NamedTuple):
    x: float
    y: float | None = None


@dataclasses.dataclass
class Order:
    kinds: ClassVar[int] = 3
    id: uuid.UUID
    price: Annotated[Decimal, DECIMAL(10, 2)]
    placed: datetime.datetime
    took: datetime.timedelta | None
    where: list[Point | None]
    notes: dict[str, Point]
    either: Annotated[tuple[str, Any], UNION({"a": BIGINT, "b": VARCHAR})]
    total: Decimal = dataclasses.field(init=False, default=Decimal(0))


class Hours(TypedDict):
    opens: datetime.time
    closes: NotRequired[Annotated[datetime.time | None, TIMETZ]]


class Shop(TypedDict, total=False):
    hours: Hours
    breaks: list[datetime.timedelta]
    best: Order | None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    day: datetime.date
    mask: Annotated[str, BIT] = ""


ORDER = STRUCT(
    {
        "id": UUID,
        "price": DECIMAL(10, 2),
        "placed": TIMESTAMP,
        "took": INTERVAL,
        "where": LIST(STRUCT({"x": DOUBLE, "y": DOUBLE})),
        "notes": MAP(VARCHAR, STRUCT({"x": DOUBLE, "y": DOUBLE})),
        "either": UNION({"a": BIGINT, "b": VARCHAR}),
    }
)
HOURS = STRUCT({"opens": TIME, "closes": TIMETZ})

AN_ORDER = Order(
    id=uuid.UUID(int=7),
    price=Decimal("1.50"),
    placed=datetime.datetime(2024, 1, 2, 3),
    took=datetime.timedelta(days=1, seconds=2),
    where=[Point(1.0, 2.0), None, Point(3.0)],
    notes={"home": Point(0.0, 0.0)},
    either=("b", "x"),
)
LATE = datetime.time(20, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))

ANNOTATIONS: list[tuple[Any, pa.DataType, list[Any]]] = [
    (Point, STRUCT({"x": DOUBLE, "y": DOUBLE}), [Point(1.0, None), None]),
    (Order, ORDER, [AN_ORDER, None, dataclasses.replace(AN_ORDER, took=None, where=[])]),
    (Hours, HOURS, [{"opens": datetime.time(8), "closes": LATE}, {"opens": datetime.time(9), "closes": None}]),
    (
        Shop,
        STRUCT({"hours": HOURS, "breaks": LIST(INTERVAL), "best": ORDER}),
        [
            {
                "hours": {"opens": datetime.time(8), "closes": None},
                "breaks": [datetime.timedelta(minutes=5)],
                "best": AN_ORDER,
            },
            {"hours": None, "breaks": None, "best": None},
        ],
    ),
    (list[Point], LIST(STRUCT({"x": DOUBLE, "y": DOUBLE})), [[Point(1.0, 2.0)], [], None]),
    (Sequence[Point | None], LIST(STRUCT({"x": DOUBLE, "y": DOUBLE})), [[Point(1.0, 2.0), None]]),
    (
        dict[Key, int],
        MAP(STRUCT({"day": DATE, "mask": BIT}), BIGINT),
        [{Key(day=datetime.date(2024, 1, 2), mask="1"): 5}],
    ),
    (Mapping[str, list[Key]], MAP(VARCHAR, LIST(STRUCT({"day": DATE, "mask": BIT}))), [{"a": []}, {}]),
    (list[list[datetime.timedelta]], LIST(LIST(INTERVAL)), [[[datetime.timedelta(1)], []]]),
    (dict[str, dict[int, bytes | None]], MAP(VARCHAR, MAP(BIGINT, BLOB)), [{"a": {1: b"x", 2: None}, "b": None}]),
    (pa.MonthDayNano, INTERVAL, [pa.MonthDayNano((1, 2, 3))]),
]
IDS = [str(annotation) for annotation, _, _ in ANNOTATIONS]


@pytest.mark.parametrize(("annotation", "type", "values"), ANNOTATIONS, ids=IDS)
def test_values_of_annotations(annotation: Any, type: pa.DataType, values: list[Any]) -> None:
    assert python_type(annotation) == type
    array = from_values(values, type, "x")
    array.validate(full=True)
    convert = value_converter(annotation) or (lambda value: value)
    found = [None if value is None else convert(value) for value in to_values(array)]
    assert found == values
    assert [value.__class__ for value in found] == [value.__class__ for value in values]
    assert from_values(found, type, "x").equals(array)


def test_members_are_of_the_annotated_classes() -> None:
    [value] = to_values(from_values([AN_ORDER], ORDER, "x"))
    convert = value_converter(Order)
    assert convert is not None
    order = convert(value)
    assert type(order) is Order
    assert type(order.where[0]) is type(order.notes["home"]) is Point
    assert type(order.took) is datetime.timedelta
    assert type(order.id) is uuid.UUID


def test_what_needs_no_conversion_has_no_converter() -> None:
    for annotation in (int, str, Decimal, uuid.UUID, Hours, list[int], list[Hours], pa.MonthDayNano, Any):
        assert value_converter(annotation) is None


def test_fields_of_row_classes() -> None:
    assert struct_fields(Point) == [("x", DOUBLE), ("y", DOUBLE)]
    assert struct_fields(Hours) == [("opens", TIME), ("closes", TIMETZ)]
    assert struct_fields(Key) == [("day", DATE), ("mask", BIT)]
    for other in (int, tuple, dict, object, list[Point], Point(1.0), None):
        assert struct_fields(other) is None


def test_a_dict_of_a_map_and_of_a_struct() -> None:
    convert = value_converter(dict)
    assert convert is not None
    [pairs] = to_values(from_values([{"a": 1}], MAP(VARCHAR, BIGINT), "x"))
    assert convert(pairs) == {"a": 1}
    [members] = to_values(from_values([{"a": 1}], STRUCT({"a": BIGINT}), "x"))
    assert convert(members) == {"a": 1}
    with pytest.raises(ValueError, match="a MAP with such keys is no dict"):
        convert([([1], 2)])


def test_months_have_no_timedelta() -> None:
    for annotation in (datetime.timedelta, list[datetime.timedelta]):
        convert = value_converter(annotation)
        assert convert is not None
        value = pa.MonthDayNano((1, 0, 0))
        with pytest.raises(ValueError, match="an INTERVAL of months has no timedelta"):
            convert(value if annotation is datetime.timedelta else [value])


class Swapped(NamedTuple):
    y: float
    x: float


class One(NamedTuple):
    x: float


@dataclasses.dataclass
class Other:
    x: float
    z: float


def test_members_go_by_name() -> None:
    type = STRUCT({"x": DOUBLE, "y": DOUBLE})
    assert to_values(from_values([Swapped(y=1.0, x=2.0)], type, "r")) == [{"x": 2.0, "y": 1.0}]
    for value in (Other(1.0, 2.0), AN_ORDER, One(1.0)):
        with pytest.raises(OutputError, match="the STRUCT has the members x, y, not "):
            from_values([value], type, "r")
    with pytest.raises(OutputError, match="a STRUCT is a dict, or a tuple of 2 values"):
        from_values([Other], type, "r")


@dataclasses.dataclass
class Priced:
    name: str
    price: Decimal


class Loose(NamedTuple):
    id: int
    anything: Any


@dataclasses.dataclass
class Node:
    value: int
    children: list[Node]


class Hidden(TypedDict):
    when: Nowhere  # type: ignore[name-defined]  # noqa: F821


class Nothing(TypedDict):
    pass


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        (
            Decimal,
            "Annotated[Decimal, TYPE] with a type from duckwing.types, such as Annotated[Decimal, DECIMAL(10, 2)]",
        ),
        (list[Decimal], "list[decimal.Decimal]: Decimal does not say which SQL type it is; write Annotated[Decimal, "),
        (list, "list does not say which SQL type it is; write list[int], say"),
        (dict, "dict does not say which SQL type it is; write dict[str, int], say"),
        (
            tuple[str, int],
            "tuple[str, int] does not say which SQL type it is: members of a STRUCT have names; use a Named",
        ),
        (
            tuple,
            "tuple does not say which SQL type it is: members of a STRUCT have names; use a NamedTuple or a dataclass",
        ),
        (
            int | str,
            "int | str does not say which SQL type it is; for either of several, write Annotated[tuple, UNION(",
        ),
        (
            list[int | str | None],
            "for either of several, write Annotated[tuple, UNION({'a': BIGINT, 'b': VARCHAR})], say",
        ),
        (list[Any], "list[Any]: Any does not say which SQL type it is"),
        (complex, "complex does not say which SQL type it is; write Annotated[complex, TYPE]"),
        (Priced, "member 'price' of Priced: Decimal does not say which SQL type it is; write Annotated[Decimal, TYPE]"),
        (dict[str, Priced], "Priced]: member 'price' of Priced: Decimal does not say which SQL type it is"),
        (Loose, "member 'anything' of Loose: Any does not say which SQL type it is"),
        (Node, "member 'children' of Node: list["),
        (Node, "Node contains itself, which no STRUCT can"),
        (Hidden, "an annotation in Hidden cannot be evaluated (name 'Nowhere' is not defined); annotations must name"),
        (Nothing, "Nothing has no annotated members, and a STRUCT has at least one"),
        (collections.namedtuple("Bare", "a b"), "Bare has no annotated members"),
    ],
)
def test_annotations_without_type(annotation: Any, reason: str) -> None:
    assert python_type(annotation) is None
    assert reason in why_untyped(annotation)

    def f(value: Any) -> int:
        return 0

    f.__annotations__ = {"value": annotation, "return": int}
    with pytest.raises(dw.DeclarationError) as caught:
        scalar(f)
    assert str(caught.value).startswith("scalar function 'f': parameter 'value': ")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("annotation", "example"),
    [
        (pa.Decimal128Array, "DECIMAL(10, 2)"),
        (pa.TimestampArray, "TIMESTAMP"),
        (pa.Time64Array, "TIME"),
        (pa.ListArray, "LIST(DOUBLE)"),
        (pa.FixedSizeListArray, "ARRAY(DOUBLE, 3)"),
        (pa.StructArray, "STRUCT({'a': BIGINT, 'b': VARCHAR})"),
        (pa.MapArray, "MAP(VARCHAR, BIGINT)"),
        (pa.UnionArray, "UNION({'a': BIGINT, 'b': VARCHAR})"),
    ],
)
def test_arrow_arrays_of_no_one_type_say_what_to_write(annotation: Any, example: str) -> None:
    def f(value: Any) -> Any:
        return value

    name = f"pa.{annotation.__name__}"
    for given in ({"value": annotation, "return": pa.Int64Array}, {"value": pa.Int64Array, "return": annotation}):
        f.__annotations__ = given
        with pytest.raises(dw.DeclarationError) as caught:
            scalar(f)
        assert f"{name} does not say which SQL type it is; write Annotated[{name}, TYPE]" in str(caught.value)
        assert str(caught.value).endswith(f", such as Annotated[{name}, {example}]")
    type = eval(example, dict(vars(types)))  # what the message says works
    f.__annotations__ = dict.fromkeys(("value", "return"), Annotated[annotation, type])
    assert scalar(f).returns == type


def test_fields_of_a_class_that_no_function_can_have() -> None:
    with pytest.raises(dw.DeclarationError, match="member 'price' of Priced: Decimal does not say"):
        struct_fields(Priced)
    with pytest.raises(dw.DeclarationError, match="Node contains itself"):
        value_converter(Node)


def test_an_annotated_class_may_have_other_types() -> None:
    @scalar
    def f(value: Annotated[Priced, STRUCT({"name": VARCHAR, "price": INTEGER})]) -> int:
        return 0

    [parameter] = f.signature.parameters
    assert parameter.type == STRUCT({"name": VARCHAR, "price": INTEGER})
    assert parameter.convert is not None
    assert parameter.convert({"name": "a", "price": 5}) == Priced("a", 5)  # type: ignore[arg-type]
