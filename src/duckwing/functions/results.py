"""The type of a function's single result: declared, annotated, or computed from the types of its arguments.

Also what such a computation may know of a call, which is the same for ``returns=`` and ``columns=``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..errors import DeclarationError, OutputError
from ..types.forms import canonical, compact
from ..types.names import sql_name
from ..types.refusals import refusal
from .columns import wanted
from .context import Context
from .signature import REQUIRED, Form, Parameter, Signature, any_type, form_of, read_annotation, resolve_type


@dataclass(frozen=True, eq=False)
class ResultType:
    """Where the type of a result comes from.

    Attributes:
        fixed: it is this, always; None: ``compute`` says it.
        compute: called with what ``wants`` names: types for columns, values for constants.
        wants: parameters of ``compute``.
        form: what the annotation says of the result: an array, a Python value, or nothing.
    """

    fixed: pa.DataType | None
    compute: Callable[..., Any] | None = None
    wants: tuple[str, ...] = ()
    form: Form | None = None

    def of(self, known: Mapping[str, Any], what: str) -> pa.DataType:
        """The type in one call.

        Args:
            known: types of the columns, and values of the constants, by name.
            what: names the function in error messages.

        Raises:
            OutputError: what was computed is no type that DuckDB takes.
            Exception: whatever the author's callable raises.
        """
        if self.fixed is not None:
            return self.fixed
        assert self.compute is not None
        result = self.compute(**{name: known[name] for name in self.wants})
        if not isinstance(result, pa.DataType):
            raise OutputError(f"{what}: returns= must return a type from duckwing.types, got {result!r}")
        reason = refusal(result, of_nothing=True)
        if reason is not None:
            raise OutputError(f"{what}: returns= returned {sql_name(result)}: {reason}")
        return canonical(result)


def read_result(
    annotated: Any, returns: Any, signature: Signature, what: str, method: str = "", *, secrets: bool = False
) -> ResultType:
    """What the option ``returns=`` or the annotation of the result means.

    Args:
        annotated: the annotation, ``REQUIRED`` if there is none.
        returns: the option, None if it was not given.
        signature: of the function, whose arguments a callable may want.
        what: names the function in error messages.
        method: the method that has the annotation, if it is one.
        secrets: a callable may want the secrets, too.

    Raises:
        DeclarationError: it has no meaning.
    """
    annotation = read_annotation(annotated)
    form = form_of(annotation.base) if annotated is not REQUIRED else None
    if annotated is not REQUIRED and form is None:
        raise DeclarationError(f"{what}: {annotation.base.__name__} is not supported as a result; use an array")
    if returns is not None and not isinstance(returns, pa.DataType):
        if not callable(returns) or isinstance(returns, type):
            raise DeclarationError(f"{what}: returns= takes a type from duckwing.types, not {returns!r}")
        return ResultType(None, returns, wanted(returns, signature, what, "returns=", secrets=secrets), form)
    if returns is not None:
        reason = refusal(returns)
        if reason is not None:
            raise DeclarationError(f"{what}: it cannot return {sql_name(returns)}: {reason}")
        result = canonical(returns)  # DuckDB misreads a dictionary of one row (spec 06, section 8)
    elif annotated is REQUIRED:
        written = f"'def {method}(self) -> str'" if method else "'-> str'"
        raise DeclarationError(f"{what} needs the type of its result: write {written}, say, or returns=VARCHAR")
    elif annotation.base is None or annotation.base is type(None):
        raise DeclarationError(f"{what} returns None; it must return a value of a type that SQL knows")
    else:
        result = resolve_type(annotation, f"{what}: its result")
    if any_type(result):
        raise DeclarationError(f"{what} needs a result of one type; add returns= with a type from duckwing.types")
    return ResultType(result, form=form)


def known_by_name(
    signature: Signature,
    context: Context,
    constants: Mapping[str, Any],
    columns: Iterable[tuple[Parameter, pa.DataType]] | None = None,
) -> dict[str, Any]:
    """What a callable ``returns=`` or ``columns=`` may know of a call, by the names of the function's parameters.

    Args:
        signature: of the function.
        context: of the call.
        constants: the values of the constants.
        columns: the parameter of each column, and the type in which it arrives; None: the function has none.

    Returns:
        The values of constants, the context, and the types of columns: a tuple of them for varargs. What the
        call leaves out has its default, or the declared type of the column.
    """
    known = dict(constants)
    if signature.context is not None:
        known[signature.context] = context
    for parameter, arriving in columns or ():
        type_ = received_type(parameter, arriving)
        known[parameter.name] = (*known.get(parameter.name, ()), type_) if parameter.kind == "varargs" else type_
    for parameter in signature.parameters:
        left_out = parameter.default if columns is None else parameter.type
        known.setdefault(parameter.name, () if parameter.kind == "varargs" else left_out)
    return known


def received_type(parameter: Parameter, arriving: pa.DataType) -> pa.DataType:
    """The type in which a function gets a column: the declared one, or for ``ANY`` the plain form of what arrives."""
    return compact(arriving) if any_type(parameter.type) else parameter.type
