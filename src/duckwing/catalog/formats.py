"""Formats for COPY: ``COPY t FROM 'x' (FORMAT 'demo.lines')`` and ``COPY t TO 'x' (FORMAT 'demo.lines')``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..errors import DeclarationError
from ..functions.about import check_name
from ..functions.buffering import BufferingFunction, declare_buffering
from ..functions.columns import ResultColumns
from ..functions.signature import Signature
from ..functions.table import TableFunction, declare_table_function
from ..types import VARCHAR


@dataclass(frozen=True, eq=False)
class CopyFormat:
    """A format for COPY. Make it with :meth:`Catalog.copy_from` or :meth:`Catalog.copy_to`.

    Attributes:
        name: its name in SQL, behind that of the attached catalog.
        handler: as what the client asks for either, shown by ``vgi_copy_formats()``.
        reader: reads it; None: it cannot be read.
        writer: writes it; None: it cannot be written.
    """

    name: str
    handler: str
    reader: TableFunction[..., Any] | None = None
    writer: BufferingFunction[..., Any] | None = None


def extended(
    known: CopyFormat | None,
    name: str,
    handler: str | None,
    *,
    reader: TableFunction[..., Any] | None = None,
    writer: BufferingFunction[..., Any] | None = None,
) -> CopyFormat:
    """A format with a reader or a writer more than is known of it.

    Raises:
        DeclarationError: it has one already, or they do not go together.
    """
    format_ = _named(known, name, handler)
    if reader is not None:
        if format_.reader is not None:
            raise DeclarationError(f"the COPY format '{name}' already has a reader")
        format_ = dataclasses.replace(format_, reader=reader)
    if writer is not None:
        if format_.writer is not None:
            raise DeclarationError(f"the COPY format '{name}' already has a writer")
        format_ = dataclasses.replace(format_, writer=writer)
    _check_options(format_)
    return format_


def _named(known: CopyFormat | None, name: str, handler: str | None) -> CopyFormat:
    """Both directions of a format have one handler: the client knows one record of a name."""
    if handler is not None:
        check_name(handler, "the handler of a COPY format")
    if known is None:
        return CopyFormat(name, handler or f"copy_{name}")
    if handler is not None and handler != known.handler:
        raise DeclarationError(f"the COPY format '{name}' has the handler '{known.handler}' already, not '{handler}'")
    return known


def _check_options(format_: CopyFormat) -> None:
    """Refuse an option that means one thing for the reader and another for the writer.

    Raises:
        DeclarationError: there is one.
    """
    if format_.reader is None or format_.writer is None:
        return
    types = {p.name: p.type for p in format_.reader.signature.parameters}
    for parameter in format_.writer.signature.parameters:
        if parameter.kind == "named" and not types.get(parameter.name, parameter.type).equals(parameter.type):
            raise DeclarationError(
                f"the option '{parameter.name}' of the COPY format '{format_.name}' has one type for its reader "
                "and another for its writer"
            )


def declare_reader(function: Callable[..., Any], name: str, **options: Any) -> TableFunction[..., Any]:
    """The reader of a format; :meth:`Catalog.copy_from` explains what it may be.

    Raises:
        DeclarationError: it cannot be one.
    """
    what = f"reader of the COPY format '{check_name(name, 'a COPY format')}'"
    # Each COPY has its own columns; those of the declaration are never used.
    reader = declare_table_function(function, name=f"copy_from_{name}", columns={"value": VARCHAR}, **options)
    _check_path(reader.signature, what, 0)
    return reader


def declare_writer(
    function: Callable[..., Any], name: str, *, ordered: bool = True, **options: Any
) -> BufferingFunction[..., Any]:
    """The writer of a format; :meth:`Catalog.copy_to` explains what it may be.

    Raises:
        DeclarationError: it cannot be one.
    """
    what = f"writer of the COPY format '{check_name(name, 'a COPY format')}'"
    writer = declare_buffering(function, name=f"copy_to_{name}", ordered=ordered, **options)
    if writer.stateful:
        raise DeclarationError(f"{what} is a function over all rows, not a class")
    _check_path(writer.signature, what, 1)
    return dataclasses.replace(writer, columns=ResultColumns(fixed=pa.schema([])))


def _check_path(signature: Signature, what: str, tables: int) -> None:
    """One positional argument, the path; all others are options."""
    positional = [p for p in signature.parameters if p.kind not in ("named", "table")]
    if len(positional) != 1 or not pa.types.is_string(positional[0].type):
        shown = "rows: Iterator[pa.RecordBatch], path: str" if tables else "path: str"
        raise DeclarationError(f"{what} takes ({shown}, *, …): the path, and its options by name")
