"""Requests that are none: who is told what, and that the service goes on (spec 01, sections 12 and 19; spec 02, 12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pyarrow as pa
import pytest

from .asking import GOOD, VALUE, Asking, check, check_ended, send_in_vain
from .diaries import awaited_diary
from .foreign import (
    END,
    NO_COLUMNS,
    PAIRS,
    PROTOCOL,
    Changes,
    add,
    line,
    logs,
    nothing,
    numbers,
    pairs,
    record,
    request,
    request_metadata,
    stream,
    stream_of,
    word,
    wrapped,
)
from .wires import Place, Wire, unique

RESULT = pa.schema([pa.field("result", pa.int64(), nullable=False)])

# The decision table


class Case(NamedTuple):
    """A request that is refused.

    Attributes:
        body: the request.
        type: of the error.
        text: with which its message begins.
        kind: of the error.
        path: to which it is sent.
        schema: of the answer over bytes.
        status: over HTTP.
    """

    body: bytes
    type: str
    text: str
    kind: str | None = None
    path: str = "echo_int64"
    schema: pa.Schema = NO_COLUMNS
    status: int = 400


def echo(*parameters: pa.RecordBatch, **changes: bytes | None) -> bytes:
    """A call of ``echo_int64`` with other metadata."""
    metadata: Changes = {f"vgi_rpc.{name}".encode(): value for name, value in changes.items()}
    return request("echo_int64", *(parameters or [VALUE]), metadata=metadata)


NAMELESS = "'vgi_rpc.protocol' is not a protocol name: "
MISMATCH = "Parameter schema mismatch for method "
OTHER_VERSION = "VGI client/worker protocol_version mismatch.\n  Client: 2.0.0\n  Server: 1.4.2\n"
NULL = pa.RecordBatch.from_arrays([pa.nulls(1, pa.int64())], schema=VALUE.schema)

CASES = {
    "2 no batch": Case(stream_of(VALUE.schema), "ProtocolError", "Request stream contains no batches"),
    "3 no method": Case(echo(method=None), "ProtocolError", "Missing 'vgi_rpc.method' in request batch"),
    "3 no metadata": Case(stream(VALUE), "ProtocolError", "Missing 'vgi_rpc.method' in request batch"),
    "4 method": Case(echo(method=b"\xff\xfe"), "ProtocolError", "Invalid 'vgi_rpc.method' "),
    "5 no framing version": Case(echo(request_version=None), "VersionError", "Missing 'vgi_rpc.request_version' in "),
    "6 framing version": Case(
        echo(request_version=b"2"), "VersionError", "Unsupported request version '2', expected '1'. "
    ),
    "6 comes before 7": Case(
        echo(nothing(VALUE.schema), request_version=b"2"), "VersionError", "Unsupported request version '2'"
    ),
    "7 no row": Case(echo(nothing(VALUE.schema)), "ProtocolError", "Expected 1 row in request batch, got 0. "),
    "7 comes before 15": Case(
        echo(nothing(VALUE.schema), protocol_version=b"2.0.0"),
        "ProtocolError",
        "Expected 1 row in request batch, got 0. ",
    ),
    "14 stream": Case(
        request("produce", VALUE), "ProtocolError", f"{MISMATCH}'produce': expected (batches: ", path="produce/init"
    ),
    "14 unary": Case(
        echo(record(value=pa.array(["x"]))),
        "ProtocolError",
        f"{MISMATCH}'echo_int64': expected (value: int64 not null), got (value: string not null)",
        schema=RESULT,
    ),
    "15 unary": Case(
        echo(protocol_version=b"2.0.0"),
        "ProtocolVersionError",
        OTHER_VERSION,
        kind="protocol_version_mismatch",
        schema=RESULT,
    ),
    "15 stream": Case(
        request("add", add(), metadata={b"vgi_rpc.protocol_version": b"2.0.0"}),
        "ProtocolVersionError",
        OTHER_VERSION,
        kind="protocol_version_mismatch",
        path="add/init",
    ),
    "16 null": Case(echo(NULL), "TypeError", "parameters of method 'echo_int64': ", schema=RESULT),
    "16 no such word": Case(
        request("fail", record(how=word("NO_SUCH"), logs=pa.array([0]))),
        "TypeError",
        "parameters of method 'fail': ",
        path="fail",
        schema=pa.schema([pa.field("result", pa.utf8(), nullable=False)]),
    ),
    "16 nested parameters": Case(
        request("produce_anywhere", record(request=pa.array([b"no Arrow"], pa.binary()))),
        "TypeError",
        "parameters of method 'produce_anywhere': ",
        path="produce_anywhere/init",
    ),
    "16 other nested parameters": Case(
        request("produce_anywhere", wrapped(VALUE)),
        "TypeError",
        "parameters of method 'produce_anywhere': ",
        path="produce_anywhere/init",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_decision_table(asking: Asking, case: str) -> None:
    body, type, text, kind, path, schema, status = CASES[case]
    told = asking.refused(body, path)
    check(told, type, kind, text)
    if asking.by_request:
        assert told.status == status
    else:
        assert told.schema.equals(schema)


@pytest.mark.parametrize("name", [b"no name", b"x" * 256, b"\xff", b"", b"vgi.v2\n"])
def test_what_is_no_name_of_a_protocol(asking: Asking, name: bytes) -> None:
    """It is not repeated as it is (section 13.1). Over HTTP it is another one than that of the path."""
    told = asking.refused(echo(protocol=name))
    check(told, "ProtocolNotSupportedError", "protocol_not_supported", "" if asking.by_request else NAMELESS)
    assert told.status in (None, 400)
    assert b"\n" not in told.message[1][b"vgi_rpc.log_message"]
    assert len(told.message[1][b"vgi_rpc.log_message"]) < 500


def test_what_is_not_hosted(asking: Asking) -> None:
    """Over HTTP the path says the same as the metadata."""
    told = asking.refused(echo(protocol=b"no.such.v1"), protocol="no.such.v1")
    check(
        told, "ProtocolNotSupportedError", "protocol_not_supported", "This server does not host protocol 'no.such.v1'"
    )
    assert told.status in (None, 404)
    told = asking.refused(echo(method=b"no_such"), path="no_such")
    check(
        told, "MethodNotImplementedError", "method_not_implemented", f"Protocol '{PROTOCOL}' has no method 'no_such'."
    )
    assert told.status in (None, 404)
    told = asking.refused(request("no_such", VALUE), path="no_such/init")
    check(
        told, "MethodNotImplementedError", "method_not_implemented", f"Protocol '{PROTOCOL}' has no method 'no_such'."
    )
    assert told.status in (None, 404)


def test_several_batches(asking: Asking, service: Place) -> None:
    """Further ones are ignored (section 4); over HTTP a request has one (spec 02, section 7)."""
    body = request("echo_int64", VALUE, record(value=pa.array([8])))
    if asking.by_request:
        check(asking.refused(body), "ProtocolError", None, "Expected 1 batch in the request, got 2.")
        return
    with line(service.address(), service.transport) as made:
        for sent in (body, GOOD):
            assert made.call(sent).messages == [([{"result": 7}], made.call(GOOD).messages[0][1])]


# What is no Arrow, or too much of it


def announced(size: int) -> bytes:
    """A request that is said to have so large a body."""
    body = bytearray(request("echo_list_int64", record(value=pa.array([[1] * 77]))))
    at = body.index((8 + 77 * 8).to_bytes(8, "little"))  # two offsets, and the numbers
    body[at : at + 8] = size.to_bytes(8, "little")
    return bytes(body)


def compressed() -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, VALUE.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_batch(VALUE, custom_metadata=dict(request_metadata("echo_int64")))
    return bytes(sink.getvalue())


def no_utf8() -> bytes:
    data = pa.array([b"\xff\xfe"], pa.binary())
    return request("echo_utf8", record(value=pa.Array.from_buffers(pa.utf8(), 1, data.buffers())))


def nulls_in_a_list() -> bytes:
    """Many values that take no byte."""
    offsets = pa.array([0, (1 << 24) + 1], pa.int32())
    return request("echo_int64", record(value=pa.ListArray.from_arrays(offsets, pa.nulls((1 << 24) + 1))))


def rows(count: int) -> pa.RecordBatch:
    """Rows of no columns."""
    return pa.RecordBatch.from_arrays([pa.nulls(count)], ["n"]).select([])


def entries(count: int) -> Mapping[bytes, bytes]:
    """Metadata."""
    return {b"key %d" % number: b"" for number in range(count)}


BROKEN: Mapping[str, Callable[[], tuple[bytes, str]]] = {
    "text": lambda: (b"hello, service!\n", "expected an Arrow IPC message, got the bytes b'hello, s'"),
    "zeros": lambda: (bytes(64), "expected an Arrow IPC message"),
    "end": lambda: (END, "expected an Arrow stream, got an end-of-stream marker"),
    "no schema": lambda: (GOOD[len(stream_of(VALUE.schema)) - len(END) :], "expected an Arrow stream to begin with"),
    "two schemas": lambda: (stream_of(VALUE.schema)[: -len(END)] + GOOD, "a second schema in one Arrow stream"),
    "garbage at its end": lambda: (GOOD[: -len(END)] + b"garbage!", "expected an Arrow IPC message, got the bytes"),
    "header": lambda: (END[:4] + ((64 << 20) + 1).to_bytes(4, "little"), "an Arrow message announces a header of "),
    "header below nothing": lambda: (END[:4] * 2, "an Arrow message announces a header of -1 bytes"),
    "body": lambda: (announced((4 << 30) + 1), "an Arrow message announces a body of 4294967297 bytes; at most"),
    "body below nothing": lambda: (announced(-1 % (1 << 64)), "an Arrow message announces a body of -1 bytes"),
    "rows": lambda: (request("no_parameters", rows((1 << 24) + 1)), "a batch announces 16777217 rows, more than"),
    "values": lambda: (nulls_in_a_list(), "a column announces 16777217 values, more than its batch can hold"),
    "entries": lambda: (
        request("echo_int64", VALUE, metadata=entries(1025)),
        "an Arrow message has 1029 metadata entr",
    ),
    "compression": lambda: (compressed(), "compressed Arrow buffers are not accepted"),
    "no UTF-8": lambda: (no_utf8(), "an Arrow batch cannot be read: "),
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_no_arrow_or_too_much_of_it(asking: Asking, how: str) -> None:
    """Row 1 of the table, and what would cost the service more than its sender (section 19)."""
    body, text = BROKEN[how]()
    told = asking.broken(body)
    check(told, "ProtocolError" if asking.by_request else "MalformedMessage", None, text)
    assert told.schema.equals(NO_COLUMNS)
    assert told.status in (None, 400)


def test_what_is_just_within_the_limits(wire: Wire) -> None:
    assert wire.call("no_parameters", rows(1 << 24)).result.to_pylist() == ["there were none"]
    assert wire.call("which", metadata=entries(1020)).result.to_pylist() == ["v1"]


@pytest.mark.parametrize("how", ["entries", "text"])
def test_input_that_is_too_much(service: Place, wire: Wire, asking: Asking, how: str) -> None:
    """The stream ends with an error, over HTTP its turn alone; what came before was answered."""
    name = unique()
    text = "an Arrow message has " if how == "entries" else "expected an Arrow IPC message, got the bytes"
    if asking.by_request:
        pages = service.pages()
        tokens = pages.open("total", add(diary=name)).tokens
        tokens |= pages.turn("total", tokens, pairs(1)).tokens
        sent = stream(pairs(2), {**tokens, **entries(1025)}) if how == "entries" else b"hello, service!\n"
        page = pages.post("total/exchange", sent)
        assert (page.status, page.failed) == (400, True)
        assert logs(page.messages)[0].startswith(f"ProtocolError: {text}")
        assert numbers(pages.turn("total", tokens, pairs(3)).streams[-1].messages) == [4]
        return
    with line(service.address(), service.transport) as made:
        _, opened = made.open(request("total", add(diary=name)), PAIRS)
        assert numbers(opened.turn(pairs(1))) == [1]
        start = len(stream_of(PAIRS)) - len(END)
        send_in_vain(made, stream(pairs(2), entries(1025))[start:] if how == "entries" else b"hello, service!\n")
        [message] = opened.rest()
        assert logs([message])[0].startswith(f"MalformedMessage: {text}")
        check_ended(made)
    assert awaited_diary(wire, name) == ["opened", "closed after 1"]
    asking.check_usable()
