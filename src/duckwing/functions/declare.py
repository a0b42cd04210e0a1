"""The decorators ``scalar``, ``table_function``, …, free of any catalog.

A function declared with them is added to a catalog later: ``demo.add(f, g)``. The decorators of a
catalog or schema do both at once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

if TYPE_CHECKING:
    from typing import Unpack

    from .aggregate import AggregateFunction
    from .buffering import BufferingFunction
    from .options import (
        AggregateOptions,
        BufferingOptions,
        RowFunctionOptions,
        ScalarOptions,
        TableFunctionOptions,
        TableInOutOptions,
    )
    from .row import RowFunction
    from .scalar import ScalarFunction
    from .table import TableFunction
    from .table_in_out import TableInOutFunction

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C")


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
            - ``returns``: type of the result, if the annotation does not say it; or a callable
              over some of the parameters by name, which gets their types and returns that of the
              result.
            - ``concurrency``: async functions: how many rows are awaited at once (16).
            - ``nulls``: ``"skip"`` (the default): the result is NULL wherever an argument is, and
              the function never sees such a row, except in arguments annotated ``T | None``;
              ``"pass"``: it sees all NULLs.
            - ``stability``: ``"consistent"`` (the default): equal arguments give equal results,
              always; DuckDB then folds constants and drops duplicates. Whatever depends on time,
              chance or the outside must say ``"volatile"`` (called for every row) or
              ``"consistent_within_query"``.
            - ``cache``: a :class:`duckwing.Cache`: DuckDB may use the result for a row of arguments again.
            - ``constants``: ``"bound"``: DuckDB demands that ``Const`` arguments are constants, hands them over
              when it plans, so that a callable ``returns=`` gets their values, and shows that they must be. It
              then takes two calls of a query that differ in nothing else for one. ``"columns"`` (the
              default): they travel with the rows, whatever they are.
            - ``comment``: as ``COMMENT ON`` would set it.
            - ``tags``: free key-value pairs.
            - ``examples``: SQL statements, or pairs of a statement and what it shows.
            - ``categories``: names of categories.
            - ``settings``: settings of the catalog, or their names, that must have a value. Without it DuckDB refuses
              the call, and the function does not run.

    Raises:
        DeclarationError: the function cannot be called from SQL.

    Example:
        ```python
        @dw.scalar
        def initials(first: str, last: str) -> str:
            return first[0] + last[0]
        ```
    """
    from .scalar import declare_scalar

    return decorate(declare_scalar, function, options)


@overload
def table_function(function: Callable[P, R], /) -> TableFunction[P, R]: ...


@overload
def table_function(**options: Unpack[TableFunctionOptions]) -> Callable[[Callable[P, R]], TableFunction[P, R]]: ...


def table_function(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Declare a table function: ``FROM f(…)``.

    The function is a generator, or returns an iterable or a table. A dict of columns, an Arrow
    batch, an Arrow table or a data frame is a batch; a tuple, NamedTuple or dataclass is one row.
    Keyword-only parameters are named arguments of SQL: ``f(10, step := 2)``. A class is resumable:
    its ``__init__`` takes the arguments, ``next()`` returns a batch or a list of rows, None at the
    end, and its annotated fields are what any process needs to go on. A class with ``plan()``, which
    returns the parts of the scan as plain values, and ``scan(part)``, which reads one, is read by all
    threads and processes at once.

    Args:
        function: the function, when used without parentheses.
        options: all by name:

            - ``columns``: names and types of the result's columns, a dict or a ``pyarrow.Schema``;
              or a callable over some of the parameters by name that returns them, or a
              :class:`duckwing.Bound` of them. Not needed if the function is annotated
              ``-> Iterator[Row]`` with a NamedTuple or dataclass.
            - ``filters``: ``"apply"`` (the default): rows that do not meet the query's conditions are
              left out; ``"mine"``: the function leaves them out itself, all of them; ``"none"``: DuckDB does
              not say which conditions there are and leaves them out, so that one result that it keeps
              (``cache``) is for queries with any conditions.
            - ``samples``: the function takes samples itself (``ctx.sample``); else DuckDB does.
            - ``order``: ``"preserved"``: the rows come in the function's order (the default, but for
              splits); ``"none"``: their order means nothing; ``"fixed"``: they are read by one thread.
            - ``partition_by``: columns that tell partitions apart; ``partitions``: ``"single"`` (the
              default): within a batch they have one value; ``"disjoint"``, ``"overlapping"``.
            - ``cardinality``: the number of rows, a :class:`duckwing.Cardinality`, or a callable over
              some of the parameters; ``statistics``: a :class:`duckwing.ColumnStatistics` for each
              column, a :class:`duckwing.TableStatistics`, or such a callable. They must be true.
            - ``late_materialization``: for tables with a row id, which the function can look up
              cheaply: DuckDB reads the first rows of an order in two scans.
            - ``projection``: False: DuckDB does not say which columns it needs and gets all of them, so that one
              result that it keeps (``cache``) is for queries of any columns.
            - ``cache``: a :class:`duckwing.Cache`: DuckDB may use the result again; or a callable over some of the
              parameters that returns one, or None.
            - ``split_ttl``: seconds for which a plan of splits can be read; for good by default.
            - ``listed``: False: SQL cannot call it; it only scans tables.
            - ``name``, ``stability``, ``comment``, ``tags``, ``examples``, ``categories``, ``settings``: as for
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
    from .table import declare_table_function

    return decorate(declare_table_function, function, options)


