"""Tables, transactions, definitions and COPY."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from duckwing.client import At, AttachedCatalog, WorkerConnection, col, connect
from duckwing.errors import ArgumentError, CatalogError
from duckwing.rpc.errors import RemoteError
from duckwing.types import BIGINT, DOUBLE, VARCHAR

from .conftest import ROOT, command

To = Callable[[str | Path], WorkerConnection]
EXAMPLE = ROOT / "examples" / "all_in_one" / "worker.py"


@pytest.fixture
def store(to: To, tmp_path: Path) -> AttachedCatalog:
    """An empty folder of tables that can be written to."""
    return to("writable").attach("store", options={"folder": str(tmp_path)})


@pytest.fixture
def people(store: AttachedCatalog) -> AttachedCatalog:
    with store.transaction() as tx:
        tx.create_table("people", {"id": BIGINT, "name": VARCHAR, "score": DOUBLE}, primary_key=["id"])
        assert tx.insert("people", {"id": [1, 2, 3], "name": ["Ada", "Bo", None]}) == 3
    return store


def rows(catalog: AttachedCatalog, table: str = "people") -> list[dict[str, object]]:
    found: list[dict[str, object]] = catalog.table(table).scan(order_by="id").read_all().to_pylist()
    return found


# Reading


def test_a_table(to: To) -> None:
    june = to(EXAMPLE).attach().table("JUNE")
    assert june.info.comment == "June 2024 in the south"
    assert june.columns.names == ["station", "time", "celsius", "humidity"]
    few = june.scan(columns=["celsius"], where=col("time") < "2024-06-01 02:00:00").read_all()
    assert few.to_pydict() == {"celsius": [14.8, 13.9]}
    with pytest.raises(CatalogError, match="no table 'nosuch' in schema 'main'"):
        to(EXAMPLE).attach().table("nosuch")


def test_earlier_states(to: To) -> None:
    atlas = to("versions").attach("atlas")
    assert atlas.table("history").scan().read_all().to_pylist() == [{"old": "old 2", "new": "new 2", "n": 2}]
    earlier = atlas.table("history", at=At(version=1))
    assert earlier.columns.names == ["old", "n"]
    assert earlier.scan().read_all().to_pylist() == [{"old": "old 1", "n": 1}]
    assert atlas.table("history", at=At(timestamp="2023-01-01 00:00:00")).scan().read_all()["n"].to_pylist() == [1]
    assert atlas.table("entries", schema="ledger", at=At(version=2)).scan().read_all()["n"].to_pylist() == [0, 1]
    with pytest.raises(RemoteError, match="there is no version 9"):
        atlas.table("history", at=At(version=9)).scan().read_all()
    with pytest.raises(CatalogError, match="a version or a timestamp"):
        At()


FOREIGN = """
import duckwing as dw
from duckwing.types import BIGINT

foreign = dw.Catalog("foreign")


@foreign.table_function(columns={"n": BIGINT})
def numbers(count: int):
    yield {"n": range(count)}


