"""Cardinality and statistics through SQL: EXPLAIN shows them, the optimizer uses them, and results stay right."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .session import Session, literal
from .transports import TRANSPORT

pytestmark = pytest.mark.sql


@pytest.fixture
def sql(sql: Session) -> Session:
    sql.attach("statistics")
    return sql


@pytest.fixture
def logged(fresh: Session) -> Session:
    fresh.attach("statistics")
    fresh.execute("CALL enable_logging('VGI')")
    return fresh


def plan(sql: Session, query: str) -> str:
    [(_, text)] = sql.rows(f"EXPLAIN {query}")
    return str(text)


def estimates(sql: Session, query: str) -> list[int]:
    """The numbers of rows in a plan, from the top."""
    return [int(number.replace(",", "")) for number in re.findall(r"~([\d,]+) rows?", plan(sql, query))]


def statistics(sql: Session, column: str, source: str) -> str:
    return str(sql.value(f"SELECT stats({column}) FROM {source} LIMIT 1"))


def is_empty(sql: Session, query: str) -> bool:
    return "EMPTY_RESULT" in plan(sql, query)


# Cardinality


def test_cardinality(sql: Session) -> None:
    assert estimates(sql, "FROM statistics.numbers(4321)") == [4321]
    assert estimates(sql, "FROM statistics.many()") == [12345]
    assert estimates(sql, "FROM statistics.table()") == [3]
    assert estimates(sql, "FROM statistics.with_context(7)") == [70]
    assert sql.value("SELECT count(*) FROM statistics.many()") == 1


def test_the_smaller_side_of_a_join_is_built(sql: Session) -> None:
    """The second of the two inputs of a hash join is the one that is built."""
    for left, right in ((100_000, 10), (10, 100_000)):
        query = f"SELECT 1 FROM statistics.numbers({left}) a JOIN statistics.numbers({right}) b USING (id)"
        assert [n for n in estimates(sql, query) if n in (left, right)][-2:] == [100_000, 10]
        assert len(sql.rows(query)) == 10


def test_the_estimate_of_a_join_without_counts_of_values(sql: Session) -> None:
    """As if every value were another, not as if all were one."""
    query = "FROM statistics.uncounted() a JOIN statistics.uncounted() b USING (id)"
    assert max(estimates(sql, query)) < 12345 * 100
    assert "Approx Unique" not in statistics(sql, "id", "statistics.uncounted()")


# Statistics


def test_statistics_of_a_column(sql: Session) -> None:
    assert statistics(sql, "id", "statistics.numbers(100)") == (
        "[Min: 0, Max: 99][Has Null: false, Has No Null: true][Approx Unique: 100]"
    )
    assert "Min: 1.0, Max: nan" in statistics(sql, "x", "statistics.table()")
    assert "Min: 5, Max: 9][Has Null: true" in statistics(sql, "id", "statistics.table()")
    assert "Min: a, Max: ccc, Has Unicode: false, Max String Length: 3" in statistics(sql, "name", "statistics.table()")
    assert "Min: 2020-01-01, Max: 2022-01-01" in statistics(sql, "day", "statistics.table()")
    assert "X: [1.000000, 2.000000], Y: [1.000000, 2.000000]" in statistics(sql, "g", "statistics.points()")


def test_impossible_predicates_read_nothing(sql: Session) -> None:
    for query in (
        "FROM statistics.numbers(100) WHERE id > 99",
        "FROM statistics.numbers(100) WHERE id < 0",
        "FROM statistics.numbers(100) WHERE id IS NULL",
        "FROM statistics.fruit() WHERE s > 'melon'",
        "FROM statistics.fruit() WHERE s IS NULL",
        "FROM statistics.floats() WHERE x < 1",
        "FROM statistics.table() WHERE name IS NULL",
        "FROM statistics.table() WHERE day > DATE '2022-01-01'",
    ):
        assert is_empty(sql, query), query
        assert sql.rows(query) == []


def test_possible_predicates_read_everything(sql: Session) -> None:
    assert sql.values("FROM statistics.numbers(100) WHERE id >= 99") == [99]
    assert sql.values("FROM statistics.fruit() WHERE s >= 'kiwi'") == ["kiwi"]
    assert sql.values("SELECT id FROM statistics.table() WHERE day >= DATE '2021-06-01'") == [None]
    assert sql.values("SELECT name FROM statistics.table() WHERE id IS NULL") == ["ccc"]
    assert sql.values("SELECT name FROM statistics.table() WHERE items[1] IS NULL ORDER BY 1") == ["a", "ccc"]


def test_nan_is_the_greatest(sql: Session) -> None:
    for source in ("statistics.floats()", "statistics.table()"):
        assert sql.value(f"SELECT count(*) FROM {source} WHERE x > 100") == 1
        assert sql.value(f"SELECT count(*) FROM {source} WHERE x = 'nan'") == 1
        assert sql.value(f"SELECT count(*) FROM {source} WHERE isnan(x)") == 1
        assert sql.value(f"SELECT count(*) FROM {source} WHERE x <= 10") == 2


def test_strings_between_the_bounds_keep_their_length(sql: Session) -> None:
    """DuckDB sorts and groups strings in as many bytes as statistics promise."""
    fruit = sorted(["apple", "kiwi", "banana", "a very long name of a fruit", "bananaé"])
    assert sql.values("FROM statistics.fruit() ORDER BY s") == fruit
    assert sql.values("SELECT s FROM statistics.fruit() GROUP BY s ORDER BY count(*), s") == fruit
    assert sql.value("SELECT length(s) FROM statistics.fruit() WHERE s = 'bananaé'") == 7
    assert sql.values("FROM statistics.codes() ORDER BY s") == ["", "eu", "usd", "~~~"]
    assert "Max String Length: 3" in statistics(sql, "s", "statistics.codes()")


def test_parquet(sql: Session, tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(
        pa.table(
            {
                "id": pa.array(range(100), pa.int32()),
                "s": [f"{n:020}é" for n in range(100)],
                "x": [float("nan"), *map(float, range(99))],
                "t": pa.array(range(100), pa.timestamp("us")),
                "items": [[None, n] for n in range(100)],
            }
        ),
        path,
        row_group_size=30,
    )
    source = f"statistics.parquet({literal(str(path))})"
    assert estimates(sql, f"FROM {source}") == [100]
    assert statistics(sql, "id", source).startswith("[Min: 0, Max: 99][Has Null: false")
    assert is_empty(sql, f"FROM {source} WHERE id > 99")
    assert is_empty(sql, f"FROM {source} WHERE s IS NULL")
    assert is_empty(sql, f"FROM {source} WHERE t > TIMESTAMP '1970-01-02'")
    assert sql.values(f"SELECT id FROM {source} WHERE x > 97") == [0, 99]
    assert sql.values(f"SELECT s FROM {source} ORDER BY s DESC LIMIT 1") == [f"{99:020}é"]
    assert sql.value(f"SELECT count(*) FROM {source} WHERE items[1] IS NULL") == 100
    assert sql.values(f"SELECT t FROM {source} WHERE id = 7") == [datetime.datetime(1970, 1, 1, microsecond=7)]


# What goes wrong


def test_failing_estimates_cost_nothing_but_a_log_message(logged: Session) -> None:
    pids = {value for _ in range(3) for value in logged.values("FROM statistics.hopeless(2)")}
    assert len(pids) == 1 or TRANSPORT != "stdio"
    assert "Approx" not in plan(logged, "FROM statistics.hopeless(2)")
    messages = logged.values("SELECT message FROM duckdb_logs WHERE message LIKE '%no idea of 2%'")
    assert messages
    assert all("RuntimeError" in message and "hopeless" in message for message in messages)


def test_wrong_statistics_are_logged_and_ignored(logged: Session) -> None:
    assert logged.values("FROM statistics.mistaken('nothing') WHERE id > 0") == [1, 2]
    assert logged.values("FROM statistics.mistaken('id') WHERE id > 0") == [1, 2]
    messages = "\n".join(logged.values("SELECT message FROM duckdb_logs")).replace("\\'", "'")
    assert "table function 'mistaken' has statistics of 'nothing', but its columns are id" in messages
    assert "table function 'mistaken': statistics of 'id': min must be BIGINT, got 'a'" in messages


def test_functions_that_say_nothing(sql: Session) -> None:
    assert not is_empty(sql, "FROM statistics.says_nothing() WHERE id > 100")
    assert sql.values("FROM statistics.says_nothing() WHERE id IS NOT NULL") == [1]
