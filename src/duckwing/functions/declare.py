"""The decorators ``scalar`` and ``table_function``, free of any catalog.

A function declared with them is added to a catalog later: ``demo.add(f, g)``. The decorators of a
catalog or schema do both at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar, overload

import pyarrow as pa

from .about import ExampleLike, Stability
from .scalar import Nulls, ScalarFunction, declare_scalar
from .table import Columns, TableFunction, declare_table_function

P = ParamSpec("P")
R = TypeVar("R")


@overload
def scalar(function: Callable[P, R], /) -> ScalarFunction[P, R]: ...


@overload
def scalar(
    *,
    name: str | None = None,
    returns: pa.DataType | None = None,
    nulls: Nulls = "skip",
    stability: Stability = "consistent",
    comment: str | None = None,
    tags: Mapping[str, str] | None = None,
    examples: Iterable[ExampleLike] = (),
    categories: Iterable[str] = (),
) -> Callable[[Callable[P, R]], ScalarFunction[P, R]]: ...


def scalar(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    returns: pa.DataType | None = None,
    nulls: Nulls = "skip",
    stability: Stability = "consistent",
    comment: str | None = None,
    tags: Mapping[str, str] | None = None,
    examples: Iterable[ExampleLike] = (),
    categories: Iterable[str] = (),
) -> Any:
    """Declare a scalar function: one value for each row.

    Arrow annotations mean that the function is called once per batch, with arrays; Python
    annotations that it is called once per row. Positional defaults become shorter forms of the
    call, ``*values`` takes any number of arguments, ``Const[T]`` is a constant of the query.

    Args:
        function: the function, when used without parentheses.
        name: name in SQL; the function's own by default. Several functions of one name are overloads.
        returns: type of the result, if the annotation does not say it.
        nulls: ``"skip"``: the result is NULL wherever an argument is, and the function never sees
            such a row, except in arguments annotated ``T | None``; ``"pass"``: it sees all NULLs.
        stability: ``"consistent"``: equal arguments give equal results, always; DuckDB then folds
            constants and drops duplicates. Whatever depends on time, chance or the outside must say
            ``"volatile"`` (called for every row) or ``"consistent_within_query"``.
        comment: as ``COMMENT ON`` would set it.
        tags: free key-value pairs.
        examples: SQL statements, or pairs of a statement and what it shows.
        categories: names of categories.

    Raises:
        DeclarationError: the function cannot be called from SQL.

    Example:
        ```python
        @dw.scalar
        def initials(first: str, last: str) -> str:
            return first[0] + last[0]
        ```
    """

    def declare(function: Callable[P, R]) -> ScalarFunction[P, R]:
        return declare_scalar(
            function,
            name=name,
            returns=returns,
            nulls=nulls,
            stability=stability,
            comment=comment,
            tags=tags,
            examples=examples,
            categories=categories,
        )

    return declare if function is None else declare(function)


def table_function(
    *,
    columns: Columns,
    name: str | None = None,
    stability: Stability = "consistent",
    comment: str | None = None,
    tags: Mapping[str, str] | None = None,
    examples: Iterable[ExampleLike] = (),
    categories: Iterable[str] = (),
) -> Callable[[Callable[P, R]], TableFunction[P, R]]:
    """Declare a table function: ``FROM f(…)``.

    The function is a generator, or returns an iterable or a table. A dict of columns, an Arrow
    batch, an Arrow table or a data frame is a batch; a tuple, NamedTuple or dataclass is one row.
    Keyword-only parameters are named arguments of SQL: ``f(10, step := 2)``.

    Args:
        columns: names and types of the result's columns: a dict or a ``pyarrow.Schema``.
        name: name in SQL; the function's own by default.
        stability: as for :func:`scalar`.
        comment: as ``COMMENT ON`` would set it.
        tags: free key-value pairs.
        examples: SQL statements, or pairs of a statement and what it shows.
        categories: names of categories.

    Raises:
        DeclarationError: the function cannot be called from SQL.

    Example:
        ```python
        @dw.table_function(columns={"n": BIGINT})
        def numbers(count: int, *, step: int = 1):
            for n in range(0, count, step):
                yield (n,)
        ```
    """

    def declare(function: Callable[P, R]) -> TableFunction[P, R]:
        return declare_table_function(
            function,
            columns=columns,
            name=name,
            stability=stability,
            comment=comment,
            tags=tags,
            examples=examples,
            categories=categories,
        )

    return declare
