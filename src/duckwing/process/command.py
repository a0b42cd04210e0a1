"""``duckwing run worker.py``: run a file as a worker, with standard output taken before its first line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from .standard import take_standard_streams

USAGE = "usage: duckwing run WORKER.PY [ARGUMENTS…]"


def main(arguments: Sequence[str]) -> None:
    """Run the file ``arguments[0]`` as ``__main__``, and serve what it declares.

    A file that calls ``Worker(…).run()`` itself is served by that call. Otherwise its ``Worker``, or
    all of its ``Catalog`` objects, are served when its last line has run.

    Raises:
        SystemExit: with status 2 for a wrong command line, 1 for a file that cannot be served.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, file=sys.stderr)
        raise SystemExit(0 if arguments else 2)
    path = os.path.abspath(arguments[0])
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        _fail(f"duckwing run: cannot read {arguments[0]}: {error.strerror} (the path is relative to {os.getcwd()})")
    if not os.isatty(0):
        take_standard_streams()
    sys.argv = [path, *arguments[1:]]
    sys.path.insert(0, os.path.dirname(path))
    module = ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    exec(compile(source, path, "exec"), module.__dict__)  # noqa: S102 - this is what "run" means
    _serve(module, path)


def _serve(module: ModuleType, path: str) -> None:
    from ..catalog.declared import Catalog
    from ..worker import Worker

    declared = list(vars(module).values())
    workers = {id(value): value for value in declared if isinstance(value, Worker)}
    if any(worker.has_run for worker in workers.values()):
        return
    catalogs = list({id(value): value for value in declared if isinstance(value, Catalog)}.values())
    if len(workers) == 1:
        next(iter(workers.values())).run()
    elif catalogs and not workers:
        Worker(*catalogs).run()
    else:
        found = "several Workers" if workers else "no Worker and no Catalog"
        _fail(f"duckwing run: {path} has {found} at module level; declare a Catalog, or call Worker(…).run()")


def _fail(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(1)
