"""What the optimizer asks of functions: only those that can answer are bound for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import duckwing as dw
from duckwing.client.arguments import encode_arguments
from duckwing.protocol.attach import CatalogAttachRequest
from duckwing.protocol.calls import BindRequest, CallType
from duckwing.protocol.scans import BoundRequest
from duckwing.rpc.call import Call
from duckwing.rpc.codec import encode
from duckwing.rpc.framing import EMPTY_SCHEMA
from duckwing.service import Service
from duckwing.service.attach import catalog_attach
from duckwing.service.scans import table_function_cardinality, table_function_statistics
from duckwing.types import BIGINT

demo = dw.Catalog("demo")


@demo.table_function(columns={"n": BIGINT})
def plain(count: int) -> Iterator[tuple[int]]:
    yield (count,)


@demo.table_function(columns={"n": BIGINT}, cardinality=lambda count: count * 2)
def hinted(count: int) -> Iterator[tuple[int]]:
    yield (count,)


@pytest.fixture
def service() -> Service:
    return Service([demo])


def request(service: Service, function: str, *arguments: object) -> BoundRequest:
    attached = catalog_attach(service, Call({}, "server"), CatalogAttachRequest("demo"))
    bind_call = BindRequest(
        function_name=function,
        arguments=encode_arguments(arguments, {}),
        function_type=CallType.TABLE,
        attach_opaque_data=attached.attach_opaque_data,
    )
    return BoundRequest(encode(bind_call))


def test_hints(service: Service) -> None:
    call = Call({}, "server")
    assert table_function_cardinality(service, call, request(service, "hinted", 21)).estimate == 42
    assert table_function_cardinality(service, call, request(service, "plain", 21)).estimate is None
    assert table_function_statistics(service, call, request(service, "plain", 21)) is None
    assert list(call.messages(EMPTY_SCHEMA)) == []


@pytest.mark.parametrize(("function", "warnings"), [("hinted", 1), ("absent", 1), ("plain", 0)])
def test_only_a_function_with_hints_is_bound(service: Service, function: str, warnings: int) -> None:
    call = Call({}, "server")
    too_many = request(service, function, 1, 2)
    assert table_function_cardinality(service, call, too_many).estimate is None
    assert len(list(call.messages(EMPTY_SCHEMA))) == warnings
