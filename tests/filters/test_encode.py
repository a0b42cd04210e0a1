"""What is written is what is read, and only that."""

from __future__ import annotations

import json
import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckwing.errors import FilterError
from duckwing.filters.decode import Update, decode_delta, decode_snapshot
from duckwing.filters.encode import INLINE_VALUES, encode_delta, encode_snapshot
from duckwing.filters.envelope import read_envelope
from duckwing.filters.tree import And, Cast, Comparison, Expression, In, Literal, Predicate, Unknown
from duckwing.types import BIGINT, BOOLEAN, DECIMAL, DOUBLE, INTEGER, STRUCT, UNION, VARCHAR

from .trees import column, field, literal, snapshots, values

SCHEMA = pa.schema([("i32", INTEGER), ("f64", DOUBLE), ("s", VARCHAR), ("st", STRUCT({"a": INTEGER}))])
I32, F64, S = (column(SCHEMA, name) for name in ("i32", "f64", "s"))


def snapshot(*expressions: Expression) -> tuple[bytes, tuple[bytes, ...]]:
    return encode_snapshot([Predicate(f"query:{i}", part) for i, part in enumerate(expressions)])


def document(data: bytes) -> Any:
    return json.loads(read_envelope(data).document)


@given(snapshots())
@settings(max_examples=100, deadline=None)
def test_a_snapshot_is_read_as_it_was_written(drawn: tuple[pa.Schema, tuple[Predicate, ...]]) -> None:
    schema, predicates = drawn
    data, join_keys = encode_snapshot(predicates)
    assert decode_snapshot(data, join_keys, schema) == predicates


@given(snapshots(), st.integers(0, (1 << 63) - 1))
@settings(max_examples=30, deadline=None)
def test_a_delta_is_read_as_it_was_written(drawn: tuple[pa.Schema, tuple[Predicate, ...]], revision: int) -> None:
    schema, predicates = drawn
    updates = [
        Update(p.id, revision, Predicate(p.id, p.expression, False, revision, p.source) if p.required else None)
        for p in predicates
    ]
    assert decode_delta(encode_delta(updates), schema) == tuple(updates)


def test_the_document_is_what_the_client_sends() -> None:
    """Spec 07, section 9, row 1."""
    data, join_keys = snapshot(Comparison("eq", I32, literal(5, INTEGER)))
    envelope = read_envelope(data)
    assert envelope.document == (
        '{"encoding":"vgi.filters.v2","semantics":"vgi.duckdb.standard.v1","kind":"snapshot","predicates":'
        '[{"id":"query:0","revision":0,"mode":"required","source":"query","expression":'
        '{"node":"comparison","op":"eq","left":{"node":"column_ref","column_index":0,"column_name":"i32"},'
        '"right":{"node":"literal","value_ref":0}}}]}'
    )
    assert envelope.value(0).equals(pa.scalar(5, pa.int32()))
    assert join_keys == ()
    assert not envelope.payload.schema.field("filter_spec").nullable
    assert envelope.payload.schema.field("value_0").nullable


def test_values_and_types_are_numbered_apart_across_predicates() -> None:
    data, _ = snapshot(
        Comparison("gt", Cast(I32, BIGINT), literal(1, BIGINT)),
        Comparison("lt", Cast(F64, DECIMAL(9, 2)), literal(None, DECIMAL(9, 2))),
    )
    envelope = read_envelope(data)
    assert sorted(envelope.payload.schema.names) == ["filter_spec", "type_0", "type_1", "value_0", "value_1"]
    assert envelope.type(0) == BIGINT
    assert envelope.type(1) == DECIMAL(9, 2)
    assert not envelope.value(1).is_valid


@pytest.mark.parametrize("count", [0, 1, INLINE_VALUES])
def test_a_small_set_is_inside(count: int) -> None:
    data, join_keys = snapshot(In(I32, values([*range(count)], INTEGER)))
    assert join_keys == ()
    assert document(data)["predicates"][0]["expression"]["set"] == {"kind": "literal", "value_ref": 0}
    assert read_envelope(data).value(0).type == pa.list_(pa.field("l", pa.int32()))


def test_a_large_set_travels_beside_under_the_name_of_its_column() -> None:
    struct = field(column(SCHEMA, "st"), "a")
    large = values([*range(INLINE_VALUES), None], INTEGER)
    sets = [In(I32, large), In(struct, large), In(literal(3, INTEGER), large)]
    data, join_keys = snapshot(*sets)
    written = [predicate["expression"]["set"] for predicate in document(data)["predicates"]]
    assert [item["column_name"] for item in written] == ["i32", "st", "value"]
    assert [item["batch_index"] for item in written] == [0, 1, 2]
    with pa.ipc.open_stream(join_keys[1]) as reader:
        assert reader.schema.metadata == {b"vgi_join_keys_version": b"2"}
        assert reader.schema.names == ["st"]
    assert [p.expression for p in decode_snapshot(data, join_keys, SCHEMA)] == sets


def test_the_large_set_of_not_in_stays_inside() -> None:
    """Spec 07, section 6."""
    expression = In(I32, values([*range(5000)], INTEGER), negated=True)
    data, join_keys = snapshot(expression)
    assert join_keys == ()
    assert decode_snapshot(data, (), SCHEMA)[0].expression == expression


def test_the_large_set_of_a_delta_stays_inside() -> None:
    update = Update("top_n:0", 3, Predicate("top_n:0", In(I32, values([*range(1000)], INTEGER)), False, 3, "top_n"))
    assert decode_delta(encode_delta([update]), SCHEMA) == (update,)


def test_nan_and_infinity_are_values_not_json() -> None:
    nan = And((Comparison("eq", F64, literal(math.nan, DOUBLE)), Comparison("lt", F64, literal(math.inf, DOUBLE))))
    (read,) = decode_snapshot(*snapshot(nan), SCHEMA)
    assert str(read) == str(nan)
    assert "nan" in str(read)


def test_nothing_is_not_the_same_as_no_snapshot() -> None:
    assert decode_snapshot(*encode_snapshot([]), SCHEMA) == ()
    assert decode_delta(encode_delta([]), SCHEMA) == ()


def test_names_need_not_be_ascii() -> None:
    schema = pa.schema([('"größe\N{DUCK}\x00', BOOLEAN)])
    data, join_keys = encode_snapshot([Predicate("ä", column(schema, schema.names[0]))])
    assert "größe\N{DUCK}" in read_envelope(data).document
    assert decode_snapshot(data, join_keys, schema)[0].expression == column(schema, schema.names[0])


def test_a_literal_of_any_arrow_form_keeps_it() -> None:
    forms = [
        pa.scalar("a", pa.large_utf8()),
        pa.scalar("a", pa.string_view()),
        pa.scalar(["a", None], pa.large_list(pa.utf8())),
        pa.scalar(1, pa.timestamp("ns", "Europe/Berlin")),
        pa.scalar(b"abc", pa.binary(3)),
        pa.scalar(None, pa.null()),
        pa.array(["x", "y"]).dictionary_encode()[1],
        pa.nulls(1, UNION({"a": BIGINT}))[0],
    ]
    comparisons = [Comparison("eq", I32, Literal(form)) for form in forms]
    assert [predicate.expression for predicate in decode_snapshot(*snapshot(*comparisons), SCHEMA)] == comparisons


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(FilterError, match="no form for function a/b@1"):
        snapshot(Unknown("function a/b@1", BOOLEAN))
