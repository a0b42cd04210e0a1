"""Table functions: ``FROM f(…)``, rows from nothing but arguments."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, ParamSpec, TypeVar

import pyarrow as pa

from ..errors import DeclarationError, OutputError
from ..protocol import metadata
from ..rpc.framing import Batch
from ..scans.cache import Cache, check_cache
from ..scans.partitions import Partitions
from ..scans.scan import Scan, Sieve
from ..scans.splits import PlannedSplit, planned
from .about import About, Stability, check_function, check_stability, read_about
from .arguments import Arguments
from .batches import to_batches
from .binding import Values, bind_arguments
from .columns import Columns, ColumnsOption, ResultColumns, read_columns, wanted
from .context import Context
from .pushdown import Filtering, Pushdown, RowOrder, read_pushdown
from .results import known_by_name
from .signature import Parameter, Signature, read_signature, with_context

if TYPE_CHECKING:
    from .hints import CardinalityOption, Hints, StatisticsOption
    from .resumable import ResumableScan
    from .stateful import Fields

Form = Literal["function", "resumable", "splits"]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class TableFunction(Generic[P, R]):
    """A declared table function. It stays callable as the plain function or class that it was made from.

    Attributes:
        name: its name in SQL.
        function: the author's function, or class with state.
        signature: what SQL passes.
        columns: the columns of its result.
        form: a plain function, a class with ``next``, or one with ``plan`` and ``scan``.
        state: what a class with ``next`` needs to go on in another process; None: it is none.
        stability: whether equal calls may share a result.
        pushdown: what it takes off DuckDB's hands.
        cache: how its results may be used again; None: not at all.
        split_ttl: seconds for which its splits can be read; None: for good.
        listed: SQL can call it; else it only scans tables.
        hints: what the optimizer may know of its rows; None: nothing.
        about: its documentation.
    """

    kind: ClassVar = "table_function"

    name: str
    function: Callable[P, R]
    signature: Signature
    columns: ResultColumns
    form: Form
    state: Fields | None
    stability: Stability
    pushdown: Pushdown
    cache: Cache | Callable[..., Cache | None] | None
    split_ttl: int | None
    listed: bool
    hints: Hints | None
    about: About

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def bind(self, parameters: Sequence[Parameter], arguments: Arguments, context: Context) -> BoundTable:
        """Check and convert the arguments of one query.

        Args:
            parameters: the overload that the query uses.
            arguments: the arguments that it passes.
            context: handed to the function if it wants it.

        Raises:
            ArgumentError: an argument does not fit, or is missing.
        """
        return BoundTable(self, bind_arguments(self.name, parameters, arguments), context)


@dataclass(frozen=True, eq=False)
class BoundTable:
    """A table function with the arguments of one query.

    Attributes:
        function: the declaration.
        values: the arguments.
        context: handed to the function if it wants it.
    """

    function: TableFunction[..., Any]
    values: Values
    context: Context

    @property
    def what(self) -> str:
        """The function, for error messages."""
        return f"table function '{self.function.name}'"

    def output(self, told: Columns | None = None) -> tuple[pa.Schema, Any]:
        """The columns of the result, and what the scan reads as ``ctx.bound``.

        Args:
            told: what ``columns=`` would compute, if somebody has done so already; then there is nothing for the scan.
        """
        function = self.function
        known = known_by_name(function.signature, self.context, self.values.by_name)
        result = function.columns if told is None else ResultColumns(compute=lambda: told)
        columns, data = result.of(known, None, self.what)
        return function.pushdown.marked(columns, self.what), data

    def scan(self, scan: Scan, splits: Iterable[tuple[int, Any]] | None = None) -> Iterator[Batch]:
        """Run the function: its batches, cut down to what is wanted, and what must travel with them.

        Closing the iterator closes the author's generator, so that its ``finally`` runs.

        Args:
            scan: what is wanted.
            splits: the places in the plan and the values of the splits to read; None: read all.

        Raises:
            OutputError: the function yields something else.
            FilterError: a filter cannot be applied.
            Exception: whatever the function raises.
        """
        function = self.function
        if function.form == "resumable":
            with contextlib.closing(self.resumable(scan)) as steps:
                while (batch := steps.next()) is not None:
                    yield batch
            return
        sieve = self._sieve(scan)
        result = self._call()
        if function.form == "splits":
            chosen = self._values(result) if splits is None else splits
            for ordinal, value in chosen:
                tags = {metadata.BATCH_INDEX: str(ordinal).encode()} if function.pushdown.order == "preserved" else {}
                with contextlib.closing(self._read(result.scan(value), scan)) as batches:
                    for batch in sieve.batches(batches):
                        yield Batch(batch.data, {**batch.metadata, **tags}) if tags else batch
        else:
            with contextlib.closing(self._read(result, scan)) as batches:
                yield from sieve.batches(batches)

    def resumable(self, scan: Scan) -> ResumableScan:
        """As :meth:`scan`, for a class with ``next``: a scan that can go on in another process."""
        from .resumable import ResumableScan

        assert self.function.state is not None
        return ResumableScan(self._call, self.function.state, scan, self._sieve(scan), self.what)

    def plan(self, start: int = 0) -> Iterator[PlannedSplit]:
        """The parts in which the scan can be read, from one on.

        Raises:
            OutputError: ``plan`` returns something else.
            Exception: whatever it raises.
        """
        return planned(self._call().plan(), self.what, start)

    def cache_tags(self) -> dict[bytes, bytes] | None:
        """What lets the client use the result again; None: it must not."""
        cache = self.function.cache
        if cache is None:
            return None
        known = known_by_name(self.function.signature, self.context, self.values.by_name)
        if callable(cache):
            cache = cache(**{name: known[name] for name in inspect.signature(cache).parameters})
            try:
                _check_cache(cache, self.function, self.what, computed=True)
            except DeclarationError as error:
                raise OutputError(str(error)) from None
        return None if cache is None else cache.tags_from(known, self.what)

    def _call(self) -> Any:
        function = self.function
        call = with_context(function.function, function.signature, self.context, self.values.by_name)
        return call(*self.values.positional, **self.values.named)

    def _sieve(self, scan: Scan) -> Sieve:
        pushdown = self.function.pushdown
        partitioning = pushdown.partitioning(scan.columns, self.what)
        return Sieve(scan, partitioning, filtering=pushdown.filters != "mine")

    def _values(self, instance: Any) -> Iterator[tuple[int, Any]]:
        for split in planned(instance.plan(), self.what):
            yield split.ordinal, split.split.value

    def _read(self, result: Any, scan: Scan) -> Generator[pa.RecordBatch]:
        try:
            yield from to_batches(result, scan.columns, self.what, scan.needed)
        finally:
            close = getattr(result, "close", None)
            if close is not None and isinstance(result, Iterator):
                close()


def declare_table_function(
    function: Callable[P, R],
    *,
    columns: ColumnsOption | None = None,
    name: str | None = None,
    stability: Stability = "consistent",
    filters: Filtering = "apply",
    samples: bool = False,
    order: RowOrder | None = None,
    partition_by: str | Sequence[str] | Callable[[], Sequence[str]] = (),
    partitions: Partitions = "single",
    late_materialization: bool = False,
    projection: bool = True,
    cache: Cache | Callable[..., Cache | None] | None = None,
    split_ttl: int | None = None,
    listed: bool = True,
    cardinality: CardinalityOption | None = None,
    statistics: StatisticsOption | None = None,
    **about: Any,
) -> TableFunction[P, R]:
    """Make a :class:`TableFunction` of ``function``; :func:`duckwing.table_function` explains the options.

    Raises:
        DeclarationError: it cannot be one.
    """
    sql = check_function(function, name, "table function", classes=True)
    what = f"table function '{sql}'"
    form, state = _form(function, what)
    signature = read_signature(function, what)
    check_constants(signature, what)
    result = read_columns(columns_option(function, columns, signature, what), signature, what)
    check_stability(stability, what)
    pushdown = read_pushdown(
        result,
        what,
        filters=filters,
        samples=samples,
        order=order,
        partition_by=partition_by,
        partitions=partitions,
        late_materialization=late_materialization,
        projection=projection,
        splits=form == "splits",
    )
    _check_split_ttl(split_ttl, form, what)
    hints: Hints | None = None
    if cardinality is not None or statistics is not None:
        from .hints import read_hints

        hints = read_hints(cardinality, statistics, signature, what, result.fixed)
    documentation = read_about(what, signature.description, **about)
    declared = TableFunction(
        sql,
        function,
        signature,
        result,
        form,
        state,
        stability,
        pushdown,
        cache,
        split_ttl,
        listed,
        hints,
        documentation,
    )
    if callable(cache):
        wanted(cache, signature, what, "cache=")
    else:
        _check_cache(cache, declared, what)
    return declared


def _check_cache(cache: Any, function: TableFunction[..., Any], what: str, *, computed: bool = False) -> None:
    pushdown = function.pushdown
    partitioned = bool(pushdown.partition_by) and pushdown.partitions == "single"
    check_cache(cache, function.stability, what, partitioned=partitioned, computed=computed)
    if cache is None or cache.validator is None:
        return
    wanted(cache.validator, function.signature, what, "validator=")
    if function.form == "splits":
        raise DeclarationError(f"{what}: DuckDB never asks whether the results of splits still hold; give a ttl=")


def _form(function: Any, what: str) -> tuple[Form, Fields | None]:
    """What kind of thing the author has written, and the state of a class with ``next``.

    Raises:
        DeclarationError: it is a class without the methods of a scan.
    """
    if not inspect.isclass(function):
        return "function", None
    from .stateful import read_fields, require_methods

    if hasattr(function, "plan") or hasattr(function, "scan"):
        require_methods(function, ["plan", "scan"], what)
        return "splits", None
    require_methods(function, ["next"], what)
    return "resumable", read_fields(function, what)


def _check_split_ttl(split_ttl: Any, form: Form, what: str) -> None:
    if split_ttl is None:
        return
    if form != "splits":
        raise DeclarationError(f"{what} has no splits; split_ttl= is for a class with plan() and scan()")
    if not isinstance(split_ttl, int) or isinstance(split_ttl, bool) or split_ttl <= 0:
        raise DeclarationError(f"{what}: split_ttl= is a number of seconds from 1 up, not {split_ttl!r}")


def columns_option(function: Any, columns: ColumnsOption | None, signature: Signature, what: str) -> ColumnsOption:
    """The option ``columns=``, or what the annotation of the rows says in its place.

    Raises:
        DeclarationError: neither says it.
    """
    if columns is not None:
        return columns
    from .rows import row_columns

    returns = signature.returns
    if inspect.isclass(function):
        cls: Any = function
        returns = inspect.signature(getattr(cls, "next", None) or cls.scan, eval_str=True).return_annotation
    found = row_columns(returns)
    if found is None:
        raise DeclarationError(
            f"{what} needs its columns: columns={{'n': BIGINT}}, or '-> Iterator[Row]' with a NamedTuple or dataclass"
        )
    return found


def check_constants(signature: Signature, what: str) -> None:
    """Refuse parameters that are arrays, where every argument is one value.

    Raises:
        DeclarationError: one is.
    """
    for parameter in signature.parameters:
        if parameter.form == "batch" and parameter.kind != "table":
            raise DeclarationError(
                f"{what}: parameter '{parameter.name}' is an array, but its arguments are single values; "
                "annotate it with a Python type"
            )
