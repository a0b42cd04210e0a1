"""What annotations demand of values, as authors declare it and as SQL users read about it."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal

import pyarrow as pa
import pytest

import duckwing as dw
from duckwing.errors import ArgumentError, DeclarationError
from duckwing.functions.context import Context, Invocation
from duckwing.functions.declare import scalar, table_function
from duckwing.functions.scalar import ScalarFunction
from duckwing.functions.signature import Parameter
from duckwing.protocol import metadata
from duckwing.service.describe import arguments_schema
from duckwing.types import BIGINT, BLOB, BOOLEAN, DECIMAL, DOUBLE, INTEGER, LIST, TINYINT, VARCHAR

at = pytest.importorskip("annotated_types")


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"
    CRIMSON = "red"  # noqa: PIE796 - an alias is no choice of its own


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 10


class Shape(enum.Enum):
    POINT = (0, 0)


class Empty(enum.Enum):
    pass


def declared(annotation: Any, **default: Any) -> ScalarFunction[..., Any]:
    """A function ``f(k)`` that returns what it receives, as text."""

    def f(k: Any = None) -> str:
        return repr(k)

    f.__annotations__["k"] = annotation
    f.__defaults__ = tuple(default.values()) or None
    return scalar(f)


def parameter(annotation: Any, **default: Any) -> Parameter:
    return declared(annotation, **default).signature.parameters[0]


def call(annotation: Any, values: list[Any], type: pa.DataType | None = None) -> list[Any]:
    function = declared(annotation)
    column = pa.array(values, type or function.signature.parameters[0].type)
    batch = pa.record_batch([column], names=["k"])
    bound = function.bind(function.signature.parameters, batch.schema, Context(Invocation("f", "c")))
    result: list[Any] = bound(batch).to_pylist()
    return result


def refused(annotation: Any, value: Any) -> str:
    """What the user reads, after the name of the argument."""
    with pytest.raises(ArgumentError) as caught:
        call(annotation, [value])
    prefix = "scalar function 'f': argument 'k' must "
    assert str(caught.value).startswith(prefix)
    return str(caught.value).removeprefix(prefix)


def shown(annotation: Any, **default: Any) -> dict[bytes, str]:
    [field] = arguments_schema([parameter(annotation, **default)])
    return {key: value.decode() for key, value in (field.metadata or {}).items()}


SKU = re.compile(r"[A-Z]{2}\d+")
is_even: Callable[[int], bool] = lambda value: value % 2 == 0  # noqa: E731


@pytest.mark.parametrize(
    ("annotation", "good", "bad", "message"),
    [
        (Annotated[int, at.Ge(0), at.Le(10)], [0, 10], 11, "be in [0, 10], got 11"),
        (Annotated[int, at.Interval(ge=1, lt=10)], [1, 9], 10, "be in [1, 10), got 10"),
        (Annotated[int, at.Gt(0)], [1], 0, "be > 0, got 0"),
        (Annotated[int, at.Ge(0)], [0], -1, "be >= 0, got -1"),
        (Annotated[int, at.Lt(5)], [4], 5, "be < 5, got 5"),
        (Annotated[int, at.Le(5)], [5], 6, "be <= 5, got 6"),
        (Annotated[int, at.Ge(1), at.Ge(3), at.Gt(0)], [3], 2, "be >= 3 and > 0, got 2"),
        (Annotated[float, at.Ge(0)], [0.0, math.inf], math.nan, "be >= 0, got nan"),
        (
            Annotated[Decimal, DECIMAL(4, 1), at.Lt(2.5)],
            [Decimal("2.4")],
            Decimal("2.5"),
            "be < 2.5, got Decimal('2.5')",
        ),
        (
            Annotated[datetime.date, at.Ge(datetime.date(2020, 1, 1))],
            [datetime.date(2020, 1, 1)],
            datetime.date(2019, 12, 31),
            "be >= 2020-01-01, got datetime.date(2019, 12, 31)",
        ),
        (Annotated[int, at.MultipleOf(3)], [0, 9, -3], 10, "be a multiple of 3, got 10"),
        (Annotated[float, at.MultipleOf(0.1)], [0.3, 1e20], 0.35, "be a multiple of 0.1, got 0.35"),
        (Annotated[float, at.MultipleOf(2)], [4.0], math.inf, "be a multiple of 2, got inf"),
        (Annotated[str, at.MinLen(2)], ["ab"], "a", "have a length of at least 2, got 'a'"),
        (Annotated[str, at.Len(0, 2)], ["", "ab"], "abc", "have a length of at most 2, got 'abc'"),
        (Annotated[list[int], at.MaxLen(1)], [[], [1]], [1, 2], "have a length of at most 1, got [1, 2]"),
        (Annotated[dict[str, int], at.MinLen(1)], [[("a", 1)]], [], "have a length of at least 1, got {}"),
        (Annotated[str, at.Predicate(str.islower)], ["a"], "A", "satisfy islower, got 'A'"),
        (Annotated[float, at.Predicate(at.Not(math.isnan))], [1.0], math.nan, "not satisfy isnan, got nan"),
        (Annotated[str, at.Not(str.isupper)], ["a"], "A", "not satisfy isupper, got 'A'"),
        (Annotated[int, at.Predicate(is_even)], [2], 3, "satisfy its predicate, got 3"),
        (at.LowerCase[str], ["a"], "A", "satisfy islower, got 'A'"),
        (Annotated[str, SKU], ["AB1"], "AB1x", r"match the pattern [A-Z]{2}\d+, got 'AB1x'"),
        (Annotated[bytes, re.compile(b"a+")], [b"aa"], b"ab", "match the pattern b'a+', got b'ab'"),
        (Literal["a", "b"], ["a", "b"], "c", "be one of the allowed choices 'a', 'b', got 'c'"),
        (Literal[1, 3], [1, 3], 2, "be one of the allowed choices 1, 3, got 2"),
        (Literal["a"] | None, ["a"], "b", "be one of the allowed choices 'a', got 'b'"),
        (Annotated[int, at.Ge(0)] | None, [1], -1, "be >= 0, got -1"),
        (Annotated[int | None, at.Ge(0)], [1], -1, "be >= 0, got -1"),
        (dw.Const[Annotated[int, at.Ge(0)]], [1], -1, "be >= 0, got -1"),
        (Annotated[dw.Const[int], at.Ge(0)], [1], -1, "be >= 0, got -1"),
        (Annotated[datetime.timedelta, at.Gt(datetime.timedelta(0))], [(0, 1, 0)], (0, -1, 0), "be > 0:00:00, got"),
    ],
)
def test_values_are_checked(annotation: Any, good: list[Any], bad: Any, message: str) -> None:
    assert len(call(annotation, good)) == len(good)
    assert refused(annotation, bad).startswith(message)


def test_every_value_of_a_column_is_checked_but_no_null() -> None:
    assert call(Annotated[int, at.Ge(0)], [1, None, 2]) == ["1", None, "2"]
    assert call(Annotated[int, at.Ge(0)] | None, [1, None]) == ["1", "None"]
    assert call(Literal["a", None], ["a", None]) == ["'a'", "None"]
    with pytest.raises(ArgumentError, match=r"must be in \[0, 2\], got 3"):
        call(Annotated[int, at.Interval(ge=0, le=2)], [0, None, 1, 2, 3])


def test_functions_receive_the_member_of_an_enumeration() -> None:
    assert call(Color, ["red", "blue"]) == [repr(Color.RED), repr(Color.BLUE)]
    assert call(Level | None, [10, None]) == [repr(Level.HIGH), "None"]
    assert call(Annotated[Level, TINYINT], [1]) == [repr(Level.LOW)]
    assert call(Literal[Color.BLUE], ["blue"]) == [repr(Color.BLUE)]
    assert refused(Color, "green") == "be one of the allowed choices 'red', 'blue', got 'green'"
    assert refused(Literal[Color.BLUE], "red") == "be one of the allowed choices 'blue', got 'red'"
    assert refused(Annotated[Level, at.Predicate(lambda level: level is Level.LOW)], 10).startswith("satisfy its pred")


@pytest.mark.parametrize(
    ("annotation", "type"),
    [
        (Literal["a", "b"], VARCHAR),
        (Literal["a", None], VARCHAR),
        (Literal[1, 2], BIGINT),
        (Literal[True], BOOLEAN),
        (Literal[b"a"], BLOB),
        (Color, VARCHAR),
        (Level, BIGINT),
        (Annotated[Literal[1, 2], INTEGER], INTEGER),
        (Annotated[int, at.Ge(0), INTEGER], INTEGER),
    ],
)
def test_types_of_choices(annotation: Any, type: pa.DataType) -> None:
    assert parameter(annotation).type.equals(type)


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (Annotated[int, at.Ge(0), at.Le(10)], {metadata.RANGE: "[0, 10]"}),
        (Annotated[int, at.Gt(0)], {metadata.RANGE: "(0, +inf)"}),
        (Annotated[int, at.Interval(ge=1, lt=10)], {metadata.RANGE: "[1, 10)"}),
        (Annotated[float, at.Le(0.5)], {metadata.RANGE: "(-inf, 0.5]"}),
        (Annotated[int, at.Ge(3), at.Gt(0), at.Gt(1)], {metadata.RANGE: "(1, +inf)"}),
        (Annotated[datetime.date, at.Ge(datetime.date(2020, 1, 1))], {}),
        (Annotated[int, at.MultipleOf(2)], {}),
        (Annotated[str, SKU], {metadata.PATTERN: r"[A-Z]{2}\d+"}),
        (Annotated[str, re.compile("a.", re.I | re.S)], {metadata.PATTERN: "(?is)a."}),
        (Literal["a", "b"], {metadata.CHOICES: '["a", "b"]'}),
        (Annotated[Level, "how much"], {metadata.CHOICES: "[1, 10]", metadata.DOC: "how much"}),
    ],
)
def test_the_catalog_shows_them(annotation: Any, expected: dict[bytes, str]) -> None:
    assert shown(annotation) == expected


def test_the_default_of_an_enumeration_is_shown_as_sql_has_it() -> None:
    assert shown(Color, default=Color.BLUE) == {metadata.CHOICES: '["red", "blue"]', metadata.DEFAULT: '"blue"'}
    assert shown(Level, default=Level.LOW)[metadata.DEFAULT] == "1"


@pytest.mark.parametrize(
    ("annotation", "default", "expected"),
    [
        (str, "a'b", '"a\'b"'),
        (bytes, b"vgi", '"vgi"'),
        (bytes, b"a\x00\\\xff", r'"a\\x00\\x5C\\xFF"'),
        (pa.MonthDayNano, pa.MonthDayNano([14, 3, 1_500_000_000]), '"14 months 3 days 1500000 microseconds"'),
        (pa.MonthDayNano, pa.MonthDayNano([0, 0, 0]), '"0 days"'),
        (datetime.date, datetime.date(2026, 1, 2), '"2026-01-02"'),
    ],
)
def test_defaults_are_shown_as_sql_writes_them(annotation: Any, default: Any, expected: str) -> None:
    assert shown(annotation, default=default)[metadata.DEFAULT] == expected


@pytest.mark.parametrize(
    ("annotation", "default", "expected"),
    [
        (Annotated[int, at.Ge(0)], -1, "parameter 'k': its default must be >= 0, got -1"),
        (Literal["a", "b"], "c", "parameter 'k': its default must be one of the allowed choices 'a', 'b', got 'c'"),
        (
            Color,
            "green",
            "parameter 'k': its default must be one of the allowed choices <Color.RED: 'red'>, <Color.BLUE",
        ),
        (Annotated[str, SKU], "", "parameter 'k': its default must match the pattern"),
    ],
)
def test_defaults_are_checked_when_they_are_declared(annotation: Any, default: Any, expected: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        declared(annotation, default=default)
    assert expected in str(caught.value)


def test_a_default_of_none_is_not_checked() -> None:
    assert parameter(Annotated[int, at.Ge(0)], default=None).accepts_none


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (Annotated[pa.Int64Array, at.Ge(0)], "is an array; check it in the function: constraints are for Python"),
        (Annotated[str, at.Ge(0)], "the constraint ge = 0 means nothing for VARCHAR"),
        (Annotated[int, at.Ge("a")], "the constraint ge = 'a' means nothing for BIGINT"),
        (Annotated[int, at.MinLen(1)], "the constraint min_length = 1 means nothing for BIGINT"),
        (Annotated[int, SKU], "means nothing for BIGINT"),
        (Annotated[str, re.compile(b"a")], "means nothing for VARCHAR"),
        (Annotated[str, at.MultipleOf(2)], "the constraint multiple_of = 2 means nothing for VARCHAR"),
        (Literal["a", 1], "Literal['a', 1] does not say which SQL type it is"),
        (Literal[None], "has no values to choose from"),
        (Empty, "has no values to choose from"),
        (Shape, "Shape does not say which SQL type it is"),
        (Annotated[Literal["a"], BIGINT], "each choice must be BIGINT, got 'a'"),
        (Annotated[Literal[300], TINYINT], "each choice must be TINYINT, got 300"),
    ],
)
def test_what_cannot_be(annotation: Any, expected: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        declared(annotation)
    assert str(caught.value).startswith("scalar function 'f': parameter 'k'")
    assert expected in str(caught.value)


def test_other_metadata_is_left_alone() -> None:
    class Foreign:
        gt = 5

    found = parameter(Annotated[int, Foreign(), 7, "a text", at.Unit("m"), ["x"]])
    assert found.constraints is None
    assert found.convert is None
    assert found.doc == "a text"


def test_constraints_of_any_class_with_their_names() -> None:
    """Nothing has to be installed for them, and pydantic's are subclasses."""

    @dataclasses.dataclass
    class Ge:
        ge: int

    @dataclasses.dataclass
    class Interval:
        gt: int | None = None
        le: int | None = None

    class Positive(at.Gt):  # type: ignore[name-defined, misc, unused-ignore]
        pass

    class Percentage(at.GroupedMetadata):  # type: ignore[name-defined, misc, unused-ignore]
        def __iter__(self) -> Iterator[object]:
            yield at.Ge(0)
            yield at.Interval(le=100)

    assert refused(Annotated[int, Ge(3)], 2) == "be >= 3, got 2"
    assert refused(Annotated[int, Interval(le=3)], 4) == "be <= 3, got 4"
    assert refused(Annotated[int, Positive(0)], 0) == "be > 0, got 0"
    assert refused(Annotated[int, Percentage()], 101) == "be in [0, 100], got 101"


