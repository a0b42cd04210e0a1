"""Bounds on what is believed of bytes that come from outside."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):
    """What one connection accepts before it answers with an error or closes.

    Attributes:
        metadata_bytes: the largest header of one Arrow message, schemas included.
        body_bytes: the largest body of one Arrow message.
        rows: the most rows in one incoming batch, and values inside its lists, unless its body has at least
            a bit for each (the extension sends 2,048; a batch without columns costs the sender nothing).
        entries: the most key-value pairs in the metadata of one message.
        validation: how batches from outside are checked before user code sees them:
            ``"full"`` (offsets and UTF-8 of every value), ``"standard"`` (the shape only) or
            ``"none"``. Skipping the check lets a hostile peer crash the process.
    """

    metadata_bytes: int = 64 << 20
    body_bytes: int = 4 << 30
    rows: int = 1 << 24
    entries: int = 1024
    validation: str = "full"


DEFAULT_LIMITS = Limits()
