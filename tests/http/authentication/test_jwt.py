"""Signed tokens, against a real provider on this machine."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duckwing.http.authentication import ConfigurationError, Reason, Rejected, Unavailable, jwt_bearer, kept, outbound

from .presenting import bearer, presented, refused
from .provider import AUDIENCE, Provider, public_jwk

DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask a provider again at once, where the time between two requests is not the point."""
    monkeypatch.setattr(kept, "PAUSE", 0.0)


def encoded(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def test_a_good_token_is_its_subject_with_all_claims(provider: Provider) -> None:
    identity = jwt_bearer(provider.issuer, AUDIENCE)(bearer(provider.token(email="a@example.org")))
    assert identity[:3] == ("jwt", "alice", True)
    assert identity.claims["email"] == "a@example.org"
    assert identity.claims["iss"] == provider.issuer


def test_keys_are_fetched_once_for_many_requests_from_many_threads(provider: Provider) -> None:
    authenticate = jwt_bearer(provider.issuer, AUDIENCE)
    request = bearer(provider.token())
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(authenticate, [request] * 40))
    assert {identity.principal for identity in found} == {"alice"}
    assert provider.asked == {DISCOVERY: 1, "/keys": 1}


def test_nothing_is_fetched_for_what_cannot_be_a_token(provider: Provider) -> None:
    authenticate = jwt_bearer(provider.issuer, AUDIENCE)
    foreign = jwt.encode({"iss": "https://elsewhere.example", "aud": AUDIENCE, "exp": 1 << 40}, "k" * 32, "HS256")
    number = encoded({"alg": "ES256"}) + "." + encoded({"iss": 7}) + ".AA"
    for token in (
        "static",
        "a.b.c",
        foreign,
        number,
        "." * 1000,
        encoded({"alg": "ES256"}) + "." + encoded([]) + ".AA",
    ):
        assert refused(authenticate, bearer(token)) is Reason.INVALID
    assert refused(authenticate, presented()) is Reason.MISSING
    assert not provider.asked


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "another"}, Reason.INVALID),
        ({"aud": None}, Reason.INVALID),
        ({"aud": ["another", "third"]}, Reason.INVALID),
        ({"iss": "https://elsewhere.example"}, Reason.INVALID),
        ({"iss": None}, Reason.INVALID),
        ({"exp": int(time.time()) - 120}, Reason.EXPIRED),
        ({"exp": int(time.time()) - 120, "aud": "another"}, Reason.INVALID),
        ({"exp": None}, Reason.INVALID),
        ({"exp": "soon"}, Reason.INVALID),
        ({"exp": float("inf")}, Reason.INVALID),
        ({"nbf": int(time.time()) + 100_000}, Reason.INVALID),
        ({"iat": int(time.time()) + 100_000}, Reason.INVALID),
        ({"sub": None}, Reason.INVALID),
        ({"sub": ""}, Reason.INVALID),
        ({"sub": "x" * 1025}, Reason.INVALID),
    ],
)
def test_tokens_with_wrong_claims_are_refused(provider: Provider, claims: dict[str, Any], reason: Reason) -> None:
    assert refused(jwt_bearer(provider.issuer, AUDIENCE), bearer(provider.token(**claims))) is reason


def test_clocks_may_differ_a_little(provider: Provider) -> None:
    now = int(time.time())
    token = provider.token(exp=now - 10, nbf=now + 10)
    assert jwt_bearer(provider.issuer, AUDIENCE)(bearer(token)).principal == "alice"
    assert refused(jwt_bearer(provider.issuer, AUDIENCE, leeway=0), bearer(token)) is Reason.INVALID


def test_one_of_several_audiences_is_enough(provider: Provider) -> None:
    authenticate = jwt_bearer([provider.issuer], ["one", "two"])
    assert authenticate(bearer(provider.token(aud=["zero", "two"]))).principal == "alice"


def test_another_claim_can_be_the_principal(provider: Provider) -> None:
    authenticate = jwt_bearer(provider.issuer, AUDIENCE, principal_claim="email")
    assert authenticate(bearer(provider.token(email="a@example.org"))).principal == "a@example.org"
    assert refused(authenticate, bearer(provider.token())) is Reason.INVALID


