"""What is shown of a worker."""

from __future__ import annotations

from dataclasses import dataclass

from .tags import About, Example, Link

KINDS = ("scalar", "table function", "row function", "table-in-out", "buffering", "aggregate")
"""Kinds of functions, as authors call them and in the order of the page."""


@dataclass(frozen=True)
class Column:
    """A column of a table or a result."""

    name: str
    type: str
    comment: str = ""
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Argument:
    """An argument of a function, macro or COPY format.

    Attributes:
        default: as SQL would have it, for display; None if there is none.
        allowed: what its values must be, in words.
    """

    name: str
    type: str
    named: bool = False
    varargs: bool = False
    default: str | None = None
    allowed: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Overload:
    """One form of a function.

    Attributes:
        returns: the type of a scalar's or aggregate's result; "" if the call decides; None for other kinds.
        columns: those of the result; None if the call decides them.
    """

    arguments: tuple[Argument, ...]
    returns: str | None = None
    columns: tuple[Column, ...] | None = ()

    @property
    def positional(self) -> tuple[Argument, ...]:
        """The arguments that go by position."""
        return tuple(argument for argument in self.arguments if not argument.named)

    @property
    def named(self) -> tuple[Argument, ...]:
        """The arguments that go by name."""
        return tuple(argument for argument in self.arguments if argument.named)


@dataclass(frozen=True)
class Function:
    """A function with all its overloads.

    Attributes:
        text: Markdown.
        notes: what a caller should know, a few words each.
    """

    name: str
    kind: str
    text: str
    overloads: tuple[Overload, ...]
    examples: tuple[Example, ...]
    notes: tuple[str, ...]
    about: About


@dataclass(frozen=True)
class Table:
    """A table; ``facts`` are its constraints and what can be done with it."""

    name: str
    comment: str
    columns: tuple[Column, ...]
    facts: tuple[str, ...]
    about: About


@dataclass(frozen=True)
class View:
    """A view. Its columns are those that have a comment: others are known to DuckDB alone."""

    name: str
    comment: str
    definition: str
    columns: tuple[tuple[str, str], ...]
    about: About


@dataclass(frozen=True)
class Macro:
    """A macro; ``kind`` is ``scalar macro`` or ``table macro``."""

    name: str
    kind: str
    comment: str
    parameters: tuple[Argument, ...]
    definition: str
    about: About


@dataclass(frozen=True)
class Schema:
    """A schema and what is in it; ``omitted`` counts what is not listed."""

    name: str
    comment: str
    about: About
    tables: tuple[Table, ...]
    views: tuple[View, ...]
    functions: tuple[Function, ...]
    macros: tuple[Macro, ...]
    omitted: int = 0


@dataclass(frozen=True)
class Option:
    """An ATTACH option or a setting; ``default`` is None if there is none."""

    name: str
    type: str
    text: str
    default: str | None = None
    required: bool = False


@dataclass(frozen=True)
class SecretType:
    """A type of secret that functions of the catalog use."""

    name: str
    text: str
    parameters: tuple[Column, ...]


@dataclass(frozen=True)
class Format:
    """A format of COPY; ``direction`` is ``from``, ``to`` or ``both``."""

    name: str
    direction: str
    text: str
    options: tuple[Argument, ...]


@dataclass(frozen=True)
class ReleaseNote:
    """A release of a catalog's data; ``date`` is ISO 8601, "" if unknown."""

    version: str
    date: str
    text: str
    link: Link | None


@dataclass(frozen=True)
class Contents:
    """What an attached catalog has."""

    comment: str
    about: About
    default_schema: str
    schemas: tuple[Schema, ...]
    settings: tuple[Option, ...] = ()
    secret_types: tuple[SecretType, ...] = ()
    formats: tuple[Format, ...] = ()
    data_version: str = ""
    version: str = ""

    def count(self, kind: str) -> int:
        """How many ``tables``, ``views``, ``functions`` or ``macros`` are listed in all schemas."""
        return sum(len(getattr(schema, kind)) for schema in self.schemas)


@dataclass(frozen=True)
class Catalog:
    """A catalog that the worker serves.

    Attributes:
        contents: None if it was not attached.
        problem: why it could not be attached; "" otherwise.
    """

    name: str
    version: str
    data_version: str
    source: Link | None
    options: tuple[Option, ...]
    releases: tuple[ReleaseNote, ...]
    contents: Contents | None = None
    problem: str = ""


@dataclass(frozen=True)
class Inventory:
    """The catalogs of a worker.

    Attributes:
        catalogs: all of them; the chosen one with its contents.
        chosen: the one that is shown; None if there is none.
        data_version: the version of its data that was asked for; "" for none.
        problem: why they could not be listed; "" otherwise.
    """

    catalogs: tuple[Catalog, ...]
    chosen: Catalog | None
    data_version: str = ""
    problem: str = ""
