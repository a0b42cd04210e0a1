"""The stream of a table function that any process can continue (spec 02, section 8.2)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ..rpc.framing import Batch

if TYPE_CHECKING:
    import pyarrow as pa

    from ..functions.resumable import ResumableScan
    from ..protocol.calls import GlobalInitResponse


class ResumableStream:
    """A producer whose function is a class with ``next``.

    Args:
        scan: gives the batches.
        columns: of the batches.
        header: opens the answer.
        measures: what the function has counted, for EXPLAIN ANALYZE.
        on_tick: called with the metadata of a tick that has some.
        on_close: called when the stream has been closed.
        lockstep: ticks tighten its conditions.
    """

    def __init__(
        self,
        scan: ResumableScan,
        columns: pa.Schema,
        header: GlobalInitResponse,
        measures: dict[str, int | float],
        on_tick: Callable[[Mapping[bytes, bytes]], None],
        on_close: Callable[[], None],
        *,
        lockstep: bool = False,
    ):
        self.header = header
        self.input_schema = None
        self.output_schema = columns
        self.lockstep = lockstep
        self._scan = scan
        self._measures = measures
        self._on_tick = on_tick
        self._on_close = on_close

    def turn(self, batch: Batch) -> Batch | None:
        """The next batch of rows, None after the last."""
        if batch.metadata:
            self._on_tick(batch.metadata)
        return self._scan.next()

    def save(self) -> bytes | None:
        """The fields of the author's instance; None while rows are left of what it gave last."""
        state = self._scan.save()
        if state is None:
            return None
        measures = json.dumps(self._measures).encode() if self._measures else b""
        return len(measures).to_bytes(4, "little") + measures + state

    def load(self, state: bytes) -> None:
        """Go on with these fields."""
        end = 4 + int.from_bytes(state[:4], "little")
        if end > 4:
            self._measures.update(json.loads(state[4:end]))
        self._scan.load(state[end:])

    def close(self) -> None:
        """The scan is over."""
        self._scan.close()
        self._on_close()
