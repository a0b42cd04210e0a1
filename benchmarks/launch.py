"""Workers and engines as users start them."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import duckwing as dw

if TYPE_CHECKING:
    import duckdb

WORKERS = Path(__file__).resolve().parent / "workers"


def prepare_environment() -> None:
    """Give child processes what a user's have: cached bytecode, and an engine that reports to nobody."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.setdefault("QUERY_FARM_TELEMETRY_OPT_OUT", "1")


def duckwing_command() -> Path:
    """The ``duckwing`` script of this Python environment.

    Raises:
        SystemExit: there is none.
    """
    command = Path(sys.executable).with_name("duckwing")
    if not command.exists():
        raise SystemExit(
            f"{command} does not exist; install the package into this environment: pip install -e '.[cli]'"
        )
    return command


def attach(connection: duckdb.DuckDBPyConnection, worker: str, *arguments: str, catalog: str | None = None) -> None:
    """Attach the only catalog of ``workers/<worker>.py`` under its name.

    Args:
        connection: made by ``duckwing.connect()``.
        worker: the file's name without its suffix.
        arguments: words for the worker's command line. Workers ignore them, but the engine shares
            processes among equal commands only.
        catalog: its name; that of the file by default.
    """
    name = catalog or worker
    words = [str(duckwing_command()), "run", str(WORKERS / f"{worker}.py"), *arguments]
    location = ("exec " + shlex.join(words)).replace("'", "''")
    connection.execute(f"ATTACH '{name}' AS {name} (TYPE vgi, LOCATION '{location}')")


def engine() -> duckdb.DuckDBPyConnection:
    """DuckDB in memory with the extension, and as many threads as it chooses."""
    return dw.connect()