foreign.branches("file", {"n": BIGINT}, [dw.Files("parquet", ["n.parquet"])])
foreign.branches("native", {"n": BIGINT}, [dw.Native("range", [3])])
foreign.branches("two", {"n": BIGINT}, [dw.Branch(numbers, args=[1]), dw.Branch(numbers, args=[2])])
foreign.branches("one", {"n": BIGINT}, [dw.Branch(numbers, args=[3])])
"""


def test_tables_that_only_duckdb_reads(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text(FOREIGN)
    with connect(command(tmp_path / "worker.py")) as worker:
        foreign = worker.attach()
        assert foreign.table("one").scan().read_all()["n"].to_pylist() == [0, 1, 2]
        for name in ("file", "native", "two"):
            with pytest.raises(CatalogError, match=f"table '{name}' .*only DuckDB can read"):
                foreign.table(name).scan()


# Writing


def test_what_is_written_is_there(people: AttachedCatalog) -> None:
    assert rows(people) == [
        {"id": 1, "name": "Ada", "score": None},
        {"id": 2, "name": "Bo", "score": None},
        {"id": 3, "name": None, "score": None},
    ]
    with people.transaction() as tx:
        assert tx.update("people", {"score": 7, "name": "Cy"}, where=col("id") >= 2) == 2
        assert tx.delete("people", where=col("id") == 3) == 1
        assert rows(tx) == [{"id": 1, "name": "Ada", "score": None}, {"id": 2, "name": "Cy", "score": 7.0}]
        assert len(rows(people)) == 3  # nobody else sees it yet
    assert rows(people) == [{"id": 1, "name": "Ada", "score": None}, {"id": 2, "name": "Cy", "score": 7.0}]


def test_rows_come_back(people: AttachedCatalog) -> None:
    with people.transaction() as tx:
        new = tx.insert("people", pa.table({"score": pa.array([1], pa.int8()), "ID": [4]}), returning=True)
        assert new.to_pylist() == [{"id": 4, "name": None, "score": 1.0}]
        changed = tx.update("people", {"name": "Di"}, where=col("id") == 4, returning=True)
        assert changed.to_pylist() == [{"id": 4, "name": "Di", "score": 1.0}]
        gone = tx.delete("people", where=col("name") == "Di", returning=True)
        assert gone.to_pylist() == [{"id": 4, "name": "Di", "score": 1.0}]


def test_rows_are_told_by_their_ids(people: AttachedCatalog) -> None:
    table = people.table("people")
    found = table.scan(columns=["id", table.row_id], order_by="id").read_all()
    with people.transaction() as tx:
        news = found.append_column("name", [["a", "b", "c"]]).drop_columns("id")
        assert tx.update_rows("people", news) == 3
        assert tx.delete_rows("people", found[table.row_id].slice(1)) == 2
    assert rows(people) == [{"id": 1, "name": "a", "score": None}]
    with people.transaction() as tx, pytest.raises(ArgumentError, match="needs the row ids, column '_row'"):
        tx.update_rows("people", {"name": ["x"]})


@pytest.mark.parametrize("count", [0, 2048, 5000])
def test_many_rows(people: AttachedCatalog, count: int) -> None:
    with people.transaction() as tx:
        assert tx.delete("people") == 3
        assert tx.insert("people", {"id": pa.array(range(count), pa.int32())}) == count
        assert tx.update("people", {"score": 1.5}) == count
    assert people.table("people").scan(where=col("score") == 1.5).read_all().num_rows == count


def test_an_error_rolls_back(people: AttachedCatalog) -> None:
    with contextlib.suppress(LookupError), people.transaction() as tx:
        tx.delete("people")
        assert rows(tx) == []
        raise LookupError("changed my mind")
    assert len(rows(people)) == 3
    with pytest.raises(RemoteError, match="duplicate key in table people"), people.transaction() as tx:
        tx.insert("people", {"id": [1]})
    assert len(rows(people)) == 3


def test_a_transaction_ends_once(people: AttachedCatalog) -> None:
    with people.transaction() as tx:
        tx.delete("people", where=col("id") == 1)
        tx.rollback()
    assert len(rows(people)) == 3
    with people.transaction() as tx, pytest.raises(CatalogError, match="a transaction already"):
        tx.transaction()


def test_writes_that_cannot_be(people: AttachedCatalog, to: To) -> None:
    with people.transaction() as tx:
        with pytest.raises(ArgumentError, match="there is no column 'wrong'; the columns are id, name, score"):
            tx.insert("people", {"wrong": [1]})
        with pytest.raises(ArgumentError, match="column 'id' must be BIGINT, got VARCHAR"):
            tx.insert("people", {"id": ["x"]})
        with pytest.raises(ArgumentError, match="column 'score' must be DOUBLE, got 'x'"):
            tx.update("people", {"score": "x"})
        with pytest.raises(CatalogError, match="table 'log' does not support DELETE"):
            tx.delete_rows("log", [0], schema="inserts")
    with (
        to("writable").attach("fixed").transaction() as tx,
        pytest.raises(CatalogError, match="does not support INSERT"),
    ):
        tx.insert("listed", {"n": [1]})


def test_definitions(store: AttachedCatalog) -> None:
    with store.transaction() as tx:
        tx.create_table("t", {"id": BIGINT, "a": VARCHAR}, not_null=["id"], defaults={"a": "'x'"}, unique=[["a"]])
        tx.create_table("t", {"other": BIGINT}, on_conflict="ignore")
        with pytest.raises(ArgumentError, match="column 'a' of table 't' has a default"):
            tx.insert("t", {"id": [1]})
        tx.add_column("t", "b", DOUBLE)
        tx.rename_column("t", "a", "c")
        tx.drop_column("t", "b")
        tx.rename_table("t", "u")
        tx.insert("u", {"id": [1], "c": ["y"]})
    [info] = [table for table in store.tables() if table.name == "u"]
    assert [field.name for field in info.columns] == ["id", "c", "_row"]
    assert info.not_null_constraints == (0,)
    assert rows(store, "u") == [{"id": 1, "c": "y"}]
    with store.transaction() as tx:
        tx.drop_table("u")
        tx.drop_table("u", missing_ok=True)
    assert [table.name for table in store.tables("main")] == []
    with store.transaction() as tx, pytest.raises(CatalogError, match="no column 'x'; it has id"):
        tx.create_table("t", {"id": BIGINT}, primary_key=["x"])
    with store.transaction() as tx, pytest.raises(CatalogError, match="'error', 'ignore' or 'replace'"):
        tx.create_table("t", {"id": BIGINT}, on_conflict="perhaps")


def test_what_a_catalog_does_not_do(store: AttachedCatalog) -> None:
    with store.transaction() as tx:
        refusals: list[Callable[[], None]] = [
            lambda: tx.create_schema("s"),
            lambda: tx.drop_schema("s"),
            lambda: tx.create_view("v", "SELECT 1"),
            lambda: tx.drop_view("v"),
            lambda: tx.rename_view("v", "w"),
            lambda: tx.comment_on_view("v", None),
            lambda: tx.comment_on_table("t", "x"),
            lambda: tx.comment_on_column("t", "c", "x"),
            lambda: tx.set_default("t", "c", "1"),
            lambda: tx.set_default("t", "c", None),
            lambda: tx.set_not_null("t", "c"),
            lambda: tx.set_not_null("t", "c", False),
            lambda: tx.change_type("t", "c", BIGINT, using="c::BIGINT"),
        ]
        for refused in refusals:
            with pytest.raises(RemoteError) as caught:
                refused()
            assert caught.value.type in ("CatalogError", "MethodNotImplementedError")


# COPY


def test_files(to: To, tmp_path: Path) -> None:
    copying = to("copying").attach()
    assert {info.format_name for info in copying.copy_formats()} == {"lines", "json", "counted"}
    file = tmp_path / "out.txt"
    table = pa.table({"n": pa.array(range(5000), pa.int64()), "s": ["x"] * 5000})
    assert copying.copy_to("LINES", file, table, sep="|", header=True) == 5000
    assert file.read_text("utf-8").splitlines()[:2] == ["n|s", "0|x"]
    columns = pa.schema([("n", VARCHAR), ("s", VARCHAR)])
    back = copying.copy_from("lines", file, columns, sep="|", skip=1).read_all()
    assert back.schema == columns
    assert back["n"].to_pylist() == [str(n) for n in range(5000)]
    assert copying.copy_to("counted", file, table.slice(0, 0)) == 0
    assert file.read_text("utf-8") == "0"


def test_files_that_cannot_be(to: To, tmp_path: Path) -> None:
    copying = to("copying").attach()
    with pytest.raises(CatalogError, match="no format 'wrong' to copy from; it has lines, json"):
        copying.copy_from("wrong", "x", pa.schema([]))
    with pytest.raises(ArgumentError, match="format 'lines' has no option 'wrong'; it has"):
        copying.copy_to("lines", "x", {"n": [1]}, wrong=1)
    with pytest.raises(RemoteError, match="will not write 1 rows"):
        copying.copy_to("counted", tmp_path / "out", {"n": [1]}, fail=True)
    assert not (tmp_path / "out").exists()
    with pytest.raises(RemoteError, match="No such file"):
        copying.copy_from("lines", tmp_path / "missing", pa.schema([("n", VARCHAR)])).read_all()
