"""What a running function may know of the query that called it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..errors import ArgumentError, CatalogError
from ..rpc.call import ANONYMOUS, Identity
from .settings import Setting, read_settings

if TYPE_CHECKING:
    import pyarrow as pa

    from ..filters.pushed import Filters
    from ..scans.scan import Order, Sample, Scan
    from ..state.scope import Scopes
    from ..state.store import Store
    from .changes import Change
    from .secrets import Secret, SecretParameter
    from .state import State

LogLevel = Literal["ERROR", "WARN", "INFO", "DEBUG", "TRACE"]

Log = Callable[[str, str, Mapping[str, Any]], None]


def _no_log(level: str, message: str, fields: Mapping[str, Any]) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class At:
    """The state of a table that a query asks for: ``AT (VERSION => 3)`` or ``AT (TIMESTAMP => …)``.

    Attributes:
        unit: what ``value`` is.
        value: as SQL writes it, such as ``3`` or ``2024-01-01 00:00:00``.
    """

    unit: Literal["version", "timestamp"]
    value: str


@dataclass(frozen=True, eq=False)
class Invocation:
    """A call as the protocol delivers it, the source of every :class:`Context`.

    Attributes:
        function: name of the function, as SQL calls it.
        catalog: name of its catalog, as the worker declares it.
        kind: of the function; ``""`` while it is looked for.
        log: where log messages go.
        declared_settings: the settings that the catalog declares, by name.
        settings: the IPC stream of their values; None if none has one.
        secrets: the IPC stream of the secrets; None if there are none.
        caller: who calls.
        attachment: bytes that are the same in all calls through one ATTACH; None outside of any.
        transaction: bytes that are the same in all calls of one transaction; None outside of any.
        execution: bytes that are the same in all calls of one execution; None while binding.
        data: what the bind left for the scan.
        scan: what is wanted of a scan; None while binding, and for functions of other kinds.
        scopes: gives the state that the worker's processes share.
        options: gives the options of the attachment.
        at: the AT clause of the table; None: there is none.
        data_version: gives the version of the data that the attachment got.
        target: the columns that a COPY FROM must give; None for all other calls.
    """

    function: str
    catalog: str
    kind: str = ""
    log: Log = _no_log
    declared_settings: Mapping[str, Setting] = field(default_factory=dict)
    settings: bytes | None = None
    secrets: bytes | None = None
    caller: Identity = ANONYMOUS
    attachment: bytes | None = None
    transaction: bytes | None = None
    execution: bytes | None = None
    data: bytes | None = None
    scan: Scan | None = None
    scopes: Callable[[], Scopes] | None = None
    options: Callable[[], Mapping[str, Any]] = dict
    at: At | None = None
    data_version: Callable[[], str | None] = lambda: None
    target: pa.Schema | None = None


class Context:
    """The query behind a call. A parameter with this annotation receives it; SQL does not see it.

    Attributes:
        function: name of the function, as SQL calls it.
        catalog: name of the catalog that it belongs to, as the worker declares it.
        caller: who calls: ``domain``, ``principal``, ``authenticated`` and ``claims``. Anonymous
            unless the transport knows better.
        at: the state of the table that is asked for; None: that of now, or no table is scanned.
        rows: number of rows that the current batch asks for (0 in a table function).
        measures: what :meth:`measure` has counted so far.

    Example:
        ```python
        @demo.scalar
        def checked(value: int, ctx: dw.Context) -> int:
            if value < 0:
                ctx.log("negative value", level="WARN", value=value)
            return value
        ```
    """

    def __init__(self, invocation: Invocation):
        self.function = invocation.function
        self.catalog = invocation.catalog
        self.caller = invocation.caller
        self.rows = 0
        self.at = invocation.at
        self._invocation = invocation
        self._log = invocation.log
        self.measures: dict[str, int | float] = {}
        self._settings: Mapping[str, Any] | None = None
        self._secrets: list[Secret] | None = None
        self._until: int | None = None
        self._changes_of: str | None = None
        self._schema: str | None = None

    def of_scan(self, scan: Scan, data: bytes | None) -> Context:
        """The same call, once it is known what is wanted of its scan, and what the bind left for that."""
        return Context(dataclasses.replace(self._invocation, scan=scan, data=data))

    @property
    def settings(self) -> Mapping[str, Any]:
        """The values of the settings that the catalog declares, by name; None for those without one.

        They are those of the moment when the call was planned.
        """
        if self._settings is None:
            self._settings = read_settings(self._invocation.settings, self._invocation.declared_settings)
        return self._settings

    @property
    def data_version(self) -> str | None:
        """The version of the data that the ATTACH got; None if the catalog has no versions."""
        return self._invocation.data_version()

    @property
    def changes(self) -> Sequence[Change]:
        """What the transaction has changed so far in the tables of the catalog's provider, in order."""
        invocation = self._invocation
        if invocation.transaction is None or invocation.scopes is None:
            return ()
        scope = invocation.scopes().open("transaction", invocation.transaction)
        if scope is None:
            return ()
        from .changes import read_changes

        schema, changes = read_changes(scope.store, self._until)
        return changes if self._changes_of in (None, schema) else ()

    def place_in_changes(self) -> int | None:
        """A place after all :attr:`changes` so far, for :meth:`see_changes_until`; None: there is no transaction."""
        invocation = self._invocation
        if invocation.transaction is None or invocation.scopes is None:
            return None
        scope = invocation.scopes().open("transaction", invocation.transaction)
        if scope is None:
            return -1
        from .changes import next_place

        return next_place(scope.store)

    @property
    def schema(self) -> str:
        """The schema whose tables and views a provider is asked for.

        Raises:
            TypeError: no provider is asked.
        """
        if self._schema is None:
            raise TypeError("only a provider of tables is asked for a schema")
        return self._schema

    def enter_schema(self, schema: str) -> None:
        """Have :attr:`schema` be that one."""
        self._schema = schema

    def see_changes_of(self, schema: str) -> None:
        """Leave the changes of other schemas out of :attr:`changes`."""
        self._changes_of = schema

    def see_changes_until(self, place: int | None) -> None:
        """Leave later changes out of :attr:`changes`: those of the statement that is running."""
        self._until = place

    def transaction_store(self, *, journal: bool = True) -> Store:
        """Where the transaction keeps what its statements leave for each other.

        Args:
            journal: what is kept is needed for the commit, so that it must not get lost.

        Raises:
            CatalogError: there is no transaction, or what it has left is lost.
        """
        invocation = self._invocation
        if invocation.transaction is None or invocation.attachment is None or invocation.scopes is None:
            raise CatalogError("tables can only be changed in a transaction; attach the catalog and use SQL")
        scopes = invocation.scopes()
        scope = scopes.open("transaction", invocation.transaction)
        if scope is None and not journal:
            scope = scopes.open_or_create("transaction", invocation.transaction)
        elif scope is None:
            from .changes import LOST, has_written, note_writer

            attachment = scopes.open_or_create("attachment", invocation.attachment).store
            known = has_written(attachment, invocation.transaction)
            if known and scopes.open("transaction", invocation.transaction) is None:
                raise CatalogError(LOST)
            scope = scopes.open_or_create("transaction", invocation.transaction)
            note_writer(attachment, invocation.transaction)
        return scope.store

    @property
    def target(self) -> pa.Schema:
        """The columns of the table that COPY FROM fills.

        Raises:
            TypeError: the function does not read for COPY.
        """
        if self._invocation.target is None:
            raise TypeError(f"'{self.function}' is called by COPY … FROM only")
        return self._invocation.target

    @property
    def execution_id(self) -> bytes:
        """What is the same in all calls of one execution.

        Raises:
            ArgumentError: the function is only being bound.
        """
        if self._invocation.execution is None:
            raise ArgumentError(f"function '{self.function}' has no execution yet: it is being bound")
        return self._invocation.execution

    def scanning(self, scan: Scan) -> Context:
        """The same query, while it scans something."""
        return Context(dataclasses.replace(self._invocation, kind="table_function", scan=scan))

    @functools.cached_property
    def options(self) -> Mapping[str, Any]:
        """The options of the ATTACH through which the call came, by name; defaults where the user gave none."""
        return self._invocation.options()

    @property
    def bound(self) -> Any:
        """What ``columns=`` or ``returns=`` left for the scan with :class:`duckwing.Bound`; None if nothing."""
        if self._invocation.data is None:
            return None
        from ..state.values import load_value

        return load_value(self._invocation.data)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that the scan needs; batches of columns may leave out all others.

        Raises:
            TypeError: the function does not run yet, or gives no rows: a scalar or an aggregate.
        """
        return tuple(self._scan.needed.names)

    @property
    def filters(self) -> Filters:
        """The conditions that the rows must meet; ``ORDER BY … LIMIT`` may tighten them while the scan runs.

        A function need not look: rows that do not meet them are left out (but with ``filters="mine"``).

        Raises:
            TypeError: the function does not run yet, or gives no rows: a scalar or an aggregate.
        """
        return self._scan.filters

    @property
    def order(self) -> Order | None:
        """The order of which DuckDB wants the first rows; a hint. None: it wants none.

        Raises:
            TypeError: the function does not run yet, or gives no rows: a scalar or an aggregate.
        """
        return self._scan.order

    @property
    def sample(self) -> Sample | None:
        """The sample that a function with ``samples=True`` must take; None: all rows are wanted.

        Raises:
            TypeError: the function does not run yet, or gives no rows: a scalar or an aggregate.
        """
        return self._scan.sample

    @property
    def min_splits(self) -> int:
        """So many splits at least are welcome of ``plan``: the number of threads that read them.

        Raises:
            TypeError: the function does not run yet, or gives no rows: a scalar or an aggregate.
        """
        return self._scan.min_splits

    @property
    def _scan(self) -> Scan:
        if self._invocation.scan is None:
            kind = self._invocation.kind
            reason = "gives values, not rows" if kind in ("scalar", "aggregate") else "does not run yet"
            raise TypeError(
                f"'{self.function}' {reason}; only a running function of FROM has columns, filters, order and sample"
            )
        return self._invocation.scan

    @property
    def state(self) -> State:
        """What calls leave for each other, in whatever process they run: by execution, transaction and attachment."""
        from .state import State

        return State(self._invocation)

    def log(self, message: str, *, level: LogLevel = "INFO", **fields: Any) -> None:
        """Write to DuckDB's log, where ``CALL enable_logging('VGI')`` shows it in ``duckdb_logs``.

        Args:
            message: the text.
            level: ``ERROR``, ``WARN``, ``INFO``, ``DEBUG`` or ``TRACE``.
            fields: further facts, such as ``path=path``. They are put behind the text, because
                DuckDB shows nothing else of a message; other clients get them as JSON, too.

        Raises:
            ValueError: ``level`` is no level.
        """
        if fields:
            message = f"{message} ({', '.join(f'{name}={value!r}' for name, value in fields.items())})"
        self._log(level, message, fields)

    def measure(self, name: str, amount: int | float = 1) -> None:
        """Add to a counter of this scan, which ``EXPLAIN ANALYZE`` shows with the function.

        Args:
            name: what is counted, such as ``"requests"``.
            amount: is added; counters begin at 0.

        Raises:
            TypeError: the function is not called in FROM without a table, so DuckDB never asks.
        """
        if self._invocation.kind != "table_function":
            raise TypeError(f"'{self.function}' is no table function; EXPLAIN ANALYZE shows counters of those alone")
        self.measures[name] = self.measures.get(name, 0) + amount

    def redirect(self, log: Log) -> None:
        """Have messages travel with another call: that of now, where a context outlives one."""
        self._log = log

    def secret(self, parameter: SecretParameter, values: Mapping[str, Any]) -> Secret | None:
        """The secret that a parameter receives.

        Args:
            parameter: the parameter.
            values: the constant arguments of the call by name.

        Raises:
            ArgumentError: the user has none, and the parameter is not optional.
        """
        from .secrets import choose_secret, read_secrets

        if self._secrets is None:
            from ..rpc.codec import decode_batch

            data = self._invocation.secrets
            self._secrets = read_secrets(decode_batch(data)) if data else []
        lookup = parameter.lookup
        path = lookup.path_in(values)
        found = choose_secret(self._secrets, lookup, path)
        if found is None and not parameter.optional:
            scope = f" for '{path}'" if path is not None else ""
            named = f" named '{lookup.name}'" if lookup.name else ""
            raise ArgumentError(
                f"function '{self.function}' needs a secret of type '{lookup.type}'{named}{scope}; "
                f"make one with CREATE SECRET (TYPE {lookup.type}, …)"
            )
        return found
