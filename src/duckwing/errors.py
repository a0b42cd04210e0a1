"""The errors that Duckwing raises, all under :class:`Error`.

The layers below add their own families under the same root:
:mod:`duckwing.rpc.errors` for the wire, :mod:`duckwing.engine` for DuckDB.
"""

from __future__ import annotations


class Error(Exception):
    """Base of every error that Duckwing raises on purpose."""


class DeclarationError(Error):
    """A function or catalog is declared in a way that cannot work.

    Raised where the mistake stands: by the decorator, by ``Catalog`` or by
    ``Worker``, while the author's module is imported.
    """


class ArgumentError(Error):
    """The SQL that calls a function passes an argument that it does not take.

    Raised at bind, before any row is computed.
    """


class OutputError(Error):
    """A function returned something else than it declared."""


class CatalogError(Error):
    """A catalog was asked for something that it does not have or does not do."""


class StateError(Error):
    """State that several calls or processes share is missing, lost, or cannot be kept."""


class FilterError(Error):
    """A filter that the client pushes down is malformed, or nothing can be said of a row with it."""
