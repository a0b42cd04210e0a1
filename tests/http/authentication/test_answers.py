"""The answers 401, 503 and 500, byte for byte."""

from __future__ import annotations

import json
import logging

import pytest

from duckwing.http.authentication import ProtectedResource, Reason, Rejected, Unavailable, refusal

RESOURCE = ProtectedResource(
    resource="https://w.example", authorization_servers=("https://id.example",), client_id="cid"
)


@pytest.mark.parametrize("reason", Reason)
def test_a_refused_caller_is_told_why_and_where_to_sign_in(reason: Reason) -> None:
    answer = refusal(Rejected(reason, why="the check that failed"), RESOURCE)
    assert answer.status_code == 401
    body = json.loads(bytes(answer.body))
    hint = {"proxy_hint"} if reason is Reason.PROXY else set()
    assert set(body) == {"error", "reason", "detail"} | hint
    assert (body["error"], body["reason"]) == ("unauthorized", reason.value)
    headers = dict(answer.headers)
    assert headers.pop("content-length") == str(len(answer.body))
    assert headers.pop("vgi-auth-proxy-required", None) == ("true" if hint else None)
    assert headers == {
        "content-type": "application/json",
        "cache-control": "no-store",
        "vgi-auth-reason": reason.value,
        "www-authenticate": 'Bearer resource_metadata="https://w.example/.well-known/oauth-protected-resource", '
        'client_id="cid"',
    }
    assert b"check that failed" not in bytes(answer.body)


def test_the_body_is_that_of_the_protocols_example() -> None:
    assert bytes(refusal(Rejected(Reason.MISSING)).body) == (
        b'{"error":"unauthorized","reason":"missing_credential","detail":"authentication required"}'
    )
    assert refusal(Rejected(Reason.MISSING)).headers["www-authenticate"] == "Bearer"


def test_where_credentials_come_from_a_proxy_the_caller_is_told_so() -> None:
    answer = refusal(Rejected(Reason.MISSING, proxied=True))
    assert answer.headers["vgi-auth-proxy-required"] == "true"
    assert "proxy" in json.loads(bytes(answer.body))["proxy_hint"]


def test_an_outage_is_a_503_that_says_when_to_come_back() -> None:
    answer = refusal(Unavailable("no keys", 7, why="http://internal answered 500"))
    assert answer.status_code == 503
    assert bytes(answer.body) == b'{"error":"authentication_unavailable","detail":"no keys"}'
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["cache-control"] == "no-store"
    assert "www-authenticate" not in answer.headers
    assert refusal(Unavailable()).headers["retry-after"] == "5"


def test_a_bug_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    answer = refusal(ZeroDivisionError("secret of the worker"))
    assert answer.status_code == 500
    assert b"secret" not in bytes(answer.body)
    assert "secret of the worker" in caplog.text


def test_the_log_says_why_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    refusal(Rejected(Reason.INVALID, why="'a'\nERROR forged\x1b[31m" + "x" * 1000))
    (record,) = caplog.records
    message = record.getMessage()
    assert message.startswith("rejected: invalid_credential: 'a'?ERROR forged?[31m")
    assert len(message) < 600
