"""JSON web tokens of OpenID providers (spec 02, section 13.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn

from ...rpc.call import Identity
from .base import Authenticator, ConfigurationError, Presented, Reason, Rejected
from .bearer import bearer_token
from .kept import Kept
from .provider import ALGORITHMS, Key, key_set

MAX_PRINCIPAL = 1024


def jwt_bearer(
    issuers: str | Sequence[str],
    audiences: str | Sequence[str],
    *,
    jwks_uri: str | None = None,
    principal_claim: str = "sub",
    scopes: Sequence[str] = (),
    algorithms: Sequence[str] = ALGORITHMS,
    leeway: float = 30,
) -> Authenticator:
    """Signed tokens of OpenID providers.

    The keys are fetched from the provider when the first token comes, kept, and fetched again when they
    are old or a token names an unknown one. Each issuer's tokens are checked with its own keys.

    Args:
        issuers: who may issue tokens, exactly as their tokens say it in ``iss``.
        audiences: whom tokens may be for; one of them must be in ``aud``.
        jwks_uri: where the keys of all issuers are; by default each one's discovery document says it.
        principal_claim: the claim that says who the caller is.
        scopes: what a token must permit, all of it, in ``scope`` or ``scp``.
        algorithms: of signatures, with a public key all of them.
        leeway: seconds by which clocks may differ.

    Raises:
        ConfigurationError: this cannot work, or PyJWT is not installed.
    """
    issuers = (issuers,) if isinstance(issuers, str) else tuple(issuers)
    audiences = (audiences,) if isinstance(audiences, str) else tuple(audiences)
    scopes = (scopes,) if isinstance(scopes, str) else tuple(scopes)
    if not issuers or not all(issuers) or not audiences or not all(audiences):
        raise ConfigurationError("expected at least one issuer and one audience, none of them empty")
    if unfit := [each for each in algorithms if each not in ALGORITHMS]:
        raise ConfigurationError(f"the algorithm {unfit[0]!r} cannot be used; expected some of {', '.join(ALGORITHMS)}")
    if not algorithms or not principal_claim or leeway < 0:
        raise ConfigurationError("expected an algorithm, a claim for the principal, and a leeway of 0 s or more")
    try:
        import jwt  # noqa: F401
    except ImportError:
        raise ConfigurationError("signed tokens need PyJWT: pip install 'duckwing[http]'") from None
    if jwks_uri is None:
        keys = {issuer: key_set(issuer, None) for issuer in issuers}
    else:
        keys = dict.fromkeys(issuers, key_set(issuers[0], jwks_uri))

    def authenticate(presented: Presented, /) -> Identity:
        token = bearer_token(presented)
        header, issuer = _unverified(token)
        if issuer not in keys:
            _refuse("the token is of another issuer")
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in algorithms:
            _refuse("the token is signed with an algorithm that is not accepted")
        if "crit" in header:  # which older releases of PyJWT overlook
            _refuse("the token has extensions that must be understood, and are not")
        key = _find(keys[issuer], header.get("kid"), algorithm)
        claims = _verified(token, key, algorithm, issuer, audiences, leeway)
        principal = claims.get(principal_claim)
        if not isinstance(principal, str) or not 0 < len(principal) <= MAX_PRINCIPAL:
            _refuse(f"the token's claim {principal_claim!r} is not a text of 1 to {MAX_PRINCIPAL} characters")
        if not _scopes(claims).issuperset(scopes):
            raise Rejected(Reason.SCOPE, why=f"{principal!r} has not all of the scopes {', '.join(scopes)}")
        return Identity("jwt", principal, True, MappingProxyType(claims))

    return authenticate


def _refuse(why: str, reason: Reason = Reason.INVALID) -> NoReturn:
    raise Rejected(reason, why=why)


def _unverified(token: str) -> tuple[dict[str, Any], str]:
    """Header and issuer of a token, to choose the key by; nothing else may be believed yet."""
    import jwt

    try:
        parts = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        _refuse("the bearer token is no JSON web token")
    issuer = parts["payload"].get("iss")
    if not isinstance(issuer, str):
        _refuse("the token does not say who issued it")
    return parts["header"], issuer


def _find(kept: Kept[Sequence[Key]], kid: object, algorithm: str) -> Key:
    """The key of a token; the set is fetched again if it is not there, as providers change their keys."""
    keys = kept.get()
    found = _matching(keys, kid, algorithm)
    if found is None:
        found = _matching(kept.newer(keys), kid, algorithm)
    if found is None:
        _refuse("the token names no key of its issuer")
    return found


def _matching(keys: Sequence[Key], kid: object, algorithm: str) -> Key | None:
    fit = [key for key in keys if algorithm in key.algorithms and (kid is None or key.kid == kid)]
    # A token may leave out the key's id where there is no choice.
    return fit[0] if len(fit) == 1 else None


def _verified(
    token: str, key: Key, algorithm: str, issuer: str, audiences: Sequence[str], leeway: float
) -> dict[str, Any]:
    import jwt

    def decode(expired: bool) -> dict[str, Any]:
        return jwt.decode(
            token,
            key.key,
            algorithms=[algorithm],
            issuer=issuer,
            audience=audiences,
            leeway=leeway,
            options={"require": ["exp", "iss", "aud"], "verify_exp": not expired},
        )

    try:
        try:
            return decode(expired=False)
        except jwt.ExpiredSignatureError:
            decode(expired=True)
            _refuse("the token has expired", Reason.EXPIRED)
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Rejected(Reason.INVALID, why=f"{type(error).__name__}: {error}") from error


def _scopes(claims: Mapping[str, Any]) -> set[str]:
    """What a token permits: texts with blanks between (RFC 8693), or lists, as several providers write them."""
    found: set[str] = set()
    for name in ("scope", "scp"):
        value = claims.get(name)
        if isinstance(value, str):
            found.update(value.split())
        elif isinstance(value, list):
            found.update(each for each in value if isinstance(each, str))
    return found
