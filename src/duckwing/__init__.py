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
    from .catalog.branches import Branch as Branch
    from .catalog.branches import CatalogTable as CatalogTable
    from .catalog.branches import Files as Files
    from .catalog.branches import Native as Native
    from .catalog.declared import Catalog as Catalog
    from .catalog.providers import TableDefinition as TableDefinition
    from .catalog.providers import TableProvider as TableProvider
    from .catalog.providers import ViewDefinition as ViewDefinition
    from .catalog.schema import Schema as Schema
    from .catalog.tables import ForeignKey as ForeignKey
    from .catalog.tables import Generated as Generated
    from .catalog.versions import Release as Release
    from .engine import connect as connect
    from .engine import location as location
    from .errors import ArgumentError as ArgumentError
    from .errors import CatalogError as CatalogError
    from .errors import DeclarationError as DeclarationError
    from .errors import Error as Error
    from .errors import FilterError as FilterError
    from .errors import OutputError as OutputError
    from .errors import StateError as StateError
    from .filters.pushed import Filters as Filters
    from .functions.changes import Change as Change
    from .functions.columns import Bound as Bound
    from .functions.context import At as At
    from .functions.context import Context as Context
    from .functions.datasets import dataset as dataset
    from .functions.declare import aggregate as aggregate
    from .functions.declare import buffering as buffering
    from .functions.declare import row_function as row_function
    from .functions.declare import scalar as scalar
    from .functions.declare import table_function as table_function
    from .functions.declare import table_in_out as table_in_out
    from .functions.groups import Groups as Groups
    from .functions.groups import PerGroup as PerGroup
    from .functions.hints import Cardinality as Cardinality
    from .functions.secrets import Lookup as Lookup
    from .functions.secrets import Secret as Secret
    from .functions.signature import Const as Const
    from .scans.cache import Cache as Cache
    from .scans.measuring import statistics_of as statistics_of
    from .scans.scan import Order as Order
    from .scans.scan import Sample as Sample
    from .scans.splits import Split as Split
    from .scans.statistics import ColumnStatistics as ColumnStatistics
    from .scans.statistics import TableStatistics as TableStatistics
    from .worker import Worker as Worker

_HOMES = {
    "ArgumentError": "errors",
    "At": "functions.context",
    "Bound": "functions.columns",
    "Branch": "catalog.branches",
    "Cache": "scans.cache",
    "Cardinality": "functions.hints",
    "Catalog": "catalog.declared",
    "CatalogError": "errors",
    "CatalogTable": "catalog.branches",
    "Change": "functions.changes",
    "ColumnStatistics": "scans.statistics",
    "Const": "functions.signature",
    "Context": "functions.context",
    "DeclarationError": "errors",
    "Error": "errors",
    "Files": "catalog.branches",
    "FilterError": "errors",
    "Filters": "filters.pushed",
    "ForeignKey": "catalog.tables",
    "Generated": "catalog.tables",
    "Groups": "functions.groups",
    "Lookup": "functions.secrets",
    "Native": "catalog.branches",
    "Order": "scans.scan",
    "OutputError": "errors",
    "PerGroup": "functions.groups",
    "Release": "catalog.versions",
    "Sample": "scans.scan",
    "Schema": "catalog.schema",
    "Secret": "functions.secrets",
    "Split": "scans.splits",
    "StateError": "errors",
    "TableDefinition": "catalog.providers",
    "TableProvider": "catalog.providers",
    "TableStatistics": "scans.statistics",
    "ViewDefinition": "catalog.providers",
    "Worker": "worker",
    "aggregate": "functions.declare",
    "buffering": "functions.declare",
    "connect": "engine",
    "dataset": "functions.datasets",
    "location": "engine",
    "row_function": "functions.declare",
    "scalar": "functions.declare",
    "statistics_of": "scans.measuring",
    "table_function": "functions.declare",
    "table_in_out": "functions.declare",
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