def test_constraints_of_pydantic() -> None:
    pydantic = pytest.importorskip("pydantic")
    assert refused(pydantic.PositiveInt, 0) == "be > 0, got 0"
    assert refused(Annotated[int, pydantic.Field(ge=0, le=9)], 10) == "be in [0, 9], got 10"
    assert refused(Annotated[str, pydantic.Field(pattern="b$")], "abc") == "match the pattern b$, got 'abc'"
    constrained = Annotated[str, pydantic.StringConstraints(min_length=2)]
    assert refused(constrained, "a") == "have a length of at least 2, got 'a'"


def test_any_takes_a_value_that_cannot_be_compared_for_a_wrong_one() -> None:
    with pytest.raises(ArgumentError, match="must be >= 0, got 'x'"):
        call(Annotated[Any, at.Ge(0)], ["x"], VARCHAR)
    assert call(Annotated[Any, at.Ge(0)], [1.5], DOUBLE) == ["1.5"]


def test_a_failing_predicate_fails_as_any_function() -> None:
    def inverse(value: int) -> bool:
        return bool(1 / value)

    with pytest.raises(ZeroDivisionError):
        call(Annotated[int, at.Predicate(inverse)], [0])


def test_varargs_and_named_arguments() -> None:
    @table_function(columns={"n": BIGINT})
    def f(*ks: Annotated[int, at.Ge(0)], mode: Literal["a", "b"] = "a") -> Iterator[tuple[int]]:
        yield from ((k,) for k in ks)

    ks, mode = f.signature.parameters
    assert ks.constraints is not None
    assert ks.constraints.range_text == "[0, +inf)"
    assert mode.constraints is not None
    assert mode.constraints.choices_text == '["a", "b"]'
    assert ks.type.equals(BIGINT)


def test_items_of_lists_are_not_constrained() -> None:
    assert call(list[Annotated[int, at.Ge(0)]], [[-1]], LIST(BIGINT)) == ["[-1]"]
