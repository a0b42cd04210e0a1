"""Errors, log messages, metadata, versions and routing of unary calls (spec 01, sections 5 to 8, 12 and 13)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pytest

from duckwing.rpc import keys
from duckwing.rpc.client import LogMessage
from duckwing.rpc.codec import to_batch
from duckwing.rpc.errors import RemoteError, RpcError
from duckwing.rpc.framing import EMPTY_SCHEMA
from duckwing.rpc.method import Method, NoParams, Protocol
from duckwing.rpc.reflection import DESCRIBE, LIST_PROTOCOLS, REFLECTION, DescribeParams, protocol_hash

from .declared import (
    ABSENT,
    ADD,
    FAIL,
    LOG,
    LOG_EVERY_LEVEL,
    NEVER_HEARD_OF,
    PAIRS,
    PRODUCE,
    PRODUCE_ANYWHERE,
    SHOUT,
    TELL,
    TOTAL_ANYWHERE,
    WHICH,
    Add,
    Fail,
    How,
    Log,
    Produce,
    When,
    pairs,
)
from .wires import NAME, VERSION, Place, Reply, Wire

SERVER_ID = re.compile(rb"[0-9a-f]{12}")

REQUEST_ID = {keys.REQUEST_ID: b"0123456789abcdef"}

RESULT = pa.schema([pa.field("result", pa.utf8(), nullable=False)])

ONE = pa.record_batch({"other": [1]})

LONG = "long " * 1_000_000


def failing(wire: Wire, how: How, logs: int = 0, metadata: Mapping[bytes, bytes] | None = None) -> Reply:
    return wire.call("fail", to_batch(Fail(how, logs)), metadata=metadata)


# Errors


@pytest.mark.parametrize(
    ("how", "type", "message", "kind"),
    [
        (How.VALUE, "ValueError", "no such value", None),
        (How.OWN, "ServiceError", "of its own", None),
        (How.EMPTY, "ValueError", "", None),
        (How.LINES, "ServiceError", "first line\nsecond line\n\tthird line", None),
        (How.UNICODE, "ServiceError", "Größe 鴨 \N{DUCK} \0 zero", None),
        (How.SURROGATE, "ServiceError", "half a character: \ud800", None),
        (How.CHAINED, "ServiceError", "effect", None),
        (How.EXIT, "SystemExit", "0", None),
        (How.STOP, "StopIteration", "", None),
        (How.UNPRINTABLE, "Unprintable", "<the message of this exception cannot be printed: RuntimeError>", None),
        (How.NOT_IMPLEMENTED, "MethodNotImplementedError", "this service leaves it out", "method_not_implemented"),
        (How.NO_RESULT, "CodecError", "result of fail must not be null", None),
    ],
)
def test_errors(wire: Wire, how: How, type: str, message: str, kind: str | None) -> None:
    reply = failing(wire, how)
    assert reply.schema.equals(RESULT)
    [batch] = reply.batches
    assert batch.data.num_rows == 0
    told = dict(batch.metadata)
    assert SERVER_ID.fullmatch(told.pop(keys.SERVER_ID))
    extra = json.loads(told.pop(keys.LOG_EXTRA))
    assert extra == {
        "exception_type": type,
        "exception_message": message,
        "traceback": "",
        **({"error_kind": kind} if kind else {}),
    }
    assert told == {
        keys.LOG_LEVEL: b"EXCEPTION",
        keys.LOG_MESSAGE: f"{type}: {message}".encode("utf-8", "backslashreplace"),
        **({keys.ERROR_KIND: kind.encode()} if kind else {}),
    }


def test_a_result_of_another_type(wire: Wire) -> None:
    error = failing(wire, How.WRONG_TYPE).error
    assert error is not None
    assert error.type == "CodecError"
    assert error.message.startswith("result of fail cannot be written as string:")


def test_a_long_message_is_cut(wire: Wire) -> None:
    error = failing(wire, How.LONG).error
    assert error is not None
    assert error.message.endswith("… <message truncated>")
    assert LONG.startswith(error.message.removesuffix("… <message truncated>"))
    assert 1000 < len(error.message) < len(LONG) / 10


def test_the_connection_outlives_errors(wire: Wire) -> None:
    for how in How:
        with pytest.raises(RemoteError):
            wire.client.call(FAIL, Fail(how))
        assert wire.client.call(WHICH, NoParams()) == "v1"


# Tracebacks


@pytest.fixture(scope="module", params=["1", "0"])
def debugging(service: Place, request: pytest.FixtureRequest) -> Iterator[tuple[Wire, bool]]:
    """The service with or without DUCKWING_DEBUG, and which of them it is (docs/rpc.md)."""
    where = Place(service.transport, {"DUCKWING_DEBUG": request.param})
    yield where.shared(), request.param == "1"
    where.close()


def check_traceback(error: RpcError | None, wanted: bool, function: str) -> None:
    """A traceback of the service's own code, or none."""
    assert isinstance(error, RemoteError)
    if wanted:
        first, *lines, last = error.traceback.rstrip("\n").split("\n")
        assert first == "Traceback (most recent call last):"
        assert last == f"rpc.calls.{error}"
        frames = [line for line in lines if line.startswith("  File ")]
        assert all("/conformance/rpc/" in frame for frame in frames)
        assert frames[-1].endswith(f", in {function}")
    else:
        assert error.traceback == ""


