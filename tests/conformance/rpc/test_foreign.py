"""The service as a client sees it that shares nothing with Duckwing, so that both cannot be wrong in the same way."""

from __future__ import annotations

import base64
import time

import pyarrow as pa
import pytest

from .foreign import (
    NO_PARAMETERS,
    PAIRS,
    TICK,
    TOKENS,
    Line,
    Message,
    Page,
    Pages,
    add,
    check_failure,
    check_ids,
    diary_of,
    logs,
    nothing,
    numbers,
    pairs,
    produce,
    record,
    request,
    word,
)
from .wires import unique

ID = {b"vgi_rpc.request_id": b"request 7"}

# Over bytes


def test_a_result(bytewise: Line) -> None:
    schema, messages = bytewise.call(request("log_every_level", NO_PARAMETERS, metadata=ID))
    assert schema.names == []
    levels = [m[b"vgi_rpc.log_level"].decode() for _, m in messages[:-1]]
    assert levels == ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"]
    assert logs(messages) == [f"at {level}" for level in levels]
    check_ids(messages, b"request 7")
    check_ids(bytewise.call(request("log_every_level", NO_PARAMETERS)).messages)


def test_an_error(bytewise: Line) -> None:
    parameters = record(how=word("OWN"), logs=pa.array([1]))
    _, messages = bytewise.call(request("fail", parameters, metadata=ID))
    assert logs(messages) == ["about to fail 0", "ServiceError: of its own"]
    check_failure(messages[-1], "ServiceError: of its own")
    check_ids(messages, b"request 7")


def test_errors_that_have_a_kind(bytewise: Line) -> None:
    for changed, kind in (
        ({b"vgi_rpc.method": b"no_such"}, b"method_not_implemented"),
        ({b"vgi_rpc.protocol": b"no.such.v1"}, b"protocol_not_supported"),
        ({b"vgi_rpc.protocol_version": b"2.0.0"}, b"protocol_version_mismatch"),
    ):
        _, messages = bytewise.call(request("log_every_level", NO_PARAMETERS, metadata={**changed, **ID}))
        assert messages[-1][1].get(b"vgi_rpc.error_kind") == kind
    assert len(bytewise.call(request("log_every_level", NO_PARAMETERS)).messages) == 6


def test_a_producer(bytewise: Line) -> None:
    header, opened = bytewise.open(request("produce", produce(2, logs=1), metadata=ID), TICK.schema)
    assert header.schema.names == ["title", "total", "tags"]
    assert logs(header.messages) == ["opening, 0"]
    assert header.messages[-1][0][0]["total"] == 2
    turns = [opened.turn(TICK) for _ in range(3)]
    assert [numbers(turn) for turn in turns] == [[0, 1], [2, 3], []]
    assert [logs(turn) for turn in turns] == [["turn 0, 0"], ["turn 1, 0"], ["end, 0"]]
    assert opened.end() == []
    said = [message for turn in turns for message in turn if b"vgi_rpc.log_level" in message[1]]
    check_ids([*header.messages, *said], b"request 7")


def test_a_producer_that_is_cancelled(bytewise: Line) -> None:
    name = unique()
    _, opened = bytewise.open(request("produce", produce(9, lockstep=True, diary=name)), TICK.schema)
    assert numbers(opened.turn(TICK)) == [0, 1]
    assert opened.turn(TICK, {b"vgi_rpc.cancel": b"1"}) == []
    assert opened.end() == []
    assert diary_of(bytewise.call(request("diary", record(name=pa.array([name]))))) == ["opened", "closed after 1"]


def test_a_producer_that_fails(bytewise: Line) -> None:
    _, opened = bytewise.open(request("produce", produce(9, logs=1, fails="TURN")), TICK.schema)
    assert numbers(opened.turn(TICK)) == [0, 1]
    failed = opened.turn(TICK)
    assert logs(failed) == ["turn 1, 0", "ServiceError: cannot do turn 1"]
    check_failure(failed[-1], "ServiceError: cannot do turn 1")
    assert opened.end() == []
    assert len(bytewise.call(request("log_every_level", NO_PARAMETERS)).messages) == 6


def test_an_exchange(bytewise: Line) -> None:
    _, opened = bytewise.open(request("add", add(amount=10, logs=1)), PAIRS)
    answers = [opened.turn(batch, {b"conformance.x": b"y"}) for batch in (pairs(1, 2), nothing(PAIRS), pairs(3))]
    assert [numbers(answer) for answer in answers] == [[11, 12], [], [13]]
    assert [logs(answer) for answer in answers] == [["turn 0, 0"], ["turn 1, 0"], ["turn 2, 0"]]
    assert all(answer[-1][1][b"conformance.x"] == b"y" for answer in answers)
    assert opened.end() == []


# Over HTTP


def diary(pages: Pages, name: str) -> list[str]:
    page = pages.post("diary", request("diary", record(name=pa.array([name]))))
    return diary_of(page.streams[-1])


def test_a_result_over_http(pages: Pages) -> None:
    page = pages.post("log_every_level", request("log_every_level", NO_PARAMETERS, metadata=ID))
    assert (page.status, page.failed, len(page.streams)) == (200, False, 1)
    assert len(logs(page.messages)) == 5
    check_ids(page.messages, b"request 7")


