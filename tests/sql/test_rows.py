"""Row functions through SQL: every way to call them, what they yield, NULLs, async, arguments, mistakes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .session import Session, literal

pytestmark = pytest.mark.sql


@pytest.fixture(scope="module")
def sql(open_session: Callable[..., Session]) -> Iterator[Session]:
    """A database for these tests, whose queries run in two threads."""
    session = open_session()
    session.attach("rows")
    yield session
    session.close()


@pytest.fixture(params=["sql", pytest.param("not_pooled", marks=pytest.mark.full)])
def either(request: pytest.FixtureRequest) -> Session:
    """First ``sql``, then one where each call has a new process."""
    session: Session = request.getfixturevalue(request.param)
    session.attach("rows")
    return session


@pytest.fixture(scope="module", params=["batched", pytest.param("unbatched", marks=pytest.mark.full)])
def lateral(open_session: Callable[..., Session], request: pytest.FixtureRequest) -> Iterator[Session]:
    """A database whose lateral calls have a message for each chunk, or for each row."""
    session = open_session()
    session.execute(f"SET vgi_batch_lateral = {request.param == 'batched'}")
    session.attach("rows")
    session.execute("CREATE TABLE t AS SELECT i AS n, 's' || i AS s FROM range(5) r(i)")
    yield session
    session.close()


TRIANGLE = [(n, i) for n in range(5) for i in range(n)]
"""What ``repeat`` makes of ``t``."""


# Ways to call


def test_with_values(either: Session) -> None:
    assert either.values("FROM rows.repeat(3)") == [0, 1, 2]
    assert either.values("FROM rows.repeat(1 + 1)") == [0, 1]
    assert either.values("FROM rows.repeat(0)") == []
    assert either.values("FROM rows.repeat_batch(3) ORDER BY i") == [0, 1, 2]


@pytest.mark.parametrize("function", ["repeat", "repeat_batch", "slow_iterator"])
@pytest.mark.parametrize("join", ["t, rows.{f}(t.n)", "t, LATERAL rows.{f}(n)", "t JOIN rows.{f}(t.n) ON true"])
def test_for_each_row(lateral: Session, function: str, join: str) -> None:
    assert lateral.rows(f"SELECT n, i FROM {join.format(f=function)} ORDER BY ALL") == TRIANGLE


@pytest.mark.parametrize("function", ["repeat", "repeat_batch"])
def test_left_join(lateral: Session, function: str) -> None:
    query = f"SELECT n, i FROM t LEFT JOIN LATERAL rows.{function}(t.n) ON true ORDER BY ALL"
    assert lateral.rows(query) == [(0, None), *TRIANGLE]


@pytest.mark.parametrize("function", ["repeat", "repeat_batch", "never_null"])
@pytest.mark.parametrize("value", ["NULL::BIGINT", "0"])
def test_a_chunk_without_any_rows(lateral: Session, function: str, value: str) -> None:
    source = f"(SELECT {value} AS v FROM range(3))"
    if function == "never_null" and value == "0":
        assert lateral.rows(f"FROM {source}, rows.never_null(v)") == [(0, 0)] * 3
        return
    assert lateral.rows(f"FROM {source}, rows.{function}(v)") == []
    filled = lateral.rows(f"SELECT 1, r.* FROM {source} LEFT JOIN LATERAL rows.{function}(v) r ON true")
    assert filled == [(1, None)] * 3


def test_an_expression_and_a_constant(lateral: Session) -> None:
    assert lateral.rows("SELECT n, x FROM t, rows.plus(t.n * 10, 1) ORDER BY n") == [(n, 10 * n + 1) for n in range(5)]


def test_one_call_after_the_other(lateral: Session) -> None:
    query = "SELECT t.n, a.i, b.i FROM t, rows.repeat(t.n) a, rows.repeat(a.i) b ORDER BY ALL"
    assert lateral.rows(query) == [(n, i, j) for n, i in TRIANGLE for j in range(i)]


def test_in_a_subquery(lateral: Session) -> None:
    query = "SELECT n, (SELECT sum(i) FROM rows.repeat(t.n)) FROM t ORDER BY n"
    assert lateral.rows(query) == [(n, sum(range(n)) if n else None) for n in range(5)]


def test_many_rows(lateral: Session) -> None:
    for function in ("repeat", "repeat_batch"):
        query = f"SELECT count(*), sum(i), sum(v) FROM range(3500) r(v), rows.{function}(v % 7)"
        pairs = [(i, v) for v in range(3500) for i in range(v % 7)]
        assert lateral.row(query) == (len(pairs), sum(i for i, _ in pairs), sum(v for _, v in pairs))


def test_many_rows_of_one(sql: Session) -> None:
    assert sql.row("SELECT count(*), sum(i) FROM rows.repeat(100000)") == (100_000, 4_999_950_000)
    assert sql.row("SELECT count(*), sum(i) FROM range(2) r(v), rows.repeat(v * 100000)") == (100_000, 4_999_950_000)


def test_no_input(lateral: Session) -> None:
    assert lateral.rows("FROM t, rows.repeat(t.n) WHERE t.n + random() > 100") == []


def test_projection_and_filter(lateral: Session) -> None:
    query = "SELECT w.s FROM (SELECT 'to be or' AS text), rows.words(text) w WHERE w.n > 0 ORDER BY w.n"
    assert lateral.values(query) == ["be", "or"]


# What is yielded

MANY = ["tuples", "iterator", "named", "dataclasses", "dict", "batch", "table", "reader", "frame"]
ONE = ["one", "one named", "one dataclass"]


@pytest.mark.parametrize("form", [*MANY, *ONE])
def test_forms(lateral: Session, form: str) -> None:
    query = f"SELECT t.n, f.* FROM t, rows.forms(t.n, {literal(form)}) f ORDER BY ALL"
    assert lateral.rows(query) == [(n, i, f"s{i}") for n in range(5) for i in range(n if form in MANY else min(n, 1))]


def test_rows_and_batches_in_turn(lateral: Session) -> None:
    forms = ["tuple", "dict", "dataclass"]
    query = "SELECT t.n, f.n, f.s FROM t, rows.mixed(t.n) f ORDER BY t.n, f.n"
    assert lateral.rows(query) == [(n, i, forms[i % 3]) for n in range(5) for i in range(3 * n)]


def test_columns_of_the_class_of_rows(sql: Session) -> None:
    described = [row[:2] for row in sql.rows("DESCRIBE FROM rows.words('a')")]
    assert described == [("s", "VARCHAR"), ("n", "BIGINT")]
    assert sql.rows("FROM rows.words('a b')") == [("a", 0), ("b", 1)]


# NULLs


def test_rows_with_nulls_are_left_out(lateral: Session) -> None:
    source = "(VALUES (1, 'a'), (NULL, 'b'), (3, NULL), (4, 'd')) v(a, b)"
    assert lateral.rows(f"SELECT a, text FROM {source}, rows.seen(a::BIGINT, b) ORDER BY ALL NULLS FIRST") == [
        (None, "None 'b'"),
        (1, "1 'a'"),
        (4, "4 'd'"),
    ]
    numbers = "(VALUES (1, 10), (NULL, 20), (3, NULL), (4, 40)) v(a, b)"
    assert lateral.rows(f"SELECT a, b, x FROM {numbers}, rows.plus(a, b) ORDER BY ALL") == [(1, 10, 11), (4, 40, 44)]
    assert lateral.values(f"SELECT x FROM {numbers}, rows.plus_or_zero(a, b) ORDER BY ALL") == [3, 11, 20, 44]


def test_parents_count_the_rows_that_were_left_out(lateral: Session) -> None:
    source = "(VALUES (NULL), (2), (NULL), (1)) v(a)"
    assert lateral.rows(f"SELECT a, i FROM {source}, rows.repeat_batch(a) ORDER BY ALL") == [(1, 0), (2, 0), (2, 1)]


def test_null_values(either: Session) -> None:
    assert either.rows("FROM rows.repeat(NULL)") == []
    assert either.rows("FROM rows.seen(NULL, 'x')") == [("None 'x'",)]
    assert either.rows("FROM rows.seen(1, NULL)") == []
    assert either.rows("FROM rows.sum_of(1, NULL, 3)") == []


# Arguments


def test_named_arguments(either: Session) -> None:
    assert (
        either.value("FROM rows.options(1, SEP := '+', times := 3, \"day\" := DATE '2024-01-02')") == "1+3+2024-01-02"
    )
    assert either.value('FROM rows.options(1, "day" := NULL)') == "1-1-None"


def test_named_arguments_of_lateral_calls(lateral: Session) -> None:
    assert lateral.values("SELECT text FROM t, rows.options(t.n) WHERE n < 2 ORDER BY n") == ["0-1-None", "1-1-None"]
    assert "No function matches" in lateral.error("FROM t, rows.options(t.n, times := 3)")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("options(1, times := NULL)", "function 'options': argument 'times' cannot be NULL"),
        ("options(1, other := 2)", 'Invalid named parameter "other" for function options'),
        ("options()", "No function matches the given name and argument types 'options()'"),
        ("options('x')", "No function matches the given name and argument types 'options(VARCHAR)'"),
        ("plus(1)", "No function matches the given name"),
    ],
)
def test_wrong_arguments(sql: Session, call: str, expected: str) -> None:
    assert expected in sql.error(f"FROM rows.{call}")


def test_varargs(lateral: Session) -> None:
    assert lateral.rows("FROM rows.sum_of(1)") == [(1, 1)]
    assert lateral.rows("FROM rows.sum_of(1, 2, 3)") == [(6, 3)]
    assert lateral.rows("SELECT n, total, count FROM t, rows.sum_of(n, n, 1) WHERE n > 2 ORDER BY n") == [
        (3, 7, 3),
        (4, 9, 3),
    ]


def test_overloads(lateral: Session) -> None:
    assert lateral.rows("FROM rows.either(1)") == [("BIGINT 1",)]
    assert lateral.rows("FROM rows.either('a')") == [("VARCHAR a", 1)]
    assert lateral.rows("FROM rows.either(1, 2, sep := '-')") == [("1-2",)]
    assert lateral.values("SELECT form FROM t, rows.either(t.n) WHERE n < 2 ORDER BY n") == ["BIGINT 0", "BIGINT 1"]
    assert lateral.rows("SELECT form, more FROM t, rows.either(t.s) WHERE n = 2") == [("VARCHAR s2", 2)]
    assert lateral.values("SELECT form FROM t, rows.either(t.n, 7) WHERE n < 2 ORDER BY n") == ["0+7", "1+7"]


def test_computed_columns(lateral: Session) -> None:
    assert lateral.rows("FROM rows.copies(1.5)") == [(1.5, 1.5)]
    assert lateral.rows("FROM rows.copies([1, NULL], width := 1)") == [([1, None],)]
    assert lateral.rows("SELECT v0, v1 FROM t, rows.copies(t.s) WHERE n = 1") == [("s1", "s1")]
    described = [row[:2] for row in lateral.rows("DESCRIBE FROM rows.turned('a', 1, [2.5])")]
    assert described == [("first", "VARCHAR"), ("r0", "INTEGER"), ("r1", "DECIMAL(2,1)[]")]
    assert lateral.rows("SELECT first, r0 FROM t, rows.turned(t.s, {'n': t.n}) WHERE n = 1") == [("s1", {"n": 1})]


def test_data_of_the_bind(lateral: Session) -> None:
    assert lateral.rows("FROM rows.bound(1)") == [(1, '{"of bind": [1, 2]}')]
    assert lateral.rows("SELECT r.* FROM t, rows.bound(t.n) r WHERE n = 3") == [(3, '{"of bind": [1, 2]}')]


def test_nested_types(lateral: Session) -> None:
    some = uuid.UUID(int=7)
    tags = f"{{'tags': ['x', NULL], 'id': '{some}'::UUID}}"
    assert lateral.rows(f"FROM rows.nested(MAP {{'a': [1, 2.5], 'b': []}}, {tags})") == [
        ("a", {"x": x, "tags": ["x", None]}, some) for x in (1.0, 2.5)
    ]
    query = f"SELECT n, r.* FROM t, rows.nested(MAP {{s: [n]}}, {tags}) r WHERE n > 2 ORDER BY n"
    assert lateral.rows(query) == [(n, f"s{n}", {"x": float(n), "tags": ["x", None]}, some) for n in (3, 4)]


def test_rows_of_the_batch(sql: Session) -> None:
    assert sql.value("SELECT count FROM rows.plus(1, 2)") == 1
    assert sql.value("SELECT count(*) FROM range(100) r(v), rows.plus(v, v) WHERE count > 1") == 100


# Async


def test_async_rows_keep_their_input(lateral: Session) -> None:
    query = "SELECT v, s FROM range(40) r(v), rows.slow(v) ORDER BY ALL"
    assert lateral.rows(query) == [(v, f"x{v}") for v in range(40) for _ in range(v % 3)]
    assert lateral.values("FROM rows.slow(5, tag := 'y')") == ["y5", "y5"]


def test_as_many_at_once_as_was_said(sql: Session) -> None:
    assert sql.value("SELECT max(most) FROM range(500) r(v), rows.most_at_once(v)") == 5


def test_the_first_error_cancels_the_others(debugged: Session, tmp_path: Path) -> None:
    debugged.attach("rows")
    witness = tmp_path / "cancelled"
    query = f"FROM range(2000) r(v), rows.odd_fail(v, {literal(str(witness))})"
    message = debugged.error(query)
    assert re.search(r"ValueError: row \d*[13579] is refused \[row function 'odd_fail'\]\nTraceback \(most ", message)
    assert "asyncio" not in message
    assert "duckwing/functions" not in message
    cancelled = [int(line) for line in witness.read_text().split()]
    assert cancelled
    assert not any(n % 2 for n in cancelled)
    assert debugged.values("FROM rows.slow(1)") == ["x1"]


# Mistakes

PARENTS = {
    "none": "row function 'wrong_parents' returned 3 rows for 1; return a pair of the rows and an array that says",
    "too few": "row function 'wrong_parents' returned 3 rows, but 2 input rows that they came from",
    "beyond": "row function 'wrong_parents': its rows came from input rows 0 to 1, but there are 0 to 0",
    "negative": "row function 'wrong_parents': its rows came from input rows -1 to 0, but there are 0 to 0",
    "null": "row function 'wrong_parents': the input row of a row must not be NULL",
    "text": "row function 'wrong_parents': the input rows of its result must be integers",
    "fractions": "row function 'wrong_parents': the input rows of its result must be integers",
}


def test_right_parents(sql: Session) -> None:
    """What ``wrong_parents`` gives if it is not told to be wrong."""
    assert sql.values("FROM rows.wrong_parents(5)") == [5]


@pytest.mark.parametrize("how", PARENTS)
def test_wrong_parents(sql: Session, how: str) -> None:
    assert f"OutputError: {PARENTS[how]}" in sql.error(f"FROM rows.wrong_parents(1, how := '{how}')")


MISTAKES = {
    "number": "row function 'mistaken' must yield rows, or return a list of them, or one row, or None; got 5",
    "text": "row function 'mistaken' must yield rows, or return a list of them, or one row, or None; got 'ab'",
    "short": "row function 'mistaken' yields a row of 1 values for 2 columns (n, s)",
    "list": "row function 'mistaken' yields list [1, 'a']; expected a tuple, a dict of columns",
    "unknown column": "row function 'mistaken' yields a batch with the undeclared column 't'",
    "wrong value": "column 'n' of row function 'mistaken' must be BIGINT, got 'x'",
}


@pytest.mark.parametrize("how", MISTAKES)
def test_mistakes(lateral: Session, how: str) -> None:
    message = lateral.error(f"FROM (SELECT '{how}' AS how FROM t), rows.mistaken(how)")
    assert f"OutputError: {MISTAKES[how]}" in message


@pytest.mark.full
@pytest.mark.parametrize("how", MISTAKES)
def test_mistakes_with_values(sql: Session, how: str) -> None:
    assert f"OutputError: {MISTAKES[how]}" in sql.error(f"FROM rows.mistaken('{how}')")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("fails(v, 2500)", "ValueError: no row 2500"),
        ("fails(v, 0)", "ValueError: no row 0"),
        ("fails_in_batch(v)", "ValueError: no "),
        ("fails_in_bind(v)", "ValueError: no columns"),
    ],
)
def test_exceptions(lateral: Session, call: str, expected: str) -> None:
    message = lateral.error(f"SELECT count(*) FROM range(3000) r(v), rows.{call}")
    assert f"VGI Worker Exception: {expected}" in message
    assert "duckwing/functions" not in message
    assert lateral.rows("SELECT n, i FROM t, rows.repeat(t.n) ORDER BY ALL") == TRIANGLE


def test_it_stays_a_python_function() -> None:
    import duckwing as dw
    from duckwing.types import BIGINT

    @dw.row_function(columns={"i": BIGINT})
    def repeat(n: int) -> Iterator[tuple[int]]:
        yield from ((i,) for i in range(n))

    assert list(repeat(2)) == [(0,), (1,)]


# The columns that a query needs


@pytest.mark.parametrize("function", ["wide", "wide_batch", "wide_whole"])
def test_any_columns(lateral: Session, function: str) -> None:
    call = f"rows.{function}"
    assert lateral.rows(f"SELECT b, a FROM {call}(2)") == [("b0", 0), ("b1", 1)]
    assert lateral.rows(f"SELECT a, a + 1, b FROM {call}(1)") == [(0, 1, "b0")]
    assert lateral.value(f"SELECT count(*) FROM {call}(3)") == 3
    assert lateral.rows(f"SELECT t.n, w.a FROM t, {call}(t.n) w ORDER BY ALL") == TRIANGLE
    assert lateral.rows(f"SELECT t.n, w.b FROM t, {call}(t.n) w WHERE w.a = 2 ORDER BY ALL") == [(3, "b2"), (4, "b2")]
    assert lateral.values(f"SELECT t.n FROM t, {call}(t.n) ORDER BY ALL") == [n for n, _ in TRIANGLE]
    assert lateral.value(f"SELECT count(*) FROM t, {call}(t.n)") == len(TRIANGLE)
    assert lateral.values(f"SELECT (SELECT max(w.b) FROM {call}(t.n) w) FROM t ORDER BY n") == [
        None,
        "b0",
        "b1",
        "b2",
        "b3",
    ]


@pytest.mark.parametrize(
    ("function", "wanted"), [("wide", "b,wanted"), ("wide_batch", "b,wanted"), ("wide_whole", "a,b,wanted")]
)
def test_the_columns_that_a_query_needs(lateral: Session, function: str, wanted: str) -> None:
    assert lateral.rows(f"SELECT b, wanted FROM rows.{function}(1)") == [("b0", wanted)]
    assert lateral.rows(f"SELECT DISTINCT wanted, w.b FROM t, rows.{function}(t.n) w WHERE b = 'b1'") == [
        (wanted, "b1")
    ]
