"""``duckwing run worker.py``: serve what a file declares. It starts inside queries, so it imports little."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

USAGE = "usage: duckwing run WORKER.PY [ARGUMENTS…]"


def main(arguments: Sequence[str]) -> int:
    """Run the file ``arguments[0]``, serve its catalogs, and return the exit status.

    A file that calls ``Worker(…).run()`` itself is served by that call, another when its last
    line has run.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, file=sys.stderr)
        return 0 if arguments else 2
    from ..process.script import run_script

    path, *rest = arguments
    if os.path.isdir(path):
        return _fail(f"cannot read {path}: it is a directory; name the worker's Python file")
    if not os.path.isfile(path):
        return _fail(f"cannot read {path}: there is no such file (the path is relative to {os.getcwd()})")
    if not os.access(path, os.R_OK):
        return _fail(f"cannot read {path}: permission denied")
    module = run_script(path, rest)
    from ..errors import DeclarationError
    from ..worker import serve_module

    try:
        serve_module(module)
    except DeclarationError as error:
        return _fail(str(error))
    return 0


def _fail(message: str) -> int:
    print(f"duckwing run: {message}", file=sys.stderr)
    return 1
