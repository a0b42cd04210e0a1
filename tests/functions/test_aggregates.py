"""Classes that cannot be aggregates are refused by the decorator, in the author's terms."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pytest

import duckwing as dw
from duckwing.functions.declare import aggregate
from duckwing.types import ANY, BIGINT, DECIMAL, VARCHAR


def refused(cls: Any, **options: Any) -> str:
    with pytest.raises(dw.DeclarationError) as caught:
        aggregate(**options)(cls)
    return str(caught.value)


class Sum:
    total: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        groups.add(self.total, value)

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.total)


class Longest:
    text: str = ""

    def update(self, value: str) -> None:
        self.text = max(self.text, value, key=len)

    def merge(self, other: Longest) -> None:
        self.update(other.text)

    def result(self) -> str:
        return self.text


class NoUpdate:
    def result(self) -> int: ...  # type: ignore[empty-body]


class NoResult:
    def update(self, value: int) -> None: ...


class NoMerge:
    n: int = 0

    def update(self, value: int) -> None: ...
    def result(self) -> int: ...  # type: ignore[empty-body]


class Base:
    """What the others have in common."""

    def update(self, value: int) -> None: ...
    def merge(self, other: Any) -> None: ...
    def result(self) -> int: ...  # type: ignore[empty-body]


class KeywordOnly(Base):
    def update(self, *, value: int) -> None: ...  # type: ignore[override]


class ContextInUpdate(Base):
    def update(self, value: int, ctx: dw.Context) -> None: ...  # type: ignore[override]


class SecretInUpdate(Base):
    def update(self, value: int, key: Annotated[dw.Secret, dw.Lookup("s3")]) -> None: ...  # type: ignore[override]


class NoAnnotation(Base):
    def update(self, value) -> None: ...  # type: ignore[no-untyped-def]


class Mixed(Base):
    def update(self, a: int, b: pa.Int64Array) -> None: ...  # type: ignore[override]


class VarargsOfInit(Base):
    def __init__(self, *limits: int): ...


class ArrayOfInit(Base):
    def __init__(self, limit: pa.Int64Array): ...


class SameName(Base):
    def __init__(self, value: int): ...


class NoPlace(Base):
    def __init__(self, limit: int): ...
    def update(self, *values: int) -> None: ...


class DefaultFirst(Base):
    def __init__(self, limit: int): ...
    def update(self, value: int = 1) -> None: ...


class ResultUntyped(Base):
    def result(self): ...  # type: ignore[no-untyped-def]


class ResultNone(Base):
    def result(self) -> None: ...  # type: ignore[override]


class ResultAny(Base):
    def result(self) -> Any: ...


class ResultDecimal(Base):
    def result(self) -> Decimal: ...  # type: ignore[override,empty-body]


class ResultNumpy(Base):
    def result(self) -> np.int64: ...  # type: ignore[override,empty-body]


class MutableDefault(Base):
    texts: list[str] = []  # noqa: RUF012


class NoCodec(Base):
    thing: Base | None = None


class RowsAtOnce:
    def update(self, groups: dw.Groups, value: int) -> None: ...
    def result(self, groups: dw.Groups) -> pa.Int64Array: ...


class PlainFieldAtOnce(Sum):
    limit: int = 0


class Strings(Sum):
    text: dw.PerGroup[str] = ""


class Times(Sum):
    at: dw.PerGroup[np.datetime64] = 0


class TooLarge(Sum):
    small: dw.PerGroup[np.int8] = 300


class Fraction(Sum):
    part: dw.PerGroup[int] = 0.5


class Several(Sum):
    numbers: dw.PerGroup[int] = (1, 2)


class Words(Sum):
    flag: dw.PerGroup[bool] = "x"


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (NoUpdate, "needs a method update()"),
        (NoResult, "needs a method result()"),
        (NoMerge, "needs a method merge()"),
        (KeywordOnly, "'value' is keyword-only, but SQL passes columns by position"),
        (ContextInUpdate, "update() runs for a batch of rows; take the Context in __init__()"),
        (SecretInUpdate, "update() runs for a batch of rows; take the Context in __init__()"),
        (NoAnnotation, "update(): parameter 'value' needs an annotation"),
        (Mixed, "mixes arrays and single values in update(); use the one or the other"),
        (VarargsOfInit, "*limits of __init__() cannot be constants of SQL"),
        (ArrayOfInit, "the constant 'limit' is one value, not an array"),
        (SameName, "'value' is a column of update() and a constant of __init__(); rename one of them"),
        (NoPlace, "*values takes all further arguments; there is no place for constants"),
        (DefaultFirst, "'limit' follows an argument with a default, but has none"),
        (ResultUntyped, "needs the type of its result: write 'def result(self) -> str', say, or returns="),
        (ResultNone, "returns None; it must return a value"),
        (ResultAny, "needs a result of one type; add returns="),
        (ResultDecimal, "its result: Decimal does not say which SQL type it is"),
        (ResultNumpy, "is not supported as a result"),
        (MutableDefault, "the default of field 'texts' would be shared by all instances; set it in __init__"),
        (NoCodec, "field 'thing' cannot be kept between calls"),
        (RowsAtOnce, "update() gets the rows of all groups at once; annotate its columns with arrays"),
        (PlainFieldAtOnce, "field 'limit' is not PerGroup, but one instance serves all groups"),
        (Strings, "field 'text' is PerGroup of <class 'str'>; it must be int, float, bool or a numpy type"),
        (Times, "field 'at' is PerGroup of <class 'numpy.datetime64'>; it must be int, float, bool or a numpy type"),
        (TooLarge, "the default 300 of field 'small' is no int8"),
        (Fraction, "the default 0.5 of field 'part' is no int64"),
        (Several, "the default of field 'numbers' is one number, the value of a new group"),
        (Words, "the default 'x' of field 'flag' is no bool"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_classes(cls: Any, expected: str) -> None:
    message = refused(cls)
    assert message.startswith(f"aggregate '{cls.__name__}'")
    assert expected in message


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"name": ""}, "an aggregate needs a name: a non-empty string, not ''"),
        ({"nulls": "keep"}, "nulls='keep' is unknown; use 'skip' or 'pass'"),
        ({"returns": "BIGINT"}, "returns= takes a type from duckwing.types, not 'BIGINT'"),
        ({"returns": pa.float16()}, "it cannot return halffloat: DuckDB has no 16-bit float; use FLOAT"),
        ({"returns": ANY}, "needs a result of one type"),
        ({"returns": lambda other: BIGINT}, "returns= wants 'other', but the function's parameters are value"),
        ({"empty": "none"}, "empty="),
        ({"returns": lambda key: BIGINT}, "returns= wants 'key', but the function's parameters are value"),
        ({"examples": "SELECT 1"}, "examples=, categories= and settings= take a list of strings, not one string"),
        ({"comment": 5}, "comment= is a string, not 5"),
        ({"order": True}, "order"),
    ],
)
def test_options(options: dict[str, Any], expected: str) -> None:
    assert expected in refused(Sum, **options)


def test_a_function_is_no_aggregate() -> None:
    def longest(value: str) -> str:
        return value

    message = refused(longest)
    assert message.startswith("aggregate 'longest' must be a class with update() and result(), not <function")


def test_nothing_is_no_aggregate() -> None:
    assert "needs a name" in refused(5)


def test_what_is_declared() -> None:
    declared = aggregate(Sum)
    assert (declared.name, declared.form, declared.returns) == ("Sum", "groups", pa.int64())
    assert [(f.name, f.dtype, f.default) for f in declared.per_group.values()] == [("total", np.int64, 0)]
    assert (declared.order_dependent, declared.distinct_dependent, declared.sees_nulls) == (True, True, False)
    declared = aggregate(name="longest", nulls="pass", order_dependent=False, empty="")(Longest)
    assert (declared.name, declared.form, declared.sees_nulls, declared.empty) == ("longest", "row", True, "")
    assert list(declared.state.names) == ["text"]


def test_a_decorated_class_stays_a_class() -> None:
    instance = aggregate(Longest)()
    instance.update("ab")
    instance.update("a")
    other = Longest()
    other.update("abc")
    instance.merge(other)
    assert instance.result() == "abc"


def test_unsigned_and_small_numbers() -> None:
    class Numbers(Sum):
        byte: dw.PerGroup[np.uint8] = 255
        large: dw.PerGroup[np.uint64] = 2**64 - 1
        flag: dw.PerGroup[bool] = True
        single: dw.PerGroup[np.float32] = 1
        low: dw.PerGroup[float] = math.inf
        nothing: dw.PerGroup[np.uint16]

    fields = aggregate(Numbers).per_group
    assert {name: (field.dtype.name, field.default) for name, field in fields.items()} == {
        "total": ("int64", 0),
        "byte": ("uint8", 255),
        "large": ("uint64", 2**64 - 1),
        "flag": ("bool", True),
        "single": ("float32", 1.0),
        "low": ("float64", math.inf),
        "nothing": ("uint16", 0),
    }


def test_constants_follow_the_columns_unless_update_places_them() -> None:
    class Placed:
        n: int = 0

        def __init__(self, first: int, last: str = ""):
            self.first = first

        def update(self, first: dw.Const[int], value: float) -> None: ...
        def merge(self, other: Placed) -> None: ...
        def result(self) -> int:
            return self.n

    declared = aggregate(Placed)
    assert [(p.name, p.const) for p in declared.signature.parameters] == [
        ("first", True),
        ("value", False),
        ("last", True),
    ]
    assert [[p.name for p in form] for form in declared.signature.forms()] == [
        ["first", "value", "last"],
        ["first", "value"],
    ]
    assert declared.constants == {"first", "last"}
    assert declared.placed == {"first"}


def test_types_in_annotations() -> None:
    class Exact:
        total: Decimal = Decimal(0)

        def update(self, value: Annotated[Decimal, DECIMAL(10, 2)]) -> None: ...
        def merge(self, other: Exact) -> None: ...
        def result(self) -> Annotated[Decimal, DECIMAL(20, 2)]:
            return self.total

    assert aggregate(Exact).returns == DECIMAL(20, 2)
    assert aggregate(returns=VARCHAR)(Exact).returns == VARCHAR


def test_a_constant_that_may_be_null_does_not_bring_the_nulls_of_columns() -> None:
    class Scaled:
        n: int = 0

        def __init__(self, factor: float | None): ...
        def update(self, value: int) -> None: ...
        def merge(self, other: Scaled) -> None: ...
        def result(self) -> int:
            return self.n

    assert not aggregate(Scaled).sees_nulls
    assert aggregate(nulls="pass")(Scaled).sees_nulls
