"""The other end: call a worker from Python, without a database.

>>> from duckwing import client
>>> from duckwing.client import col
>>> with client.connect("exec duckwing run worker.py") as worker:      # doctest: +SKIP
...     demo = worker.attach("demo")
...     demo.scalar("upper_case", ["a", "b"])
...     demo.scan("numbers", 10, step=2, where=col("n") > 3).read_all()
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..filters.build import Condition as Condition
    from ..filters.build import col as col
    from ..rpc.client import LogMessage as LogMessage
    from ..rpc.errors import ConnectionClosed as ConnectionClosed
    from ..rpc.errors import RemoteError as RemoteError
    from ..scans.scan import Sample as Sample
    from ..transports.sockets import ConnectError as ConnectError
    from .batches import Batches as Batches
    from .catalog import AttachedCatalog as AttachedCatalog
    from .connection import WorkerConnection as WorkerConnection
    from .connection import connect as connect
    from .http_requests import AuthenticationError as AuthenticationError
    from .http_requests import HttpError as HttpError
    from .launcher import LaunchError as LaunchError
    from .locations import LocationError as LocationError
    from .tables import At as At
    from .tables import TableReader as TableReader
    from .transactions import Transaction as Transaction

_HOMES = {
    "AttachedCatalog": "duckwing.client.catalog",
    "At": "duckwing.client.tables",
    "AuthenticationError": "duckwing.client.http_requests",
    "Batches": "duckwing.client.batches",
    "Condition": "duckwing.filters.build",
    "ConnectError": "duckwing.transports.sockets",
    "ConnectionClosed": "duckwing.rpc.errors",
    "HttpError": "duckwing.client.http_requests",
    "LaunchError": "duckwing.client.launcher",
    "LocationError": "duckwing.client.locations",
    "LogMessage": "duckwing.rpc.client",
    "RemoteError": "duckwing.rpc.errors",
    "Sample": "duckwing.scans.scan",
    "TableReader": "duckwing.client.tables",
    "Transaction": "duckwing.client.transactions",
    "WorkerConnection": "duckwing.client.connection",
    "col": "duckwing.filters.build",
    "connect": "duckwing.client.connection",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'duckwing.client' has no attribute {name!r}")
