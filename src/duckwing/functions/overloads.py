"""Which overload a call means.

DuckDB chooses an overload when it plans, but does not tell the worker which (spec 06, section 5): the
same choice is made again here, from the types that arrive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import pyarrow as pa

from ..errors import ArgumentError
from ..types.forms import EXACT, NO_FIT, fits
from ..types.names import sql_name
from .arguments import Arguments
from .scalar import expand_varargs
from .signature import Parameter, Signature, call_form


class Declared(Protocol):
    """A declared function of any kind."""

    @property
    def name(self) -> str: ...

    @property
    def signature(self) -> Signature: ...


F = TypeVar("F", bound=Declared)


@dataclass(frozen=True)
class Overload(Generic[F]):
    """One form in which a function can be called."""

    function: F
    parameters: tuple[Parameter, ...]


def overloads(functions: Sequence[F]) -> list[Overload[F]]:
    """All forms of the functions of one name."""
    return [Overload(function, form) for function in functions for form in function.signature.forms()]


def choose_by_columns(
    functions: Sequence[F],
    columns: pa.Schema,
    names: Sequence[str | None] | None,
    constants: Sequence[pa.DataType] = (),
) -> Overload[F]:
    """The overload that a call with columns means: of a scalar or a row function.

    Args:
        functions: the functions of that name.
        columns: the input columns.
        names: the parameter names of the call as the client resolved them, None for varargs.
        constants: the types of the ``Const`` arguments that are not among the columns.

    Raises:
        ArgumentError: no overload fits.
    """
    candidates = overloads(functions)
    count = len(columns) + len(constants)

    def score(overload: Overload[F]) -> tuple[int, ...] | None:
        fixed = [p for p in overload.parameters if p.kind == "positional"]
        varargs = any(p.kind == "varargs" for p in overload.parameters)
        if count < len(fixed) or (count > len(fixed) and not varargs):
            return None
        expanded = expand_varargs(overload.parameters, count)
        types = columns.types
        if constants:
            if sum(p.const for p in expanded) != len(constants):
                return None
            given, left = iter(constants), iter(types)
            types = [next(given) if p.const else next(left) for p in expanded]
        same_names = names is not None and list(names) == [None if p.kind == "varargs" else p.name for p in expanded]
        quality = _quality(expanded, types)
        return None if quality is None else (int(same_names), int(not varargs), *quality)

    return _best(candidates, score, [*constants, *columns.types])


def choose_aggregate(
    functions: Sequence[F], columns: pa.Schema, constants: int, names: Sequence[str | None] | None
) -> Overload[F]:
    """The overload that an aggregate call means.

    Types decide last: the bind tells those of the expressions, not those to which DuckDB casts them
    (spec 06, section 6.3).

    Args:
        functions: the functions of that name.
        columns: the input columns.
        constants: how many constants the call passes.
        names: the parameter names of the call, constants included, None for varargs.

    Raises:
        ArgumentError: no overload fits.
    """
    count = len(columns)

    def score(overload: Overload[F]) -> tuple[int, ...] | None:
        inputs = [p for p in overload.parameters if not p.const]
        fixed = sum(p.kind == "positional" for p in inputs)
        varargs = fixed != len(inputs)
        if len(overload.parameters) - len(inputs) != constants or count < fixed or (count > fixed and not varargs):
            return None
        same_names = names is not None and list(names) == [
            None if p.kind == "varargs" else p.name for p in expand_varargs(overload.parameters, count + constants)
        ]
        scores = [fits(f.type, p.type) for f, p in zip(columns, expand_varargs(inputs, count), strict=True)]
        return int(same_names), int(not varargs), min(scores, default=EXACT), sum(scores)

    return _best(overloads(functions), score, columns.types)


def choose_by_arguments(functions: Sequence[F], arguments: Arguments) -> Overload[F]:
    """The overload that a call with constants means: of a table function.

    Raises:
        ArgumentError: no overload fits.
    """
    candidates = overloads(functions)
    if len(candidates) == 1:
        return candidates[0]
    types = [a.type for a in arguments.positional]

    def score(overload: Overload[F]) -> tuple[int, ...] | None:
        fixed = [p for p in overload.parameters if p.kind == "positional"]
        varargs = any(p.kind == "varargs" for p in overload.parameters)
        named = {p.name.casefold() for p in overload.parameters}
        if len(types) > len(fixed) and not varargs:
            return None
        missing = {p.name.casefold() for p in fixed[len(types) :]}
        if not missing <= set(arguments.named) or not set(arguments.named) <= named:
            return None
        quality = _quality(expand_varargs(overload.parameters, len(types))[: len(types)], types)
        return None if quality is None else (int(not varargs), *quality)

    return _best(candidates, score, types)


def _quality(parameters: Sequence[Parameter], types: Sequence[pa.DataType]) -> tuple[int, int] | None:
    scores = [fits(type, parameter.type) for parameter, type in zip(parameters, types, strict=True)]
    if NO_FIT in scores:
        return None
    return min(scores, default=EXACT), sum(scores)


def _best(candidates: Sequence[Overload[F]], score: Any, types: Sequence[pa.DataType]) -> Overload[F]:
    best: Overload[F] | None = None
    best_score: tuple[int, ...] = ()
    for candidate in candidates:
        found = score(candidate)
        if found is not None and (best is None or found > best_score):
            best, best_score = candidate, found
    if best is None:
        name = candidates[0].function.name
        forms = "; ".join(call_form(name, c.parameters) for c in candidates)
        shown = ", ".join(sql_name(t) for t in types)
        raise ArgumentError(f"no form of function '{name}' takes ({shown}). It can be called as {forms}")
    return best
