"""Table functions: ``FROM f(…)``, rows from nothing but arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeAlias, TypeVar

import pyarrow as pa

from ..errors import ArgumentError, DeclarationError
from ..types.names import sql_name
from ..types.refusals import refusal
from .about import About, Stability, check_function, check_stability, read_about
from .arguments import Arguments, python_value
from .batches import to_batches
from .context import Context
from .signature import REQUIRED, Parameter, Signature, any_type, call_form, read_signature, with_context

P = ParamSpec("P")
R = TypeVar("R")

Columns: TypeAlias = "Mapping[str, pa.DataType] | pa.Schema"


@dataclass(frozen=True, eq=False)
class TableFunction(Generic[P, R]):
    """A declared table function. It stays callable as the plain function that it was made from.

    Attributes:
        name: its name in SQL.
        function: the author's function.
        signature: what SQL passes.
        columns: the columns of its result.
        stability: whether equal calls may share a result.
        about: its documentation.
    """

    name: str
    function: Callable[P, R]
    signature: Signature
    columns: pa.Schema
    stability: Stability
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
        what = f"function '{self.name}'"
        positional: list[Any] = []
        named: dict[str, Any] = {}
        values = list(arguments.positional)
        left = dict(arguments.named)
        gap = False
        for parameter in parameters:
            if parameter.kind == "varargs":
                positional += [python_value(parameter, value, what) for value in values]
                values.clear()
                continue
            value = values.pop(0) if parameter.kind == "positional" and values else None
            if value is None:
                value = left.pop(parameter.name.casefold(), None)
            if value is not None:
                result = python_value(parameter, value, what)
            elif parameter.default is REQUIRED:
                raise ArgumentError(f"{what} needs the argument '{parameter.name}': {call_form(self.name, parameters)}")
            else:
                gap = gap or parameter.kind == "positional"
                continue
            if parameter.kind == "positional" and not gap:
                positional.append(result)
            else:
                named[parameter.name] = result
        if values or left:
            extra = ", ".join([*(f"'{name}'" for name in left)] or [f"{len(values)} more by position"])
            raise ArgumentError(f"{what} does not take the argument {extra}: {call_form(self.name, parameters)}")
        return BoundTable(self, with_context(self.function, self.signature, context), positional, named)


@dataclass(frozen=True, eq=False)
class BoundTable:
    """A table function with the arguments of one query.

    Attributes:
        function: the declaration.
        call: the author's function, with its context.
        positional: Python values of the positional arguments.
        named: Python values of the named arguments.
    """

    function: TableFunction[..., Any]
    call: Callable[..., Any]
    positional: Sequence[Any]
    named: Mapping[str, Any]

    def scan(self) -> Iterator[pa.RecordBatch]:
        """Run the function: its batches, of exactly the declared columns.

        Closing the iterator closes the author's generator, so that its ``finally`` runs.

        Raises:
            OutputError: the function yields something else.
            Exception: whatever the function raises.
        """
        what = f"table function '{self.function.name}'"
        result = self.call(*self.positional, **self.named)
        try:
            yield from to_batches(result, self.function.columns, what)
        finally:
            close = getattr(result, "close", None)
            if close is not None and isinstance(result, Iterator):
                close()


def declare_table_function(
    function: Callable[P, R],
    *,
    columns: Columns | None = None,
    name: str | None = None,
    stability: Stability = "consistent",
    **about: Any,
) -> TableFunction[P, R]:
    """Make a :class:`TableFunction` of ``function``; :func:`duckwing.table_function` explains the options.

    Raises:
        DeclarationError: it cannot be one.
    """
    sql = check_function(function, name, "table function")
    what = f"table function '{sql}'"
    if columns is None:
        raise DeclarationError(f"{what} needs its columns: table_function(columns={{'n': BIGINT}})")
    signature = read_signature(function, what)
    for parameter in signature.parameters:
        if parameter.form == "batch":
            raise DeclarationError(
                f"{what}: parameter '{parameter.name}' is an Arrow array, but the arguments of a table function are "
                "single values; annotate it with a Python type"
            )
    check_stability(stability, what)
    documentation = read_about(what, signature.description, **about)
    return TableFunction(sql, function, signature, check_columns(columns, what), stability, documentation)


def check_columns(columns: Columns, what: str) -> pa.Schema:
    """``columns`` as an Arrow schema.

    Raises:
        DeclarationError: they cannot be the columns of a DuckDB table.
    """
    if isinstance(columns, pa.Schema):
        schema = columns
    elif isinstance(columns, Mapping):
        for column, type_ in columns.items():
            if not isinstance(column, str) or not isinstance(type_, pa.DataType):
                raise DeclarationError(
                    f"{what}: columns= maps names to types from duckwing.types, not {column!r} to {type_!r}"
                )
        schema = pa.schema(list(columns.items()))
    else:
        raise DeclarationError(f"{what}: columns= takes a dict or a pyarrow schema, not {type(columns).__name__}")
    if not schema.names:
        raise DeclarationError(f"{what} needs at least one column: columns={{'n': BIGINT}}")
    seen: dict[str, str] = {}
    for field in schema:
        other = seen.setdefault(field.name.casefold(), field.name)
        if not field.name or list(schema.names).count(field.name) > 1 or other != field.name:
            raise DeclarationError(f"{what}: column names must be different and not empty: {schema.names}")
        reason = refusal(field.type)
        if any_type(field.type):
            reason = "a column has one type"
        if reason is not None:
            raise DeclarationError(f"{what}: column '{field.name}' cannot be {sql_name(field.type)}: {reason}")
    return schema
