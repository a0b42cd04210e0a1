"""Large batches that lie in memory shared with the client, instead of travelling (spec 01, section 15).

Those of streams, and what a client sends. Results of unary calls always travel: on a connection that has shared memory
from an earlier call, the extension takes a pointer for an empty listing (seen).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import pyarrow as pa

from . import keys
from .errors import MalformedMessage, ProtocolError
from .framing import Batch, empty_batch, has_dictionaries, read_stream, schema_message
from .limits import Limits


class Segment(Protocol):
    """A piece of memory that the client has made.

    Attributes:
        name: what the client calls it.
    """

    name: str

    def put(self, batch: pa.RecordBatch) -> tuple[int, int] | None:
        """Write ``batch`` as an IPC stream; its offset and length, or None if it had better travel."""

    def take(self, offset: int, length: int) -> bytes:
        """What lies there, whose place is free from then on.

        Raises:
            MalformedMessage: it is not inside the segment.
        """

    def close(self) -> None:
        """Use it no more."""


Attach: TypeAlias = Callable[[str, int], Segment]
"""Attaches to a segment by name and size. Raises OSError or ValueError if it cannot."""


class SharedMemory:
    """The shared memory of one connection: none, until the client offers some.

    Args:
        attach: how to attach to a segment; None if none is wanted.
        limits: what is accepted.
    """

    def __init__(self, attach: Attach | None, limits: Limits):
        self._attach = attach
        self._limits = limits
        self._segment: Segment | None = None

    def look_at(self, request: Batch) -> None:
        """Attach to the segment that a request names, if it does."""
        name = request.metadata.get(keys.SHM_SEGMENT_NAME)
        if name is None or self._attach is None:
            return
        try:
            text, size = name.decode(), int(request.metadata.get(keys.SHM_SEGMENT_SIZE, b""))
            if self._segment is not None and self._segment.name == text:
                return
            self.close()
            self._segment = self._attach(text, size)
        except (OSError, ValueError) as error:
            import logging

            logging.getLogger(__name__).warning("batches travel inline: no shared memory (%s)", error)

    def outgoing(self, batch: Batch) -> Batch:
        """``batch``, or a pointer to where it has been put."""
        if self._segment is None or has_dictionaries(batch.data.schema):
            return batch
        place = self._segment.put(batch.data)
        if place is None:
            return batch
        pointer = {keys.SHM_OFFSET: b"%d" % place[0], keys.SHM_LENGTH: b"%d" % place[1]}
        return Batch(empty_batch(batch.data.schema), {**batch.metadata, **pointer})

    def incoming(self, batch: Batch) -> Batch:
        """``batch``, or what it points to.

        Raises:
            ProtocolError: it points somewhere, but there is nothing.
            MalformedMessage: what lies there is no such batch.
        """
        if keys.SHM_OFFSET not in batch.metadata or batch.data.num_rows:
            return batch
        if self._segment is None:
            raise ProtocolError("the batch is a pointer into shared memory, but none was agreed on, or it is gone")
        metadata = dict(batch.metadata)
        try:
            offset, length = int(metadata.pop(keys.SHM_OFFSET)), int(metadata.pop(keys.SHM_LENGTH, b""))
        except ValueError:
            raise MalformedMessage("a pointer into shared memory has no numbers") from None
        data = self._segment.take(offset, length)
        if any(pa.types.is_dictionary(field.type) for field in batch.data.schema):
            data = schema_message(batch.data.schema).to_pybytes() + data  # only the messages behind it lie there
        schema, batches = read_stream(data, self._limits)
        if len(batches) != 1 or not schema.equals(batch.data.schema):
            raise MalformedMessage("what a pointer into shared memory points to is not one batch of its schema")
        return Batch(batches[0].data, metadata)

    def close(self) -> None:
        """Detach."""
        if self._segment is not None:
            self._segment.close()
            self._segment = None
