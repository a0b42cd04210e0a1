"""Scalar functions: one value for each row."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, ParamSpec, TypeVar

import pyarrow as pa

from ..errors import ArgumentError, DeclarationError, OutputError
from ..types.convert import Converter, from_duckdb
from ..types.values import from_values
from .about import About, Stability, check_function, check_stability, read_about
from .arguments import declared_column, python_value, python_values
from .concurrent import await_all, check_concurrency
from .constants import evaluate_by_constants
from .context import Context
from .libraries import argument_converter, result_array
from .nulls import evaluate_valid, may_have_nulls, rows_without_nulls, take
from .results import ResultType, known_by_name, read_result, received_type
from .signature import (
    Form,
    Parameter,
    Signature,
    call_form,
    read_signature,
    with_context,
)

if TYPE_CHECKING:
    from ..scans.cache import Cache

P = ParamSpec("P")
R = TypeVar("R")

Nulls = Literal["skip", "pass"]
Constants = Literal["columns", "bound"]


@dataclass(frozen=True, eq=False)
class ScalarFunction(Generic[P, R]):
    """A declared scalar function. It stays callable as the plain function that it was made from.

    Attributes:
        name: its name in SQL.
        function: the author's function.
        signature: what SQL passes.
        result: type of the result.
        form: called per batch or per row.
        concurrency: rows that are awaited at once; None: it is not async.
        nulls: ``"skip"``: NULL in, NULL out; ``"pass"``: the function sees NULLs.
        stability: when DuckDB may call it once for many.
        cache: how its results may be used again; None: not at all.
        constants: ``Const`` arguments arrive as columns, or once with the bind.
        about: its documentation.
    """

    kind: ClassVar = "scalar"

    name: str
    function: Callable[P, R]
    signature: Signature
    result: ResultType
    form: Form
    concurrency: int | None
    nulls: Nulls
    stability: Stability
    cache: Cache | None
    constants: Constants
    about: About

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    @property
    def sees_nulls(self) -> bool:
        """Whether NULLs reach the function in any of its arguments."""
        return self.nulls == "pass" or any(p.accepts_none for p in self.signature.parameters)

    def bind(
        self,
        parameters: Sequence[Parameter],
        columns: pa.Schema,
        context: Context,
        constants: Sequence[pa.Array] = (),
    ) -> BoundScalar:
        """Prepare the calls of one query.

        Args:
            parameters: the overload that the query uses.
            columns: the input columns, in order.
            context: handed to the function if it wants it.
            constants: the ``Const`` arguments, each an array of one value, where they do not arrive as columns.

        Raises:
            ArgumentError: an argument does not fit.
        """
        inputs: list[_Input] = []
        types: list[pa.DataType] = []
        values: dict[str, Any] = {}
        given, left = iter(constants), iter(columns.types)
        for parameter in expand_varargs(parameters, len(columns) + len(constants)):
            constant = next(given) if constants and parameter.const else None
            type_ = next(left) if constant is None else constant.type
            nulls = self.nulls == "pass" or parameter.accepts_none
            try:
                convert = from_duckdb(type_, parameter.type)
                wrap = argument_converter(parameter, received_type(parameter, type_), nulls=nulls)
            except ArgumentError as error:
                raise ArgumentError(f"{self.what}: argument '{parameter.name}': {error}") from None
            inputs.append(_Input(parameter, convert, wrap, constant))
            types.append(type_)
            if constant is not None:
                values[parameter.name] = (
                    python_value(parameter, constant, self.what) if constant.is_valid()[0] else None
                )
        if self.form == "batch" and self.signature.context is None and all(i.parameter.const for i in inputs):
            varargs = any(p.kind == "varargs" for p in parameters)
            needed = "requires at least 1 value" if varargs else "needs a column"
            raise ArgumentError(f"{self.what} {needed}: {call_form(self.name, parameters)}")
        pairs = [(i.parameter, type_) for i, type_ in zip(inputs, types, strict=True) if i.constant is None]
        known = known_by_name(self.signature, context, values, pairs)
        return BoundScalar(self, inputs, context, self.result.of(known, self.what))

    @property
    def returns(self) -> pa.DataType | None:
        """Type of the result; None if the call decides."""
        return self.result.fixed

    @property
    def what(self) -> str:
        """The function, for error messages."""
        return f"function '{self.name}'"


def expand_varargs(parameters: Sequence[Parameter], count: int) -> list[Parameter]:
    """The parameters of a call with ``count`` arguments: varargs repeated as often as needed."""
    expanded = [p for p in parameters if p.kind == "positional"]
    repeated = next((p for p in parameters if p.kind == "varargs"), None)
    if repeated is not None:
        expanded += [repeated] * (count - len(expanded))
    return expanded


@dataclass(frozen=True)
class _Input:
    """One argument of a call.

    Attributes:
        parameter: its declaration.
        convert: what makes the declared type of the column in which it arrives.
        wrap: what makes an array of another library of that.
        constant: its value, an array of one, if it does not arrive as a column.
    """

    parameter: Parameter
    convert: Converter | None
    wrap: Callable[[pa.Array], Any] | None
    constant: pa.Array | None = None


class BoundScalar:
    """A scalar function with the argument types of one query, ready for batches."""

    def __init__(
        self, function: ScalarFunction[..., Any], inputs: Sequence[_Input], context: Context, output: pa.DataType
    ):
        self.output_type = output
        self.function = function
        self._inputs = inputs
        self.context = context
        self._has_constants = any(i.parameter.const for i in inputs)
        self._wraps = any(i.wrap is not None for i in inputs)
        self._what = f"result of function '{function.name}'"
        skip = function.nulls == "skip"
        self._skipped_nulls = [n for n, i in enumerate(inputs) if skip and not i.parameter.accepts_none]
        self._as_they_arrive = all(i.convert is None and i.constant is None for i in inputs)
        self._evaluate = self._batch if function.form == "batch" else self._rows

    def __call__(self, batch: pa.RecordBatch) -> pa.Array:
        """The results for the rows of ``batch``, an array of exactly the declared type.

        Raises:
            OutputError: the function returned something else.
            Exception: whatever the function raises.
        """
        count = batch.num_rows
        if count == 0:
            return pa.nulls(0, self.output_type)
        columns = batch.columns if self._as_they_arrive else self._declared(batch)
        for n in self._skipped_nulls:
            if may_have_nulls(columns[n]):
                valid = rows_without_nulls([columns[n] for n in self._skipped_nulls])
                if valid is not None:
                    return evaluate_valid(lambda c: self._evaluate(c, len(c[0])), columns, valid, self.output_type)
                break
        return self._evaluate(columns, count)

    def _declared(self, batch: pa.RecordBatch) -> list[pa.Array]:
        left = iter(batch.columns)
        return [
            declared_column(
                source.parameter,
                source.convert,
                next(left) if source.constant is None else _repeated(source.constant, batch.num_rows),
                self.function.what,
            )
            for source in self._inputs
        ]

    @functools.cached_property
    def _call(self) -> Callable[..., Any]:
        # Not before the first batch: the first bind of two does not have the secrets yet.
        return with_context(self.function.function, self.function.signature, self.context)

    def _batch(self, columns: Sequence[pa.Array], count: int) -> pa.Array:
        if not self._has_constants:
            return self._arrays(columns, count)
        constants = [column for i, column in zip(self._inputs, columns, strict=True) if i.parameter.const]
        others = [column for i, column in zip(self._inputs, columns, strict=True) if not i.parameter.const]
        return evaluate_by_constants(self._with_constants, constants, others, count)

    def _with_constants(self, constants: Sequence[pa.Array], columns: Sequence[pa.Array], count: int) -> pa.Array:
        constant, column = iter(constants), iter(columns)
        return self._arrays(
            [self._values(i, next(constant))[0] if i.parameter.const else next(column) for i in self._inputs], count
        )

    def _arrays(self, arguments: Sequence[Any], count: int) -> pa.Array:
        self.context.rows = count
        if self._wraps:
            pairs = zip(self._inputs, arguments, strict=True)
            arguments = [argument if i.wrap is None else i.wrap(argument) for i, argument in pairs]
        result = result_array(self._call(*arguments), self.output_type, self._what)
        if len(result) != count:
            raise OutputError(f"{self._what} must have one value for each of the {count} rows, got {len(result)}")
        return result

    def _rows(self, columns: Sequence[pa.Array], count: int) -> pa.Array:
        self.context.rows = count
        arguments = [self._values(source, column) for source, column in zip(self._inputs, columns, strict=True)]
        call = self._call
        if self.function.concurrency is not None:
            rows = zip(*arguments, strict=True) if arguments else [()] * count
            return from_values(await_all(call, rows, self.function.concurrency), self.output_type, self._what)
        # map() needs something to count the rows by.
        results: list[Any] = list(map(call, *arguments)) if arguments else [call() for _ in range(count)]
        if len(results) != count:
            # map() takes it for its own end.
            raise OutputError(f"{self._what} is missing in row {len(results)}: the function raised StopIteration")
        return from_values(results, self.output_type, self._what)

    def _values(self, source: _Input, column: pa.Array) -> list[Any]:
        return python_values(source.parameter, column, self.function.what)


def _repeated(constant: pa.Array, count: int) -> pa.Array:
    """A column of a constant."""
    return take(constant, pa.repeat(pa.scalar(0, pa.int32()), count))


def declare_scalar(
    function: Callable[P, R],
    *,
    name: str | None = None,
    returns: pa.DataType | Callable[..., pa.DataType] | None = None,
    nulls: Nulls = "skip",
    stability: Stability = "consistent",
    concurrency: int | None = None,
    cache: Cache | None = None,
    constants: Constants = "columns",
    **about: Any,
) -> ScalarFunction[P, R]:
    """Make a :class:`ScalarFunction` of ``function``; :func:`duckwing.scalar` explains the options.

    Raises:
        DeclarationError: it cannot be one.
    """
    sql = check_function(function, name, "scalar function", coroutines=True)
    what = f"scalar function '{sql}'"
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise DeclarationError(f"{what} yields; a scalar function returns one value per row. Use table_function")
    if nulls not in ("skip", "pass"):
        raise DeclarationError(f"{what}: nulls={nulls!r} is unknown; use 'skip' or 'pass'")
    if constants not in ("columns", "bound"):
        raise DeclarationError(f"{what}: constants={constants!r} is unknown; use 'columns' or 'bound'")
    signature = read_signature(function, what)
    _check_parameters(signature, what)
    result = read_result(signature.returns, returns, signature, what)
    form = _form(signature, result.form, what)
    is_async = inspect.iscoroutinefunction(function)
    if is_async and form == "batch":
        raise DeclarationError(f"{what} is async and takes arrays; await the rows of a batch yourself, or take values")
    awaited = check_concurrency(concurrency, is_async, what) if is_async or concurrency is not None else None
    check_stability(stability, what)
    if cache is not None:
        from ..scans.cache import check_cache

        check_cache(cache, stability, what, rows=True)
    documentation = read_about(what, signature.description, **about)
    return ScalarFunction(
        sql, function, signature, result, form, awaited, nulls, stability, cache, constants, documentation
    )


def _check_parameters(signature: Signature, what: str) -> None:
    for parameter in signature.parameters:
        if parameter.kind == "named":
            raise DeclarationError(
                f"{what}: parameter '{parameter.name}' is keyword-only, but SQL passes the arguments of scalar "
                "functions by position only; remove the '*' before it"
            )
        if parameter.const and parameter.kind == "varargs":
            raise DeclarationError(f"{what}: *{parameter.name} cannot be Const; its values are columns")


def _form(signature: Signature, result: Form | None, what: str) -> Form:
    """Batch if any column or the result is an array; mixing both is the author's mistake."""
    forms: dict[Form, str] = {}
    for parameter in signature.parameters:
        if parameter.const:
            if parameter.form == "batch":
                raise DeclarationError(f"{what}: the constant '{parameter.name}' is one value, not an array")
        else:
            forms.setdefault(parameter.form, f"parameter '{parameter.name}'")
    if result is not None:
        forms.setdefault(result, "the result")
    if len(forms) == 2:
        raise DeclarationError(
            f"{what} mixes batches and rows: {forms['batch']} is an array, {forms['row']} is a Python value. "
            "Use arrays for all columns and the result, or for none (Const parameters excepted)"
        )
    form: Form = "batch" if "batch" in forms else "row"
    if form == "batch" and signature.context is None and all(p.const for p in signature.parameters):
        raise DeclarationError(
            f"{what} returns an array but has no column to take its length from; "
            "add a Context parameter and use its 'rows', or return one Python value"
        )
    return form