def test_tracebacks_of_calls(debugging: tuple[Wire, bool]) -> None:
    wire, wanted = debugging
    check_traceback(failing(wire, How.OWN).error, wanted, "raise_or_return")
    chained = failing(wire, How.CHAINED).error
    assert chained is not None
    assert ("KeyError: 'cause'\n\nThe above exception was the direct cause" in chained.traceback) == wanted
    for how in How:
        if how is not How.UNKNOWN:
            error = failing(wire, how).error
            assert error is not None
            ours = error.type in ("CodecError", "MethodNotImplementedError")  # they are about the call
            assert bool(error.traceback) == (wanted and not ours)


def test_a_long_traceback_is_cut(debugging: tuple[Wire, bool]) -> None:
    """Section 7.1."""
    wire, wanted = debugging
    error = failing(wire, How.LONG).error
    assert error is not None
    assert len(error.traceback) == (len("\n… <traceback truncated>") + 16_000 if wanted else 0)
    assert error.traceback.endswith("\n… <traceback truncated>" if wanted else "")


@pytest.mark.parametrize("method", [PRODUCE, PRODUCE_ANYWHERE], ids=lambda method: method.name)
def test_tracebacks_of_producers(debugging: tuple[Wire, bool], method: Method[Produce, Any]) -> None:
    wire, wanted = debugging
    for fails, function in ((When.OPENING, "__init__"), (When.TURN, "begin_turn"), (When.END, "end")):
        with (
            pytest.raises(RemoteError) as caught,
            wire.client.open(method, Produce(2, fails=fails, at=1, lockstep=True)) as producing,
        ):
            list(producing)
        check_traceback(caught.value, wanted, function)


@pytest.mark.parametrize("method", [ADD, TOTAL_ANYWHERE], ids=lambda method: method.name)
def test_tracebacks_of_exchanges(debugging: tuple[Wire, bool], method: Method[Add, Any]) -> None:
    wire, wanted = debugging
    for fails, function in ((When.OPENING, "__init__"), (When.TURN, "begin_turn")):
        with pytest.raises(RemoteError) as caught, wire.client.open(method, Add(fails=fails), PAIRS) as adding:
            adding.exchange(pairs(1))
        check_traceback(caught.value, wanted, function)


@pytest.mark.parametrize("refused", [{"method": "no_such"}, {"version": "9.0.0"}, {"parameters": ONE}], ids=str)
def test_refusals_have_no_traceback(debugging: tuple[Wire, bool], refused: Mapping[str, Any]) -> None:
    """They say all there is to say to whoever has made the call."""
    error = debugging[0].call(**{"method": "which", **refused}).error
    assert error is not None
    assert error.traceback == ""


