"""What functions of every kind know of their query: settings, secrets, the caller, the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import NOT_POOLED, POOLED
from .session import Session, attach_statement, location

pytestmark = pytest.mark.sql

SECRET = "hunter2"


@pytest.fixture(scope="module", params=[POOLED, pytest.param(NOT_POOLED, marks=pytest.mark.full)])
def session(open_session: Callable[..., Session], request: pytest.FixtureRequest) -> Iterator[Session]:
    session = open_session(request.param)
    session.attach("context")
    yield session
    session.close()


DEFAULTS = "days=None factor=0.5 flag=None label='none' limit=5 list=[1, 2] price=None since=None"
NAMES = ["limit", "label", "flag", "factor", "price", "days", "since", "list"]

KINDS = [
    "context.settings()",
    "context.settings_of_row(1)",
    "range(1) r(i), context.settings_of_row(i)",
    "context.settings_of_batch((FROM range(1)))",
    "context.settings_of_all((FROM range(1)))",
]


def shown(session: Session, call: str) -> str:
    return str(session.value(f"SELECT text FROM {call}"))


# Settings


@pytest.mark.parametrize("call", KINDS)
def test_settings(session: Session, call: str) -> None:
    assert shown(session, call) == DEFAULTS
    changed = {
        "limit": ("9", "9"),
        "label": ("'it''s'", '"it\'s"'),
        "flag": ("true", "True"),
        "factor": ("2", "2.0"),
        "price": ("1.5", "Decimal('1.50')"),
        "days": ("[DATE '2024-01-02', NULL]", "[datetime.date(2024, 1, 2), None]"),
        "since": ("TIMESTAMP '2024-01-02 03:04:05'", "datetime.datetime(2024, 1, 2, 3, 4, 5)"),
        "list": ("[3]", "[3]"),
    }
    try:
        for name, (value, _) in changed.items():
            session.execute(f"SET context_{name} = {value}")
        expected = " ".join(f"{name}={changed[name][1]}" for name in sorted(NAMES))
        assert shown(session, call) == expected
    finally:
        for name in NAMES:
            session.execute(f"RESET context_{name}")
    assert shown(session, call) == DEFAULTS


def test_settings_are_listed(session: Session) -> None:
    query = "SELECT value, description, input_type FROM duckdb_settings() WHERE name = 'context_limit'"
    assert session.rows(query) == [("5", "how many", "BIGINT")]


def test_a_setting_of_another_type(session: Session) -> None:
    assert "Could not convert string 'x' to INT64" in session.error("SET context_limit = 'x'")


# Secrets


@pytest.fixture(scope="module")
def unlocked(open_session: Callable[..., Session], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A database with secrets, which logs all that it can; its worker writes what it prints to a file."""
    session = open_session()
    session.execute("CALL enable_logging('VGI', level = 'TRACE')")
    where = location("context", environment="DUCKWING_STATE_DIR=" + str(tmp_path_factory.mktemp("state") / "state"))
    session.execute(attach_statement(where, "context", "context", session.options))
    create = "CREATE SECRET {} (TYPE context_key, KEY '{}'{})"
    session.execute(create.format("plain", SECRET, ""))
    session.execute(create.format("scoped", f"{SECRET}-scoped", ", REGION 'r', SCOPE 's3://a'"))
    session.execute(create.format("deeper", f"{SECRET}-deeper", ", SCOPE 's3://a/b'"))
    yield session
    session.close()


def test_the_scope_decides(unlocked: Session) -> None:
    expected = {
        "s3://a/x": "scoped context_key ['key', 'region'] 14 r ['s3://a']",
        "s3://a/b/c": "deeper context_key ['key'] 14 None ['s3://a/b']",
        "s3://b": "plain context_key ['key'] 7 None []",
    }
    for path, text in expected.items():
        assert unlocked.rows(f"FROM context.unlocked('{path}')") == [(text,)]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("context.unlocked_row(1)", "1 7"),
        ("range(1) r(i), context.unlocked_row(i)", "0 7"),
        ("context.unlocked_batch((FROM range(5000)))", "5000 7"),
        ("context.unlocked_all((FROM range(5000)))", "5000 7"),
        ("context.perhaps()", "plain"),
    ],
)
def test_every_kind(unlocked: Session, call: str, expected: str) -> None:
    assert shown(unlocked, call) == expected


def test_by_name_and_by_type(unlocked: Session) -> None:
    absent = (
        "ArgumentError: function 'named' needs a secret of type 'context_key' named 'the_one'; make one with CREATE"
    )
    assert absent in unlocked.error("FROM context.named()")
    other = (
        "ArgumentError: function 'two' needs a secret of type 'context_other'; make one with CREATE SECRET (TYPE con"
    )
    assert other in unlocked.error("FROM context.two()")
    unlocked.execute("CREATE SECRET the_one (TYPE context_key, KEY 'hunter2', REGION 'here', SCOPE 'nowhere://')")
    unlocked.execute("CREATE SECRET (TYPE context_other, KEY 'hunter2!')")
    assert unlocked.values("FROM context.named()") == ["here"]
    assert unlocked.values("FROM context.two()") == ["context_key context_other 7 8"]
    unlocked.execute("DROP SECRET the_one")


def test_without_secrets(session: Session) -> None:
    assert session.values("FROM context.perhaps()") == ["none"]
    message = session.error("FROM context.unlocked('s3://a')")
    assert (
        "function 'unlocked' needs a secret of type 'context_key' for 's3://a'; make one with CREATE SECRET" in message
    )
    for call in ("unlocked_row(1)", "unlocked_batch((FROM range(5)))", "unlocked_all((FROM range(5)))"):
        assert "needs a secret of type 'context_key'; make one with CREATE SECRET" in session.error(
            f"FROM context.{call}"
        )


def test_secrets_are_not_printed(unlocked: Session) -> None:
    message = unlocked.error("FROM context.fails_with_secret()")
    assert "ValueError: the key Secret(name='plain', type='context_key', keys=['key']) does not open" in message
    assert SECRET not in message
    unlocked.rows("FROM context.unlocked('s3://b')")
    unlocked.rows("FROM context.unlocked_all((FROM range(5)))")
    logged = unlocked.values("SELECT message::VARCHAR FROM duckdb_logs")
    assert any("about to fail (key=Secret(name=" in text for text in logged)
    forms = (SECRET, SECRET.encode().hex(), SECRET.encode().hex().upper())
    assert [text for text in logged if any(form in text for form in forms)] == []


# The caller and the log


def test_the_caller(session: Session) -> None:
    assert session.values("FROM context.caller()") == ["'' False caller context"]


def test_log_messages(open_session: Callable[..., Session], tmp_path: Path) -> None:
    session = open_session()
    session.execute("CALL enable_logging('VGI')")
    session.attach("context")
    try:
        session.rows("FROM range(3) r(v), context.logged_row(v)")
        session.rows("FROM context.logged_batch((FROM range(7)))")
        session.rows("FROM context.logged_all((FROM range(7)))")
        logged = "\n".join(session.values("SELECT message::VARCHAR FROM duckdb_logs"))
    finally:
        session.close()
    for expected in ("a row (n=2)", "a batch (rows=7)", "kept", "split", "given"):
        assert expected in logged
