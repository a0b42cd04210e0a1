"""The worker: what a process serves, and how it is started."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import ClassVar, TypeVar

from .catalog.declared import Catalog
from .errors import DeclarationError
from .rpc.server import Server
from .service import Service

T = TypeVar("T")


class Worker:
    """Serves catalogs to DuckDB.

    Args:
        catalogs: at least one; a client attaches each by its name.

    Attributes:
        has_run: whether a worker, this or another, has served the standard streams; a process has
            them only once.

    Raises:
        DeclarationError: no catalog is given, or two have one name.

    Example:
        ```python
        if __name__ == "__main__":
            dw.Worker(demo).run()
        ```
    """

    has_run: ClassVar[bool] = False

    def __init__(self, *catalogs: Catalog):
        for catalog in catalogs:
            if not isinstance(catalog, Catalog):
                raise DeclarationError(f"Worker takes catalogs, not {catalog!r}")
        names = [catalog.catalog_name.casefold() for catalog in catalogs]
        if not names:
            raise DeclarationError("Worker needs at least one catalog: Worker(Catalog('demo'))")
        for name in names:
            if names.count(name) > 1:
                raise DeclarationError(f"Worker has two catalogs named '{name}'; clients could attach only one")
        self.catalogs = catalogs
        self._on_start: list[Callable[[], object]] = []
        self._on_stop: list[Callable[[], object]] = []

    def on_start(self, hook: Callable[[], T]) -> Callable[[], T]:
        """Have ``hook`` called once in each process of the worker, before its first function: to load a model, say.

        Not for ATTACH and listings, which must be fast. What it raises is the error of the call.

        Example:
            ```python
            worker = dw.Worker(demo)

            @worker.on_start
            def load() -> None:
                global model
                model = joblib.load("model.joblib")
            ```
        """
        self._on_start.append(hook)
        return hook

    def on_stop(self, hook: Callable[[], T]) -> Callable[[], T]:
        """Have ``hook`` called when a process ends that has called a function, the last one first.

        Not when the process is killed.
        """
        self._on_stop.append(hook)
        return hook

    def service(self) -> Service:
        """What answers the calls of the protocol for these catalogs."""
        return Service(self.catalogs, self._on_start, self._on_stop)

    def server(self) -> Server:
        """The RPC server of these catalogs, for transports and tests that drive it themselves."""
        return self.service().server()

    def run(self, arguments: Sequence[str] | None = None) -> None:
        """Serve over standard input and output until the client leaves.

        On a terminal, where a person started it, it first says how to attach it.

        Args:
            arguments: the command line without the program; that of the process by default.

        Raises:
            SystemExit: with status 2 if the command line asks for what this version does not have.
        """
        from .process.options import parse_options
        from .process.standard import on_terminal
        from .process.stdio import serve_stdio

        Worker.has_run = True
        options = parse_options(sys.argv[1:] if arguments is None else arguments)
        if on_terminal() and not options.quiet:
            print(_greeting(self.catalogs), file=sys.stderr)
        service = self.service()
        try:
            serve_stdio(service.server())
        finally:
            service.stop()


def serve_module(module: ModuleType) -> None:
    """Serve what a module declares: its ``Worker``, or a worker of all of its catalogs.

    A module that has run a ``Worker`` itself is left alone.

    Raises:
        DeclarationError: it declares neither, or several workers.
    """
    if Worker.has_run:
        return
    declared = list(vars(module).values())
    workers = list({id(value): value for value in declared if isinstance(value, Worker)}.values())
    catalogs = list({id(value): value for value in declared if isinstance(value, Catalog)}.values())
    if len(workers) == 1:
        workers[0].run()
    elif catalogs and not workers:
        Worker(*catalogs).run()
    else:
        found = "several Workers" if workers else "no Worker and no Catalog"
        raise DeclarationError(
            f"{module.__file__} has {found} at module level; declare a Catalog, or call Worker(…).run()"
        )


def _greeting(catalogs: Sequence[Catalog]) -> str:
    import os
    import shlex

    path = os.path.abspath(sys.argv[0])
    location = _literal(f"exec duckwing run {shlex.quote(path)}")
    lines = [
        "This is a VGI worker. It talks Arrow to DuckDB; there is nothing to type here (Ctrl-C ends it).",
        "Attach it in DuckDB with",
    ]
    for catalog in catalogs:
        name = catalog.catalog_name
        alias = name if name.isidentifier() else '"' + name.replace('"', '""') + '"'
        lines.append(f"    ATTACH {_literal(name)} AS {alias} (TYPE vgi, LOCATION {location});")
    lines.append(f"or try it at once with: duckwing sql {shlex.quote(path)}")
    return "\n".join(lines)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
