"""The other end: call a worker from Python, without a database.

>>> from duckwing.client import connect
>>> with connect("exec duckwing run worker.py") as worker:      # doctest: +SKIP
...     demo = worker.attach("demo")
...     demo.scalar("upper_case", pa.array(["a", "b"]))
...     for batch in demo.scan("numbers", 10, step=2): ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .connection import AttachedCatalog as AttachedCatalog
    from .connection import WorkerConnection as WorkerConnection
    from .connection import connect as connect

__all__ = ["AttachedCatalog", "WorkerConnection", "connect"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from . import connection

        return getattr(connection, name)
    raise AttributeError(f"module 'duckwing.client' has no attribute {name!r}")
