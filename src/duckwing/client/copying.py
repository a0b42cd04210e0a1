"""Formats for COPY, without a database (spec 05, section 12)."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Generator, Mapping
from contextlib import suppress
from typing import Any

import pyarrow as pa

from ..errors import ArgumentError, CatalogError
from ..protocol.buffering import (
    TABLE_BUFFERING_COMBINE,
    TABLE_BUFFERING_DESTRUCTOR,
    TABLE_BUFFERING_PROCESS,
    BufferingCombineRequest,
    BufferingDestructorRequest,
    BufferingProcessRequest,
)
from ..protocol.calls import INIT, BindRequest, CallType, CopyFrom, CopyTo, Phase
from ..protocol.formats import CATALOG_COPY_FROM_FORMATS, CopyFormatInfo
from ..protocol.shared import CatalogParams
from ..rpc.errors import ProtocolError, RpcError
from .arguments import encode_arguments
from .batches import Batches, shown
from .inputs import one_value, table_batches
from .scans import produced
from .session import Session


def copy_formats(session: Session) -> list[CopyFormatInfo]:
    """The formats of the catalog."""
    request = CatalogParams(session.attachment, session.transaction)
    return session.items(CATALOG_COPY_FROM_FORMATS, request, CopyFormatInfo)


def copy_from(
    session: Session, name: str, path: str | os.PathLike[str], columns: pa.Schema, options: Mapping[str, Any]
) -> Batches:
    """The rows of a file."""
    info = _format(session, name, "from")
    source = CopyFrom(info.format_name, os.fspath(path), columns)
    start = session.bind(_request(session, info, options, copy_from=source))
    found = start.output_schema
    if found.names != columns.names or found.types != columns.types:
        raise ProtocolError(f"format '{name}' gives ({shown(found)}) in place of ({shown(columns)})")

    def run() -> Generator[pa.RecordBatch, None, None]:
        yield from produced(session.rpc.open(INIT, start), found, f"format '{name}'")

    return Batches(found, run())


def copy_to(session: Session, name: str, path: str | os.PathLike[str], rows: Any, options: Mapping[str, Any]) -> int:
    """Write rows to a file, and return their number. A file is written for no rows, too."""
    info = _format(session, name, "to")
    columns, batches = table_batches(rows, f"format '{name}'")
    destination = CopyTo(info.format_name, os.fspath(path))
    start = session.bind(_request(session, info, options, copy_to=destination, input_schema=columns))
    with session.rpc.open(INIT, dataclasses.replace(start, phase=Phase.TABLE_BUFFERING), columns) as stream:
        execution = stream.header.execution_id
    place: dict[str, Any] = {"attach_opaque_data": session.attachment, "transaction_id": session.transaction}
    count = 0
    try:
        states: tuple[bytes, ...] = ()
        for number, batch in enumerate(batches):
            sink = BufferingProcessRequest(info.handler, execution, batch, batch_index=number, **place)
            states = (session.rpc.call(TABLE_BUFFERING_PROCESS, sink).state_id,)
            count += batch.num_rows
        session.rpc.call(TABLE_BUFFERING_COMBINE, BufferingCombineRequest(info.handler, execution, states, **place))
    finally:
        with suppress(RpcError):  # best effort: what is left is swept by age
            session.rpc.call(TABLE_BUFFERING_DESTRUCTOR, BufferingDestructorRequest(info.handler, execution, **place))
    return count


def _request(session: Session, info: CopyFormatInfo, options: Mapping[str, Any], **more: Any) -> BindRequest:
    declared = {field.name.casefold(): field for field in info.options}
    named = {}
    for name, value in options.items():
        if name.casefold() not in declared:
            known = ", ".join(info.options.names) or "(none)"
            raise ArgumentError(f"format '{info.format_name}' has no option '{name}'; it has {known}")
        named[name] = one_value(value, declared[name.casefold()].type, f"option '{name}'")
    request = session.request(info.handler, CallType.TABLE, None, arguments=encode_arguments((), named), **more)
    return dataclasses.replace(request, schema_path=None)


def _format(session: Session, name: str, direction: str) -> CopyFormatInfo:
    formats = copy_formats(session)
    for info in formats:
        if info.format_name.casefold() == name.casefold() and info.direction in (direction, "both"):
            return info
    known = ", ".join(info.format_name for info in formats if info.direction in (direction, "both")) or "(none)"
    raise CatalogError(f"the catalog has no format '{name}' to copy {direction}; it has {known}")
