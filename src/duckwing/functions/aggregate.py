"""Aggregate functions: one value for each group of rows (spec 05, section 11).

This module declares and binds them. How they run is in ``aggregate_groups`` (all groups at once) and
``aggregate_instances`` (an instance of the class for each group).
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pyarrow as pa

from ..errors import ArgumentError, DeclarationError, OutputError
from ..types.convert import Converter, from_duckdb
from ..types.numpy_views import to_numpy
from ..types.values import from_values
from .about import About, check_name, read_about
from .arguments import Arguments, python_value, python_values
from .context import Context
from .documentation import read_docstring
from .groups import Field, Groups, per_group_field
from .libraries import argument_converter, result_array
from .nulls import rows_without_nulls, take
from .results import ResultType, known_by_name, read_result
from .scalar import Nulls, expand_varargs
from .signature import (
    REQUIRED,
    Parameter,
    Signature,
    call_form,
    read_signature,
    with_context,
)
from .stateful import Fields, field_annotations, read_fields, require_methods

Form = Literal["groups", "batch", "row"]

EMPTY: Any = object()
"""``empty=`` was not given: a group without rows is NULL."""


@dataclass(frozen=True, eq=False)
class AggregateFunction:
    """A declared aggregate function. Calling it makes an instance of the author's class.

    Attributes:
        name: its name in SQL.
        function: the author's class.
        signature: what SQL passes: columns, and constants (``const``).
        result: type of the result.
        form: all groups at once, or an instance for each, called with arrays or value by value.
        per_group: the fields of ``PerGroup``.
        state: the other fields.
        constants: parameters of ``__init__``.
        placed: constants that ``update`` takes, too, between its columns.
        empty: value of a group without rows, or what makes it of the type of the result; ``EMPTY`` for NULL.
        nulls: ``"skip"``: rows with a NULL do not count; ``"pass"``: they do.
        order_dependent: ``ORDER BY`` inside the call matters.
        distinct_dependent: ``DISTINCT`` inside the call matters.
        about: its documentation.
    """

    kind: ClassVar = "aggregate"

    name: str
    function: type
    signature: Signature
    result: ResultType
    form: Form
    per_group: Mapping[str, Field]
    state: Fields
    constants: frozenset[str]
    placed: frozenset[str]
    empty: Any
    nulls: Nulls
    order_dependent: bool
    distinct_dependent: bool
    about: About

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    @property
    def returns(self) -> pa.DataType | None:
        """Type of the result; None if the call decides."""
        return self.result.fixed

    @property
    def sees_nulls(self) -> bool:
        """Whether rows with a NULL in one of the columns reach the class."""
        return self.nulls == "pass" or any(p.accepts_none for p in self.signature.parameters if not p.const)

    @property
    def has_window(self) -> bool:
        """Whether the class computes window frames itself."""
        return callable(getattr(self.function, "window", None))

    @property
    def has_running(self) -> bool:
        """Whether the class computes cumulative windows itself."""
        return callable(getattr(self.function, "running", None))

    @property
    def what(self) -> str:
        """The function, for error messages."""
        return f"aggregate '{self.name}'"

    def bind(
        self, parameters: Sequence[Parameter], columns: pa.Schema, arguments: Arguments, context: Context
    ) -> BoundAggregate:
        """Prepare the calls of one query.

        Args:
            parameters: the overload that the query uses.
            columns: the columns as the bind tells them; batches may have other types (spec 06, section 6.3).
            arguments: the constants.
            context: handed to the class if it wants it.

        Raises:
            ArgumentError: an argument does not fit.
        """
        constants = [p for p in parameters if p.const]
        if len(constants) != len(arguments.positional):
            raise ArgumentError(f"{self.what} takes {len(constants)} constants, got {len(arguments.positional)}")
        values = {p.name: _constant(p, v, self.what) for p, v in zip(constants, arguments.positional, strict=True)}
        for parameter in self.signature.parameters:
            if parameter.const and parameter.name not in values:
                values[parameter.name] = parameter.default
        inputs = expand_varargs([p for p in parameters if not p.const], len(columns))
        if not columns.names and any(p.kind == "varargs" and p.form == "batch" for p in parameters):
            raise ArgumentError(f"{self.what} requires at least 1 value: {call_form(self.name, parameters)}")
        known = known_by_name(self.signature, context, values, zip(inputs, columns.types, strict=True))
        # The client has looked them up before its only bind (spec 05, section 3.5).
        known |= {s.name: context.secret(s, values) for s in self.signature.secrets if s.name in self.result.wants}
        return BoundAggregate(self, inputs, values, context, self.result.of(known, self.what))


def _constant(parameter: Parameter, value: pa.Array, what: str) -> Any:
    """A constant, which comes in the type of the literal (spec 06, section 6.3)."""
    if not value[0].is_valid:
        if parameter.accepts_none:
            return None
        raise ArgumentError(f"{what}: argument '{parameter.name}' cannot be NULL")
    if not value.type.equals(parameter.type) and not isinstance(parameter.type, pa.BaseExtensionType):
        with contextlib.suppress(pa.ArrowException, ValueError):  # the conversion below says what is wrong
            if pa.types.is_decimal(parameter.type) and pa.types.is_integer(value.type):
                # Straight to its type, Arrow would want room for every integer.
                value = value.cast(pa.decimal128(38, parameter.type.scale))
            value = value.cast(parameter.type)
    return python_value(parameter, value, what)


class BoundAggregate:
    """An aggregate function with the constants of one query."""

    def __init__(
        self,
        function: AggregateFunction,
        inputs: Sequence[Parameter],
        constants: Mapping[str, Any],
        context: Context,
        output: pa.DataType,
    ):
        self.function = function
        self.inputs = inputs
        self.constants = constants
        self.context = context
        self.output_type = output
        self._passed = frozenset(p.name for p in inputs)
        self._converters: tuple[pa.Schema, list[Converter | None]] | None = None
        self._strict = [n for n, p in enumerate(inputs) if function.nulls == "skip" and not p.accepts_none]
        passed = function.nulls == "pass"
        self._wrap = (
            [argument_converter(p, nulls=passed or p.accepts_none) for p in inputs] if function.form != "row" else []
        )

    def instance(self) -> Any:
        """A new instance of the author's class, with the constants."""
        function = self.function
        call = with_context(function.function, function.signature, self.context, self.constants)
        return call(**{name: self.constants[name] for name in function.constants})

    def columns(self, batch: pa.RecordBatch, first: int = 0) -> list[pa.Array]:
        """The columns of ``batch`` from number ``first`` on, in their declared types."""
        if self._converters is None or not self._converters[0].equals(batch.schema):
            found: list[Converter | None] = []
            for parameter, field in zip(self.inputs, list(batch.schema)[first:], strict=True):
                try:
                    found.append(from_duckdb(field.type, parameter.type))
                except ArgumentError as error:
                    raise ArgumentError(f"{self.function.what}: argument '{parameter.name}': {error}") from None
            self._converters = batch.schema, found
        columns = batch.columns[first:]
        return [convert(c) if convert else c for convert, c in zip(self._converters[1], columns, strict=True)]

    def counted(self, columns: Sequence[pa.Array]) -> pa.Array | None:
        """The rows that count, as a boolean array; None for all of them."""
        return rows_without_nulls([columns[n] for n in self._strict])

    def only_counted(self, ids: pa.Array, columns: list[pa.Array]) -> tuple[pa.Array, list[pa.Array]]:
        """The rows that count, which are those of the next call of ``update``: their groups and their columns."""
        counted = self.counted(columns)
        if counted is not None:
            ids, columns = ids.filter(counted), [take_valid(column, counted) for column in columns]
        if len(ids):
            self.context.rows = len(ids)
        return ids, columns

    def arguments(self, columns: Sequence[pa.Array]) -> list[Any]:
        """Columns as a method over arrays takes them: constants that ``update`` names are put in."""
        return self.given([convert(c) if convert else c for convert, c in zip(self._wrap, columns, strict=True)])

    def rows(self, columns: Sequence[pa.Array], count: int) -> Iterator[tuple[Any, ...]]:
        """The arguments of each row as a method over values takes them."""
        arguments = self._with_constants(self.lists(columns), lambda constant: itertools.repeat(constant, count))
        return zip(*arguments, strict=True) if arguments else itertools.repeat((), count)

    def lists(self, columns: Sequence[pa.Array]) -> list[list[Any]]:
        """Columns as lists of Python values."""
        return [python_values(p, c, self.function.what) for p, c in zip(self.inputs, columns, strict=True)]

    def given(self, columns: Sequence[Any]) -> list[Any]:
        """The arguments of a method that takes the columns as they are; constants that ``update`` names are put in."""
        return self._with_constants(columns, lambda constant: constant)

    def _with_constants(self, columns: Sequence[Any], wrap: Callable[[Any], Any]) -> list[Any]:
        """All that ``update`` takes: also the defaults of what the call leaves out."""
        left = iter(columns)
        arguments: list[Any] = []
        for parameter in self.function.signature.parameters:
            if parameter.kind == "varargs":
                arguments += left
            elif not parameter.const:
                arguments.append(next(left) if parameter.name in self._passed else wrap(parameter.default))
            elif parameter.name in self.function.placed:
                arguments.append(wrap(self.constants[parameter.name]))
        return arguments

    def empty(self, count: int) -> pa.Array:
        """The results of groups without rows."""
        empty = self.function.empty
        if empty is EMPTY:
            return pa.nulls(count, self.output_type)
        if callable(empty):
            empty = empty(self.output_type)
        return from_values([empty] * count, self.output_type, f"empty= of {self.function.what}")

    def results(self, returned: Any, count: int) -> pa.Array:
        """What ``result`` or ``running`` returned as an array of the declared type.

        Raises:
            OutputError: it is none, or of another length.
        """
        what = f"result of {self.function.what}"
        array = result_array(returned, self.output_type, what)
        if len(array) != count:
            raise OutputError(f"{what} must have a value for each of {count} groups or rows, got {len(array)}")
        return array

    def one(self, values: Sequence[Any]) -> pa.Array:
        """What ``result`` or ``window`` returned for some groups or rows, one by one."""
        return from_values(values, self.output_type, f"result of {self.function.what}")


