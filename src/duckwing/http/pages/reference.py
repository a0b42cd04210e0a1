"""The RPC methods of the worker, for people."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ...protocol import VGI
from ...rpc.codec import schema_of
from ...rpc.method import Method, Protocol
from ...rpc.reflection import REFLECTION, type_token

Field = tuple[str, str, bool]
"""Name ("" for a result that has none), Arrow type, whether it may be null."""


@dataclass(frozen=True)
class MethodPage:
    """A method; ``kind`` is ``unary`` or ``stream``; ``wrapped`` parameters travel as one record."""

    name: str
    kind: str
    wrapped: bool
    parameters: tuple[Field, ...]
    result: tuple[Field, ...]


@dataclass(frozen=True)
class ProtocolPage:
    """A protocol and its methods by name."""

    name: str
    version: str
    methods: tuple[MethodPage, ...]


def protocols() -> Sequence[ProtocolPage]:
    """The protocols that a worker speaks."""
    return [_protocol(one) for one in (VGI, REFLECTION)]


def _protocol(protocol: Protocol) -> ProtocolPage:
    methods = tuple(_method(protocol.methods[name]) for name in sorted(protocol.methods))
    return ProtocolPage(protocol.name, protocol.version, methods)


def _method(method: Method[Any, Any]) -> MethodPage:
    if method.is_stream:
        result = _fields(method.header_schema or pa.schema([]))
    elif dataclasses.is_dataclass(method.result) and isinstance(method.result, type):
        result = _fields(schema_of(method.result))
    else:
        result = tuple(("", _type(field.type), field.nullable) for field in method.result_schema)
    kind = "stream" if method.is_stream else "unary"
    return MethodPage(method.name, kind, method.wrapped, _fields(schema_of(method.params)), result)


def _fields(schema: pa.Schema) -> tuple[Field, ...]:
    return tuple((field.name, _type(field.type), field.nullable) for field in schema)


def _type(type: pa.DataType) -> str:
    try:
        return type_token(type)
    except TypeError:
        return str(type)
