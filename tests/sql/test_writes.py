"""Writing to the tables of a provider, and what becomes of it when somebody refuses, waits or dies."""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from .conftest import NOT_POOLED, POOLED
from .session import Session, attach_statement, literal, location
from .transports import DIED, TRIED_AGAIN

pytestmark = pytest.mark.sql

LOCATION = location("writable")

FULL = pytest.mark.full

OpenStore = Callable[..., Session]


@pytest.fixture(scope="module")
def open_store(open_session: Callable[..., Session]) -> Iterator[OpenStore]:
    """``open_store(folder, options, threads)``: a database with the folder attached as ``s``."""
    opened: list[Session] = []

    def open_store(folder: Path, options: str = POOLED, threads: int = 2) -> Session:
        session = open_session(options, threads=threads)
        opened.append(session)
        session.execute(attach_statement(LOCATION, "store", "s", f"folder {literal(str(folder))}, {options}"))
        session.execute(attach_statement(LOCATION, "fixed", "fixed", options))
        return session

    yield open_store
    for session in opened:
        session.close()


@pytest.fixture(scope="module")
def store(open_store: OpenStore, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A database that tests share; each has tables of its own."""
    return open_store(tmp_path_factory.mktemp("store"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for one test alone."""
    return tmp_path


# Rows


@pytest.mark.parametrize(
    ("options", "threads"), [(POOLED, 1), (POOLED, 8), pytest.param(NOT_POOLED, 2, marks=pytest.mark.full)]
)
def test_rows_come_change_and_go(open_store: OpenStore, folder: Path, options: str, threads: int) -> None:
    store = open_store(folder, options, threads)
    store.execute("CREATE TABLE s.t (i INTEGER PRIMARY KEY, v VARCHAR DEFAULT 'none')")
    assert store.value("INSERT INTO s.t VALUES (1, 'a'), (2, NULL), (3, 'c')") == 3
    assert store.value("INSERT INTO s.t (i) VALUES (4)") == 1
    assert store.value("UPDATE s.t SET v = upper(v), i = i * 10 WHERE i < 3") == 2
    assert store.value("DELETE FROM s.t WHERE v = 'c'") == 1
    assert store.rows("FROM s.t ORDER BY i") == [(4, "none"), (10, "A"), (20, None)]


def test_returning(store: Session) -> None:
    store.execute("CREATE TABLE s.returned (i INTEGER, v VARCHAR, w DOUBLE DEFAULT 1.5)")
    assert store.rows("INSERT INTO s.returned (v, i) VALUES ('a', 1), ('b', 2) RETURNING i + 10, *") == [
        (11, 1, "a", 1.5),
        (12, 2, "b", 1.5),
    ]
    assert store.rows("UPDATE s.returned SET v = 'x' WHERE i = 2 RETURNING w, v") == [(1.5, "x")]
    assert store.rows("UPDATE s.returned SET w = i, i = 7 WHERE i = 2 RETURNING *") == [(7, "x", 2.0)]
    assert store.rows("DELETE FROM s.returned WHERE i = 7 RETURNING *") == [(7, "x", 2.0)]
    assert store.rows("DELETE FROM s.returned WHERE i = 7 RETURNING *") == []
    assert store.rows("FROM s.returned") == [(1, "a", 1.5)]


@pytest.mark.full
def test_on_conflict(store: Session) -> None:
    store.execute("CREATE TABLE s.keyed (i INTEGER PRIMARY KEY, v VARCHAR)")
    store.execute("INSERT INTO s.keyed VALUES (1, 'a')")
    assert store.value("INSERT OR IGNORE INTO s.keyed VALUES (1, 'b'), (2, 'b')") == 1
    assert store.value("INSERT INTO s.keyed VALUES (2, 'c') ON CONFLICT DO NOTHING") == 0
    for statement in (
        "INSERT OR REPLACE INTO s.keyed VALUES (2, 'd'), (3, 'd')",
        "INSERT INTO s.keyed VALUES (1, 'x') ON CONFLICT (i) DO UPDATE SET v = 'x'",
    ):
        assert "mixes up what UPDATE sets in a MERGE that has other actions, too" in store.error(statement)
    assert store.rows("FROM s.keyed ORDER BY i") == [(1, "a"), (2, "b")]


def test_merge(store: Session) -> None:
    store.execute("CREATE TABLE s.merged AS SELECT range::INTEGER AS i, 'old' AS v FROM range(5)")
    merge = """
        MERGE INTO s.merged t USING (SELECT range::INTEGER AS i, 'new' AS v FROM range(3, 7)) n ON t.i = n.i
        WHEN MATCHED AND t.i = 3 THEN DELETE
        WHEN NOT MATCHED THEN INSERT
        WHEN NOT MATCHED BY SOURCE AND t.i = 0 THEN DELETE
    """
    assert store.value(merge) == 4
    update = "MERGE INTO s.merged t USING (SELECT 4 AS i, 'new' AS w) n ON t.i = n.i WHEN MATCHED THEN UPDATE SET v = w"
    assert store.value(update) == 1
    old, new = "old", "new"
    assert store.rows("FROM s.merged ORDER BY i") == [(1, old), (2, old), (4, new), (5, new), (6, new)]
    assert "mixes up what UPDATE sets" in store.error(f"{update} WHEN NOT MATCHED THEN INSERT (i, v) VALUES (1, w)")
    assert "cannot have RETURNING here" in store.error(f"{merge} RETURNING i")


TYPES = {
    "BOOLEAN": "[true, false]",
    "TINYINT": "[-128, 127]",
    "UBIGINT": "[0, 18446744073709551615]",
    "FLOAT": "['nan', '1.5']",
    "DOUBLE": "['-inf', '0.1']",
    "DECIMAL(38, 10)": "[12345678901234567890.0123456789]",
    "VARCHAR": "['', 'ä€𝄞', chr(0)]",
    "BLOB": "['\\x00\\xFF']",
    "DATE": "['0001-01-01', '9999-12-31']",
    "TIME": "['23:59:59.999999']",
    "TIMESTAMP": "['1900-01-01 00:00:00.000001']",
    "TIMESTAMPTZ": "['2024-02-29 12:00:00+00']",
    "TIMESTAMP_NS": "['2024-02-29 12:00:00.123456789']",
    "INTERVAL": "['1 month 2 days 3 seconds']",
    "UUID": "['01234567-89ab-cdef-0123-456789abcdef']",
    "ENUM('x', 'y')": "['x', 'y']",
    "INTEGER[]": "[[], [1, NULL, 3]]",
    "STRUCT(a INTEGER, b VARCHAR[])": "[{'a': 1, 'b': ['x']}]",
    "MAP(VARCHAR, DOUBLE)": "[MAP {'k': 1.5}]",
    "INTEGER[2]": "[[1, 2]]",
}


def test_values_of_all_types(store: Session) -> None:
    columns = ", ".join(f'CAST(list_extract({values}, n) AS {type_}) AS "{type_}"' for type_, values in TYPES.items())
    store.execute(f"CREATE TEMP TABLE drawn AS SELECT {columns} FROM range(1, 5) t(n)")
    store.execute("CREATE TABLE s.stored AS FROM drawn")
    store.execute("INSERT INTO s.stored FROM drawn")
    twice = "(FROM drawn UNION ALL FROM drawn)"
    assert store.value("SELECT count(*) FROM s.stored") == 8
    assert store.value(f"SELECT count(*) FROM (FROM s.stored EXCEPT ALL {twice})") == 0
    assert store.value(f"SELECT count(*) FROM ({twice} EXCEPT ALL FROM s.stored)") == 0
    described = "SELECT column_name, column_type FROM (DESCRIBE %s)"
    before, after = dict(store.rows(described % "drawn")), dict(store.rows(described % "s.stored"))
    # So does the extension tell of a new table.
    changed = {"UUID": "VARCHAR", "ENUM('x', 'y')": "VARCHAR"}
    assert {name: type_ for name, type_ in after.items() if type_ != before[name]} == changed
    store.execute('UPDATE s.stored SET VARCHAR = NULL, "INTEGER[]" = [7]')
    assert store.rows('SELECT DISTINCT VARCHAR, "INTEGER[]" FROM s.stored') == [(None, [7])]


@pytest.mark.parametrize(
    ("threads", "count"), [(8, 20_000), *(pytest.param(n, 100_000, marks=pytest.mark.full) for n in (1, 2, 8))]
)
def test_many_rows(open_store: OpenStore, folder: Path, threads: int, count: int) -> None:
    store = open_store(folder, threads=threads)
    assert store.value(f"CREATE TABLE s.many AS SELECT range AS i, range::VARCHAR AS v FROM range({count})") == count
    assert store.value("UPDATE s.many SET i = -i WHERE i % 2 = 1") == count // 2
    assert store.value("DELETE FROM s.many WHERE i % 5 = 0") == count // 5
    left = [n for n in range(count) if n % 5]
    expected = (len(left), sum(-n if n % 2 else n for n in left), sum(left))
    assert store.row("SELECT count(*), sum(i), sum(v::BIGINT) FROM s.many") == expected


@pytest.mark.full
def test_a_statement_does_not_see_its_own_rows(store: Session) -> None:
    store.execute("CREATE TABLE s.self AS SELECT range AS i FROM range(3000)")
    assert store.value("INSERT INTO s.self FROM s.self UNION ALL FROM s.self") == 6000
    assert store.value("UPDATE s.self SET i = i + 1") == 9000
    assert store.row("SELECT count(*), min(i), max(i) FROM s.self") == (9000, 1, 3000)
    assert store.value("CREATE OR REPLACE TABLE s.self AS SELECT i + 1 AS k, 'x' AS v FROM s.self WHERE i < 3") == 6
    assert store.rows("SELECT k, v, count(*) FROM s.self GROUP BY ALL ORDER BY ALL") == [(2, "x", 3), (3, "x", 3)]


# Tables


def test_create_and_drop(store: Session) -> None:
    store.execute(
        "CREATE TABLE s.made (a INTEGER NOT NULL DEFAULT 5, b VARCHAR, PRIMARY KEY (a), UNIQUE (b), CHECK (a > 0))"
    )
    query = "SELECT constraint_type, constraint_column_names FROM duckdb_constraints() WHERE table_name = 'made'"
    assert {"PRIMARY KEY", "UNIQUE", "NOT NULL", "CHECK"} == {kind for kind, _ in store.rows(query)}
    assert "CatalogError: table 'MADE' already exists" in store.error("CREATE TABLE s.MADE (x INTEGER)")
    store.execute("CREATE TABLE IF NOT EXISTS s.made (x INTEGER)")
    assert store.values("SELECT column_name FROM (DESCRIBE s.made)") == ["a", "b"]
    store.execute("CREATE OR REPLACE TABLE s.made (x INTEGER)")
    assert store.values("SELECT column_name FROM (DESCRIBE s.made)") == ["x"]
    store.execute("DROP TABLE s.made")
    store.execute("DROP TABLE IF EXISTS s.made")
    assert "does not exist" in store.error("FROM s.made")
    message = store.error("CREATE TABLE s.referring (i INTEGER, FOREIGN KEY (i) REFERENCES made (x))")
    assert "made" in message


def test_alter(store: Session) -> None:
    store.execute("CREATE TABLE s.altered AS SELECT 1 AS a, 'x' AS b")
    store.execute("ALTER TABLE s.altered ADD COLUMN c DOUBLE")
    store.execute("ALTER TABLE s.altered ADD COLUMN IF NOT EXISTS C DOUBLE")
    store.execute("ALTER TABLE s.altered RENAME COLUMN b TO bb")
    store.execute("ALTER TABLE s.altered DROP COLUMN a")
    store.execute("ALTER TABLE s.altered DROP COLUMN IF EXISTS a")
    store.execute("ALTER TABLE s.altered RENAME TO other_name")
    assert store.rows("FROM s.other_name") == [("x", None)]
    assert store.values("SELECT column_name FROM (DESCRIBE s.other_name)") == ["bb", "c"]
    assert "does not exist" in store.error("FROM s.altered")


@pytest.mark.parametrize(
    ("statement", "refused"),
    [
        ("ALTER TABLE s.plain ALTER i SET DATA TYPE BIGINT", "schema 'main' does not take CHANGE TYPE: 'change_type'"),
        pytest.param("ALTER TABLE s.plain ALTER i SET DEFAULT 1", "does not take SET DEFAULT", marks=FULL),
        pytest.param("ALTER TABLE s.plain ALTER i DROP DEFAULT", "does not take DROP DEFAULT", marks=FULL),
        pytest.param("ALTER TABLE s.plain ALTER i SET NOT NULL", "does not take SET NOT NULL", marks=FULL),
        pytest.param("ALTER TABLE s.plain ALTER i DROP NOT NULL", "does not take DROP NOT NULL", marks=FULL),
        pytest.param("COMMENT ON TABLE s.plain IS 'x'", "does not take COMMENT", marks=FULL),
        pytest.param("COMMENT ON COLUMN s.plain.i IS 'x'", "does not take COMMENT", marks=FULL),
        ("CREATE VIEW s.v AS SELECT 1", "'create_view' is not among the writes of its provider Folder"),
        (
            "CREATE SCHEMA s.new",
            "catalog 'store' does not take CREATE SCHEMA; it has no provider with the method schemas",
        ),
        pytest.param("DROP SCHEMA s.other", "catalog 'store' does not take DROP SCHEMA", marks=FULL),
    ],
)
def test_what_no_provider_takes(store: Session, statement: str, refused: str) -> None:
    store.execute("CREATE TABLE IF NOT EXISTS s.plain (i INTEGER)")
    message = store.error(statement)
    assert "CatalogError: " in message
    assert refused in message
    assert store.rows("FROM s.plain") == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE s.inserts.log SET n = 2", "Table 'log' does not support UPDATE"),
        ("DELETE FROM s.inserts.log", "Table 'log' does not support DELETE"),
        ("DROP TABLE s.inserts.log", "CatalogError: schema 'inserts' does not take DROP TABLE"),
        pytest.param(
            "CREATE TABLE s.inserts.new (i INTEGER)",
            "CatalogError: schema 'inserts' does not take CREATE TABLE",
            marks=FULL,
        ),
        pytest.param(
            "ALTER TABLE s.inserts.log ADD COLUMN z INTEGER",
            "CatalogError: schema 'inserts' does not take ADD COLUMN",
            marks=FULL,
        ),
        ("INSERT INTO fixed.listed VALUES (2)", "Table 'listed' does not support INSERT"),
        ("DELETE FROM fixed.listed", "Table 'listed' does not support DELETE"),
        ("DROP TABLE fixed.listed", "CatalogError: Cannot DROP TABLE in 'fixed': catalog is read-only"),
        ("ALTER TABLE fixed.listed RENAME TO x", "in 'fixed': catalog is read-only"),
        ("FROM s.insert_rows((SELECT 1), 'log')", "it cannot be called by itself"),
    ],
)
def test_what_this_provider_does_not_take(store: Session, statement: str, expected: str) -> None:
    assert expected in store.error(statement)
    assert store.rows("FROM s.inserts.log") == [(1,)]
    assert store.rows("FROM fixed.listed") == [(1,)]


