"""Streams turn by turn: opened, repeated, continued elsewhere, cancelled (spec 02, sections 8 to 10)."""

from __future__ import annotations

import dataclasses
import itertools
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from duckwing.http import pumps, streams
from duckwing.protocol.calls import INIT, CallType, InitRequest, Phase
from duckwing.rpc import keys
from duckwing.rpc.client import LogMessage
from duckwing.rpc.errors import RemoteError
from duckwing.state.directory import ScopeDirectories

from .serving import (
    Browserless,
    HttpClient,
    HttpStream,
    InThread,
    Reply,
    call_body,
    eventually,
    limited,
    make_app,
    open_scalar,
    open_scan,
    scan_request,
    serving,
)
from .workers.served import served

MANY = 9_000_000
"""Rows that do not fit into a few turns."""

ONE = pa.RecordBatch.from_pydict({"value": [1]})


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def following(stream: HttpStream, reply: Reply) -> dict[bytes, bytes]:
    """The tokens after a turn."""
    return {**stream.tokens, **reply.tokens}


@pytest.fixture
def two() -> Iterator[Browserless]:
    """Two servers with one key, of which each request reaches the other one."""
    with (
        InThread(make_app(served)) as first,
        InThread(make_app(served)) as second,
        Browserless(first.port, second.port) as client,
    ):
        yield client


# Producers


@pytest.mark.parametrize("name", ["numbers", "walk"])
def test_the_turns_of_a_producer(client: Browserless, name: str) -> None:
    # More than a turn has room for, however fast it is made.
    body = call_body(INIT, scan_request(client, name, 120_000, 2000, width=100))
    first = client.post("/vgi.v2/init/init", body)
    (header_schema, header), (output, data) = first.streams
    assert header_schema.names == ["execution_id", "opaque_data", "max_workers"]
    assert sum(batch.data.num_rows for batch in header) == 1
    *rows, last = data
    assert set(last.metadata) == {keys.STREAM_STATE, keys.CALL_STATE}
    assert last.data.num_rows == 0
    assert not any({keys.STREAM_STATE, keys.CALL_STATE} & set(batch.metadata) for batch in rows)
    tokens = first.tokens
    found = [n for batch in rows for n in batch.data["n"].to_pylist()]
    while True:
        reply = client.turn(tokens)
        [(schema, batches)] = reply.streams
        assert schema == output
        assert keys.CALL_STATE not in reply.tokens
        found += [n for batch in batches for n in batch.data["n"].to_pylist()]
        if not reply.tokens:
            break
        assert keys.STREAM_STATE in batches[-1].metadata
        tokens |= reply.tokens
    assert found == list(range(120_000))


@pytest.mark.parametrize("name", ["numbers", "walk"])
def test_a_producer_that_is_done_at_once_has_no_token(client: Browserless, name: str) -> None:
    for count in (0, 10):
        body = call_body(INIT, scan_request(client, name, count, 10))
        replies = [client.post("/vgi.v2/init/init", body) for _ in range(5)]
        # One that was held up for long enough may have had to send what there was.
        assert any(reply.tokens == {} and reply.rows.num_rows == count for reply in replies)


