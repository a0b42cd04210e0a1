"""Serving a file over HTTP whose code has not been run yet: its processes are forked before they run it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ..process.options import parse_options


def fork_processes(arguments: Sequence[str], source: str) -> bool:
    """Serve a file until a signal ends it.

    Args:
        arguments: the worker's command line, which asks for HTTP.
        source: the file.

    Returns:
        False at the end of the worker; True in each of its processes.

    Raises:
        SystemExit: it cannot listen, or its first process cannot serve.
    """
    options = parse_options(arguments)
    assert options.http is not None
    try:
        from ..service import preload
        from . import mounting  # noqa: F401
        from .serving import bind, supervise
        from .supervisor import fork
    except ModuleNotFoundError as error:
        print(f"serving HTTP needs {error.name}; run: pip install 'duckwing[http]'", file=sys.stderr)
        raise SystemExit(1) from None
    preload()
    return supervise(options, fork, source, bind(options.http))
