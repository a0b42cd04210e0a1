"""The lake of Parquet files: what is pushed down, and that no more is read than must be."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

import duckwing

EXAMPLE = Path(__file__).parents[2] / "examples" / "parquet_lake"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lake")
    subprocess.run([sys.executable, EXAMPLE / "make_data.py", folder], check=True)
    return folder


@pytest.fixture
def lake(engine: None, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[duckdb.DuckDBPyConnection]:
    monkeypatch.setenv("LAKE", str(folder))
    with duckwing.connect() as connection:
        connection.execute("SET threads = 2")
        place = duckwing.location(EXAMPLE / "worker.py").replace("'", "''")
        connection.execute(f"ATTACH 'lake' (TYPE vgi, LOCATION '{place}')")
        yield connection


def counters(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, int]:
    [(_, plan)] = connection.execute(f"EXPLAIN ANALYZE {query}").fetchall()
    return {name: int(count) for name, count in re.findall(r"(files|row groups|bytes): (\d+)", plan)}


def read_by_workers() -> dict[str, int]:
    """Bytes that each process of this one has read so far."""
    read: dict[str, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(status.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found = re.search(r"rchar: (\d+)", (status.parent / "io").read_text())
                read[status.parent.name] = int(found[1])  # type: ignore[index]
        except (OSError, ValueError):  # it has ended meanwhile
            continue
    return read


@pytest.mark.sql
def test_demo(lake: duckdb.DuckDBPyConnection) -> None:
    one, two, three, four = (s for s in (EXAMPLE / "demo.sql").read_text("utf-8").split(";") if s.strip())
    assert lake.execute(one).fetchall() == [(100_000, 9_997_180.0)] or lake.execute(one).fetchone()[0] == 100_000  # type: ignore[index]
    assert [row[:2] for row in lake.execute(two).fetchall()] == [(250_000, 2023), (250_001, 2023), (250_002, 2023)]
    assert [row[:2] for row in lake.execute(three).fetchall()] == [(year, 100_000) for year in range(2021, 2025)]
    assert "row groups: 1" in lake.execute(four).fetchall()[0][1]


@pytest.mark.sql
def test_it_says_what_duckdb_says(lake: duckdb.DuckDBPyConnection, folder: Path) -> None:
    for rest in (
        "",
        "WHERE year = 2022 AND amount > 300",
        "WHERE id IN (5, 99999, 100000, 399999) OR id IS NULL",
        "WHERE customer BETWEEN 10 AND 12 AND year <> 2021",
        "WHERE note LIKE 'order 77%' AND id > 200000",
        "WHERE amount > 800",
    ):
        query = f"SELECT count(*), sum(id), round(sum(amount), 2), min(note), max(year) FROM {{}} {rest}"
        native = f"read_parquet('{folder}/*/*.parquet', hive_partitioning = true)"
        assert lake.execute(query.format("lake.orders")).fetchall() == lake.execute(query.format(native)).fetchall()


@pytest.mark.sql
def test_only_what_must_be_is_read(lake: duckdb.DuckDBPyConnection, folder: Path) -> None:
    size = sum(file.stat().st_size for file in folder.glob("*/*.parquet"))
    lake.execute("SELECT sum(amount) FROM lake.orders WHERE id < 5000").fetchall()  # footers are read once
    for _ in range(10):
        before = read_by_workers()
        found = counters(lake, "SELECT sum(amount) FROM lake.orders WHERE id < 5000")
        after = read_by_workers()
        if after.keys() == before.keys():  # a process that starts reads all of its modules
            break
    read = sum(after.values()) - sum(before.values())
    assert found["files"] == found["row groups"] == 1
    assert found["bytes"] < size / 40  # two of the columns of one of 40 row groups
    if sys.platform == "linux":
        assert found["bytes"] <= read < 2 * found["bytes"] + 300_000  # footers again, requests, answers


@pytest.mark.sql
def test_plans(lake: duckdb.DuckDBPyConnection) -> None:
    [(_, plan)] = lake.execute("EXPLAIN SELECT year, count(*) FROM lake.orders GROUP BY year").fetchall()
    assert "PARTITIONED_AGGREGATE" in plan
    assert "~400,000 rows" in plan
    [(_, plan)] = lake.execute("EXPLAIN SELECT * FROM lake.orders WHERE id > 400000").fetchall()
    assert "EMPTY_RESULT" in plan  # the files' metadata say that there is none
    [(_, plan)] = lake.execute("EXPLAIN SELECT sum(amount) FROM lake.orders WHERE id < 5000").fetchall()
    assert "id<5000" in plan.replace(" ", "")


@pytest.mark.sql
def test_files_that_come_and_go(lake: duckdb.DuckDBPyConnection, folder: Path) -> None:
    count = "SELECT count(*), max(year) FROM lake.orders"
    assert lake.execute(count).fetchall() == [(400_000, 2024)]
    (folder / "year=2025").mkdir()
    try:
        shutil.copy(folder / "year=2024" / "orders.parquet", folder / "year=2025" / "orders.parquet")
        assert lake.execute(count).fetchall() == [(500_000, 2025)]
    finally:
        shutil.rmtree(folder / "year=2025")
    assert lake.execute(count).fetchall() == [(400_000, 2024)]


@pytest.mark.sql
def test_a_file_that_changes(lake: duckdb.DuckDBPyConnection, folder: Path) -> None:
    file = folder / "year=2021" / "orders.parquet"
    kept = file.read_bytes()
    total = "SELECT count(*), sum(id) FROM lake.orders WHERE year = 2021"
    assert lake.execute(total).fetchall() == [(100_000, 4_999_950_000)]
    try:
        table = pq.read_table(file).slice(0, 10)
        pq.write_table(table, file)
        assert lake.execute(total).fetchall() == [(10, 45)]
    finally:
        file.write_bytes(kept)
    assert lake.execute(total).fetchall() == [(100_000, 4_999_950_000)]