# Log messages


def test_logs_come_before_the_result(wire: Wire) -> None:
    reply = wire.call("log_every_level")
    assert reply.logs == [LogMessage(level, f"at {level}") for level in ("ERROR", "WARN", "INFO", "DEBUG", "TRACE")]
    *logs, result = reply.batches
    assert [batch.data.num_rows for batch in logs] == [0] * 5
    assert [batch.metadata[keys.LOG_LEVEL] for batch in logs] == [b"ERROR", b"WARN", b"INFO", b"DEBUG", b"TRACE"]
    assert keys.LOG_LEVEL not in result.metadata


def test_logs_come_before_the_error(wire: Wire) -> None:
    reply = failing(wire, How.OWN, logs=3)
    assert reply.logs == [LogMessage("WARN", f"about to fail {number}") for number in range(3)]
    assert (len(reply.batches), str(reply.error)) == (4, "ServiceError: of its own")


@pytest.mark.parametrize(
    "text", ["", "two\nlines", "Größe \N{DUCK} \0", "x" * 1_000_000], ids=["empty", "lines", "unicode", "long"]
)
def test_texts_of_logs(wire: Wire, text: str) -> None:
    assert wire.client.call(LOG, Log(("INFO",), text)) == 1
    assert wire.logs == [LogMessage("INFO", text)]


def test_more_of_a_log(wire: Wire) -> None:
    wire.client.call(LOG, Log(("DEBUG", "WARN"), "text", {"a": "1", "ü": "\N{DUCK}"}))
    assert [(log.level, log.message, json.loads(log.extra)) for log in wire.logs] == [
        ("DEBUG", "text", {"a": "1", "ü": "\N{DUCK}"}),
        ("WARN", "text", {"a": "1", "ü": "\N{DUCK}"}),
    ]


def test_many_logs_keep_their_order(wire: Wire) -> None:
    levels = ("INFO", "ERROR") * 1000
    assert wire.client.call(LOG, Log(levels)) == 2000
    assert [log.level for log in wire.logs] == list(levels)


def test_no_such_level(wire: Wire) -> None:
    with pytest.raises(RemoteError, match="'FATAL' is not a log level") as caught:
        wire.client.call(LOG, Log(("INFO", "FATAL")))
    assert caught.value.type == "ValueError"
    assert wire.logs == [LogMessage("INFO", "message")]


def test_logs_belong_to_their_call(wire: Wire) -> None:
    wire.client.call(LOG_EVERY_LEVEL, NoParams())
    assert len(wire.logs) == 5
    assert wire.call("which").logs == []


def test_what_is_printed_is_no_answer(wire: Wire) -> None:
    """Standard output belongs to the protocol (section 2.4)."""
    wire.client.call(SHOUT, NoParams())
    assert wire.client.call(WHICH, NoParams()) == "v1"
    assert wire.logs == []


# Metadata


def test_a_handler_sees_the_metadata_of_its_call(wire: Wire) -> None:
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    sent = {
        **REQUEST_ID,
        b"traceparent": trace,
        b"tracestate": b"a=b",
        b"own.key": b"\x00\xff",
        b"own.empty": b"",
    }
    told = wire.client.call(TELL, NoParams(), sent)
    assert told.metadata == {
        "vgi_rpc.method": b"tell",
        "vgi_rpc.request_version": b"1",
        "vgi_rpc.protocol": NAME.encode(),
        "vgi_rpc.protocol_version": VERSION.encode(),
        **{key.decode(): value for key, value in sent.items()},
    }
    assert (told.method, told.domain, told.principal, told.authenticated) == ("tell", "", "", False)


