"""Bearer tokens of requests, and those that are known beforehand."""

from __future__ import annotations

import hmac
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckwing.http.authentication import ConfigurationError, Reason, Rejected, bearer, bearer_token, static_bearer

from .presenting import bearer as with_token
from .presenting import presented, refused

TOKENS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)


@settings(deadline=None)
@given(st.dictionaries(TOKENS, st.text(min_size=1), min_size=1, max_size=8), TOKENS)
def test_a_token_stands_for_its_principal_alone(tokens: dict[str, str], other: str) -> None:
    authenticate = static_bearer(tokens)
    for token, principal in tokens.items():
        assert authenticate(with_token(token)) == ("bearer", principal, True, {})
    if other not in tokens:
        assert refused(authenticate, with_token(other)) is Reason.INVALID


def test_every_entry_is_compared_whichever_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(a: Any, b: Any) -> bool:
        compared.append((len(a), len(b)))
        return compare_digest(a, b)

    compare_digest = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", compare)
    authenticate = static_bearer({"a": "1", "bb" * 400: "2", "ccc": "3"})
    for token in ("a", "ccc"):
        compared.clear()
        authenticate(with_token(token))
        assert compared == [(32, 32)] * 3


@pytest.mark.parametrize(
    "value", ["Basic YTpi", "Bearer", "Bearer ", "Bearer  ", "token", "", "Bearer a b", "Bearer ü"]
)
def test_what_is_no_bearer_token_is_invalid(value: str) -> None:
    assert refused(static_bearer({"token": "alice"}), presented(("Authorization", value))) is Reason.INVALID


def test_oversized_tokens_are_refused_before_they_are_compared() -> None:
    assert refused(static_bearer({"token": "alice"}), with_token("x" * (bearer.MAX_TOKEN + 1))) is Reason.INVALID


def test_no_credential_is_missing_and_a_repeated_one_invalid() -> None:
    authenticate = static_bearer({"token": "alice"})
    assert refused(authenticate, presented()) is Reason.MISSING
    twice = [("Authorization", "Bearer token")] * 2
    assert refused(authenticate, presented(*twice)) is Reason.INVALID


def test_the_scheme_is_read_in_any_case() -> None:
    assert bearer_token(presented(("Authorization", "bEARER token"))) == "token"


def test_the_cookie_counts_where_there_is_no_header() -> None:
    cookie = ("Cookie", "theme=dark; _vgi_auth=fromcookie; other=1")
    assert bearer_token(presented(cookie)) == "fromcookie"
    assert bearer_token(presented(cookie, ("Authorization", "Bearer header"))) == "header"
    with pytest.raises(Rejected, match="not valid"):
        bearer_token(presented(cookie, ("Cookie", "_vgi_auth=another")))


@pytest.mark.parametrize("tokens", [{}, {"": "alice"}, {"a b": "alice"}, {"tökén": "alice"}, {"secret-token": ""}])
def test_tokens_that_could_not_be_sent_are_refused_without_being_told(tokens: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        static_bearer(tokens)
    assert "secret-token" not in str(caught.value)