# Transactions


@pytest.mark.parametrize("options", [POOLED, pytest.param(NOT_POOLED, marks=pytest.mark.full)])
def test_a_transaction_sees_what_it_has_changed(open_store: OpenStore, folder: Path, options: str) -> None:
    store = open_store(folder, options)
    store.execute("CREATE TABLE s.kept AS SELECT 1 AS i")
    ends = [("ROLLBACK", [(1,)]), ("COMMIT", [(2,), (3,)])]
    for end, expected in ends if options == POOLED else ends[1:]:
        store.execute("BEGIN")
        store.execute("INSERT INTO s.kept VALUES (2)")
        store.execute("UPDATE s.kept SET i = 3 WHERE i = 1")
        assert store.rows("FROM s.kept ORDER BY i") == [(2,), (3,)]
        store.execute("CREATE TABLE s.fresh AS SELECT i + 10 AS k FROM s.kept")
        store.execute("ALTER TABLE s.fresh ADD COLUMN z VARCHAR")
        assert store.rows("FROM s.fresh ORDER BY k") == [(12, None), (13, None)]
        assert set(store.values("SHOW TABLES FROM s")) >= {"fresh", "kept"}
        store.execute("ALTER TABLE s.kept RENAME COLUMN i TO j")
        assert store.rows("SELECT j FROM s.kept ORDER BY j") == [(2,), (3,)]
        store.execute("ALTER TABLE s.kept RENAME COLUMN j TO i")
        store.execute("DROP TABLE s.fresh")
        store.execute(end)
        assert store.rows("FROM s.kept ORDER BY i") == expected