def test_the_request_id_comes_back_on_everything(wire: Wire) -> None:
    for reply in (
        wire.call("which", metadata=REQUEST_ID),
        wire.call("log_every_level", metadata=REQUEST_ID),
        failing(wire, How.OWN, logs=1, metadata=REQUEST_ID),
    ):
        assert [batch.metadata[keys.REQUEST_ID] for batch in reply.batches] == [b"0123456789abcdef"] * len(
            reply.batches
        )


def test_without_a_request_id_there_is_none(wire: Wire) -> None:
    [batch] = wire.call("which").batches
    assert list(batch.metadata) == [keys.SERVER_ID]


def test_the_server_id_is_that_of_a_process(wire: Wire) -> None:
    ids = {batch.metadata[keys.SERVER_ID] for _ in range(5) for batch in wire.call("log_every_level").batches}
    assert all(SERVER_ID.fullmatch(server_id) for server_id in ids)
    if not wire.by_request:  # there any process may answer a request
        assert len(ids) == 1


# Versions and routing


@pytest.mark.parametrize(("protocol", "version"), [(NAME, VERSION), ("duckwing.conformance.v2", "2.0.0")])
def test_the_protocol_is_part_of_the_address(wire: Wire, protocol: str, version: str) -> None:
    expected = protocol.rpartition(".")[2]
    assert wire.call("which", protocol=protocol, version=version).result.to_pylist() == [expected]


@pytest.mark.parametrize("version", ["", "0.0.1", "9.9.9", "nonsense"])
def test_a_protocol_without_a_version_does_not_ask(wire: Wire, version: str) -> None:
    reply = wire.call("which", protocol="duckwing.conformance", version=version)
    assert reply.result.to_pylist() == ["unversioned"]


@pytest.mark.parametrize("version", ["1.4.0", "1.4.99"])
def test_another_patch_version_will_do(wire: Wire, version: str) -> None:
    assert wire.call("which", version=version).result.to_pylist() == ["v1"]


@pytest.mark.parametrize(
    ("version", "direction"),
    [
        (
            "1.3.2",
            "client is too old; upgrade the VGI extension/client to a version supporting protocol_version 1.4.2.",
        ),
        (
            "0.4.2",
            "client is too old; upgrade the VGI extension/client to a version supporting protocol_version 1.4.2.",
        ),
        ("1.5.0", "server is too old; upgrade the VGI worker to a version supporting protocol_version 1.5.0."),
        ("2.0.0", "server is too old; upgrade the VGI worker to a version supporting protocol_version 2.0.0."),
    ],
)
def test_other_versions(wire: Wire, version: str, direction: str) -> None:
    error = refused(wire, version=version)
    assert (error.type, error.kind) == ("ProtocolVersionError", "protocol_version_mismatch")
    assert error.message == (
        f"VGI client/worker protocol_version mismatch.\n  Client: {version}\n  Server: 1.4.2\n  Direction: {direction}"
    )


@pytest.mark.parametrize("version", ["", "1", "1.4", "1.4.2.0", "1.4.02", "1.4.2-beta", "v1.4.2", "1.4.x", "１.4.2"])
def test_what_is_no_version(wire: Wire, version: str) -> None:
    assert refused(wire, version=version).kind == "protocol_version_mismatch"


def test_a_version_is_compared_before_the_parameters(wire: Wire) -> None:
    """An older client may have others: it is to be told that it is old (section 12)."""
    reply_error = refused(wire, version="1.0.0", parameters=pa.record_batch({"other": [1]}))
    assert reply_error.kind == "protocol_version_mismatch"


@pytest.mark.parametrize("version", [b"2", b"", b"01", b"1.0", b"\xff"])
def test_another_framing(wire: Wire, version: bytes) -> None:
    error = refused(wire, metadata={keys.REQUEST_VERSION: version})
    assert error.type == "VersionError"
    assert error.message.startswith("Unsupported request version ")


