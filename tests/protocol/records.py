"""The modules and the records of the protocol, found rather than listed."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil

from duckwing import protocol

MODULES = [
    importlib.import_module(f"duckwing.protocol.{module.name}") for module in pkgutil.iter_modules(protocol.__path__)
]

RECORDS = sorted(
    {
        value
        for module in MODULES
        for value in vars(module).values()
        if dataclasses.is_dataclass(value) and isinstance(value, type) and value.__module__ == module.__name__
    },
    key=lambda cls: (cls.__module__, cls.__name__),
)
