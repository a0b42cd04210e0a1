"""What the pages need to know of the worker that they belong to, and of who looks at them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...client.connection import WorkerConnection


@dataclass(frozen=True, kw_only=True)
class Site:
    """A worker as its pages show it to one caller.

    Attributes:
        worker: its name.
        server_id: id of this server.
        version: of the worker, or of Duckwing.
        connect: makes a connection to it as the caller; the page closes it.
        prefix: path under which it is mounted, without a slash at its end; "" at the root.
        doc: one line about it.
        oauth: people can sign in with their browser.
        signed_in: name of the caller; "" if nobody is known.
        private: pages are not the same for all callers.
        describe: there is a page of the RPC methods.
        console: there is a SQL console.
        engine: folder of the console's engine, as :mod:`duckwing.engine.wasm` makes it; None: it is not installed.
    """

    worker: str
    server_id: str
    version: str
    connect: Callable[[], WorkerConnection]
    prefix: str = ""
    doc: str = ""
    oauth: bool = False
    signed_in: str = ""
    private: bool = False
    describe: bool = True
    console: bool = True
    engine: Path | None = None
