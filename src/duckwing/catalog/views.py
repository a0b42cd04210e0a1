"""Views and macros of a declared catalog: SQL that DuckDB itself runs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import DeclarationError
from ..functions.about import check_name, check_tags, check_text
from .statements import check_expression, check_query, is_table_macro


@dataclass(frozen=True, eq=False)
class View:
    """A view. Make it with :meth:`Schema.view`.

    Attributes:
        name: its name in SQL.
        definition: one SELECT statement.
        comment: as ``COMMENT ON VIEW`` would set it.
        tags: free key-value pairs.
        column_comments: by column.
    """

    name: str
    definition: str
    comment: str | None
    tags: Mapping[str, str]
    column_comments: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Macro:
    """A macro. Make it with :meth:`Schema.macro`.

    Attributes:
        name: its name in SQL.
        parameters: their names, in order.
        defaults: the Python values of those that have one.
        definition: an expression; a SELECT statement for a table macro.
        is_table: it is a table macro.
        docs: what each parameter means.
        comment: as ``COMMENT ON MACRO`` would set it.
        tags: free key-value pairs.
    """

    name: str
    parameters: Sequence[str]
    defaults: Mapping[str, Any]
    definition: str
    is_table: bool
    docs: Mapping[str, str]
    comment: str | None
    tags: Mapping[str, str]


def declare_view(
    name: str,
    definition: str,
    *,
    comment: str | None = None,
    tags: Mapping[str, str] | None = None,
    column_comments: Mapping[str, str] | None = None,
) -> View:
    """Make a :class:`View`; :meth:`Schema.view` explains the options.

    Raises:
        DeclarationError: its definition is no SELECT statement. (DuckDB would drop the view without a word.)
    """
    what = f"view '{check_name(name, 'a view')}'"
    check_query(definition, what)
    return View(
        name,
        definition,
        None if comment is None else check_text(comment, f"{what}: comment="),
        check_tags(tags, what),
        check_tags(column_comments, what),
    )


def declare_macro(
    name: str,
    parameters: Sequence[str] | Mapping[str, Any],
    definition: str,
    *,
    docs: Mapping[str, str] | None = None,
    comment: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> Macro:
    """Make a :class:`Macro`; :meth:`Schema.macro` explains the options.

    Raises:
        DeclarationError: its definition is neither an expression nor a SELECT statement.
    """
    what = f"macro '{check_name(name, 'a macro')}'"
    if isinstance(parameters, str):
        raise DeclarationError(f"{what}: its parameters are a list of names, not one string")
    names = tuple(check_name(parameter, f"{what}: a parameter") for parameter in parameters)
    if len({parameter.casefold() for parameter in names}) < len(names):
        raise DeclarationError(f"{what}: two parameters have one name")
    defaults = {n: v for n, v in parameters.items() if v is not ...} if isinstance(parameters, Mapping) else {}
    for before, after in itertools.pairwise(names):
        if before in defaults and after not in defaults:
            raise DeclarationError(f"{what}: parameter '{after}' without a default follows '{before}', which has one")
    for parameter, value in defaults.items():
        if not isinstance(value, (bool, int, float, str)):
            raise DeclarationError(
                f"{what}: the default of '{parameter}' is a bool, int, float or str, not {value!r:.80}; "
                "... says that it has none"
            )
    for parameter in docs or {}:
        if parameter not in names:
            raise DeclarationError(f"{what}: docs= explains '{parameter}', which is none of its parameters")
    table = is_table_macro(definition)
    if table:
        check_query(definition, what)
    else:
        check_expression(definition, what)
    return Macro(
        name,
        names,
        defaults,
        definition,
        table,
        check_tags(docs, what),
        None if comment is None else check_text(comment, f"{what}: comment="),
        check_tags(tags, what),
    )
