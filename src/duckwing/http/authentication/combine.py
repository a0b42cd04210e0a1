"""Several ways to say who calls, and the proof of a proxy in front of them (spec 02, section 13.1)."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from ...rpc.call import ANONYMOUS, Identity
from .base import Authenticator, ConfigurationError, Presented, Reason, Rejected
from .proof import CLAIM, ProxyProof


def first_of(*authenticators: Authenticator) -> Authenticator:
    """The first of ``authenticators`` that knows the caller.

    One that cannot say (:class:`Unavailable`) ends the search: another one that refuses would otherwise speak
    for it. A caller that all refuse is told the first reason that is not just a missing credential.

    Raises:
        ConfigurationError: there is none, or one of them demands a proxy's proof, which belongs in front of all.
    """
    if not authenticators:
        raise ConfigurationError("first_of() expects at least one authenticator, got none")
    if any(isinstance(each, Gated) for each in authenticators):
        raise ConfigurationError(
            "a proxy's proof says nothing of who calls, so it is no alternative; put gated() around first_of()"
        )
    if len(authenticators) == 1:
        return authenticators[0]

    def authenticate(presented: Presented, /) -> Identity:
        refusals = []
        for each in authenticators:
            try:
                return each(presented)
            except Rejected as refusal:
                refusals.append(refusal)
        told = next((each for each in refusals if each.reason is not Reason.MISSING), refusals[0])
        why = "; ".join(each.why for each in refusals if each.why)
        raise Rejected(told.reason, told.detail, why=why, proxied=all(each.proxied for each in refusals))

    return authenticate


@dataclass(frozen=True, slots=True)
class Gated:
    """An authenticator that is asked once a proxy's proof has been checked.

    Attributes:
        proof: the check.
        inner: the authenticator; without one, every caller is anonymous.
    """

    proof: ProxyProof
    inner: Authenticator | None

    def __call__(self, presented: Presented, /) -> Identity:
        claim = self.proof.check(presented)
        try:
            identity = self.inner(presented) if self.inner else ANONYMOUS
        except Rejected as refusal:
            refusal.proxied = refusal.proxied or self.proof.required
            raise
        return identity._replace(claims=MappingProxyType({**identity.claims, CLAIM: claim}))


def gated(proof: ProxyProof, authenticator: Authenticator | None) -> Authenticator:
    """``authenticator`` for requests that have passed ``proof``; callers are anonymous if it is None."""
    return Gated(proof, authenticator)
