"""What a declaration says about a function beside its signature, and the checks that all kinds share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from ..errors import DeclarationError
from .settings import Setting

Stability = Literal["consistent", "consistent_within_query", "volatile"]

ExampleLike: TypeAlias = "str | tuple[str, str]"


@dataclass(frozen=True, eq=False)
class About:
    """Documentation of a function, for ``duckdb_functions()`` and other tools.

    Attributes:
        description: what it does; from the docstring unless given.
        comment: as ``COMMENT ON`` would set it.
        tags: free key-value pairs.
        examples: pairs of an SQL statement and what it shows.
        categories: names of categories.
        settings: names of the settings that must have a value.
    """

    description: str
    comment: str | None
    tags: Mapping[str, str]
    examples: tuple[tuple[str, str], ...]
    categories: tuple[str, ...]
    settings: tuple[str, ...] = ()


def read_about(
    what: str,
    description: str,
    *,
    comment: str | None = None,
    tags: Mapping[str, str] | None = None,
    examples: Iterable[ExampleLike] = (),
    categories: Iterable[str] = (),
    settings: Iterable[str | Setting] = (),
    **unknown: object,
) -> About:
    """Check and collect what a decorator was given.

    Raises:
        DeclarationError: something has the wrong form, or is no option.
    """
    for option in unknown:
        raise DeclarationError(f"{what}: there is no option '{option}'; help(duckwing.scalar) lists them")
    if isinstance(examples, str) or isinstance(categories, str) or isinstance(settings, str):
        raise DeclarationError(f"{what}: examples=, categories= and settings= take a list of strings, not one string")
    pairs = tuple((e, "") if isinstance(e, str) else e for e in examples)
    for pair in pairs:
        if not isinstance(pair, tuple) or [type(part) for part in pair] != [str, str]:
            raise DeclarationError(
                f"{what}: examples= takes SQL statements, or pairs with what they show, not {pair!r}"
            )
    names = tuple(check_text(category, f"{what}: a category") for category in categories)
    checked = None if comment is None else check_text(comment, f"{what}: comment=")
    needed = tuple(
        setting.name if isinstance(setting, Setting) else check_text(setting, f"{what}: a setting")
        for setting in settings
    )
    return About(description, checked, check_tags(tags, what), pairs, names, needed)


def check_text(value: object, what: str) -> str:
    """``value`` if it is a string.

    Raises:
        DeclarationError: it is none.
    """
    if not isinstance(value, str):
        raise DeclarationError(f"{what} is a string, not {value!r}")
    return value


def check_tags(tags: Mapping[str, str] | None, what: str) -> dict[str, str]:
    """The tags, {} for None.

    Raises:
        DeclarationError: they are no dict of strings.
    """
    if tags is not None and not isinstance(tags, Mapping):
        raise DeclarationError(f"{what}: tags= takes a dict, not {tags!r}")
    return {
        check_text(key, f"{what}: the name of a tag"): check_text(value, f"{what}: tag {key!r}")
        for key, value in (tags or {}).items()
    }


def check_name(name: object, what: str) -> str:
    """``name`` if it can be the name of a SQL object.

    Raises:
        DeclarationError: it cannot.
    """
    if not isinstance(name, str) or not name or "\0" in name:
        raise DeclarationError(f"{what} needs a name: a non-empty string, not {name!r}")
    return name


def check_function(
    function: Callable[..., Any], name: str | None, kind: str, *, classes: bool = False, coroutines: bool = False
) -> str:
    """The SQL name of what a decorator was put on, if that can be a function of SQL.

    Args:
        function: what the decorator was put on.
        name: the name that the author gave; None: the function's own.
        kind: names it in error messages, such as ``scalar function``.
        classes: it may be a class.
        coroutines: it may be async.

    Raises:
        DeclarationError: it is no function, or async, or has no name.
    """
    sql = check_name(name if name is not None else getattr(function, "__name__", None), f"a {kind}")
    if not callable(function) or (inspect.isclass(function) and not classes):
        raise DeclarationError(f"{kind} '{sql}': expected a function, got {function!r}")
    if not coroutines and (inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)):
        raise DeclarationError(f"{kind} '{sql}': only scalar and row functions can be async; declare it with def")
    return sql


def check_stability(stability: str, what: str) -> None:
    """Refuse what is no stability.

    Raises:
        DeclarationError: it is none.
    """
    known = get_args(Stability)
    if stability not in known:
        raise DeclarationError(f"{what}: stability={stability!r} is unknown; use one of {', '.join(known)}")
