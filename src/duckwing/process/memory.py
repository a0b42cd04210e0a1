"""Memory that a client of this machine shares with a worker (spec 01, section 14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..transports.shm import Segment


def attach_to_memory(name: str, size: int) -> Segment:
    """The segment that a client names; imported when the first one does.

    Raises:
        OSError: there is none, or this system has no such memory.
        ValueError: it is none of the protocol's.
    """
    from ..transports.shm import Segment

    return Segment(name, size)
