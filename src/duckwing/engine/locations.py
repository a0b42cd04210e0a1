"""What somebody calls a worker, as the LOCATION of an ATTACH."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

from .errors import EngineError

_COMMAND_OR_URL = re.compile(r"\s|^\w{2,}:")
"""Tells ``uv run worker.py`` and ``launch:./worker.py`` from a file; one letter and a colon is a drive of Windows."""


def location(worker: str | os.PathLike[str]) -> str:
    """The LOCATION that serves a Python file (``*.py``) with this Python.

    The command has absolute paths, quoted for the shell, so it works wherever DuckDB was started
    and whatever is on its PATH. Anything that is no ``.py`` file is a LOCATION already, a command
    such as ``uv run worker.py`` included.

    Args:
        worker: path of a Python file, or a LOCATION.

    Returns:
        The LOCATION; in SQL text, its quotes must still be doubled.

    Raises:
        EngineError: the Python file is not there.

    Example:
        >>> duckwing.location("worker.py")  # doctest: +SKIP
        'exec /home/ada/.venv/bin/duckwing run /home/ada/worker.py'
        >>> duckwing.location("http://localhost:8000")
        'http://localhost:8000'
    """
    worker = os.fspath(worker)
    file = Path(worker).absolute()
    if not worker.endswith(".py") or (_COMMAND_OR_URL.search(worker) and not file.is_file()):
        return worker
    if not file.is_file():
        raise EngineError(f"there is no file {file}; give the path of a worker, or a LOCATION")
    arguments = [*_duckwing(), "run", str(file)]
    if sys.platform == "win32":
        return subprocess.list2cmdline(arguments)
    # With ``exec`` the worker replaces the shell, so that ending the process ends the worker (spec 03, section 4.1).
    return f"exec {shlex.join(arguments)}"


def _duckwing() -> list[str]:
    """The command line that starts Duckwing in this Python, not in one that PATH happens to name."""
    script = Path(sysconfig.get_path("scripts"), "duckwing.exe" if sys.platform == "win32" else "duckwing")
    return [str(script)] if script.is_file() else [sys.executable, "-m", "duckwing.cli"]
