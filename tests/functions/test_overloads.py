"""Which overload a call means, from the types that arrive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import duckwing as dw
from duckwing.functions.arguments import Arguments
from duckwing.functions.overloads import choose_by_arguments, choose_by_columns, overloads
from duckwing.functions.scalar import ScalarFunction, declare_scalar
from duckwing.types import ANY, BIGINT, VARCHAR
from duckwing.types.forms import arrival, shares_arrival

from ..types.strategies import TYPES


@st.composite
def signatures(draw: st.DrawFn) -> list[tuple[pa.DataType, ...]]:
    """Argument types of overloads that arrive differently, perhaps with one that takes ANY."""
    types = st.lists(TYPES.map(lambda pair: pair[0]), max_size=3).map(tuple)
    found = draw(st.lists(types, min_size=1, max_size=5, unique_by=lambda types: tuple(map(arrival, types))))
    if not any(len(types) == 1 and shares_arrival(types[0]) for types in found) and draw(st.booleans()):
        found.append((ANY,))
    return found


def declare(types: tuple[pa.DataType, ...], name: str = "p") -> ScalarFunction[..., Any]:
    parameters = ", ".join(f"{name}{n}: object" for n in range(len(types)))
    scope: dict[str, Any] = {}
    exec(f"def f({parameters}) -> int: ...", scope)
    scope["f"].__annotations__.update({f"{name}{n}": Annotated[object, type] for n, type in enumerate(types)})
    return declare_scalar(scope["f"])


def arriving(types: tuple[pa.DataType, ...]) -> pa.Schema:
    return pa.schema([(f"col_{n}", arrival(type)) for n, type in enumerate(types)])


@given(signatures(), st.data())
def test_what_was_cast_for_an_overload_finds_it(types: list[tuple[pa.DataType, ...]], data: st.DataObject) -> None:
    catalog = dw.Catalog("c")
    functions = [declare(signature) for signature in types]
    catalog.add(functions)
    wanted = data.draw(st.integers(0, len(types) - 1))
    names = [f"p{n}" for n in range(len(types[wanted]))]
    if types[wanted] == (ANY,):
        return
    for given_names in (names, None):
        assert choose_by_columns(functions, arriving(types[wanted]), given_names).function is functions[wanted]


@given(signatures(), st.data())
def test_names_decide_where_types_do_not(types: list[tuple[pa.DataType, ...]], data: st.DataObject) -> None:
    """Two overloads of the same types do not exist; but types that arrive alike do."""
    functions = [declare(signature, name) for signature in types for name in ("p", "q")]
    wanted = data.draw(st.integers(0, len(functions) - 1))
    signature, name = types[wanted // 2], "pq"[wanted % 2]
    names = [f"{name}{n}" for n in range(len(signature))]
    chosen = choose_by_columns(functions, arriving(signature), names)
    if signature:
        assert chosen.function is functions[wanted]


@given(st.lists(TYPES.map(lambda pair: pair[0]), min_size=1, max_size=3))
def test_any_takes_what_nothing_else_does(types: list[pa.DataType]) -> None:
    functions = [declare((ANY,)), *(declare((type, type)) for type in types)]
    for type in types:
        assert choose_by_columns(functions, arriving((type,)), None).function is functions[0]


def test_forms_of_defaults_and_varargs() -> None:
    @dw.scalar(name="f")
    def with_default(a: int, b: str = "x") -> str: ...  # type: ignore[empty-body]

    @dw.scalar(name="f")
    def with_varargs(a: int, b: int, *c: int) -> str: ...  # type: ignore[empty-body]

    functions: list[Any] = [with_default, with_varargs]
    assert [len(o.parameters) for o in overloads(functions)] == [2, 1, 3]
    for types, expected in (
        ((BIGINT,), with_default),
        ((BIGINT, VARCHAR), with_default),
        ((BIGINT, BIGINT), with_varargs),
        ((BIGINT,) * 9, with_varargs),
    ):
        assert choose_by_columns(functions, arriving(types), None).function is expected
    with pytest.raises(dw.ArgumentError) as caught:
        choose_by_columns(functions, arriving((VARCHAR,)), None)
    assert str(caught.value) == (
        "no form of function 'f' takes (VARCHAR). It can be called as f(a BIGINT, b VARCHAR); f(a BIGINT); "
        "f(a BIGINT, b BIGINT, BIGINT...)"
    )


# Table functions


@dw.table_function(name="t", columns={"n": BIGINT})
def one(a: int, *, step: int = 1) -> Iterator[tuple[int]]: ...  # type: ignore[empty-body]


@dw.table_function(name="t", columns={"n": BIGINT})
def two(a: int, b: str = "x", *, other: int = 1) -> Iterator[tuple[int]]: ...  # type: ignore[empty-body]


@dw.table_function(name="t", columns={"n": BIGINT})
def text(a: str, *more: str) -> Iterator[tuple[int]]: ...  # type: ignore[empty-body]


tables: list[Any] = [one, two, text]


@pytest.mark.parametrize(
    ("positional", "named", "expected"),
    [
        ([1], {"step": 5}, one),
        ([1], {"other": 5}, two),
        ([1, "y"], {}, two),
        (["a"], {}, text),
        (["a", "b", "c"], {}, text),
        ([], {"a": 1, "step": 2}, one),
    ],
)
def test_table_functions(positional: list[Any], named: dict[str, Any], expected: object) -> None:
    arguments = Arguments([pa.array([v]) for v in positional], {k: pa.array([v]) for k, v in named.items()})
    assert choose_by_arguments(tables, arguments).function is expected


@pytest.mark.parametrize(("positional", "named"), [([1.5], {}), ([], {}), ([1, "y"], {"step": 1}), ([1, 2], {})])
def test_no_table_function(positional: list[Any], named: dict[str, Any]) -> None:
    arguments = Arguments([pa.array([v]) for v in positional], {k: pa.array([v]) for k, v in named.items()})
    with pytest.raises(dw.ArgumentError, match=r"no form of function 't' takes \("):
        choose_by_arguments(tables, arguments)


def test_constants_that_are_no_columns_are_put_in_their_places() -> None:
    def fixed(width: dw.Const[int], value: float) -> str:
        return f"{value:{width}}"

    def prefixed(prefix: dw.Const[str], value: float) -> str:
        return f"{prefix}{value}"

    def both(width: dw.Const[int], value: float, prefix: dw.Const[str]) -> str:
        return f"{prefix}{value:{width}}"

    functions = [declare_scalar(f, name="f", constants="bound") for f in (fixed, prefixed, both)]
    columns = pa.schema([("col_0", pa.float64())])
    for constants, wanted in (([BIGINT], fixed), ([VARCHAR], prefixed), ([BIGINT, VARCHAR], both)):
        chosen = choose_by_columns(functions, columns, None, constants)
        assert chosen.function.function is wanted
    with pytest.raises(dw.ArgumentError, match="no form of function 'f' takes"):
        choose_by_columns(functions, columns, None, [VARCHAR, BIGINT])
