"""What a client sends before it knows better, and ends that come from its side alone (spec 01, sections 9 and 11).

Only connections of bytes have that: over HTTP each turn is a request, which is answered before the next one is sent.
"""

from __future__ import annotations

import pyarrow as pa
import pytest

from .diaries import awaited_diary
from .foreign import (
    END,
    NO_COLUMNS,
    NO_PARAMETERS,
    PAIRS,
    TICK,
    Line,
    Message,
    add,
    check_failure,
    diary_of,
    logs,
    numbers,
    pairs,
    produce,
    read,
    record,
    request,
    stream,
    stream_of,
    word,
    wrapped,
)
from .wires import Wire, unique

WHICH = request("which", NO_PARAMETERS)


def opening(method: str, parameters: pa.RecordBatch) -> bytes:
    """The request that opens a stream."""
    return request(method, wrapped(parameters) if method.endswith("_anywhere") else parameters)


def ticks(count: int) -> bytes:
    """All that the client of a producer sends."""
    return stream_of(NO_COLUMNS, *[TICK] * count)


def output(line: Line) -> list[Message]:
    """A stream's header, which is left out, and what follows it."""
    assert read(line.source).messages[-1][0] != []
    return read(line.source).messages


def check_usable(line: Line) -> None:
    """The next call is answered as if nothing had been."""
    assert line.call(WHICH).messages[-1][0] == [{"result": "v1"}]


def diary(line: Line, name: str) -> list[str]:
    return diary_of(line.call(request("diary", record(name=pa.array([name])))))


# What comes too late


@pytest.mark.parametrize("method", ["produce", "produce_anywhere"])
@pytest.mark.parametrize("batches", [0, 3])
def test_ticks_that_are_sent_ahead(bytewise: Line, method: str, batches: int) -> None:
    """Those behind the end are drained (section 9.3)."""
    name = unique()
    bytewise.send(opening(method, produce(batches, diary=name)) + ticks(batches + 50))
    assert numbers(output(bytewise)) == list(range(2 * batches))
    check_usable(bytewise)
    assert diary(bytewise, name) == ["opened", f"closed after {batches}"]


def test_ticks_that_come_after_the_end(bytewise: Line) -> None:
    """The client has seen the end of the answer, and a tick was on its way (section 9.2)."""
    _, opened = bytewise.open(request("produce", produce(1)), NO_COLUMNS)
    assert [numbers(opened.turn(TICK)) for _ in range(2)] == [[0, 1], []]
    for _ in range(3):
        opened.send(TICK)
    assert opened.end() == []
    check_usable(bytewise)


def test_ticks_behind_an_error(bytewise: Line) -> None:
    bytewise.send(request("produce", produce(9, fails="TURN")) + ticks(9))
    *before, failed = output(bytewise)
    assert numbers(before) == [0, 1]
    check_failure(failed, "ServiceError: cannot do turn 1")
    check_usable(bytewise)


@pytest.mark.parametrize("fails", ["TURN", "EXIT", "WRONG_SCHEMA"])
def test_batches_behind_an_error(bytewise: Line, fails: str) -> None:
    """They are added by nobody (section 9.4)."""
    name = unique()
    sent = stream_of(PAIRS, *(pairs(number) for number in range(9)))
    bytewise.send(request("total", add(fails=fails, diary=name)) + sent)
    *before, failed = output(bytewise)
    assert numbers(before) == [0]
    assert failed[1][b"vgi_rpc.log_level"] == b"EXCEPTION"
    check_usable(bytewise)
    assert diary(bytewise, name) == ["opened", "closed after 2"]


def test_batches_behind_an_end(bytewise: Line) -> None:
    sent = stream_of(PAIRS, pairs(5), pairs(6, label="end"), pairs(7), pairs(8))
    bytewise.send(request("add", add()) + sent)
    assert numbers(output(bytewise)) == [5]
    check_usable(bytewise)


@pytest.mark.parametrize("method", ["produce", "total"])
def test_what_is_sent_behind_a_cancel(bytewise: Line, method: str) -> None:
    """A cancel ends the stream, without an error (section 10)."""
    name = unique()
    batch = TICK if method == "produce" else pairs(1)
    asked = produce(9, diary=name) if method == "produce" else add(diary=name)
    begin, end = stream_of(batch.schema, batch, batch)[: -len(END)], stream_of(batch.schema, *[batch] * 5)
    cancel = stream(batch.slice(0, 0), {b"vgi_rpc.cancel": b""})
    schema = len(stream_of(batch.schema)) - len(END)
    bytewise.send(request(method, asked) + begin + cancel[schema : -len(END)] + end[schema:])
    assert numbers(output(bytewise)) == ([0, 1, 2, 3] if method == "produce" else [1, 2])
    check_usable(bytewise)
    assert diary(bytewise, name) == ["opened", "closed after 2"]


# The input of a stream that has not opened


INPUTS = {
    "no batch": ticks(0),
    "ticks": ticks(5),
    "batches": stream_of(PAIRS, pairs(1), pairs(2)),
}
NOT_OPENED = {
    "refused": (request("produce", produce(1, fails="OPENING")), "ServiceError: cannot open"),
    "refused, wrapped": (
        request("total_anywhere", wrapped(add(fails="OPENING"))),
        "ServiceError: cannot open",
    ),
    "parameters": (request("add", NO_PARAMETERS), "ProtocolError: Parameter schema mismatch for method 'add'"),
    "version": (
        request("add", add(), metadata={b"vgi_rpc.protocol_version": b"2.0.0"}),
        "ProtocolVersionError: VGI client/worker protocol_version mismatch.",
    ),
}


