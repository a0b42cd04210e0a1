"""The service as a client sees it that shares nothing with Duckwing, so that both cannot be wrong in the same way."""

from __future__ import annotations

import base64
import re
import time

import pyarrow as pa
import pytest

from .foreign import (
    NO_PARAMETERS,
    PAIRS,
    PROTOCOL,
    TICK,
    TOKENS,
    Line,
    Message,
    Metadata,
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
    stream,
    word,
)
from .wires import Place, unique

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
        check_ids(messages, b"request 7")
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


def test_whose_messages_they_are(bytewise: Line) -> None:
    """All of a call have its id, those of its turns too (spec 01, section 3.3)."""
    for method, schema, batch, asked in (
        ("produce", TICK.schema, TICK, produce(9, logs=1, fails="TURN")),
        ("add", PAIRS, pairs(1), add(logs=1, fails="TURN")),
    ):
        for request_id in (b"request 7", b"request 8", None):
            metadata = {b"vgi_rpc.request_id": request_id}
            header, opened = bytewise.open(request(method, asked, metadata=metadata), schema)
            [*first, _], last = opened.turn(batch), opened.turn(batch)
            assert opened.end() == []
            assert (len(header.messages), len(first), len(last)) == (2, 1, 2)
            check_ids([*header.messages, *first, *last], request_id)


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


@pytest.mark.parametrize("method", ["produce", "produce_anywhere", "total", "total_anywhere"])
def test_whose_messages_they_are_over_http(pages: Pages, method: str) -> None:
    """All of a call have the id of the request that began it, whichever process says them (spec 01, section 3.3)."""
    for request_id in (b"request 7", None):
        batch = TICK if method.startswith("produce") else pairs(1)
        asked = produce(9, logs=1, lockstep=True, fails="TURN") if batch is TICK else add(logs=1, fails="TURN")
        page = pages.open(method, asked, {b"vgi_rpc.request_id": request_id} if request_id else None)
        header, found, tokens = page.streams[0].messages, page.messages, page.tokens
        check_ids(header, request_id)
        while not page.failed and TOKENS[0] in page.tokens:
            page = pages.turn(method, tokens, batch)
            found += page.streams[-1].messages
            tokens |= page.tokens
        said = [message for message in found if b"vgi_rpc.log_level" in message[1]]
        assert logs(said) == ["turn 0, 0", "turn 1, 0", "ServiceError: cannot do turn 1"]
        check_ids(said, request_id)


def test_whose_refusal_it_is(pages: Pages) -> None:
    """Also a request that has become no call is answered with its id (spec 01, section 3.1), once it has been read."""
    for request_id in (b"request 7", None):
        metadata = {b"vgi_rpc.request_id": request_id} if request_id else None
        page = pages.post("echo_int64", request("echo_int64", record(value=pa.array(["x"])), metadata=metadata))
        assert page.status == 400
        check_ids(page.messages, request_id)


def test_tokens_are_text(pages: Pages) -> None:
    tokens = pages.open("total", add()).tokens
    for value in tokens.values():
        assert base64.b64decode(value, validate=True)


# Tokens


STREAMS = {"produce": TICK, "produce_anywhere": TICK, "total": pairs(1), "total_anywhere": pairs(1)}

every_stream = pytest.mark.parametrize("method", STREAMS)


def tokens_of(pages: Pages, method: str, diary: str = "") -> dict[bytes, bytes]:
    """The tokens of a stream that gives a batch each turn."""
    asked = add(diary=diary) if STREAMS[method] is not TICK else produce(1000, lockstep=True, diary=diary)
    return pages.open(method, asked).tokens


def check_goes_on(pages: Pages, method: str, tokens: Metadata) -> None:
    """The stream is where it was: its first turn behind the one that opens it is still to come."""
    page = pages.turn(method, tokens, STREAMS[method])
    assert (page.status, page.failed) == (200, False)
    assert numbers(page.streams[-1].messages) == ([1] if STREAMS[method] is not TICK else [2, 3])


