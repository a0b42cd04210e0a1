"""COPY formats: how they are listed, and the functions that read and write them (spec 04, section 12.3)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, CatalogError
from ..functions.arguments import Arguments
from ..protocol.shared import CatalogParams, Items
from ..rpc.codec import encode
from ..types import VARCHAR
from ..types.values import from_values
from .attachment import attached_catalog
from .subjects import say_function

if TYPE_CHECKING:
    from ..catalog.declared import Catalog
    from ..functions.context import Context
    from ..protocol.calls import BindRequest
    from ..protocol.formats import CopyFormatInfo
    from ..rpc.call import Call
    from . import Service


def catalog_copy_from_formats(service: Service, call: Call, request: CatalogParams) -> Items:
    """The formats for COPY, both ways. Asked for with every ATTACH, so most often there are none."""
    catalog = attached_catalog(service, call, request.attach_opaque_data)
    return Items(tuple(encode(info) for info in _infos(catalog)))


def _infos(catalog: Catalog) -> Iterator[CopyFormatInfo]:
    """One record for each format: the client knows only one of a name."""
    for format_ in catalog.copy_formats:
        from ..protocol.formats import CopyFormatInfo
        from .describe import arguments_schema

        functions = [function for function in (format_.reader, format_.writer) if function is not None]
        options = {p.name: p for function in functions for p in function.signature.parameters if p.kind == "named"}
        about = functions[0].about
        yield CopyFormatInfo(
            comment=about.comment,
            tags=about.tags,
            format_name=format_.name,
            handler=format_.handler,
            options=arguments_schema(list(options.values())),
            direction="both" if len(functions) == 2 else "from" if format_.reader is not None else "to",
            description=about.description,
            ordered=format_.writer is not None and format_.writer.orders_input,
        )


def bind_copy(catalog: Catalog, request: BindRequest, context: Context, call: Call) -> Any:
    """The reader or the writer that a COPY means, with its path and options.

    Raises:
        CatalogError: there is none.
        ArgumentError: an option does not fit.
    """
    reading = request.copy_from is not None
    format_ = next((f for f in catalog.copy_formats if f.handler == request.function_name), None)
    function: Any = None if format_ is None else format_.reader if reading else format_.writer
    if function is None:
        raise CatalogError(f"catalog '{catalog.catalog_name}' has no COPY format for '{request.function_name}'")
    say_function(call, function)
    source = request.copy_from if reading else request.copy_to
    assert source is not None
    given = Arguments.decode(request.arguments)
    arguments = dataclasses.replace(given, positional=[from_values([source.file_path], VARCHAR, "the path of COPY")])
    if reading:
        return function.bind(function.signature.parameters, arguments, context)
    if request.input_schema is None:
        raise ArgumentError("COPY TO was bound without the columns of its rows")
    return function.bind(function.signature.parameters, request.input_schema, arguments, context)
