"""DuckDB functions, tables and catalogs in Python: an SDK and toolbox for VGI workers.

>>> import duckwing as dw
>>> demo = dw.Catalog("demo")
>>> @demo.scalar
... def initials(first: str, last: str) -> str:
...     return first[0] + last[0]
>>> initials("Grace", "Hopper")
'GH'

``duckwing run worker.py`` serves a file with such declarations, ``duckwing sql worker.py`` opens a SQL
prompt on it. Everything below is imported when it is first used: a worker is a process that
starts inside somebody's query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .catalog.declared import Catalog as Catalog
    from .catalog.declared import Schema as Schema
    from .engine import connect as connect
    from .engine import location as location
    from .errors import ArgumentError as ArgumentError
    from .errors import CatalogError as CatalogError
    from .errors import DeclarationError as DeclarationError
    from .errors import Error as Error
    from .errors import OutputError as OutputError
    from .functions.context import Context as Context
    from .functions.declare import scalar as scalar
    from .functions.declare import table_function as table_function
    from .functions.signature import Const as Const
    from .worker import Worker as Worker

_HOMES = {
    "ArgumentError": "errors",
    "Catalog": "catalog.declared",
    "CatalogError": "errors",
    "Const": "functions.signature",
    "Context": "functions.context",
    "DeclarationError": "errors",
    "Error": "errors",
    "OutputError": "errors",
    "Schema": "catalog.declared",
    "Worker": "worker",
    "connect": "engine",
    "location": "engine",
    "scalar": "functions.declare",
    "table_function": "functions.declare",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'duckwing' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
