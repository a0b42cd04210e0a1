"""Catalogs whose tables are not known when the worker is written: a database file, a server, a folder."""

from __future__ import annotations

import copy
import inspect
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from ..errors import CatalogError, DeclarationError
from ..functions.columns import Bound, Columns
from ..functions.context import Context
from ..functions.table import TableFunction, declare_table_function

if TYPE_CHECKING:
    from ..functions.changes import Change
    from ..functions.table_in_out import TableInOutFunction
    from .tables import Table
    from .views import View


class TableDefinition:
    """A table as a :class:`TableProvider` describes it.

    Args:
        columns: names and types, a dict or a ``pyarrow.Schema``.
        writes: which of ``insert``, ``update`` and ``delete`` this table takes, where the provider takes more; None:
            all that the provider does.
        returning: INSERT, UPDATE and DELETE may have RETURNING.
        options: those of :meth:`duckwing.Schema.table` but ``args`` and ``named``: ``comment``, ``primary_key``,
            ``not_null``, ``row_id``, ….
    """

    def __init__(
        self, columns: Columns, *, writes: Sequence[str] | None = None, returning: bool = True, **options: Any
    ):
        self.columns = columns
        self.writes = writes
        self.returning = returning
        self.options = options


class ViewDefinition:
    """A view as a :class:`TableProvider` describes it.

    Args:
        definition: one SELECT statement in DuckDB's SQL, as for :meth:`duckwing.Schema.view`.
        options: those of :meth:`duckwing.Schema.view`: ``comment``, ``tags``, ``column_comments``.
    """

    def __init__(self, definition: str, **options: Any):
        self.definition = definition
        self.options = options


class TableProvider(Protocol):
    """What a dynamic catalog must know of its tables.

    The context says who asks: ``ctx.options`` (of ATTACH), ``ctx.caller``, ``ctx.at`` (time travel), ``ctx.schema``
    (which schema). While a scan runs, it also has ``ctx.columns``, ``ctx.filters`` and ``ctx.order``: all that a
    table function gets.

    Further methods are used where they exist: ``cardinality(name, ctx)`` returns how many rows a table has, more or
    less, or a :class:`duckwing.Cardinality`; ``statistics(name, ctx)`` a :class:`duckwing.TableStatistics`, which
    must be true while the query runs; None: unknown. And ``version(ctx)`` a positive number that changes with the
    tables or their columns: as long as it does not, DuckDB asks for neither again. A class attribute
    ``frozen = True`` says that neither ever changes, so that DuckDB need not ask with each transaction, and one
    ``time_travel = True`` that tables have earlier states, which ``ctx.at`` asks for.

    A provider that has views, too, has the methods ``views(ctx)``, the names that a listing shows, and
    ``view(name, ctx)``, a :class:`ViewDefinition` or None. One whose tables are in several schemas has
    ``schemas(ctx)``, the names of those beside the one where it is mounted; all other methods are then asked
    for ``ctx.schema``.

    A provider that can be written to has a class attribute ``writes``, the operations that it takes, such as
    ``("insert", "update", "delete", "create_table", "drop_table")`` (see :class:`duckwing.Change`), and a method
    ``apply(changes, ctx)``, which does all the changes of a transaction when it commits, or none of them. What a
    transaction has changed so far is ``ctx.changes``; ``tables``, ``table`` and ``scan`` must show it. A method
    ``check(changes, ctx)`` may refuse changes at the end of each statement. One that knows no transactions has a
    method ``write(change, ctx)`` in the place of ``apply``, which inserts, updates or deletes a batch of rows at once;
    it may return the rows as they are now (or were, if they are deleted), for RETURNING, or how many it has found.

    Example:
        ```python
        class Folder:
            def __init__(self, folder: str): ...
            def tables(self, ctx): return [f.stem for f in self.folder.glob("*.csv")]
            def table(self, name, ctx): ...
            def scan(self, name, ctx): ...

        files = dw.Catalog("files")
        files.attach_option("folder", VARCHAR, required=True)
        files.mount(Folder)
        ```
    """

    def tables(self, ctx: Context) -> Iterable[str]:
        """The names of the tables that a listing shows."""

    def table(self, name: str, ctx: Context) -> TableDefinition | None:
        """One table, also one that no listing shows. Names are compared as the provider likes; None: there is none."""

    def scan(self, name: str, ctx: Context) -> Any:
        """The rows of a table: whatever a table function may return or yield."""


