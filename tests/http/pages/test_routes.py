from __future__ import annotations

import asyncio
import dataclasses
import gzip
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from duckwing.http.pages.site import Site
from duckwing.http.pages.wasm import FILES, THREAD, engine_folder

from .conftest import app_of

HTML = {"Accept": "text/html,application/xhtml+xml,application/json;q=0.9"}


class Browser:
    """Asks the pages of a site for something."""

    def __init__(self, site: Site, root_path: str = ""):
        self._transport = httpx.ASGITransport(app_of(site), root_path=root_path)

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://worker.example:8080") as client:
                return await client.request(method, path, **more)

        return asyncio.run(ask())

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def head(self, path: str) -> httpx.Response:
        return self.request("HEAD", path)


def client(site: Site) -> Browser:
    return Browser(site)


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).write_bytes(b"content of " + name.encode())
    with gzip.open(tmp_path / "duckdb-eh.wasm.gz", "wb") as file:
        file.write(b"content of duckdb-eh.wasm")
    (tmp_path / "manifest.json").write_text("{}")
    return tmp_path


def test_the_page_shows_the_catalog(shop_site: Site) -> None:
    text = client(shop_site).get("/", headers=HTML).text
    for part in (
        '<h1 id="name">The Shop</h1>',
        "Orders of a <em>small</em> shop",
        "ATTACH &#39;shop&#39; (TYPE vgi, LOCATION &#39;http://worker.example:8080&#39;);",
        "What some pieces cost.",
        "SELECT price(3)",
        "one of &#39;small&#39;, &#39;large&#39;",
        'href="https://shop.example/guide"',
        "data_version=1.0.0",
        shop_site.server_id,
    ):
        assert part in text, part


def test_a_catalog_that_cannot_be_attached_shows_the_reason(shop_site: Site) -> None:
    text = client(shop_site).get("/?catalog=closed", headers=HTML).text
    assert 'role="alert"' in text
    assert (
        "ATTACH &#39;closed&#39; (TYPE vgi, "
        "LOCATION &#39;http://worker.example:8080&#39;, key &#39;&lt;VARCHAR&gt;&#39;);" in text
    )
    assert "Your membership" in text
    assert 'id="contents-title"' not in text


