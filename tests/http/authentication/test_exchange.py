"""Tokens for clients that do not know the client's secret."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from duckwing.http.authentication import ConfigurationError, ProtectedResource, TokenExchange, exchange

from .provider import CLIENT, Provider
from .serving import Browser

VERIFIER = "v" * 43


class Asking:
    """A client of the exchange."""

    def __init__(self, provider: Provider, **others: Any) -> None:
        self.provider = provider
        self.now = 0.0
        resource = ProtectedResource(
            resource="https://w.example",
            authorization_servers=(provider.issuer,),
            client_id=CLIENT,
            client_secret="hush",
            device_code_client_id="device",
            device_code_client_secret="hush too",
            token_endpoint="https://w.example/_oauth/token",
        )
        self.exchange = TokenExchange(resource, clock=lambda: self.now, **others)

    def __call__(
        self, form: dict[str, str] | bytes, method: str = "POST", address: str = "192.0.2.1", **headers: str
    ) -> httpx.Response:
        content = form if isinstance(form, bytes) else urlencode(form).encode()
        headers = {"content_type": "application/x-www-form-urlencoded"} | headers
        return Browser({"": self.exchange}, "https://w.example", address)(method, "/_oauth/token", content, **headers)


@pytest.fixture
def asking() -> Iterator[Asking]:
    with Provider() as provider:
        yield Asking(provider)


CODE = {"grant_type": "authorization_code", "client_id": CLIENT, "code": "c", "code_verifier": VERIFIER}
REFRESH = {"grant_type": "refresh_token", "client_id": CLIENT, "refresh_token": "r"}


def test_the_secret_is_added_and_the_answer_handed_back_as_it_is(asking: Asking) -> None:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    asking.provider.codes["c"] = ({"access_token": "at", "odd": ["\ud800", None]}, challenge)
    answer = asking({**CODE, "redirect_uri": "http://localhost:1/x", "client_secret": "mine", "audience": "other"})
    assert answer.status_code == 200
    assert answer.json() == {"access_token": "at", "odd": ["\ud800", None]}
    assert answer.headers["cache-control"] == "no-store"
    assert asking.provider.forms == [{**CODE, "redirect_uri": "http://localhost:1/x", "client_secret": "hush"}]


def test_each_client_has_its_own_secret(asking: Asking) -> None:
    answer = asking({**REFRESH, "client_id": "device"})
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_grant"})
    assert asking.provider.forms[0]["client_secret"] == "hush too"


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({**CODE, "grant_type": "client_credentials"}, 400, "unsupported_grant_type"),
        ({**CODE, "grant_type": "urn:ietf:params:oauth:grant-type:device_code"}, 400, "unsupported_grant_type"),
        ({**CODE, "client_id": "another"}, 400, "invalid_client"),
        ({"grant_type": "refresh_token"}, 400, "invalid_client"),
        (urlencode(CODE).encode() + b"&client_id=another", 400, "invalid_request"),
        (b"", 400, "unsupported_grant_type"),
        (b"\xff", 400, "invalid_request"),
        (b"a=%ff", 400, "invalid_request"),
        (b"&".join(b"a%d=1" % number for number in range(40)), 400, "invalid_request"),
        ({**CODE, "scope": "x" * exchange.MAX_BODY}, 413, "invalid_request"),
    ],
)
def test_nothing_else_reaches_the_provider(asking: Asking, form: Any, status: int, error: str) -> None:
    answer = asking(form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert not asking.provider.forms


def test_only_forms_are_read(asking: Asking) -> None:
    for media_type in ("application/json", "text/plain", ""):
        assert asking(CODE, content_type=media_type).status_code == 415
    assert asking(CODE, "GET").status_code == 405
    assert not asking.provider.forms


@pytest.mark.parametrize("path", ["/token", "/.well-known/openid-configuration"])
def test_an_outage_is_a_bad_gateway(asking: Asking, path: str) -> None:
    asking.provider.broken[path] = (503, b"busy")
    answer = asking(REFRESH)
    assert (answer.status_code, answer.json()["error"]) == (502, "server_error")
    assert asking.provider.issuer not in answer.text


def test_guessing_is_slowed_down_by_address(asking: Asking) -> None:
    wrong = {**REFRESH, "client_id": "another"}
    assert {asking(wrong).status_code for _ in range(exchange.RATE)} == {400}
    assert asking(wrong).status_code == 429
    assert asking(wrong, address="192.0.2.2").status_code == 400
    asking.now += 60 / exchange.RATE
    assert asking(wrong).status_code == 400
    assert asking(wrong).status_code == 429


@pytest.mark.parametrize(
    ("origin", "readable"),
    [
        ("https://app.example", True),
        ("http://localhost:3000", True),
        ("http://127.0.0.1:3000", True),
        ("https://other.example", False),
        ("http://app.example", False),
        ("http://localhost.evil.example", False),
        ("http://localhost:3000/path", False),
        ("null", False),
    ],
)
def test_only_known_pages_may_read_the_answer(asking: Asking, origin: str, readable: bool) -> None:
    listed = Asking(asking.provider, origins=["https://app.example", "*"])
    for answer in (listed(b"", "OPTIONS", origin=origin), listed(REFRESH, origin=origin)):
        assert answer.headers.get("access-control-allow-origin") == (origin if readable else None)
        assert "access-control-allow-credentials" not in answer.headers
        assert answer.headers["vary"] == "Origin"
    assert listed(b"", "OPTIONS", origin=origin).status_code == 204


def test_the_worker_knows_whether_the_address_for_tokens_is_its_own() -> None:
    def resource(address: str | None, at: str = "https://w.example") -> ProtectedResource:
        return ProtectedResource(
            resource=at, authorization_servers=("https://id.example",), client_id="c", token_endpoint=address
        )

    assert resource("https://w.example/_oauth/token").token_path() == "/_oauth/token"
    assert resource("https://w.example/vgi/_oauth/token").token_path("/vgi") == "/vgi/_oauth/token"
    assert resource("https://w.example/p/_oauth/token", "https://w.example/p").token_path("/vgi") == "/vgi/_oauth/token"
    assert resource("https://id.example/token").token_path() is None
    assert resource(None).token_path() is None


def test_the_client_must_be_known() -> None:
    with pytest.raises(ConfigurationError, match="client_id"):
        TokenExchange(ProtectedResource(resource="https://w.example", authorization_servers=("https://id.example",)))


def test_errors_are_json(asking: Asking) -> None:
    assert json.loads(asking(b"x").content).keys() == {"error", "error_description"}
