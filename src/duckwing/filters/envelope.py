"""The batch in which predicates travel: a JSON document beside typed values (spec 07, section 4)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from ..errors import FilterError
from ..rpc.codec import decode_batch, encode_batch
from ..rpc.errors import MalformedMessage

ENCODING = "vgi.filters.v2"
SEMANTICS = "vgi.duckdb.standard.v1"
NO_CONTEXT = "vgi.none.v1"
JOIN_KEYS_VERSION = {b"vgi_join_keys_version": b"2"}

METADATA = {
    b"vgi_filter_encoding": ENCODING.encode(),
    b"vgi_filter_version": b"2",
    b"vgi_evaluation_context": NO_CONTEXT.encode(),
}
"""The schema's metadata."""

SPEC = "filter_spec"

MAX_DOCUMENT_BYTES = 1 << 20

_PAYLOAD = re.compile(r"(value|type|artifact)_(0|[1-9][0-9]{0,9})")

_SESSION_KEYS = (
    b"vgi_time_zone",
    b"vgi_calendar",
    b"vgi_default_collation",
    b"vgi_ieee_floating_point_ops",
    b"vgi_integer_division",
    b"vgi_context_provider_fingerprint",
)
"""What a session context would add; this worker never asks for one."""


@dataclass(frozen=True)
class Envelope:
    """A document and the values that it refers to.

    Attributes:
        document: the text of the JSON document.
        payload: one row: columns ``value_<n>``, ``type_<n>`` and ``artifact_<n>``.
        join_keys: the batches that hold external sets.
    """

    document: str
    payload: pa.RecordBatch
    join_keys: Sequence[pa.RecordBatch] = field(default_factory=tuple)

    def value(self, reference: int) -> pa.Scalar:
        """The literal ``value_<reference>``."""
        return self._column("value", reference)[0]

    def type(self, reference: int) -> pa.DataType:
        """The type of ``type_<reference>``."""
        return self._column("type", reference).type

    def artifact(self, reference: int) -> pa.Scalar:
        """The artifact ``artifact_<reference>``."""
        return self._column("artifact", reference)[0]

    def external_set(self, batch_index: int, column_index: int, column_name: str) -> pa.Array:
        """A set that travels outside of the document (spec 07, section 6)."""
        if batch_index >= len(self.join_keys):
            raise FilterError(
                f"malformed filter: it refers to set {batch_index} of {len(self.join_keys)} that came along"
            )
        batch = self.join_keys[batch_index]
        if column_index >= batch.num_columns or batch.schema.field(column_index).name != column_name:
            raise FilterError(
                f"malformed filter: set {batch_index} has no column {column_index} '{column_name}', "
                f"but {', '.join(batch.schema.names)}"
            )
        return batch.column(column_index)

    def _column(self, kind: str, reference: int) -> pa.Array:
        place = self.payload.schema.get_field_index(f"{kind}_{reference}")
        if place < 0:
            raise FilterError(f"malformed filter: it refers to {kind}_{reference}, which it does not bring")
        return self.payload.column(place)


def read_envelope(data: bytes, join_keys: Sequence[bytes] = ()) -> Envelope:
    """Take an envelope apart.

    Args:
        data: the IPC stream of the one batch.
        join_keys: the IPC streams of external sets.

    Raises:
        FilterError: it is no such envelope.
    """
    batch = _one_batch(data, "filter")
    metadata = batch.schema.metadata or {}
    for key, expected in METADATA.items():
        if metadata.get(key) != expected:
            found = metadata.get(key)
            raise FilterError(
                f"malformed filter: {key.decode()} is {found.decode(errors='replace') if found else 'missing'}, "
                f"expected {expected.decode()}"
            )
    for key in _SESSION_KEYS:
        if key in metadata:
            raise FilterError(f"malformed filter: {key.decode()} does not belong to {NO_CONTEXT}")
    if batch.num_rows != 1:
        raise FilterError(f"malformed filter: expected one row, got {batch.num_rows}")
    first = batch.schema.field(0) if batch.num_columns else None
    if first is None or first.name != SPEC or not pa.types.is_string(first.type):
        raise FilterError(f"malformed filter: its first column must be the text '{SPEC}'")
    names = batch.schema.names[1:]
    for name in names:
        if not _PAYLOAD.fullmatch(name):
            raise FilterError(f"malformed filter: unknown column '{name[:100]}'")
    if len(set(names)) != len(names):
        raise FilterError("malformed filter: a column comes twice")
    for name in names:
        if name.startswith("type_") and batch.column(name)[0].is_valid:
            raise FilterError(f"malformed filter: '{name}' carries a value")
    document = _document(batch.column(0))
    return Envelope(document, batch, [_join_keys(keys) for keys in join_keys])


def write_envelope(document: str, payload: Sequence[tuple[str, pa.Array]]) -> bytes:
    """The IPC stream of an envelope; each array has one value."""
    fields = [pa.field(SPEC, pa.utf8(), nullable=False), *(pa.field(name, array.type) for name, array in payload)]
    arrays = [pa.array([document], pa.utf8()), *(array for _, array in payload)]
    return encode_batch(pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields, metadata=METADATA)))


def write_join_keys(column_name: str, values: pa.Array) -> bytes:
    """The IPC stream of one external set."""
    schema = pa.schema([pa.field(column_name, values.type)], metadata=JOIN_KEYS_VERSION)
    return encode_batch(pa.RecordBatch.from_arrays([values], schema=schema))


def _join_keys(data: bytes) -> pa.RecordBatch:
    batch = _one_batch(data, "set of join keys")
    metadata = batch.schema.metadata or {}
    if any(metadata.get(key) != value for key, value in JOIN_KEYS_VERSION.items()):
        raise FilterError("malformed filter: a set of join keys has another version than 2")
    return batch


def _one_batch(data: bytes, what: str) -> pa.RecordBatch:
    try:
        return decode_batch(data)
    except MalformedMessage as error:
        raise FilterError(f"malformed {what}: {error}") from None


def _document(column: pa.Array) -> str:
    text = column[0].as_py() if column.null_count == 0 else None
    if not text:
        text = _mislabelled(column)
    if not text:
        raise FilterError("malformed filter: its document is empty")
    if len(text.encode()) > MAX_DOCUMENT_BYTES:
        raise FilterError(f"malformed filter: its document has more than {MAX_DOCUMENT_BYTES} bytes")
    return text


def _mislabelled(column: pa.Array) -> str | None:
    """With ``arrow_large_buffer_size``, the client writes 64-bit offsets under a 32-bit type (spec 07, section 5)."""
    _, offsets, data = column.buffers()
    if offsets is None or data is None or len(offsets) < 16 or column.offset:
        return None
    start = int.from_bytes(offsets[:8], "little")
    length = int.from_bytes(offsets[8:16], "little")
    if start != 0 or not 0 < length <= min(len(data), MAX_DOCUMENT_BYTES):
        return None
    try:
        return bytes(data[:length]).decode()
    except UnicodeDecodeError:
        return None
