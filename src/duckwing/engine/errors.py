"""What goes wrong between a program and the engine."""

from __future__ import annotations

from ..errors import Error


class EngineError(Error):
    """DuckDB or its ``vgi`` extension is missing, changed, or does not fit; the message says what to do."""
