"""DuckDB with the ``vgi`` extension: find it, fetch it, connect to it, say where a worker is."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .connection import connect as connect
    from .errors import EngineError as EngineError
    from .locations import location as location
    from .npm import install as install
    from .report import Status as Status
    from .report import status as status

_HOMES = {
    "EngineError": "errors",
    "Status": "report",
    "connect": "connection",
    "install": "npm",
    "location": "locations",
    "status": "report",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value  # the next access finds it without this function
    return value
