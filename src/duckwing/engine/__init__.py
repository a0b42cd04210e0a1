"""DuckDB with the ``vgi`` extension: find it, fetch it, connect to it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckwing.engine.connection import connect
    from duckwing.engine.errors import EngineError
    from duckwing.engine.npm import install
    from duckwing.engine.report import Status, status

__all__ = ["EngineError", "Status", "connect", "install", "status"]

_HOME = {
    "EngineError": "duckwing.engine.errors",
    "Status": "duckwing.engine.report",
    "connect": "duckwing.engine.connection",
    "install": "duckwing.engine.npm",
    "status": "duckwing.engine.report",
}


def __getattr__(name: str) -> object:
    try:
        module = _HOME[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value  # the next access finds it without this function
    return value
