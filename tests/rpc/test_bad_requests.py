"""What a session does with requests that are wrong (spec 01, sections 4, 9.4, 12, 13.2 and 14)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa
import pytest

from duckwing.rpc import keys
from duckwing.rpc.framing import EMPTY_SCHEMA, Batch, batch_of_rows, empty_batch, stream_buffers
from duckwing.rpc.method import REQUEST_SCHEMA, Protocol
from duckwing.rpc.server import Server

from .toy import (
    ADD,
    COUNT,
    DOUBLE,
    LOOSE,
    PAIRS,
    Add,
    Count,
    Double,
    Toy,
    answers,
    batches,
    joined,
    request,
    request_metadata,
    ticks,
)

pytestmark = pytest.mark.timeout(30)

GOOD = request(ADD, Add(40, 2))
RESULT = pa.schema([pa.field("result", pa.int64(), nullable=False)])


class Failure(NamedTuple):
    """An error as it stands in an answer."""

    schema: pa.Schema
    type: str
    kind: str | None
    message: str


def raw(data: pa.RecordBatch, metadata: Mapping[bytes, bytes]) -> bytes:
    return joined(stream_buffers(data.schema, [Batch(data, metadata)]))


def row(**columns: pa.Array) -> pa.RecordBatch:
    schema = pa.schema([pa.field(name, column.type, nullable=False) for name, column in columns.items()])
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=schema)


def failure(stream: tuple[pa.Schema, list[Batch]]) -> Failure:
    """The only error of an answer, checked in its form (section 7)."""
    schema, batches = stream
    (batch,) = batches
    metadata = batch.metadata
    assert batch.data.num_rows == 0
    assert metadata[keys.LOG_LEVEL] == b"EXCEPTION"
    extra = json.loads(metadata[keys.LOG_EXTRA])
    type, message = extra["exception_type"], extra["exception_message"]
    assert metadata[keys.LOG_MESSAGE].decode() == f"{type}: {message}"
    assert len(metadata[keys.SERVER_ID]) == 12
    kind = metadata[keys.ERROR_KIND].decode() if keys.ERROR_KIND in metadata else None
    assert extra.get("error_kind") == kind
    return Failure(schema, type, kind, message)


def assert_good(stream: tuple[pa.Schema, list[Batch]]) -> None:
    schema, batches = stream
    assert schema.equals(RESULT)
    assert batches[-1].data.column("result").to_pylist() == [42]


ADD_ROW = row(a=pa.array([1]), b=pa.array([2]))
NULLABLE = pa.record_batch({"a": pa.array([1]), "b": pa.array([2])})

TABLE = {
    "2 no batch": (
        joined(stream_buffers(ADD.params_schema, [])),
        Failure(EMPTY_SCHEMA, "ProtocolError", None, "Request stream contains no batches"),
    ),
    "3 no method": (
        request(ADD, Add(1, 2), METHOD=None),
        Failure(EMPTY_SCHEMA, "ProtocolError", None, "Missing 'vgi_rpc.method' in request batch custom_metadata. "),
    ),
    "4 method is not UTF-8": (
        request(ADD, Add(1, 2), METHOD=b"\xff\xfe"),
        Failure(EMPTY_SCHEMA, "ProtocolError", None, "Invalid 'vgi_rpc.method' "),
    ),
    "5 no framing version": (
        request(ADD, Add(1, 2), REQUEST_VERSION=None),
        Failure(
            EMPTY_SCHEMA,
            "VersionError",
            None,
            "Missing 'vgi_rpc.request_version' in request batch custom_metadata. ",
        ),
    ),
    "6 other framing version": (
        request(ADD, Add(1, 2), REQUEST_VERSION=b"2"),
        Failure(EMPTY_SCHEMA, "VersionError", None, "Unsupported request version '2', expected '1'. "),
    ),
    "7 no row": (
        raw(empty_batch(ADD.params_schema), request_metadata("add")),
        Failure(EMPTY_SCHEMA, "ProtocolError", None, "Expected 1 row in request batch, got 0. "),
    ),
    "7 two rows": (
        raw(row(a=pa.array([1, 1]), b=pa.array([2, 2])), request_metadata("add")),
        Failure(EMPTY_SCHEMA, "ProtocolError", None, "Expected 1 row in request batch, got 2. "),
    ),
    "7 comes before 9": (
        raw(empty_batch(ADD.params_schema), request_metadata("__describe__")),
        Failure(EMPTY_SCHEMA, "ProtocolError", None, "Expected 1 row in request batch, got 0. "),
    ),
    "9 retired method": (
        raw(batch_of_rows(1), request_metadata("__describe__", PROTOCOL=None)),
        Failure(EMPTY_SCHEMA, "MethodNotImplementedError", "method_not_implemented", "'__describe__' was retired. "),
    ),
    "10 no routing key": (
        request(ADD, Add(1, 2), PROTOCOL=None),
        Failure(
            EMPTY_SCHEMA,
            "ProtocolNotSpecifiedError",
            "protocol_not_specified",
            "Request carries no 'vgi_rpc.protocol' routing key. "
            "Hosted: ['toy.calculator.v1', 'toy.loose', 'vgi_rpc.Reflection.v1']",
        ),
    ),
    "11 no protocol name": (
        request(ADD, Add(1, 2), PROTOCOL=b"no\x1b[31mname"),
        Failure(
            EMPTY_SCHEMA,
            "ProtocolNotSupportedError",
            "protocol_not_supported",
            r"'vgi_rpc.protocol' is not a protocol name: 'no\x1b[31mname'",
        ),
    ),
    "11 too long a protocol name": (
        request(ADD, Add(1, 2), PROTOCOL=b"x" * 256),
        Failure(
            EMPTY_SCHEMA,
            "ProtocolNotSupportedError",
            "protocol_not_supported",
            "'vgi_rpc.protocol' is not a protocol name: ",
        ),
    ),
    "11 protocol name with a line end": (
        request(ADD, Add(1, 2), PROTOCOL=b"toy.loose\n"),
        Failure(
            EMPTY_SCHEMA,
            "ProtocolNotSupportedError",
            "protocol_not_supported",
            r"'vgi_rpc.protocol' is not a protocol name: 'toy.loose\n'",
        ),
    ),
    "12 not hosted": (
        request(ADD, Add(1, 2), PROTOCOL=b"toy.other.v1"),
        Failure(
            EMPTY_SCHEMA,
            "ProtocolNotSupportedError",
            "protocol_not_supported",
            "This server does not host protocol 'toy.other.v1'. Hosted: ["
            "'toy.calculator.v1', 'toy.loose', 'vgi_rpc.Reflection.v1']",
        ),
    ),
    "13 no such method": (
        request(ADD, Add(1, 2), METHOD=b"subtract"),
        Failure(
            EMPTY_SCHEMA,
            "MethodNotImplementedError",
            "method_not_implemented",
            "Protocol 'toy.calculator.v1' has no method 'subtract'. "
            "Available: ['add', 'count', 'double', 'echo', 'fail', 'find', 'forget', 'middle']",
        ),
    ),
    "13 method without handler": (
        request(ADD, Add(1, 2), METHOD=b"absent"),
        Failure(
            EMPTY_SCHEMA,
            "MethodNotImplementedError",
            "method_not_implemented",
            "Protocol 'toy.calculator.v1' has no method 'absent'. Available: ['add', ",
        ),
    ),
    "13 method of another protocol": (
        request(ADD, Add(1, 2), METHOD=b"count", PROTOCOL=b"toy.loose"),
        Failure(
            EMPTY_SCHEMA,
            "MethodNotImplementedError",
            "method_not_implemented",
            "Protocol 'toy.loose' has no method 'count'. Available: ['add']",
        ),
    ),
    "14 other type": (
        raw(row(a=pa.array([1]), b=pa.array([2.5])), request_metadata("add")),
        Failure(
            RESULT,
            "ProtocolError",
            None,
            "Parameter schema mismatch for method 'add': expected (a: int64 not null, b: int64 not null), "
            "got (a: int64 not null, b: double not null)",
        ),
    ),
    "14 other order": (
        raw(ADD_ROW.select(["b", "a"]), request_metadata("add")),
        Failure(RESULT, "ProtocolError", None, "Parameter schema mismatch for method 'add'"),
    ),
    "14 missing parameter": (
        raw(ADD_ROW.select(["a"]), request_metadata("add")),
        Failure(RESULT, "ProtocolError", None, "Parameter schema mismatch for method 'add'"),
    ),
    "14 further parameter": (
        raw(row(a=pa.array([1]), b=pa.array([2]), c=pa.array([3])), request_metadata("add")),
        Failure(RESULT, "ProtocolError", None, "Parameter schema mismatch for method 'add'"),
    ),
    "14 other nullability": (
        raw(NULLABLE, request_metadata("add")),
        Failure(RESULT, "ProtocolError", None, "Parameter schema mismatch for method 'add'"),
    ),
    "14 stream": (
        raw(ADD_ROW, request_metadata("count")),
        Failure(EMPTY_SCHEMA, "ProtocolError", None, "Parameter schema mismatch for method 'count'"),
    ),
    "14 no parameters wanted": (
        raw(ADD_ROW, request_metadata("forget")),
        Failure(EMPTY_SCHEMA, "ProtocolError", None, "Parameter schema mismatch for method 'forget': expected (), "),
    ),
    "15 unary": (
        request(ADD, Add(1, 2), PROTOCOL_VERSION=b"2.0.0"),
        Failure(
            RESULT, "ProtocolVersionError", "protocol_version_mismatch", "VGI client/worker protocol_version mismatch."
        ),
    ),
    "15 stream": (
        request(COUNT, Count(1), PROTOCOL_VERSION=b"2.0.0"),
        Failure(
            EMPTY_SCHEMA,
            "ProtocolVersionError",
            "protocol_version_mismatch",
            "VGI client/worker protocol_version mismatch.",
        ),
    ),
    "15 comes before 14": (
        raw(NULLABLE, request_metadata("add", PROTOCOL_VERSION=b"2.0.0")),
        Failure(
            RESULT, "ProtocolVersionError", "protocol_version_mismatch", "VGI client/worker protocol_version mismatch."
        ),
    ),
    "16 null": (
        raw(
            pa.RecordBatch.from_arrays([pa.array([1]), pa.nulls(1, pa.int64())], schema=ADD.params_schema),
            request_metadata("add"),
        ),
        Failure(RESULT, "TypeError", None, "parameters of method 'add': Add.b must not be null"),
    ),
    "16 null request": (
        raw(pa.RecordBatch.from_arrays([pa.nulls(1, pa.binary())], schema=REQUEST_SCHEMA), request_metadata("double")),
        Failure(EMPTY_SCHEMA, "TypeError", None, "parameters of method 'double': request must not be null"),
    ),
    "16 request is no Arrow": (
        raw(
            pa.RecordBatch.from_arrays([pa.array([b"no Arrow"])], schema=REQUEST_SCHEMA),
            request_metadata("middle"),
        ),
        Failure(
            pa.schema([pa.field("result", pa.binary(), nullable=False)]),
            "TypeError",
            None,
            "parameters of method 'middle': ",
        ),
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_decision_table(case: str) -> None:
    sent, expected = TABLE[case]
    first, second = answers(sent + GOOD)
    found = failure(first)
    assert found.schema.equals(expected.schema)
    assert (found.type, found.kind) == (expected.type, expected.kind)
    assert found.message.startswith(expected.message)
    assert_good(second)


@pytest.mark.parametrize(
    "sent",
    [
        b"hello, worker!\n\n",
        b"\xff\xff\xff\xff\x00\x00\x00\x00",
        b"\xff\xff\xff\xff\x08\x00\x00\x00" + bytes(8),
        b"\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\xff\xff\xff\xff\xff\xff\xff\xff",
        GOOD[:-8] + b"garbage!",
        GOOD[len(ADD.params_schema.serialize()) :],
    ],
)
def test_bytes_that_are_no_arrow_are_answered_and_end_the_connection(sent: bytes) -> None:
    (only,) = answers(GOOD + sent + GOOD)[1:]
    found = failure(only)
    assert found.schema.equals(EMPTY_SCHEMA)
    assert found.type == "MalformedMessage"


@pytest.mark.parametrize("version", [b"1.2.3", b"1.2.0", b"1.2.9999999999"])
def test_versions_that_fit(version: bytes) -> None:
    assert_good(answers(request(ADD, Add(40, 2), PROTOCOL_VERSION=version))[0])


@pytest.mark.parametrize(
    ("version", "shown", "direction"),
    [
        (
            b"1.1.9",
            "1.1.9",
            "client is too old; upgrade the VGI extension/client to a version supporting protocol_version 1.2.3.",
        ),
        (
            b"0.9.9",
            "0.9.9",
            "client is too old; upgrade the VGI extension/client to a version supporting protocol_version 1.2.3.",
        ),
        (
            b"1.3.0",
            "1.3.0",
            "server is too old; upgrade the VGI worker to a version supporting protocol_version 1.3.0.",
        ),
        (
            b"10.2.3",
            "10.2.3",
            "server is too old; upgrade the VGI worker to a version supporting protocol_version 10.2.3.",
        ),
        (
            None,
            "<not declared>",
            "client is too old; upgrade the VGI extension/client to a version supporting protocol_version 1.2.3.",
        ),
    ],
)
def test_versions_that_do_not_fit(version: bytes | None, shown: str, direction: str) -> None:
    first, second = answers(request(ADD, Add(1, 2), PROTOCOL_VERSION=version) + GOOD)
    assert failure(first).message.splitlines() == [
        "VGI client/worker protocol_version mismatch.",
        f"  Client: {shown}",
        "  Server: 1.2.3",
        f"  Direction: {direction}",
    ]
    assert_good(second)


@pytest.mark.parametrize("version", [b"", b"1.2", b"1.2.3.4", b"01.2.3", b"1.2.3-rc1", b" 1.2.3", b"1.2.3\n", b"\xff"])
def test_malformed_versions(version: bytes) -> None:
    found = failure(answers(request(ADD, Add(1, 2), PROTOCOL_VERSION=version))[0])
    assert found.kind == "protocol_version_mismatch"
    assert "malformed" in found.message.splitlines()[-1]


@pytest.mark.parametrize("version", [None, b"anything"])
def test_protocols_without_version_are_not_checked(version: bytes | None) -> None:
    sent = request(ADD, Add(40, 2), PROTOCOL=LOOSE.name.encode(), PROTOCOL_VERSION=version)
    assert_good(answers(sent)[0])


INPUTS = {
    "ticks": ticks(3),
    "no batches": ticks(0),
    "exchange input": batches(pa.record_batch({"x": pa.array([1]), "label": pa.array(["a"])})),
}


@pytest.mark.parametrize("sent", INPUTS)
def test_input_behind_a_failed_stream_call_is_drained(sent: str) -> None:
    first, second = answers(request(DOUBLE, Double("refuse")) + INPUTS[sent] + GOOD)
    assert failure_of(first).type == "ToyError"
    assert_good(second)


def failure_of(stream: tuple[pa.Schema, list[Batch]]) -> Failure:
    schema, batches = stream
    return failure((schema, batches[-1:]))


def test_only_one_stream_is_drained_behind_a_failed_stream_call() -> None:
    first, second, third = answers(request(DOUBLE, Double("refuse")) + ticks(1) + ticks(1) + GOOD)
    assert failure_of(first).type == "ToyError"
    assert failure(second).message.startswith("Missing 'vgi_rpc.method'")
    assert_good(third)


def test_a_request_directly_behind_a_failed_stream_call() -> None:
    first, second, third = answers(request(DOUBLE, Double("refuse")) + GOOD + ticks(1))
    assert failure_of(first).type == "ToyError"
    assert_good(second)
    assert failure(third).message.startswith("Missing 'vgi_rpc.method'")


def test_input_behind_a_failed_unary_call_is_a_bad_request() -> None:
    sent = request(ADD, Add(1, 2), PROTOCOL_VERSION=None) + ticks(1) + GOOD
    first, second, third = answers(sent)
    assert failure(first).kind == "protocol_version_mismatch"
    assert failure(second).message.startswith("Missing 'vgi_rpc.method'")
    assert_good(third)


def test_further_batches_of_a_request_are_ignored() -> None:
    extra = Batch(row(a=pa.array([7, 7]), b=pa.array([7, 7])), request_metadata("forget"))
    first = Batch(row(a=pa.array([40]), b=pa.array([2])), request_metadata("add"))
    toy = Toy()
    streams = answers(joined(stream_buffers(ADD.params_schema, [first, extra, extra])) + GOOD, toy.server())
    assert len(streams) == 2
    for stream in streams:
        assert_good(stream)
    assert toy.forgotten == 0


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_parameterless_requests_may_have_any_number_of_rows(rows: int) -> None:
    toy = Toy()
    ((schema, (batch,)),) = answers(raw(batch_of_rows(rows), request_metadata("forget")), toy.server())
    assert toy.forgotten == 1
    assert schema.equals(EMPTY_SCHEMA)
    assert (batch.data.num_rows, batch.data.num_columns) == (0, 0)
    assert keys.LOG_LEVEL not in batch.metadata


def test_request_ids_are_echoed_on_logs_results_and_errors() -> None:
    sent = [
        request(ADD, Add(40, 2), REQUEST_ID=b"id-1"),
        request(ADD, Add(40, 2), REQUEST_ID=b"id-2", METHOD=b"nothing"),
        request(DOUBLE, Double("refuse"), REQUEST_ID=b"id-3"),
        request(COUNT, Count(0), REQUEST_ID=b"id-4") + ticks(1),
    ]
    logged, failed, refused, header, stream = answers(b"".join(sent))
    assert [batch.metadata[keys.REQUEST_ID] for batch in logged[1]] == [b"id-1", b"id-1"]
    assert [batch.metadata[keys.REQUEST_ID] for batch in failed[1]] == [b"id-2"]
    assert [batch.metadata[keys.REQUEST_ID] for batch in refused[1]] == [b"id-3"]
    assert [batch.metadata[keys.REQUEST_ID] for batch in header[1]] == [b"id-4"]
    assert [batch.metadata[keys.REQUEST_ID] for batch in stream[1]] == [b"id-4"]


def test_answers_without_request_id_have_none() -> None:
    ((_, found),) = answers(GOOD)
    assert all(keys.REQUEST_ID not in batch.metadata for batch in found)


def test_one_server_has_one_id_and_servers_differ() -> None:
    def ids(server: Server) -> set[bytes]:
        return {batch.metadata[keys.SERVER_ID] for _, found in answers(GOOD + GOOD, server) for batch in found}

    one, other = ids(Toy().server()), ids(Toy().server())
    assert len(one) == len(other) == 1
    assert one != other


def test_unknown_metadata_is_ignored() -> None:
    metadata = {
        b"traceparent": b"00-00000000000000000000000000000001-0000000000000001-01",
        b"\xff\x00": b"\xfe",
        b"": b"",
        **request_metadata("add"),
        b"vgi_rpc.shm_segment_name": b"gone",
    }
    assert_good(answers(raw(row(a=pa.array([40]), b=pa.array([2])), metadata))[0])


@pytest.mark.parametrize("version", [b"9.9.9", None])
def test_transport_options_need_no_routing(version: bytes | None) -> None:
    metadata = request_metadata("__transport_options__", PROTOCOL=None, PROTOCOL_VERSION=version, TRANSPORT_SHM=b"true")
    first, second = answers(raw(batch_of_rows(1), metadata) + GOOD)
    schema, (batch,) = first
    assert schema.equals(EMPTY_SCHEMA)
    assert batch.data.num_rows == 0
    assert batch.metadata[keys.TRANSPORT_SHM] == b"false"
    assert batch.metadata[keys.REQUEST_VERSION] == b"1"
    assert keys.LOG_LEVEL not in batch.metadata
    assert_good(second)


@pytest.mark.parametrize("key", [keys.SHM_OFFSET, keys.LOCATION])
def test_pointers_that_nobody_agreed_on_are_no_empty_batches(key: bytes) -> None:
    sent = request(DOUBLE, Double()) + batches(empty_batch(PAIRS), metadata={key: b"65536"})
    _header, stream, after = answers(sent + GOOD)
    assert failure(stream).type == "ProtocolError"
    assert_good(after)


def test_log_level_on_a_batch_with_rows_is_data() -> None:
    data = pa.record_batch([pa.array([4]), pa.array(["a"])], schema=PAIRS)
    sent = request(DOUBLE, Double()) + batches(data, metadata={keys.LOG_LEVEL: b"EXCEPTION"})
    _header, (_, (answer,)) = answers(sent)
    assert answer.data.column("n").to_pylist() == [8]


def test_stream_whose_client_sends_a_schema_only() -> None:
    header, (schema, found), after = answers(request(COUNT, Count(5)) + ticks(0) + GOOD)
    assert header[1][-1].data.num_rows == 1
    assert schema.names == ["n"]
    assert found == []
    assert_good(after)


def test_ticks_behind_the_end_of_a_producer_are_drained() -> None:
    toy = Toy()
    _header, (_, found), after = answers(request(COUNT, Count(1)) + ticks(9) + GOOD, toy.server())
    assert sum(batch.data.num_rows for batch in found) == 1
    assert toy.closed.qsize() == 1
    assert_good(after)


def test_stream_cut_off_by_cancel_and_close() -> None:
    toy = Toy()
    cancel = batches(empty_batch(EMPTY_SCHEMA), metadata={keys.CANCEL: b""})[:-8]
    _header, (_, found) = answers(request(COUNT, Count(5)) + cancel, toy.server())
    assert found == []
    assert toy.closed.qsize() == 1


def test_reserved_protocol_names_are_refused() -> None:
    with pytest.raises(ValueError, match="reserved"):
        Server([(Protocol("vgi_rpc.Mine.v1", "", {}), {})])
    with pytest.raises(ValueError, match="not a protocol name"):
        Protocol("no name", "", {})
