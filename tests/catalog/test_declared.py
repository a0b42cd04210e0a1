"""Catalogs, schemas and workers that are declared wrongly, and what they find."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest

import duckwing as dw
from duckwing.types import BIGINT, BIT, DECIMAL, HUGEINT, LIST, TIME, TIMETZ, UHUGEINT


def refused(declare: Callable[[], object]) -> str:
    with pytest.raises(dw.DeclarationError) as caught:
        declare()
    return str(caught.value)


def function(name: str, **parameters: Any) -> Any:
    scope: dict[str, Any] = {}
    exec(f"def f({', '.join(parameters)}): ...", scope)
    scope["f"].__annotations__ = {**parameters, "return": int}
    return dw.scalar(name=name)(scope["f"])


def table(name: str, **parameters: Any) -> Any:
    scope: dict[str, Any] = {}
    exec(f"def f({', '.join(parameters)}): yield (1,)", scope)
    scope["f"].__annotations__ = parameters
    return dw.table_function(name=name, columns={"n": BIGINT})(scope["f"])


@pytest.mark.parametrize(
    ("declare", "expected"),
    [
        (lambda: dw.Catalog(""), "a catalog needs a name: a non-empty string, not ''"),
        (lambda: dw.Catalog("a\0"), "a catalog needs a name: a non-empty string"),
        (lambda: dw.Catalog("a", default_schema=""), "a schema needs a name: a non-empty string, not ''"),
        (lambda: dw.Catalog("a", comment=5), "catalog 'a': comment= is a string, not 5"),  # type: ignore[arg-type]
        (lambda: dw.Catalog("a", version=1), "catalog 'a': version= is a string or a list of strings, not 1"),  # type: ignore[arg-type]
        (lambda: dw.Catalog("a", tags={"x": 1}), "catalog 'a': tag 'x' is a string, not 1"),  # type: ignore[dict-item]
        (lambda: dw.Catalog("a").schema(""), "a schema needs a name"),
        (lambda: dw.Catalog("a").schema("MAIN"), "catalog 'a' already has a schema 'MAIN'"),
        (lambda: dw.Catalog("a").schema("s", tags=5), "schema 's': tags= takes a dict, not 5"),  # type: ignore[arg-type]
        (lambda: dw.Catalog("a").add(print), "schema 'main': add() takes declared functions, not <built-in"),  # type: ignore[arg-type]
        (lambda: dw.Catalog("a").add("f"), "schema 'main': add() takes declared functions, not 'f'"),  # type: ignore[arg-type]
        (lambda: dw.Catalog("a").add([len]), "schema 'main': add() takes declared functions, not <built-in"),  # type: ignore[list-item]
        (dw.Worker, "Worker needs at least one catalog: Worker(Catalog('demo'))"),
        (lambda: dw.Worker("a"), "Worker takes catalogs, not 'a'"),  # type: ignore[arg-type]
        (
            lambda: dw.Worker(dw.Catalog("a"), dw.Catalog("A")),
            "Worker has two catalogs named 'a'; clients could attach",
        ),
    ],
)
def test_mistakes(declare: Callable[[], object], expected: str) -> None:
    assert expected in refused(declare)


def test_a_function_is_added_once() -> None:
    catalog = dw.Catalog("a")
    f = function("f", a=int)
    catalog.add(f)
    assert refused(lambda: catalog.add(f)) == "function 'f' is already in schema 'main'"
    catalog.schema("other").add(f)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": str}, {"a": uuid.UUID}),
        ({"a": bytes}, {"a": Annotated[str, BIT]}),
        ({"a": Annotated[int, HUGEINT]}, {"a": Annotated[int, UHUGEINT]}),
        ({"a": Annotated[int, HUGEINT]}, {"a": Annotated[object, DECIMAL(38, 0)]}),
        ({"a": Annotated[object, TIME]}, {"a": Annotated[object, TIMETZ]}),
        ({"a": list[str]}, {"a": list[uuid.UUID]}),
        ({"a": str}, {"a": object}),
        ({"a": Annotated[object, LIST(HUGEINT)]}, {"a": object}),
        ({"a": int, "b": str}, {"a": int, "b": uuid.UUID}),
    ],
)
def test_calls_that_arrive_alike(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Scalars are told apart by the names of their parameters, table functions cannot be."""
    catalog = dw.Catalog("a")
    catalog.add(function("f", **one))
    message = refused(lambda: catalog.add(function("F", **other)))
    assert "whose calls arrive like those of" in message
    assert "give the parameters of one of them other names" in message
    catalog.add(function("f", **{f"{name}_": type for name, type in other.items()}))
    catalog.add(table("f", **one))
    message = refused(lambda: catalog.add(table("f", **{f"{name}_": type for name, type in other.items()})))
    assert "whose calls cannot be told from those of" in message
    assert "give one of them another name" in message


def test_equal_types_are_never_overloads() -> None:
    catalog = dw.Catalog("a")
    catalog.add(function("f", a=int))
    assert refused(lambda: catalog.add(function("f", b=int))) == (
        "schema 'main' already has f(a BIGINT), whose calls cannot be told from those of f(b BIGINT); "
        "give one of them another name"
    )

    @dw.table_function(name="t", columns={"n": BIGINT})
    def one(a: int, *, x: int = 1) -> Iterator[tuple[int]]: ...  # type: ignore[empty-body]

    @dw.table_function(name="t", columns={"n": BIGINT})
    def other(a: int, *, y: int = 1) -> Iterator[tuple[int]]: ...  # type: ignore[empty-body]

    catalog.add(one)
    assert "cannot be told from those of t(a BIGINT, y := BIGINT)" in refused(lambda: catalog.add(other))


def test_a_shorter_form_collides_too() -> None:
    catalog = dw.Catalog("a")

    @catalog.scalar
    def f(a: int, b: int = 1) -> int:
        return a + b

    assert "already has f(a BIGINT), whose calls" in refused(lambda: catalog.add(function("f", a=int)))
    assert f(1) == 2


def test_names_are_found_without_regard_to_case() -> None:
    catalog = dw.Catalog("Demo")
    geo = catalog.schema("Geo")
    geo.add(function("Place", a=int), [function("place", a=str)])
    assert catalog.find_schema("GEO") is geo
    assert catalog.find_schema("other") is None
    assert [f.name for f in geo.scalars("PLACE")] == ["Place", "place"]
    assert geo.table_functions("place") == []
    assert [schema.name for schema in catalog.schemas()] == ["main", "Geo"]


def test_declared_functions_stay_functions() -> None:
    catalog = dw.Catalog("a")

    @catalog.scalar(name="added")
    def add(a: int, b: int = 2) -> int:
        """Add."""
        return a + b

    assert add(1) == 3
    assert add(a=1, b=5) == 6
    assert [f.name for f in catalog.scalars()] == ["added"]
