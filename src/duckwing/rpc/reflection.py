"""``vgi_rpc.Reflection.v1``: a server tells what it hosts (spec 01, section 13.3 and 13.4)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from .codec import encode_schema
from .errors import ProtocolNotSupportedError
from .method import Method, NoParams, Protocol, unary

if TYPE_CHECKING:
    from .call import Call, Handler

    Hosted = Mapping[str, tuple[Protocol, Mapping[str, Handler]]]


@dataclass(frozen=True)
class ProtocolSummary:
    """One hosted protocol."""

    protocol: str
    protocol_version: str
    protocol_hash: str
    deprecated: bool = False
    deprecation_message: str = ""
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProtocolList:
    """Answer of ``list_protocols``."""

    server_id: str
    server_version: str
    request_version: str
    protocols: tuple[ProtocolSummary, ...]


@dataclass(frozen=True)
class DescribeParams:
    """Parameters of ``describe``."""

    protocol: str


@dataclass(frozen=True)
class MethodInfo:
    """One method of a protocol; schemas are serialized schema messages."""

    name: str
    method_type: str
    has_return: bool
    has_header: bool
    stream_kind: str
    params_schema_ipc: bytes = b""
    result_schema_ipc: bytes = b""
    header_schema_ipc: bytes = b""
    idempotency: str = "unknown"
    deprecated: bool = False
    deprecation_message: str = ""


@dataclass(frozen=True)
class ProtocolDescription:
    """Answer of ``describe``."""

    protocol: str
    protocol_version: str
    protocol_hash: str
    deprecated: bool
    deprecation_message: str
    features: tuple[str, ...]
    methods: tuple[MethodInfo, ...]


LIST_PROTOCOLS = unary("list_protocols", NoParams, ProtocolList, idempotency="no_side_effects")
DESCRIBE = unary("describe", DescribeParams, ProtocolDescription, idempotency="no_side_effects")

REFLECTION = Protocol("vgi_rpc.Reflection.v1", "", {"list_protocols": LIST_PROTOCOLS, "describe": DESCRIBE})


def reflection_handlers(server_id: str, hosted: Callable[[], Hosted]) -> Mapping[str, Handler]:
    """The handlers with which a server describes what it hosts.

    Args:
        server_id: the server's id.
        hosted: gives the hosted protocols and their handlers by protocol name.
    """

    def summary(protocol: Protocol, handlers: Mapping[str, Any]) -> ProtocolSummary:
        return ProtocolSummary(protocol.name, protocol.version, protocol_hash(protocol, handlers))

    def list_protocols(call: Call, request: NoParams) -> ProtocolList:
        from importlib.metadata import PackageNotFoundError, version

        try:
            server_version = version("duckwing")
        except PackageNotFoundError:
            server_version = ""
        summaries = [summary(*served) for _, served in sorted(hosted().items())]
        return ProtocolList(server_id, server_version, "1", tuple(summaries))

    def describe(call: Call, request: DescribeParams) -> ProtocolDescription:
        served = hosted()
        if request.protocol not in served:
            raise ProtocolNotSupportedError(
                f"This server does not host protocol {request.protocol[:255]!r}. Hosted: {sorted(served)}"
            )
        protocol, handlers = served[request.protocol]
        about = summary(protocol, handlers)
        methods = [describe_method(protocol.methods[name]) for name in sorted(protocol.methods) if name in handlers]
        return ProtocolDescription(
            about.protocol,
            about.protocol_version,
            about.protocol_hash,
            about.deprecated,
            about.deprecation_message,
            about.features,
            tuple(methods),
        )

    return {"list_protocols": list_protocols, "describe": describe}


def describe_method(method: Method[Any, Any]) -> MethodInfo:
    """The reflection record of ``method``."""
    header = method.header_schema
    has_return = bool(method.result_schema.names)
    return MethodInfo(
        name=method.name,
        method_type="stream" if method.is_stream else "unary",
        has_return=has_return,
        has_header=header is not None,
        stream_kind=method.stream_kind,
        params_schema_ipc=encode_schema(method.params_schema),
        result_schema_ipc=encode_schema(method.result_schema) if has_return else b"",
        header_schema_ipc=encode_schema(header) if header is not None else b"",
        idempotency=method.idempotency,
    )


def protocol_hash(protocol: Protocol, only: Mapping[str, Any] | None = None) -> str:
    """SHA-256 over the canonical JSON of a protocol's methods.

    Args:
        protocol: the protocol.
        only: hash the methods in this table alone, as a server does that leaves others out.

    Raises:
        TypeError: a type of theirs has no name in hashes (spec 01, section 13.4).
    """
    methods = [
        _method_json(protocol.methods[name]) for name in sorted(protocol.methods) if only is None or name in only
    ]
    text = json.dumps(
        {"methods": methods, "protocol": protocol.name}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(b"vgi_rpc.protocol_hash.v1|" + text.encode()).hexdigest()


def _method_json(method: Method[Any, Any]) -> dict[str, object]:
    about: dict[str, object] = {
        "has_header": method.header_schema is not None,
        "has_return": bool(method.result_schema.names),
        "name": method.name,
        "params": _fields_json(method, method.params_schema),
        "type": "stream" if method.is_stream else "unary",
    }
    if about["has_return"]:
        about["result"] = _fields_json(method, method.result_schema)
    if method.header_schema is not None:
        about["header"] = _fields_json(method, method.header_schema)
    return about


def _fields_json(method: Method[Any, Any], schema: pa.Schema) -> list[dict[str, object]]:
    try:
        return [{"name": f.name, "nullable": f.nullable, "type": type_token(f.type)} for f in schema]
    except TypeError as error:
        raise TypeError(f"method {method.name!r} cannot be described: {error}; annotate another type") from None


def type_token(type: pa.DataType) -> str:
    """The canonical name of an Arrow type in a protocol hash.

    Raises:
        TypeError: the type has none.
    """
    is_ = pa.types
    names = {
        "string": "utf8",
        "large_string": "large_utf8",
        "halffloat": "float16",
        "float": "float32",
        "double": "float64",
    }
    text = str(type)
    if is_.is_dictionary(type):
        ordered = ",ordered" if type.ordered else ""
        return f"dictionary<index:{type_token(type.index_type)},value:{type_token(type.value_type)}>{ordered}"
    if is_.is_map(type):
        value = type.item_field
        ordered = ",keys_sorted" if type.keys_sorted else ""
        return f"map<key:{type_token(type.key_type)},value{_mark(value)}:{type_token(value.type)}>{ordered}"
    if is_.is_fixed_size_list(type):
        return f"fixed_size_list({type.list_size})<item{_mark(type.value_field)}:{type_token(type.value_type)}>"
    if is_.is_list(type):
        return f"list<item{_mark(type.value_field)}:{type_token(type.value_type)}>"
    if is_.is_struct(type):
        return f"struct<{','.join(map(_member, type))}>"
    if is_.is_union(type):
        members = zip(type.type_codes, type, strict=True)
        return f"{type.mode}_union<{','.join(f'{code}={_member(field)}' for code, field in members)}>"
    if is_.is_fixed_size_binary(type) and not is_.is_decimal(type):
        return f"fixed_size_binary({type.byte_width})"
    if is_.is_decimal(type):
        return f"decimal{type.bit_width}({type.precision},{type.scale})"
    if is_.is_timestamp(type):
        return f"timestamp({type.unit},tz={type.tz})" if type.tz else f"timestamp({type.unit})"
    if is_.is_time(type) or is_.is_duration(type):
        return text.replace("[", "(").replace("]", ")")
    if is_.is_date(type):
        return text.split("[")[0]
    plain = is_.is_integer(type) or is_.is_floating(type) or is_.is_boolean(type) or is_.is_null(type)
    if plain or text in names or is_.is_binary(type) or is_.is_large_binary(type):
        return names.get(text, text)
    raise TypeError(f"{type} has no token in protocol hashes")


def _member(field: pa.Field) -> str:
    return f"{field.name}{_mark(field)}:{type_token(field.type)}"


def _mark(field: pa.Field) -> str:
    return "?" if field.nullable else ""
