from __future__ import annotations

import datetime
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import pytest
import uvicorn
from annotated_types import Ge
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

import duckwing as dw
from duckwing.http.pages.memory import connect_to
from duckwing.http.pages.routes import page
from duckwing.http.pages.site import Site
from duckwing.types import BIGINT, DOUBLE, VARCHAR


def shop() -> dw.Catalog:
    """A catalog that has one of everything that a page shows."""
    shop = dw.Catalog(
        "shop",
        comment="Orders of a *small* shop",
        version="2.1.0",
        data_versions=("1.0.0", "2.0.0"),
        releases=[
            dw.Release(
                "2.0.0",
                datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC),
                "More orders",
                "https://shop.example/notes/2",
            ),
            dw.Release("1.0.0"),
        ],
        source_url="https://shop.example/source",
        tags={
            "vgi.title": "The Shop",
            "vgi.doc_md": "## What is in it\n\nAll **orders**, see [the guide](https://shop.example/guide).",
            "vgi.license": "MIT",
            "vgi.support_policy_url": "https://shop.example/support",
            "vgi.keywords": '["orders", "retail"]',
            "owner": "finance",
        },
    )
    shop.setting("shop_currency", VARCHAR, default="EUR", description="What prices are shown in")
    shop.attach_option("region", VARCHAR, default="north", description="Which shops")
    shop.secret_type("shop_api", {"token": VARCHAR}, redact=["token"], description="Access to the shop")

    @shop.scalar(examples=[("SELECT price(3)", "three of them")], categories=["money"])
    def price(pieces: int, each: float = 2.5) -> float:
        """What some pieces cost.

        Args:
            pieces: how many.
            each: price of one, see `discounts`.
        """
        return pieces * each

    @shop.table_function(columns={"n": BIGINT, "size": VARCHAR}, examples=["FROM orders_of(3, size := 'small')"])
    def orders_of(
        customer: Annotated[int, Ge(1)], *, size: Literal["small", "large"] = "small"
    ) -> Iterator[tuple[int, str]]:
        """The orders of a customer."""
        for n in range(customer):
            yield n, size

    @shop.aggregate
    class total:
        """A sum."""

        sum: float = 0.0

        def update(self, value: float) -> None:
            self.sum += value

        def merge(self, other: total) -> None:
            self.sum += other.sum

        def result(self) -> float:
            return self.sum

    sales = shop.schema("sales", comment="What was sold")
    shop.table("orders", orders_of, args=(100,), primary_key=["n"], comment="Hundred orders")
    shop.view("big", "SELECT * FROM orders WHERE n > 90", comment="Those that count")
    sales.macro("twice", ["x"], "x * 2", comment="Double")
    return shop


def closed() -> dw.Catalog:
    """A catalog that cannot be attached without an option."""
    closed = dw.Catalog("closed", comment="For members")
    closed.attach_option("key", VARCHAR, required=True, description="Your membership")
    closed.attach_option("scale", DOUBLE, default=1.5)
    return closed


def site_of(*catalogs: dw.Catalog, **more: Any) -> Site:
    """The site of a worker in this process."""
    server = dw.Worker(*catalogs).server()
    given = {"worker": "shops", "server_id": server.server_id, "version": "2.1.0"}
    return Site(**{**given, "connect": lambda: connect_to(server.session), **more})


def app_of(site: Site) -> ASGIApp:
    """An application of pages alone."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            response = await page(Request(scope), site)
            await (response or PlainTextResponse("nothing here", 404))(scope, receive, send)

    return app


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """The origin at which an application is served by a thread of this process."""
    config = uvicorn.Config(
        app, port=0, lifespan="auto", log_level="warning", ws="none", loop="asyncio", timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    bound = threading.Event()
    started = server.startup

    async def startup(sockets: Any = None) -> None:
        await started(sockets)
        bound.set()

    server.startup = startup  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert bound.wait(30), "the server did not start"
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture
def shop_site() -> Site:
    return site_of(shop(), closed())


CONTRAST = """
const parse = (color) => color.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map((c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const behind = (e) => {
  for (; e; e = e.parentElement) {
    const color = parse(getComputedStyle(e).backgroundColor);
    if (color.length < 4 || color[3] > 0) return color;
  }
  return [255, 255, 255];
};
const poor = [];
for (const e of document.querySelectorAll("body *")) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || !e.checkVisibility() || e.closest("svg, .skip, .unseen, noscript, :disabled")) continue;
  const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) poor.push([e.tagName, e.className, e.textContent.trim().slice(0, 30), ratio]);
}
return poor;
"""
"""Gives the visible texts whose contrast is below what WCAG 2 (AA) asks for; a script."""

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--force-prefers-reduced-motion",
    "--window-size=1280,1000",
)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("no browser: install chromium and chromedriver (Debian: chromium, chromium-driver)")
    options = Options()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield browser
    finally:
        browser.quit()
