"""Tables of providers, which come and go while the worker runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import NOT_POOLED, POOLED
from .session import Session, attach_statement, literal, location
from .transports import HTTP

pytestmark = pytest.mark.sql

LOCATION = location("providers")


def attach(session: Session, catalog: str, options: str = "") -> None:
    """Attach a catalog of the worker, anew if need be."""
    session.execute(f"DETACH DATABASE IF EXISTS {catalog}")
    session.execute(attach_statement(LOCATION, catalog, catalog, options))


class Folder:
    """A folder that the provider shows."""

    def __init__(self, path: Path):
        self.path = path

    def write(self, name: str, *lines: str) -> None:
        (self.path / f"{name}.txt").write_text("\n".join(lines))

    def remove(self, name: str) -> None:
        (self.path / f"{name}.txt").unlink()

    def version(self, number: int) -> None:
        (self.path / "version").write_text(str(number))

    def calls(self) -> list[str]:
        """What the provider was asked for since the last call."""
        path = self.path / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """With two tables."""
    folder = Folder(tmp_path)
    folder.write("cats", "name color", "Tom grey", "Felix black")
    folder.write("Dogs", "name", "Rex")
    return folder


@pytest.mark.parametrize("options", [POOLED, pytest.param(NOT_POOLED, marks=pytest.mark.full)])
@pytest.mark.parametrize("version", [0, 7])
def test_tables(sql: Session, folder: Folder, options: str, version: int) -> None:
    folder.version(version)
    attach(sql, "files", f"folder {literal(str(folder.path))}, {options}")
    assert sql.rows("FROM files.cats ORDER BY ALL") == [("Felix", "black", 1), ("Tom", "grey", 0)]
    assert sql.rows("SELECT line, name FROM files.main.dogs WHERE name = 'Rex'") == [(0, "Rex")]
    assert sql.values("SHOW TABLES FROM files") == ["Dogs", "cats"]
    query = "SELECT table_name, comment, column_count FROM duckdb_tables() WHERE database_name = 'files' ORDER BY 1"
    assert sql.rows(query) == [("Dogs", "of Dogs.txt", 2), ("cats", "of cats.txt", 3)]


@pytest.mark.parametrize("threads", [1, 8])
def test_what_is_asked_for(sql: Session, folder: Folder, threads: int) -> None:
    sql.execute(f"SET threads = {threads}")
    try:
        attach(sql, "files", f"folder {literal(str(folder.path))}")
        sql.execute("SELECT count(*) FROM files.cats")
        folder.calls()
        assert sql.value("SELECT max(color) FROM files.cats WHERE line < 5") == "grey"
        assert [call for call in folder.calls() if call.startswith("scan")] == ["scan cats line,color"]
    finally:
        sql.execute("RESET threads")


def test_versions(sql: Session, folder: Folder) -> None:
    folder.version(1)
    attach(sql, "files", f"folder {literal(str(folder.path))}")
    assert sql.values("SHOW TABLES FROM files") == ["Dogs", "cats"]
    folder.calls()
    folder.write("birds", "song", "tweet")
    folder.write("cats", "other", "x")
    folder.remove("Dogs")
    # As long as the version is the same, nothing is asked for again, but a name that is not known.
    assert sql.values("SHOW TABLES FROM files") == ["Dogs", "cats"]
    assert [call for call in folder.calls() if call != "version"] == []
    assert sql.rows("FROM files.birds") == [("tweet", 0)]
    assert "there is no table 'Dogs' in schema 'main'" in sql.error("FROM files.dogs")
    folder.version(2)
    assert sql.rows("FROM files.cats") == [("x", 0)]  # SHOW TABLES alone would not ask for the version
    assert sql.values("SHOW TABLES FROM files") == ["birds", "cats"]
    assert "Table with name dogs does not exist" in sql.error("FROM files.dogs")


def test_without_a_version_all_is_asked_for_again(sql: Session, folder: Folder) -> None:
    attach(sql, "files", f"folder {literal(str(folder.path))}")
    assert sql.values("SHOW TABLES FROM files") == ["Dogs", "cats"]
    folder.write("cats", "other", "x")
    folder.remove("Dogs")
    assert sql.rows("FROM files.cats") == [("x", 0)]
    assert sql.values("SHOW TABLES FROM files") == ["cats"]


def test_a_frozen_provider_is_not_asked_for_versions(fresh: Session, tmp_path: Path) -> None:
    attach(fresh, "fixed", f"file {literal(str(tmp_path / 'asked'))}")
    fresh.execute("CALL enable_logging('VGI', level = 'debug')")
    for _ in range(3):
        assert fresh.values("FROM fixed.only") == [1, 2]
    fresh.execute("CALL disable_logging()")
    logged = "\n".join(fresh.values("SELECT message FROM duckdb_logs WHERE type = 'VGI'"))
    assert "reason=frozen" in logged
    assert "method=catalog_version" not in logged


def test_many_tables(sql: Session) -> None:
    attach(sql, "many")
    assert sql.rows("FROM many.t4711") == [(4711,)]
    assert sql.rows("FROM many.T17, many.t123456") == [(17, 123456)]
    assert "does not exist" in sql.error("FROM many.x")
    query = "SELECT count(*), count(DISTINCT table_name) FROM duckdb_tables() WHERE database_name = 'many'"
    assert sql.row(query) == (5001, 5001)  # with the one that no listing shows, and was asked for


def test_few_of_many_tables_are_looked_up_one_by_one(fresh: Session) -> None:
    attach(fresh, "many")
    fresh.execute("CALL enable_logging('VGI', level = 'debug')")
    assert fresh.row("SELECT * FROM many.t1, many.t2") == (1, 2)
    fresh.execute("CALL disable_logging()")
    logged = "\n".join(fresh.values("SELECT message FROM duckdb_logs WHERE type = 'VGI'"))
    events = 3 if HTTP else 1  # of the client, for each call
    assert logged.count("method=catalog_table_get") == 2 * events
    assert "method=catalog_schema_contents_tables" not in logged


def test_statistics(sql: Session) -> None:
    attach(sql, "many")
    [(_, plan)] = sql.rows("EXPLAIN SELECT * FROM many.t7 WHERE n > 7")
    assert "EMPTY_RESULT" in plan
    [(_, plan)] = sql.rows("EXPLAIN SELECT * FROM many.t7000 WHERE n > 7000")
    assert "EMPTY_RESULT" not in plan
    assert sql.rows("SELECT * FROM many.t7000 WHERE n > 7000") == []


@pytest.mark.full
def test_tables_that_fail(sql: Session) -> None:
    attach(sql, "failing")
    assert sql.rows("FROM failing.good") == [(1,)]
    assert sql.values("SHOW TABLES FROM failing") == ["good", "scan", "statistics"]
    assert "ConnectionError: no table" in sql.error('FROM failing."table"')
    assert "maps names to types from duckwing.types, not 'n' to 'BIGINT'" in sql.error("FROM failing.columns")
    assert "there is no option 'primary_kay'" in sql.error("FROM failing.option")
    assert "ConnectionError: no more rows" in sql.error("FROM failing.scan")
    assert "does not exist" in sql.error("FROM failing.missing")
    assert sql.rows("FROM failing.good WHERE n = 1") == [(1,)]


@pytest.mark.parametrize("step", ["init", "version"])
def test_what_fails_at_once(sql: Session, step: str) -> None:
    reason = {"init": "no server", "version": "no version"}[step]
    message = sql.error(attach_statement(LOCATION, "failing", "refused", f"fails '{step}'"))
    assert f"ConnectionError: {reason}" in message


def test_a_list_of_tables_that_fails_leaves_functions_usable(fresh: Session) -> None:
    attach(fresh, "failing", "fails 'tables'")
    assert fresh.value("SELECT failing.works(1)") == 2
    assert "ConnectionError: no tables" in fresh.error("SHOW TABLES FROM failing")