@dataclass(eq=False)
class Mount:
    """A provider's place in a schema.

    Attributes:
        schema: name of the schema.
        source: the provider, or what makes one from options of ATTACH, which its parameters name.
        wants: the options that ``source`` wants, by parameter; None: it is a provider itself.
        function: scans the tables.
        write_functions: write to them.
        home: name of the schema that has these functions; another one than ``schema`` if :meth:`within` made this.
    """

    schema: str
    source: Any
    wants: Mapping[str, str] | None
    function: TableFunction[..., Any] = field(init=False)
    write_functions: Sequence[TableInOutFunction[..., Any]] = ()
    home: str = field(init=False)
    _made: dict[bytes, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.home = self.schema

        def scan_table(table: str, *, schema: str | None = None, ctx: Context) -> Any:
            """The rows of a table of a provider.

            Args:
                table: its name.
                schema: the schema that it is in; by default the one of this function.
            """
            ctx.see_changes_until(ctx.bound)
            return self.within(schema).provider(ctx).scan(table, ctx)

        def columns(table: str, schema: str | None, ctx: Context) -> Bound:
            definition = self.within(schema).definition(table, ctx)
            return Bound(definition.columns, ctx.place_in_changes() if self.writes and not self.is_direct else None)

        self.function = declare_table_function(
            scan_table,
            columns=columns,
            cardinality=lambda table, schema, ctx: self.within(schema)._known("cardinality", table, ctx),
            statistics=lambda table, schema, ctx: self.within(schema)._known("statistics", table, ctx),
        )
        if self.writes:
            from .writing import WRITES, write_function

            self.write_functions = [write_function(self, op) for op in WRITES if op in self.writes]

    def within(self, schema: str | None) -> Mount:
        """The same provider, asked for another of its schemas; None: for this one."""
        if schema is None or schema == self.schema:
            return self
        mount = copy.copy(self)
        mount.schema = schema
        return mount

    def provider(self, ctx: Context) -> Any:
        """The provider for an attachment; the process keeps one for each set of options.

        Raises:
            Exception: whatever making it raises.
        """
        ctx.see_changes_of(self.home)
        ctx.enter_schema(self.schema)
        if self.wants is None:
            return self.source
        from ..state.values import dump_value

        options = {parameter: ctx.options[option] for parameter, option in self.wants.items()}
        key = dump_value(options)
        with self._lock:
            if key not in self._made:
                self._made[key] = self.source(**options)
            return self._made[key]

    def names(self, ctx: Context) -> Iterable[str]:
        """The names of the tables that listings show, as the provider gives them."""
        names: Iterable[str] = self.provider(ctx).tables(ctx)
        return names

    def definition(self, name: str, ctx: Context) -> TableDefinition:
        """A table that must be there.

        Raises:
            CatalogError: it is not.
        """
        definition: TableDefinition | None = self.provider(ctx).table(name, ctx)
        if definition is None:
            raise CatalogError(f"there is no table '{name}' in schema '{self.schema}'")
        return definition

    def table(self, name: str, ctx: Context) -> Table | None:
        """A table, or None.

        Raises:
            DeclarationError: its definition cannot be one.
            CatalogError: an earlier state is asked for, and the table has none.
        """
        definition = self.provider(ctx).table(name, ctx)
        if definition is None:
            return None
        if ctx.at is not None and not self.time_travel:
            raise CatalogError(f"Table '{name}' does not support time travel queries; leave out AT")
        from .tables import declare_table

        return declare_table(
            name,
            self.schema,
            self.function,
            args=(name,),
            named=None if self.schema == self.home else {"schema": self.schema},
            context=ctx,
            writers=self._writers(name, definition),
            returning=definition.returning,
            told=definition.columns,
            **definition.options,
        )

    def schema_names(self, ctx: Context) -> list[str]:
        """The schemas of the provider beside the one where it is mounted."""
        if not self.has_schemas:
            return []
        names = dict.fromkeys(self.provider(ctx).schemas(ctx))
        return [name for name in names if name.casefold() != self.home.casefold()]

    def view_names(self, ctx: Context) -> list[str]:
        """The names of the views that listings show."""
        provider = self.provider(ctx)
        return list(provider.views(ctx)) if callable(getattr(provider, "views", None)) else []

    def view(self, name: str, ctx: Context) -> View | None:
        """A view, or None.

        Raises:
            DeclarationError: its definition cannot be one.
        """
        provider = self.provider(ctx)
        if not callable(getattr(provider, "view", None)):
            return None
        definition: ViewDefinition | None = provider.view(name, ctx)
        if definition is None:
            return None
        from .views import declare_view

        return declare_view(name, definition.definition, **definition.options)

    def kind_of(self, name: str, ctx: Context) -> Literal["table", "view"] | None:
        """What the provider has of that name, whether or not its definition is right; None: nothing."""
        provider = self.provider(ctx)
        if provider.table(name, ctx) is not None:
            return "table"
        return "view" if callable(getattr(provider, "view", None)) and provider.view(name, ctx) is not None else None

    @property
    def has_schemas(self) -> bool:
        """Whether the provider has tables in several schemas."""
        return bool(getattr(self.source, "schemas", False))

    @property
    def provider_name(self) -> str:
        """The provider, for error messages."""
        made = self.source if self.wants is not None else type(self.source)
        return str(getattr(made, "__qualname__", made))

    @property
    def writes(self) -> frozenset[str]:
        """The operations that the provider takes."""
        return frozenset(getattr(self.source, "writes", ()))

    @property
    def frozen(self) -> bool:
        """Whether its tables and their columns stay as they are."""
        return bool(getattr(self.source, "frozen", False))

    @property
    def is_direct(self) -> bool:
        """Whether the provider does each change at once, in no transaction."""
        return bool(self.writes) and callable(getattr(self.source, "write", None))

    def apply(self, changes: Sequence[Change], ctx: Context) -> None:
        """Have the provider do what a transaction has changed, as a whole.

        Raises:
            Exception: whatever it raises; then nothing must have been done.
        """
        self.provider(ctx).apply(changes, ctx)

    @property
    def time_travel(self) -> bool:
        """Whether its tables have earlier states."""
        return bool(getattr(self.source, "time_travel", False))

    def _writers(self, name: str, definition: TableDefinition) -> dict[str, str]:
        """The functions that write to a table, by operation. What changes rows needs their ids.

        Raises:
            DeclarationError: the table takes what the provider does not.
        """
        names = {function.name.removesuffix("_rows"): function.name for function in self.write_functions}
        wanted = names if definition.writes is None else definition.writes
        for operation in wanted:
            if operation not in names:
                raise DeclarationError(
                    f"table '{name}': writes= names '{operation}', but the provider takes {', '.join(names) or 'none'}"
                )
        has_ids = definition.options.get("row_id") is not None
        return {key: value for key, value in names.items() if key in wanted and (has_ids or key == "insert")}

    def version(self, ctx: Context) -> int:
        """The version of the tables; 0: unknown."""
        version: Callable[[Context], int] | None = getattr(self.provider(ctx), "version", None)
        return 0 if version is None else version(ctx)

    def _known(self, method: str, name: str, ctx: Context) -> Any:
        """What an optional method of the provider says of a table; None without one."""
        told = getattr(self.provider(ctx), method, None)
        return None if told is None else told(name, ctx)


def declare_mount(schema: str, source: Any, options: Mapping[str, Any]) -> Mount:
    """Make a :class:`Mount`.

    Args:
        schema: name of the schema.
        source: a provider, or a class or function that makes one.
        options: the options of ATTACH that the catalog has declared.

    Raises:
        DeclarationError: it is neither, or wants an option that the catalog does not have.
    """
    what = f"schema '{schema}'"
    if hasattr(source, "catalog_name"):
        raise DeclarationError(
            f"{what}: mount() takes a provider of tables, not {source!r:.80}; one worker serves several catalogs: "
            "Worker(one, other)"
        )
    target = source if inspect.isclass(source) else type(source)
    missing = [name for name in ("tables", "table", "scan") if not callable(getattr(target, name, None))]
    if not missing:
        _check_optional(source, what)
        _check_writes(source, what)
        _check_frozen(source, what)
    if not inspect.isclass(source) and not missing:
        return Mount(schema, source, None)
    if not callable(source) or (inspect.isclass(source) and missing):
        raise DeclarationError(
            f"{what}: mount() takes a provider with the methods tables, table and scan, or what makes one; "
            f"{source!r:.80} has no {', '.join(missing)}"
        )
    wants: dict[str, str] = {}
    for name, parameter in inspect.signature(source).parameters.items():
        if name.casefold() in options:
            wants[name] = options[name.casefold()].name
        elif parameter.default is inspect.Parameter.empty:
            known = ", ".join(option.name for option in options.values()) or "none"
            raise DeclarationError(
                f"{what}: the provider wants '{name}', but the catalog has the attach options {known}; "
                f"declare it first: catalog.attach_option('{name}', …)"
            )
    return Mount(schema, source, wants)


def _check_optional(provider: Any, what: str) -> None:
    """Refuse a provider that has views in part.

    Raises:
        DeclarationError: it lists them and cannot tell them, or the other way round.
    """
    has = [name for name in ("views", "view") if callable(getattr(provider, name, None))]
    if len(has) == 1:
        missing = "view(name, ctx)" if has == ["views"] else "views(ctx)"
        raise DeclarationError(f"{what}: the provider has the method {has[0]}, and so needs {missing}")


def _check_frozen(provider: Any, what: str) -> None:
    """Refuse a provider whose tables stay as they are and change.

    Raises:
        DeclarationError: it says both.
    """
    from .writing import WRITES

    changing = sorted(set(getattr(provider, "writes", ())) - set(WRITES))
    if callable(getattr(provider, "version", None)):
        changing.append("version")
    if getattr(provider, "frozen", False) and changing:
        raise DeclarationError(
            f"{what}: the provider is frozen: its tables and their columns stay as they are; so it can have no "
            f"{', '.join(changing)}"
        )


def _check_writes(provider: Any, what: str) -> None:
    """Refuse what a provider says of writing if it cannot be.

    Raises:
        DeclarationError: it names no operations, or cannot do them.
    """
    from ..functions.changes import Operation

    writes, known = getattr(provider, "writes", ()), get_args(Operation)
    for operation in (writes,) if isinstance(writes, str) else writes:
        if isinstance(writes, str) or operation not in known:
            raise DeclarationError(
                f"{what}: writes lists operations of {', '.join(known)}; {operation!r:.80} is no such list or operation"
            )
    doing = [method for method in ("apply", "write") if callable(getattr(provider, method, None))]
    if writes and not doing:
        raise DeclarationError(
            f"{what}: the provider has writes, but no method apply(changes, ctx) or write(change, ctx) that does them"
        )
    if writes and len(doing) == 2:
        raise DeclarationError(
            f"{what}: the provider has apply(changes, ctx), which does a whole transaction, and write(change, ctx), "
            "which does each change at once; choose one"
        )
    if doing == ["write"]:
        for operation in writes:
            if operation not in ("insert", "update", "delete"):
                raise DeclarationError(
                    f"{what}: write(change, ctx) does insert, update and delete; only apply does '{operation}'"
                )
    for operation, method, form in (
        ("create_view", "view", "view(name, ctx)"),
        ("create_schema", "schemas", "schemas(ctx)"),
    ):
        if operation in writes and not callable(getattr(provider, method, None)):
            raise DeclarationError(f"{what}: the provider takes '{operation}', but has no method {form} that shows it")
