"""The proof that a request came through a proxy."""

from __future__ import annotations

import base64
import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckwing.http.authentication import (
    ConfigurationError,
    ProxyProof,
    Reason,
    Rejected,
    derived_secret,
    proof,
    proxy_proof,
)

from .presenting import presented

SECRET = bytes(range(32))
ORIGIN = "worker:1/a"
NOW = 1_800_000_000.0


def gate(**others: Any) -> ProxyProof:
    return ProxyProof({"k1": SECRET}, ORIGIN, clock=lambda: NOW, **others)


def proven(checker: ProxyProof, *values: str) -> bool:
    try:
        checker.check(presented(*[("VGI-Proxy-Proof", value) for value in values]))
    except Rejected as error:
        refusal = error
    else:
        return True
    assert (refusal.reason, refusal.proxied) == (Reason.PROXY, True)
    assert refusal.detail == "this service must be called through its proxy"
    return False


def made(
    *, version: str = "v1", kid: str = "k1", ts: str = str(int(NOW)), nonce: str = "A" * 22, origin: str = ORIGIN
) -> str:
    """A proof as the text of the protocol has it, independent of the code that checks it."""
    content = b"vgi.proxy.proof.v1\x00" + b"".join(part.encode() + b"\x00" for part in (kid, ts, nonce, origin))
    mac = base64.urlsafe_b64encode(hmac.new(SECRET, content, hashlib.sha256).digest()).decode().rstrip("=")
    return f"{version}.{kid}.{ts}.{nonce}.{mac}"


def test_a_proof_says_which_proxy_it_was() -> None:
    claim = gate().check(presented(("VGI-Proxy-Proof", made())))
    assert claim == {"verified": "true", "proxy": "k1", "kid": "k1", "origin_id": ORIGIN, "reason": ""}


def test_proofs_of_our_own_making_are_taken() -> None:
    assert proven(gate(), proxy_proof(SECRET, "k1", ORIGIN, now=NOW))
    assert not proven(gate(), proxy_proof(SECRET, "k1", "another", now=NOW))
    assert not proven(gate(), proxy_proof(SECRET[::-1], "k1", ORIGIN, now=NOW))


@pytest.mark.parametrize(
    "values",
    [
        [],
        [""],
        [made(), made(nonce="B" * 22)],
        [made(version="v2")],
        [made(kid="k2")],
        [made(kid="")],
        [made(origin="another")],
        [made(ts=str(int(NOW) + 31))],
        [made(ts=str(int(NOW) - 31))],
        [made(ts="-1")],
        [made(ts="1" * 400)],
        [made(nonce="A" * 21)],
        [made(nonce="A" * 21 + "+")],
        [made() + "="],
        [made() + ".x"],
        [made()[:-1] + ("A" if made()[-1] != "A" else "B")],
        [made() + "x" * 600],
    ],
)
def test_every_other_proof_is_refused_in_the_same_words(values: list[str]) -> None:
    assert not proven(gate(), *values)


@pytest.mark.parametrize("late", [-30, 0, 30])
def test_clocks_may_differ_by_half_a_minute(late: int) -> None:
    assert proven(gate(), made(ts=str(int(NOW) + late)))


def test_a_proof_is_taken_once() -> None:
    checker = gate()
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda value: proven(checker, value), [made()] * 40)) == 1


def test_a_forged_proof_does_not_use_up_the_nonce() -> None:
    checker = gate()
    assert not proven(checker, made()[:-4] + "AAAA")
    assert proven(checker, made())


def test_the_memory_of_proofs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "MAX_NONCES", 2)
    checker = gate()
    first, second, third = (made(nonce=letter * 22) for letter in "ABC")
    assert all(proven(checker, value) for value in (first, second, third))
    assert not proven(checker, third)
    assert not proven(checker, second)
    assert proven(checker, first)  # forgotten, the oldest first


def test_what_is_only_allowed_is_recorded() -> None:
    checker = gate(mode="allow")
    assert checker.check(presented())["verified"] == "false"
    assert checker.check(presented())["reason"] == "missing"
    assert checker.check(presented(("VGI-Proxy-Proof", made())))["verified"] == "true"


@settings(deadline=None)
@given(st.text(st.characters(codec="latin-1"), max_size=200), st.integers(0, 120))
def test_noise_is_no_proof(noise: str, at: int) -> None:
    value = made()
    damaged = value[:at] + noise + value[at + len(noise) :]
    assert proven(gate(), damaged) is (damaged == value)


def test_one_base_key_serves_many_workers() -> None:
    own = derived_secret(b"base", "edge-1", ORIGIN)
    assert len(own) == 32
    assert own == hmac.new(b"base", b"vgi.proxy.proof.v1/edge-1\x00worker:1/a", hashlib.sha256).digest()
    assert own != derived_secret(b"base", "edge-2", ORIGIN)


@pytest.mark.parametrize(
    "arguments",
    [
        {"secrets": {}},
        {"secrets": {"k1": b"short"}},
        {"secrets": {"k.1": SECRET}},
        {"origin_id": ""},
        {"origin_id": "a b"},
        {"mode": "off"},
        {"skew": 0},
        {"skew": float("nan")},
    ],
)
def test_what_cannot_work_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ProxyProof(**({"secrets": {"k1": SECRET}, "origin_id": ORIGIN} | arguments))
    assert "short" not in str(caught.value)
