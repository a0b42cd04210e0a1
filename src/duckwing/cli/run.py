"""``duckwing run worker.py``: serve what a file declares. It starts inside queries, so it imports little."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from types import TracebackType

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
    file = os.path.abspath(path)
    listens = _listens(rest)
    if listens and sys.platform == "linux":  # elsewhere forking is not safe, and the worker starts its processes itself
        from ..process.serving import fork_processes

        if not fork_processes(rest, file):
            return 0
    return _serve(file, rest, listens)


def _listens(arguments: Sequence[str]) -> bool:
    return any(argument.partition("=")[0] in ("--unix", "--tcp") for argument in arguments)


def _serve(file: str, arguments: Sequence[str], listens: bool) -> int:
    if listens:
        from ..process.child import control_socket

        control_socket()  # before the author's code could start a process that believes to be ours
    from ..process.script import run_script

    try:
        module = run_script(file, arguments, listens=listens)
    except Exception as error:
        trace = _within_the_file(error, file)
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return _refuse(error, file, listens)
    from ..errors import DeclarationError
    from ..worker import serve_module

    try:
        serve_module(module)
    except DeclarationError as error:
        _fail(str(error))
        return _refuse(error, file, listens)
    return 0


def _refuse(error: Exception, file: str, listens: bool) -> int:
    """End with an error; behind a socket, clients are told of it first, as nobody may read the standard error."""
    if listens:
        from ..process.child import control_socket
        from ..worker import serve_error

        control = control_socket()
        if control is not None:
            serve_error(error, file, control)
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
