"""Pieces of a WHERE clause, in any dialect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MANY = 100
"""Larger sets are one parameter, where the database has arrays."""


@dataclass(frozen=True)
class Part:
    """A piece of SQL and the parameters in it."""

    text: str
    parameters: tuple[Any, ...] = ()
    exact: bool = True


def identifier(name: str) -> str:
    """``name`` in quotes."""
    return '"' + name.replace('"', '""') + '"'
