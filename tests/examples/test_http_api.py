"""The example that shows a REST API as tables: answers, and how many requests they cost."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import duckwing

EXAMPLE = Path(__file__).parents[2] / "examples" / "http_api"

pytestmark = pytest.mark.sql

_spec = importlib.util.spec_from_file_location("http_api_server", EXAMPLE / "server.py")
assert _spec is not None
assert _spec.loader is not None
api = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(api)


@pytest.fixture
def server() -> Iterator[Any]:
    """The API, on a port of its own."""
    with api.Server(delay=0.05) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def weather(engine: None, server: Any) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the API as ``w``."""
    with duckwing.connect(threads=2) as connection:
        place = duckwing.location(EXAMPLE / "worker.py").replace("'", "''")
        connection.execute(f"ATTACH 'weather' AS w (TYPE vgi, LOCATION '{place}', url '{server.url}')")
        yield connection


def test_all_rows(weather: duckdb.DuckDBPyConnection, server: Any) -> None:
    assert weather.execute("SELECT count(*), sum(celsius) FROM w.readings").fetchone() == (
        500,
        sum(reading["celsius"] for reading in api.READINGS),
    )
    assert sorted(int(query["page"]) for _, query in server.requests) == list(range(1, 11))
    assert 1 < server.most <= 8
    found = weather.execute("SELECT id, name, altitude FROM w.stations ORDER BY id").fetchall()
    assert found == [(s["id"], s["name"], s["altitude"]) for s in api.STATIONS]


@pytest.mark.parametrize(
    ("condition", "requests"),
    [
        ("station = 'oslo' AND day = DATE '2024-06-02'", [{"station": "oslo", "day": "2024-06-02"}]),
        ("station IN ('oslo', 'lima') AND celsius > 30", [{"station": "oslo"}, {"station": "lima"}] * 2),
        ("day = DATE '2024-07-01'", [{"day": "2024-07-01"}]),
        ("station = 'nowhere'", [{"station": "nowhere"}]),
        ("celsius = 7", [{}] * 10),
    ],
)
def test_conditions_become_parameters(
    weather: duckdb.DuckDBPyConnection, server: Any, condition: str, requests: list[dict[str, str]]
) -> None:
    rows = weather.execute(f"SELECT station, day::VARCHAR, celsius FROM w.readings WHERE {condition}").fetchall()
    expected = [(r["station"], r["day"], r["celsius"]) for r in api.READINGS]
    local = duckdb.execute(
        f"SELECT * FROM (VALUES {', '.join(map(repr, expected))}) t(station, d, celsius), (SELECT d::DATE AS day) "
        f"WHERE {condition}"
    ).fetchall()
    assert sorted(rows) == sorted(row[:3] for row in local)
    asked = [{key: value for key, value in query.items() if key != "page"} for _, query in server.requests]
    assert sorted(asked, key=str) == sorted(requests, key=str)


def test_a_join_asks_for_what_it_needs(weather: duckdb.DuckDBPyConnection, server: Any) -> None:
    weather.execute("CREATE TABLE near AS SELECT * FROM (VALUES ('ulm'), ('lima')) t(id)")
    query = "SELECT count(*) FROM w.readings WHERE station IN (FROM near)"
    assert weather.execute(query).fetchone() == (200,)
    assert {query.get("station") for _, query in server.requests} == {"ulm", "lima"}


def test_requests_are_counted(weather: duckdb.DuckDBPyConnection) -> None:
    [(_, plan)] = weather.execute("EXPLAIN ANALYZE SELECT max(celsius) FROM w.readings").fetchall()
    assert "requests: 10" in plan


def test_a_server_that_does_not_answer(engine: None, server: Any) -> None:
    with duckwing.connect() as connection:
        place = duckwing.location(EXAMPLE / "worker.py").replace("'", "''")
        connection.execute(f"ATTACH 'weather' AS w (TYPE vgi, LOCATION '{place}', url '{server.url}/v2')")
        with pytest.raises(duckdb.Error, match=r"ConnectionError: .*answers 404 Not Found"):
            connection.execute("FROM w.stations")