def spread(values: pa.Array, places: pa.Array, otherwise: pa.Array) -> pa.Array:
    """``values`` at ``places``, and ``otherwise`` where no value goes.

    Args:
        values: the values.
        places: where each goes, int64, all different.
        otherwise: an array of the whole length, of the same type.
    """
    if len(values) == len(otherwise):
        return take(values, _inverse(places))
    import numpy as np

    order = np.arange(len(values), len(values) + len(otherwise))
    order[to_numpy(places)] = np.arange(len(values))
    return take(pa.concat_arrays([values, otherwise]), pa.array(order))


def take_valid(column: pa.Array, valid: pa.Array) -> pa.Array:
    """The rows of a column where ``valid`` is true, for every type."""
    import pyarrow.compute as pc

    return take(column, pc.indices_nonzero(valid))


def _inverse(places: pa.Array) -> pa.Array:
    import numpy as np

    order = np.empty(len(places), np.int64)
    order[to_numpy(places)] = np.arange(len(places))
    return pa.array(order)


def declare_aggregate(
    function: type,
    *,
    name: str | None = None,
    returns: pa.DataType | Callable[..., pa.DataType] | None = None,
    empty: Any = EMPTY,
    nulls: Nulls = "skip",
    order_dependent: bool = True,
    distinct_dependent: bool = True,
    **about: Any,
) -> AggregateFunction:
    """Make an :class:`AggregateFunction` of a class; :func:`duckwing.aggregate` explains the options.

    Raises:
        DeclarationError: it cannot be one.
    """
    sql = check_name(name if name is not None else getattr(function, "__name__", None), "an aggregate")
    what = f"aggregate '{sql}'"
    if not inspect.isclass(function):
        raise DeclarationError(f"{what} must be a class with update() and result(), not {function!r}")
    if importlib.util.find_spec("numpy") is None:
        raise DeclarationError(f"{what}: aggregates need numpy; install it with: pip install 'duckwing[numpy]'")
    require_methods(function, ["update", "result"], what)
    if nulls not in ("skip", "pass"):
        raise DeclarationError(f"{what}: nulls={nulls!r} is unknown; use 'skip' or 'pass'")
    per_group = _per_group(function, what)
    at_once = bool(per_group) or _takes_groups(function)
    if not at_once:
        require_methods(function, ["merge"], what)
    signature, init, update = _signature(function, at_once, what)
    form = _form(signature, at_once, what)
    state = read_fields(function, what, skip=lambda annotation: per_group_field("", annotation, None, what) is not None)
    if at_once and state.names:
        raise DeclarationError(
            f"{what}: field '{state.names[0]}' is not PerGroup, but one instance serves all groups; make it "
            f"PerGroup[int] or the like, or an argument of __init__"
        )
    if at_once and callable(getattr(function, "running", None)):
        raise DeclarationError(f"{what}: running() keeps its state in an instance; use plain fields, not PerGroup")
    cls: Any = function
    annotated = inspect.signature(cls.result, eval_str=True).return_annotation
    result = read_result(annotated, returns, signature, what, "result", secrets=True)
    if empty is not EMPTY and not callable(empty) and result.fixed is not None:
        _check_empty(empty, result.fixed, what)
    documentation = read_about(what, signature.description, **about)
    return AggregateFunction(
        name=sql,
        function=function,
        signature=signature,
        result=result,
        form=form,
        per_group=per_group,
        state=state,
        constants=frozenset(p.name for p in init),
        placed=frozenset(p.name for p in signature.parameters if p.const and p.name in update),
        empty=empty,
        nulls=nulls,
        order_dependent=order_dependent,
        distinct_dependent=distinct_dependent,
        about=documentation,
    )


