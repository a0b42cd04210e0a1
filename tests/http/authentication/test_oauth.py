"""What a worker says of where to sign in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duckwing.http.authentication import ConfigurationError, ProtectedResource, well_known_path

SMALLEST: dict[str, Any] = {"resource": "https://w.example", "authorization_servers": ("https://id.example",)}


def test_the_document_has_what_is_set_and_nothing_else() -> None:
    assert ProtectedResource(**SMALLEST).document() == {
        "resource": "https://w.example",
        "authorization_servers": ["https://id.example"],
        "bearer_methods_supported": ["header"],
    }
    whole = ProtectedResource(
        **SMALLEST,
        scopes=("openid", "email"),
        resource_name="Weather",
        client_id="cid",
        client_secret="not really",
        device_code_client_id="device",
        device_code_client_secret="not really either",
        use_id_token=True,
        resource_documentation="https://w.example/docs",
    )
    assert whole.document() == {
        "resource": "https://w.example",
        "authorization_servers": ["https://id.example"],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["openid", "email"],
        "resource_name": "Weather",
        "client_id": "cid",
        "client_secret": "not really",
        "device_code_client_id": "device",
        "device_code_client_secret": "not really either",
        "use_id_token_as_bearer": True,
        "resource_documentation": "https://w.example/docs",
    }


def test_a_secret_that_the_worker_adds_itself_stays_with_it() -> None:
    resource = ProtectedResource(
        **SMALLEST, client_id="cid", client_secret="hush", token_endpoint="https://w.example/_oauth/token"
    )
    assert "hush" not in json.dumps(resource.document())
    assert "hush" not in repr(resource)


def test_the_document_may_be_kept_and_read_by_other_pages() -> None:
    answer = ProtectedResource(**SMALLEST).response()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert json.loads(bytes(answer.body))["resource"] == "https://w.example"


@pytest.mark.parametrize(
    ("resource", "prefix", "url"),
    [
        ("https://w.example", "", "https://w.example/.well-known/oauth-protected-resource"),
        ("https://w.example/", "", "https://w.example/.well-known/oauth-protected-resource"),
        ("https://w.example", "/vgi", "https://w.example/.well-known/oauth-protected-resource/vgi"),
        ("https://w.example/vgi", "/vgi", "https://w.example/.well-known/oauth-protected-resource/vgi"),
        ("https://w.example/public", "/vgi", "https://w.example/.well-known/oauth-protected-resource/public"),
        ("http://localhost:8080", "", "http://localhost:8080/.well-known/oauth-protected-resource"),
    ],
)
def test_its_address_follows_from_the_configured_one(resource: str, prefix: str, url: str) -> None:
    described = ProtectedResource(**{**SMALLEST, "resource": resource})
    assert described.metadata_url(prefix) == url
    assert described.challenge(prefix) == f'Bearer resource_metadata="{url}"'


def test_the_worker_answers_below_the_origin() -> None:
    assert well_known_path("/vgi") == "/.well-known/oauth-protected-resource/vgi"


@pytest.mark.parametrize(
    "wrong",
    [
        {"resource": "w.example"},
        {"resource": "http://w.example"},
        {"resource": "https://w.example?x=1"},
        {"resource": "https://w.example/#here"},
        {"resource": 'https://w.example/"x'},
        {"resource": "https://w.example/a/../b%20"},
        {"resource": "https://w.example/\r\nSet-Cookie: x"},
        {"authorization_servers": ()},
        {"authorization_servers": "https://id.example"},
        {"authorization_servers": ("http://id.example",)},
        {"client_id": 'a"b'},
        {"client_id": ""},
        {"client_secret": "alone"},
        {"device_code_client_secret": "alone"},
        {"scopes": ("two words",)},
        {"scopes": "openid"},
        {"token_endpoint": "/_oauth/token"},
        {"resource_tos_uri": "javascript:alert(1)"},
    ],
)
def test_what_is_malformed_is_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        ProtectedResource(**{**SMALLEST, **wrong})
