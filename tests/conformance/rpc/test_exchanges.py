"""Exchanges: streams that answer each batch with one (spec 01, section 9; spec 02, section 8.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duckwing.client.caller import OpenStream
from duckwing.rpc.errors import ProtocolError, RemoteError, RpcError
from duckwing.rpc.framing import Batch, batch_of_rows
from duckwing.rpc.method import Method, NoParams

from .declared import ADD, ADD_BARE, NUMBERS, PAIRS, REPEAT, TOTALS, WHICH, Add, Bare, Opened, Repeat, When, pairs
from .diaries import awaited_diary, diary
from .wires import Wire, unique

every_total = pytest.mark.parametrize("method", TOTALS, ids=lambda method: method.name)


def numbers(batch: Batch) -> list[int]:
    assert batch.data.schema.equals(NUMBERS)
    found: list[int] = batch.data["n"].to_pylist()
    return found


def assert_usable(wire: Wire) -> None:
    assert wire.client.call(WHICH, NoParams()) == "v1"


def test_a_batch_for_each_batch(wire: Wire) -> None:
    with wire.client.open(ADD, Add(10), PAIRS) as adding:
        assert adding.header == Opened("adding", None, {"kind": "adding"})
        assert numbers(adding.exchange(pairs(1, 2, 3))) == [11, 12, 13]
        assert numbers(adding.exchange(pairs())) == []
        assert numbers(adding.exchange(pairs(-10))) == [0]
        big = pairs(*range(100_000))
        assert numbers(adding.exchange(big)) == list(range(10, 100_010))
    assert_usable(wire)


def test_a_header_without_fields(wire: Wire) -> None:
    with wire.client.open(ADD_BARE, Add(1), PAIRS) as adding:
        assert adding.header == Bare()
        assert numbers(adding.exchange(pairs(1))) == [2]


def test_without_any_batch(wire: Wire) -> None:
    for _ in range(3):
        with wire.client.open(ADD, Add(), PAIRS) as adding:
            assert adding.header.title == "adding"
    assert_usable(wire)


@every_total
def test_a_stream_remembers(wire: Wire, method: Method[Add, Any]) -> None:
    with wire.client.open(method, Add(), PAIRS) as totalling:
        found = [numbers(totalling.exchange(pairs(n, n))) for n in range(20)]
        assert numbers(totalling.exchange(pairs())) == []
    assert found == [[n * (n + 1)] for n in range(20)]


@every_total
def test_streams_do_not_share_what_they_remember(wire: Wire, method: Method[Add, Any]) -> None:
    for _ in range(2):
        with wire.client.open(method, Add(), PAIRS) as totalling:
            assert numbers(totalling.exchange(pairs(7))) == [7]


def test_batches_bring_metadata(wire: Wire) -> None:
    sent = [{b"conformance.a": b"1"}, {}, {b"conformance.a": b"\x00\xff", b"conformance.b": b""}]
    with wire.client.open(ADD, Add(), PAIRS) as adding:
        found = [adding.exchange(pairs(1), metadata).metadata for metadata in sent]
    assert found == sent


def test_logs_come_before_the_batch(wire: Wire) -> None:
    with wire.client.open(ADD, Add(logs=2), PAIRS) as adding:
        for turn in range(3):
            before = len(wire.logs)
            adding.exchange(pairs(1))
            assert [log.message for log in wire.logs[before:]] == [f"turn {turn}, 0", f"turn {turn}, 1"]
            assert [log.extra for log in wire.logs[before:]] == [f'{{"turn": {turn}}}'] * 2
    assert [log.message for log in wire.logs[:2]] == ["opening, 0", "opening, 1"]
    assert len(wire.logs) == 8


# What fits


def test_columns_are_found_by_name_and_cast(wire: Wire) -> None:
    turned = pa.record_batch({"label": pa.array(["a"], pa.large_utf8()), "n": pa.array([4], pa.int8())})
    with wire.client.open(ADD, Add(1), turned.schema) as adding:
        assert numbers(adding.exchange(turned)) == [5]


@pytest.mark.parametrize(
    "sent",
    [
        pa.record_batch({"n": [1]}),
        pa.record_batch({"n": [1], "other": ["a"]}),
        pa.record_batch({"n": ["no number"], "label": ["a"]}),
        pa.record_batch({"n": [1], "label": ["a"], "more": [1]}),
        pa.record_batch([pa.array([1]), pa.array([2])], names=["n", "n"]),
    ],
    ids=["fewer", "name", "type", "more", "twice"],
)
def test_what_does_not_fit(wire: Wire, sent: pa.RecordBatch) -> None:
    with wire.client.open(ADD, Add(), sent.schema) as adding, pytest.raises(RemoteError) as caught:
        adding.exchange(sent)
    assert caught.value.type == "TypeError"
    assert caught.value.message.startswith("Input schema mismatch: expected (n: int64, label: string), got (")
    assert_usable(wire)


# Failures


def test_a_stream_that_does_not_open(wire: Wire) -> None:
    with pytest.raises(RemoteError, match="ServiceError: cannot open"):
        wire.client.open(ADD, Add(fails=When.OPENING), PAIRS)
    assert_usable(wire)


@pytest.mark.parametrize(
    ("fails", "type", "message"),
    [
        (When.TURN, "ServiceError", "cannot do turn {at}"),
        (When.EXIT, "SystemExit", "0"),
        (When.WRONG_SCHEMA, "OutputError", "Output schema mismatch in method 'add': declared (n: int64), got "),
    ],
)
@pytest.mark.parametrize("at", [0, 2])
def test_a_turn_that_fails(wire: Wire, fails: When, type: str, message: str, at: int) -> None:
    with wire.client.open(ADD, Add(fails=fails, at=at), PAIRS) as adding:
        for number in range(at):
            assert numbers(adding.exchange(pairs(number))) == [number]
        with pytest.raises(RemoteError) as caught:
            adding.exchange(pairs(1))
        with pytest.raises(ProtocolError, match="the stream is over"):
            adding.exchange(pairs(1))
    assert (caught.value.type, caught.value.kind) == (type, None)
    assert caught.value.message.startswith(message.format(at=at))
    assert_usable(wire)


def test_a_stream_that_ends_by_itself(wire: Wire) -> None:
    with (
        wire.client.open(ADD, Add(), PAIRS) as adding,
        pytest.raises(ProtocolError, match="ended the stream instead of answering"),
    ):
        adding.exchange(pairs(1, label="end"))
    assert_usable(wire)


@pytest.mark.parametrize("fails", [When.TURN, When.EXIT, When.WRONG_SCHEMA])
def test_logs_come_before_an_error(wire: Wire, fails: When) -> None:
    with wire.client.open(ADD, Add(logs=2, fails=fails, at=1), PAIRS) as adding:
        adding.exchange(pairs(1))
        with pytest.raises(RemoteError):
            adding.exchange(pairs(1))
    assert [log.message for log in wire.logs[-4:]] == ["turn 0, 0", "turn 0, 1", "turn 1, 0", "turn 1, 1"]


@pytest.mark.parametrize("fails", [When.TURN, When.EXIT, When.WRONG_SCHEMA, When.NEVER])
def test_clean_up_after_an_end_that_the_client_does_not_make(wire: Wire, fails: When) -> None:
    name = unique()
    with wire.client.open(ADD, Add(fails=fails, diary=name), PAIRS) as adding, pytest.raises(RpcError):
        adding.exchange(pairs(1, label="end"))
    assert diary(wire, name) == ["opened", "closed after 1"]


# The end


@pytest.mark.parametrize(
    "leave", [lambda stream: stream.close(), lambda stream: stream.cancel()], ids=["close", "cancel"]
)
@pytest.mark.parametrize("batches", [0, 2])
def test_clean_up(wire: Wire, leave: Callable[[OpenStream[Any]], None], batches: int) -> None:
    name = unique()
    with wire.client.open(ADD, Add(diary=name), PAIRS) as adding:
        for _ in range(batches):
            adding.exchange(pairs(1))
        leave(adding)
        with pytest.raises(ProtocolError, match="the stream is over"):
            adding.exchange(pairs(1))
    if wire.by_request:  # a client just sends no more (spec 02, section 8.3), and the stream is given up in time
        assert diary(wire, name)[0] == "opened"
    else:
        assert diary(wire, name) == ["opened", f"closed after {batches}"]
    assert_usable(wire)


def test_clean_up_that_fails(wire: Wire) -> None:
    name = unique()
    with wire.client.open(ADD, Add(1, fails=When.CLOSE, diary=name), PAIRS) as adding:
        assert numbers(adding.exchange(pairs(1))) == [2]
    if not wire.by_request:
        assert diary(wire, name) == ["opened", "closed after 1"]
    assert_usable(wire)


def test_a_client_that_goes_away(wire: Wire, connect: Callable[[], Wire]) -> None:
    if wire.by_request:
        pytest.skip("no connection belongs to a stream over HTTP: it is given up in time (spec 02, section 8.3)")
    name = unique()
    leaving = connect()
    adding = leaving.client.open(ADD, Add(diary=name), PAIRS)
    adding.exchange(pairs(1))
    leaving.close()
    assert awaited_diary(wire, name) == ["opened", "closed after 1"]


# Batches of any schema


LEAVES = st.sampled_from(
    [
        pa.null(),
        pa.bool_(),
        pa.int8(),
        pa.uint64(),
        pa.float32(),
        pa.utf8(),
        pa.large_utf8(),
        pa.string_view(),
        pa.binary(),
        pa.binary_view(),
        pa.binary(3),
        pa.date32(),
        pa.time64("ns"),
        pa.timestamp("ns", "Europe/Berlin"),
        pa.duration("ms"),
        pa.month_day_nano_interval(),
        pa.decimal128(20, 3),
        pa.decimal256(70, 1),
    ]
)


def nested(inner: st.SearchStrategy[pa.DataType]) -> st.SearchStrategy[pa.DataType]:
    return st.one_of(
        inner.map(pa.list_),
        inner.map(pa.large_list),
        inner.map(lambda type: pa.list_(type, 2)),
        inner.map(lambda type: pa.map_(pa.utf8(), type)),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda types: pa.struct([(f"f{n}", t) for n, t in enumerate(types)])
        ),
    )


TYPES = st.recursive(LEAVES, nested, max_leaves=4)


def filled(type: pa.DataType, rows: int) -> pa.Array:
    """An array of the type, half of it null at every level; what the values are does not matter here."""
    is_ = pa.types
    missing = pa.array([row % 2 == 1 for row in range(rows)], pa.bool_())
    if is_.is_fixed_size_list(type):
        return pa.FixedSizeListArray.from_arrays(
            filled(type.value_type, rows * type.list_size), type=type, mask=missing
        )
    if is_.is_map(type):
        offsets = pa.array(range(rows + 1), pa.int32())
        return pa.MapArray.from_arrays(
            offsets, pa.array(map(str, range(rows)), pa.utf8()), filled(type.item_type, rows), type
        )
    if is_.is_list(type) or is_.is_large_list(type):
        offsets = pa.array(range(0, 2 * rows + 1, 2), pa.int64() if is_.is_large_list(type) else pa.int32())
        kind = pa.LargeListArray if is_.is_large_list(type) else pa.ListArray
        return kind.from_arrays(offsets, filled(type.value_type, 2 * rows), type=type, mask=missing)
    if is_.is_struct(type):
        children = [filled(type.field(n).type, rows) for n in range(type.num_fields)]
        return pa.StructArray.from_arrays(children, fields=list(type), mask=missing)
    if is_.is_null(type):
        return pa.nulls(rows)
    if is_.is_interval(type):
        values: list[Any] = [pa.MonthDayNano([row, -row, row]) for row in range(rows)]
    elif is_.is_decimal(type) or is_.is_boolean(type):
        values = [row % 3 == 0 if is_.is_boolean(type) else row for row in range(rows)]
    elif is_.is_primitive(type):
        return (
            pa.array([None if row % 2 else row for row in range(rows)], pa.int64())
            .cast(pa.int32() if type.bit_width == 32 else pa.int64())
            .cast(type, safe=False)
        )
    elif is_.is_fixed_size_binary(type):
        values = [bytes([row % 256] * 3) for row in range(rows)]
    else:
        values = [str(row) * (row % 20) for row in range(rows)]
    return pa.array([None if row % 2 else value for row, value in enumerate(values)], type)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(TYPES, min_size=1, max_size=4), st.lists(st.integers(0, 20), min_size=1, max_size=3))
def repeated(wire: Wire, types: list[pa.DataType], sizes: list[int]) -> None:
    schema = pa.schema([pa.field(f"c{number}", type, metadata={"of": "it"}) for number, type in enumerate(types)])
    sent = [pa.RecordBatch.from_arrays([filled(type, rows) for type in types], schema=schema) for rows in sizes]
    assert_repeated(wire, schema, sent)


def assert_repeated(wire: Wire, schema: pa.Schema, sent: list[pa.RecordBatch]) -> None:
    with wire.client.open(REPEAT, Repeat(schema), schema) as repeating:
        assert repeating.header == Opened("repeating", len(schema), None)
        for batch in sent:
            answer = repeating.exchange(batch).data
            assert answer.schema.equals(schema, check_metadata=True)
            assert answer.num_rows == batch.num_rows
            assert answer.equals(batch)


def test_batches_of_any_type(wire: Wire) -> None:
    repeated(wire)


def test_dictionaries_that_change(wire: Wire) -> None:
    """A dictionary goes before its batch, and may be another one for the next (section 2.1)."""
    type = pa.dictionary(pa.int8(), pa.utf8())
    schema = pa.schema([pa.field("d", type), pa.field("l", pa.list_(type))])
    sent = []
    for values in (["a", "b", None], ["b", "c", "d"], [], ["a"]):
        column = pa.array(values, pa.utf8()).dictionary_encode().cast(type)
        offsets = pa.array(range(len(values) + 1), pa.int32())
        lists = pa.ListArray.from_arrays(offsets, column, type=pa.list_(type))
        sent.append(pa.RecordBatch.from_arrays([column, lists], schema=schema))
    assert_repeated(wire, schema, sent)


def test_unions(wire: Wire) -> None:
    codes = pa.array([0, 1, 0], pa.int8())
    children = [pa.array([1, 2, 3]), pa.array(["a", "b", "c"])]
    sparse = pa.UnionArray.from_sparse(codes, children, ["i", "s"])
    dense = pa.UnionArray.from_dense(codes, pa.array([0, 0, 1], pa.int32()), children, ["i", "s"])
    batch = pa.record_batch({"sparse": sparse, "dense": dense})
    assert_repeated(wire, batch.schema, [batch, batch.slice(0, 0), batch])


def test_rows_without_columns(wire: Wire) -> None:
    with wire.client.open(REPEAT, Repeat(pa.schema([]))) as repeating:
        for rows in (3, 0, 1000):
            answer = repeating.exchange(batch_of_rows(rows)).data
            assert (answer.num_rows, answer.num_columns) == (rows, 0)
