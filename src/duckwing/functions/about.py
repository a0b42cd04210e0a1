"""What a declaration says about a function beside its signature, and the checks that all kinds share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from ..errors import DeclarationError

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
    """

    description: str
    comment: str | None
    tags: Mapping[str, str]
    examples: tuple[tuple[str, str], ...]
    categories: tuple[str, ...]


def read_about(
    what: str,
    description: str,
    *,
    comment: str | None = None,
    tags: Mapping[str, str] | None = None,
    examples: Iterable[ExampleLike] = (),
    categories: Iterable[str] = (),
) -> About:
    """Check and collect what a decorator was given.

    Raises:
        DeclarationError: something has the wrong form.
    """
    if isinstance(examples, str) or isinstance(categories, str):
        raise DeclarationError(f"{what}: examples= and categories= take a list of strings, not one string")
    pairs = tuple((e, "") if isinstance(e, str) else (e[0], e[1]) for e in examples)
    return About(description, comment, dict(tags or {}), pairs, tuple(categories))


def check_name(name: object, what: str) -> str:
    """``name`` if it can be the name of a SQL object.

    Raises:
        DeclarationError: it cannot.
    """
    if not isinstance(name, str) or not name or "\0" in name:
        raise DeclarationError(f"{what} needs a name: a non-empty string, not {name!r}")
    return name


def check_stability(stability: str, what: str) -> None:
    """Refuse what is no stability.

    Raises:
        DeclarationError: it is none.
    """
    known = get_args(Stability)
    if stability not in known:
        raise DeclarationError(f"{what}: stability={stability!r} is unknown; use one of {', '.join(known)}")
