"""Errors of SQL and of workers, in the user's terms."""

from __future__ import annotations

import re

_WHAT_DUCKDB_ADDS = re.compile(r"^(?:[A-Z][\w ]* Error: )(?:VGI Worker Exception: |(?=VGI ))")


_HINTS = {
    "RPC response stream EOF (no schema)": (
        "The command ended without an answer, so it is no worker. A Python file is one if it is started with "
        "'duckwing run FILE', or ends with Worker(…).run()."
    ),
    "Invalid IPC message: ": (
        "The worker's process ended in the middle of an answer, or something else than Duckwing wrote into it."
    ),
}
"""What DuckDB says -> what that means for a worker."""


def readable(error: Exception, location: str) -> str:
    """The message of a failed statement, without what says only that it came from the attached worker.

    Everything that the worker itself said is kept. Where DuckDB can tell only what it read, what that
    means follows.
    """
    message = str(error).replace(f" [worker: {location}]", "")
    shown = _WHAT_DUCKDB_ADDS.sub("", message).strip()
    hints = [hint for said, hint in _HINTS.items() if message.startswith("IO Error: ") and said in message]
    return "\n".join([shown, *hints])
