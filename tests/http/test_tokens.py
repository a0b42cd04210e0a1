"""Nobody can make, change, mix up or pass on what a client carries from turn to turn (spec 02, section 9)."""

from __future__ import annotations

import base64
import os
import random
from collections.abc import Iterator

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckwing.http import tokens
from duckwing.http.authentication import Presented
from duckwing.http.cursors import CALL_SECONDS, CURSOR_SECONDS, MAX_SKEW, Cursor, Cursors, ExpiredToken, OpenCall
from duckwing.http.tokens import InvalidToken, Sealer
from duckwing.rpc import keys
from duckwing.rpc.call import ANONYMOUS, Identity

from .serving import KEY, OTHER_KEY, Browserless, InThread, Reply, make_app, open_scan, request, serving
from .workers.served import served

OURS, THEIRS = bytes.fromhex(KEY), bytes.fromhex(OTHER_KEY)
ANN = Identity("bearer", "ann", True)
CALLERS = [
    ANN,
    ANONYMOUS,
    Identity("", "", True),
    Identity("bearer", "", True),
    Identity("bearer", "", False),
    Identity("bearer", "ann", False),
    Identity("jwt", "ann", True),
    Identity("bearer", "ann2", True),
    Identity("bearera", "nn", True),
    Identity("bearer", 'ann", "', True),
    Identity("bear\0er", "ann", True),
]
TEXT = "Invalid state token; run the query again"
SEALED = 1 + 16 + 12
"""Where the sealed part of a token begins."""


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def stream(cursors: Cursors, caller: Identity = ANN, protocol: str = "vgi.v2") -> tuple[bytes, bytes]:
    """The tokens of a new stream."""
    id_ = os.urandom(16)
    call = OpenCall(id_, 70_000, "init", b"schema" * 100, b"request" * 50, b"header")
    return cursors.cursor(Cursor(id_, bytes(16), 3, b"state"), protocol, caller), cursors.call(call, protocol, caller)


def read(cursors: Cursors, cursor: bytes, call: bytes, caller: Identity = ANN, protocol: str = "vgi.v2") -> OpenCall:
    """What a server does with the tokens of a request."""
    return cursors.read_call(call, cursors.read_cursor(cursor, protocol, caller), protocol, caller)


# One by one


def test_tokens_bring_back_what_they_were_made_of() -> None:
    cursors = Cursors(Sealer([OURS]))
    call = OpenCall(os.urandom(16), 2**60, "init", b"s" * 5000, bytes(3000), b"\0header")
    cursor = Cursor(call.id, os.urandom(16), 2**63, bytes(range(256)) * 20)
    token = cursors.cursor(cursor, "vgi.v2", ANN)
    assert cursors.read_cursor(token, "vgi.v2", ANN) == cursor
    assert cursors.read_call(cursors.call(call, "vgi.v2", ANN), cursor, "vgi.v2", ANN) == call
    assert base64.b64encode(base64.b64decode(token)) == token


def test_the_same_content_never_looks_the_same() -> None:
    sealer = Sealer([OURS])
    seen = {sealer.seal(b"the same", b"cursor") for _ in range(1000)}
    assert len(seen) == 1000
    assert not any(b"the same" in base64.b64decode(token) for token in seen)


def test_no_two_callers_can_use_the_same_token() -> None:
    cursors = Cursors(Sealer([OURS]))
    for owner in CALLERS:
        cursor, call = stream(cursors, owner)
        for caller in CALLERS:
            if caller == owner:
                assert read(cursors, cursor, call, caller).limit == 70_000
                continue
            with pytest.raises(InvalidToken, match=TEXT):
                cursors.read_cursor(cursor, "vgi.v2", caller)
            ours = Cursor(b"", b"", 0, b"")
            with pytest.raises(InvalidToken, match=TEXT):
                cursors.read_call(call, ours, "vgi.v2", caller)


def test_a_token_is_good_for_one_protocol() -> None:
    cursors = Cursors(Sealer([OURS]))
    cursor, call = stream(cursors)
    for protocol in ("vgi.v1", "", "vgi.v", "vgi.v2\0", "vgi.secret.v1"):
        with pytest.raises(InvalidToken, match=TEXT):
            read(cursors, cursor, call, protocol=protocol)