def check_refused(page: Page, text: str) -> None:
    """A turn that is none (spec 02, section 12.1)."""
    assert (page.status, page.failed, page.tokens) == (400, True, {})
    [message] = page.messages
    check_failure(message, text)


INVALID = "InvalidToken: Invalid state token; run the query again"

CANCEL = {b"vgi_rpc.cancel": b"1"}


def changed(token: bytes, place: int) -> bytes:
    """A token with another bit."""
    data = bytearray(base64.b64decode(token))
    data[place % len(data)] ^= 1
    return base64.b64encode(data)


@every_stream
def test_tokens_that_are_none(pages: Pages, method: str) -> None:
    """All are refused in the same words, and the stream goes on (spec 02, section 9.2)."""
    name = unique()
    tokens = tokens_of(pages, method, name)
    for key, token in tokens.items():
        wrong = [b"", b"no token", b"\xff\0", b"=", base64.b64encode(bytes(100)), token[:-4], token + b"AAAA"]
        wrong += [changed(token, place) for place in (0, 1, 20, 40, -1)]
        for each in wrong:
            for more in ({}, CANCEL):
                check_refused(pages.turn(method, {**tokens, key: each}, STREAMS[method], more), INVALID)
    assert diary(pages, name) == ["opened"]
    check_goes_on(pages, method, tokens)


@every_stream
def test_tokens_of_another_stream(pages: Pages, method: str) -> None:
    """The two belong together, and each has its purpose."""
    first, second = (tokens_of(pages, method) for _ in range(2))
    cursor, call = TOKENS
    for wrong in (
        {cursor: first[cursor], call: second[call]},
        {cursor: second[cursor], call: first[call]},
        {cursor: first[call], call: first[cursor]},
        {cursor: first[cursor], call: first[cursor]},
        {cursor: first[call], call: first[call]},
    ):
        for more in ({}, CANCEL):
            check_refused(pages.turn(method, wrong, STREAMS[method], more), INVALID)
    for tokens in (first, second):
        check_goes_on(pages, method, tokens)


@every_stream
def test_tokens_that_are_missing(pages: Pages, method: str) -> None:
    tokens = tokens_of(pages, method)
    for key in TOKENS:
        left = {other: token for other, token in tokens.items() if other != key}
        text = f"ProtocolError: The request of a turn carries no '{key.decode()}' in its metadata."
        for more in ({}, CANCEL):
            check_refused(pages.turn(method, left, STREAMS[method], more), text)
    check_goes_on(pages, method, tokens)


@every_stream
def test_tokens_of_another_method(pages: Pages, method: str) -> None:
    """A stream that has the same columns does not go on with it either."""
    tokens = tokens_of(pages, method)
    for other in {*STREAMS, "add", "produce_bare"} - {method}:
        for more in ({}, CANCEL):
            page = pages.turn(other, tokens, STREAMS[method], more)
            check_refused(page, f"ProtocolError: The stream is one of method '{method}', not of '{other}'.")
    for path, status in (("which/exchange", 400), ("no_such/exchange", 404)):
        page = pages.post(path, stream(STREAMS[method], tokens))
        assert (page.status, page.failed) == (status, True)
    page = pages.post(f"{method}/exchange", stream(STREAMS[method], tokens), "duckwing.conformance.v2")
    assert (page.status, page.failed) == (404, True)
    check_goes_on(pages, method, tokens)


@pytest.fixture(scope="module")
def guarded(service: Place) -> Place:
    """The service, where callers have names."""
    if not service.by_request:
        pytest.skip("only HTTP has tokens, and callers with names")
    return Place(service.transport, {"VGI_BEARER_TOKENS": "one=alice,two=bob"})


