"""``duckwing run worker.py``: serve what a file declares. It starts inside queries, so it imports little."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TypeVar

T = TypeVar("T")

USAGE = "usage: duckwing run WORKER.PY [ARGUMENTS…]"


def main(arguments: Sequence[str]) -> int:
    """Run the file ``arguments[0]``, serve its catalogs, and return the exit status.

    A file that calls ``Worker(…).run()`` itself is served by that call, another when its last
    line has run.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, file=sys.stderr)
        return 0 if arguments else 2
    path, *rest = arguments
    if os.path.isdir(path):
        return _fail(f"cannot read {path}: it is a directory; name the worker's Python file")
    if not os.path.isfile(path):
        return _fail(f"cannot read {path}: there is no such file (the path is relative to {os.getcwd()})")
    if not os.access(path, os.R_OK):
        return _fail(f"cannot read {path}: permission denied")
    from ..process.collector import pause_collector

    pause_collector()
    from ..process.script import run_script
    from ..worker import serve_module

    file = os.path.abspath(path)
    return served(lambda listens: run_script(file, rest, listens=listens), serve_module, file, rest)


def served(
    load: Callable[[bool], T], serve: Callable[[T], object], source: str, arguments: Sequence[str], name: str = "run"
) -> int:
    """Load an author's code and serve it, in this process or behind a socket in several; the exit status.

    Args:
        load: loads it; its argument says whether it will be served over a socket.
        serve: serves what was loaded, over what ``arguments`` ask for.
        source: the author's file.
        arguments: the command line of the worker.
        name: the command, for messages.
    """
    from ..errors import DeclarationError

    http = "--http" in arguments
    listens = http or any(argument.partition("=")[0] in ("--unix", "--tcp") for argument in arguments)
    if http and sys.platform == "linux":
        from ..http.forking import fork_processes as fork_http

        if not fork_http(arguments, source):
            return 0
    elif listens and sys.platform != "win32":
        from ..process.child import control

        if sys.platform == "linux":  # elsewhere forking is not safe, and the worker starts its processes itself
            from ..process.serving import fork_processes

            if not fork_processes(arguments, source):
                return 0
        control()  # before the author's code could start a process that believes to be ours
    try:
        loaded = load(listens)
    except Exception as error:
        trace = _within_the_file(error, source)
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return _refuse(error, source, listens and not http)
    try:
        serve(loaded)
    except DeclarationError as error:
        print(f"duckwing {name}: {error}", file=sys.stderr)
        return _refuse(error, source, listens and not http)
    return 0


def _refuse(error: Exception, file: str, listens: bool) -> int:
    """End with an error; behind a socket, clients are told of it first, as nobody may read the standard error."""
    if listens and sys.platform != "win32":
        from ..process.child import control
        from ..worker import serve_error

        tie = control()
        if tie is not None:
            serve_error(error, file, tie)
    return 1


def _within_the_file(error: Exception, file: str) -> TracebackType | None:
    """The author's part of a traceback: from the first line of ``file`` on, or nothing if none of it ran.

    What Duckwing did until it refused a declaration is left out too.
    """
    from ..errors import DeclarationError

    first = error.__traceback__
    while first is not None and first.tb_frame.f_code.co_filename != file:
        first = first.tb_next
    if isinstance(error, DeclarationError):
        last = frame = first
        while frame is not None:
            if not str(frame.tb_frame.f_globals.get("__name__")).startswith("duckwing."):
                last = frame
            frame = frame.tb_next
        if last is not None:
            last.tb_next = None
    return first


def _fail(message: str) -> int:
    print(f"duckwing run: {message}", file=sys.stderr)
    return 1
