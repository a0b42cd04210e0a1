"""Scans in parts: who reads them, what becomes of them, and which tokens are refused."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from duckwing.client import WorkerConnection, connect
from duckwing.client.arguments import encode_arguments
from duckwing.protocol import metadata
from duckwing.protocol.calls import BIND, INIT, BindRequest, CallType, InitRequest
from duckwing.protocol.scans import TABLE_FUNCTION_PLAN, PlanRequest, PlanResponse
from duckwing.rpc.codec import decode_batch, encode
from duckwing.rpc.errors import RemoteError

from .conftest import NOT_POOLED, POOLED
from .session import Session, literal, location
from .transports import HTTP

pytestmark = pytest.mark.sql

Told = list[dict[str, Any]]


@pytest.fixture(scope="module")
def sql(sql: Session) -> Session:
    sql.attach("splits")
    return sql


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the worker tells what it was asked for; ``$file`` in queries."""
    return tmp_path / "told"


@pytest.fixture
def ask(file: Path) -> Callable[[Session, str], tuple[list[tuple[Any, ...]], Told, Told]]:
    """``ask(session, query)``: its rows, and what the worker told of its plans and of its splits."""

    def ask(session: Session, query: str) -> tuple[list[tuple[Any, ...]], Told, Told]:
        file.unlink(missing_ok=True)
        rows = session.rows(query.replace("$file", literal(str(file))))
        told = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
        plans = [fact for fact in told if "planned" in fact]
        return rows, plans, sorted((fact for fact in told if "part" in fact), key=lambda fact: fact["part"])

    return ask


Ask = Callable[[Session, str], tuple[list[tuple[Any, ...]], Told, Told]]

EVERYTHING = "SELECT count(*), sum(n), count(DISTINCT n) FROM splits.ranges(100000, 20, file := $file)"
ALL_ROWS = [(100_000, 4_999_950_000, 100_000)]

# Who reads them


@pytest.mark.parametrize(
    ("threads", "options"),
    [
        (1, POOLED),
        pytest.param(2, POOLED, marks=pytest.mark.full),
        (4, POOLED),
        pytest.param(1, NOT_POOLED, marks=pytest.mark.full),
        pytest.param(2, NOT_POOLED, marks=pytest.mark.full),
        pytest.param(4, NOT_POOLED, marks=pytest.mark.full),
    ],
)
def test_each_split_is_read_once(open_session: Callable[..., Session], ask: Ask, threads: int, options: str) -> None:
    session = open_session(options, threads=threads)
    try:
        session.attach("splits")
        rows, [plan], parts = ask(session, EVERYTHING)
        assert rows == ALL_ROWS
        assert plan["min_splits"] == threads
        assert [part["part"] for part in parts] == list(range(20))
        assert len({part["pid"] for part in parts}) <= threads or HTTP  # where each may reach another process
    finally:
        session.close()


def test_threads_read_at_the_same_time(sql: Session, tmp_path: Path) -> None:
    """Each second split waits until the next one has been read."""
    assert sql.value(f"SELECT count(*) FROM splits.ordered({literal(str(tmp_path))})") == 24_000
    assert HTTP or (tmp_path / "overtaken").exists()  # over HTTP one process may get both: it is chance


def test_a_scan_that_is_not_split_reads_all_once(open_session: Callable[..., Session], ask: Ask) -> None:
    session = open_session(threads=4)
    try:
        session.attach("splits")
        session.execute("SET vgi_split_scans = false")
        rows, [plan], parts = ask(session, EVERYTHING)
        assert rows == ALL_ROWS
        assert [part["part"] for part in parts] == plan["planned"] == list(range(20))
        assert {part["pid"] for part in parts} == {plan["pid"]}
        assert session.values("SELECT n FROM splits.ranges(100, 7)") == list(range(100))
        assert sorted(session.rows("SELECT region, sum(n) FROM splits.partitioned() GROUP BY 1"), key=str) == [
            ("north", 4950), ("south", 4950), (None, 4950)
        ]  # fmt: skip
    finally:
        session.close()


@pytest.mark.full
def test_many_splits(sql: Session) -> None:
    query = "SELECT count(*), sum(n), count(DISTINCT part) FROM splits.ranges(100000, 1000)"
    assert sql.row(query) == (100_000, 4_999_950_000, 1000)


def test_no_splits(sql: Session, ask: Ask) -> None:
    assert ask(sql, "FROM splits.ranges(100, 0, file := $file)")[0::2] == ([], [])
    assert sql.value("SELECT count(*) FROM splits.mistaken('none')") == 0


def test_splits_without_rows(sql: Session) -> None:
    assert sql.row("SELECT count(*), count(DISTINCT part) FROM splits.ranges(3, 50)") == (3, 3)


