"""Schemas that an author declares in Python: what they contain."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar, overload

from ..errors import DeclarationError
from ..functions.about import check_name, check_tags, check_text
from ..functions.declare import (
    aggregate,
    buffering,
    decorate,
    row_function,
    scalar,
    table_function,
    table_in_out,
)
from .clashes import ROOMS, check_clashes

if TYPE_CHECKING:
    from typing import Unpack

    from ..functions.aggregate import AggregateFunction
    from ..functions.buffering import BufferingFunction
    from ..functions.columns import Columns
    from ..functions.context import Context
    from ..functions.hints import Cardinality
    from ..functions.options import (
        AggregateOptions,
        BufferingOptions,
        RowFunctionOptions,
        ScalarOptions,
        TableFunctionOptions,
        TableInOutOptions,
    )
    from ..functions.row import RowFunction
    from ..functions.scalar import ScalarFunction
    from ..functions.table import TableFunction
    from ..functions.table_in_out import TableInOutFunction
    from ..scans.statistics import ColumnStatistics, TableStatistics
    from .branches import Branch, BranchTable, Source
    from .options import MacroOptions, TableOptions, ViewOptions
    from .providers import Mount
    from .tables import Table
    from .views import Macro, View

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C")

AnyTableFunction: TypeAlias = (
    "TableFunction[..., Any] | RowFunction[..., Any] | TableInOutFunction[..., Any] | BufferingFunction[..., Any]"
)
Function: TypeAlias = "ScalarFunction[..., Any] | AnyTableFunction | AggregateFunction"


class Schema:
    """A schema of a catalog: a named set of functions. Make it with :meth:`Catalog.schema`.

    Attributes:
        name: its name in SQL.
        comment: as ``COMMENT ON SCHEMA`` would set it.
        tags: free key-value pairs.
    """

    def __init__(self, name: str, *, comment: str | None = None, tags: Mapping[str, str] | None = None):
        self.name = check_name(name, "a schema")
        self.comment = None if comment is None else check_text(comment, f"schema '{name}': comment=")
        self.tags = check_tags(tags, f"schema '{name}'")
        self._functions: dict[str, dict[str, list[Any]]] = {room: {} for room in ROOMS.values()}
        self._tables: dict[str, list[Table | BranchTable]] = {}
        self._views: dict[str, View] = {}
        self._macros: dict[str, Macro] = {}
        self._mount: Mount | None = None
        self._neighbours: Iterable[Schema] = (self,)

    def add(self, *functions: Function | type[Any] | Iterable[Function]) -> None:
        """Add functions that were declared with the free decorators ``dw.scalar``, ….

        Args:
            functions: declared functions, or iterables of them. (An aggregate is a class to type checkers.)

        Raises:
            DeclarationError: something else is given, or two overloads cannot be told apart.
        """
        for function in functions:
            if getattr(function, "kind", None) in ROOMS:
                self._add(function)
            elif isinstance(function, Iterable):
                self.add(*_declared(function, self.name))
            else:
                raise _not_declared(function, self.name)

    @overload
    def scalar(self, function: Callable[P, R], /) -> ScalarFunction[P, R]: ...

    @overload
    def scalar(self, /, **options: Unpack[ScalarOptions]) -> Callable[[Callable[P, R]], ScalarFunction[P, R]]: ...

    def scalar(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """Declare a scalar function and add it; see :func:`duckwing.scalar` for the options."""
        return self._decorator(scalar, function, options)

    @overload
    def table_function(self, function: Callable[P, R], /) -> TableFunction[P, R]: ...

    @overload
    def table_function(
        self, /, **options: Unpack[TableFunctionOptions]
    ) -> Callable[[Callable[P, R]], TableFunction[P, R]]: ...

    def table_function(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """Declare a table function and add it; see :func:`duckwing.table_function` for the options."""
        return self._decorator(table_function, function, options)

    @overload
    def row_function(self, function: Callable[P, R], /) -> RowFunction[P, R]: ...

    @overload
    def row_function(
        self, /, **options: Unpack[RowFunctionOptions]
    ) -> Callable[[Callable[P, R]], RowFunction[P, R]]: ...

    def row_function(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """Declare a row function and add it; see :func:`duckwing.row_function` for the options."""
        return self._decorator(row_function, function, options)

    @overload
    def table_in_out(self, function: Callable[P, R], /) -> TableInOutFunction[P, R]: ...

    @overload
    def table_in_out(
        self, /, **options: Unpack[TableInOutOptions]
    ) -> Callable[[Callable[P, R]], TableInOutFunction[P, R]]: ...

    def table_in_out(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """Declare a table-in-out function and add it; see :func:`duckwing.table_in_out` for the options."""
        return self._decorator(table_in_out, function, options)

    @overload
    def buffering(self, function: Callable[P, R], /) -> BufferingFunction[P, R]: ...

    @overload
    def buffering(
        self, /, **options: Unpack[BufferingOptions]
    ) -> Callable[[Callable[P, R]], BufferingFunction[P, R]]: ...

    def buffering(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """Declare a buffering function and add it; see :func:`duckwing.buffering` for the options."""
        return self._decorator(buffering, function, options)

    @overload
    def aggregate(self, function: type[C], /) -> AggregateFunction: ...

    @overload
    def aggregate(self, /, **options: Unpack[AggregateOptions]) -> Callable[[type[C]], AggregateFunction]: ...

    def aggregate(self, function: Any = None, /, **options: Any) -> Any:
        """Declare an aggregate function and add it; see :func:`duckwing.aggregate` for the options."""
        return self._decorator(aggregate, function, options)

    def table(self, name: str, function: TableFunction[..., Any], **options: Unpack[TableOptions]) -> Table:
        """Add a table: the rows of a table function.

        Args:
            name: its name in SQL.
            function: scans it. It becomes a function of this schema if no schema of the catalog has it yet.
            options: all by name:

                - ``args``, ``named``: what the function is called with, by position and by name.
                - ``primary_key``, ``unique``, ``not_null``, ``foreign_keys`` (:class:`duckwing.ForeignKey`),
                  ``checks`` (SQL conditions): constraints. DuckDB shows them and does not check them.
                - ``defaults``: SQL expressions by column.
                - ``generated``: columns that DuckDB computes, ``{"total": dw.Generated(DOUBLE, "price * count")}``.
                - ``row_id``: the column that identifies a row. It is hidden, and shown as ``rowid``.
                - ``required_filters``: columns by which a query must filter; a list stands for one of its columns.
                - ``data_versions``: the versions of the catalog's data in which it is there; in all by default.
                - ``time_travel``: the function looks at ``ctx.at``, and so may a callable ``columns=``.
                - ``version``, a number or text, and ``since``, a date or time (in UTC unless it says otherwise): the
                  table is one state of several of its name, which ``AT (VERSION => …)`` and ``AT (TIMESTAMP => …)`` ask
                  for. They are declared one by one, the oldest first; the last one is what a query without AT reads.
                - ``cardinality``, ``statistics``: as for :func:`duckwing.table_function`, of this table; no callables.
                - ``comment``, ``tags``, ``column_comments``.

        Raises:
            DeclarationError: the schema has a table or view of that name, or an option does not fit the function.

        Example:
            ```python
            sales.table("orders", orders, args=(1000,), primary_key="id", comment="All orders")
            ```
        """
        from .tables import declare_table

        table = declare_table(name, self.name, function, **options)
        self._check_state(table)
        self._own(function)
        self._tables.setdefault(name.casefold(), []).append(table)
        return table

    def branches(
        self,
        name: str,
        columns: Columns,
        branches: Sequence[Branch | Source],
        *,
        extensions: Sequence[str] = (),
        comment: str | None = None,
        tags: Mapping[str, str] | None = None,
        required_filters: str | Sequence[str | Sequence[str]] = (),
        cardinality: int | Cardinality | None = None,
        statistics: Mapping[str, ColumnStatistics] | TableStatistics | None = None,
    ) -> BranchTable:
        """Add a table that DuckDB reads itself, or that is put together from several sources.

        Args:
            name: its name in SQL.
            columns: names and types; those of the sources are matched by name and cast.
            branches: :class:`duckwing.Files`, :class:`duckwing.Native`, :class:`duckwing.CatalogTable` or table
                functions; or a :class:`duckwing.Branch` of one, with arguments and a condition.
            extensions: DuckDB extensions to load before a scan.
            comment: as ``COMMENT ON TABLE`` would set it.
            tags: free key-value pairs.
            required_filters: columns by which a query must filter; a list stands for one of its columns.
            cardinality: the number of its rows.
            statistics: what is known of its columns. It must be true.

        Raises:
            DeclarationError: the schema has a table or view of that name, or a branch cannot be one.

        Example:
            ```python
            logs.branches("events", {"day": DATE, "text": VARCHAR}, [
                dw.Branch(dw.Files("parquet", ["archive/*.parquet"]), where="day < DATE '2024-01-01'"),
                dw.Branch(live_events, where="day >= DATE '2024-01-01'"),
            ])
            ```
        """
        from .branches import declare_branches

        table = declare_branches(
            name,
            self.name,
            columns,
            branches,
            extensions=extensions,
            comment=comment,
            tags=tags,
            required_filters=required_filters,
            cardinality=cardinality,
            statistics=statistics,
        )
        self._check_state(table)
        for _, scanned in table.branches:
            if scanned is not None:
                self._own(scanned.function)
        self._tables.setdefault(name.casefold(), []).append(table)
        return table

    def view(self, name: str, definition: str, **options: Unpack[ViewOptions]) -> View:
        """Add a view.

        Args:
            name: its name in SQL.
            definition: one SELECT statement in DuckDB's SQL. Names of this catalog go without the
                catalog's name, because users may attach it under another one.
            options: ``comment``, ``tags``, ``column_comments``.

        Raises:
            DeclarationError: the schema has a table or view of that name, or this is no SELECT statement.
        """
        from .views import declare_view

        view = declare_view(name, definition, **options)
        self._check_relation(name)
        self._views[name.casefold()] = view
        return view

    def macro(
        self,
        name: str,
        parameters: Sequence[str] | Mapping[str, Any],
        definition: str,
        **options: Unpack[MacroOptions],
    ) -> Macro:
        """Add a macro: ``macro("twice", ["x"], "x * 2")``, or a table macro if it is a SELECT statement.

        Args:
            name: its name in SQL.
            parameters: names, or a dict of names and defaults, where ``...`` means that there is none.
            definition: an SQL expression, or one SELECT statement.
            options: ``comment``, ``tags``, and ``docs``, what each parameter means.

        Raises:
            DeclarationError: the schema has a function or macro of that name, or this is no SQL.
        """
        from .views import declare_macro

        macro = declare_macro(name, parameters, definition, **options)
        key = name.casefold()
        if key in self._macros or any(key in functions for functions in self._functions.values()):
            raise DeclarationError(f"schema '{self.name}' already has a function or macro '{name}'")
        self._macros[key] = macro
        return macro

    def take(self, mount: Mount) -> None:
        """Take over the tables of a provider; :meth:`duckwing.Catalog.mount` makes the mount.

        Raises:
            DeclarationError: the schema has one already.
        """
        if self._mount is not None:
            raise DeclarationError(
                f"schema '{self.name}' already has a provider; mount the other one in another schema"
            )
        for function in (mount.function, *mount.write_functions):
            self._add(function)
        self._mount = mount

    def find_table(self, name: str, ctx: Context) -> Table | BranchTable | None:
        """One table, without regard to case, or None.

        Args:
            name: its name.
            ctx: who asks.

        Raises:
            CatalogError: an earlier state is asked for that the table does not have.
        """
        states = self._tables.get(name.casefold())
        if states is not None:
            from .states import choose_state

            table = choose_state(states, ctx)
            if table is not None:
                return table.seen_by(ctx)
        return None if self._mount is None else self._mount.table(name, ctx)

    def table_names(self, ctx: Context) -> Iterable[str]:
        """The names of the tables that a listing shows to who asks; a list if they are at hand."""
        version = ctx.data_version
        here = ([table.name for table in states if table.is_in(version)] for states in self._tables.values())
        names = [found[-1] for found in here if found]
        if self._mount is None:
            return names
        mounted = self._mount.names(ctx)
        others = (name for name in mounted if name.casefold() not in self._tables)
        return [*names, *others] if isinstance(mounted, list) else itertools.chain(names, others)

    def find_view(self, name: str, ctx: Context) -> View | None:
        """One view, without regard to case, or None.

        Args:
            name: its name.
            ctx: who asks.
        """
        view = self._views.get(name.casefold())
        return view if view is not None or self._mount is None else self._mount.view(name, ctx)

    def view_names(self, ctx: Context) -> list[str]:
        """The names of the views that a listing shows to who asks."""
        names = [view.name for view in self._views.values()]
        if self._mount is not None:
            names += [name for name in self._mount.view_names(ctx) if name.casefold() not in self._views]
        return names

    @property
    def declared_relations(self) -> set[str]:
        """The names of the declared tables and views, in lower case."""
        return {*self._tables, *self._views}

    def mounted_within(self, name: str) -> Schema:
        """Another schema of the provider that is mounted here."""
        schema = Schema(name)
        schema._mount = None if self._mount is None else self._mount.within(name)
        return schema

    @property
    def has_history(self) -> bool:
        """Whether some table has earlier states."""
        declared = (table for states in self._tables.values() for table in states)
        return any(table.time_travel or table.version is not None for table in declared) or (
            self._mount is not None and self._mount.time_travel
        )

    @property
    def mounted(self) -> Mount | None:
        """Where the tables come from that are not declared."""
        return self._mount

    @property
    def views(self) -> Mapping[str, View]:
        """The declared views, by name in lower case."""
        return self._views

    @property
    def macros(self) -> Mapping[str, Macro]:
        """The macros, by name in lower case."""
        return self._macros

    def has(self, function: Function) -> bool:
        """Whether a function was added to it."""
        room = ROOMS.get(getattr(function, "kind", ""), "")
        return any(other is function for same in self._functions.get(room, {}).values() for other in same)

    def scalars(self, name: str | None = None) -> list[ScalarFunction[..., Any]]:
        """The scalar functions, or those of one name, which SQL compares without regard to case."""
        return _select(self._functions["scalar"], name)

    def table_functions(self, name: str | None = None) -> list[AnyTableFunction]:
        """All functions that SQL calls in FROM, or those of one name."""
        return _select(self._functions["table"], name)

    def aggregates(self, name: str | None = None) -> list[AggregateFunction]:
        """The aggregate functions, or those of one name."""
        return _select(self._functions["aggregate"], name)

    def _decorator(self, declare: Callable[..., Any], function: Any, options: Mapping[str, Any]) -> Any:
        return decorate(functools.partial(self._declare, declare), function, options)

    def _declare(self, declare: Callable[..., Any], function: Any, /, **options: Any) -> Any:
        declared = declare(function, **options)
        self.add(declared)
        return declared

    def _check_relation(self, name: str) -> None:
        if name.casefold() in self._tables or name.casefold() in self._views:
            raise DeclarationError(f"schema '{self.name}' already has a table or view '{name}'")

    def _check_state(self, table: Table | BranchTable) -> None:
        from .states import check_state

        key = table.name.casefold()
        if key in self._views:
            self._check_relation(table.name)
        check_state(table, self._tables.get(key, ()))

    def _own(self, function: Any) -> None:
        """Add a function that scans a table, unless a schema of the catalog has it already."""
        if not any(other is function for schema in self._neighbours for other in schema.table_functions(function.name)):
            self._add(function)

    def _add(self, function: Any) -> None:
        if function.name.casefold() in self._macros:
            raise DeclarationError(f"schema '{self.name}' already has a macro '{function.name}'")
        check_clashes(self.name, function, self._functions)
        self._functions[ROOMS[function.kind]].setdefault(function.name.casefold(), []).append(function)


def _declared(functions: Iterable[Function], schema: str) -> Iterator[Function]:
    """The items of an iterable that was given to ``add``; a string is none of ours, nor are its letters."""
    for function in functions:
        if getattr(function, "kind", None) not in ROOMS:
            raise _not_declared(function, schema)
        yield function


def _not_declared(value: object, schema: str) -> DeclarationError:
    return DeclarationError(
        f"schema '{schema}': add() takes declared functions, not {value!r}; "
        "decorate it with dw.scalar or dw.table_function first"
    )


def _select(functions: Mapping[str, list[Any]], name: str | None) -> list[Any]:
    if name is None:
        return [function for same_name in functions.values() for function in same_name]
    return functions.get(name.casefold(), [])
