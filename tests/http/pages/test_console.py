"""The console, with the WebAssembly engine attached to a worker. Skipped where browser or engine are missing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

import duckwing as dw
from duckwing.http.app import Application
from duckwing.http.pages.wasm import engine_folder
from duckwing.http.settings import Served, Settings

from .conftest import CONTRAST, serving, shop

pytestmark = pytest.mark.full

SECONDS = 120


@pytest.fixture(scope="module")
def engine() -> Path:
    folder = engine_folder()
    if folder is None:
        pytest.skip("no WebAssembly engine: run duckwing engine install --wasm")
    return folder


@pytest.fixture(scope="module")
def address(engine: Path) -> Iterator[str]:
    worker = dw.Worker(shop())
    served = Served("shops", "2.1.0", worker.server)
    with serving(Application(served, Settings(keys=[os.urandom(32)], prefix="/vgi"))) as origin:
        yield f"{origin}/vgi"


@pytest.fixture(scope="module")
def console(address: str, chromium: webdriver.Chrome) -> webdriver.Chrome:
    """A console that is attached."""
    chromium.get(f"{address}/console")
    state = chromium.find_element(By.ID, "state")
    place = chromium.find_element(By.ID, "console")
    WebDriverWait(chromium, SECONDS).until(lambda _: place.get_dom_attribute("data-ready"))
    assert place.get_dom_attribute("data-ready") == "true", chromium.find_element(By.ID, "result").text
    assert state.text.endswith("in this browser, attached to this worker."), state.text
    return chromium


def run(browser: webdriver.Chrome, sql: str) -> None:
    field = browser.find_element(By.ID, "sql")
    field.clear()
    browser.execute_script("arguments[0].value = arguments[1]", field, sql)
    go(browser)


def go(browser: webdriver.Chrome) -> None:
    place = browser.find_element(By.ID, "console")
    browser.execute_script("arguments[0].dataset.done = ''", place)
    browser.find_element(By.ID, "sql").send_keys(Keys.CONTROL, Keys.ENTER)
    WebDriverWait(browser, SECONDS).until(lambda _: place.get_dom_attribute("data-done") == "true")


def summaries(browser: webdriver.Chrome) -> list[str]:
    return [one.text.rsplit(",", 1)[0] for one in browser.find_elements(By.CSS_SELECTOR, ".summary")]


def rows(browser: webdriver.Chrome) -> list[list[str]]:
    found: list[list[str]] = browser.execute_script(
        "return [...document.querySelectorAll('#result tbody tr')].map(r => [...r.cells].map(c => c.textContent))"
    )
    return found


def header(browser: webdriver.Chrome) -> list[str]:
    found: list[str] = browser.execute_script(
        "return [...document.querySelectorAll('#result thead th .type')].map(c => c.textContent)"
    )
    return found


def test_every_kind_of_function_of_the_worker(console: webdriver.Chrome) -> None:
    run(console, "SELECT price(n) AS p, price(n, 1.0), sales.twice(n) FROM orders ORDER BY n DESC LIMIT 2")
    assert rows(console) == [["247.5", "99.0", "198"], ["245.0", "98.0", "196"]]
    assert header(console) == ["DOUBLE", "DOUBLE", "BIGINT"]
    run(console, "SELECT total(n), count(*) FROM big")
    assert rows(console) == [["855.0", "9"]]
    run(console, "FROM shop.main.orders_of(2, size := 'large')")
    assert rows(console) == [["0", "large"], ["1", "large"]]
    assert summaries(console) == ["2 rows"]


def test_examples_and_history(console: webdriver.Chrome) -> None:
    console.find_element(By.CSS_SELECTOR, "[data-sql='SELECT price(3)']").click()
    assert console.switch_to.active_element.get_property("id") == "sql"
    go(console)
    assert rows(console) == [["7.5"]]
    run(console, "SELECT 42")
    console.find_element(By.CSS_SELECTOR, "#history option:nth-child(3)").click()
    assert console.find_element(By.ID, "sql").get_property("value") == "SELECT price(3)"


def test_errors_are_shown_as_text(console: webdriver.Chrome) -> None:
    run(console, "FROM orders_of(0)")
    assert "customer" in console.find_element(By.CSS_SELECTOR, "#result [role=alert]").text
    run(console, "SELECT '<img src=x onerror=alert(1)>' AS \"<b>x\"")
    assert rows(console) == [["<img src=x onerror=alert(1)>"]]
    assert console.find_elements(By.CSS_SELECTOR, "#result img, #result b") == []
    run(console, "SELECT <b>")
    assert "syntax error" in console.find_element(By.CSS_SELECTOR, "#result [role=alert]").text


def test_many_rows_are_cut_and_the_next_statement_works(console: webdriver.Chrome) -> None:
    run(console, "FROM range(1000000)")
    assert len(rows(console)) == 1000
    assert rows(console)[-1] == ["999"]
    assert summaries(console) == ["the first 1,000 rows; there are more"]
    run(console, "FROM range(1000)")
    assert summaries(console) == ["1,000 rows"]


def test_several_statements(console: webdriver.Chrome) -> None:
    run(console, "SET shop_currency = 'a;b'; SELECT 'ß;' AS a; -- that's all; really\n SELECT 2 ;")
    assert summaries(console) == ["Statement 1: done", "Statement 2: 1 row", "Statement 3: 1 row"]
    assert rows(console) == [["ß;"], ["2"]]


VALUES = {
    "170141183460469231731687303715884105727::HUGEINT": "170141183460469231731687303715884105727",
    "-0.05::DECIMAL(4,2)": "-0.05",
    "1234567890123456.789::DECIMAL(38,3)": "1234567890123456.789",
    "9223372036854775807": "9223372036854775807",
    "18446744073709551615::UBIGINT": "18446744073709551615",
    "0.1::FLOAT": "0.1",
    "0.1::DOUBLE": "0.1",
    "3::DOUBLE": "3.0",
    "'-inf'::DOUBLE": "-inf",
    "DATE '1901-02-03'": "1901-02-03",
    "TIME '01:02:03.5'": "01:02:03.5",
    "TIMESTAMP '1960-01-01 00:00:00.25'": "1960-01-01 00:00:00.25",
    "TIMESTAMP_NS '2024-02-29 01:02:03.456789123'": "2024-02-29 01:02:03.456789123",
    "TIMESTAMPTZ '2024-02-29 01:02:03+00'": "2024-02-29 01:02:03+00",
    "INTERVAL '-1 month 2 days 00:00:01.5'": "-1 month 2 days 00:00:01.5",
    "[1, NULL, 3]": "[1, NULL, 3]",
    "[[1], []]": "[[1], []]",
    "['it''s', 'a b', 'ok']": r"['it\'s', 'a b', ok]",
    "{'a': 1, 'b': [DATE '2024-01-01']}": "{'a': 1, 'b': [2024-01-01]}",
    "MAP {'k': 1.5, 'l': NULL}": "{k=1.5, l=NULL}",
    "[1, 2]::INTEGER[2]": "[1, 2]",
    r"'a\x00\x5Cz'::BLOB": r"a\x00\x5Cz",
    "NULL": "NULL",
    "true": "true",
    "'x'::ENUM('x', 'y')": "x",
    "uuid '504b27e9-4aec-447f-b101-14aa6cf30eb4'": "504b27e9-4aec-447f-b101-14aa6cf30eb4",
}


def test_values_look_as_duckdb_prints_them(console: webdriver.Chrome) -> None:
    run(console, f"SELECT {', '.join(VALUES)}")
    [found] = rows(console)
    assert dict(zip(VALUES, found, strict=True)) == VALUES


def test_rows_of_all_batches_are_right(console: webdriver.Chrome) -> None:
    run(console, "SELECT i, [i, i + 1], {'a': i}, i::VARCHAR FROM range(5000) t(i) WHERE i % 6 = 5")
    assert rows(console) == [[str(i), f"[{i}, {i + 1}]", f"{{'a': {i}}}", str(i)] for i in range(5, 5000, 6)]


def test_a_statement_in_a_link_is_not_run(console: webdriver.Chrome, address: str) -> None:
    console.get("about:blank")
    console.get(f"{address}/console#sql=SELECT%20'from%20a%20link'")
    place = console.find_element(By.ID, "console")
    WebDriverWait(console, SECONDS).until(lambda _: place.get_dom_attribute("data-ready"))
    assert console.find_element(By.ID, "sql").get_property("value") == "SELECT 'from a link'"
    assert rows(console) == []
    go(console)
    assert rows(console) == [["from a link"]]


def test_a_narrow_screen_does_not_scroll_sideways(console: webdriver.Chrome) -> None:
    run(console, "SELECT repeat('wide ', 100), repeat('x', 300), * FROM orders")
    narrow = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    console.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
    assert console.execute_script("return document.documentElement.scrollWidth") <= 360
    console.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(console: webdriver.Chrome, theme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": theme}]
    console.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    for sql in ("SELECT 1 AS a, NULL AS b, 'x' AS c", "SELECT nope"):
        run(console, sql)
        assert console.execute_script(CONTRAST) == []


def test_nothing_but_the_worker_is_reached(console: webdriver.Chrome, address: str) -> None:
    origin = address.removesuffix("/vgi")
    elsewhere = console.execute_script(
        "return performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith(arguments[0]))",
        origin,
    )
    assert elsewhere == []
    run(console, "FROM 'https://example.org/x.csv'")
    assert console.find_elements(By.CSS_SELECTOR, "#result [role=alert]")
