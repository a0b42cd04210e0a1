"""A REST API as tables: pages are fetched side by side, and conditions become parameters of the requests.

    ATTACH 'weather' AS w (TYPE vgi, LOCATION 'duckwing run worker.py', url 'http://localhost:8000');
    SELECT max(celsius) FROM w.readings WHERE station IN ('oslo', 'lima') AND day = DATE '2024-06-01';

The API answers ``GET /stations`` and ``GET /readings?station=…&day=…`` with a page of JSON,
``{"items": […], "pages": 7}``, and takes ``page=2`` for the next one.
"""

from __future__ import annotations

import datetime
import itertools
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import duckwing as dw
from duckwing.types import DATE, DOUBLE, VARCHAR

TABLES = {
    "stations": {"id": VARCHAR, "name": VARCHAR, "altitude": DOUBLE},
    "readings": {"station": VARCHAR, "day": DATE, "celsius": DOUBLE},
}

PARAMETERS = {"stations": ["id"], "readings": ["station", "day"]}
"""The columns that the API can look for."""

MOST_REQUESTS = 100
"""For more combinations of values all rows are asked for: the rest is sorted out here."""

AT_ONCE = 8
"""How many requests run side by side."""


class Api:
    """The tables of one server."""

    def __init__(self, url: str):
        self.url = url

    def version(self, ctx: dw.Context) -> int:
        return 1  # the tables never change

    def tables(self, ctx: dw.Context) -> list[str]:
        return list(TABLES)

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        columns = TABLES.get(name.lower())
        return None if columns is None else dw.TableDefinition(columns)

    def cardinality(self, name: str, ctx: dw.Context) -> int:
        """About so many rows; the values of smaller tables then become filters of larger ones in joins."""
        return {"stations": 100, "readings": 100_000}[name.lower()]

    def scan(self, name: str, ctx: dw.Context) -> Iterator[dict[str, list[Any]]]:
        name = name.lower()
        asked = queries(name, ctx.filters)
        with ThreadPoolExecutor(AT_ONCE) as threads:
            firsts = threads.map(lambda query: self.page(name, query, 1), asked)
            for query, first in zip(asked, firsts, strict=True):
                numbers = range(2, first["pages"] + 1)
                others = threads.map(lambda number, query=query: self.page(name, query, number), numbers)
                for page in itertools.chain([first], others):
                    ctx.measure("requests")
                    yield {column: [parsed(column, item[column]) for item in page["items"]] for column in ctx.columns}

    def page(self, name: str, query: dict[str, str], number: int) -> dict[str, Any]:
        """One page of the answer."""
        url = f"{self.url}/{name}?{urllib.parse.urlencode({**query, 'page': number})}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                page: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            raise ConnectionError(f"{url} answers {error.code} {error.reason}") from None
        except urllib.error.URLError as error:
            raise ConnectionError(f"{url} does not answer: {error.reason}") from None
        return page


def queries(name: str, filters: dw.Filters) -> list[dict[str, str]]:
    """The parameters of the requests that together have all rows that are wanted."""
    pinned = {column: filters[column].values for column in PARAMETERS[name]}
    choices = {
        column: [str(v) for v in values if v is not None] for column, values in pinned.items() if values is not None
    }
    found = [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]
    return found if len(found) <= MOST_REQUESTS else [{}]


def parsed(column: str, value: Any) -> Any:
    """A JSON value in the type of its column."""
    return datetime.date.fromisoformat(value) if column == "day" else value


weather = dw.Catalog("weather", comment="Weather stations, by HTTP")
weather.attach_option("url", VARCHAR, default="http://localhost:8000", description="Where the API is")
weather.mount(Api)

if __name__ == "__main__":
    dw.Worker(weather).run()
