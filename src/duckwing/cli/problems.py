"""Errors of SQL and of workers, in the user's terms."""

from __future__ import annotations

import re

_WHAT_DUCKDB_ADDS = re.compile(r"^(?:[A-Z][\w ]* Error: )(?:VGI Worker Exception: |(?=VGI ))")


def readable(error: Exception, location: str) -> str:
    """The message of a failed statement, without what says only that it came from the attached worker.

    Everything that the worker itself said is kept.
    """
    message = str(error).replace(f" [worker: {location}]", "")
    return _WHAT_DUCKDB_ADDS.sub("", message).strip()
