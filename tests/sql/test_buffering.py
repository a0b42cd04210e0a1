"""Buffering functions through SQL: forms, order, completeness, memory, failures, and what they leave behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from duckwing.state.directory import ScopeDirectories

from .leftovers import Watched, no_proc, wait_until, watched
from .session import Session, literal

pytestmark = pytest.mark.sql

SUMS = "SELECT count(*), sum(n), count(DISTINCT n) FROM {}"

MIB = 2**20


@pytest.fixture(scope="module")
def sql(open_session: Callable[..., Session]) -> Iterator[Session]:
    """A database for these tests, whose queries run in two threads."""
    session = open_session()
    session.attach("buffering")
    yield session
    session.close()


@pytest.fixture(params=["sql", pytest.param("not_pooled", marks=pytest.mark.full)])
def either(request: pytest.FixtureRequest) -> Session:
    """First ``sql``, then one where each call has a new process."""
    session: Session = request.getfixturevalue(request.param)
    session.attach("buffering")
    return session


EIGHT = pytest.param((8, 1_000_000), id="8 threads", marks=pytest.mark.full)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((2, 200_000), id="2 threads"),
        pytest.param((1, 1_000_000), id="1 thread", marks=pytest.mark.full),
        EIGHT,
    ],
)
def big(open_session: Callable[..., Session], request: pytest.FixtureRequest) -> Iterator[Session]:
    """A database with a large table, whose values are all different."""
    threads, rows = request.param
    session = open_session(threads=threads)
    session.attach("buffering")
    session.execute(f"CREATE TABLE big AS SELECT i AS n, (i * 7919) % 1000003 AS m FROM range({rows}) r(i)")
    yield session
    session.close()


# Functions


def test_a_function_sees_all_rows(either: Session) -> None:
    query = "FROM buffering.top_k((SELECT i, 's' || i AS s FROM range(10000) r(i)), \"by\" := 'i'"
    assert either.rows(f"{query})") == [(i, f"s{i}") for i in (9999, 9998, 9997)]
    assert either.rows(f"{query}, k := 1)") == [(9999, "s9999")]


@pytest.mark.parametrize("function", ["same", "from_reader", "from_table", "passed_on", "in_order"])
def test_nothing_is_lost_and_nothing_comes_twice(big: Session, function: str) -> None:
    assert big.row(SUMS.format(f"buffering.{function}((FROM big))")) == big.row(SUMS.format("big"))


def test_the_order_is_kept_where_it_was_asked_for(big: Session) -> None:
    places = "SELECT n, row_number() OVER () AS place FROM buffering.in_order((FROM big))"
    assert big.value(f"SELECT count(*) = count(*) FILTER (n + 1 = place) FROM ({places})") is True
    ordered = "SELECT list(m) = list_sort(list(m)) FROM buffering.in_order((SELECT m FROM big ORDER BY m))"
    assert big.value(ordered) is True


def test_constants_and_columns(sql: Session) -> None:
    query = "FROM buffering.bound(2, (SELECT 1 AS a, 'x' AS b), tag := '+')"
    assert sql.rows(query) == [("['a', 'b']+1",) * 2]
    assert [row[0] for row in sql.rows(f"DESCRIBE {query}")] == ["c0", "c1"]
    assert sql.rows("SELECT c1 FROM buffering.bound(2, (SELECT 1 AS a))") == [("['a']-1",)]


def test_null_as_an_argument(sql: Session) -> None:
    message = sql.error("FROM buffering.bound(NULL, (SELECT 1 AS a))")
    assert "function 'bound' needs 'n', but got 0 of 1: bound(n BIGINT, rows TABLE, tag := VARCHAR)" in message


def test_projection_limit_and_filter(sql: Session) -> None:
    table = "(SELECT i, i % 10 AS d FROM range(10000) r(i))"
    assert sql.value(f"SELECT sum(d) FROM buffering.same({table}) WHERE i >= 9990") == 45
    assert sql.rows(f"SELECT d FROM buffering.in_order({table}) LIMIT 3 OFFSET 4") == [(4,), (5,), (6,)]
    assert sql.value(f"SELECT count(*) FROM buffering.same({table})") == 10_000


def test_limit_closes_the_generator(sql: Session, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    query = f"FROM buffering.endless((FROM range(10)), witness := {literal(str(witness))}) LIMIT 3"
    assert sql.values(query) == [0, 1, 2]
    assert wait_until(witness.exists)


def test_several_in_one_query(big: Session) -> None:
    query = """
        SELECT (SELECT count(*) FROM buffering.same((FROM big))), a.total, b.n
        FROM buffering.summed((FROM buffering.same((SELECT n FROM big)))) a,
             buffering.top_k((SELECT n FROM buffering.from_table((SELECT m AS n FROM big))), "by" := 'n', k := 1) b
    """
    assert big.row(query) == big.row("SELECT count(*), sum(n), max(m) FROM big")


def test_types(sql: Session) -> None:
    query = """(SELECT 1::UTINYINT a, [1, NULL] b, {'x': 1, 'y': ['z']} c, MAP {'k': DATE '2024-01-02'} d,
        1.5::DECIMAL(5, 2) e, INTERVAL 1 DAY f, [1, 2]::INT[2] g, 'b'::BLOB h,
        TIMESTAMP '2024-01-02 03:04:05' i, NULL j)"""
    assert sql.rows(f"FROM buffering.same({query})") == sql.rows(f"FROM {query}")
    enums = "(SELECT (CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END)::ENUM('a', 'b') AS e FROM range(5000) r(i))"
    assert sql.rows(f"SELECT e, count(*) FROM buffering.from_table({enums}) GROUP BY e ORDER BY e") == [
        ("a", 2500),
        ("b", 2500),
    ]


def test_no_input(either: Session) -> None:
    empty = "(SELECT i FROM range(5) r(i) WHERE i + random() > 100)"
    for function in ("same", "in_order", "summed", "from_table", "passed_on"):
        assert either.rows(f"FROM buffering.{function}({empty})") == []


# Classes


def test_sources_share_the_parts(big: Session) -> None:
    expected = list(big.row("SELECT count(*), sum(n) FROM big"))
    query = (
        "SELECT sum(rows), sum(total), count(*), count(DISTINCT pid) FROM buffering.counted((FROM big), shares := 4)"
    )
    *sums, sources, processes = big.row(query)
    assert (sums, sources) == (expected, 4)
    assert 1 <= processes <= 4
    *sums, sources, processes = big.row(query.replace("shares := 4", "shares := 1"))
    assert (sums, sources, processes) == (expected, 1, 1)


@pytest.mark.parametrize("big", [EIGHT], indirect=True)
def test_several_processes_take_part(big: Session) -> None:
    """Which is a matter of luck in a single query."""
    query = "SELECT count(DISTINCT pid) FROM buffering.counted((FROM big), shares := 8)"
    assert any(big.value(query) > 1 for _ in range(20))


def test_a_class_that_keeps_little(either: Session) -> None:
    assert either.value("FROM buffering.summed((FROM range(10000)))") == 49_995_000
    assert either.rows("FROM buffering.forgetful((FROM range(10000)))") == []


# Memory


def measure(session: Session, rows: int) -> tuple[int, int]:
    """Bytes that a function has seen, and how many its process needed."""
    query = f"FROM buffering.measured((SELECT i, repeat('x', 92) || i AS s FROM range({rows}) r(i)), 'x')"
    [(_, count, size, peak)] = session.rows(query, 900)
    assert count == rows
    return size, peak


@pytest.mark.full
@pytest.mark.skipif(no_proc, reason="the size of a process is read from /proc")
def test_memory(fresh: Session) -> None:
    fresh.attach("buffering")
    size, peak = measure(fresh, 2_000_000)
    assert size > 200 * MIB
    assert peak < 200 * MIB


@pytest.mark.full
@pytest.mark.skipif(no_proc, reason="the size of a process is read from /proc")
def test_more_memory(fresh: Session) -> None:
    fresh.attach("buffering")
    size, peak = measure(fresh, 20_000_000)
    assert size > 2000 * MIB
    assert peak < 500 * MIB


LEAKS = {
    "rows": ("FROM range(10) r(v), rows.repeat(v)", "rows.allocated(1)"),
    "in_out": ("FROM in_out.total((FROM range(3000)), 1)", "in_out.allocated((FROM range(1)))"),
    "buffering": ("FROM buffering.summed((FROM range(3000)))", "buffering.allocated((FROM range(1)))"),
}


@pytest.mark.full
@pytest.mark.parametrize("worker", LEAKS)
def test_arrow_memory_does_not_grow(open_session: Callable[..., Session], worker: str) -> None:
    """One connection, so that it is always the same process."""
    call, allocated = LEAKS[worker]
    if worker == "rows":  # a call with values has a process of its own
        allocated = "range(1) r(i), rows.allocated(i)"
    session = open_session(threads=1)
    session.attach(worker)
    try:
        measured = []
        for _ in range(4):
            for _ in range(250):
                session.rows(call)
            measured.append(session.value(f"SELECT allocated FROM {allocated}"))
    finally:
        session.close()
    assert max(measured) - measured[0] < 64 * 1024


# Failures


@pytest.fixture(scope="module")
def failing(open_session: Callable[..., Session], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched(open_session, "buffering", tmp_path_factory.mktemp("state")) as worker:
        worker.session.execute("CREATE TABLE t AS SELECT i AS n FROM range(200000) r(i)")
        yield worker


@pytest.mark.skipif(no_proc, reason="processes are looked at in /proc")
@pytest.mark.parametrize("phase", ["bind", "init", "sink", "late sink", "split", "source", "late source"])
def test_exceptions(failing: Watched, phase: str) -> None:
    message = failing.session.error(f"FROM buffering.fails((FROM t), phase := '{phase}')")
    assert message.count("VGI Worker Exception: ") == 1
    assert f"VGI Worker Exception: ValueError: not in {phase} [buffering function 'fails'] [worker: " in message
    assert "duckwing/" not in message.replace("duckwing run", "")
    assert failing.session.value("SELECT count(*) FROM buffering.fails((FROM t), phase := 'none')") == 200_000
    assert wait_until(lambda: failing.scopes() == [])


@pytest.mark.skipif(no_proc, reason="processes are looked at in /proc")
def test_nothing_is_left_behind(failing: Watched) -> None:
    session = failing.session
    assert len(session.rows("FROM buffering.same((FROM t)) LIMIT 3")) == 3
    assert "stop" in session.error("SELECT error('stop') FROM buffering.same((FROM t))")
    assert session.value("SELECT count(*) FROM buffering.same((FROM t))") == 200_000
    assert wait_until(lambda: failing.scopes() == [])
    assert failing.memory() == []


@pytest.mark.skipif(no_proc, reason="processes are looked at in /proc")
def test_input_of_which_nobody_says_that_it_can_go(open_session: Callable[..., Session], tmp_path: Path) -> None:
    """Where the query that makes the input fails, the client does not call the destructor."""
    with watched(open_session, "buffering", tmp_path) as worker:
        message = worker.session.error(
            "FROM buffering.same((SELECT if(i > 100000, error('stop'), i) AS n FROM range(200000) r(i)))"
        )
        assert "stop" in message
        worker.end()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUCKWING_MEMORY_DIR", str(tmp_path / "memory"))
        ScopeDirectories(tmp_path / "state").sweep(time.time() + 3601)
    assert worker.scopes() == []


@pytest.mark.full
@pytest.mark.skipif(no_proc, reason="processes are looked at in /proc")
def test_descriptors_do_not_grow(failing: Watched) -> None:
    """A process keeps some directories of state open, but not more and more of them."""
    query = "SELECT count(*) FROM buffering.passed_on((FROM range(5000)))"
    for _ in range(70):
        failing.session.rows(query)
    before = failing.descriptors()
    for _ in range(70):
        failing.session.rows(query)
    after = failing.descriptors()
    assert before.keys() & after.keys()
    for pid in before.keys() & after.keys():
        assert after[pid] <= before[pid] + 8


@pytest.mark.skipif(no_proc, reason="processes are looked at in /proc")
def test_processes_end_with_their_connections(open_session: Callable[..., Session], tmp_path: Path) -> None:
    with watched(open_session, "buffering", tmp_path) as worker:
        worker.session.error("FROM buffering.fails((FROM range(20000)), phase := 'late sink')")
        assert worker.session.value("SELECT count(*) FROM buffering.same((FROM range(10000)))") == 10_000
        assert worker.processes() != []
        worker.end()
    assert worker.scopes() == []


MISTAKES = {
    "sink": "buffering function 'mistaken': sink() must return rows (a batch, a table or a dict), got 5",
    "beyond": "buffering function 'mistaken': split() must return lists of positions of its parts, below 1",
    "text": "buffering function 'mistaken': split() must return lists of positions of its parts, below 1",
    "number": "buffering function 'mistaken': split() must return lists of positions of its parts, below 1",
    "flat": "buffering function 'mistaken': split() must return lists of positions of its parts, below 1",
    "unknown column": "buffering function 'mistaken' yields a batch without the column 'n' and with the undeclared",
}


@pytest.mark.parametrize("how", MISTAKES)
def test_mistakes(sql: Session, how: str) -> None:
    assert f"OutputError: {MISTAKES[how]}" in sql.error(f"FROM buffering.mistaken((FROM range(5)), '{how}')")


# Resumable table functions


def test_steps(either: Session) -> None:
    """The fourth of five steps is an empty list."""
    assert either.values("FROM buffering.steps(12)") == [1, 2, 4, 5, 6, 7, 9, 10, 11, 12]
    assert either.values("FROM buffering.steps(2, step := 10)") == [10, 20]
    assert either.values("FROM buffering.steps(0)") == []
    assert either.values("FROM buffering.steps(1000000) LIMIT 2") == [1, 2]


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        ("init", "ValueError: not in init"),
        ("next", "ValueError: not in next"),
        ("late next", "ValueError: not in late next"),
        ("number", "OutputError: table function 'fails_in_next' yields int 5; expected a tuple"),
    ],
)
def test_exceptions_in_steps(sql: Session, phase: str, expected: str) -> None:
    assert f"VGI Worker Exception: {expected}" in sql.error(f"FROM buffering.fails_in_next(phase := '{phase}')")
    assert sql.values("FROM buffering.steps(1)") == [1]


def test_switched_off(fresh: Session) -> None:
    fresh.attach("buffering")
    fresh.execute("SET vgi_table_buffering = false")
    assert "vgi_table_buffering" in fresh.error("FROM buffering.same((FROM range(5)))")


# Columns and conditions

TABLE = "(SELECT i AS a, i * 2 AS b, struct_pack(x := i) AS s FROM range(10) r(i))"


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


@pytest.mark.parametrize("function", ["noted", "noted_by_class", "told_nothing"])
@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT b FROM {}", [(2 * i,) for i in range(10)]),
        ("SELECT count(*) FROM {}", [(10,)]),
        ("SELECT b, a FROM {} WHERE a > 7", [(16, 8), (18, 9)]),
        ("SELECT b FROM {} WHERE a IN (1, 3, 99)", [(2,), (6,)]),
        ("SELECT a FROM {} WHERE s.x = 4", [(4,)]),
        ("SELECT a FROM {} WHERE b % 8 = 0 AND a < 5", [(0,), (4,)]),
        ("SELECT a FROM {} WHERE a < 0", []),
        ("SELECT t.x, b FROM range(2) t(x), LATERAL (SELECT b FROM {} WHERE a = 5)", [(0, 10), (1, 10)]),
        ("SELECT a, b FROM {} ORDER BY b DESC LIMIT 1", [(9, 18)]),
        ("SELECT x, b FROM (VALUES (3), (50)) v(x) JOIN {} f ON f.a = v.x", [(3, 6)]),
    ],
)
def test_what_a_query_needs(either: Session, notes: Path, function: str, query: str, rows: list[tuple[int]]) -> None:
    call = f"buffering.{function}({TABLE}, file := {literal(str(notes))})"
    assert either.rows(query.format(call)) == rows
    assert "ERROR" not in notes.read_text()


def test_the_function_knows_what_a_query_needs(either: Session, notes: Path) -> None:
    for function in ("noted", "noted_by_class", "told_nothing"):
        either.rows(f"SELECT b FROM buffering.{function}({TABLE}, file := {literal(str(notes))}) WHERE a > 7")
    assert notes.read_text().splitlines() == [
        "function a,b (a > 7)",
        "sink a,b (a > 7)",
        "source a,b (a > 7)",
        "function a,b,s",
    ]


def test_only_what_a_query_needs_is_sent(sql: Session, notes: Path) -> None:
    call = f"buffering.{{}}({TABLE}, file := {literal(str(notes))})"
    plan = str(sql.rows(f"EXPLAIN SELECT b FROM {call.format('noted')} WHERE a > 7"))
    assert "Projections: [a, b]" in plan
    assert "Filters: a>7" in plan
    assert " FILTER " not in plan
    plan = str(sql.rows(f"EXPLAIN SELECT b FROM {call.format('told_nothing')} WHERE a > 7"))
    assert "Projections" not in plan
    assert "Filters" not in plan
    assert " FILTER " in plan


def test_a_function_that_filters_itself_is_trusted(sql: Session) -> None:
    assert sql.values(f"SELECT a FROM buffering.filters_itself({TABLE}) WHERE a > 7") == [0]


def test_shares_in_their_order(big: Session) -> None:
    big.execute("CREATE OR REPLACE TEMP TABLE kept AS FROM buffering.ordered_shares((FROM big))")
    assert big.values("FROM kept") == list(range(8))
    assert "Source: parallel" not in str(big.rows("EXPLAIN FROM buffering.ordered_shares((FROM big))"))
