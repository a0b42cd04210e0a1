"""A server tells what it hosts (spec 01, sections 13.3 and 13.4)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import make_dataclass
from typing import Annotated, Any

import pyarrow as pa
import pytest

from duckwing.rpc.client import Client
from duckwing.rpc.codec import decode_schema, schema_of
from duckwing.rpc.errors import RemoteError
from duckwing.rpc.framing import EMPTY_SCHEMA
from duckwing.rpc.method import Method, NoParams, Protocol, stream, unary
from duckwing.rpc.reflection import (
    DESCRIBE,
    LIST_PROTOCOLS,
    REFLECTION,
    DescribeParams,
    MethodInfo,
    ProtocolDescription,
    ProtocolList,
    protocol_hash,
    type_token,
)
from duckwing.rpc.server import Server

from .toy import ADD, COUNT, FIND, FORGET, LOOSE, TOY, Add, Opened, Toy, connection, pipes

pytestmark = pytest.mark.timeout(30)


@pytest.fixture
def client() -> Iterator[Client]:
    with connection(Toy().server(), pipes()) as wire:
        yield Client(wire, REFLECTION)


def described(client: Client, protocol: str) -> ProtocolDescription:
    answer = client.call(DESCRIBE, DescribeParams(protocol))
    assert isinstance(answer, ProtocolDescription)
    return answer


def test_list_protocols(client: Client) -> None:
    answer = client.call(LIST_PROTOCOLS, NoParams())
    assert isinstance(answer, ProtocolList)
    assert answer.request_version == "1"
    assert len(answer.server_id) == 12
    assert [(p.protocol, p.protocol_version) for p in answer.protocols] == [
        ("toy.calculator.v1", "1.2.3"),
        ("toy.loose", ""),
        ("vgi_rpc.Reflection.v1", ""),
    ]
    for summary in answer.protocols:
        about = described(client, summary.protocol)
        assert (about.protocol_version, about.protocol_hash) == (summary.protocol_version, summary.protocol_hash)


def test_describe(client: Client) -> None:
    about = described(client, TOY.name)
    methods = {method.name: method for method in about.methods}
    assert list(methods) == ["add", "count", "double", "echo", "fail", "find", "forget", "middle"]

    add = methods["add"]
    assert (add.method_type, add.has_return, add.has_header, add.stream_kind) == ("unary", True, False, "")
    assert decode_schema(add.params_schema_ipc).equals(schema_of(Add))
    assert decode_schema(add.result_schema_ipc).equals(pa.schema([pa.field("result", pa.int64(), nullable=False)]))
    assert add.header_schema_ipc == b""
    assert add.idempotency == "unknown"

    forget = methods["forget"]
    assert (forget.has_return, forget.result_schema_ipc) == (False, b"")
    assert decode_schema(forget.params_schema_ipc).equals(EMPTY_SCHEMA)

    count = methods["count"]
    assert (count.method_type, count.has_return, count.has_header) == ("stream", False, True)
    assert count.stream_kind == "exchange"
    assert decode_schema(count.header_schema_ipc).equals(schema_of(Opened))

    assert decode_schema(methods["find"].result_schema_ipc).field("result").nullable


def test_describe_itself(client: Client) -> None:
    methods = described(client, REFLECTION.name).methods
    assert [(method.name, method.idempotency) for method in methods] == [
        ("describe", "no_side_effects"),
        ("list_protocols", "no_side_effects"),
    ]


def test_describe_what_is_not_hosted(client: Client) -> None:
    with pytest.raises(RemoteError) as caught:
        client.call(DESCRIBE, DescribeParams("toy.other"))
    assert caught.value.kind == "protocol_not_supported"
    assert described(client, LOOSE.name).protocol == LOOSE.name


def test_schemas_are_those_of_the_specification() -> None:
    summary = [
        pa.field("protocol", pa.utf8(), nullable=False),
        pa.field("protocol_version", pa.utf8(), nullable=False),
        pa.field("protocol_hash", pa.utf8(), nullable=False),
        pa.field("deprecated", pa.bool_(), nullable=False),
        pa.field("deprecation_message", pa.utf8(), nullable=False),
        pa.field("features", pa.list_(pa.field("item", pa.utf8())), nullable=False),
    ]
    assert (
        schema_of(ProtocolList)
        .field("protocols")
        .equals(pa.field("protocols", pa.list_(pa.field("item", pa.struct(summary))), nullable=False))
    )
    method = [
        (name, {"b": pa.bool_(), "i": pa.binary(), "t": pa.utf8()}[kind])
        for name, kind in [
            ("name", "t"),
            ("method_type", "t"),
            ("has_return", "b"),
            ("has_header", "b"),
            ("stream_kind", "t"),
            ("params_schema_ipc", "i"),
            ("result_schema_ipc", "i"),
            ("header_schema_ipc", "i"),
            ("idempotency", "t"),
            ("deprecated", "b"),
            ("deprecation_message", "t"),
        ]
    ]
    assert schema_of(MethodInfo).equals(pa.schema([pa.field(name, t, nullable=False) for name, t in method]))
    assert list(schema_of(ProtocolDescription))[:6] == summary


def test_server_without_reflection() -> None:
    server = Server([(LOOSE, {})], reflection=False)
    assert list(server.hosted()) == [LOOSE.name]
    with connection(server, pipes()) as wire, pytest.raises(RemoteError) as caught:
        Client(wire, REFLECTION).call(LIST_PROTOCOLS, NoParams())
    assert caught.value.kind == "protocol_not_supported"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_hash_by_hand() -> None:
    """The text is written out from section 13.4."""
    methods: tuple[Method[Any, Any], ...] = (FORGET, FIND, ADD, COUNT)
    tiny = Protocol("tiny.v1", "4.5.6", {method.name: method for method in methods})
    assert protocol_hash(tiny) == sha256(
        "vgi_rpc.protocol_hash.v1|"
        '{"methods":['
        '{"has_header":false,"has_return":true,"name":"add","params":['
        '{"name":"a","nullable":false,"type":"int64"},{"name":"b","nullable":false,"type":"int64"}],'
        '"result":[{"name":"result","nullable":false,"type":"int64"}],"type":"unary"},'
        '{"has_header":true,"has_return":false,"header":['
        '{"name":"title","nullable":false,"type":"utf8"},{"name":"total","nullable":true,"type":"int64"}],'
        '"name":"count","params":['
        '{"name":"n","nullable":false,"type":"int64"},{"name":"fail_at","nullable":true,"type":"int64"}],'
        '"type":"stream"},'
        '{"has_header":false,"has_return":true,"name":"find","params":['
        '{"name":"how","nullable":false,"type":"utf8"}],'
        '"result":[{"name":"result","nullable":true,"type":"utf8"}],"type":"unary"},'
        '{"has_header":false,"has_return":false,"name":"forget","params":[],"type":"unary"}'
        '],"protocol":"tiny.v1"}'
    )


def test_hash_covers_what_it_should() -> None:
    def hash_of(name: str = "p", version: str = "1.0.0", method: Method[Add, int] = ADD) -> str:
        return protocol_hash(Protocol(name, version, {method.name: method}))

    same = {hash_of(), hash_of(version="2.0.0"), hash_of(method=unary("add", Add, int, idempotency="idempotent"))}
    assert len(same) == 1
    others = [
        hash_of("q"),
        hash_of(method=unary("sub", Add, int)),
        hash_of(method=unary("add", Add, int | None)),
        hash_of(method=unary("add", Add, int, wrapped=True)),
        protocol_hash(Protocol("p", "1.0.0", {"add": stream("add", Add, header=Opened)})),
        protocol_hash(Protocol("p", "1.0.0", {})),
        protocol_hash(Protocol("p", "1.0.0", {"add": ADD}), only={}),
    ]
    assert len({*same, *others}) == len(others)  # the last two are equal


@pytest.mark.parametrize(
    ("type", "token"),
    [
        (pa.null(), "null"),
        (pa.bool_(), "bool"),
        (pa.int8(), "int8"),
        (pa.uint64(), "uint64"),
        (pa.float16(), "float16"),
        (pa.float32(), "float32"),
        (pa.float64(), "float64"),
        (pa.utf8(), "utf8"),
        (pa.large_utf8(), "large_utf8"),
        (pa.binary(), "binary"),
        (pa.large_binary(), "large_binary"),
        (pa.binary(16), "fixed_size_binary(16)"),
        (pa.date32(), "date32"),
        (pa.date64(), "date64"),
        (pa.time32("ms"), "time32(ms)"),
        (pa.time64("ns"), "time64(ns)"),
        (pa.timestamp("us"), "timestamp(us)"),
        (pa.timestamp("ns", "UTC"), "timestamp(ns,tz=UTC)"),
        (pa.duration("s"), "duration(s)"),
        (pa.decimal128(10, 2), "decimal128(10,2)"),
        (pa.decimal256(50, 0), "decimal256(50,0)"),
        (pa.list_(pa.field("element", pa.int8())), "list<item?:int8>"),
        (pa.list_(pa.field("item", pa.utf8(), nullable=False)), "list<item:utf8>"),
        (pa.list_(pa.int8(), 3), "fixed_size_list(3)<item?:int8>"),
        (
            pa.struct([pa.field("a", pa.int8(), nullable=False), pa.field("b", pa.list_(pa.bool_()))]),
            "struct<a:int8,b?:list<item?:bool>>",
        ),
        (pa.map_(pa.utf8(), pa.int64()), "map<key:utf8,value?:int64>"),
        (pa.map_(pa.utf8(), pa.int64(), keys_sorted=True), "map<key:utf8,value?:int64>,keys_sorted"),
        (
            pa.sparse_union([pa.field("i", pa.int64()), pa.field("s", pa.utf8(), nullable=False)], [5, 7]),
            "sparse_union<5=i?:int64,7=s:utf8>",
        ),
        (pa.dense_union([pa.field("i", pa.int64())]), "dense_union<0=i?:int64>"),
        (pa.dictionary(pa.int16(), pa.utf8()), "dictionary<index:int16,value:utf8>"),
        (pa.dictionary(pa.int8(), pa.utf8(), ordered=True), "dictionary<index:int8,value:utf8>,ordered"),
    ],
    ids=str,
)
def test_type_tokens(type: pa.DataType, token: str) -> None:
    assert type_token(type) == token


@pytest.mark.parametrize(
    "type",
    [pa.large_list(pa.int8()), pa.string_view(), pa.list_view(pa.int8()), pa.month_day_nano_interval(), pa.uuid()],
    ids=str,
)
def test_types_without_token(type: pa.DataType) -> None:
    odd: Method[Any, int] = unary("odd", make_dataclass("Odd", [("value", Annotated[Any, type])], frozen=True), int)
    with pytest.raises(TypeError, match=r"method 'odd' cannot be described: .* has no token in protocol hashes"):
        Server([(Protocol("odd.v1", "", {"odd": odd}), {"odd": lambda call, request: 1})])
    with pytest.raises(TypeError, match="no token"):
        type_token(type)
