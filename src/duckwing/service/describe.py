"""Declared functions as the records with which the catalog lists them (spec 06, sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from ..functions.about import About
from ..functions.overloads import overloads
from ..functions.scalar import ScalarFunction
from ..functions.signature import REQUIRED, Parameter, any_type
from ..functions.table import TableFunction
from ..protocol import metadata
from ..protocol.functions import (
    Example,
    FunctionInfo,
    FunctionType,
    NullHandling,
    OrderPreservation,
    Stability,
)

UNLIMITED_WORKERS = 99999
"""How "any number" is written (spec 05, section 5.2)."""

RESULT = "result"
"""Name of the only column of a scalar function's answer."""


def scalar_infos(schema: str, functions: Sequence[ScalarFunction[..., Any]]) -> list[FunctionInfo]:
    """A record for each form of scalar functions."""
    return [
        FunctionInfo(
            name=overload.function.name,
            schema_path=(schema,),
            function_type=FunctionType.SCALAR,
            arguments=arguments_schema(overload.parameters),
            output_schema=pa.schema([pa.field(RESULT, overload.function.returns)]),
            null_handling=NullHandling.SPECIAL if overload.function.sees_nulls else NullHandling.DEFAULT,
            stability=Stability[overload.function.stability.upper()],
            max_workers=UNLIMITED_WORKERS,
            **_documentation(overload.function.about),
        )
        for overload in overloads(functions)
    ]


def table_infos(schema: str, functions: Sequence[TableFunction[..., Any]]) -> list[FunctionInfo]:
    """A record for each form of table functions."""
    return [
        FunctionInfo(
            name=overload.function.name,
            schema_path=(schema,),
            function_type=FunctionType.TABLE,
            arguments=arguments_schema(overload.parameters),
            output_schema=overload.function.columns,
            null_handling=NullHandling.DEFAULT,
            stability=Stability[overload.function.stability.upper()],
            # One process runs the generator, so the rows come in the order in which it yields them.
            order_preservation=OrderPreservation.PRESERVES_ORDER,
            max_workers=1,
            **_documentation(overload.function.about),
        )
        for overload in overloads(functions)
    ]


def arguments_schema(parameters: Sequence[Parameter]) -> pa.Schema:
    """The arguments schema of a function: positional ones first, properties as metadata."""
    return pa.schema([pa.field(p.name, p.type, metadata=_properties(p)) for p in parameters])


def _properties(parameter: Parameter) -> dict[bytes, bytes]:
    properties: dict[bytes, bytes] = {}
    if parameter.kind == "named":
        properties[metadata.ARG] = b"named"
    if any_type(parameter.type):
        properties[metadata.TYPE] = b"any"
    if parameter.kind == "varargs":
        properties[metadata.VARARGS] = b"true"
    if parameter.doc:
        properties[metadata.DOC] = parameter.doc.encode()
    if parameter.default is not REQUIRED:
        properties[metadata.DEFAULT] = _json(parameter.default)
    return properties


def _json(value: Any) -> bytes:
    import json

    return json.dumps(value, default=str).encode()


def _documentation(about: About) -> dict[str, Any]:
    return {
        "comment": about.comment,
        "tags": about.tags,
        "description": about.description,
        "examples": tuple(Example(sql, description) for sql, description in about.examples),
        "categories": about.categories,
    }
