"""Table-in-out functions through SQL: forms, threads, finish, columns, arguments, failures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .leftovers import Watched, no_proc, wait_until, watched
from .session import Session, literal
from .transports import TRANSPORT

pytestmark = pytest.mark.sql

MILLION = (1_000_000, 499_999_500_000)

THREADS = "SELECT current_setting('threads')"


@pytest.fixture(scope="module")
def sql(open_session: Callable[..., Session]) -> Iterator[Session]:
    """A database for these tests, whose queries run in two threads."""
    session = open_session()
    session.attach("in_out")
    yield session
    session.close()


@pytest.fixture(params=["sql", pytest.param("not_pooled", marks=pytest.mark.full)])
def either(request: pytest.FixtureRequest) -> Session:
    """First ``sql``, then one where each call has a new process."""
    session: Session = request.getfixturevalue(request.param)
    session.attach("in_out")
    return session


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(2, id="2 threads"),
        pytest.param(1, id="1 thread", marks=pytest.mark.full),
        pytest.param(8, id="8 threads", marks=pytest.mark.full),
    ],
)
def big(open_session: Callable[..., Session], request: pytest.FixtureRequest) -> Iterator[Session]:
    """A database with a large table."""
    session = open_session(threads=request.param)
    session.attach("in_out")
    session.execute("CREATE TABLE big AS SELECT i AS n FROM range(1000000) r(i)")
    yield session
    session.close()


FIVE = "(SELECT i, CASE WHEN i % 2 = 0 THEN 's' || i END AS s FROM range(5) r(i))"
ROWS = [(i, f"s{i}" if i % 2 == 0 else None) for i in range(5)]


# Functions


def test_rows_pass_through(either: Session) -> None:
    assert either.rows(f"FROM in_out.same({FIVE})") == ROWS
    assert either.rows(f"FROM in_out.as_table({FIVE})") == ROWS


def test_named_arguments(either: Session) -> None:
    assert either.rows(f"FROM in_out.keep({FIVE}, \"column\" := 's')") == [row for row in ROWS if row[1]]
    assert either.rows(f"FROM in_out.keep({FIVE}, \"COLUMN\" := 'i')") == ROWS


def test_the_table_between_the_constants(sql: Session) -> None:
    assert sql.row(f"SELECT count(*), sum(i), count(s) FROM in_out.times(3, {FIVE}, 'x')") == (15, 30, 9)
    assert sql.rows(f"FROM in_out.times(0, {FIVE}, 'x')") == []


FORMS = ["rows", "list", "dict", "batch", "table", "frame", "reader", "mixed"]


@pytest.mark.parametrize("form", FORMS)
def test_forms(sql: Session, form: str) -> None:
    query = f"FROM in_out.forms((FROM range(3000)), '{form}')"
    assert sql.rows(f"{query} ORDER BY n") == [(n, f"s{n}") for n in range(3000)]


@pytest.mark.parametrize("form", ["nothing", "no rows"])
def test_nothing(sql: Session, form: str) -> None:
    assert sql.rows(f"FROM in_out.forms((FROM range(3000)), '{form}')") == []


def test_batches_are_those_of_duckdb(sql: Session) -> None:
    assert sql.row("SELECT sum(count), max(count) FROM in_out.described((FROM range(5000)))") == (5000, 2048)


def test_in_every_place_of_a_query(sql: Session) -> None:
    query = """
        SELECT (SELECT count(*) FROM in_out.same((FROM range(10)))), a.i, b.i
        FROM in_out.same((SELECT i FROM range(3) r(i))) a JOIN in_out.same((SELECT i FROM range(2, 9) r(i))) b USING (i)
    """
    assert sql.rows(query) == [(10, 2, 2)]
    nested = "FROM in_out.same((FROM in_out.keep((SELECT nullif(i, 1) AS i FROM range(3) r(i)), \"column\" := 'i')))"
    assert sql.values(nested) == [0, 2]


def test_projection_and_filter(sql: Session) -> None:
    assert sql.values(f"SELECT s FROM in_out.same({FIVE}) WHERE i > 1 AND s IS NOT NULL") == ["s2", "s4"]
    assert sql.value(f"SELECT count(*) FROM in_out.same({FIVE})") == 5
    assert sql.rows(f"SELECT s2, i0 FROM in_out.widen({FIVE}, 3) LIMIT 1") == [("s0", 0)]


def test_limit(sql: Session) -> None:
    assert sql.values("FROM in_out.same((FROM range(1000000))) LIMIT 2") == [0, 1]
    assert len(sql.rows("FROM in_out.with_footer((FROM range(1000000))) LIMIT 3")) == 3
    assert sql.value("SELECT count(*) FROM in_out.same((FROM range(10)))") == 10


def test_nothing_is_lost_in_many_threads(big: Session) -> None:
    query = "SELECT count(*), sum(n), count(DISTINCT n) FROM in_out.same((FROM big))"
    assert big.row(query) == (*MILLION, 1_000_000)
    if TRANSPORT not in ("fleet", "machines"):
        assert big.value("SELECT count(DISTINCT pid) FROM in_out.process((FROM big))") <= big.value(THREADS)


# Columns


def test_the_types_of_the_input(sql: Session) -> None:
    query = """(SELECT 1::UTINYINT a, [1, NULL] b, {'x': 1, 'y': ['z']} c, MAP {'k': DATE '2024-01-02'} d,
        1.5::DECIMAL(5, 2) e, INTERVAL 1 DAY f, [1, 2]::INT[2] g, 'b'::BLOB h,
        TIMESTAMP '2024-01-02 03:04:05' i, NULL j)"""
    plain = sql.rows(f"FROM {query}")
    assert sql.rows(f"FROM in_out.same({query})") == plain
    assert [row[:2] for row in sql.rows(f"DESCRIBE FROM in_out.same({query})")] == [
        row[:2] for row in sql.rows(f"DESCRIBE FROM {query}")
    ]


def test_an_enum_arrives_as_a_dictionary(sql: Session) -> None:
    query = "(SELECT (CASE WHEN i % 2 = 0 THEN 'a' END)::ENUM('a', 'b') AS e FROM range(3) r(i))"
    assert sql.values(f"FROM in_out.same({query})") == ["a", None, "a"]
    assert sql.values(f"SELECT type FROM in_out.types({query})") == [
        "e dictionary<values=string, indices=uint8, ordered=0>"
    ]


def test_computed_columns(sql: Session) -> None:
    assert sql.rows("FROM in_out.widen((SELECT 1 AS a, 'x' AS b), 2)") == [(1, "x", 1, "x")]
    described = [row[:2] for row in sql.rows("DESCRIBE FROM in_out.widen((SELECT 1 AS a, 'x' AS b), 2)")]
    assert described == [("a0", "INTEGER"), ("b0", "VARCHAR"), ("a1", "INTEGER"), ("b1", "VARCHAR")]


def test_data_of_the_bind(either: Session) -> None:
    assert either.rows("FROM in_out.bound((SELECT 1 AS a, 2 AS b))") == [("{'of bind': ['a', 'b']}",) * 2]


# Arguments


def test_constants(either: Session) -> None:
    query = "FROM in_out.shown((FROM range(3)), 1, 'b', KIND := 'y', \"limit\" := NULL, needed := 2)"
    assert either.value(query) == "1 'b' 'y' None 2.0 3"
    assert either.value("FROM in_out.maybe((FROM range(3)), 5)") == "5"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("shown({t}, 1, 'b')", "function 'shown' needs the argument 'needed': shown(rows TABLE, a BIGINT, b VARCHAR, "),
        ("shown({t}, 1, 'b', needed := NULL)", "function 'shown': argument 'needed' cannot be NULL"),
        (
            "shown({t}, 1, 'b', needed := 1, kind := 'z')",
            "argument 'kind' must be one of the allowed choices 'x', 'y', got 'z'",
        ),
        ("shown({t}, 1, NULL, needed := 1)", "function 'shown' needs 'a', 'b', but got 1 of 2: shown(rows TABLE, a "),
        ("shown({t}, NULL, 'b', needed := 1)", "An argument of a function over a table cannot be NULL"),
        (
            "maybe({t}, NULL)",
            "function 'maybe' needs 'a', but got 0 of 1: maybe(rows TABLE, a BIGINT). An argument of a ",
        ),
        ("shown({t}, 1, 'b', other := 1, needed := 1)", 'Invalid named parameter "other"'),
        ("shown({t}, 1)", "No function matches the given name"),
        ("same(5)", "No function matches the given name"),
        ("same()", "No function matches the given name"),
    ],
)
def test_wrong_arguments(sql: Session, call: str, expected: str) -> None:
    assert expected in sql.error(f"FROM in_out.{call.format(t='(FROM range(3))')}")


# Classes


def test_one_finish_for_the_whole_table(big: Session) -> None:
    assert big.rows("FROM in_out.total((FROM big), 2)") == [(2 * MILLION[1], 1_000_000)]


def test_a_finish_for_each_thread(big: Session) -> None:
    query = "SELECT count(*), sum(count), sum(total) FROM in_out.total_of_thread((FROM big), 1)"
    finishes, *sums = big.row(query)
    assert tuple(sums) == MILLION
    # A thread that comes too late for any input has nothing to finish.
    assert 1 <= finishes <= big.value(THREADS)


def test_finish(either: Session) -> None:
    assert either.rows("FROM in_out.total((FROM range(10000)), 1)") == [(49_995_000, 10_000)]
    footed = either.rows(f"FROM in_out.with_footer({FIVE}, times := 2)")
    assert footed == [*ROWS, ROWS[-1], ROWS[-1]]
    assert either.values(f"SELECT s FROM in_out.with_footer({FIVE})") == [s for _, s in [*ROWS, ROWS[-1]]]


def test_many_batches_in_finish(sql: Session) -> None:
    query = "SELECT count(*), sum(range) FROM in_out.with_footer((FROM range(10000)), times := 300)"
    assert sql.row(query) == (10_300, 49_995_000 + 300 * 9999)


def test_finish_may_give_nothing(sql: Session) -> None:
    assert sql.value("SELECT sum(n) FROM in_out.silent((FROM range(10000)))") == 49_995_000


def test_a_class_without_finish(big: Session) -> None:
    assert big.rows(f"FROM in_out.numbered({FIVE}, keep := 2)") == ROWS[:2]
    assert big.value("SELECT max(n) < 1000000 AND count(*) > 400 FROM in_out.numbered((FROM big), keep := 1)") is True


def test_state_that_saves_itself(sql: Session) -> None:
    assert sql.rows("FROM in_out.own_state((SELECT i FROM range(5000) r(i)))") == [(5000,)]


def test_several_in_one_query(sql: Session) -> None:
    query = "FROM in_out.total((FROM range(100000)), 1) a, in_out.total((FROM range(10)), 1) b"
    assert sql.rows(query) == [(4_999_950_000, 100_000, 45, 10)]
    nested = "FROM in_out.total((SELECT total FROM in_out.total((FROM range(10)), 1)), 2)"
    assert sql.rows(nested) == [(90, 1)]


def test_no_input(either: Session) -> None:
    """DuckDB asks for the finish of the only instance, unless it sees in the query that there is no input."""
    found_empty = "(SELECT i FROM range(5) r(i) WHERE i + random() > 100)"
    assert either.rows(f"FROM in_out.total({found_empty}, 1)") == [(0, 0)]
    assert either.rows("FROM in_out.total((SELECT i FROM range(5) r(i) WHERE false), 1)") == []
    assert either.rows(f"FROM in_out.total_of_thread({found_empty}, 1)") == []
    assert either.rows(f"FROM in_out.same({found_empty})") == []


# Failures


@pytest.fixture(scope="module")
def failing(open_session: Callable[..., Session], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched(open_session, "in_out", tmp_path_factory.mktemp("state")) as worker:
        yield worker


PHASES = {
    "init": "ValueError: not in init",
    "process": "ValueError: not in process",
    "late process": "ValueError: not in late process",
    "finish": "ValueError: not in finish",
    "late finish": "ValueError: not in late finish",
    "field": "OutputError: table_in_out function 'fails': a field cannot be kept (cannot keep 'text', which is of type",
}


@pytest.mark.skipif(no_proc, reason="processes are looked at in /proc")
@pytest.mark.parametrize("phase", PHASES)
def test_exceptions(failing: Watched, phase: str) -> None:
    message = failing.session.error(f"FROM in_out.fails((FROM range(20000)), phase := '{phase}')")
    assert message.count("VGI Worker Exception: ") == 1
    assert f"VGI Worker Exception: {PHASES[phase]}" in message
    assert "duckwing/" not in message.replace("duckwing run", "")
    assert failing.session.value("SELECT count(*) FROM in_out.fails((FROM range(20000)), phase := 'none')") == 20_100
    assert failing.scopes() == []


@pytest.mark.skipif(no_proc, reason="processes are looked at in /proc")
def test_nothing_is_left_behind(failing: Watched) -> None:
    session = failing.session
    call = "in_out.fails((FROM range(20000)), phase := 'none')"
    for _ in range(3):
        session.rows(f"FROM {call} LIMIT 3")
        session.rows(f"FROM {call} LIMIT 20010")
        assert "stop" in session.error(f"SELECT error('stop') FROM {call}")
        assert session.value(f"SELECT count(*) FROM {call}") == 20_100
    assert failing.scopes() == []
    assert failing.memory() == []
    assert wait_until(lambda: len(failing.processes()) <= 3)  # a guard and a worker for each connection in the pool


def test_a_finish_that_is_left_early_is_closed(sql: Session, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    call = f"in_out.fails((FROM range(20000)), phase := 'none', witness := {literal(str(witness))})"
    assert len(sql.rows(f"FROM {call} LIMIT 20010")) == 20_010
    assert wait_until(witness.exists)


MISTAKES = {
    "number": "table_in_out function 'mistaken' must yield rows or batches, or return a table; it returned int 5",
    "unknown column": "table_in_out function 'mistaken' yields a batch with the undeclared column 't'",
    "wrong value": "column 'n' of table_in_out function 'mistaken' must be BIGINT, got 'x'",
    "other rows": "table_in_out function 'mistaken' yields a batch without the columns 'n', 's' and with the undecl",
}


@pytest.mark.parametrize("how", MISTAKES)
def test_mistakes(sql: Session, how: str) -> None:
    assert f"OutputError: {MISTAKES[how]}" in sql.error(f"FROM in_out.mistaken((FROM range(5)), '{how}')")


def test_exceptions_in_the_bind(sql: Session) -> None:
    assert "ValueError: no columns for ['range']" in sql.error("FROM in_out.fails_in_bind((FROM range(5)))")