@pytest.mark.parametrize("granted", [{"scope": "read write"}, {"scp": ["write", "read"]}, {"scp": "write read"}])
def test_scopes_are_found_however_the_provider_writes_them(provider: Provider, granted: dict[str, Any]) -> None:
    authenticate = jwt_bearer(provider.issuer, AUDIENCE, scopes=["read", "write"])
    assert authenticate(bearer(provider.token(**granted))).principal == "alice"
    assert refused(authenticate, bearer(provider.token(scope="read"))) is Reason.SCOPE


def test_unsigned_tokens_and_those_signed_with_the_public_key_are_refused(provider: Provider) -> None:
    provider.keys.clear()
    provider.add_key("rsa", lambda: rsa.generate_private_key(65537, 2048))
    authenticate = jwt_bearer(provider.issuer, AUDIENCE)
    assert authenticate(bearer(provider.token())).principal == "alice"
    claims = {"iss": provider.issuer, "aud": AUDIENCE, "sub": "mallory", "exp": int(time.time()) + 600}
    public = provider.keys["rsa"].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, pem.strip(), json.dumps(public_jwk("rsa", provider.keys["rsa"])).encode(), b""):
        signed = encoded({"alg": "HS256", "kid": "rsa", "typ": "JWT"}) + "." + encoded(claims)
        mac = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), hashlib.sha256)).rstrip(b"=").decode()
        assert refused(authenticate, bearer(f"{signed}.{mac}")) is Reason.INVALID
    for algorithm in ("none", "None", "NONE", "", None, ["ES256"]):
        unsigned = encoded({"alg": algorithm, "kid": "rsa"}) + "." + encoded(claims) + "."
        assert refused(authenticate, bearer(unsigned)) is Reason.INVALID


def test_a_key_that_the_token_brings_along_is_not_believed(provider: Provider) -> None:
    own = ec.generate_private_key(ec.SECP256R1())
    claims = {"iss": provider.issuer, "aud": AUDIENCE, "sub": "mallory", "exp": int(time.time()) + 600}
    headers = {"kid": "first", "jwk": public_jwk("first", own), "jku": "https://elsewhere.example/keys"}
    token = jwt.encode(claims, own, "ES256", headers)
    assert refused(jwt_bearer(provider.issuer, AUDIENCE), bearer(token)) is Reason.INVALID


def test_critical_headers_that_are_not_understood_are_refused(provider: Provider) -> None:
    token = provider.token(headers={"crit": ["x-new"], "x-new": 1})
    assert refused(jwt_bearer(provider.issuer, AUDIENCE), bearer(token)) is Reason.INVALID


def test_the_keys_of_one_issuer_do_not_speak_for_another(provider: Provider) -> None:
    with Provider() as other:
        authenticate = jwt_bearer([provider.issuer, other.issuer], AUDIENCE)
        assert authenticate(bearer(other.token(sub="bob"))).principal == "bob"
        assert refused(authenticate, bearer(other.token(iss=provider.issuer))) is Reason.INVALID


def test_a_new_key_is_fetched_when_a_token_names_it(provider: Provider, impatient: None) -> None:
    authenticate = jwt_bearer(provider.issuer, AUDIENCE)
    old = provider.token()
    assert authenticate(bearer(old)).principal == "alice"
    provider.rotate("second")
    assert authenticate(bearer(provider.token())).principal == "alice"
    assert refused(authenticate, bearer(old)) is Reason.INVALID


def test_unknown_keys_make_no_storm_of_requests(provider: Provider) -> None:
    authenticate = jwt_bearer(provider.issuer, AUDIENCE)
    assert authenticate(bearer(provider.token())).principal == "alice"
    unknown = bearer(provider.token(headers={"kid": "unheard-of"}))
    with ThreadPoolExecutor(8) as pool:
        reasons = set(pool.map(lambda request: refused(authenticate, request), [unknown] * 40))
    assert reasons == {Reason.INVALID}
    assert provider.asked["/keys"] == 1  # it was fetched just now


def test_a_token_without_key_id_is_checked_where_there_is_one_key(provider: Provider, impatient: None) -> None:
    key = provider.keys["first"]
    claims = {"iss": provider.issuer, "aud": AUDIENCE, "sub": "alice", "exp": int(time.time()) + 600}
    request = bearer(jwt.encode(claims, key, "ES256"))
    assert jwt_bearer(provider.issuer, AUDIENCE)(request).principal == "alice"
    provider.add_key("second")
    assert refused(jwt_bearer(provider.issuer, AUDIENCE), request) is Reason.INVALID