@pytest.mark.parametrize("method", [NEVER_HEARD_OF, ABSENT], ids=lambda method: method.name)
def test_no_such_method(wire: Wire, method: Any) -> None:
    """Whether the protocol has it and nobody serves it, or it does not even have it."""
    with pytest.raises(RemoteError) as caught:
        wire.client.call(method, NoParams())
    assert (caught.value.type, caught.value.kind) == ("MethodNotImplementedError", "method_not_implemented")
    prefix, _, available = caught.value.message.partition(" Available: ")
    assert prefix == f"Protocol 'duckwing.conformance.v1' has no method '{method.name}'."
    assert "'which'" in available
    assert "'absent'" not in available
    assert wire.client.call(WHICH, NoParams()) == "v1"


def test_no_such_stream(wire: Wire) -> None:
    client = wire.client_of(Protocol("duckwing.conformance.v2", "2.0.0", {}))
    with pytest.raises(RemoteError) as caught:
        client.open(PRODUCE, Produce(1))
    assert caught.value.kind == "method_not_implemented"


def test_no_such_protocol(wire: Wire) -> None:
    error = refused(wire, protocol="duckwing.other.v1")
    assert (error.type, error.kind) == ("ProtocolNotSupportedError", "protocol_not_supported")
    assert error.message == (
        "This server does not host protocol 'duckwing.other.v1'. Hosted: ['duckwing.conformance', "
        "'duckwing.conformance.v1', 'duckwing.conformance.v2', 'vgi_rpc.Reflection.v1']"
    )


def test_no_protocol(wire: Wire) -> None:
    reply = wire.call("which", metadata={keys.PROTOCOL: None})
    if wire.by_request:  # the path names it (spec 02, section 2)
        assert reply.result.to_pylist() == ["v1"]
    else:
        assert reply.error is not None
        assert (reply.error.type, reply.error.kind) == ("ProtocolNotSpecifiedError", "protocol_not_specified")


def test_no_version(wire: Wire) -> None:
    error = refused(wire, metadata={keys.PROTOCOL_VERSION: None})
    assert error.kind == "protocol_version_mismatch"
    assert "  Client: <not declared>\n" in error.message
    error = refused(wire, metadata={keys.REQUEST_VERSION: None})
    assert error.type == "VersionError"
    assert error.message.startswith("Missing 'vgi_rpc.request_version'")


def test_no_method(wire: Wire) -> None:
    error = refused(wire, metadata={keys.METHOD: None})
    assert error.type == "ProtocolError"
    assert error.message.startswith("Missing 'vgi_rpc.method'")


def test_the_retired_introspection(wire: Wire) -> None:
    error = refused(wire, method="__describe__")
    assert error.kind == "method_not_implemented"
    assert "vgi_rpc.Reflection.v1" in error.message


def refused(wire: Wire, method: str = "which", **how: Any) -> RemoteError:
    """The error of a call that is not even begun; over HTTP it comes with a status of its own."""
    reply = wire.call(method, **how)
    assert reply.error is not None
    [batch] = reply.batches
    assert batch.data.num_rows == 0
    assert reply.schema in (EMPTY_SCHEMA, RESULT)
    return reply.error


@pytest.mark.parametrize(
    ("status", "how"),
    [
        (200, {"method": "which"}),
        (200, {"method": "fail", "parameters": to_batch(Fail(How.OWN))}),
        (200, {"method": "fail", "parameters": to_batch(Fail(How.OWN, logs=1))}),
        (200, {"method": "fail", "parameters": to_batch(Fail(How.NOT_IMPLEMENTED))}),
        (400, {"method": "which", "version": "9.0.0"}),
        (400, {"method": "which", "metadata": {keys.REQUEST_VERSION: b"2"}}),
        (400, {"method": "which", "metadata": {keys.PROTOCOL: b"duckwing.conformance"}}),
        (400, {"method": "which", "metadata": {keys.METHOD: b"tell"}}),
        (400, {"method": "which", "parameters": pa.record_batch({"other": [1]})}),
        (400, {"method": "fail", "parameters": to_batch(Fail(How.UNKNOWN))}),
        (400, {"method": "produce", "parameters": to_batch(Produce(1))}),
        (404, {"method": "never_heard_of"}),
        (404, {"method": "absent"}),
        (404, {"method": "which", "protocol": "duckwing.other.v1"}),
    ],
)
def test_statuses(wire: Wire, status: int, how: Mapping[str, Any]) -> None:
    if not wire.by_request:
        pytest.skip("only HTTP has a status, and an address beside the metadata (spec 02, sections 2, 5 and 12)")
    reply = wire.call(**how)
    assert (reply.status, reply.error is None) == (status, how == {"method": "which"})