def test_a_limit_leaves_the_other_splits_alone(sql: Session, ask: Ask) -> None:
    rows, _, parts = ask(sql, "SELECT part FROM splits.ranges(1000000, 500, file := $file) LIMIT 3")
    assert len(rows) == 3
    assert len(parts) < 250


# What is pushed into them


def test_columns_and_filters_reach_plan_and_scan(sql: Session, ask: Ask) -> None:
    rows, [plan], parts = ask(sql, "SELECT n FROM splits.ranges(1000, 4, file := $file) WHERE n % 2 = 0 AND n > 990")
    assert sorted(rows) == [(992,), (994,), (996,), (998,)]
    assert len(parts) == 4
    for told in (plan, *parts):
        assert told["columns"] == ["n"]
        assert told["filters"] == "(n > 990)"


def test_filters_prune_the_plan(sql: Session, ask: Ask) -> None:
    query = "SELECT part, count(*) FROM splits.ranges(1000, 20, file := $file) WHERE {} GROUP BY part ORDER BY part"
    for condition, chosen in (("part IN (3, 9)", [3, 9]), ("part >= 18", [18, 19]), ("part > 50", [])):
        rows, [plan], parts = ask(sql, query.format(condition))
        assert rows == [(part, 50) for part in chosen]
        assert plan["planned"] == [part["part"] for part in parts] == chosen


def test_partitions_of_splits(sql: Session) -> None:
    query = "SELECT region, count(*), sum(n) FROM splits.partitioned() {} GROUP BY region ORDER BY region"
    assert "PARTITIONED_AGGREGATE" in sql.rows("EXPLAIN " + query.format(""))[0][1]
    assert sql.rows(query.format("")) == [("north", 100, 4950), ("south", 100, 4950), (None, 100, 4950)]
    assert sql.rows(query.format("WHERE n < 2 AND region IS NOT NULL")) == [("north", 2, 1), ("south", 2, 1)]


@pytest.mark.parametrize("empty", [-1, 3])
def test_order_is_kept(sql: Session, tmp_path: Path, empty: int) -> None:
    """Though a later split is read before an earlier one."""
    expected = [n for n in range(24_000) if n // 3000 != empty]
    for name in ("selected", "created"):
        directory = tmp_path / name
        directory.mkdir()
        query = f"FROM splits.ordered({literal(str(directory))}, empty := {empty})"
        if name == "created":
            sql.execute(f"CREATE OR REPLACE TEMP TABLE kept AS {query}")
            query = "FROM kept"
        assert sql.values(query) == expected
        assert HTTP or (directory / "overtaken").exists()


def test_order_is_kept_of_what_filters_leave(sql: Session, tmp_path: Path) -> None:
    query = f"SELECT n FROM splits.ordered({literal(str(tmp_path))}) WHERE n < 2 OR n BETWEEN 20000 AND 20001"
    assert sql.values(query) == [0, 1, 20_000, 20_001]
    assert sql.values(f"SELECT n FROM splits.ordered({literal(str(tmp_path))}) LIMIT 4 OFFSET 2999") == [
        2999, 3000, 3001, 3002
    ]  # fmt: skip


# What becomes of their values


def test_values_arrive_as_they_were(sql: Session) -> None:
    assert sorted(sql.values("FROM splits.valued()")) == sorted(
        [
            "None",
            "True",
            str(2**80),
            "1.5",
            "'text'",
            "b'\\x00\\xff'",
            "[1, [2, None]]",
            "(1, 'a')",
            "{'a': [1]}",
            "Decimal('1.50')",
            "datetime.date(2024, 1, 2)",
            "datetime.datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)",
            "datetime.timedelta(seconds=1)",
            "UUID('00000000-0000-0000-0000-000000000005')",
            "frozenset({1})",
        ]
    )


@pytest.mark.parametrize(
    ("how", "expected"),
    [("plan raises", "LookupError: nothing to plan"), ("scan raises", "LookupError: nothing in 2")],
)
def test_exceptions_end_the_query(sql: Session, how: str, expected: str) -> None:
    assert f"VGI Worker Exception: {expected}" in sql.error(f"FROM splits.mistaken('{how}')")


def test_a_plan_must_live_long_enough_to_be_read(sql: Session) -> None:
    message = sql.error("FROM splits.short_lived()")
    assert "'short_lived' declares a split-token lifetime of 1 second(s)" in message
    assert sql.value("SELECT count(*) FROM splits.long_lived()") == 1000


# Plans and tokens, without a database


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerConnection]:
    with connect(location("splits")) as worker:
        yield worker