def test_keys_that_are_no_use_are_left_out(provider: Provider) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    provider.keys["weak"] = weak
    good = public_jwk("shared", ec.generate_private_key(ec.SECP256R1()))
    provider.more_keys = [
        {"kty": "oct", "kid": "shared", "k": "c2VjcmV0", "alg": "HS256"},
        {**good, "use": "enc"},
        {**good, "alg": "HS256"},
        {**good, "x": "not a number!"},
        {**good, "key_ops": ["sign"]},
        {"kty": "EC", "crv": ["P-256"]},
        {},
        7,  # type: ignore[list-item]
    ]
    authenticate = jwt_bearer(provider.issuer, AUDIENCE)
    assert authenticate(bearer(provider.token(kid="first"))).principal == "alice"
    for kid in ("weak", "shared"):
        assert refused(authenticate, bearer(provider.token(headers={"kid": kid}))) is Reason.INVALID
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        signed_by_weak_key = provider.token(kid="weak")
    assert refused(authenticate, bearer(signed_by_weak_key)) is Reason.INVALID


@pytest.mark.parametrize("path", [DISCOVERY, "/keys"])
@pytest.mark.parametrize(
    "answer",
    [
        (503, b"{}"),
        (404, b"not found"),
        (200, b"not json"),
        (200, b"[]"),
        (200, b"[" * 100_000),
        (200, b'{"keys": 7}'),
        (200, json.dumps({"issuer": "https://elsewhere.example", "jwks_uri": "https://elsewhere.example/k"}).encode()),
        (200, b'{"padding": "' + b"x" * outbound.MAX_BODY + b'"}'),
        (302, b"/elsewhere"),
    ],
)
def test_an_outage_is_not_the_callers_fault(provider: Provider, path: str, answer: tuple[int, bytes]) -> None:
    provider.broken[path] = answer
    authenticate = jwt_bearer(provider.issuer, AUDIENCE)
    for _ in range(3):
        with pytest.raises(Unavailable) as caught:
            authenticate(bearer(provider.token()))
        assert caught.value.retry_after == 5
        assert provider.issuer not in caught.value.detail
    assert provider.asked[path] == 1  # and it is not asked again for every request
    assert "/elsewhere" not in provider.asked


def test_a_provider_that_is_back_is_believed(provider: Provider, impatient: None) -> None:
    provider.broken["/keys"] = (503, b"")
    authenticate = jwt_bearer(provider.issuer, AUDIENCE)
    with pytest.raises(Unavailable):
        authenticate(bearer(provider.token()))
    provider.broken.clear()
    assert authenticate(bearer(provider.token())).principal == "alice"


def test_a_new_key_during_an_outage_cannot_be_judged(provider: Provider, impatient: None) -> None:
    authenticate = jwt_bearer(provider.issuer, AUDIENCE)
    known = bearer(provider.token())
    assert authenticate(known).principal == "alice"
    provider.add_key("second")
    provider.broken["/keys"] = (500, b"")
    with pytest.raises(Unavailable):
        authenticate(bearer(provider.token(kid="second")))
    assert authenticate(known).principal == "alice"


def test_a_provider_that_hangs_holds_requests_up_for_seconds_only(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "TIMEOUT", 0.5)
    provider.hanging.add("/keys")
    authenticate = jwt_bearer(provider.issuer, AUDIENCE)
    started = time.monotonic()
    with pytest.raises(Unavailable):
        authenticate(bearer(provider.token()))
    assert time.monotonic() - started < 30  # the provider itself hangs for 60 s


def test_nobody_listening_is_an_outage() -> None:
    with Provider() as gone:
        token = gone.token()
    with pytest.raises(Unavailable):
        jwt_bearer(gone.issuer, AUDIENCE)(bearer(token))


def test_the_address_of_the_keys_saves_the_discovery(provider: Provider) -> None:
    authenticate = jwt_bearer(
        ["https://id.example", "https://id2.example"], AUDIENCE, jwks_uri=f"{provider.issuer}/keys"
    )
    for issuer in ("https://id.example", "https://id2.example"):
        assert authenticate(bearer(provider.token(iss=issuer))).principal == "alice"
    assert provider.asked == {"/keys": 1}


