"""Results that DuckDB keeps: when the function runs again, and when it does not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from duckwing.client import WorkerConnection, connect
from duckwing.client.arguments import encode_arguments
from duckwing.filters.encode import encode_snapshot
from duckwing.filters.tree import Column, Comparison, Literal, Predicate
from duckwing.protocol import metadata
from duckwing.protocol.calls import BIND, INIT, BindRequest, CallType, InitRequest
from duckwing.rpc.codec import encode
from duckwing.rpc.framing import Batch
from duckwing.types import BIGINT
from duckwing.types.values import from_values

from .session import Session, literal, location
from .transports import HTTP

pytestmark = pytest.mark.sql


@pytest.fixture(scope="module")
def sql(sql: Session) -> Session:
    sql.attach("cached")
    return sql


class Counted:
    """A file in which each run of a function is a line."""

    def __init__(self, session: Session, path: Path):
        self.session = session
        self.path = path

    def row(self, query: str) -> tuple[Any, ...]:
        """The only row of a query; ``$file`` is the file."""
        return self.session.row(query.replace("$file", literal(str(self.path))))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.session.rows(query.replace("$file", literal(str(self.path))))

    def error(self, query: str) -> str:
        return self.session.error(query.replace("$file", literal(str(self.path))))

    @property
    def runs(self) -> int:
        return self._lines(self.path)

    @property
    def asked(self) -> int:
        """How often a validator was asked."""
        return self._lines(Path(f"{self.path}.asked"))

    def version(self, text: str) -> None:
        """What the validators say from now on."""
        Path(f"{self.path}.version").write_text(text, encoding="utf-8")

    def _lines(self, path: Path) -> int:
        return len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0


@pytest.fixture
def counted(sql: Session, tmp_path: Path) -> Counted:
    return Counted(sql, tmp_path / "runs")


RESULT = "SELECT count(*), sum(n), max(run) FROM cached.kept($file)"


def test_a_fresh_result_is_used_again(counted: Counted) -> None:
    assert [counted.row(RESULT) for _ in range(3)] == [(3000, 4_498_500, 1)] * 3
    assert counted.runs == 1


def test_without_a_cache_every_query_runs(counted: Counted) -> None:
    query = RESULT.replace("kept", "not_kept")
    assert [counted.row(query)[2] for _ in range(3)] == [1, 2, 3]
    assert counted.runs == 3


def test_what_makes_another_result(counted: Counted) -> None:
    """Each of these is kept by itself: other columns, filters, arguments."""
    queries = [
        "SELECT count(*), max(n), max(run) FROM cached.kept($file)",
        "SELECT count(*) FROM cached.kept($file)",
        "SELECT max(text) FROM cached.kept($file)",
        "SELECT count(*), max(n), max(run) FROM cached.kept($file) WHERE n > 2990",
        "SELECT count(*), max(n), max(run) FROM cached.kept($file) WHERE n > 2991",
        "SELECT count(*), max(n), max(run) FROM cached.kept($file) WHERE n IN (1, 5, 9)",
        "SELECT count(*), max(n), max(run) FROM cached.kept($file) WHERE n IN (1, 5, 10)",
        "SELECT count(*), max(n), max(run) FROM cached.kept($file, 5)",
        "SELECT count(*), max(n), max(run) FROM cached.kept($file, more := 1)",
    ]
    first = []
    for expected, query in enumerate(queries, 1):
        first.append(counted.row(query))
        assert counted.runs == expected
    assert [row[:2] for row in first] == [
        (3000, 2999), (3000,), ("x",), (9, 2999), (8, 2999), (3, 9), (3, 10), (5, 4), (3000, 2999)
    ]  # fmt: skip
    assert [counted.row(query) for query in queries] == first
    assert counted.runs == len(queries)


@pytest.mark.parametrize("function", ["kept_of_input", "kept_of_batches"])
def test_columns_and_conditions_of_functions_over_tables(counted: Counted, function: str) -> None:
    """DuckDB keeps one result of each set of columns, whatever the conditions."""
    call = f"cached.{function}((SELECT i AS a, i * 2 AS b, i * 3 AS c FROM range(5) r(i)), file := $file)"
    queries = {
        f"SELECT b FROM {call} WHERE a > 2": [(6,), (8,)],
        f"SELECT b FROM {call} WHERE a > 3": [(8,)],
        f"SELECT a FROM {call} WHERE b = 4": [(2,)],
        f"SELECT a FROM {call}": [(n,) for n in range(5)],
        f"SELECT b FROM {call}": [(2 * n,) for n in range(5)],
        f"SELECT c FROM {call} WHERE c IN (3, 12)": [(3,), (12,)],
        f"SELECT c, a FROM {call} WHERE a = 1": [(3, 1)],
        f"SELECT a, c FROM {call} WHERE a = 1": [(1, 3)],
        f"SELECT count(*) FROM {call} WHERE a > b": [(0,)],
        f"SELECT count(*) FROM {call} WHERE a < b": [(4,)],
    }
    for query, rows in [*queries.items(), *queries.items()]:
        assert counted.rows(query) == rows
    assert 0 < counted.runs < len(queries)


def test_columns_of_row_functions(sql: Session) -> None:
    for _ in range(2):
        for column, factor in (("a", 10), ("b", 100)):
            found = sql.values(f"SELECT {column} FROM range(5) t(i), cached.kept_of_rows(t.i) ORDER BY ALL")
            assert found == [factor * n for n in range(5)]


def test_other_cursors_use_the_same_result(counted: Counted) -> None:
    first = counted.row(RESULT)
    other = Counted(counted.session.cursor(), counted.path)
    assert other.row(RESULT) == first
    assert counted.runs == 1


def test_the_setting_of_duckdb_turns_it_off(counted: Counted) -> None:
    counted.session.execute("SET vgi_result_cache = false")
    try:
        assert [counted.row(RESULT)[2] for _ in range(2)] == [1, 2]
    finally:
        counted.session.execute("RESET vgi_result_cache")


def test_a_result_expires(counted: Counted) -> None:
    query = "SELECT count(*), max(run) FROM cached.briefly($file)"
    waiting = threading.Event()
    for _ in range(300):
        count, run = counted.row(query)
        assert count == 10
        if run > 1:
            break
        waiting.wait(0.1)
    assert counted.runs == run == 2


def test_a_limit_keeps_nothing(counted: Counted) -> None:
    query = "SELECT n, run FROM cached.kept($file, 1000000) LIMIT 1"
    assert [counted.row(query) for _ in range(2)] == [(0, 1), (0, 2)]
    counted.row("SELECT max(n), max(run) FROM cached.kept($file, 1000000)")
    assert counted.row(query) == (0, 3)  # but it reads what is kept already
    assert counted.runs == 3


def test_the_first_rows_of_an_order_are_not_kept(counted: Counted) -> None:
    query = "SELECT n, run FROM cached.kept($file) ORDER BY n DESC LIMIT 1"
    assert [counted.row(query) for _ in range(2)] == [(2999, 1), (2999, 2)]


def test_an_error_keeps_nothing(counted: Counted) -> None:
    query = "SELECT count(*), max(run) FROM cached.fails_at_first($file)"
    assert "LookupError: not yet" in counted.error(query)
    assert [counted.row(query) for _ in range(2)] == [(3000, 2)] * 2
    assert counted.runs == 2


def test_results_of_one_transaction(counted: Counted) -> None:
    query = "SELECT count(*), max(run) FROM cached.per_transaction($file)"
    cursor = Counted(counted.session.cursor(), counted.path)
    assert [cursor.row(query), cursor.row(query)] == [(10, 1), (10, 2)]
    for run in (3, 4):
        cursor.session.execute("BEGIN")
        assert [cursor.row(query) for _ in range(3)] == [(10, run)] * 3
        cursor.session.execute("COMMIT")
    assert counted.runs == 4


def test_filters_that_empty_the_first_batch(counted: Counted) -> None:
    query = "SELECT count(*), max(n), max(run) FROM cached.kept($file, 5000) WHERE n >= 4999"
    assert [counted.row(query) for _ in range(2)] == [(1, 4999, 1)] * 2
    assert counted.runs == 1
    query = "SELECT count(*), max(n), max(run) FROM cached.slowly($file) WHERE n >= 3"
    assert [counted.row(query) for _ in range(2)] == [(1, 3, 2)] * 2
    assert counted.runs == 2


def test_empty_results(counted: Counted) -> None:
    """DuckDB does not keep them, whatever is said of them; so they must be right alone."""
    for query in ("FROM cached.kept($file, 0)", "FROM cached.kept($file) WHERE n < 0"):
        assert [counted.rows(query), counted.rows(query)] == [[], []]


def test_a_class_with_steps(counted: Counted) -> None:
    assert [counted.rows("FROM cached.steps($file)") for _ in range(2)] == [[(2,), (1,), (0,)]] * 2
    assert counted.runs == 1


@pytest.mark.parametrize("function", ["parts", "ordered_parts"])
def test_splits(counted: Counted, function: str) -> None:
    """The result as a whole is kept, though some of its parts have no rows."""
    expected = [n for n in range(400) if n // 100 != 2 and (function == "parts" or n >= 100)]
    for _ in range(3):
        found = [n for (n,) in counted.rows(f"FROM cached.{function}($file)")]
        assert (found if function == "ordered_parts" else sorted(found)) == expected
    assert counted.runs == 4


# Whether it still holds

CHECKED = "SELECT count(*), max(n), max(run) FROM cached.{}($file)"


def test_a_result_that_still_holds_does_not_run_again(counted: Counted) -> None:
    query = CHECKED.format("checked")
    counted.version("a")
    assert [counted.row(query) for _ in range(3)] == [(40_000, 39_999, 1)] * 3
    assert (counted.runs, counted.asked) == (1, 3)
    counted.version("b")
    assert [counted.row(query) for _ in range(3)] == [(40_000, 39_999, 2)] * 3
    assert (counted.runs, counted.asked) == (2, 6)
    counted.version("a")
    assert counted.row(query) == (40_000, 39_999, 3)


def test_the_time_of_the_last_change(counted: Counted) -> None:
    query = CHECKED.format("dated")
    for run, moment in enumerate(("2024-01-02T03:04:05+01:00", "2024-01-02T03:04:05.5+01:00"), 1):
        counted.version(moment)
        assert [counted.row(query) for _ in range(2)] == [(40_000, 39_999, run)] * 2
        assert counted.runs == run
    counted.version("2024-01-02T02:04:05.5+00:00")  # the same moment
    assert counted.row(query) == (40_000, 39_999, 2)


def test_a_validator_that_does_not_know(counted: Counted) -> None:
    assert [counted.row(CHECKED.format("checked"))[2] for _ in range(2)] == [1, 2]
    assert counted.asked == 2


def test_small_results_are_fetched_anew(counted: Counted) -> None:
    counted.version("a")
    query = "SELECT count(*), max(run) FROM cached.checked($file, 10)"
    assert [counted.row(query) for _ in range(2)] == [(10, 1), (10, 2)]


def test_validators_that_fail(counted: Counted) -> None:
    expected = (
        "OutputError: table function 'badly_checked': a validator is a text or a datetime with a time zone, not 5"
    )
    assert expected in counted.error("FROM cached.badly_checked()")
    assert "LookupError: no version of " in counted.error("FROM cached.failing_check($file)")
    assert counted.runs == 0
    counted.version("2024-01-02T03:04:05")
    expected = "a validator is a text or a datetime with a time zone, not datetime.datetime(2024, 1, 2, 3, 4, 5)"
    assert expected in counted.error(CHECKED.format("dated"))


# Partitions


def test_partitions_are_kept_apart(counted: Counted) -> None:
    """Any set of them can be put together."""
    rows = counted.rows("SELECT region, n, run FROM cached.by_region($file)")
    assert len(rows) == 300
    for regions, count in (("= 'north'", 100), ("IN ('north', 'south')", 200)):
        found = counted.rows(f"SELECT region, n, run FROM cached.by_region($file) WHERE region {regions}")
        assert len(found) == count
        assert {run for _, _, run in found} == {1}
    assert counted.runs == 1


# What travels, without a database


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerConnection]:
    with connect(location("cached")) as worker:
        yield worker


Read = Callable[..., list[Batch]]


@pytest.fixture
def read(worker: WorkerConnection, tmp_path: Path) -> Read:
    """``read(function, *arguments, asked, **init)``: the batches of a scan whose file is the first argument."""

    def read(function: str, *arguments: Any, asked: dict[bytes, bytes] | None = None, **init: Any) -> list[Batch]:
        request = BindRequest(
            function_name=function,
            arguments=encode_arguments((str(tmp_path / "runs"), *arguments), {}),
            function_type=CallType.TABLE,
            attach_opaque_data=worker.attach("cached").about.attach_opaque_data,
            schema_path=("main",),
        )
        columns = worker.rpc.call(BIND, request).output_schema
        if asked is not None and HTTP:
            pytest.skip("the first turn is part of the init: what it asks travels with that")
        with worker.rpc.open(INIT, InitRequest(bind_call=encode(request), output_schema=columns, **init)) as stream:
            first = stream.tick(asked)
            return [] if first is None else [first, *stream]

    return read


def test_the_keys_travel_with_the_first_batch_with_rows_alone(read: Read) -> None:
    first, *others = read("kept")
    assert first.metadata == {metadata.CACHE_TTL: b"3600", metadata.CACHE_SCOPE: b"catalog"}
    assert [batch.metadata for batch in others] == [{}, {}]
    [first] = read("per_transaction")
    assert first.metadata == {metadata.CACHE_TTL: b"3600", metadata.CACHE_SCOPE: b"transaction"}


def test_the_keys_travel_without_rows(read: Read) -> None:
    [batch] = read("kept", 0)
    assert (batch.data.num_rows, batch.metadata[metadata.CACHE_TTL]) == (0, b"3600")
    for function, number in (("kept", 2999), ("slowly", 3)):
        literal = Literal(from_values([number], BIGINT, "literal")[0])
        predicate = Predicate("query:0", Comparison("eq", Column("n", 0, BIGINT), literal))
        batches = read(function, pushdown_filters=encode_snapshot([predicate])[0])
        assert sum(batch.data.num_rows for batch in batches) == 1
        assert [batch.metadata[metadata.CACHE_TTL] for batch in batches] == [b"3600"] * len(batches)
    assert len(batches) > 1


def test_what_still_holds_is_not_sent_again(read: Read, tmp_path: Path) -> None:
    counted = Path(tmp_path / "runs")
    Path(f"{counted}.version").write_text("a", encoding="utf-8")
    first = read("checked", 10)[0]
    tags = {**first.metadata}
    assert tags[metadata.CACHE_ETAG] == b"a"
    assert tags[metadata.CACHE_REVALIDATABLE] == b"1"
    [answer] = read("checked", 10, asked={metadata.CACHE_IF_NONE_MATCH: b"a"})
    assert answer.data.num_rows == 0
    assert answer.metadata == {**tags, metadata.CACHE_NOT_MODIFIED: b"1"}
    [answer] = read("checked", 10, asked={metadata.CACHE_IF_NONE_MATCH: b"b"})
    assert answer.data.num_rows == 10
    assert answer.metadata == tags
    assert counted.read_text(encoding="utf-8").count("ran") == 2


def test_a_date_of_the_last_change_is_compared_too(read: Read, tmp_path: Path) -> None:
    Path(f"{tmp_path / 'runs'}.version").write_text("2024-01-02T03:04:05+01:00", encoding="utf-8")
    date = b"2024-01-02T02:04:05Z"
    assert read("dated")[0].metadata[metadata.CACHE_LAST_MODIFIED] == date
    assert len(read("dated", asked={metadata.CACHE_IF_MODIFIED_SINCE: date})) == 1
    assert len(read("dated", asked={metadata.CACHE_IF_MODIFIED_SINCE: b"2024-01-02T02:04:06Z"})) > 1


def test_parts_of_a_result_that_are_kept_apart(read: Read) -> None:
    first, *others = read("by_region")
    assert first.metadata[metadata.CACHE_PARTITION_SCOPE] == b"1"
    assert all(metadata.PARTITION_VALUES in batch.metadata for batch in (first, *others))
