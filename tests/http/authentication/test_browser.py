"""Signing in with a browser, against a real provider on this machine."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from duckwing.http.authentication import (
    BrowserSignIn,
    ConfigurationError,
    ProtectedResource,
    Reason,
    Rejected,
    Unavailable,
    browser,
    jwt_bearer,
    static_bearer,
)
from duckwing.http.tokens import Sealer

from .presenting import presented, refused
from .provider import AUDIENCE, CLIENT, Provider
from .serving import Browser


class Worker:
    """A worker at ``/vgi`` whose pages need a sign-in."""

    def __init__(self, provider: Provider, **resource: Any) -> None:
        self.provider = provider
        self.resource = ProtectedResource(
            **{
                "resource": "https://w.example",
                "authorization_servers": (provider.issuer,),
                "scopes": ("openid", "email"),
                "client_id": CLIENT,
            }
            | resource
        )
        self.authenticate = jwt_bearer(provider.issuer, AUDIENCE)
        self.seals = Sealer([os.urandom(32)])
        self.sign_in = BrowserSignIn(self.resource, self.authenticate, self.seals, "/vgi")
        self.browser = self.new_browser()

    def new_browser(self) -> Browser:
        handlers = {"/vgi/_oauth/callback": self.sign_in.callback, "/vgi/_oauth/logout": self.sign_in.logout}
        return Browser(handlers | {"": self.sign_in.begin}, self.resource.origin)

    def begin(self, path: str = "/vgi/tables?x=1") -> dict[str, str]:
        """Ask for a page; returns what the provider is asked."""
        answer = self.browser("GET", path)
        assert answer.status_code == 302
        assert answer.headers["location"].startswith(self.provider.issuer + "/authorize?")
        return {name: value[0] for name, value in parse_qs(urlsplit(answer.headers["location"]).query).items()}

    def grant(self, asked: dict[str, str], **answer: Any) -> str:
        """Be the provider: give a code for what is asked; returns the way back."""
        answer = {"access_token": self.provider.token(email="a@example.org"), "expires_in": 300} | answer
        self.provider.codes["code-1"] = (answer, asked["code_challenge"])
        return f"/vgi/_oauth/callback?code=code-1&state={asked['state']}"


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Provider() as provider:
        yield Worker(provider)


def cookies(answer: httpx.Response) -> dict[str, tuple[str, set[str]]]:
    """Values and attributes of the cookies that ``answer`` sets, by name."""
    found = {}
    for line in answer.headers.get_list("set-cookie"):
        pair, *attributes = line.split("; ")
        name, _, value = pair.partition("=")
        found[name] = (value, set(attributes))
    return found


def test_the_provider_is_asked_for_a_code_with_proof_of_possession(worker: Worker) -> None:
    answer = worker.browser("GET", "/vgi/tables?x=1")
    asked = {name: value[0] for name, value in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    assert len(asked.pop("state")) >= 32
    assert len(asked.pop("code_challenge")) == 43
    assert asked == {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": "https://w.example/vgi/_oauth/callback",
        "scope": "openid email",
        "code_challenge_method": "S256",
    }
    assert answer.headers["cache-control"] == "no-store"
    (name, (value, attributes)) = cookies(answer).popitem()
    assert name == "_vgi_oauth_session"
    assert attributes == {"Path=/vgi/_oauth/", "SameSite=Lax", "Max-Age=600", "Secure", "HttpOnly"}
    assert b"tables" not in base64.urlsafe_b64decode(value + "==")


def test_signing_in_leads_back_to_the_page_with_a_cookie_that_counts(worker: Worker) -> None:
    back = worker.grant(worker.begin())
    answer = worker.browser("GET", back)
    assert (answer.status_code, answer.headers["location"]) == (302, "/vgi/tables?x=1")
    found = cookies(answer)
    token, attributes = found["_vgi_auth"]
    assert attributes == {"Path=/vgi", "SameSite=Lax", "Max-Age=300", "Secure", "HttpOnly"}
    assert worker.authenticate(presented(("Cookie", f"_vgi_auth={token}"))).principal == "alice"
    shown, attributes = found["_vgi_identity"]
    assert "HttpOnly" not in attributes
    assert json.loads(base64.urlsafe_b64decode(shown + "==")) == {"sub": "alice", "email": "a@example.org"}
    assert found["_vgi_oauth_session"] == ("", {"Path=/vgi/_oauth/", "SameSite=Lax", "Max-Age=0", "Secure", "HttpOnly"})
    (form,) = worker.provider.forms
    assert form["redirect_uri"] == "https://w.example/vgi/_oauth/callback"
    assert "client_secret" not in form


def test_the_secret_goes_to_the_provider_alone(worker: Worker) -> None:
    own = Worker(worker.provider, client_secret="hush", token_endpoint="https://w.example/vgi/_oauth/token")
    asked = own.browser("GET", "/vgi/")
    assert "hush" not in asked.headers["location"]
    query = {name: value[0] for name, value in parse_qs(urlsplit(asked.headers["location"]).query).items()}
    assert own.browser("GET", own.grant(query)).status_code == 302
    assert own.provider.forms[0]["client_secret"] == "hush"


def test_the_id_token_is_the_credential_where_it_shall_be(worker: Worker) -> None:
    own = Worker(worker.provider, use_id_token=True)
    id_token = own.provider.token(sub="bob", name="Bob", picture=7)
    answer = own.browser("GET", own.grant(own.begin(), access_token="opaque", id_token=id_token))
    found = cookies(answer)
    assert found["_vgi_auth"][0] == id_token
    shown = json.loads(base64.urlsafe_b64decode(found["_vgi_identity"][0] + "=="))
    assert shown == {"sub": "bob", "name": "Bob"}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda url: url.split("&state")[0], 400),
        (lambda url: url + "x", 400),
        (lambda url: url + "&state=again", 400),
        (lambda url: url + "&code=again", 400),
        (lambda url: url + "&iss=https://elsewhere.example", 400),
        (lambda url: url + "&error=access_denied", 403),
        (lambda url: url.replace("code-1", "stolen"), 502),
        (lambda url: url.replace("code-1", ""), 400),
        (lambda url: url.replace("code-1", "%00"), 400),
    ],
)
def test_callbacks_that_do_not_belong_here_sign_nobody_in(worker: Worker, change: Any, status: int) -> None:
    answer = worker.browser("GET", change(worker.grant(worker.begin())))
    assert answer.status_code == status
    assert not cookies(answer)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_callback_in_another_browser_signs_nobody_in(worker: Worker) -> None:
    back = worker.grant(worker.begin())
    for stranger in (worker.new_browser(), Worker(worker.provider).browser):
        answer = stranger("GET", back)
        assert (answer.status_code, cookies(answer)) == (400, {})


def test_a_damaged_cookie_signs_nobody_in(worker: Worker) -> None:
    back = worker.grant(worker.begin())
    (cookie,) = worker.browser.cookies.jar
    for value in (
        "",
        "x",
        "!",
        f"{cookie.value}; _vgi_oauth_session={cookie.value}",
        f"{cookie.value}"[:-2],
        "A" * 5000,
    ):
        answer = worker.new_browser()("GET", back, Cookie=f"_vgi_oauth_session={value}")
        assert (answer.status_code, cookies(answer)) == (400, {})


def test_a_sign_in_must_be_finished_in_time(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    token = worker.provider.token(exp=int(time.time()) + 3600)
    back = worker.grant(worker.begin(), access_token=token)
    (cookie,) = worker.browser.cookies.jar
    now = time.time()
    for late, status in ((browser.PATIENCE + 2, 400), (-60, 400), (browser.PATIENCE - 2, 302)):
        monkeypatch.setattr(time, "time", lambda late=late: now + late)
        answer = worker.new_browser()("GET", back, Cookie=f"_vgi_oauth_session={cookie.value}")
        assert answer.status_code == status


def test_a_token_that_the_worker_refuses_makes_no_loop(worker: Worker) -> None:
    foreign = worker.provider.token(aud="another")
    answer = worker.browser("GET", worker.grant(worker.begin(), access_token=foreign))
    assert (answer.status_code, cookies(answer)) == (403, {})


def test_a_token_that_fits_no_cookie_is_refused(worker: Worker) -> None:
    for token in (worker.provider.token(padding="x" * 4000), "a;b", "a\r\nb", "", 7, None):
        answer = worker.browser("GET", worker.grant(worker.begin(), access_token=token))
        assert (answer.status_code, cookies(answer)) == (502, {})


def test_an_outage_is_said_to_be_one(worker: Worker) -> None:
    back = worker.grant(worker.begin())
    worker.provider.broken["/token"] = (503, b"")
    assert worker.browser("GET", back).status_code == 502
    with Provider() as broken:
        broken.broken["/.well-known/openid-configuration"] = (503, b"")
        answer = Worker(broken).browser("GET", "/vgi/")
        assert (answer.status_code, cookies(answer)) == (503, {})


def test_a_provider_without_https_is_not_gone_to(worker: Worker) -> None:
    document = {"issuer": worker.provider.issuer, "authorization_endpoint": "http://elsewhere.example/authorize"}
    worker.provider.broken["/.well-known/openid-configuration"] = (200, json.dumps(document).encode())
    assert worker.browser("GET", "/vgi/").status_code == 502


def test_signing_out_clears_the_cookies(worker: Worker) -> None:
    worker.browser("GET", worker.grant(worker.begin()))
    assert {cookie.name for cookie in worker.browser.cookies.jar} == {"_vgi_auth", "_vgi_identity"}
    answer = worker.browser("GET", "/vgi/_oauth/logout")
    assert answer.status_code == 200
    assert not list(worker.browser.cookies.jar)


@pytest.mark.parametrize(
    "path", ["/vgi/_oauth/login", "/vgi/_oauth/x?y", "/elsewhere", "/vgi/../x", "/vgi/" + "x" * 2048]
)
def test_there_is_no_way_back_to_anywhere_else(worker: Worker, path: str) -> None:
    answer = worker.browser("GET", worker.grant(worker.begin(path)))
    assert answer.headers["location"] == "/vgi/"


@pytest.mark.parametrize("base", ["", "/vgi"])
@settings(deadline=None)
@given(path=st.text(st.sampled_from("/\\.%2eEfF?#:@vgi\t\n ahtps"), max_size=30))
def test_what_is_inside_stays_on_this_site(base: str, path: str) -> None:
    resource = ProtectedResource(
        resource="https://w.example", authorization_servers=("https://id.example",), client_id="cid"
    )
    sign_in = BrowserSignIn(resource, static_bearer({"t": "a"}), Sealer([bytes(32)]), base)
    if sign_in.is_inside(base + path):
        led = httpx.URL("https://w.example/").join(base + path)
        assert led.host == "w.example"
        assert not base or led.path == base or led.path.startswith(base + "/")


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/vgi//evil", "/vgi/%2E%2e/x", "/vgix", "", "vgi/"],
)
def test_what_leads_away_is_outside(worker: Worker, path: str) -> None:
    assert not worker.sign_in.is_inside(path)


def test_a_proxy_may_serve_the_worker_elsewhere() -> None:
    with Provider() as provider:
        moved = Worker(provider, resource="http://localhost:8080/public")
        answer = moved.browser("GET", "/vgi/tables")
        value, attributes = cookies(answer)["_vgi_oauth_session"]
        assert attributes == {"Path=/public/_oauth/", "SameSite=Lax", "Max-Age=600", "HttpOnly"}
        session = json.loads(moved.seals.open(value.encode(), browser.PURPOSE))
        assert session["path"] == "/public/tables"


def test_the_client_must_be_known() -> None:
    resource = ProtectedResource(resource="https://w.example", authorization_servers=("https://id.example",))
    with pytest.raises(ConfigurationError, match="client_id"):
        BrowserSignIn(resource, static_bearer({"t": "a"}), Sealer([bytes(32)]))


def test_without_a_cookie_nobody_is_signed_in(worker: Worker) -> None:
    assert refused(worker.authenticate, presented(("Cookie", "_vgi_identity=e30"))) is Reason.MISSING


@pytest.mark.parametrize(
    ("method", "headers", "error", "invited"),
    [
        ("GET", {"accept": "text/html,*/*"}, Rejected(Reason.MISSING), True),
        ("GET", {"accept": "text/html"}, Rejected(Reason.EXPIRED), True),
        ("GET", {"accept": "text/html"}, Rejected(Reason.SCOPE), False),
        ("GET", {"accept": "text/html"}, Rejected(Reason.PROXY), False),
        ("GET", {"accept": "text/html"}, Unavailable(), False),
        ("GET", {"accept": "text/html", "authorization": "Bearer x"}, Rejected(Reason.INVALID), False),
        ("GET", {"accept": "application/json"}, Rejected(Reason.MISSING), False),
        ("GET", {}, Rejected(Reason.MISSING), False),
        ("HEAD", {"accept": "text/html"}, Rejected(Reason.MISSING), False),
    ],
)
def test_people_are_sent_to_sign_in_and_programs_are_not(
    worker: Worker, method: str, headers: dict[str, str], error: Exception, invited: bool
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    request = Request({"type": "http", "method": method, "path": "/vgi/", "headers": raw})
    assert worker.sign_in.invites(request, error) is invited
