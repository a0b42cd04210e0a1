"""Records as parameters and results: nested as bytes, inline, and with what they hold (spec 01, section 17)."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .wires import Wire

BINARY = pa.binary()
ENUM = pa.dictionary(pa.int16(), pa.utf8())
POINT = pa.schema(
    [
        pa.field("x", pa.float64(), nullable=False),
        pa.field("y", pa.float64(), nullable=False),
        pa.field("label", pa.utf8()),
    ]
)
POINT_TYPE = pa.struct(list(POINT))
LINE = pa.schema(
    [
        pa.field("start", POINT_TYPE, nullable=False),
        pa.field("end", pa.binary(), nullable=False),
        pa.field("via", pa.list_(pa.field("item", POINT_TYPE)), nullable=False),
        pa.field("notes", pa.list_(pa.field("item", pa.binary())), nullable=False),
        pa.field("color", ENUM),
    ]
)
EVERYTHING = pa.schema(
    [
        pa.field("text", pa.utf8(), nullable=False),
        pa.field("data", pa.binary(), nullable=False),
        pa.field("number", pa.int64(), nullable=False),
        pa.field("ratio", pa.float64(), nullable=False),
        pa.field("flag", pa.bool_(), nullable=False),
        pa.field("color", ENUM, nullable=False),
        pa.field("line", pa.struct(list(LINE)), nullable=False),
        pa.field("nested", pa.binary(), nullable=False),
        pa.field("schema", pa.binary(), nullable=False),
        pa.field("batch", pa.binary(), nullable=False),
        pa.field("small", pa.uint8(), nullable=False),
        pa.field("words", pa.list_(pa.field("item", pa.utf8())), nullable=False),
        pa.field("counts", pa.map_(pa.utf8(), pa.field("value", pa.int64())), nullable=False),
        pa.field("colors", pa.list_(pa.field("item", ENUM)), nullable=False),
        pa.field("note", pa.utf8()),
        pa.field("missing", pa.int16()),
    ]
)

FEW = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
FLOATS = st.floats(allow_nan=False)


def record(schema: pa.Schema, /, **values: Any) -> pa.RecordBatch:
    """One row, where absent fields are null."""
    arrays = [
        pa.nulls(1, field.type) if values.get(field.name) is None else pa.array([values[field.name]], field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def packed(batch: pa.RecordBatch) -> bytes:
    """The IPC stream of a batch."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def unpacked(data: bytes) -> pa.RecordBatch:
    """The only batch of an IPC stream that has nothing behind it."""
    source = pa.BufferReader(data)
    with pa.ipc.open_stream(source) as reader:
        [batch] = list(reader)
    assert source.tell() == len(data)
    return batch


