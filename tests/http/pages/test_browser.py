"""The pages in a real browser. Skipped where there is none: Debian's packages are chromium and chromium-driver."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from .conftest import CONTRAST, app_of, closed, serving, shop, site_of

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(app_of(site_of(shop(), closed()))) as origin:
        yield origin


@pytest.fixture
def browser(chromium: webdriver.Chrome, address: str) -> Iterator[webdriver.Chrome]:
    """A browser that has forgotten everything, and must have nothing to complain of."""
    chromium.get(f"{address}/static/page.css")
    chromium.execute_script("localStorage.clear(); sessionStorage.clear()")
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    complaints(chromium)
    yield chromium
    assert complaints(chromium) == []


def complaints(browser: webdriver.Chrome) -> list[str]:
    """Errors that the browser has reported since the last time, such as broken policies."""
    entries = browser.get_log("browser")  # type: ignore[no-untyped-call]
    return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]


def scheme(browser: webdriver.Chrome, name: str) -> None:
    """What the system prefers."""
    features = [{"name": "prefers-color-scheme", "value": name}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def one(browser: webdriver.Chrome, selector: str) -> WebElement:
    return browser.find_element(By.CSS_SELECTOR, selector)


def focused(browser: webdriver.Chrome) -> Any:
    return browser.execute_script("return document.activeElement.id || document.activeElement.textContent.trim()")


def press(browser: webdriver.Chrome, *keys: str) -> None:
    ActionChains(browser).send_keys(*keys).perform()


def shown_objects(browser: webdriver.Chrome) -> list[str]:
    names: list[str] = browser.execute_script(
        "return [...document.querySelectorAll('details.object')].filter(o => o.checkVisibility())"
        ".map(o => o.querySelector('b').textContent)"
    )
    return names


def test_the_filter_by_keyboard(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}/")
    assert len(shown_objects(browser)) == 6
    press(browser, "/")
    assert focused(browser) == "filter"
    press(browser, *"customer orders")
    assert shown_objects(browser) == ["orders_of"]
    assert one(browser, "#matches").text == "1 of 6"
    assert not one(browser, "[id='~sales']").is_displayed()
    press(browser, Keys.ARROW_DOWN, Keys.ENTER)
    assert one(browser, "details[open] b").text == "orders_of"
    press(browser, Keys.ARROW_UP)
    assert focused(browser) == "filter"
    press(browser, *" nowhere")
    assert shown_objects(browser) == []
    assert one(browser, "#nothing").is_displayed()
    press(browser, Keys.ESCAPE)
    assert len(shown_objects(browser)) == 6
    assert not one(browser, "#nothing").is_displayed()


def test_the_filter_finds_descriptions_and_arguments(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}/")
    for text, names in (("WHAT SOME pieces", ["price"]), ("discounts", ["price"]), ("those that count", ["big"])):
        field = one(browser, "#filter")
        field.clear()
        field.send_keys(text)
        assert shown_objects(browser) == names, text


def test_the_filter_does_not_look_at_headings_and_buttons(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}/")
    for text in ("copy", "open in the console", "positional", "meaning"):
        field = one(browser, "#filter")
        field.clear()
        field.send_keys(text)
        assert shown_objects(browser) == [], text


def test_expand_and_collapse_all(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}/")
    one(browser, "#expand").click()
    assert len(browser.find_elements(By.CSS_SELECTOR, "details.object[open]")) == 6
    one(browser, "#collapse").click()
    assert browser.find_elements(By.CSS_SELECTOR, "details.object[open]") == []


def test_a_link_opens_what_it_points_to(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}/#~main.scalar.price")
    assert one(browser, "details[open] b").text == "price"
    browser.execute_script("location.hash = '#~sales.macros.twice'")
    WebDriverWait(browser, 10).until(lambda b: b.find_elements(By.CSS_SELECTOR, "[id='~sales.macros.twice'][open]"))


def test_copy(browser: webdriver.Chrome, address: str) -> None:
    browser.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"origin": address, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
    )
    browser.get(f"{address}/")
    one(browser, "label[for=snippet-python]").click()
    button = one(browser, "[data-tab=python] .copy")
    button.click()
    WebDriverWait(browser, 10).until(lambda _: button.text == "Copied")
    copied = browser.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert copied.startswith("import duckwing\n")
    assert f"LOCATION '{address}'" in copied


def test_the_theme_follows_the_system_until_it_is_chosen(browser: webdriver.Chrome, address: str) -> None:
    def background() -> str:
        return str(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))

    scheme(browser, "light")
    browser.get(f"{address}/")
    light = background()
    scheme(browser, "dark")
    dark = background()
    assert light != dark
    button = one(browser, "#theme")
    button.click()
    assert (background(), button.text) == (light, "☀ Light")
    browser.get(f"{address}/describe")
    assert background() == light
    one(browser, "#theme").click()
    scheme(browser, "light")
    assert background() == dark
    one(browser, "#theme").click()
    assert background() == light


def test_everything_is_reached_by_keyboard_and_shows_its_focus(browser: webdriver.Chrome, address: str) -> None:
    for path in ("/", "/describe", "/console"):
        browser.get(f"{address}{path}")
        wanted = browser.execute_script(
            """
            const kinds = "a[href], button, summary, input, textarea, select, pre[tabindex]";
            const stops = [...document.querySelectorAll(kinds)]
              .filter((e) => e.checkVisibility() && !e.disabled && !(e.type === "radio" && !e.checked));
            stops.forEach((e, place) => (e.dataset.stop = place));
            return stops.length;
            """
        )
        reached = set()
        for _ in range(wanted + 5):
            press(browser, Keys.TAB)
            place, ring = browser.execute_script(
                """
                const e = document.activeElement;
                const ringed = e.type === "radio" ? e.nextElementSibling : e;
                return [e.dataset.stop, getComputedStyle(ringed).outlineStyle];
                """
            )
            if place is not None:
                assert ring != "none", place
                reached.add(int(place))
        assert reached == set(range(wanted)), path


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(browser: webdriver.Chrome, address: str, theme: str) -> None:
    scheme(browser, theme)
    for path in ("/", "/?catalog=closed", "/describe", "/console"):
        browser.get(f"{address}{path}")
        browser.execute_script("document.querySelectorAll('details').forEach((e) => (e.open = true))")
        assert browser.execute_script(CONTRAST) == [], path


def test_names_for_screen_readers(browser: webdriver.Chrome, address: str) -> None:
    for path in ("/", "/describe", "/console"):
        browser.get(f"{address}{path}")
        nameless = browser.execute_script(
            """
            return [...document.querySelectorAll("a, button, input, textarea, select")].filter((e) =>
              !(e.textContent.trim() || e.getAttribute("aria-label") || (e.labels && e.labels.length))
            ).map((e) => e.outerHTML);
            """
        )
        assert nameless == []
        assert len(browser.find_elements(By.CSS_SELECTOR, "main")) == 1
        assert len(browser.find_elements(By.CSS_SELECTOR, "h1")) == 1
        levels = browser.execute_script("return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), levels
        ids = browser.execute_script("return [...document.querySelectorAll('[id]')].map(e => e.id)")
        assert len(ids) == len(set(ids))


def test_a_narrow_screen_does_not_scroll_sideways(browser: webdriver.Chrome, address: str) -> None:
    narrow = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
    for path in ("/", "/?catalog=closed", "/describe", "/console"):
        browser.get(f"{address}{path}")
        browser.execute_script("document.querySelectorAll('details').forEach((e) => (e.open = true))")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 360, path


def test_the_page_without_scripts(browser: webdriver.Chrome, address: str) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(f"{address}/")
        assert browser.find_elements(By.CSS_SELECTOR, ".copy") == []
        assert not one(browser, "#filter").is_displayed()
        assert not one(browser, "#theme").is_displayed()
        one(browser, "label[for=snippet-node]").click()
        assert one(browser, "[data-tab=node]").is_displayed()
        assert not one(browser, "[data-tab=sql]").is_displayed()
        summary = one(browser, "[id='~main.scalar.price'] > summary")
        assert not one(browser, "[id='~main.scalar.price'] table").is_displayed()
        summary.click()
        assert one(browser, "[id='~main.scalar.price'] table").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_a_page_of_markup_in_names_runs_none_of_it(browser: webdriver.Chrome) -> None:
    import duckwing as dw

    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    catalog = dw.Catalog(evil, comment=evil, tags={"vgi.title": evil, "vgi.doc_md": evil, evil: evil})
    catalog.schema(f"{evil} 2", comment=evil).view(evil, "SELECT 1 AS one", comment=evil)
    catalog.macro(evil, ["x"], "x", comment=evil)
    with serving(app_of(site_of(catalog, worker=evil, signed_in=evil, engine=Path("/nowhere")))) as origin:
        browser.get(f"{origin}/")
        browser.execute_script("document.querySelectorAll('details').forEach((e) => (e.open = true))")
        assert browser.title == evil
        assert one(browser, "h1").text == evil
        assert browser.find_elements(By.CSS_SELECTOR, "img, body script") == []


def test_the_console_without_an_engine(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}/console")
    assert "duckwing engine install --wasm" in one(browser, "main").text
