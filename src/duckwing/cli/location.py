"""What the user names as a worker -> the LOCATION of an ATTACH."""

from __future__ import annotations

import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

from duckwing.errors import Error


def location_of(worker: str) -> str:
    """The location of a Python file (``*.py``) served by this Python; anything else is a location already.

    :raises Error: when `worker` names a Python file that is not there.
    """
    if not worker.endswith(".py"):
        return worker
    file = Path(worker).absolute()
    if not file.is_file():
        raise Error(f"there is no file {file}; give the path of a worker, or a LOCATION")
    arguments = [*_duckwing(), "run", str(file)]
    if sys.platform == "win32":
        return subprocess.list2cmdline(arguments)
    # With `exec` the worker replaces the shell, so that ending the process ends the worker (spec 03, section 4.1).
    return f"exec {shlex.join(arguments)}"


def _duckwing() -> list[str]:
    """The command line that starts Duckwing in this Python, not in one that PATH happens to name."""
    script = Path(sysconfig.get_path("scripts"), "duckwing.exe" if sys.platform == "win32" else "duckwing")
    return [str(script)] if script.is_file() else [sys.executable, "-m", "duckwing.cli"]