# Reflection


def test_the_protocols(wire: Wire) -> None:
    listed = wire.client_of(REFLECTION).call(LIST_PROTOCOLS, NoParams())
    assert listed.request_version == "1"
    assert re.fullmatch("[0-9a-f]{12}", listed.server_id)
    assert [(about.protocol, about.protocol_version, about.deprecated) for about in listed.protocols] == [
        ("duckwing.conformance", "", False),
        ("duckwing.conformance.v1", "1.4.2", False),
        ("duckwing.conformance.v2", "2.0.0", False),
        ("vgi_rpc.Reflection.v1", "", False),
    ]
    assert len({about.protocol_hash for about in listed.protocols}) == 4


def test_a_protocol(wire: Wire) -> None:
    about = wire.client_of(REFLECTION).call(DESCRIBE, DescribeParams("duckwing.conformance.v2"))
    [method] = about.methods
    assert (about.protocol, about.protocol_version) == ("duckwing.conformance.v2", "2.0.0")
    assert about.protocol_hash == protocol_hash(Protocol("duckwing.conformance.v2", "", {"which": WHICH}))
    assert (method.name, method.method_type, method.stream_kind) == ("which", "unary", "")
    assert (method.has_return, method.has_header, method.idempotency) == (True, False, "no_side_effects")
    assert pa.ipc.read_schema(pa.py_buffer(method.params_schema_ipc)).equals(EMPTY_SCHEMA)
    assert pa.ipc.read_schema(pa.py_buffer(method.result_schema_ipc)).equals(RESULT)
    assert method.header_schema_ipc == b""


def test_the_methods(wire: Wire) -> None:
    about = wire.client_of(REFLECTION).call(DESCRIBE, DescribeParams(NAME))
    methods = {method.name: method for method in about.methods}
    assert list(methods) == sorted(methods)
    assert "absent" not in methods
    assert {name: method.stream_kind for name, method in methods.items() if method.method_type == "stream"} == {
        "add": "exchange",
        "add_bare": "exchange",
        "produce": "producer",
        "produce_anywhere": "producer",
        "produce_bare": "producer",
        "repeat": "exchange",
        "total": "exchange",
        "total_anywhere": "exchange",
    }
    produce = methods["produce"]
    assert (produce.has_return, produce.has_header, produce.result_schema_ipc) == (False, True, b"")
    assert pa.ipc.read_schema(pa.py_buffer(produce.header_schema_ipc)).equals(PRODUCE.header_schema)
    assert pa.ipc.read_schema(pa.py_buffer(produce.params_schema_ipc)).equals(PRODUCE.params_schema)
    wrapped = pa.schema([pa.field("request", pa.binary(), nullable=False)])
    assert pa.ipc.read_schema(pa.py_buffer(methods["total_anywhere"].params_schema_ipc)).equals(wrapped)
    assert not methods["nothing"].has_return
    decimal = pa.schema([pa.field("value", pa.decimal256(60, 5))])
    assert pa.ipc.read_schema(pa.py_buffer(methods["echo_decimal256_or_none"].params_schema_ipc)).equals(decimal)


def test_a_protocol_that_there_is_not(wire: Wire) -> None:
    with pytest.raises(RemoteError) as caught:
        wire.client_of(REFLECTION).call(DESCRIBE, DescribeParams("duckwing.other"))
    assert caught.value.kind == "protocol_not_supported"