@pytest.mark.parametrize(
    ("accept", "query", "json"),
    [
        ("application/json", "", True),
        ("application/json, text/plain", "", True),
        ("text/html, application/json", "", False),
        ("*/*", "", False),
        ("", "", False),
        ("text/html", "?format=json", True),
        ("text/html", "?format=xml", False),
    ],
)
def test_html_or_status(shop_site: Site, accept: str, query: str, json: bool) -> None:
    answer = client(shop_site).get(f"/{query}", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == ("application/json" if json else "text/html")
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    if json:
        assert answer.json() == {
            "status": "ok",
            "server_id": shop_site.server_id,
            "protocol": "vgi",
            "worker": "shops",
            "doc": "",
            "version": "2.1.0",
            "lang": "python",
            "oauth": False,
        }


@pytest.mark.parametrize("path", ["/", "/describe", "/console", "/static/page.css", "/static/page.js", "/?format=json"])
def test_headers_of_pages(shop_site: Site, path: str) -> None:
    browser = client(shop_site)
    answer = browser.get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy
    if answer.headers["content-type"].startswith("text/html"):
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
    tag = answer.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{32}(-gzip)?"', tag)
    plain = browser.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content
    assert (plain.headers["etag"] == tag) == ("content-encoding" not in answer.headers)
    again = browser.get(path, headers={"If-None-Match": f'W/"x", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    head = browser.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == answer.headers["content-length"]
    assert head.headers["etag"] == tag


def test_pages_have_no_inline_script_or_style_and_load_nothing_from_elsewhere(shop_site: Site) -> None:
    for path in ("/", "/describe", "/console"):
        text = client(dataclasses.replace(shop_site, engine=Path("/"))).get(path).text
        assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []
        assert "<style" not in text
        assert re.findall(r"""\s(?:style|on[a-z]+)=["']""", text) == []
        for tag in re.findall(r"<(?:script|link|img|iframe|form)\b[^>]*>", text):
            assert re.search(r'(?:src|href)="/static/', tag), tag


def test_pages_of_a_caller_are_private(shop_site: Site) -> None:
    signed_in = dataclasses.replace(shop_site, signed_in="ada@example.org", oauth=True)
    answer = client(signed_in).get("/")
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "ada@example.org" in answer.text
    assert 'href="/_oauth/logout"' in answer.text
    private = dataclasses.replace(shop_site, private=True)
    assert client(private).get("/describe").headers["cache-control"] == "private, no-cache"


def test_everything_is_below_the_prefix(shop_site: Site) -> None:
    browser = client(dataclasses.replace(shop_site, prefix="/vgi/shops"))
    for path in ("/vgi/shops", "/vgi/shops/"):
        text = browser.get(path).text
        assert "LOCATION &#39;http://worker.example:8080/vgi/shops&#39;" in text
        for address in re.findall(r'(?:href|src)="(/[^"]*)"', text):
            assert address.startswith("/vgi/shops/"), address
    assert browser.get("/vgi/shops/static/page.css").status_code == 200
    for path in ("/", "/vgi", "/vgi/shopsx", "/describe", "/vgi/shops/unknown"):
        assert browser.get(path).status_code == 404, path


def test_a_worker_that_is_mounted_in_another_application(shop_site: Site) -> None:
    browser = Browser(dataclasses.replace(shop_site, prefix="/vgi"), root_path="/mounted")
    text = browser.get("/mounted/vgi/").text
    assert "LOCATION &#39;http://worker.example:8080/mounted/vgi&#39;" in text
    for address in re.findall(r'(?:href|src)="(/[^"]*)"', text):
        assert address.startswith("/mounted/vgi/"), address
    assert browser.get("/mounted//vgi//static/page.css").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/../site.py",
        "/static/page.css/",
        "/static/%2e%2e/site.py",
        "/vgi.v2/bind",
        "/consoles",
        "/wasm/x",
    ],
)
def test_other_paths_are_not_ours(shop_site: Site, path: str) -> None:
    assert client(shop_site).get(path).status_code == 404


def test_only_reading_is_answered(shop_site: Site) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert client(shop_site).request(method, "/").status_code == 404


def test_pages_can_be_left_out(shop_site: Site) -> None:
    browser = client(dataclasses.replace(shop_site, describe=False, console=False))
    assert browser.get("/describe").status_code == 404
    assert browser.get("/console").status_code == 404
    text = browser.get("/").text
    assert "/describe" not in text
    assert "/console" not in text


def test_the_console_knows_where_to_sign_in(shop_site: Site, engine: Path) -> None:
    for oauth in (True, False):
        site = dataclasses.replace(shop_site, engine=engine, prefix="/vgi", oauth=oauth)
        text = client(site).get("/vgi/console").text
        assert 'data-worker="/vgi/"' in text
        assert ('data-login="/vgi/_oauth/login"' in text) is oauth


@pytest.mark.parametrize(
    ("forwarded", "scheme"), [("https", "https"), ("HTTPS, http", "https"), ("http", "http"), ("https'x", "http")]
)
def test_a_proxy_may_speak_https(shop_site: Site, forwarded: str, scheme: str) -> None:
    text = client(shop_site).get("/", headers={"X-Forwarded-Proto": forwarded}).text
    assert f"LOCATION &#39;{scheme}://worker.example:8080&#39;" in text


@pytest.mark.parametrize("host", ["evil.example/'); DROP", 'a"onclick="x', "a b", "<x>", "exa\tmple", ""])
def test_a_malformed_host_is_not_shown(shop_site: Site, host: str) -> None:
    text = client(shop_site).get("/", headers={"Host": host}).text
    assert "LOCATION &#39;http://worker.example:8080&#39;" in text
    assert not host or host not in text


def test_the_console_says_how_to_install_the_engine(shop_site: Site) -> None:
    text = client(shop_site).get("/console").text
    assert "duckwing engine install --wasm" in text
    assert "console.js" not in text


def test_the_console_attaches_this_worker(shop_site: Site, engine: Path) -> None:
    answer = client(dataclasses.replace(shop_site, prefix="/vgi", engine=engine)).get("/vgi/console")
    assert (
        'data-attach="ATTACH &#39;shop&#39; (TYPE vgi, LOCATION &#39;http://worker.example:8080/vgi&#39;)"'
        in answer.text
    )
    assert 'data-use="USE shop.main"' in answer.text
    assert 'data-base="/vgi/wasm"' in answer.text
    assert 'data-sql="SELECT price(3)"' in answer.text
    assert "'wasm-unsafe-eval'" in answer.headers["content-security-policy"]


def test_files_of_the_engine(shop_site: Site, engine: Path) -> None:
    browser = client(dataclasses.replace(shop_site, engine=engine))
    for name, media_type in FILES.items():
        answer = browser.get(f"/wasm/{name}")
        assert answer.content == b"content of " + name.encode()
        assert answer.headers["content-type"].split(";")[0] == media_type
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert ("connect-src 'self'" in policy) == ("'wasm-unsafe-eval'" in policy) == (name == THREAD)
        assert "'unsafe-eval'" not in policy
        again = browser.get(f"/wasm/{name}", headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    for name in ("manifest.json", "duckdb-eh.wasm.gz", "..%2Fwasm%2Farrow.js", ""):
        assert browser.get(f"/wasm/{name}").status_code == 404, name


@pytest.mark.parametrize(
    ("accept", "coding"),
    [("gzip, br", "gzip"), ("br;q=1.0, gzip;q=0.8", "gzip"), ("gzip;q=0", None), ("br", None), ("xgzip", None)],
)
def test_the_engine_is_compressed_for_those_who_take_it(
    shop_site: Site, engine: Path, accept: str, coding: str | None
) -> None:
    browser = client(dataclasses.replace(shop_site, engine=engine))
    answer = browser.get("/wasm/duckdb-eh.wasm", headers={"Accept-Encoding": accept})
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.content == b"content of duckdb-eh.wasm"


def test_an_incomplete_engine_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUCKWING_CACHE", str(tmp_path))
    folder = tmp_path / "wasm"
    folder.mkdir()
    for name in FILES:
        assert engine_folder() is None
        (folder / name).touch()
    assert engine_folder() == folder
