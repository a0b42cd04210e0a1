"""Requests, read and checked in the order of spec 01, section 12."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from . import keys
from .codec import Record, decode_batch, from_batch, record_type
from .errors import CodecError, ConnectionClosed, MalformedMessage, ProtocolError, VersionError
from .framing import Batch, Core, StreamReader
from .limits import Limits
from .method import Method


class Request(NamedTuple):
    """A request as it came: its batch, None if its stream had none."""

    batch: Batch | None

    @property
    def metadata(self) -> Mapping[bytes, bytes]:
        """Metadata of the batch."""
        return self.batch.metadata if self.batch is not None else {}


def read_request(limits: Limits) -> Core[Request | None]:
    """The next request, read to the end of its stream; None if the connection ends before it.

    Raises:
        MalformedMessage: what comes is no Arrow stream.
        ConnectionClosed: the connection ends inside it.
    """
    reader = StreamReader(limits)
    if (yield from reader.read_schema()) is None:
        return None
    batch = yield from reader.read_batch()
    if batch is not None and not (yield from reader.drain()):
        raise ConnectionClosed("the connection ended inside a request")
    return Request(batch)


def method_name(request: Request) -> str:
    """The method that a request names, after the checks that come before its protocol is known.

    Raises:
        ProtocolError: the request is none.
        VersionError: it has another framing version.
    """
    if request.batch is None:
        raise ProtocolError("Request stream contains no batches")
    data, metadata = request.batch
    raw = metadata.get(keys.METHOD)
    if raw is None:
        raise ProtocolError(
            "Missing 'vgi_rpc.method' in request batch custom_metadata. Every request must name its method."
        )
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise ProtocolError("Invalid 'vgi_rpc.method' in request batch custom_metadata: not UTF-8.") from None
    version = metadata.get(keys.REQUEST_VERSION)
    if version is None:
        raise VersionError("Missing 'vgi_rpc.request_version' in request batch custom_metadata. Expected '1'.")
    if version != keys.FRAMING_VERSION:
        raise VersionError(f"Unsupported request version {shown(version)}, expected '1'. Upgrade the older side.")
    if data.num_columns and data.num_rows != 1:
        raise ProtocolError(
            f"Expected 1 row in request batch, got {data.num_rows}. A request is one row of parameters."
        )
    return name


def read_params(method: Method[Any, Any], data: pa.RecordBatch, limits: Limits) -> Any:
    """The parameters of a request, as the record that the method declares.

    Raises:
        ProtocolError: they have another schema.
        TypeError: a value cannot be read.
    """
    expected = method.params_schema
    if not data.schema.equals(expected):
        raise ProtocolError(
            f"Parameter schema mismatch for method '{method.name}': expected {one_line(expected)}, "
            f"got {one_line(data.schema)}"
        )
    try:
        if method.wrapped:
            nested = data.column(0)[0].as_py()
            if nested is None:
                raise CodecError("request must not be null")
            return from_batch(method.params, _filled(method.params, decode_batch(nested, limits)))
        return method.params() if not expected.names else from_batch(method.params, _given(method, data))
    except (CodecError, MalformedMessage) as error:
        raise TypeError(f"parameters of method '{method.name}': {error}") from None


def _given(method: Method[Any, Any], data: pa.RecordBatch) -> pa.RecordBatch:
    """``data`` without the nulls that stand for a default: clients send all columns (spec 01, section 4)."""
    params: type[Record] = method.params
    optional = record_type(params).optional
    absent = [name for name, column in zip(data.schema.names, data.columns, strict=True) if column.null_count]
    return data.drop_columns([name for name in absent if name in optional]) if absent else data


def _filled(params: type[Record], data: pa.RecordBatch) -> pa.RecordBatch:
    """The record ``data`` without the nulls where only a default can be meant."""
    places = {name: data.schema.get_field_index(name) for name in _not_null(params)}  # -1: not there, or twice
    absent = [name for name, place in places.items() if place >= 0 and data.column(place).null_count]
    return data.drop_columns(absent) if absent else data


@functools.cache
def _not_null(params: type[Record]) -> Sequence[str]:
    """The fields with a default that must not be null."""
    form = record_type(params)
    return [name for name in form.optional if not form.fields[name].nullable]


def one_line(schema: pa.Schema) -> str:
    """A schema as error messages show it."""
    fields = (f"{f.name}: {f.type}{'' if f.nullable else ' not null'}" for f in schema)
    return f"({', '.join(fields)})"


def shown(raw: bytes) -> str:
    """Bytes from outside, safe to print and not too long."""
    text = repr(raw.decode("utf-8", "backslashreplace"))
    return text if len(text) <= 120 else text[:117] + "...'"