def wrapped(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A record as the one parameter ``request``."""
    return record(pa.schema([pa.field("request", pa.binary(), nullable=False)]), request=packed(batch))


def value(data: Any, type: pa.DataType = BINARY) -> pa.RecordBatch:
    return record(pa.schema([pa.field("value", type, nullable=False)]), value=data)


def point(x: float = 0.0, y: float = 0.0, label: str | None = None) -> pa.RecordBatch:
    return record(POINT, x=x, y=y, label=label)


def line(**values: Any) -> pa.RecordBatch:
    known = {
        "start": {"x": 1.0, "y": 2.0, "label": None},
        "end": packed(point(3.0, 4.0, "end")),
        "via": [],
        "notes": [],
    }
    return record(LINE, **{**known, **values})


FULL = {
    "text": "text",
    "data": b"\x00\xff",
    "number": -1,
    "ratio": 0.5,
    "flag": True,
    "color": "green",
    "line": line(via=[{"x": 5.0, "y": 6.0, "label": "via"}], notes=[packed(point(7.0))], color="RED").to_pylist()[0],
    "nested": packed(line(color="DARK_BLUE")),
    "schema": pa.schema([pa.field("a", pa.int8(), metadata={"k": "v"})], metadata={"m": "n"}).serialize().to_pybytes(),
    "batch": packed(pa.record_batch({"a": [1, 2, None], "b": ["x", None, "z"]})),
    "small": 255,
    "words": ["a", None, ""],
    "counts": [("one", 1), ("none", None)],
    "colors": ["RED", "DARK_BLUE", "RED"],
    "note": "note",
    "missing": None,
}


@FEW
@given(st.tuples(FLOATS, FLOATS, st.none() | st.text(max_size=10)))
def a_record(wire: Wire, values: tuple[float, float, str | None]) -> None:
    sent = point(*values)
    reply = wire.call("echo_record", value(packed(sent)))
    assert reply.schema.equals(pa.schema([pa.field("result", pa.binary(), nullable=False)]))
    answer = unpacked(reply.result[0].as_py())
    assert answer.schema.equals(POINT)
    assert answer.equals(sent)


def test_a_record_is_a_stream_of_its_own(wire: Wire) -> None:
    a_record(wire)


def test_a_record_of_records(wire: Wire) -> None:
    sent = line(
        via=[{"x": 5.0, "y": 6.0, "label": "via"}] * 2, notes=[packed(point(7.0)), packed(point(8.0))], color="RED"
    )
    answer = unpacked(wire.call("echo_line", value(packed(sent))).result[0].as_py())
    assert answer.schema.equals(LINE)
    assert answer.to_pylist() == sent.to_pylist()


@pytest.mark.parametrize(("method", "wrap"), [("everything", True), ("everything_flat", False)])
def test_a_field_of_every_form(wire: Wire, method: str, wrap: bool) -> None:
    sent = record(EVERYTHING, **FULL)
    reply = wire.call(method, wrapped(sent) if wrap else sent)
    answer = unpacked(reply.result[0].as_py())
    assert answer.schema.equals(EVERYTHING)
    assert answer.to_pylist() == sent.to_pylist()
    assert pa.ipc.read_schema(pa.py_buffer(answer.to_pylist()[0]["schema"])).field("a").metadata == {b"k": b"v"}


def test_fields_of_another_version(wire: Wire) -> None:
    """Unknown fields of a nested record are ignored, and absent ones take their default (section 17.2)."""
    more = line().append_column(pa.field("invented", pa.int64()), pa.array([1]))
    for sent in (more, line().drop_columns(["via", "notes", "color"]), more.select(sorted(more.schema.names))):
        answer = unpacked(wire.call("echo_line", value(packed(sent))).result[0].as_py())
        assert answer.schema.equals(LINE)
        assert answer.to_pylist() == line().to_pylist()


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (line().drop_columns(["start"]), "Line.start is missing"),
        (line(end=b"no stream"), "Line.end cannot be read"),
        (line(start=None), "Line.start must not be null"),
        (line(color="PINK"), "Line.color cannot be read"),
        (pa.concat_batches([line(), line()]), "Line must have exactly one row, got 2"),
        (line().slice(0, 0), "Line must have exactly one row, got 0"),
    ],
    ids=["missing", "no stream", "null", "enum", "two rows", "no rows"],
)
def test_what_is_no_such_record(wire: Wire, sent: pa.RecordBatch, message: str) -> None:
    reply = wire.call("echo_line", value(packed(sent)))
    assert reply.error is not None
    assert reply.error.type == "TypeError"
    assert message in reply.error.message


def test_parameters_in_one_record(wire: Wire) -> None:
    sent = line(start={"x": 1.0, "y": 2.0, "label": None}, end=packed(point(3.0, 4.0)))
    reply = wire.call("middle", wrapped(sent))
    assert unpacked(reply.result[0].as_py()).equals(point(2.0, 3.0, "middle"))


@pytest.mark.parametrize("present", [True, False])
def test_a_record_or_none(wire: Wire, present: bool) -> None:
    reply = wire.call(
        "maybe_point", record(pa.schema([pa.field("present", pa.bool_(), nullable=False)]), present=present)
    )
    assert reply.schema.equals(pa.schema([pa.field("result", pa.binary(), nullable=True)]))
    [result] = reply.result.to_pylist()
    assert (None if result is None else unpacked(result)) == (point(1.0) if present else None)


def test_lists_of_records(wire: Wire) -> None:
    sent = [packed(point(float(number), label=str(number))) for number in range(5)]
    type = pa.list_(pa.field("item", pa.binary()))
    [answer] = wire.call("echo_record_list", value(sent, type)).result.to_pylist()
    assert [unpacked(item).to_pylist() for item in answer] == [unpacked(item).to_pylist() for item in sent]
    type = pa.list_(pa.field("item", POINT_TYPE))
    structs = [{"x": 1.0, "y": 2.0, "label": "a"}, {"x": -0.5, "y": 0.0, "label": None}]
    reply = wire.call("echo_struct_list", value(structs, type))
    assert reply.schema.field("result").type.equals(type)
    assert reply.result.to_pylist() == [structs]


SCHEMAS = [
    pa.schema([]),
    pa.schema([pa.field("a", pa.int64(), nullable=False, metadata={"k": "v"}), pa.field("a", pa.utf8())]),
    pa.schema(
        [
            pa.field("d", pa.dictionary(pa.int8(), pa.large_utf8(), ordered=True)),
            pa.field("u", pa.dense_union([pa.field("i", pa.int8()), pa.field("s", pa.utf8())], [3, 7])),
            pa.field("m", pa.map_(pa.utf8(), pa.list_(pa.struct([pa.field("x", pa.decimal128(38, 38))])))),
            pa.field("t", pa.timestamp("ns", "Europe/Berlin")),
            pa.field("n", pa.null()),
        ],
        metadata={"of": "the schema"},
    ),
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=["empty", "metadata", "types"])
def test_a_schema(wire: Wire, schema: pa.Schema) -> None:
    """It is a schema message; a reader takes a whole stream too (section 17.4)."""
    message = schema.serialize().to_pybytes()
    whole = packed(pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema))
    for sent in (message, whole):
        [answer] = wire.call("echo_schema", value(sent)).result.to_pylist()
        assert answer == message
        assert pa.ipc.read_schema(pa.py_buffer(answer)).equals(schema, check_metadata=True)


BATCHES = [
    pa.record_batch({"a": pa.array([], pa.int64())}),
    pa.record_batch({"a": pa.array([1, None]), "d": pa.array(["x", "y"]).dictionary_encode()}),
    pa.record_batch(
        {
            "u": pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])]),
            "l": pa.array([[{"k": [1]}], None]),
            "f": pa.array([b"abcd", None], pa.binary(4)),
        }
    ),
]


@pytest.mark.parametrize("batch", BATCHES, ids=["empty", "dictionary", "nested"])
def test_a_batch(wire: Wire, batch: pa.RecordBatch) -> None:
    [answer] = wire.call("echo_batch", value(packed(batch))).result.to_pylist()
    assert unpacked(answer).equals(batch, check_metadata=True)