class Planned:
    """A bind in one process, and what any process makes of it."""

    def __init__(
        self, worker: WorkerConnection, function: str = "ranges", *arguments: Any, catalog: str = "splits", **named: Any
    ):
        self.worker = worker
        bind = BindRequest(
            function_name=function,
            arguments=encode_arguments(arguments, named),
            function_type=CallType.TABLE,
            attach_opaque_data=worker.attach(catalog).about.attach_opaque_data,
            schema_path=("main",),
        )
        self.bind_call = encode(bind)
        self.columns = worker.rpc.call(BIND, bind).output_schema

    def plan(self, **request: Any) -> PlanResponse:
        return self.worker.rpc.call(TABLE_FUNCTION_PLAN, PlanRequest(self.bind_call, **request))

    def tokens(self) -> list[bytes]:
        return [split.token for split in self.plan().splits]

    def read(self, *tokens: bytes, worker: WorkerConnection | None = None) -> list[int]:
        """The numbers in some splits, read by any worker."""
        worker = worker or self.worker
        request = InitRequest(bind_call=self.bind_call, output_schema=self.columns, split_tokens=tokens)
        with worker.rpc.open(INIT, request) as stream:
            return [n for batch in stream for n in batch.data["n"].to_pylist()]

    def refused(self, *tokens: bytes) -> str:
        with pytest.raises(RemoteError) as caught:
            self.read(*tokens)
        return str(caught.value)


def test_pages_of_a_plan(worker: WorkerConnection) -> None:
    planned = Planned(worker, "ranges", 100, 10)
    page = planned.plan(max_splits_per_response=3)
    sizes = [len(page.splits)]
    tokens = [split.token for split in page.splits]
    while page.next_cursors:
        [cursor] = page.next_cursors
        page = planned.plan(max_splits_per_response=3, cursor=cursor)
        sizes.append(len(page.splits))
        tokens += [split.token for split in page.splits]
    assert sizes == [3, 3, 3, 1]
    assert [n for token in tokens for n in planned.read(token)] == list(range(100))
    assert planned.read(*tokens) == list(range(100))


def test_a_last_page_that_is_full(worker: WorkerConnection) -> None:
    planned = Planned(worker, "ranges", 100, 6)
    page = planned.plan(max_splits_per_response=3)
    assert page.next_cursors
    page = planned.plan(max_splits_per_response=3, cursor=page.next_cursors[0])
    assert (len(page.splits), page.next_cursors) == (3, ())
    assert planned.plan().next_cursors == ()


@pytest.mark.full
def test_large_plans_come_in_pages(worker: WorkerConnection) -> None:
    planned = Planned(worker, "ranges", 100, 10_001)
    page = planned.plan()
    assert len(page.splits) == 10_000
    assert page.next_cursors
    assert len(planned.plan(cursor=page.next_cursors[0]).splits) == 1


def test_cursors_of_other_plans(worker: WorkerConnection) -> None:
    planned = Planned(worker, "ranges", 100, 10)
    cursors = planned.plan(max_splits_per_response=3).next_cursors
    assert cursors
    other = Planned(worker, "ranges", 100, 11)
    for cursor in (cursors[0], b"", b"\0" * 80, planned.tokens()[0]):
        with pytest.raises(RemoteError, match=r"\[SPLIT_TOKEN_INVALID\] the cursor of a plan belongs to another call"):
            other.plan(cursor=cursor)


def test_what_is_known_of_splits(worker: WorkerConnection) -> None:
    plan = Planned(worker, "valued").plan()
    known = {(split.estimated_rows, split.rows_exact, split.estimated_bytes) for split in plan.splits}
    assert known == {(None, False, None), (1, True, 10)}
    assert {split.payload for split in plan.splits} == {b""}
    assert plan.scope == "catalog"
    assert plan.max_workers is not None
    assert plan.max_workers > 1000


def test_any_process_reads_what_another_planned(worker: WorkerConnection) -> None:
    planned = Planned(worker, "ranges", 1000, 12)
    tokens = planned.tokens()
    assert len(set(tokens)) == 12
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(connect(location("splits"))) for _ in range(4)]
        found = [planned.read(token, worker=others[i % 4]) for i, token in enumerate(tokens)]
        assert [n for numbers in found for n in numbers] == list(range(1000))
        for i in (0, 5, 11):
            assert planned.read(tokens[i], worker=others[(i + 1) % 4]) == found[i]
            assert planned.read(tokens[i], tokens[i]) == found[i] * 2
        pids = {process.pid for one in (worker, *others) for process in one.processes}
        assert len(pids) == (5 if worker.processes else 0)  # none are started for a worker that listens


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("plan raises later", "the plan is cut off"),
        ("no plan", "'mistaken': plan() must return its splits, such as a list of paths; it returned None"),
        ("text", "'mistaken': plan() must return its splits, such as a list of paths; it returned 'abc'"),
        ("values", "'mistaken': split 1 of plan() cannot travel to another process"),
        ("functions", "values of type builtin_function_or_method are not supported); name the part by plain values"),
    ],
)
def test_plans_that_are_none(worker: WorkerConnection, how: str, expected: str) -> None:
    with pytest.raises(RemoteError, match=re.escape(expected)):
        Planned(worker, "mistaken", how).plan()


