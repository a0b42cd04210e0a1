"""The constant arguments of a call as the arguments of a Python function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ArgumentError
from .arguments import Arguments, python_value
from .signature import REQUIRED, Parameter, call_form


@dataclass(frozen=True)
class Values:
    """What a Python function is called with.

    Attributes:
        positional: its positional arguments.
        named: its keyword arguments.
        by_name: all values by the name of their parameter, defaults and the tuple of the varargs included.
    """

    positional: Sequence[Any]
    named: Mapping[str, Any]
    by_name: Mapping[str, Any]


def bind_arguments(name: str, parameters: Sequence[Parameter], arguments: Arguments) -> Values:
    """Check and convert the constant arguments of a call.

    A parameter is looked up by position first and by name second (spec 05, section 3.2). A table
    takes no number of its own.

    Args:
        name: the function's, for error messages.
        parameters: the overload that the call uses, without those that are no constants.
        arguments: what the call passes.

    Raises:
        ArgumentError: an argument does not fit, is missing, or is too much.
    """
    what = f"function '{name}'"
    positional: list[Any] = []
    named: dict[str, Any] = {}
    by_name: dict[str, Any] = {}
    values = list(arguments.positional)
    left = dict(arguments.named)
    gap = False
    _check_none_is_missing(name, parameters, arguments)
    for parameter in parameters:
        if parameter.kind == "table":
            continue
        if parameter.kind == "varargs":
            rest = [python_value(parameter, value, what) for value in values]
            positional += rest
            by_name[parameter.name] = tuple(rest)
            values.clear()
            continue
        value = values.pop(0) if parameter.kind == "positional" and values else None
        if value is None:
            value = left.pop(parameter.name.casefold(), None)
        if value is not None:
            result = python_value(parameter, value, what)
        elif parameter.default is REQUIRED:
            raise ArgumentError(
                f"function '{name}' needs the argument '{parameter.name}': {call_form(name, parameters)}"
            )
        else:
            by_name[parameter.name] = parameter.default
            gap = gap or parameter.kind == "positional"
            continue
        by_name[parameter.name] = result
        if parameter.kind == "positional" and not gap:
            positional.append(result)
        else:
            named[parameter.name] = result
    if values or left:
        extra = ", ".join([*(f"'{name}'" for name in left)] or [f"{len(values)} more by position"])
        raise ArgumentError(f"{what} does not take the argument {extra}: {call_form(name, parameters)}")
    return Values(positional, named, by_name)


def _check_none_is_missing(name: str, parameters: Sequence[Parameter], arguments: Arguments) -> None:
    """Refuse a call over a table with too few arguments: nobody knows which of them is missing."""
    if not any(p.kind == "table" for p in parameters):
        return
    wanted = [p for p in parameters if p.kind == "positional" and p.name.casefold() not in arguments.named]
    if len(arguments.positional) < len(wanted):
        names = ", ".join(f"'{p.name}'" for p in wanted)
        raise ArgumentError(
            f"function '{name}' needs {names}, but got {len(arguments.positional)} of {len(wanted)}: "
            f"{call_form(name, parameters)}. An argument of a function over a table cannot be NULL"
        )
