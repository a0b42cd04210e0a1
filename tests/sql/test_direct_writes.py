"""Providers that know no transactions: each change is done at once, and they say what it came to."""

from __future__ import annotations

import pytest

from .session import Session, attach_statement, location

pytestmark = pytest.mark.sql


@pytest.fixture
def notes(sql: Session) -> Session:
    """A new attachment, and so no rows."""
    sql.execute("DETACH DATABASE IF EXISTS direct")
    sql.execute(attach_statement(location("direct"), "direct", "direct", "pool true"))
    return sql


def test_rows_for_returning_are_those_that_write_gives(notes: Session) -> None:
    statement = "INSERT INTO direct.notes(text) VALUES ('a'), ('b') RETURNING id, text"
    assert notes.rows(statement) == [(10, "a"), (20, "b")]
    assert notes.rows("FROM direct.notes") == [(10, "a"), (20, "b")]
    assert notes.rows("UPDATE direct.notes SET text = 'c' WHERE id = 10 RETURNING text") == [("c",)]


def test_without_such_rows_they_are_those_of_the_statement(notes: Session) -> None:
    assert notes.rows("INSERT INTO direct.silent VALUES (7, 'a'), (8, 'b') RETURNING *") == [(7, "a"), (8, "b")]
    assert notes.rows("DELETE FROM direct.silent WHERE text = 'b' RETURNING *") == [(20, "b")]
    assert notes.rows("FROM direct.silent") == [(10, "a")]


def test_counts_are_those_that_write_gives(notes: Session) -> None:
    assert notes.value("INSERT INTO direct.counted(text) VALUES ('a'), ('b')") == 102
    assert notes.value("INSERT INTO direct.notes(text) VALUES ('a'), ('b')") == 2


def test_tables_take_what_they_say(notes: Session) -> None:
    message = notes.error("INSERT INTO direct.counted(text) VALUES ('a') RETURNING text")
    assert "does not support result mode 'rows' for INSERT (maximum is 'count')" in message
    assert notes.rows("INSERT INTO direct.added(text) VALUES ('a') RETURNING text") == [("a",)]
    assert "does not support UPDATE" in notes.error("UPDATE direct.added SET text = 'b'")
    assert "does not support DELETE" in notes.error("DELETE FROM direct.added")


def test_nothing_is_rolled_back(notes: Session) -> None:
    notes.execute("BEGIN")
    notes.execute("INSERT INTO direct.notes(text) VALUES ('a')")
    notes.execute("ROLLBACK")
    message = notes.error("INSERT INTO direct.notes(text) VALUES ('b'), ('never')")
    assert "ValueError: a note that must not be" in message
    assert notes.values("SELECT text FROM direct.notes") == ["a", "b"]


def test_a_merge_whose_columns_the_extension_mixes_up_is_refused(notes: Session) -> None:
    notes.execute("INSERT INTO direct.notes(text) VALUES ('a')")
    merge = """
        MERGE INTO direct.notes USING (VALUES (10, 'x'), (11, 'y')) v(id, text) ON notes.id = v.id
        WHEN MATCHED THEN UPDATE SET text = v.text WHEN NOT MATCHED THEN INSERT (id, text) VALUES (v.id, v.text)
    """
    assert "mixes up what UPDATE sets" in notes.error(merge)
