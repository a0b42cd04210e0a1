"""The columns of a function's result: declared, those of its input, or computed from its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import pyarrow as pa

from ..errors import DeclarationError, OutputError
from ..types.names import sql_name
from ..types.refusals import refusal
from .signature import Signature, any_type

Columns: TypeAlias = "Mapping[str, pa.DataType] | pa.Schema"


@dataclass(frozen=True)
class Bound:
    """What a callable ``columns=`` may return: the columns, and data for the scan.

    Attributes:
        columns: names and types of the columns, a dict or a ``pyarrow.Schema``.
        data: plain values that the scan reads as ``ctx.bound``, in whatever process it runs.

    Example:
        ```python
        def layout(path: str) -> dw.Bound:
            header = read_header(path)
            return dw.Bound({name: VARCHAR for name in header.names}, data={"skip": header.size})

        @demo.table_function(columns=layout)
        def read(path: str, ctx: dw.Context):
            yield from read_rows(path, ctx.bound["skip"])
        ```
    """

    columns: Columns
    data: Any = None


ColumnsOption: TypeAlias = "Columns | Literal['input'] | Callable[..., Columns | Bound]"


@dataclass(frozen=True, eq=False)
class ResultColumns:
    """Where the columns of a result come from: exactly one of the attributes says it.

    Attributes:
        fixed: they are these, always.
        compute: called with the arguments that ``wants`` names.
        wants: parameters of ``compute``.
    """

    fixed: pa.Schema | None = None
    compute: Callable[..., Any] | None = None
    wants: tuple[str, ...] = ()

    def of(self, values: Mapping[str, Any], input_columns: pa.Schema | None, what: str) -> tuple[pa.Schema, Any]:
        """The columns of one call, and what the computation left for the scan.

        Args:
            values: the arguments by name.
            input_columns: those of the table input, if there is one.
            what: names the function in error messages.

        Raises:
            OutputError: what was computed are no columns.
            Exception: whatever the author's callable raises.
        """
        if self.fixed is not None:
            return self.fixed, None
        if self.compute is None:
            assert input_columns is not None
            return input_columns, None
        result: Any = self.compute(**{name: values[name] for name in self.wants})
        data = None
        if isinstance(result, Bound):
            result, data = result.columns, result.data
        try:
            return check_columns(result, what, of_nothing=True), data
        except DeclarationError as error:
            raise OutputError(str(error)) from None


def read_columns(option: Any, signature: Signature, what: str, *, table: bool = False) -> ResultColumns:
    """What the option ``columns=`` means.

    Args:
        option: its value.
        signature: of the function, whose arguments a callable may want.
        what: names the function in error messages.
        table: the function has a table input, so its columns may be those of the input.

    Raises:
        DeclarationError: it has no meaning here.
    """
    if option == "input" and isinstance(option, str):
        if not table:
            raise DeclarationError(f"{what} has no table as input; columns='input' means nothing here")
        return ResultColumns()
    if isinstance(option, type):
        from .rows import row_columns

        found = row_columns(option)
        return ResultColumns(fixed=check_columns(option if found is None else found, what))
    if callable(option):
        return ResultColumns(compute=option, wants=wanted(option, signature, what, "columns="))
    return ResultColumns(fixed=check_columns(option, what))


def wanted(
    compute: Callable[..., Any], signature: Signature, what: str, option: str, *, secrets: bool = False
) -> tuple[str, ...]:
    """The parameters of a callable option, each of which must be one of the function's.

    Args:
        compute: the callable.
        signature: of the function.
        what: names the function in error messages.
        option: its name, with ``=``.
        secrets: the secrets of a call are known when the callable runs, so it may want them.

    Raises:
        DeclarationError: one is not.
    """
    known = {p.name for p in signature.parameters} | ({signature.context} if signature.context else set())
    if secrets:
        known |= {secret.name for secret in signature.secrets}
    names = tuple(inspect.signature(compute).parameters)
    for name in names:
        if name not in known:
            raise DeclarationError(
                f"{what}: {option} wants '{name}', but the function's parameters are {', '.join(sorted(known))}"
            )
    return names


def check_columns(columns: Columns, what: str, *, of_nothing: bool = False) -> pa.Schema:
    """``columns`` as an Arrow schema.

    Args:
        columns: names and types.
        what: names whose columns they are in error messages.
        of_nothing: a column may hold nothing but NULL, as one of ``(SELECT NULL AS x)`` does.

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
        shown = columns.__name__ if isinstance(columns, type) else type(columns).__name__
        raise DeclarationError(f"{what}: columns= takes a dict or a pyarrow schema, not {shown}")
    if not schema.names:
        raise DeclarationError(f"{what} needs at least one column: columns={{'n': BIGINT}}")
    seen: dict[str, str] = {}
    for field in schema:
        other = seen.setdefault(field.name.casefold(), field.name)
        if not field.name or list(schema.names).count(field.name) > 1 or other != field.name:
            raise DeclarationError(f"{what}: column names must be different and not empty: {schema.names}")
        reason = refusal(field.type, of_nothing=of_nothing)
        if any_type(field.type) and not of_nothing:
            reason = "a column has one type"
        if reason is not None:
            raise DeclarationError(f"{what}: column '{field.name}' cannot be {sql_name(field.type)}: {reason}")
    return schema