def test_tables_of_a_transaction_that_was_rolled_back_are_forgotten(store: Session) -> None:
    store.execute("CREATE TABLE s.remains (i INTEGER)")
    store.execute("BEGIN")
    store.execute("CREATE TABLE s.vanishes (i INTEGER)")
    store.execute("ALTER TABLE s.remains ADD COLUMN z INTEGER")
    store.execute("ROLLBACK")
    assert "Table with name vanishes does not exist" in store.error("FROM s.vanishes")
    assert store.values("SELECT column_name FROM (DESCRIBE s.remains)") == ["i"]
    assert "vanishes" not in store.values("SHOW TABLES FROM s")


def test_tables_of_a_statement_that_failed_are_forgotten(store: Session) -> None:
    """After an error, the extension's ROLLBACK does not arrive."""
    store.error("CREATE TABLE s.half_made AS SELECT error('stop') AS x FROM range(3)")
    assert "Table with name half_made does not exist" in store.error("FROM s.half_made")
    store.execute("CREATE TABLE s.half_made AS SELECT 1 AS x")
    assert store.rows("FROM s.half_made") == [(1,)]


def test_prepared_statements_see_the_transaction_in_which_they_run(store: Session) -> None:
    store.execute("CREATE TABLE s.counted (i INTEGER)")
    store.execute("PREPARE counting AS SELECT count(*) FROM s.counted")
    store.execute("BEGIN")
    assert store.value("EXECUTE counting") == 0
    store.execute("INSERT INTO s.counted VALUES (1)")
    assert store.value("EXECUTE counting") == 1
    store.execute("ROLLBACK")
    assert store.value("EXECUTE counting") == 0