@overload
def row_function(function: Callable[P, R], /) -> RowFunction[P, R]: ...


@overload
def row_function(**options: Unpack[RowFunctionOptions]) -> Callable[[Callable[P, R]], RowFunction[P, R]]: ...


def row_function(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Declare a row function: none to many rows for each row of its input.

    SQL calls it with values, ``FROM f(1)``, and for each row of another table,
    ``FROM t, f(t.a)``. Its positional parameters are columns, keyword-only ones are constants,
    which DuckDB takes in the first form only. With Python annotations it is called once per row
    and yields rows, returns a list of them, or one, or None; it may be async. With Arrow
    annotations it is called once per batch and returns columns with one row for each input row,
    or a pair: the columns, and an array that says for each row from which input row it came. A
    row with a NULL gives no rows, unless the parameter is annotated ``T | None``.

    Args:
        function: the function, when used without parentheses.
        options: all by name:

            - ``columns``: as for :func:`table_function`; a callable gets types for the columns.
            - ``concurrency``: async functions: how many rows are awaited at once (16).
            - ``cache``: a :class:`duckwing.Cache`: DuckDB may use the rows for a row of input again.
            - ``projection``: False: DuckDB does not say which columns it needs (``ctx.columns``) and gets all of them,
              so that what it keeps is for queries of any columns.
            - ``name``, ``stability``, ``comment``, ``tags``, ``examples``, ``categories``, ``settings``: as for
              :func:`scalar`.

    Raises:
        DeclarationError: the function cannot be called from SQL.

    Example:
        ```python
        @dw.row_function(columns={"word": VARCHAR})
        def words(text: str):
            for word in text.split():
                yield (word,)
        ```
    """
    from .row import declare_row_function

    return decorate(declare_row_function, function, options)


@overload
def table_in_out(function: Callable[P, R], /) -> TableInOutFunction[P, R]: ...


@overload
def table_in_out(**options: Unpack[TableInOutOptions]) -> Callable[[Callable[P, R]], TableInOutFunction[P, R]]: ...


def table_in_out(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Declare a table-in-out function: ``FROM f((SELECT …), …)``, batch by batch.

    One parameter is the table, annotated ``pa.RecordBatch`` (or ``pa.Table``); the function is
    called for each batch of at most 2,048 rows and yields or returns any number of rows. The
    others are constants; positional ones cannot have defaults. A class has
    ``process(self, rows)`` in place of the function and ``finish(self)`` for rows after the last
    input; its ``__init__`` takes the constants, its annotated fields are its state.

    DuckDB does not call a function for a table without rows. A class with ``finish`` that sees the whole
    table in one instance gives the rows of ``finish`` for it all the same, unless DuckDB knows when it
    plans that there are none (``WHERE false``), and leaves the call out.

    Args:
        function: the function or class, when used without parentheses.
        options: all by name:

            - ``columns``: as for :func:`table_function`, or ``"input"`` (the default): those of
              the table. A callable gets a ``pyarrow.Schema`` for the table.
            - ``per_thread``: a class with ``finish`` normally sees the whole table in one
              instance; with True each thread of the query has its own, and ``finish`` runs for each.
            - ``cache``: a :class:`duckwing.Cache`: DuckDB may use the rows for a batch of input again.
            - ``projection``: as for :func:`row_function`.
            - ``name``, ``stability``, ``comment``, ``tags``, ``examples``, ``categories``, ``settings``: as for
              :func:`scalar`.

    Raises:
        DeclarationError: the function cannot be called from SQL.

    Example:
        ```python
        @dw.table_in_out
        def keep(rows: pa.RecordBatch, *, column: str):
            yield rows.filter(pc.is_valid(rows[column]))
        ```
    """
    from .table_in_out import declare_table_in_out

    return decorate(declare_table_in_out, function, options)


@overload
def buffering(function: Callable[P, R], /) -> BufferingFunction[P, R]: ...


@overload
def buffering(**options: Unpack[BufferingOptions]) -> Callable[[Callable[P, R]], BufferingFunction[P, R]]: ...


def buffering(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Declare a buffering function: ``FROM f((SELECT …), …)``, which sees all rows before it gives any.

    One parameter is the table, annotated ``Iterator[pa.RecordBatch]``, ``pa.RecordBatchReader`` or
    ``pa.Table``. The input is kept on disk, so it may be larger than memory as long as the
    function takes it batch by batch. It is called once and yields or returns rows like a table
    function. A class decides itself what is kept, and can give its rows from several processes:

    - ``sink(self, rows: pa.RecordBatch)`` returns what to keep of a batch: rows of any columns, or None;
    - ``split(self, parts: list)``, optional, distributes the kept parts: it returns a list of lists;
    - ``source(self, parts: Iterator)`` yields the rows of the result for one of those lists.

    DuckDB does not call it at all for a table without rows.

    Args:
        function: the function or class, when used without parentheses.
        options: all by name:

            - ``columns``: as for :func:`table_in_out`.
            - ``ordered``: the input comes in the order of the query that makes it; ``"serial"``: and one batch
              after the other, so that ``sink`` is called in that order, too, by one thread of DuckDB. The lists that
              ``split`` returns are then read in their order; ``"output"``: only these are ordered, not the input.
            - ``projection``, ``filters``: as for :func:`table_function`; of the rows of the result.
            - ``cache``: a :class:`duckwing.Cache`: DuckDB may use the result for the same input again, whatever the
              conditions, so that it evaluates them itself: ``filters`` is ``"none"``.
            - ``name``, ``stability``, ``comment``, ``tags``, ``examples``, ``categories``, ``settings``: as for
              :func:`scalar`.

    Raises:
        DeclarationError: the function cannot be called from SQL.

    Example:
        ```python
        @dw.buffering
        def top_k(rows: pa.Table, *, by: str, k: int = 10):
            yield rows.sort_by([(by, "descending")]).slice(0, k)
        ```
    """
    from .buffering import declare_buffering

    return decorate(declare_buffering, function, options)


@overload
def aggregate(function: type[C], /) -> AggregateFunction: ...


@overload
def aggregate(**options: Unpack[AggregateOptions]) -> Callable[[type[C]], AggregateFunction]: ...


def aggregate(function: Any = None, /, **options: Any) -> Any:
    """Declare an aggregate function, a class. There are two forms, told apart by the method ``update``.

    *All groups at once*: fields annotated ``PerGroup[…]`` are arrays with one number for each
    group, in memory that all processes of the worker share. ``update(self, groups, …)`` takes the
    rows of a batch, whatever their groups, and changes the fields through ``groups``;
    ``result(self, groups)`` returns one value for each group. ``merge`` is derived.

    *One instance for each group*: simpler and slower. ``update(self, …)`` takes the values of the
    group's rows, as Arrow arrays or value by value; ``merge(self, other)`` takes in another
    instance; ``result(self)`` returns the value. Annotated fields are the state.

    The parameters of ``update`` are the columns of the SQL call, in both forms. Parameters of
    ``__init__`` are constants, which follow the columns unless ``update`` has a ``Const``
    parameter of their name. Rows with a NULL are left out, and a group without rows is NULL.

    Optional methods: ``window(self, …)`` computes the value of one window frame from its rows, in
    place of many calls of ``update`` and ``merge``; ``running(self, …)`` takes the next rows of a
    partition and returns an array of the values up to and with each, for cumulative windows.

    Args:
        function: the class, when used without parentheses.
        options: all by name:

            - ``returns``: type of the result, if the annotation of ``result`` does not say it; or a callable
              over some of the parameters by name, which gets the types of columns and the values of
              constants and secrets, and returns the type of the result.
            - ``empty``: the value of a group without rows, in place of NULL; or a callable that makes it
              of the type of the result.
            - ``nulls``: ``"skip"`` (the default) or ``"pass"``: rows with a NULL count.
            - ``order_dependent``, ``distinct_dependent``: False if ``ORDER BY`` or ``DISTINCT``
              inside the call makes no difference; DuckDB then leaves them out.
            - ``name``, ``comment``, ``tags``, ``examples``, ``categories``, ``settings``: as for :func:`scalar`.

    Raises:
        DeclarationError: the class cannot be an aggregate.

    Example:
        ```python
        @dw.aggregate
        class total_of:
            total: dw.PerGroup[int] = 0

            def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
                groups.add(self.total, value)

            def result(self, groups: dw.Groups) -> pa.Int64Array:
                return groups.take(self.total)
        ```
    """
    from .aggregate import declare_aggregate

    return decorate(declare_aggregate, function, options)


def decorate(declare: Callable[..., Any], function: Any, options: Mapping[str, Any]) -> Any:
    """What a decorator returns.

    Args:
        declare: makes a declared function of an author's function and the options.
        function: the author's; None: the decorator was used with parentheses, so the next call brings it.
        options: by name.
    """
    decorator = functools.partial(declare, **options)
    return decorator if function is None else decorator(function)