@pytest.mark.parametrize("name", ["numbers", "walk"])
def test_a_turn_can_be_repeated(client: Browserless, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The turn that was asked for last and the one before it give the same rows again, and older ones none."""
    monkeypatch.setattr(pumps, "LONGEST_WAIT", 30.0)  # on a busy machine, too, each answer is to be a turn
    stream = open_scan(client, name, MANY, 10_000, width=100)
    tokens = [stream.tokens]
    rows = []
    for _ in range(4):
        reply = client.turn(tokens[-1])
        rows.append(reply.rows.drop_columns("pid"))
        tokens.append(following(stream, reply))
    for place in (3, 2, 3):
        again = client.turn(tokens[place])
        if name == "numbers":  # what is kept is the turn itself
            assert again.rows.drop_columns("pid").equals(rows[place])
        size = min(again.rows.num_rows, rows[place].num_rows)
        assert size > 0
        assert again.rows.slice(0, size)["n"].equals(rows[place].slice(0, size)["n"])
        assert again.tokens
    for place in (0, 1):
        again = client.turn(tokens[place])
        if name == "numbers":
            assert again.status == 200
            assert "run the query again" in str(again.error)
        else:  # a class can go on from anywhere
            assert again.rows["n"].to_pylist()[0] == rows[place]["n"].to_pylist()[0]
    following_rows = client.turn(tokens[4]).rows["n"].to_pylist()
    assert following_rows[0] == rows[3]["n"].to_pylist()[-1] + 1
    client.turn(tokens[4], cancel=b"1")


def test_a_turn_that_was_repeated_and_ended_elsewhere_is_not_gone_on_from(client: Browserless) -> None:
    """Of two copies of a request, the client may have the answer of the one and the server keep what the other left."""
    stream = open_scan(client, "walk", MANY, 1000, width=100)
    answered = client.turn(stream.tokens)
    with limited(client) as small:
        other = small.turn(stream.tokens)
    assert 0 < other.rows.num_rows < answered.rows.num_rows
    following_rows = client.turn(following(stream, answered)).rows["n"].to_pylist()
    assert following_rows[0] == answered.rows["n"].to_pylist()[-1] + 1


def test_a_turn_that_does_not_exist_yet_cannot_be_asked_for(client: Browserless) -> None:
    """The number of the turn is sealed, so only one that was given can be asked for; after a restart there is none."""
    stream = open_scan(client, "numbers", MANY, 10_000, width=100)
    assert client.turn(stream.tokens, cancel=b"1").batches == []
    reply = client.turn(stream.tokens)
    assert (reply.status, reply.headers["X-VGI-RPC-Error"]) == (200, "true")
    assert "run the query again" in str(reply.error)


def rest_of(client: Browserless, stream: HttpStream) -> list[int]:
    """The numbers of all turns after the first."""
    tokens, found = stream.tokens, []
    while tokens:
        reply = client.turn(tokens)
        assert reply.error is None
        found += reply.rows["n"].to_pylist()
        tokens = following(stream, reply) if reply.tokens else {}
    return found


def test_a_turn_can_be_asked_for_again_while_it_is_being_made(client: Browserless, tmp_path: Path) -> None:
    stream = open_scan(client, "pauses", str(tmp_path / "go"))
    first = stream.reply.rows["n"].to_pylist()
    found: list[list[int]] = []

    def ask() -> None:
        with Browserless(*client.ports) as other:
            found.append(first + rest_of(other, stream))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    (tmp_path / "go").touch()
    for thread in threads:
        thread.join()
    assert found == [[0, 1]] * 3


def test_a_producer_with_nothing_to_say_is_not_waited_for(
    client: Browserless, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client cannot be interrupted while it waits, so it gets an empty turn and asks again."""
    monkeypatch.setattr(pumps, "LONGEST_WAIT", 0.05)
    stream = open_scan(client, "pauses", str(tmp_path / "go"))
    found = stream.reply.rows["n"].to_pylist()
    for _ in range(4):
        reply = client.turn(stream.tokens)
        found += reply.rows["n"].to_pylist()
        stream.tokens = following(stream, reply)
    assert reply.rows.num_rows == 0
    (tmp_path / "go").touch()
    assert found + rest_of(client, stream) == [0, 1]


def test_an_error_in_a_later_turn(client: Browserless) -> None:
    """It comes after the rows before it, once, and the same again if it is asked for again."""
    scan = client.connect().attach("served").scan("breaks", 3)
    with pytest.raises(RemoteError, match="LookupError: no further"):
        scan.read_all()
    with limited(client) as small:
        stream = open_scan(small, "breaks", 10)
        tokens, rows = stream.tokens, 0
        while True:
            reply = small.turn(tokens)
            rows += reply.rows.num_rows
            if reply.error is not None:
                break
            before, tokens = tokens, following(stream, reply)
        assert reply.status == 200
        assert reply.tokens == {}
        assert 0 < rows < 10_000
        assert str(small.turn(tokens).error) == str(reply.error)
        assert small.turn(before).error is None
        assert small.turn(tokens, cancel=b"1").batches == []  # as clients do after an error


def test_log_messages_come_with_their_turns(client: Browserless) -> None:
    seen: list[LogMessage] = []
    catalog = client.connect(on_log=seen.append).attach("served")
    assert catalog.scan("talks", 5).read_all().num_rows == 5
    assert [message.message for message in seen] == [f"row {n}" for n in range(5)]
    seen.clear()
    assert catalog.scalar("logged", [7]).to_pylist() == [7]
    assert [message.message for message in seen] == ["a message"]


# Cancel


@pytest.mark.parametrize("name", ["numbers", "walk"])
def test_a_cancelled_producer_cleans_up_once(client: Browserless, name: str, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    stream = open_scan(client, name, MANY, 10_000, width=100, witness=str(witness))
    client.turn(stream.tokens)
    for _ in range(3):
        reply = client.turn(stream.tokens, cancel=b"1")
        assert (reply.status, reply.batches, reply.error) == (200, [], None)
        assert reply.rows.schema == stream.reply.rows.schema
        if name == "walk":
            break
    eventually(lambda: lines(witness))
    client.connect().attach("served").scalar("doubled", [1])  # whatever the lane still had to do is done
    assert lines(witness) == ["closed"]


@pytest.mark.parametrize("name", ["numbers", "walk"])
def test_a_producer_that_ends_cleans_up_once(client: Browserless, name: str, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    stream = open_scan(client, name, 20_000, 1000, width=100, witness=str(witness))
    assert sum(batch.data.num_rows for batch in stream) == 20_000
    assert lines(witness) == ["closed"]


def test_a_stream_that_had_to_be_opened_again_is_closed_as_often(client: Browserless, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    stream = open_scan(client, "walk", MANY, 10_000, width=100, witness=str(witness))
    client.turn(stream.tokens)
    again = client.turn(stream.tokens)
    eventually(lambda: lines(witness))
    assert lines(witness) == ["closed"]
    client.turn(following(stream, again), cancel=b"1")
    eventually(lambda: len(lines(witness)) > 1)
    assert lines(witness) == ["closed", "closed"]


def test_a_cancel_does_not_need_a_cursor_that_is_current(client: Browserless, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    stream = open_scan(client, "numbers", MANY, 10_000, width=100, witness=str(witness))
    client.turn(stream.tokens)
    client.turn(stream.tokens, cancel=b"1")
    eventually(lambda: lines(witness))


def test_a_class_is_cancelled_by_whatever_process(two: Browserless, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    stream = open_scan(two, "walk", MANY, 10_000, width=100, witness=str(witness))
    assert two.turn(stream.tokens, cancel=b"1").batches == []
    assert two.turn(stream.tokens, cancel=b"1").batches == []
    assert lines(witness)


def test_a_generator_is_cancelled_through_whatever_process(two: Browserless, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    stream = open_scan(two, "numbers", MANY, 10_000, width=100, witness=str(witness))
    for _ in two.ports:
        assert two.turn(stream.tokens, cancel=b"1").batches == []
    eventually(lambda: lines(witness))
    assert lines(witness) == ["closed"]


def test_exchanges_are_not_cancelled(client: Browserless) -> None:
    """A client that does so cannot mean it: it does not for streams with input (spec 02, section 8.4)."""
    stream = open_scalar(client, "doubled", ONE)
    assert client.turn(stream.tokens, cancel=b"1").batches == []
    assert client.turn(stream.tokens, ONE).rows.to_pylist() == [{"result": 2}]


# Exchanges


def test_an_exchange_answers_each_batch_with_one(client: Browserless) -> None:
    stream = open_scalar(client, "doubled", ONE)
    [token] = stream.reply.streams[-1][1]
    assert set(token.metadata) == {keys.STREAM_STATE, keys.CALL_STATE}
    assert token.data.num_rows == 0
    for rows in ([1, 2, 3], [], [None, 5], list(range(5000))):
        reply = client.turn(stream.tokens, pa.RecordBatch.from_pydict({"value": pa.array(rows, pa.int64())}))
        [batch] = reply.batches
        assert keys.STREAM_STATE in batch.metadata
        assert keys.CALL_STATE not in batch.metadata
        assert batch.data[0].to_pylist() == [None if n is None else 2 * n for n in rows]
        stream.tokens = following(stream, reply)


def test_a_function_without_rows_for_a_batch_answers_it_with_none(client: Browserless) -> None:
    table = pa.table({"n": range(5000)})
    assert client.connect().attach("served").transform("dropped", table).read_all().num_rows == 0
    assert client.connect().attach("served").transform("passed", table).read_all().equals(table)


def begun(client: Browserless, rows: pa.RecordBatch) -> tuple[InitRequest, HttpStream]:
    """The stream of ``running``, and what opened it."""
    session = client.connect().attach("served").session
    start: InitRequest = session.bind(session.request("running", CallType.TABLE, None, input_schema=rows.schema))
    begin = dataclasses.replace(start, phase=Phase.INPUT, substream_id=uuid.uuid4().bytes)
    return begin, HttpClient(client).open(INIT, begin)


def finished(client: Browserless, begin: InitRequest, stream: HttpStream) -> list[dict[str, int]]:
    """What comes after the last batch."""
    finish = dataclasses.replace(begin, phase=Phase.FINALIZE, execution_id=stream.header.execution_id)
    return [row for batch in HttpClient(client).open(INIT, finish) for row in batch.data.to_pylist()]


def test_an_exchange_can_be_repeated_and_go_on(client: Browserless) -> None:
    """What a batch adds is in the cursor: asked twice, it is added once."""
    batches = [pa.RecordBatch.from_pydict({"n": [n, n + 1]}) for n in range(0, 20, 2)]
    begin, stream = begun(client, batches[0])
    sums = list(itertools.accumulate(4 * n + 1 for n in range(10)))
    for expected, batch in zip(sums, batches, strict=True):
        replies = [client.turn(stream.tokens, batch) for _ in range(3)]
        assert [reply.rows["running"].to_pylist() for reply in replies] == [[expected]] * 3
        stream.tokens = following(stream, replies[1])
    assert finished(client, begin, stream) == [{"running": 190, "pid": 20}]


def test_a_finish_can_be_repeated(client: Browserless) -> None:
    """Its answer may be lost, and the client then asks again (spec 02, section 12.3)."""
    rows = pa.RecordBatch.from_pydict({"n": [1, 2]})
    begin, stream = begun(client, rows)
    stream.exchange(rows)
    assert [finished(client, begin, stream) for _ in range(2)] == [[{"running": 3, "pid": 2}]] * 2


@pytest.mark.parametrize(
    "wrong",
    [
        pa.RecordBatch.from_pydict({"other": [1]}),
        pa.RecordBatch.from_pydict({"value": [1], "more": [1]}),
        pa.RecordBatch.from_pydict({"value": ["no number"]}),
    ],
)
def test_input_of_another_schema_is_refused(client: Browserless, wrong: pa.RecordBatch) -> None:
    stream = open_scalar(client, "doubled", ONE)
    reply = client.turn(stream.tokens, wrong)
    assert "Input schema mismatch" in str(reply.error)
    assert client.turn(stream.tokens, ONE).error is None


def test_input_that_can_be_cast_is_cast(client: Browserless) -> None:
    stream = open_scalar(client, "doubled", ONE)
    assert client.turn(
        stream.tokens, pa.RecordBatch.from_pydict({"value": pa.array([4], pa.int8())})
    ).rows.to_pylist() == [{"result": 8}]


# Buffering


def test_the_init_of_a_buffering_function_opens_no_stream(client: Browserless) -> None:
    catalog = client.connect().attach("served")
    schema = pa.schema({"n": pa.int64()})
    start = catalog.session.bind(catalog.session.request("counted", CallType.TABLE, None, input_schema=schema))
    init = dataclasses.replace(start, phase=Phase.TABLE_BUFFERING)
    reply = client.post("/vgi.v2/init/init", call_body(INIT, init))
    assert reply.error is None
    assert reply.tokens == {}
    assert reply.streams[1][1] == []


def test_a_buffering_function_can_be_cancelled_when_it_is_over(client: Browserless) -> None:
    """The client does so if it has tokens, after the destructor (spec 02, section 8.4)."""
    catalog = client.connect().attach("served")
    schema = pa.schema({"n": pa.int64()})
    start = catalog.session.bind(catalog.session.request("counted", CallType.TABLE, None, input_schema=schema))
    stream = HttpClient(client).open(INIT, dataclasses.replace(start, phase=Phase.TABLE_BUFFERING))
    if stream.tokens:
        assert client.turn(stream.tokens, cancel=b"1").batches == []
        assert client.turn(stream.tokens, cancel=b"1").batches == []


# Several processes


def test_classes_go_on_in_another_process_at_every_turn(two: Browserless) -> None:
    """With small responses, which cut batches into pieces, and types of all shapes."""
    plain = two.connect().attach("served").scan("walk", 12_000, 900, width=300).read_all().drop_columns("pid")
    assert plain["n"].to_pylist() == list(range(12_000))
    with limited(two) as small:
        stream = open_scan(small, "walk", 12_000, 900, width=300)
        sizes, batches = [], []
        for batch in stream:
            batches.append(batch.data)
            sizes.append(len(stream.reply.body))
        assert max(sizes) <= 65_536
        assert len(set(sizes)) > 20
        pieces = pa.Table.from_batches(batches).drop_columns("pid")
    assert pieces.cast(plain.schema).equals(plain)


@pytest.mark.parametrize("width", [100, 20_000, pytest.param(40_000, marks=pytest.mark.full)])
def test_rows_that_are_given_one_by_one_go_on_in_another_process(two: Browserless, width: int) -> None:
    """How many of them make a batch depends on the time that they take, and on where the class went on."""
    with limited(two) as small:
        found = [n for batch in open_scan(small, "one_by_one", 300, width=width) for n in batch.data["n"].to_pylist()]
    assert found == list(range(300))


def test_every_kind_of_function_with_two_processes(two: Browserless) -> None:
    catalog = two.connect().attach("served")
    numbers = list(range(10_000))
    assert catalog.scalar("doubled", numbers).to_pylist() == [2 * n for n in numbers]
    assert catalog.scan("numbers", 50_000, 1000, width=50).read_all()["n"].to_pylist() == list(range(50_000))
    assert catalog.transform("passed", {"n": numbers}).read_all()["n"].to_pylist() == numbers
    *_, last = catalog.transform("running", {"n": numbers}).read_all().to_pylist()
    assert last == {"running": sum(numbers), "pid": 10_000}
    counted = catalog.transform("counted", {"n": numbers}).read_all()
    assert (sum(counted["rows"].to_pylist()), sum(counted["total"].to_pylist())) == (10_000, sum(numbers))
    assert catalog.aggregate("total", numbers).as_py() == sum(numbers)
    grouped = catalog.aggregate("total", numbers, groups=[n % 10 for n in numbers])
    assert sum(grouped["result"].to_pylist()) == sum(numbers)


def test_what_was_kept_may_be_forgotten(client: Browserless, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams between two turns are kept to save work, and no more than a number of them."""
    monkeypatch.setattr(streams, "KEPT_STREAMS", 2)
    open_streams = [open_scalar(client, "doubled", ONE) for _ in range(5)]
    for stream in open_streams:
        assert client.turn(stream.tokens, ONE).rows.to_pylist() == [{"result": 2}]
    scans = [open_scan(client, "walk", 20_000, 1000, width=100) for _ in range(5)]
    for scan in scans:
        assert sum(batch.data.num_rows for batch in scan) == 20_000


def test_a_deserted_scan_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pumps, "DESERTED_SECONDS", 0.2)
    monkeypatch.setattr(streams, "TEND_SECONDS", 0.05)
    witness = tmp_path / "witness"
    with serving(served) as client:
        stream = open_scan(client, "numbers", MANY, 10_000, width=100, witness=str(witness))
        eventually(lambda: lines(witness))
        reply = client.turn(stream.tokens)
        assert "run the query again" in str(reply.error)
    assert lines(witness) == ["closed"]


def test_an_application_that_ends_closes_its_scans(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    with serving(served) as client:
        open_scan(client, "numbers", MANY, 10_000, width=100, witness=str(witness))
        assert lines(witness) == []
    assert lines(witness) == ["closed"]


# State


def test_a_store_that_fails_is_an_error_with_status_200(client: Browserless, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a status for which clients repeat the request: what it did may have been done (spec 02, section 12.3)."""
    catalog = client.connect().attach("served")
    assert catalog.aggregate("total", [1, 2]).as_py() == 3
    statuses: list[int] = []
    post = Browserless.post

    def noted(self: Browserless, *arguments: object, **named: object) -> Reply:
        reply = post(self, *arguments, **named)  # type: ignore[arg-type]
        statuses.append(reply.status)
        return reply

    def broken(self: ScopeDirectories, *_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Browserless, "post", noted)
    for name in ("open", "open_or_create"):
        monkeypatch.setattr(ScopeDirectories, name, broken)
    with pytest.raises(RemoteError, match="No space left"):
        catalog.aggregate("total", list(range(5000)))
    for name in ("counted", "running"):
        with pytest.raises(RemoteError, match="No space left"):
            catalog.transform(name, {"n": [1]}).read_all()
    assert set(statuses) == {200}