@given(st.binary(max_size=200), st.integers(0, 2), st.integers(0, 10_000))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_tokens_are_refused(shared: tuple[Provider, Any], noise: bytes, part: int, at: int) -> None:
    provider, authenticate = shared
    parts = provider.token().split(".")
    content = bytearray(base64.urlsafe_b64decode(parts[part] + "=="))
    at %= len(content)
    if content[at : at + len(noise)] == noise:
        return
    content[at : at + len(noise)] = noise
    parts[part] = base64.urlsafe_b64encode(content).rstrip(b"=").decode()
    assert refused(authenticate, bearer(".".join(parts))) is Reason.INVALID


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Provider, Any]]:
    with Provider() as running:
        yield running, jwt_bearer(running.issuer, AUDIENCE)


@pytest.mark.parametrize(
    "arguments",
    [
        {"issuers": []},
        {"issuers": [""]},
        {"audiences": []},
        {"issuers": ["http://id.example"]},
        {"issuers": ["id.example"]},
        {"issuers": ["https://user:secret@id.example"]},
        {"issuers": ["https://id.example:99999"]},
        {"issuers": ["file:///etc/passwd"]},
        {"jwks_uri": "http://keys.example"},
        {"algorithms": ["HS256"]},
        {"algorithms": ["none"]},
        {"algorithms": []},
        {"leeway": -1},
        {"principal_claim": ""},
    ],
)
def test_what_cannot_work_is_refused_at_once(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        jwt_bearer(**({"issuers": ["https://id.example"], "audiences": ["a"]} | arguments))


class TestKept:
    """What is fetched is kept, renewed in time, and fetched once."""

    def test_it_is_renewed_when_old_and_kept_through_an_outage(self) -> None:
        now, values = [0.0], iter(["one", "two", "three"])
        down = False

        def fetch() -> str:
            if down:
                raise outbound.FetchError("down")
            return next(values)

        value = kept.Kept(fetch, lambda: now[0])
        assert value.get() == "one"
        now[0] += kept.FRESH - 1
        assert value.get() == "one"
        now[0] += 1
        assert value.get() == "two"
        down = True
        now[0] += kept.STALE - 1
        assert value.get() == "two"
        now[0] += kept.PAUSE
        with pytest.raises(Unavailable):
            value.get()
        down = False
        with pytest.raises(Unavailable):
            value.get()  # not yet
        now[0] += kept.PAUSE
        assert value.get() == "three"

    def test_a_slow_renewal_holds_up_nobody_who_has_a_value(self) -> None:
        now = [0.0]
        fetching, go_on = threading.Event(), threading.Event()
        values: list[str] = []

        def fetch() -> str:
            if values:
                fetching.set()
                assert go_on.wait(30)
            values.append(f"value {len(values)}")
            return values[-1]

        value = kept.Kept(fetch, lambda: now[0])
        value.get()
        now[0] += kept.FRESH
        with ThreadPoolExecutor(1) as pool:
            renewal = pool.submit(value.get)
            assert fetching.wait(30)
            assert value.get() == "value 0"
            go_on.set()
            assert renewal.result(30) == "value 1"
        assert value.get() == "value 1"

    def test_a_hanging_provider_does_not_hold_up_who_wants_a_newer_value(self) -> None:
        now = [0.0]
        fetching, go_on = threading.Event(), threading.Event()
        values: list[str] = []

        def fetch() -> str:
            if values:
                fetching.set()
                assert go_on.wait(60)
            values.append("value")
            return values[-1]

        value = kept.Kept(fetch, lambda: now[0])
        seen = value.get()
        now[0] += kept.PAUSE
        with ThreadPoolExecutor(1) as pool:
            renewal = pool.submit(value.newer, seen)
            assert fetching.wait(30)
            with pytest.raises(Unavailable):
                value.newer(seen)
            assert not renewal.done()
            go_on.set()
            renewal.result(30)

    def test_an_error_of_the_fetching_code_is_not_hidden_and_not_repeated(self) -> None:
        calls: list[int] = []

        def fetch() -> str:
            calls.append(1)
            raise ZeroDivisionError

        value = kept.Kept(fetch, lambda: 0.0)
        with pytest.raises(ZeroDivisionError):
            value.get()
        with pytest.raises(Unavailable):
            value.get()
        assert len(calls) == 1


def test_refusals_tell_the_caller_nothing_of_the_check(provider: Provider) -> None:
    authenticate = jwt_bearer(provider.issuer, AUDIENCE)
    details = set()
    for token in ("x", provider.token(aud="other"), provider.token(sub=None), provider.token(headers={"kid": "?"})):
        with pytest.raises(Rejected) as caught:
            authenticate(bearer(token))
        details.add(caught.value.detail)
        assert token not in str(caught.value.why)
    assert len(details) == 1
