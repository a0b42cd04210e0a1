"""The pages and the console of a worker that asks who calls. Skipped where browser or engine are missing."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.wait import WebDriverWait
from starlette.types import Receive, Scope, Send

import duckwing as dw
from duckwing.http.mounting import application
from duckwing.http.pages.wasm import engine_folder
from duckwing.process.http_options import Http
from duckwing.service.hooks import Hooks

from ..authentication.provider import AUDIENCE, CLIENT, Provider
from .conftest import CONTRAST, shop
from .test_console import SECONDS, rows, run

pytestmark = pytest.mark.full

needs_engine = pytest.mark.skipif(
    engine_folder() is None, reason="no WebAssembly engine: run duckwing engine install --wasm"
)


@dataclass
class Protected:
    """A worker that is configured by its environment as an operator would do it, and its provider.

    Attributes:
        address: of the worker.
        provider: where people sign in.
        last: path of the request with which sign-ins end: it and all others come without cookies.
        ended: that request has come.
    """

    address: str
    provider: Provider
    last: str = ""
    ended: bool = False

    def admit(self, **claims: Any) -> None:
        """Let the next person who comes to the provider be who ``claims`` say."""
        granted = {"access_token": self.provider.token(**claims), "token_type": "Bearer", "expires_in": 600}
        self.provider.grants.append(granted)


@pytest.fixture
def protected() -> Iterator[Protected]:
    catalog = shop()

    @catalog.scalar(stability="volatile")
    def me(n: int, ctx: dw.Context) -> str:
        return f"{ctx.caller.domain} {ctx.caller.principal} {ctx.caller.claims['email']} {n}"

    with Provider() as provider, socket.create_server(("127.0.0.1", 0)) as listening:
        # By another name than the provider's, so that for the browser it is another site.
        origin = f"http://localhost:{listening.getsockname()[1]}"
        environment = {
            "VGI_SIGNING_KEY": os.urandom(32).hex(),
            "VGI_JWT_ISSUER": provider.issuer,
            "VGI_JWT_AUDIENCE": AUDIENCE,
            "VGI_OAUTH_RESOURCE": f"{origin}/vgi",
            "VGI_OAUTH_AUTH_SERVERS": provider.issuer,
            "VGI_OAUTH_CLIENT_ID": CLIENT,
        }
        worker = application([catalog], Hooks(), Http(prefix="/vgi"), environment=environment)
        protected = Protected(f"{origin}/vgi", provider)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                protected.ended |= scope["path"] == protected.last
                if protected.ended:
                    scope["headers"] = [header for header in scope["headers"] if header[0] != b"cookie"]
            await worker(scope, receive, send)

        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", proxy_headers=False, ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield protected
        finally:
            server.should_exit = True
            thread.join(30)


@pytest.fixture
def browser(chromium: webdriver.Chrome) -> Iterator[webdriver.Chrome]:
    yield chromium
    chromium.execute_cdp_cmd("Network.clearBrowserCookies", {})


def one(browser: webdriver.Chrome, selector: str) -> WebElement:
    return browser.find_element(By.CSS_SELECTOR, selector)


def attached(browser: webdriver.Chrome) -> None:
    """Wait until the console is attached."""
    place = one(browser, "#console")
    WebDriverWait(browser, SECONDS).until(lambda _: place.get_dom_attribute("data-ready"))
    assert place.get_dom_attribute("data-ready") == "true", one(browser, "#result").text


def end_session(browser: webdriver.Chrome, protected: Protected, how: str) -> None:
    """What time does to a sign-in: browsers forget the cookie, or it is still there when the token no longer counts."""
    assert browser.get_cookie("_vgi_auth") is not None
    browser.delete_cookie("_vgi_auth")
    if how == "expired":
        token = protected.provider.token(exp=int(time.time()) - 100)
        browser.add_cookie({"name": "_vgi_auth", "value": token, "path": "/vgi", "httpOnly": True})


def test_whoever_opens_a_page_signs_in_and_comes_back_to_it(browser: webdriver.Chrome, protected: Protected) -> None:
    protected.admit(email="alice@example.org", name="Alice Zoë")
    browser.get(f"{protected.address}/?data_version=1.0.0#~main.scalar.me")
    assert browser.current_url == f"{protected.address}/?data_version=1.0.0#~main.scalar.me"
    assert protected.provider.asked["/authorize"] == 1
    assert one(browser, "details[open] b").text == "me"
    assert (one(browser, ".who").text, one(browser, ".who").get_attribute("title")) == (
        "Alice Zoë",
        "Signed in as alice",
    )
    assert "_vgi_auth" not in browser.execute_script("return document.cookie")
    browser.get(f"{protected.address}/describe")
    assert protected.provider.asked["/authorize"] == 1  # the sign-in is for all pages


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_signing_out(browser: webdriver.Chrome, protected: Protected, theme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": theme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    protected.admit(email="alice@example.org")
    browser.get(f"{protected.address}/")
    one(browser, ".tools a").click()
    assert "You are signed out" in one(browser, "main").text
    assert browser.get_cookies() == []
    assert browser.execute_script(CONTRAST) == []
    dark = browser.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(16, 19, 22)"
    assert dark is (theme == "dark")
    protected.admit(sub="bob", email="bob@example.org")
    one(browser, "main a").click()
    assert one(browser, ".who").text == "bob@example.org"


def test_somebody_whom_the_worker_refuses_is_told_and_not_sent_around(
    browser: webdriver.Chrome, protected: Protected
) -> None:
    protected.admit(aud="another")
    browser.get(f"{protected.address}/console")
    assert "this worker does not let you in" in one(browser, "main").text
    assert protected.provider.asked["/authorize"] == 1


@needs_engine
def test_the_console_calls_as_whoever_is_signed_in(browser: webdriver.Chrome, protected: Protected) -> None:
    protected.admit(email="alice@example.org")
    browser.get(f"{protected.address}/console#sql=SELECT%201")
    attached(browser)
    run(browser, "SELECT me(7), total(n) FROM orders GROUP BY ALL")
    assert rows(browser) == [["jwt alice alice@example.org 7", "4950.0"]]


@needs_engine
@pytest.mark.parametrize("how", ["forgotten", "expired"])
def test_a_sign_in_that_ends_while_the_console_is_open(
    browser: webdriver.Chrome, protected: Protected, how: str
) -> None:
    protected.admit(email="alice@example.org")
    browser.get(f"{protected.address}/console")
    attached(browser)
    run(browser, "CREATE TABLE memory.kept AS SELECT me(1) AS who")
    end_session(browser, protected, how)
    run(browser, "SELECT me(2)")
    told = one(browser, "#result [role=alert]")
    assert told.text.startswith("You are no longer signed in to this worker. Sign in again in another tab")
    for theme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": theme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        assert browser.execute_script(CONTRAST) == []

    console = browser.current_window_handle
    protected.admit(email="alice@example.org")
    one(browser, "#sign-in").click()
    WebDriverWait(browser, SECONDS).until(lambda _: len(browser.window_handles) == 2)
    browser.switch_to.window(next(handle for handle in browser.window_handles if handle != console))
    WebDriverWait(browser, SECONDS).until(lambda _: browser.current_url == f"{protected.address}/")
    assert one(browser, ".who").text == "alice@example.org"
    browser.close()
    browser.switch_to.window(console)
    WebDriverWait(browser, SECONDS).until(
        lambda _: told.text == "You are signed in again. Run the statement once more."
    )
    run(browser, "SELECT me(3), who FROM memory.kept")
    assert rows(browser) == [["jwt alice alice@example.org 3", "jwt alice alice@example.org 1"]]


@needs_engine
@pytest.mark.parametrize(
    "last", ["wasm/arrow.js", "wasm/duckdb-browser-eh.worker.js", "wasm/duckdb-eh.wasm", "vgi.v2/catalog_attach"]
)
def test_a_sign_in_that_ends_while_the_console_loads(
    browser: webdriver.Chrome, protected: Protected, last: str
) -> None:
    protected.admit(email="alice@example.org")
    protected.last = f"/vgi/{last}"
    browser.get(f"{protected.address}/console#sql=SELECT%20me(4)")
    place = one(browser, "#console")
    WebDriverWait(browser, SECONDS).until(lambda _: place.get_dom_attribute("data-ready") == "failed")
    assert one(browser, "#result [role=alert]").text == "You are no longer signed in to this worker. Sign in again."
    browser.delete_cookie("_vgi_auth")
    protected.last, protected.ended = "", False
    protected.admit(email="alice@example.org")
    one(browser, "#sign-in").click()
    WebDriverWait(browser, SECONDS).until(staleness_of(place))
    attached(browser)
    assert one(browser, "#sql").get_property("value") == "SELECT me(4)"
    run(browser, "SELECT me(4)")
    assert rows(browser) == [["jwt alice alice@example.org 4"]]


@needs_engine
def test_other_errors_are_shown_as_they_are(browser: webdriver.Chrome, protected: Protected) -> None:
    protected.admit(email="alice@example.org")
    browser.get(f"{protected.address}/console")
    attached(browser)
    run(browser, "SELECT me('x')")
    assert "Conversion Error" in one(browser, "#result [role=alert]").text
    assert browser.find_elements(By.ID, "sign-in") == []
