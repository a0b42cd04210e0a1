"""A document that the format does not allow is refused, whatever is wrong with it, and nothing else happens."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest

from duckwing.errors import FilterError
from duckwing.filters.decode import MAX_DEPTH, MAX_NODES, MAX_PREDICATES, Update, decode_delta, decode_snapshot
from duckwing.filters.encode import encode_delta, encode_snapshot
from duckwing.filters.envelope import MAX_DOCUMENT_BYTES, METADATA, write_envelope, write_join_keys
from duckwing.filters.tree import And, Call, Cast, Comparison, Expression, In, IsNull, Not, Or, Predicate, Unknown
from duckwing.rpc.codec import encode_batch
from duckwing.types import BIGINT, BOOLEAN, DATE, DOUBLE, INTEGER, LIST, STRUCT, TIMESTAMP, VARCHAR

from .trees import column, field, literal, values

SCHEMA = pa.schema(
    [
        ("i", INTEGER),
        ("s", VARCHAR),
        ("b", BOOLEAN),
        ("st", STRUCT({"a": INTEGER, "f": BOOLEAN})),
        ("li", LIST(INTEGER)),
        ("d", DATE),
    ]
)
NUMBER, S, B, ST, LI, D = (
    {"node": "column_ref", "column_index": index, "column_name": name} for index, name in enumerate(SCHEMA.names)
)
LITERAL = {"node": "literal", "value_ref": 0}
EQ = {"node": "comparison", "op": "eq", "left": NUMBER, "right": LITERAL}
CAST = {"node": "cast", "expression": NUMBER, "type_ref": 0}
CALL = {"node": "call", "function": "contains", "arguments": [S, S]}
IDENTITY = {"namespace": "duckdb.spatial", "name": "intersects_extent", "version": 1}
RUNTIME = {
    "node": "runtime_filter",
    "algorithm": {"namespace": "duckdb.runtime_filter", "name": "bloom", "version": 1},
    "input": NUMBER,
    "artifact_ref": 0,
    "null_handling": "pass",
}
PAYLOAD = [
    ("value_0", pa.array([5], pa.int32())),
    ("value_1", pa.array([[1, None]], pa.list_(pa.field("l", pa.int32())))),
    ("value_2", pa.array([None], pa.list_(pa.field("l", pa.int32())))),
    ("type_0", pa.nulls(1, pa.int64())),
    ("type_1", pa.nulls(1, pa.timestamp("us"))),
    ("type_2", pa.nulls(1, pa.bool_())),
    ("type_3", pa.nulls(1, pa.utf8())),
    ("artifact_0", pa.array([b"x"])),
]
KEYS = (write_join_keys("i", values([1, 2], INTEGER)),)


def in_(set: Any, **members: Any) -> dict[str, Any]:
    return {"node": "in", "expression": NUMBER, "set": set, "negated": False} | members


def external(batch: Any = 0, column: Any = 0, name: Any = "i") -> dict[str, Any]:
    return {"kind": "external", "batch_index": batch, "column_index": column, "column_name": name}


def predicate(expression: Any, **members: Any) -> dict[str, Any]:
    plain = {"id": "query:0", "revision": 0, "mode": "required", "source": "query"}
    return plain | {"expression": expression} | members


def upsert(**members: Any) -> dict[str, Any]:
    return predicate(EQ, operation="upsert", mode="advisory", source="top_n") | members


def snapshot(*predicates: Any) -> dict[str, Any]:
    plain = {"encoding": "vgi.filters.v2", "semantics": "vgi.duckdb.standard.v1", "kind": "snapshot"}
    return plain | {"predicates": list(predicates)}


def delta(*updates: Any) -> dict[str, Any]:
    return {**without(snapshot(), "predicates"), "kind": "delta", "updates": list(updates)}


def without(item: Mapping[str, Any], member: str) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != member}


def read(document: Any, payload: Sequence[tuple[str, pa.Array]] = PAYLOAD) -> tuple[Predicate, ...]:
    text = document if isinstance(document, str) else json.dumps(document)
    return decode_snapshot(write_envelope(text, payload), KEYS, SCHEMA)


def expression(node: Any) -> Expression:
    return read(snapshot(predicate(node, mode="advisory")))[0].expression


def conjunction(depth: int) -> dict[str, Any]:
    """Conditions nested ``depth`` deep, the column counted."""
    node = dict(B)
    for _ in range(depth - 1):
        node = {"node": "not", "expression": node}
    return node


# What is right


def test_every_node_is_read() -> None:
    i, s, b = (column(SCHEMA, name) for name in ("i", "s", "b"))
    five = literal(5, INTEGER)
    eq = Comparison("eq", i, five)
    ones = values([1, None], INTEGER)
    expected: list[tuple[Any, Expression]] = [
        (B, b),
        (
            {"node": "field_ref", "expression": ST, "field_index": 1, "field_name": "f"},
            field(column(SCHEMA, "st"), "f"),
        ),
        (EQ, eq),
        ({"node": "and", "children": [B, EQ]}, And((b, eq))),
        ({"node": "or", "children": [B, EQ, B]}, Or((b, eq, b))),
        ({"node": "not", "expression": B}, Not(b)),
        ({"node": "is_null", "expression": NUMBER, "negated": True}, IsNull(i, True)),
        (in_({"kind": "literal", "value_ref": 1}, negated=True), In(i, ones, True)),
        (in_(external()), In(i, values([1, 2], INTEGER))),
        ({"node": "cast", "expression": NUMBER, "type_ref": 2}, Cast(i, BOOLEAN)),
        (CALL, Call("contains", (s, s))),
        (
            {"node": "call", "function": "list_contains", "arguments": [LI, NUMBER]},
            Call("list_contains", (column(SCHEMA, "li"), i)),
        ),
        (
            {"node": "call", "function": IDENTITY, "arguments": [NUMBER, NUMBER], "options": {}},
            Unknown("function duckdb.spatial/intersects_extent@1", BOOLEAN),
        ),
        (RUNTIME, Unknown("runtime filter duckdb.runtime_filter/bloom@1", BOOLEAN)),
    ]
    for node, tree in expected:
        assert expression(node) == tree


def test_members_of_a_predicate_are_read() -> None:
    (read_,) = read(snapshot(predicate(EQ, id="é" * 64, mode="advisory", source="join")))
    assert (read_.id, read_.required, read_.revision, read_.source) == ("é" * 64, False, 0, "join")


def test_a_delta_is_read() -> None:
    document = delta(upsert(revision=7), {"operation": "remove", "id": "x", "revision": 2})
    changed, removed = decode_delta(write_envelope(json.dumps(document), PAYLOAD), SCHEMA)
    assert changed.predicate is not None
    assert (changed.id, changed.revision, changed.predicate.revision, changed.predicate.required) == (
        "query:0",
        7,
        7,
        False,
    )
    assert removed == Update("x", 2, None)


def test_the_limits_themselves_are_allowed() -> None:
    assert expression(conjunction(MAX_DEPTH))
    many = [predicate(B, id=str(i)) for i in range(MAX_PREDICATES)]
    assert len(read(snapshot(*many))) == MAX_PREDICATES
    assert expression({"node": "or", "children": [B] * (MAX_NODES - 1)})
    padded = json.dumps(snapshot(predicate(EQ)))
    assert read(padded + " " * (MAX_DOCUMENT_BYTES - len(padded)))


def test_payload_columns_may_come_in_any_order() -> None:
    assert read(snapshot(predicate(EQ)), PAYLOAD[::-1]) == read(snapshot(predicate(EQ)))


def test_a_document_whose_type_is_mislabelled_is_recovered() -> None:
    """With ``arrow_large_buffer_size``, 64-bit offsets stand under a 32-bit type (spec 07, section 5)."""
    large = pa.array([json.dumps(snapshot(predicate(EQ)))], pa.large_utf8())
    _, offsets, data = large.buffers()
    document = pa.Array.from_buffers(pa.utf8(), 1, [None, offsets, data])
    assert document[0].as_py() == ""
    fields = [pa.field("filter_spec", pa.utf8(), nullable=False), pa.field("value_0", pa.large_utf8())]
    batch = pa.record_batch([document, pa.array(["x"], pa.large_utf8())], schema=pa.schema(fields, metadata=METADATA))
    (read_,) = decode_snapshot(unaligned(batch, offsets, data), (), SCHEMA)
    assert str(read_) == "i = 'x'"


def unaligned(batch: pa.RecordBatch, offsets: pa.Buffer, data: pa.Buffer) -> bytes:
    """``batch`` as the client writes it: Arrow itself would write the offsets that the type allows."""
    wide = batch.schema.set(0, pa.field("filter_spec", pa.large_utf8(), nullable=False))
    text = pa.Array.from_buffers(pa.large_utf8(), 1, [None, offsets, data])
    stream = encode_batch(pa.RecordBatch.from_arrays([text, *batch.columns[1:]], schema=wide))
    narrow = batch.schema.serialize().to_pybytes()
    with pa.ipc.open_stream(stream) as reader:
        head = len(reader.schema.serialize())
    together: bytes = narrow + stream[head:]
    return together


# What is wrong: the document

DOCUMENTS: dict[str, tuple[Any, str]] = {
    "an empty text": ("", "its document is empty"),
    "no JSON": ("{", "no JSON"),
    "trailing data": (json.dumps(snapshot()) + "{}", "no JSON"),
    "a second document": (json.dumps(snapshot()) + "\n" + json.dumps(snapshot()), "no JSON"),
    "a list": ([], "the document must be an object"),
    "null": ("null", "the document must be an object"),
    "NaN": (json.dumps(snapshot()).replace("[]", "[NaN]"), "NaN is no JSON number"),
    "infinity": (json.dumps(snapshot()).replace("[]", "[-Infinity]"), "-Infinity is no JSON number"),
    "a number too large": (json.dumps(snapshot()).replace("[]", "[1e999]"), "a number is too large"),
    "an integer without end": (json.dumps(snapshot()).replace("[]", f"[{'9' * 5000}]"), "no JSON"),
    "a key twice": ('{"kind":"snapshot",' + json.dumps(snapshot())[1:], "has a key twice"),
    "a key twice deep inside": (
        json.dumps(snapshot(predicate(EQ))).replace('"op": "eq"', '"op": "eq", "op": "ne"'),
        "has a key twice",
    ),
    "brackets without end": ("[" * 500_000, "no JSON"),
    "objects without end": ('{"a":' * 100_000, "no JSON"),
    "more than it may hold": (" " * (MAX_DOCUMENT_BYTES + 1), "more than 1048576 bytes"),
    "more bytes than characters": ('"' + "é" * (MAX_DOCUMENT_BYTES // 2) + '"', "more than 1048576 bytes"),
    "another encoding": (snapshot() | {"encoding": "vgi.filters.v1"}, "encoding must be vgi.filters.v2"),
    "other semantics": (snapshot() | {"semantics": "x"}, "semantics must be vgi.duckdb.standard.v1"),
    "semantics of another type": (snapshot() | {"semantics": []}, "semantics must be"),
    "another kind": (snapshot() | {"kind": "snap"}, "kind must be snapshot"),
    "a delta": (delta(), "the document misses predicates"),
    "predicates that are no list": (snapshot() | {"predicates": {}}, "predicates must be a list"),
    "too many predicates": (
        snapshot(*(predicate(B, id=str(i)) for i in range(MAX_PREDICATES + 1))),
        "1025 predicates",
    ),
    "two predicates of one id": (snapshot(predicate(B), predicate(EQ)), "two predicates have one id"),
    "too many nodes together": (
        snapshot(*(predicate({"node": "and", "children": [B] * 5000}, id=id) for id in "ab")),
        "more than 10000 nodes",
    ),
    **{
        f"without {member}": (without(snapshot(), member), f"the document misses {member}")
        for member in ("encoding", "semantics", "kind", "predicates")
    },
    "an unknown member": (snapshot() | {"extra": 1}, r"the document has \['extra'\]"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_malformed_document_is_refused(name: str) -> None:
    document, message = DOCUMENTS[name]
    with pytest.raises(FilterError, match=message):
        read(document)


# What is wrong: a predicate

PREDICATES: dict[str, tuple[Any, str]] = {
    "no object": (7, "a predicate must be an object"),
    "an unknown member": (predicate(B, operation="upsert"), "a predicate has"),
    **{
        f"without {member}": (without(predicate(B), member), f"a predicate misses {member}")
        for member in ("id", "revision", "mode", "source", "expression")
    },
    "an empty id": (predicate(B, id=""), "no id"),
    "a long id": (predicate(B, id="é" * 64 + "x"), "no id"),
    "an id that is no text": (predicate(B, id=1), "no id"),
    "a revision": (predicate(B, revision=1), "of a snapshot has revision 1"),
    "a negative revision": (predicate(B, revision=-1), "a revision is a number"),
    "a revision that is a float": (predicate(B, revision=0.0), "a revision is a number"),
    "a revision that is a boolean": (predicate(B, revision=False), "a revision is a number"),
    "an unknown mode": (predicate(B, mode="maybe"), "no mode"),
    "a mode that is a list": (predicate(B, mode=[]), "no mode"),
    "an unknown source": (predicate(B, source="moon"), "no source"),
    "a source that is an object": (predicate(B, source={}), "no source"),
    "a root that is no condition": (predicate(NUMBER), "its type is int32"),
    "a literal root that is no condition": (predicate(LITERAL), "its type is int32"),
    "a cast root that is no condition": (predicate(CAST), "its type is int64"),
    "a required runtime filter": (predicate(RUNTIME), "cannot be required"),
}


@pytest.mark.parametrize("name", PREDICATES)
def test_a_malformed_predicate_is_refused(name: str) -> None:
    item, message = PREDICATES[name]
    with pytest.raises(FilterError, match=message):
        read(snapshot(item))


# What is wrong: an expression

MEMBERS: list[dict[str, Any]] = [
    NUMBER,
    {"node": "field_ref", "expression": ST, "field_index": 1, "field_name": "f"},
    LITERAL,
    EQ,
    {"node": "and", "children": [B, B]},
    {"node": "or", "children": [B, B]},
    {"node": "not", "expression": B},
    {"node": "is_null", "expression": NUMBER, "negated": True},
    in_({"kind": "literal", "value_ref": 1}),
    CAST,
    {"node": "arithmetic", "op": "add", "left": NUMBER, "right": NUMBER},
    {"node": "negate", "expression": NUMBER},
    CALL,
    RUNTIME,
]


@pytest.mark.parametrize("node", MEMBERS, ids=lambda node: node["node"])
def test_every_member_of_a_node_is_needed_and_no_other(node: dict[str, Any]) -> None:
    for member in node:
        with pytest.raises(FilterError, match=f"misses {member}|is no kind of node|is no .*function|None"):
            expression(without(node, member))
        others: list[Any] = [None, "zzz", -1, 1.5, [], [[]], {}, True, 1 << 70]
        for other in others:
            if not (member == "negated" and other is True):
                with pytest.raises(FilterError):
                    expression(node | {member: other})
    with pytest.raises(FilterError, match="has "):
        expression(node | {"extra": 0})


EXPRESSIONS: dict[str, tuple[Any, str]] = {
    "no object": ("b", "expected a node"),
    "no kind": ({}, "None is no kind"),
    "an unknown kind": ({"node": "like"}, "'like' is no kind"),
    "a kind that is a list": ({"node": []}, "is no kind"),
    "too deep": (conjunction(MAX_DEPTH + 1), "deeper than 64"),
    "far too deep": (conjunction(300), "deeper than 64|no JSON"),
    "too many nodes": ({"node": "or", "children": [B] * MAX_NODES}, "more than 10000 nodes"),
    "a column of another name": (B | {"column_name": "i"}, "no column 2 'i'"),
    "a column of another case": (B | {"column_name": "B"}, "no column 2 'B'"),
    "a column without name": (B | {"column_name": ""}, "no column 2"),
    "a column beyond the last": (B | {"column_index": 6}, "no column 6"),
    "a negative column": (B | {"column_index": -4}, "a column index is a number"),
    "a column index that is text": (B | {"column_index": "2"}, "a column index is a number"),
    "a field of no struct": (
        {"node": "field_ref", "expression": NUMBER, "field_index": 0, "field_name": "a"},
        "no field 0",
    ),
    "a field of another name": (
        {"node": "field_ref", "expression": ST, "field_index": 1, "field_name": "a"},
        "no field 1 'a'",
    ),
    "a field beyond the last": (
        {"node": "field_ref", "expression": ST, "field_index": 2, "field_name": "f"},
        "no field 2",
    ),
    "a value that did not come": (EQ | {"right": {"node": "literal", "value_ref": 9}}, "value_9, which it does not"),
    "a negative reference": (EQ | {"right": {"node": "literal", "value_ref": -1}}, "a reference is a number"),
    "an unknown comparison": (EQ | {"op": "like"}, "'like' is no comparison"),
    "a comparison that is a list": (EQ | {"op": []}, "is no comparison"),
    "and of one": ({"node": "and", "children": [B]}, "two children"),
    "or of none": ({"node": "or", "children": []}, "two children"),
    "children that are no list": ({"node": "or", "children": B}, "children must be a list"),
    "and of a number": ({"node": "and", "children": [B, NUMBER]}, "its type is int32"),
    "not of a text": ({"node": "not", "expression": S}, "its type is string"),
    "negated that is a number": ({"node": "is_null", "expression": NUMBER, "negated": 0}, "'negated' is true or false"),
    "a set that is no object": (in_([1, 2]), "no kind of set"),
    "a set of unknown kind": (in_({"kind": "bloom"}), "'bloom' is no kind of set"),
    "a set with more": (in_({"kind": "literal", "value_ref": 1, "x": 1}), "a set has"),
    "a set that misses something": (in_({"kind": "literal"}), "a set misses value_ref"),
    "a set that is no list": (in_({"kind": "literal", "value_ref": 0}), "a set is a list, not int32"),
    "a set that is NULL": (in_({"kind": "literal", "value_ref": 2}), "a set is a list"),
    "an external set that did not come": (in_(external(1)), "set 1 of 1"),
    "an external set beyond its columns": (in_(external(0, 1)), "no column 1"),
    "an external set of another name": (in_(external(name="s")), "no column 0 's'"),
    "an external set whose name is no text": (in_(external(name=None)), "no column 0"),
    "an external set with a negative index": (in_(external(-1)), "an index is a number"),
    "a type that did not come": (CAST | {"type_ref": 9}, "type_9"),
    "a cast of a date to a timestamp": (
        {"node": "is_null", "expression": {"node": "cast", "expression": D, "type_ref": 1}, "negated": False},
        "needs a session context",
    ),
    "a cast of a text to a timestamp": (
        {"node": "is_null", "expression": {"node": "cast", "expression": S, "type_ref": 1}, "negated": False},
        "needs a session context",
    ),
    "a cast of a date to a text": (
        {"node": "is_null", "expression": {"node": "cast", "expression": D, "type_ref": 3}, "negated": False},
        "needs a session context",
    ),
    "division": (
        EQ | {"left": {"node": "arithmetic", "op": "divide", "left": NUMBER, "right": NUMBER}},
        "'divide' needs a session context",
    ),
    "modulo": (
        EQ | {"left": {"node": "arithmetic", "op": "modulo", "left": NUMBER, "right": NUMBER}},
        "needs a session context",
    ),
    "an unknown function": (CALL | {"function": "like"}, "'like' is no standard function"),
    "a function that is a list": (CALL | {"function": []}, "is no standard function"),
    "one argument": (CALL | {"arguments": [S]}, "two arguments, not 1"),
    "three arguments": (CALL | {"arguments": [S, S, S]}, "two arguments, not 3"),
    "contains of a number": (CALL | {"arguments": [S, NUMBER]}, "contains does not take"),
    "list_contains of a text": (CALL | {"function": "list_contains"}, "list_contains does not take"),
    "options of a standard function": (CALL | {"options": {}}, "a call has"),
    "options that are not empty": (CALL | {"function": IDENTITY, "options": {"x": 1}}, "must be empty"),
    "an identity of version 0": (CALL | {"function": IDENTITY | {"version": 0}}, "identifies no function"),
    "an identity with a capital": (CALL | {"function": IDENTITY | {"name": "Bloom"}}, "identifies no function"),
    "an identity with a line break": (CALL | {"function": IDENTITY | {"name": "bloom\n"}}, "identifies no function"),
    "an identity with empty namespace": (CALL | {"function": IDENTITY | {"namespace": ""}}, "identifies no function"),
    "an identity without version": (CALL | {"function": without(IDENTITY, "version")}, "misses version"),
    "a runtime filter inside": ({"node": "not", "expression": RUNTIME}, "stands alone"),
    "a runtime filter without artifact": (RUNTIME | {"artifact_ref": 1}, "artifact_1"),
    "a runtime filter that does something to NULL": (RUNTIME | {"null_handling": "keep"}, "no handling of NULLs"),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_malformed_expression_is_refused(name: str) -> None:
    node, message = EXPRESSIONS[name]
    with pytest.raises(FilterError, match=message):
        expression(node)


# What is wrong: a delta

UPDATES: dict[str, tuple[list[Any], str]] = {
    "no object": ([[]], "None is no operation"),
    "no operation": ([predicate(EQ, mode="advisory")], "None is no operation"),
    "an unknown operation": ([upsert(operation="insert")], "'insert' is no operation"),
    "an operation that is a list": ([upsert(operation=[])], "no operation"),
    "a required change": ([upsert(mode="required")], "must be advisory"),
    "an id twice": ([upsert(), {"operation": "remove", "id": "query:0", "revision": 9}], "two predicates have one id"),
    "a removal with an expression": ([upsert(operation="remove")], "a removal has"),
    "a removal without revision": ([{"operation": "remove", "id": "x"}], "misses revision"),
    "a change with more": ([upsert(extra=1)], "has"),
    "an external set": ([upsert(expression=in_(external()))], "set 0 of 0"),
    "too many": ([upsert(id=str(i)) for i in range(MAX_PREDICATES + 1)], "1025 updates"),
}


@pytest.mark.parametrize("name", UPDATES)
def test_a_malformed_delta_is_refused(name: str) -> None:
    updates, message = UPDATES[name]
    with pytest.raises(FilterError, match=message):
        decode_delta(write_envelope(json.dumps(delta(*updates)), PAYLOAD), SCHEMA)


def test_a_snapshot_is_no_delta() -> None:
    with pytest.raises(FilterError, match="the document misses updates"):
        decode_delta(write_envelope(json.dumps(snapshot()), []), SCHEMA)


# What is wrong: the envelope

TEXT = json.dumps(snapshot())


def envelope(
    rows: Sequence[str | None] = (TEXT,),
    payload: Sequence[tuple[str, pa.Array]] = (),
    metadata: Mapping[bytes, bytes] | None = METADATA,
    name: str = "filter_spec",
    type: pa.DataType | None = None,
) -> bytes:
    type = type or pa.utf8()
    fields = [pa.field(name, type), *(pa.field(name, array.type) for name, array in payload)]
    arrays = [pa.array(rows, type), *(array for _, array in payload)]
    return encode_batch(pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields, metadata=metadata)))


def two_batches() -> bytes:
    with pa.ipc.open_stream(envelope()) as reader:
        batch = reader.read_next_batch()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
        writer.write_batch(batch)
    data: bytes = sink.getvalue().to_pybytes()
    return data


ONE = pa.array([1])
ENVELOPES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "malformed filter"),
    "no stream": (b"\xff" * 64, "malformed filter"),
    "half a stream": (envelope()[: len(envelope()) // 2], "malformed filter"),
    "a schema without rows": (
        pa.schema([("filter_spec", pa.utf8())], METADATA).serialize().to_pybytes(),
        "expected one row, got 0",
    ),
    "several batches": (two_batches(), "got 2"),
    "no row": (envelope([]), "expected one row, got 0"),
    "several rows": (envelope([TEXT, TEXT]), "expected one row, got 2"),
    "a document that is NULL": (envelope([None]), "its document is empty"),
    "an empty document": (envelope([""]), "its document is empty"),
    "no columns": (
        encode_batch(pa.RecordBatch.from_struct_array(pa.array([{}], pa.struct([]))).replace_schema_metadata(METADATA)),
        "its first column must be",
    ),
    "another first column": (envelope(name="spec"), "its first column must be"),
    "a first column that is no text": (envelope([b"x"], type=pa.binary()), "its first column must be"),  # type: ignore[list-item]
    "no metadata": (envelope(metadata=None), "vgi_filter_encoding is missing"),
    **{
        f"without {key.decode()}": (
            envelope(metadata={k: v for k, v in METADATA.items() if k != key}),
            f"{key.decode()} is missing",
        )
        for key in METADATA
    },
    "version 1": (envelope(metadata=METADATA | {b"vgi_filter_version": b"1"}), "vgi_filter_version is 1, expected 2"),
    "bytes for a version": (envelope(metadata=METADATA | {b"vgi_filter_version": b"\xff"}), "vgi_filter_version is"),
    "another encoding": (envelope(metadata=METADATA | {b"vgi_filter_encoding": b"x"}), "vgi_filter_encoding is x"),
    "a session context": (
        envelope(metadata=METADATA | {b"vgi_evaluation_context": b"vgi.duckdb.session.v1"}),
        "vgi_evaluation_context is vgi.duckdb.session.v1",
    ),
    **{
        f"a context with {key}": (envelope(metadata=METADATA | {key.encode(): b"x"}), f"{key} does not belong")
        for key in (
            "vgi_time_zone",
            "vgi_calendar",
            "vgi_default_collation",
            "vgi_ieee_floating_point_ops",
            "vgi_integer_division",
            "vgi_context_provider_fingerprint",
        )
    },
    **{
        f"the column {name!r}": (envelope(payload=[(name, ONE)]), "unknown column")
        for name in ("", "x", "value", "value_", "value_01", "value_-1", "value_1.5", "VALUE_1", "value_²", "value_١")
    },
    "a column number without end": (envelope(payload=[("value_" + "9" * 5000, ONE)]), "unknown column"),
    "a column twice": (envelope(payload=[("value_0", ONE), ("value_0", ONE)]), "twice"),
    "a second document": (envelope(payload=[("filter_spec", pa.array([TEXT]))]), "unknown column"),
    "a type with a value": (envelope(payload=[("type_0", ONE)]), "'type_0' carries a value"),
}


@pytest.mark.parametrize("name", ENVELOPES)
def test_a_malformed_envelope_is_refused(name: str) -> None:
    data, message = ENVELOPES[name]
    with pytest.raises(FilterError, match=message):
        decode_snapshot(data, (), SCHEMA)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (b"", "malformed set of join keys"),
        (write_join_keys("i", ONE)[:-40], "malformed set of join keys"),
        (encode_batch(pa.record_batch({"i": ONE})), "another version than 2"),
        (
            encode_batch(pa.record_batch({"i": ONE}).replace_schema_metadata({b"vgi_join_keys_version": b"3"})),
            "another version than 2",
        ),
    ],
)
def test_a_malformed_set_beside_is_refused(keys: bytes, message: str) -> None:
    document = json.dumps(snapshot(predicate(in_(external()))))
    with pytest.raises(FilterError, match=message):
        decode_snapshot(write_envelope(document, ()), [keys], SCHEMA)


# Hostile bytes


def recordings() -> list[tuple[bytes, bytes]]:
    """Snapshots and the set beside them, one of every payload that can be inconsistent."""
    i, s, li, st = (column(SCHEMA, name) for name in ("i", "s", "li", "st"))
    trees: list[Expression] = [
        And((Comparison("eq", Cast(i, BIGINT), literal(5, BIGINT)), IsNull(field(st, "a")))),
        Or((Call("starts_with", (s, literal("ä", VARCHAR))), In(s, values(["a", None, ""], VARCHAR), True))),
        Not(Call("list_contains", (li, literal(None, INTEGER)))),
        Comparison("ne", st, literal({"a": 1, "f": None}, STRUCT({"a": INTEGER, "f": BOOLEAN}))),
        Comparison("lt", literal(float("nan"), DOUBLE), literal(None, TIMESTAMP)),
    ]
    (large, (beside,)) = encode_snapshot([Predicate("query:0", In(i, values([*range(300)], INTEGER)))])
    return [(large, beside), *((encode_snapshot([Predicate("query:0", tree)])[0], beside) for tree in trees)]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """``data`` with a few bytes changed, cut out, doubled or cut off."""
    bytes_ = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        at = chance.randrange(len(bytes_) or 1)
        match chance.randrange(6) if len(bytes_) > at else 4:
            case 0:
                bytes_[at] ^= 1 << chance.randrange(8)
            case 1:
                bytes_[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, ord('"'), ord("{"), ord("9")))
            case 2:
                bytes_[at : at + 8] = chance.choice((-1, 0, 1 << 31, 1 << 62)).to_bytes(8, "little", signed=True)
            case 3:
                del bytes_[at : at + chance.randrange(1, 16)]
            case 4:
                bytes_[at:at] = bytes_[at : at + chance.randrange(1, 16)]
            case _:
                del bytes_[max(at, 1) :]
    return bytes(bytes_)


@pytest.mark.parametrize("which", range(6))
def test_hostile_bytes_are_read_or_refused(which: int) -> None:
    chance = random.Random(which)
    data, beside = recordings()[which]
    refused = 0
    for _ in range(3000):
        keys = mutated(beside, chance) if chance.randrange(4) == 0 else beside
        try:
            for read_ in decode_snapshot(mutated(data, chance), [keys], SCHEMA):
                assert str(read_)
        except FilterError:
            refused += 1
    assert refused > 1000


def test_hostile_documents_are_read_or_refused() -> None:
    """As above, but the bytes of the stream are right, so that the text is always reached."""
    chance = random.Random(7)
    text = json.dumps(snapshot(*(predicate(node, id=str(i), mode="advisory") for i, node in enumerate(MEMBERS[3:]))))
    refused = 0
    for _ in range(3000):
        document = mutated(text.encode(), chance).decode(errors="replace")
        try:
            read(document)
        except FilterError:
            refused += 1
    assert refused > 1000


@pytest.mark.parametrize("which", range(2))
def test_hostile_deltas_are_read_or_refused(which: int) -> None:
    chance = random.Random(which)
    tree = Comparison("lt", column(SCHEMA, "i"), literal(7, INTEGER))
    updates = [Update("top_n:0", 3, Predicate("top_n:0", tree, False, 3, "top_n")), Update("x", 1, None)]
    data = encode_delta(updates[which:])
    refused = 0
    for _ in range(2000):
        try:
            decode_delta(mutated(data, chance), SCHEMA)
        except FilterError:
            refused += 1
    assert refused > 500