def test_nobody_sees_what_is_not_committed(open_store: OpenStore, folder: Path) -> None:
    one = open_store(folder)
    two, elsewhere = one.cursor(), open_store(folder)
    one.execute("CREATE TABLE s.watched AS SELECT 1 AS i")
    one.execute("BEGIN")
    one.execute("INSERT INTO s.watched VALUES (2)")
    one.execute("DELETE FROM s.watched WHERE i = 1")
    for other in (two, elsewhere):
        assert other.rows("FROM s.watched") == [(1,)]
    two.execute("BEGIN")
    two.execute("INSERT INTO s.watched VALUES (3)")
    one.execute("COMMIT")
    assert one.rows("FROM s.watched") == elsewhere.rows("FROM s.watched") == [(2,)]
    two.execute("COMMIT")
    assert sorted(elsewhere.rows("FROM s.watched")) == [(2,), (3,)]


@pytest.mark.full
def test_a_commit_that_is_refused_leaves_nothing(store: Session) -> None:
    store.execute("CREATE TABLE s.unique (i INTEGER PRIMARY KEY)")
    store.execute("CREATE TABLE s.beside (i INTEGER)")
    store.execute("INSERT INTO s.unique VALUES (1)")
    store.execute("BEGIN")
    store.execute("INSERT INTO s.beside VALUES (1)")
    store.execute("INSERT INTO s.unique VALUES (1)")
    message = store.error("COMMIT")
    assert "Failed to commit" in message
    assert "ValueError: duplicate key in table unique" in message
    assert store.rows("FROM s.beside") == []
    assert store.rows("FROM s.unique") == [(1,)]
    assert "duplicate key" in store.error("INSERT INTO s.unique VALUES (2), (2)")
    store.execute("INSERT INTO s.unique VALUES (2)")
    assert store.rows("FROM s.unique ORDER BY i") == [(1,), (2,)]


