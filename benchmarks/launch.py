"""Workers and engines as users start them."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import duckwing as dw
from duckwing.process.launched import launched_workers, stop

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


@contextlib.contextmanager
def launchers_folder() -> Iterator[Path]:
    """The launchers' own folder for the time being; its workers are stopped in the end."""
    before = os.environ.get("XDG_RUNTIME_DIR")
    with tempfile.TemporaryDirectory(prefix="dw-") as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        try:
            yield Path(folder) / "vgi-rpc"
        finally:
            for worker in launched_workers(Path(folder) / "vgi-rpc"):
                stop(worker)
            if before is None:
                del os.environ["XDG_RUNTIME_DIR"]
            else:
                os.environ["XDG_RUNTIME_DIR"] = before
            time.sleep(0.1)
