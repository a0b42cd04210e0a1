"""The decorators ``scalar`` and ``table_function``, free of any catalog.

A function declared with them is added to a catalog later: ``demo.add(f, g)``. The decorators of a
catalog or schema do both at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from .scalar import ScalarFunction, declare_scalar
from .table import TableFunction, declare_table_function

if TYPE_CHECKING:
    from typing import Unpack

    from .options import ScalarOptions, TableFunctionOptions

P = ParamSpec("P")
R = TypeVar("R")


@overload
def scalar(function: Callable[P, R], /) -> ScalarFunction[P, R]: ...


@overload
def scalar(**options: Unpack[ScalarOptions]) -> Callable[[Callable[P, R]], ScalarFunction[P, R]]: ...


def scalar(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Declare a scalar function: one value for each row.

    Arrow annotations mean that the function is called once per batch, with arrays; Python
    annotations that it is called once per row. Positional defaults become shorter forms of the
    call, ``*values`` takes any number of arguments, and ``Const[T]`` is one Python value for a
    whole batch.

    Args:
        function: the function, when used without parentheses.
        options: all by name:

            - ``name``: name in SQL; the function's own by default. Several functions of one name
              are overloads.
            - ``returns``: type of the result, if the annotation does not say it.
            - ``nulls``: ``"skip"`` (the default): the result is NULL wherever an argument is, and
              the function never sees such a row, except in arguments annotated ``T | None``;
              ``"pass"``: it sees all NULLs.
            - ``stability``: ``"consistent"`` (the default): equal arguments give equal results,
              always; DuckDB then folds constants and drops duplicates. Whatever depends on time,
              chance or the outside must say ``"volatile"`` (called for every row) or
              ``"consistent_within_query"``.
            - ``comment``: as ``COMMENT ON`` would set it.
            - ``tags``: free key-value pairs.
            - ``examples``: SQL statements, or pairs of a statement and what it shows.
            - ``categories``: names of categories.

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
        return declare_scalar(function, **options)

    return declare if function is None else declare(function)


def table_function(**options: Unpack[TableFunctionOptions]) -> Callable[[Callable[P, R]], TableFunction[P, R]]:
    """Declare a table function: ``FROM f(…)``.

    The function is a generator, or returns an iterable or a table. A dict of columns, an Arrow
    batch, an Arrow table or a data frame is a batch; a tuple, NamedTuple or dataclass is one row.
    Keyword-only parameters are named arguments of SQL: ``f(10, step := 2)``.

    Args:
        options: all by name:

            - ``columns`` (required): names and types of the result's columns, a dict or a
              ``pyarrow.Schema``.
            - ``name``, ``stability``, ``comment``, ``tags``, ``examples``, ``categories``: as for
              :func:`scalar`.

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
        return declare_table_function(function, **options)

    return declare
