"""``call``: one call of a declared function, as SQL would make it, without database or process."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..catalog.declared import Catalog
from ..catalog.schema import Function
from ..errors import ArgumentError
from ..functions.scalar import expand_varargs
from ..functions.secrets import Secret
from ..functions.signature import Parameter, call_form
from ..protocol import metadata
from ..protocol.aggregates import (
    AggregateBindRequest,
    AggregateBindResponse,
    AggregateCombineRequest,
    AggregateDestructorRequest,
    AggregateFinalizeRequest,
    AggregateUpdateRequest,
)
from ..protocol.buffering import (
    BufferingCombineRequest,
    BufferingDestructorRequest,
    BufferingProcessRequest,
)
from ..protocol.calls import BindRequest, CallType, InitRequest, Phase
from ..rpc.call import ANONYMOUS, Identity, Stream
from ..rpc.framing import EMPTY_SCHEMA, Batch, empty_batch
from ..types.values import to_values
from .inputs import columns, encode_arguments, one_value, slices, table, values_of
from .worker import InProcessWorker, execution_of

VECTOR_SIZE = 2048
"""Rows of the largest batch that DuckDB sends."""

_KINDS = ("scalar", "table_function", "row_function", "table_in_out", "buffering", "aggregate")


def call(
    function: Function | type[Any],
    *positional: Any,
    groups: Any = None,
    lateral: bool = False,
    catalog: Catalog | None = None,
    settings: Mapping[str, Any] | None = None,
    secrets: Iterable[Secret] = (),
    caller: Identity = ANONYMOUS,
    batch_rows: int = VECTOR_SIZE,
    arguments: Mapping[str, Any] | None = None,
    **named: Any,
) -> Any:
    """Call a declared function as SQL would, in this process.

    All that a worker does with a call is done: conversions and checks of arguments, the rule for
    NULLs, secrets, state, and checks of what the function returns. What DuckDB does is not: it casts
    what has another type than declared where that loses nothing; here Arrow arrays must fit as they are.
    What a function logs goes to the logger ``duckwing.testing``.

    =================  =======================================  ====================================
    kind               ``positional``                           result
    =================  =======================================  ====================================
    scalar             columns                                  ``pyarrow.Array``
    table_function     values                                   ``pyarrow.Table``
    row_function       columns                                  ``pyarrow.Table``
    table_in_out       values, and the table at its place       ``pyarrow.Table``
    buffering          values, and the table at its place       ``pyarrow.Table``
    aggregate          columns                                  a value; a dict with ``groups=``
    =================  =======================================  ====================================

    A column is an Arrow array, a list of Python values, or an array of another library. In place of
    one, a single value stands for a column of it, as a literal does in SQL; if there are only such
    values, the call has one row. A ``Const`` parameter takes a value. A table is whatever
    ``pyarrow.table`` takes, a dict of lists included.

    The rows of an aggregate are taken in by two halves, which are then merged, as two threads
    of a query would do it.

    Args:
        function: the declared function.
        positional: its positional arguments.
        groups: aggregates only: a column that says for each row which group it belongs to.
        lateral: row functions only: the columns of the input come before those of the function, as in
            ``FROM t, f(t.a)``; their names are those of the parameters.
        catalog: the catalog that declares the settings, with their defaults.
        settings: values of settings, by name. Without ``catalog``, they get the type of their value.
        secrets: the secrets that the caller has.
        caller: who calls.
        batch_rows: the rows come in batches of at most so many; DuckDB sends at most 2,048.
        arguments: named arguments whose names are those of parameters of this function.
        named: its named arguments.

    Raises:
        ArgumentError: the function does not take the arguments.
        OutputError: it returned something else than it declared.
        Exception: whatever it raises.

    Example:
        >>> call(initials, ["Grace", None], ["Hopper", "Lovelace"])  # doctest: +SKIP
        >>> call(numbers, 10, step=2)  # doctest: +SKIP
        >>> call(keep, {"a": [1, None]}, column="a")  # doctest: +SKIP
        >>> call(total_of, [1, 2, 3], groups=["a", "b", "a"])  # doctest: +SKIP
        {'a': 4, 'b': 2}
    """
    kind = getattr(function, "kind", None)
    if kind not in _KINDS or isinstance(function, type):  # a type for mypy only, which does not look at decorators
        raise ArgumentError(f"call() takes a function declared with dw.scalar, dw.table_function, …, not {function!r}")
    if groups is not None and kind != "aggregate":
        raise ArgumentError(f"groups= is for aggregates; '{function.name}' is a {kind}")
    if lateral and kind != "row_function":
        raise ArgumentError(f"lateral= is for row functions; '{function.name}' is a {kind}")
    if batch_rows < 1:
        raise ArgumentError(f"batch_rows must be at least 1, not {batch_rows}")
    worker = InProcessWorker(function, catalog, settings or {}, secrets, caller)
    try:
        one = _Call(worker, function, f"function '{function.name}'", batch_rows)
        passed = {**named, **(arguments or {})}
        if kind == "aggregate":
            return one.aggregate(positional, passed, groups)
        if kind == "scalar":
            return one.scalar(positional, passed)
        if kind == "row_function":
            return one.row_function(positional, passed, lateral)
        if kind == "table_function":
            return one.table_function(positional, passed)
        return one.over_table(positional, passed)
    finally:
        worker.close()


@dataclass(frozen=True, eq=False)
class _Call:
    """One call of a function.

    Attributes:
        worker: serves it.
        function: the declaration.
        what: names it in error messages.
        batch_rows: most rows of a batch.
    """

    worker: InProcessWorker
    function: Any
    what: str
    batch_rows: int

    def scalar(self, positional: Sequence[Any], named: Mapping[str, Any]) -> pa.Array:
        """The column of the results."""
        self._refuse_named(named)
        parameters = self._expanded(len(positional))
        pairs = list(zip(parameters, positional, strict=True))
        bound = [p.const and self.function.constants == "bound" for p in parameters]
        constants = [one_value(*pair, self.what) for pair, is_bound in zip(pairs, bound, strict=True) if is_bound]
        batch = columns([pair for pair, is_bound in zip(pairs, bound, strict=True) if not is_bound], self.what)
        names = tuple(None if p.kind == "varargs" else p.name for p in parameters)
        request = self._bind(CallType.SCALAR, batch.schema, encode_arguments(constants, {}), argument_names=names)
        with self.worker.open(self.worker.bind(request)) as stream:
            results = [_turn(stream, part).data.column(0) for part in slices(batch, self.batch_rows)]
            [result] = stream.output_schema
        return pa.concat_arrays(results) if results else pa.nulls(0, result.type)

    def table_function(self, positional: Sequence[Any], named: Mapping[str, Any]) -> pa.Table:
        """All rows of the scan."""
        values = [one_value(p, v, self.what) for p, v in self._paired(positional)]
        request = self._bind(CallType.TABLE, None, encode_arguments(values, self._named(named)))
        with self.worker.open(self.worker.bind(request)) as stream:
            return pa.Table.from_batches(_produced(stream), stream.output_schema)

    def row_function(self, positional: Sequence[Any], named: Mapping[str, Any], lateral: bool) -> pa.Table:
        """The rows for each row of input."""
        parameters = self._expanded(len(positional))
        batch = columns(list(zip(parameters, positional, strict=True)), self.what)
        request = self._bind(CallType.TABLE, batch.schema, encode_arguments((), self._named(named)))
        tables: list[pa.Table] = []
        with self.worker.open(self._start(request, Phase.INPUT)) as stream:
            for part in slices(batch, self.batch_rows):
                answer = _turn(stream, part)
                rows = pa.Table.from_batches([answer.data])
                tables.append(_beside(part, parameters, answer, rows) if lateral else rows)
            if tables:
                return pa.concat_tables(tables)
            before = (
                [pa.field(p.name, f.type) for p, f in zip(parameters, batch.schema, strict=True)] if lateral else []
            )
            return pa.schema([*before, *stream.output_schema]).empty_table()

    def over_table(self, positional: Sequence[Any], named: Mapping[str, Any]) -> pa.Table:
        """The rows that a table-in-out or buffering function makes of a table."""
        rows: pa.Table | None = None
        values: list[pa.Array] = []
        for parameter, value in self._paired(positional):
            if parameter.kind == "table":
                rows = table(value, self.what)
            elif value is not None:  # DuckDB drops a NULL (spec 05, section 3.2)
                values.append(one_value(parameter, value, self.what))
        if rows is None:
            raise ArgumentError(f"{self.what} needs its table: {self._form()}")
        start = self.worker.bind(self._bind(CallType.TABLE, rows.schema, encode_arguments(values, self._named(named))))
        batches = slices(rows, self.batch_rows)
        if not batches:  # DuckDB does not call the function
            return start.output_schema.empty_table()
        produced = self._buffered if self.function.kind == "buffering" else self._exchanged
        return pa.Table.from_batches(produced(start, batches), start.output_schema)

    def aggregate(self, positional: Sequence[Any], named: Mapping[str, Any], groups: Any) -> Any:
        """The result, or those of all groups."""
        self._refuse_named(named)
        parameters = self._expanded(len(positional))
        pairs = list(zip(parameters, positional, strict=True))
        keys = None if groups is None else values_of(groups)
        count = None if keys is None else len(keys)
        batch = columns([pair for pair in pairs if not pair[0].const], self.what, count)
        constants = [one_value(p, v, self.what) for p, v in pairs if p.const]
        bound: AggregateBindResponse = self.worker.call(
            "aggregate_bind",
            AggregateBindRequest(
                function_name=self.function.name,
                arguments=encode_arguments(constants, {}),
                input_schema=batch.schema,
                settings=self.worker.settings,
                secrets=self.worker.secrets([s.lookup for s in self.function.signature.secrets]),
                argument_names=tuple(None if p.kind == "varargs" else p.name for p in parameters),
                **self._place,
            ),
        )
        execution = (self.function.name, bound.execution_id)
        try:
            distinct = {key: number for number, key in enumerate(dict.fromkeys([None] if keys is None else keys))}
            rows = [0] * batch.num_rows if keys is None else [distinct[key] for key in keys]
            self._update(execution, batch, rows, len(distinct))
            ids = _ids(group_id=range(len(distinct)))
            request = AggregateFinalizeRequest(*execution, ids, bound.output_schema, **self._place)
            results = to_values(self.worker.call("aggregate_finalize", request).result_batch.column(0))
        finally:
            end = AggregateDestructorRequest(*execution, _ids(group_id=[0]), **self._place)
            self.worker.call("aggregate_destructor", end)
        return results[0] if keys is None else dict(zip(distinct, results, strict=True))

    def _update(self, execution: tuple[str, bytes], batch: pa.RecordBatch, rows: Sequence[int], count: int) -> None:
        """Take in the rows: the second half into states of their own, which are then merged into the first."""
        middle = (len(rows) + 1) // 2
        ids = [row if number < middle else row + count for number, row in enumerate(rows)]
        grouped = pa.RecordBatch.from_arrays(
            [pa.array(ids, pa.int64()), *batch.columns], names=["__vgi_group_id", *batch.schema.names]
        )
        for half in (grouped.slice(0, middle), grouped.slice(middle)):
            for part in slices(half, self.batch_rows):
                self.worker.call("aggregate_update", AggregateUpdateRequest(*execution, part, **self._place))
        sources = sorted({row for row in ids if row >= count})
        if sources:
            merge = _ids(source_group_id=sources, target_group_id=[source - count for source in sources])
            self.worker.call("aggregate_combine", AggregateCombineRequest(*execution, merge, **self._place))

    def _exchanged(self, start: InitRequest, batches: Sequence[pa.RecordBatch]) -> list[pa.RecordBatch]:
        first = dataclasses.replace(start, phase=Phase.INPUT, substream_id=b"1")
        with self.worker.open(first) as stream:
            produced = [_turn(stream, batch).data for batch in batches]
            execution = execution_of(stream)
        last = dataclasses.replace(first, phase=Phase.FINALIZE, execution_id=execution)
        with self.worker.open(last) as stream:
            return produced + _produced(stream)

    def _buffered(self, start: InitRequest, batches: Sequence[pa.RecordBatch]) -> list[pa.RecordBatch]:
        with self.worker.open(dataclasses.replace(start, phase=Phase.TABLE_BUFFERING)) as stream:
            execution = execution_of(stream)
        name = self.function.name
        try:
            states: list[bytes] = []
            for number, batch in enumerate(batches):
                sink = BufferingProcessRequest(name, execution, batch, batch_index=number, **self._place)
                states.append(self.worker.call("table_buffering_process", sink).state_id)
            combine = BufferingCombineRequest(name, execution, tuple(states[-1:]), **self._place)
            produced: list[pa.RecordBatch] = []
            for share in self.worker.call("table_buffering_combine", combine).finalize_state_ids:
                source = dataclasses.replace(
                    start,
                    phase=Phase.TABLE_BUFFERING_FINALIZE,
                    execution_id=execution,
                    finalize_state_id=share,
                )
                with self.worker.open(source) as stream:
                    produced += _produced(stream)
            return produced
        finally:
            end = BufferingDestructorRequest(name, execution, **self._place)
            self.worker.call("table_buffering_destructor", end)

    def _start(self, request: BindRequest, phase: Phase) -> InitRequest:
        return dataclasses.replace(self.worker.bind(request), phase=phase)

    def _bind(self, type: CallType, input_schema: pa.Schema | None, arguments: bytes, **more: Any) -> BindRequest:
        return BindRequest(
            function_name=self.function.name,
            arguments=arguments,
            function_type=type,
            input_schema=input_schema,
            settings=self.worker.settings,
            **self._place,
            **more,
        )

    @property
    def _place(self) -> dict[str, Any]:
        """Where the function is, as every request says it."""
        return {"attach_opaque_data": self.worker.attachment, "schema_path": (self.worker.schema,)}

    def _form(self) -> str:
        return call_form(self.function.name, self.function.signature.parameters)

    def _expanded(self, count: int) -> list[Parameter]:
        """The parameters of a call with so many positional arguments."""
        for form in self.function.signature.forms():
            positional = [p for p in form if p.kind != "named"]
            fixed = [p for p in positional if p.kind != "varargs"]
            if count == len(fixed) or (count > len(fixed) and len(fixed) < len(positional)):
                return expand_varargs(positional, count)
        raise ArgumentError(f"{self.what} does not take {count} positional arguments: {self._form()}")

    def _paired(self, positional: Sequence[Any]) -> list[tuple[Parameter, Any]]:
        """Positional arguments that are no columns with their parameters; the worker says which are missing."""
        declared: list[Parameter] = [p for p in self.function.signature.parameters if p.kind != "named"]
        if declared and declared[-1].kind == "varargs":
            declared += declared[-1:] * (len(positional) - len(declared))
        if len(positional) > len(declared):
            raise ArgumentError(f"{self.what} does not take {len(positional)} positional arguments: {self._form()}")
        return list(zip(declared, positional, strict=False))

    def _named(self, named: Mapping[str, Any]) -> dict[str, pa.Array]:
        by_name = {p.name.casefold(): p for p in self.function.signature.parameters}
        for name in named:
            if name.casefold() not in by_name:
                raise ArgumentError(f"{self.what} has no argument '{name}': {self._form()}")
        return {name: one_value(by_name[name.casefold()], value, self.what) for name, value in named.items()}

    def _refuse_named(self, named: Mapping[str, Any]) -> None:
        if named:
            raise ArgumentError(
                f"{self.what} takes no named arguments, because SQL passes those of {self.function.kind} functions by "
                f"position: {self._form()}"
            )


def _turn(stream: Stream, batch: pa.RecordBatch) -> Batch:
    answer = stream.turn(Batch(batch, {}))
    assert answer is not None, "an exchange answers every batch"
    return answer


def _produced(stream: Stream) -> list[pa.RecordBatch]:
    batches: list[pa.RecordBatch] = []
    while (answer := stream.turn(Batch(empty_batch(EMPTY_SCHEMA), {}))) is not None:
        batches.append(answer.data)
    return batches


def _beside(batch: pa.RecordBatch, parameters: Sequence[Parameter], answer: Batch, rows: pa.Table) -> pa.Table:
    """The rows of an answer with those of the input from which they came before them."""
    encoded = answer.metadata.get(metadata.PARENT_ROW)
    if encoded is None:
        parents = pa.array(range(rows.num_rows), pa.int32())
    else:
        parents = pa.Array.from_buffers(pa.int32(), rows.num_rows, [None, pa.py_buffer(base64.b64decode(encoded))])
    arrays = [column.take(parents) for column in batch.columns]
    fields = [pa.field(p.name, a.type) for p, a in zip(parameters, arrays, strict=True)]
    return pa.Table.from_arrays([*arrays, *rows.columns], schema=pa.schema([*fields, *rows.schema]))


def _ids(**columns: Iterable[int]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {name: list(ids) for name, ids in columns.items()}, schema=pa.schema([(name, pa.int64()) for name in columns])
    )