@every_stream
def test_tokens_of_another_caller(guarded: Place, method: str) -> None:
    """Whoever has got hold of them (spec 02, section 9.2)."""
    alice, bob = (guarded.pages({"Authorization": f"Bearer {token}"}) for token in ("one", "two"))
    tokens = tokens_of(alice, method)
    body = stream(STREAMS[method], tokens)
    for more in ({}, CANCEL):
        check_refused(bob.turn(method, tokens, STREAMS[method], more), INVALID)
        assert guarded.pages().send(f"{PROTOCOL}/{method}/exchange", body)[0] == 401
    check_goes_on(alice, method, tokens)
    check_goes_on(bob, method, tokens_of(bob, method))


# Sizes


LEAST = 65_536


@pytest.fixture
def small(service: Place, pages: Pages) -> Pages:
    """A client that takes no more than it must (spec 02, section 10.2)."""
    return service.pages({"VGI-Accept-Max-Response-Bytes": str(LEAST)})


def check_too_large(page: Page, method: str) -> None:
    assert (page.status, page.failed, page.tokens) == (200, True, {})
    [message] = page.messages
    text = logs([message])[0]
    assert re.fullmatch(
        rf"ResponseTooLargeError: HTTP body exceeds max_response_bytes \(\d+ > \d+\) for method '{method}'.*", text
    )


def test_a_result_that_is_too_large(pages: Pages, small: Pages) -> None:
    body = request("make_binary", record(bytes=pa.array([LEAST])))
    check_too_large(small.post("make_binary", body), "make_binary")
    assert len(pages.post("make_binary", body).messages[0][0][0]["result"]) == LEAST
    fits = small.post("make_binary", request("make_binary", record(bytes=pa.array([LEAST - 2048]))))
    assert len(fits.messages[0][0][0]["result"]) == LEAST - 2048


def test_an_answer_that_is_too_large(pages: Pages, small: Pages) -> None:
    """The limit is that of the request that opened the stream, or a smaller one of the turn."""
    many = pairs(*range(LEAST // 8))
    for opening, turning in ((pages, small), (small, pages)):
        check_too_large(turning.turn("add", opening.open("add", add()).tokens, many), "add")
    page = pages.turn("add", pages.open("add", add()).tokens, many)
    assert numbers(page.streams[-1].messages) == list(range(LEAST // 8))


def test_a_small_answer_to_much(small: Pages) -> None:
    """It is the answer that has a limit, and not the question."""
    page = small.turn("total", small.open("total", add()).tokens, pairs(*range(LEAST)))
    assert numbers(page.streams[-1].messages) == [sum(range(LEAST))]


@pytest.mark.parametrize("method", ["produce", "produce_anywhere"])
def test_batches_that_are_too_large(pages: Pages, small: Pages, method: str) -> None:
    """They come in pieces, none of which is; so they do for a client that says it no more."""
    count = 50_000
    for after in (small, pages):
        page = small.open(method, produce(2, rows=count))
        found, tokens = page.messages, page.tokens
        while TOKENS[0] in page.tokens:
            assert page.size <= LEAST
            page = after.turn(method, tokens)
            found += page.messages
            tokens |= page.tokens
        assert page.size <= LEAST
        assert numbers(found) == list(range(2 * count))


def test_requests_that_are_too_large(pages: Pages, service: Place) -> None:
    """Spec 02, section 10.1."""
    strict = Place(service.transport, arguments=("--max-request-bytes", str(LEAST))).pages()
    body = request("echo_binary", record(value=pa.array([bytes(LEAST)], pa.binary())))
    status, headers, _ = strict.send(f"{PROTOCOL}/echo_binary", body)
    assert (status, headers["vgi-max-request-bytes"]) == (413, str(LEAST))
    fits = request("echo_binary", record(value=pa.array([bytes(LEAST - 2048)], pa.binary())))
    assert strict.post("echo_binary", fits).messages[0][0] == [{"result": bytes(LEAST - 2048)}]
    assert len(pages.post("echo_binary", body).messages[0][0][0]["result"]) == LEAST
