"""``duckwing workers``: the workers that launchers have started for this user."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import sys
import time
from pathlib import Path

from ..client.launcher import default_folder
from ..errors import Error
from ..process.launched import LaunchedWorker, launched_workers, stop

LOG_BYTES = 64 << 10
"""Of a log file, from its end, that are shown."""


def workers(folder: Path | None, *, as_json: bool) -> None:
    """List them."""
    found = launched_workers(_folder(folder))
    if as_json:
        print(json.dumps([dataclasses.asdict(worker) for worker in found], indent=2, default=str))
        return
    if not found:
        print(f"no launched workers in {_folder(folder)}")
    for worker in found:
        age = f"{_duration(time.time() - worker.started)}" if worker.started else "?"
        print(f"{worker.id}  pid {worker.pid or '?':<8} {age:>6}  {shlex.join(worker.command) or '?'}")
        print(f"    log: {worker.log or 'none'}")


def show_log(name: str, folder: Path | None) -> None:
    """Print the end of a worker's log.

    Raises:
        Error: there is no such worker, or it keeps no log.
    """
    folder = _folder(folder)
    logs = [path for path in folder.glob("*.log") if path.stem.startswith(name)]
    if len(logs) != 1:
        raise Error(
            f"{'no worker has' if not logs else 'several workers have'} a log in {folder} under {name!r}; "
            "give the beginning of an id that `duckwing workers` shows"
        )
    with logs[0].open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - LOG_BYTES))
        sys.stdout.write(file.read().decode("utf-8", "replace"))


def stop_workers(names: list[str], folder: Path | None, *, every: bool) -> int:
    """Stop workers; the exit status is 1 if one could not be stopped.

    Raises:
        Error: a name is that of no worker, or of several.
    """
    found = launched_workers(_folder(folder))
    chosen = found if every else [_one(name, found) for name in names]
    if not chosen and not every:
        raise Error("name the workers to stop, or give --all")
    status = 0
    for worker in chosen:
        if stop(worker):
            print(f"stopped {worker.id}")
        else:
            print(f"error: {worker.id} (pid {worker.pid or 'unknown'}) could not be stopped", file=sys.stderr)
            status = 1
    return status


def _one(name: str, found: list[LaunchedWorker]) -> LaunchedWorker:
    matches = [worker for worker in found if worker.id.startswith(name) or str(worker.pid) == name]
    if len(matches) != 1:
        raise Error(f"{'no worker is' if not matches else 'several workers are'} called {name!r}")
    return matches[0]


def _folder(given: Path | None) -> Path:
    if sys.platform == "win32":
        raise Error("there are no launched workers on Windows")
    return given if given is not None else default_folder(os.environ)


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