def test_an_error_over_http(pages: Pages) -> None:
    page = pages.post("fail", request("fail", record(how=word("OWN"), logs=pa.array([0])), metadata=ID))
    assert (page.status, page.failed) == (200, True)
    check_failure(page.messages[-1], "ServiceError: of its own")
    check_ids(page.messages, b"request 7")


def everything(pages: Pages, method: str, page: Page) -> list[Message]:
    """All messages of a producer, to its end."""
    found, tokens = page.messages, page.tokens
    assert not tokens or set(tokens) == set(TOKENS)
    for _ in range(100):
        if TOKENS[0] not in page.tokens:
            return found
        page = pages.turn(method, tokens)
        assert (page.status, len(page.streams)) == (200, 1)
        assert TOKENS[1] not in page.tokens
        found += page.messages
        tokens |= page.tokens
    raise AssertionError("a stream that does not end")


@pytest.mark.parametrize("lockstep", [False, True])
@pytest.mark.parametrize("method", ["produce", "produce_anywhere"])
def test_a_producer_over_http(pages: Pages, method: str, lockstep: bool) -> None:
    """Its log messages come once, whichever process goes on with it."""
    parameters = produce(4, logs=1, lockstep=lockstep)
    page = pages.open(method, parameters)
    assert logs(page.streams[0].messages) == ["opening, 0"]
    found = everything(pages, method, page)
    assert numbers(found) == list(range(8))
    assert logs(found) == ["turn 0, 0", "turn 1, 0", "turn 2, 0", "turn 3, 0", "end, 0"]


@pytest.mark.parametrize("method", ["produce", "produce_anywhere"])
def test_a_turn_of_a_producer_that_is_asked_for_twice(pages: Pages, method: str) -> None:
    name = unique()
    parameters = produce(3, logs=1, lockstep=True, diary=name)
    page = pages.open(method, parameters)
    found, tokens = page.messages, page.tokens
    while TOKENS[0] in page.tokens:
        page, again = (pages.turn(method, tokens) for _ in range(2))
        assert [(rows, logs([(rows, m)])) for rows, m in page.messages] == [
            (rows, logs([(rows, m)])) for rows, m in again.messages
        ]
        found += page.messages
        tokens |= page.tokens
    assert numbers(found) == list(range(6))
    assert logs(found) == ["turn 0, 0", "turn 1, 0", "turn 2, 0", "end, 0"]
    if method == "produce":  # the other one may be kept for a while by every process that has had to do with it
        check_all_closed(pages, name)


@pytest.mark.parametrize("method", ["add", "total", "total_anywhere"])
def test_a_turn_of_an_exchange_that_is_asked_for_twice(pages: Pages, method: str) -> None:
    """Its client may not have got the answer (spec 02, section 12.3)."""
    page = pages.open(method, add(logs=1))
    tokens = page.tokens
    assert set(tokens) == set(TOKENS)
    total = 0
    for turn in range(4):
        replies = [pages.turn(method, tokens, pairs(turn + 1)) for _ in range(3)]
        total += turn + 1
        expected = turn + 1 if method == "add" else total
        assert [(numbers(reply.streams[-1].messages), reply.failed) for reply in replies] == [([expected], False)] * 3
        assert [logs(reply.streams[-1].messages) for reply in replies] == [[f"turn {turn}, 0"]] * 3
        tokens |= replies[turn % 3].tokens


def test_a_turn_of_long_ago(pages: Pages) -> None:
    """It cannot be taken again, and the stream goes on."""
    page = pages.open("total", add())
    begin = page.tokens
    tokens = begin | pages.turn("total", begin, pairs(1)).tokens
    tokens |= pages.turn("total", tokens, pairs(2)).tokens
    late = pages.turn("total", begin, pairs(1))
    assert (late.status, late.failed) == (200, True)
    assert "run the query again" in logs(late.messages)[-1]
    assert b"" not in [metadata.get(b"vgi_rpc.server_id") for _, metadata in late.messages]
    assert numbers(pages.turn("total", tokens, pairs(3)).streams[-1].messages) == [6]


def test_a_producer_that_is_cancelled_over_http(pages: Pages) -> None:
    name = unique()
    page = pages.open("produce", produce(9, lockstep=True, diary=name))
    page = pages.turn("produce", page.tokens, metadata={b"vgi_rpc.cancel": b"1"})
    assert (page.status, page.failed, page.messages) == (200, False, [])
    check_all_closed(pages, name)


def check_all_closed(pages: Pages, name: str) -> None:
    """Whatever was opened is closed, each once."""
    deadline = time.monotonic() + 60
    while True:
        entries = diary(pages, name)
        opened, ended = entries.count("opened"), sum(entry.startswith("closed") for entry in entries)
        assert ended <= opened
        if ended == opened > 0:
            return
        assert time.monotonic() < deadline, entries
        time.sleep(0.05)


def test_tokens_are_text(pages: Pages) -> None:
    tokens = pages.open("total", add()).tokens
    for value in tokens.values():
        assert base64.b64decode(value, validate=True)
