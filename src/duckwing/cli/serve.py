"""``duckwing serve module:object``: serve an importable worker or catalog. It starts inside queries, too."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from typing import Any

from .run import served

USAGE = "usage: duckwing serve MODULE:OBJECT [--unix PATH | --tcp [HOST:]PORT] [ARGUMENTS…]"


def main(arguments: Sequence[str]) -> int:
    """Import the object that ``arguments[0]`` names, a Worker or a Catalog, serve it, and return the exit status."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, file=sys.stderr)
        return 0 if arguments else 2
    from ..process.collector import pause_collector

    pause_collector()
    from ..process.script import import_object

    name, *rest = arguments
    module, colon, path = name.partition(":")
    if not (module and colon and path):
        print(f"duckwing serve: expected MODULE:OBJECT, such as shop.worker:catalog, not {name!r}", file=sys.stderr)
        return 2
    return served(lambda listens: import_object(name, rest, listens=listens), _serve, _source(module), rest, "serve")


def _serve(found: Any) -> None:
    from ..catalog.declared import Catalog
    from ..errors import DeclarationError
    from ..worker import Worker

    if isinstance(found, Catalog):
        found = Worker(found)
    if not isinstance(found, Worker):
        raise DeclarationError(f"expected a Worker or a Catalog, not {type(found).__name__}")
    found.run()


def _source(module: str) -> str:
    """The file of a module, without running it; the package's for one inside a package."""
    sys.path.insert(0, os.getcwd())
    try:
        spec = importlib.util.find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        spec = None
    finally:
        sys.path.pop(0)
    return spec.origin if spec is not None and spec.origin else os.path.join(os.getcwd(), module)
