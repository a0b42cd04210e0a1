"""Results that the client keeps: what tells it so, and how it asks whether they still hold (spec 07, section 17)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ..protocol import metadata
from ..rpc.call import Lockstep, Travelling
from ..rpc.framing import Batch, empty_batch
from ..scans.cache import still_holds

if TYPE_CHECKING:
    import pyarrow as pa

    from ..rpc.call import Stream


def not_modified(columns: pa.Schema, tags: Mapping[bytes, bytes]) -> Batch:
    """Says that what the client has still holds."""
    return Batch(empty_batch(columns), {**tags, metadata.CACHE_NOT_MODIFIED: b"1"})


_NEW, _BEGUN, _TOLD = b"n", b"b", b"t"


class CachedStream:
    """A scan whose result the client may use again.

    Args:
        stream: the scan.
        tags: gives what travels up to the first batch with rows; called once, before the scan begins.
    """

    def __init__(self, stream: Stream, tags: Callable[[], Mapping[bytes, bytes] | None]):
        self.header = stream.header
        self.input_schema = stream.input_schema
        self.output_schema = stream.output_schema
        self.lockstep = isinstance(stream, Lockstep) and stream.lockstep
        self._stream = stream
        self._tags = tags
        self._due: Mapping[bytes, bytes] | None = None
        self._ended = False

    def turn(self, batch: Batch) -> Batch | None:
        """The next batch; the first one says how long the result is fresh, or that the client's still is."""
        if self._ended:
            return None
        begins = self._due is None
        if self._due is None:
            self._due = self._tags() or {}
            if still_holds(batch.metadata, self._due):
                self._ended = True
                return not_modified(self.output_schema, self._due)
        answer = self._stream.turn(batch)
        if answer is None:
            self._ended = True
            return Batch(empty_batch(self.output_schema), self._due) if begins else None
        tags = self._due
        if answer.data.num_rows:
            self._due = {}  # the client takes them from the first batch with rows, not from one without
        return Batch(answer.data, {**answer.metadata, **tags}) if tags else answer

    def save(self) -> bytes | None:
        """Whether the client has been told, and how the scan goes on; None if that cannot be said (now)."""
        state = self._stream.save() if isinstance(self._stream, Travelling) else None
        if state is None:
            return None
        return (_NEW if self._due is None else _BEGUN if self._due else _TOLD) + state

    def load(self, state: bytes) -> None:
        """Go on with the scan."""
        assert isinstance(self._stream, Travelling)
        if state[:1] != _NEW:
            self._due = {} if state[:1] == _TOLD else self._tags() or {}
        self._stream.load(state[1:])

    def close(self) -> None:
        """End the scan."""
        self._stream.close()
