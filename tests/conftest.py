"""What all tests share: the engine, connections to it, and what happens where there is none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

import duckwing.engine
from duckwing.engine import EngineError

if TYPE_CHECKING:
    import duckdb

if "CI" not in os.environ:  # where hypothesis does this by itself
    settings.register_profile("unhurried", deadline=None)
    settings.load_profile("unhurried")

NO_ENGINE = "no engine: "
"""How the reason of a test starts that was skipped for want of an engine."""


@pytest.fixture(scope="session")
def engine() -> None:
    """Skips the test where the engine does not work, and fails it on CI, where it must."""
    try:
        duckwing.engine.connect().close()
    except EngineError as error:
        reason = f"{NO_ENGINE}{error}"
    else:
        return
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def _sql_needs_engine(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("sql") is not None:
        request.getfixturevalue("engine")


@pytest.fixture
def connection(engine: None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection that can attach workers."""
    with duckwing.engine.connect() as connection:
        yield connection


@pytest.fixture
def attach() -> Callable[..., str]:
    """``attach(connection, location, catalog, alias=None, **options)``: attach a worker, give its local name."""

    def attach(
        connection: duckdb.DuckDBPyConnection,
        location: str,
        catalog: str,
        alias: str | None = None,
        **options: str | bool | int,
    ) -> str:
        local = catalog if alias is None else alias
        clauses = ["TYPE vgi", f"LOCATION {_literal(location)}"]
        clauses += [f"{name} {_literal(value) if isinstance(value, str) else value}" for name, value in options.items()]
        quoted = local.replace('"', '""')
        connection.execute(f'ATTACH {_literal(catalog)} AS "{quoted}" ({", ".join(clauses)})')
        return local

    return attach


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Tell loudly, in the very last line, that a run without an engine has tested only half."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if not isinstance(reporter, pytest.TerminalReporter):  # in a process of pytest-xdist
        return
    skipped = [report for report in reporter.stats.get("skipped", []) if NO_ENGINE in str(report.longrepr)]
    if skipped:
        reporter.write_line(
            f"NO ENGINE: {len(skipped)} tests that run SQL were SKIPPED; duckwing engine status tells why",
            red=True,
            bold=True,
        )