def _per_group(cls: type, what: str) -> dict[str, Field]:
    fields: dict[str, Field] = {}
    for name, annotation in field_annotations(cls, what).items():
        field = per_group_field(name, annotation, getattr(cls, name, None), what)
        if field is not None:
            fields[name] = field
    return fields


def _takes_groups(cls: Any) -> bool:
    parameters = list(inspect.signature(cls.update, eval_str=True).parameters.values())
    return len(parameters) > 1 and parameters[1].annotation is Groups


def _signature(cls: Any, at_once: bool, what: str) -> tuple[Signature, Sequence[Parameter], Mapping[str, Parameter]]:
    """The columns of ``update`` and the constants of ``__init__`` as one SQL signature, and both alone."""
    update = read_signature(cls.update, f"{what}: update()", skip=2 if at_once else 1)
    init = read_signature(cls, f"{what}: __init__()")
    for parameter in update.parameters:
        if parameter.kind == "named":
            raise DeclarationError(f"{what}: '{parameter.name}' is keyword-only, but SQL passes columns by position")
    if update.context is not None or update.secrets:
        raise DeclarationError(f"{what}: update() runs for a batch of rows; take the Context in __init__()")
    named = {p.name: p for p in update.parameters}
    own = init.parameters
    extra: list[Parameter] = []
    for parameter in own:
        if parameter.kind == "varargs":
            raise DeclarationError(f"{what}: *{parameter.name} of __init__() cannot be constants of SQL")
        if parameter.form == "batch":
            raise DeclarationError(f"{what}: the constant '{parameter.name}' is one value, not an array")
        if parameter.name not in named:
            extra.append(dataclasses.replace(parameter, kind="positional", const=True))
        elif not named[parameter.name].const:
            raise DeclarationError(
                f"{what}: '{parameter.name}' is a column of update() and a constant of __init__(); rename one of them, "
                "or annotate the column with Const"
            )
    varargs = [p for p in update.parameters if p.kind == "varargs"]
    if varargs and extra:
        raise DeclarationError(
            f"{what}: *{varargs[0].name} takes all further arguments; there is no place for constants"
        )
    parameters = (*update.parameters, *extra)
    defaulted = False
    for parameter in parameters:
        defaulted = defaulted or parameter.default is not REQUIRED
        if defaulted and parameter.default is REQUIRED:
            raise DeclarationError(f"{what}: '{parameter.name}' follows an argument with a default, but has none")
    description, docs = read_docstring(cls.__doc__)
    signature = Signature(
        tuple(dataclasses.replace(p, doc=p.doc or docs.get(p.name, "")) for p in parameters),
        init.context,
        init.secrets,
        init.places,
        update.returns,
        description,
    )
    return signature, own, named


def _form(signature: Signature, at_once: bool, what: str) -> Form:
    forms = {p.form for p in signature.parameters if not p.const}
    if len(forms) == 2:
        raise DeclarationError(f"{what} mixes arrays and single values in update(); use the one or the other")
    if at_once:
        if "row" in forms:
            raise DeclarationError(
                f"{what}: update() gets the rows of all groups at once; annotate its columns with arrays"
            )
        return "groups"
    return "batch" if "batch" in forms else "row"


def _check_empty(empty: Any, result: pa.DataType, what: str) -> None:
    try:
        from_values([empty], result, f"{what}: empty=")
    except OutputError as error:
        raise DeclarationError(str(error)) from None