def test_the_two_tokens_are_not_the_same_kind() -> None:
    cursors = Cursors(Sealer([OURS]))
    cursor, call = stream(cursors)
    other_cursor, other_call = stream(cursors)
    for pair in ((call, cursor), (call, call), (cursor, cursor), (cursor, other_call), (other_cursor, call)):
        with pytest.raises(InvalidToken, match=TEXT):
            read(cursors, *pair)


@pytest.mark.parametrize("purpose", [b"call", b"curso", b"cursorx", b"", b"browser sign-in 1"])
def test_a_purpose_is_no_other_purpose(purpose: bytes) -> None:
    sealer = Sealer([OURS])
    with pytest.raises(InvalidToken, match=TEXT):
        sealer.open(sealer.seal(b"x", b"cursor"), purpose)


def test_tokens_expire() -> None:
    clock = Clock()
    cursors = Cursors(Sealer([OURS]), clock)
    cursor, call = stream(cursors)
    begun = clock.now
    clock.now = begun + CURSOR_SECONDS - 1
    read(cursors, cursor, call)
    clock.now = begun + CURSOR_SECONDS + 1
    with pytest.raises(ExpiredToken):
        read(cursors, cursor, call)
    clock.now = begun + CALL_SECONDS + 1
    id_ = os.urandom(16)
    fresh = cursors.cursor(Cursor(id_, bytes(16), 9, b""), "vgi.v2", ANN)
    clock.now = begun
    old = cursors.call(OpenCall(id_, 70_000, "init", b""), "vgi.v2", ANN)
    clock.now = begun + CALL_SECONDS + 1
    with pytest.raises(ExpiredToken):
        read(cursors, fresh, old)


def test_tokens_of_the_future_are_no_good() -> None:
    clock = Clock()
    cursors = Cursors(Sealer([OURS]), clock)
    cursor, call = stream(cursors)
    clock.now -= MAX_SKEW - 1
    read(cursors, cursor, call)
    clock.now -= 2
    with pytest.raises(InvalidToken):
        read(cursors, cursor, call)


def test_what_has_expired_is_told_only_to_whose_it_was() -> None:
    clock = Clock()
    cursors = Cursors(Sealer([OURS]), clock)
    cursor, _ = stream(cursors)
    clock.now += CURSOR_SECONDS + 1
    with pytest.raises(InvalidToken, match=TEXT) as caught:
        cursors.read_cursor(cursor, "vgi.v2", ANONYMOUS)
    assert not isinstance(caught.value, ExpiredToken)


def test_keys_can_be_rotated() -> None:
    new = os.urandom(32)
    cursor, call = stream(Cursors(Sealer([OURS])))
    both = Cursors(Sealer([new, OURS]))
    read(both, cursor, call)
    read(Cursors(Sealer([THEIRS, new, OURS])), cursor, call)
    with pytest.raises(InvalidToken, match=TEXT):
        read(Cursors(Sealer([new])), cursor, call)
    made = stream(both)
    read(Cursors(Sealer([new])), *made)
    with pytest.raises(InvalidToken, match=TEXT):
        read(Cursors(Sealer([OURS])), *made)