@pytest.mark.full
def test_a_statement_that_is_refused(store: Session) -> None:
    store.execute("CREATE TABLE s.closed (never INTEGER)")
    assert "ValueError: nothing may be inserted here" in store.error("INSERT INTO s.closed VALUES (1)")
    store.execute("BEGIN")
    assert "nothing may be inserted" in store.error("INSERT INTO s.closed VALUES (1)")
    store.execute("ROLLBACK")
    assert store.rows("FROM s.closed") == []


def test_a_transaction_changes_the_tables_of_one_schema(store: Session) -> None:
    store.execute("CREATE TABLE s.here (i INTEGER)")
    store.execute("CREATE TABLE s.other.there (i INTEGER)")
    store.execute("BEGIN")
    store.execute("INSERT INTO s.here VALUES (1)")
    assert store.rows("FROM s.other.there") == []
    message = store.error("INSERT INTO s.other.there VALUES (1)")
    assert "this transaction has changed tables of schema 'main'; those of 'other' could not be committed" in message
    store.execute("ROLLBACK")
    assert store.rows("FROM s.here") == []


# Death


@pytest.mark.full
def test_a_transaction_whose_journal_is_lost(open_session: Callable[..., Session], tmp_path: Path) -> None:
    session = open_session()
    folder, state = tmp_path / "folder", tmp_path / "state"
    folder.mkdir()
    place = location("writable", environment=f"DUCKWING_STATE_DIR={shlex.quote(str(state))}")
    session.execute(attach_statement(place, "store", "s", f"folder {literal(str(folder))}"))
    session.execute("CREATE TABLE s.t (i INTEGER)")
    for write_again in (False, True):
        session.execute("BEGIN")
        session.execute("INSERT INTO s.t VALUES (1)")
        [journal] = (state / "scopes").glob("transaction-*")
        shutil.rmtree(journal)
        message = session.error("INSERT INTO s.t VALUES (2)" if write_again else "COMMIT")
        assert (
            "the changes of this transaction are lost, because it was idle for too long; none of them is in" in message
        )
        if write_again:
            session.execute("ROLLBACK")
        assert session.rows("FROM s.t") == []
    session.close()