def test_a_split_that_fails_leaves_the_others_readable(worker: WorkerConnection) -> None:
    planned = Planned(worker, "mistaken", "scan yields text")
    tokens = planned.tokens()
    expected = "table function 'mistaken' yields str 'text'; expected a tuple"
    assert [planned.read(tokens[0]), planned.read(tokens[2])] == [[1], [3]]
    assert expected in planned.refused(tokens[1])
    assert planned.read(tokens[0], tokens[2]) == [1, 3]


def test_a_split_can_be_abandoned(worker: WorkerConnection) -> None:
    planned = Planned(worker, "ranges", 100_000, 2)
    [token, _] = planned.tokens()
    request = InitRequest(bind_call=planned.bind_call, output_schema=planned.columns, split_tokens=(token,))
    stream = worker.rpc.open(INIT, request)
    assert stream.tick() is not None
    stream.cancel()
    assert planned.read(token) == list(range(50_000))


def test_a_changed_token_is_refused(worker: WorkerConnection) -> None:
    planned = Planned(worker, "ranges", 100, 2)
    [token, whole] = planned.tokens()
    for place in range(len(token)):
        changed = token[:place] + bytes([token[place] ^ 1]) + token[place + 1 :]
        kind = "[SPLIT_SNAPSHOT_EXPIRED]" if 20 <= place < 28 else "[SPLIT_TOKEN_INVALID]"
        assert kind in planned.refused(changed)
    assert planned.read(token) == list(range(50))
    assert "[SPLIT_TOKEN_INVALID]" in planned.refused(whole, token[:-1] + b"?")


def test_a_token_that_is_cut_off_is_refused(worker: WorkerConnection) -> None:
    planned = Planned(worker, "ranges", 100, 2)
    [token, _] = planned.tokens()
    for length in (0, 1, 19, 20, 27, 28, 29, 60, len(token) - 1):
        assert "[SPLIT_TOKEN_INVALID]" in planned.refused(token[:length])
    assert "[SPLIT_TOKEN_INVALID]" in planned.refused(token + b"\0")


def test_a_token_of_another_call_is_refused(worker: WorkerConnection) -> None:
    planned = Planned(worker, "ranges", 100, 2)
    [token, _] = planned.tokens()
    others = [
        Planned(worker, "ranges", 100, 3),
        Planned(worker, "ranges", 100, 2, file=""),
        Planned(worker, "same_ranges", 100, 2),
    ]
    for other in others:
        assert "[SPLIT_TOKEN_INVALID] a split token belongs to another call" in other.refused(token)
    assert Planned(worker, "ranges", 100, 2).read(token) == list(range(50))


def read_often(planned: Planned, token: bytes, seconds: int = 30) -> None:
    for _ in range(10 * seconds):
        planned.read(token)
        threading.Event().wait(0.1)


def test_a_token_that_is_too_old_is_refused(worker: WorkerConnection) -> None:
    planned = Planned(worker, "short_lived", 100, 2)
    [token, _] = planned.tokens()
    assert planned.read(token) == list(range(50))
    expected = re.escape("[SPLIT_SNAPSHOT_EXPIRED] a split token is older than 1 s; re-run the query")
    with pytest.raises(RemoteError, match=expected):
        read_often(planned, token)
    assert planned.read(*planned.tokens()) == list(range(100))


def test_a_refused_token_runs_nothing(worker: WorkerConnection, file: Path) -> None:
    planned = Planned(worker, "ranges", 100, 2, file=str(file))
    [token, _] = planned.tokens()
    file.unlink()
    assert "[SPLIT_TOKEN_INVALID]" in planned.refused(token, token[:-1] + b"?")
    assert not file.exists()


def test_a_function_without_splits_has_no_plan(worker: WorkerConnection) -> None:
    with connect(location("pushdown")) as other:
        planned = Planned(other, "narrow", catalog="pushdown")
        with pytest.raises(RemoteError, match="function 'narrow' has no splits"):
            planned.plan()


def test_batches_say_where_they_belong(worker: WorkerConnection) -> None:
    planned = Planned(worker, "partitioned")
    request = InitRequest(
        bind_call=planned.bind_call, output_schema=planned.columns, split_tokens=tuple(planned.tokens())
    )
    with worker.rpc.open(INIT, request) as stream:
        batches = list(stream)
    assert [batch.metadata[metadata.BATCH_INDEX] for batch in batches] == [b"0", b"1", b"3"]
    values = [decode_batch(base64.b64decode(batch.metadata[metadata.PARTITION_VALUES])) for batch in batches]
    assert [bounds["region"].to_pylist() for bounds in values] == [["north"] * 2, [None] * 2, ["south"] * 2]