@pytest.mark.parametrize("keys", [[], [b""], [bytes(31)], [bytes(33)], [OURS, b"x"]])
def test_keys_of_the_wrong_size(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(keys)


def test_a_forked_process_seals_with_a_salt_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    sealer = Sealer([OURS])

    def salt() -> bytes:
        return base64.b64decode(sealer.seal(b"x", b"cursor"))[1:17]

    ours = salt()
    assert salt() == ours
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert salt() != ours


def test_a_salt_is_used_so_often_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_MESSAGES_PER_SALT", 10)
    sealer = Sealer([OURS])
    salts = [base64.b64decode(sealer.seal(b"x", b"cursor"))[1:17] for _ in range(25)]
    assert [len(set(salts[start : start + 10])) for start in (0, 10, 20)] == [1, 1, 1]
    assert len(set(salts)) == 3


def test_huge_tokens_are_not_even_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_TOKEN", 1000)
    monkeypatch.setattr(base64, "b64decode", lambda *_, **__: pytest.fail("it was decoded"))
    with pytest.raises(InvalidToken, match=TEXT):
        Sealer([OURS]).open(b"A" * 1001, b"cursor")


def test_a_sealed_bomb_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only who has the key could make one, but a limit that is never met costs nothing."""
    sealer = Sealer([OURS])
    monkeypatch.setattr(tokens, "MAX_PAYLOAD", 1 << 20)
    token = sealer.seal(bytes(64 << 20), b"cursor")
    assert len(token) < 100_000
    with pytest.raises(InvalidToken, match=TEXT):
        sealer.open(token, b"cursor")


# In thousands


def damaged(token: bytes, chance: random.Random) -> bytes:
    """Another text than ``token``, made of it."""
    raw = bytearray(base64.b64decode(token))
    how = chance.randrange(8)
    if how == 0:  # a bit
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    elif how == 1:
        del raw[chance.randrange(len(raw)) :]
    elif how == 2:
        del raw[: chance.randrange(1, len(raw))]
    elif how == 3:
        raw += chance.randbytes(chance.randrange(1, 40))
    elif how == 4:  # some bytes
        for _ in range(chance.randrange(1, 8)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
    elif how == 5:  # two of them, exchanged
        first, second = chance.randrange(len(raw)), chance.randrange(len(raw))
        raw[first], raw[second] = raw[second], raw[first]
    elif how == 6:  # the text
        text = bytearray(token)
        text[chance.randrange(len(text))] = chance.randrange(256)
        return bytes(text)
    else:
        place = chance.randrange(len(token))
        return token[:place] + chance.choice([b" ", b"\n", b"=", b"\0", b"-", b"\xff", b"=="]) + token[place:]
    return base64.b64encode(raw)


def test_ten_thousand_wrong_tokens_are_refused_with_one_text() -> None:
    chance = random.Random(7)
    cursors = Cursors(Sealer([OURS]))
    foreign = Cursors(Sealer([THEIRS]))
    texts: set[str] = set()
    refused = 0
    for _ in range(2500):
        cursor, call = stream(cursors)
        their_cursor, their_call = stream(foreign)
        other_cursor, other_call = stream(cursors)
        stranger = chance.choice(CALLERS[1:])
        wrong = [
            (damaged(cursor, chance), call, ANN),
            (cursor, damaged(call, chance), ANN),
            chance.choice([(their_cursor, their_call, ANN), (cursor, their_call, ANN), (their_cursor, call, ANN)]),
            chance.choice([(call, cursor, ANN), (cursor, other_call, ANN), (other_cursor, call, ANN)]),
            (cursor, call, stranger),
        ]
        for first, second, caller in wrong:
            if (first, second) == (cursor, call) and caller == ANN:
                continue  # what was put there was the same
            with pytest.raises(InvalidToken) as caught:
                read(cursors, first, second, caller)
            texts.add(str(caught.value))
            refused += 1
    assert refused > 10_000
    assert texts == {TEXT}


@settings(max_examples=300, deadline=None)
@given(token=st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(base64.b64encode)))
def test_anything_at_all_is_refused(token: bytes) -> None:
    with pytest.raises(InvalidToken, match=TEXT):
        Sealer([OURS]).open(token, b"cursor")


# Over HTTP


@pytest.fixture(scope="module")
def ann() -> Iterator[Browserless]:
    """A client whose name is Ann, of a server that believes everybody."""

    def check(presented: Presented) -> Identity:
        name = presented.headers.get("authorization", "")
        return Identity("bearer", name, True) if name else ANONYMOUS

    with serving(served, authenticate=check) as client:
        client.headers["Authorization"] = "ann"
        yield client


def refused(reply: Reply) -> str:
    assert reply.status == 400, reply
    assert reply.tokens == {}
    [batch] = reply.batches
    assert batch.data.num_rows == 0
    return batch.metadata[keys.LOG_MESSAGE].decode()


def test_hundreds_of_wrong_tokens_are_refused_with_status_400(ann: Browserless) -> None:
    chance = random.Random(11)
    first, second = (open_scan(ann, name, 9_000_000, 1000).tokens for name in ("numbers", "walk"))
    cursor, call = first[keys.STREAM_STATE], first[keys.CALL_STATE]
    with InThread(make_app(served, key=OTHER_KEY)) as other, Browserless(other.port) as stranger:
        foreign = open_scan(stranger, "walk", 1_000_000, 1000).tokens
    wrong = [
        foreign,
        {**first, keys.CALL_STATE: foreign[keys.CALL_STATE]},
        {**first, keys.CALL_STATE: second[keys.CALL_STATE]},
        {**second, keys.CALL_STATE: first[keys.CALL_STATE]},
        {keys.STREAM_STATE: call, keys.CALL_STATE: cursor},
        {keys.STREAM_STATE: cursor, keys.CALL_STATE: cursor},
        {**first, keys.STREAM_STATE: b""},
        {**first, keys.CALL_STATE: b"\xff\0"},
    ]
    for tokens_of in (first, second):
        for key, token in tokens_of.items():
            wrong += [{**tokens_of, key: damaged(token, chance)} for _ in range(60)]
    wrong = [each for each in wrong if each not in (first, second)]
    texts = {refused(ann.turn(each, **more)) for each in wrong for more in ({}, {"cancel": b"1"})}
    assert texts == {f"InvalidToken: {TEXT}"}
    for tokens_of in (first, second):
        assert ann.turn(tokens_of).error is None  # nobody's attempts have harmed the streams


def test_a_stream_belongs_to_its_caller(ann: Browserless) -> None:
    for name in ("numbers", "walk"):
        mine = open_scan(ann, name, 9_000_000, 1000).tokens
        for caller in ("bob", "an", "annn", ""):
            headers = {"Authorization": caller} if caller else {}
            with Browserless(*ann.ports, headers=headers) as stranger:
                assert TEXT in refused(stranger.turn(mine))
                assert TEXT in refused(stranger.turn(mine, cancel=b"1"))
        assert ann.turn(mine).error is None


def test_tokens_that_are_missing(ann: Browserless) -> None:
    tokens_of = open_scan(ann, "walk", 1_000_000, 1000).tokens
    for key in tokens_of:
        left = {other: token for other, token in tokens_of.items() if other != key}
        assert key.decode() in refused(ann.turn(left))
    assert "no" in refused(ann.turn({}))


def test_a_stream_is_not_continued_under_another_protocol(ann: Browserless) -> None:
    tokens_of = open_scan(ann, "walk", 1_000_000, 1000).tokens
    for path in ("/vgi_rpc.Reflection.v1/init/exchange", "/vgi.secret.v1/init/exchange"):
        assert ann.post(path, request(None, tokens_of)).status == 404


def test_a_second_server_with_the_key_goes_on_and_one_without_does_not() -> None:
    with (
        InThread(make_app(served)) as first,
        InThread(make_app(served)) as second,
        InThread(make_app(served, key=f"{OTHER_KEY},{KEY}")) as rotated,
        InThread(make_app(served, key=OTHER_KEY)) as stranger,
        Browserless(first.port) as client,
    ):
        tokens_of = open_scan(client, "walk", 1_000_000, 1000).tokens
        rows = client.turn(tokens_of).rows
        for server, opens in ((second, True), (rotated, True), (stranger, False)):
            with Browserless(server.port) as other:
                reply = other.turn(tokens_of)
                if opens:
                    found = reply.rows.num_rows
                    assert found > 0
                    assert rows["n"].to_pylist()[:1] == reply.rows["n"].to_pylist()[:1]
                else:
                    assert TEXT in refused(reply)


def test_tokens_of_large_calls_still_work(client: Browserless) -> None:
    """The arguments of a scan travel with it."""
    text = os.urandom(300_000).hex()
    walking = open_scan(client, "walk", 1_000_000, 1000, witness=f"/nonexistent/{text}")
    assert len(walking.tokens[keys.CALL_STATE]) > 300_000
    assert len(walking.tokens[keys.STREAM_STATE]) < 4096
    assert client.turn(walking.tokens).rows.num_rows > 0
    assert isinstance(walking.header.execution_id, bytes)
    assert pa.types.is_int64(walking.reply.rows.schema.field("n").type)