@pytest.mark.parametrize("sent", INPUTS)
@pytest.mark.parametrize("how", NOT_OPENED)
def test_input_of_a_stream_that_has_not_opened(bytewise: Line, how: str, sent: str) -> None:
    """The client had sent it before it read the error (section 9.4)."""
    body, text = NOT_OPENED[how]
    for _ in range(2):
        bytewise.send(body + INPUTS[sent])
        [message] = read(bytewise.source).messages
        assert logs([message])[0].startswith(text)
        check_usable(bytewise)


def test_one_input_is_skipped_and_no_request(bytewise: Line) -> None:
    body, _ = NOT_OPENED["refused"]
    bytewise.send(body + WHICH + body + ticks(1) + ticks(1) + WHICH)
    answers = [read(bytewise.source).messages for _ in range(5)]
    said = [logs(messages)[0].partition(":")[0] if logs(messages) else messages[0][0] for messages in answers]
    assert said == ["ServiceError", [{"result": "v1"}], "ServiceError", "ProtocolError", [{"result": "v1"}]]


def test_no_input_is_skipped_behind_a_call_that_opens_nothing(bytewise: Line) -> None:
    """It would be a request without a method (section 12)."""
    bytewise.send(request("fail", record(how=word("OWN"), logs=pa.array([0]))) + ticks(1))
    answers = [logs(read(bytewise.source).messages)[0] for _ in range(2)]
    assert answers[0] == "ServiceError: of its own"
    assert answers[1].startswith("ProtocolError: Missing 'vgi_rpc.method'")
    check_usable(bytewise)


# A client that sends no more


def rest(line: Line) -> bytes:
    """All that still comes, to the end of the connection."""
    found: bytes = line.source.read()
    return found


def test_no_more_calls(bytewise: Line) -> None:
    check_usable(bytewise)
    bytewise.leave()
    assert rest(bytewise) == b""


def test_no_calls_at_all(bytewise: Line) -> None:
    bytewise.leave()
    assert rest(bytewise) == b""


def test_an_answer_that_is_still_to_come(bytewise: Line) -> None:
    """However long it is (section 11.2)."""
    size = 4 << 20
    bytewise.send(request("make_binary", record(bytes=pa.array([size]))))
    bytewise.leave()
    assert len(read(bytewise.source).messages[0][0][0]["result"]) == size
    assert rest(bytewise) == b""


def test_a_request_that_is_cut_off(bytewise: Line) -> None:
    """It is not answered, and nothing is run."""
    check_usable(bytewise)
    bytewise.send(WHICH[: -len(END)])
    bytewise.leave()
    assert rest(bytewise) == b""


HELD = {
    "produce": (produce, TICK, [0, 1]),
    "produce_anywhere": (produce, TICK, [0, 1]),
    "add": (add, pairs(3), [3]),
    "total_anywhere": (add, pairs(3), [3]),
}


@pytest.mark.parametrize("turns", [0, 1, 4])
@pytest.mark.parametrize("method", HELD)
def test_a_stream_whose_client_sends_no_more(bytewise: Line, wire: Wire, method: str, turns: int) -> None:
    """It is closed, and the output gets its end (section 11.2)."""
    name = unique()
    make, batch, first = HELD[method]
    asked = produce(1000, lockstep=True, diary=name) if make is produce else add(diary=name)
    bytewise.send(opening(method, asked) + stream_of(batch.schema, *[batch] * turns)[: -len(END)])
    bytewise.leave()
    said = rest(bytewise)
    assert said.endswith(END)
    source = pa.BufferReader(said)
    header, answers = read(source), read(source)
    assert header.messages[-1][0] != []
    assert source.tell() == len(said)
    assert len(answers.messages) == turns
    assert numbers(answers.messages[:1]) == (first if turns else [])
    assert awaited_diary(wire, name) == ["opened", f"closed after {turns}"]


def test_a_client_that_leaves_between_two_turns(bytewise: Line, wire: Wire) -> None:
    """The service is waiting for the next batch by then."""
    name = unique()
    _, opened = bytewise.open(request("total", add(diary=name)), PAIRS)
    assert [numbers(opened.turn(pairs(n))) for n in (1, 2)] == [[1], [3]]
    bytewise.leave()
    assert rest(bytewise) == END
    assert awaited_diary(wire, name) == ["opened", "closed after 2"]


@pytest.mark.parametrize("missing", ["schema", "part of the schema", "part of a batch"])
def test_input_that_is_cut_off(bytewise: Line, wire: Wire, missing: str) -> None:
    """What has come of a message is run by nobody."""
    name = unique()
    sent = {
        "schema": b"",
        "part of the schema": stream_of(PAIRS)[: -len(END) - 4],
        "part of a batch": stream_of(PAIRS, pairs(1), pairs(2))[: -len(END) - 4],
    }[missing]
    bytewise.send(request("add", add(diary=name)) + sent)
    bytewise.leave()
    turns = 1 if missing == "part of a batch" else 0
    assert numbers(output(bytewise)) == [1] * turns
    assert rest(bytewise) == b""
    assert awaited_diary(wire, name) == ["opened", f"closed after {turns}"]


def test_a_cancel_and_no_more(bytewise: Line, wire: Wire) -> None:
    """As the extension abandons a scan: nothing comes behind the cancel (section 10)."""
    name = unique()
    _, opened = bytewise.open(request("produce", produce(1000, lockstep=True, diary=name)), NO_COLUMNS)
    assert numbers(opened.turn(TICK)) == [0, 1]
    opened.send(TICK, {b"vgi_rpc.cancel": b"1"})
    bytewise.leave()
    assert rest(bytewise) == END
    assert awaited_diary(wire, name) == ["opened", "closed after 1"]