def kill_workers(folder: Path) -> None:
    """Kill all processes that have served this folder."""
    for pid in {int(line) for line in (folder / "pids").read_text().split()}:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_workers_that_die_before_the_commit(open_store: OpenStore, folder: Path) -> None:
    store = open_store(folder)
    store.execute("CREATE TABLE s.t (i INTEGER)")
    store.execute("BEGIN")
    store.execute("INSERT INTO s.t SELECT * FROM range(5000)")
    kill_workers(folder)
    assert store.value("SELECT count(*) FROM s.t") == 5000
    kill_workers(folder)
    store.execute("COMMIT")
    kill_workers(folder)
    assert store.row("SELECT count(*), sum(i) FROM s.t") == (5000, 12497500)


@pytest.mark.stdio
@pytest.mark.parametrize(
    ("step", "is_in"),
    [
        pytest.param("apply", False, marks=pytest.mark.full),
        ("half", False),
        pytest.param("done", True, marks=pytest.mark.full),
    ],
)
def test_a_worker_that_dies_in_the_commit(open_store: OpenStore, folder: Path, step: str, is_in: bool) -> None:
    store = open_store(folder)
    store.execute("CREATE TABLE s.t AS SELECT 0 AS i")
    store.execute("BEGIN")
    store.execute("INSERT INTO s.t VALUES (1), (2)")
    store.execute("INSERT INTO s.t VALUES (3)")
    (folder / "crash").write_text(step)
    message = store.error("COMMIT")
    again = "a worker process died while it committed; whether the changes are in is not known"
    assert (again if TRIED_AGAIN else DIED) in message
    assert sorted(store.values("FROM s.t")) == ([0, 1, 2, 3] if is_in else [0])
    store.execute("INSERT INTO s.t VALUES (4)")
    assert sorted(store.values("FROM s.t")) == ([0, 1, 2, 3, 4] if is_in else [0, 4])


@pytest.mark.parametrize("step", [pytest.param("check", marks=pytest.mark.full), "scan"])
@pytest.mark.parametrize("options", [POOLED, pytest.param(NOT_POOLED, marks=pytest.mark.full)])
def test_a_worker_that_dies_in_a_statement(open_store: OpenStore, folder: Path, step: str, options: str) -> None:
    store = open_store(folder, options)
    store.execute("CREATE TABLE s.t AS SELECT 0 AS i")
    (folder / "crash").write_text(step)
    statement = "INSERT INTO s.t SELECT i + 1 FROM s.t"
    try:
        store.execute(statement)
    except Exception:
        assert store.values("FROM s.t") == [0]  # not a row, and the next one is as good as ever
        store.execute(statement)
    assert sorted(store.values("FROM s.t")) == [0, 1]


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(3))
def test_workers_that_die_at_any_time(open_store: OpenStore, folder: Path, seed: int) -> None:
    store = open_store(folder, threads=4)
    store.execute("CREATE TABLE s.t (i BIGINT)")
    chance = random.Random(seed)
    size, expected = 10_000, 0
    for start in range(0, 10 * size, size):
        timer = threading.Timer(chance.uniform(0, 1), kill_workers, [folder])
        timer.start()
        unknown = False
        try:
            store.execute(f"INSERT INTO s.t SELECT range FROM range({start}, {start + size})")
            expected += size
        except duckdb.Error as error:
            unknown = "is not known" in str(error)
        timer.join()
        count, distinct = store.row("SELECT count(*), count(DISTINCT i) FROM s.t")
        assert count == distinct
        assert count in ((expected, expected + size) if unknown else (expected,))
        expected = count
