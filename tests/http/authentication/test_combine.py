"""Several ways to say who calls, and what a caller is told whom none of them knows."""

from __future__ import annotations

import itertools

import pytest

from duckwing.http.authentication import (
    Authenticator,
    ConfigurationError,
    Presented,
    ProxyProof,
    Reason,
    Rejected,
    Unavailable,
    first_of,
    gated,
    proxy_proof,
    static_bearer,
)
from duckwing.rpc.call import ANONYMOUS, Identity

from .presenting import bearer, presented, refused

SECRET = bytes(32)


def rejecting(reason: Reason, *, proxied: bool = False) -> Authenticator:
    def authenticate(presented: Presented, /) -> Identity:
        raise Rejected(reason, f"told {reason.value}", why=f"why {reason.value}", proxied=proxied)

    return authenticate


def accepting(name: str) -> Authenticator:
    return lambda presented: Identity("own", name, True)


def unavailable(presented: Presented, /) -> Identity:
    raise Unavailable("no authority", 9)


def test_the_first_that_knows_the_caller_wins() -> None:
    chain = first_of(rejecting(Reason.INVALID), accepting("a"), accepting("b"), unavailable)
    assert chain(presented()).principal == "a"


@pytest.mark.parametrize("reasons", list(itertools.product(Reason, repeat=2)))
def test_the_reason_is_the_first_that_is_not_a_missing_credential(reasons: tuple[Reason, ...]) -> None:
    others = [reason for reason in reasons if reason is not Reason.MISSING]
    with pytest.raises(Rejected) as caught:
        first_of(*map(rejecting, reasons))(presented())
    told = others[0] if others else Reason.MISSING
    assert (caught.value.reason, caught.value.detail) == (told, f"told {told.value}")
    assert caught.value.why == "; ".join(f"why {reason.value}" for reason in reasons)


def test_only_rejections_go_on_to_the_next() -> None:
    with pytest.raises(Unavailable, match="no authority"):
        first_of(rejecting(Reason.MISSING), unavailable, accepting("a"))(presented())

    def broken(presented: Presented, /) -> Identity:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        first_of(broken, accepting("a"))(presented())


def test_a_caller_is_sent_to_the_proxy_only_if_no_other_way_is_left() -> None:
    for others, expected in (((True, True), True), ((True, False), False)):
        chain = first_of(*(rejecting(Reason.MISSING, proxied=each) for each in others))
        with pytest.raises(Rejected) as caught:
            chain(presented())
        assert caught.value.proxied is expected


def test_a_chain_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        first_of()


def test_the_proof_stands_in_front_and_says_nothing_of_who_calls() -> None:
    gate = gated(ProxyProof({"k1": SECRET}, "o"), static_bearer({"token": "alice"}))
    assert refused(gate, bearer("token")) is Reason.PROXY

    def proven(*headers: tuple[str, str]) -> Presented:
        return presented(("VGI-Proxy-Proof", proxy_proof(SECRET, "k1", "o")), *headers)

    with pytest.raises(Rejected) as caught:
        gate(proven())
    assert (caught.value.reason, caught.value.proxied) == (Reason.MISSING, True)
    identity = gate(proven(("Authorization", "Bearer token")))
    assert identity[:3] == ("bearer", "alice", True)
    assert identity.claims["vgi_proxy_proof"]["kid"] == "k1"
    with pytest.raises(ConfigurationError, match="around first_of"):
        first_of(gate, static_bearer({"other": "bob"}))


def test_behind_a_proof_alone_everybody_is_anonymous() -> None:
    gate = gated(ProxyProof({"k1": SECRET}, "o"), None)
    identity = gate(presented(("VGI-Proxy-Proof", proxy_proof(SECRET, "k1", "o"))))
    assert identity[:3] == ANONYMOUS[:3]
