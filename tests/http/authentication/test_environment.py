"""Authentication as the environment configures it."""

from __future__ import annotations

import time

import pytest

from duckwing.http.authentication import ConfigurationError, Reason, from_environment, proxy_proof, static_bearer

from .presenting import bearer, presented, refused
from .provider import AUDIENCE, Provider

SECRET = "00" * 31 + "0f"
OAUTH = {"VGI_OAUTH_RESOURCE": "https://w.example", "VGI_OAUTH_AUTH_SERVERS": "https://id.example"}
PROOF = {
    "VGI_PROXY_PROOF_MODE": "require",
    "VGI_PROXY_PROOF_SECRETS": f"k1:{SECRET},k2:{'11' * 32}",
    "VGI_PROXY_PROOF_ORIGIN_ID": "o",
}


def test_nothing_is_configured_by_default() -> None:
    for environ in ({}, {"VGI_BEARER_TOKENS": "", "VGI_JWT_ISSUER": " ", "VGI_PROXY_PROOF_MODE": "off"}):
        configured = from_environment(environ)
        assert (configured.authenticator(), configured.resource, configured.proof) == (None, None, None)


def test_tokens_and_their_principals() -> None:
    authenticate = from_environment({"VGI_BEARER_TOKENS": "t1=alice, t2=a=b"}).authenticator()
    assert authenticate is not None
    assert authenticate(bearer("t1")).principal == "alice"
    assert authenticate(bearer("t2")).principal == "a=b"
    assert refused(authenticate, bearer("t3")) is Reason.INVALID


def test_signed_tokens_beside_static_ones_and_an_authenticator_of_ones_own() -> None:
    with Provider() as provider:
        configured = from_environment(
            {"VGI_BEARER_TOKENS": "t1=alice", "VGI_JWT_ISSUER": provider.issuer, "VGI_JWT_AUDIENCE": f"x, {AUDIENCE}"}
        )
        authenticate = configured.authenticator(static_bearer({"own": "carol"}))
        assert authenticate is not None
        assert authenticate(bearer("own")).principal == "carol"
        assert authenticate(bearer("t1")).principal == "alice"
        assert authenticate(bearer(provider.token(sub="bob"))).principal == "bob"
        expired = bearer(provider.token(exp=int(time.time()) - 99))
        from_environment_alone = configured.authenticator()
        assert from_environment_alone is not None
        assert refused(from_environment_alone, expired) is Reason.EXPIRED  # rather than unknown
        assert refused(authenticate, presented()) is Reason.MISSING


def test_where_to_sign_in() -> None:
    more = {
        "VGI_OAUTH_SCOPES": "openid,email profile",
        "VGI_OAUTH_CLIENT_ID": "cid",
        "VGI_OAUTH_CLIENT_SECRET": "s",
        "VGI_OAUTH_DEVICE_CODE_CLIENT_ID": "device",
        "VGI_OAUTH_USE_ID_TOKEN": "true",
        "VGI_OAUTH_RESOURCE_NAME": "Weather station",
    }
    resource = from_environment(OAUTH | more).resource
    assert resource is not None
    assert resource.document() == {
        "resource": "https://w.example",
        "authorization_servers": ["https://id.example"],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["openid", "email", "profile"],
        "client_id": "cid",
        "client_secret": "s",
        "device_code_client_id": "device",
        "use_id_token_as_bearer": True,
        "resource_name": "Weather station",
    }


def test_leading_clients_to_sign_in_without_checking_them_is_refused() -> None:
    configured = from_environment(OAUTH)
    with pytest.raises(ConfigurationError, match="VGI_JWT_ISSUER"):
        configured.authenticator()
    assert configured.authenticator(static_bearer({"t": "alice"})) is not None


def test_the_proof_of_a_proxy() -> None:
    authenticate = from_environment(PROOF | {"VGI_BEARER_TOKENS": "t1=alice"}).authenticator()
    assert authenticate is not None
    assert refused(authenticate, bearer("t1")) is Reason.PROXY
    through = ("VGI-Proxy-Proof", proxy_proof(bytes.fromhex(SECRET), "k1", "o"))
    assert authenticate(presented(through, ("Authorization", "Bearer t1"))).principal == "alice"


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"VGI_BEARER_TOKENS": "hunter2"}, "entry 1 of VGI_BEARER_TOKENS"),
        ({"VGI_BEARER_TOKENS": "a=b,=hunter2"}, "entry 2 of VGI_BEARER_TOKENS"),
        ({"VGI_BEARER_TOKENS": "hunter2="}, "entry 1 of VGI_BEARER_TOKENS"),
        ({"VGI_BEARER_TOKENS": "a=b,"}, "entry 2 of VGI_BEARER_TOKENS"),
        ({"VGI_BEARER_TOKENS": "hunter2=b,hunter2=c"}, "entry 2 of VGI_BEARER_TOKENS"),
        ({"VGI_BEARER_TOKENS": "hunter2 x=b"}, "VGI_BEARER_TOKENS"),
        ({"VGI_JWT_ISSUER": "https://id.example"}, "needs VGI_JWT_AUDIENCE"),
        ({"VGI_JWT_AUDIENCE": "a"}, "needs VGI_JWT_ISSUER"),
        ({"VGI_JWT_JWKS_URI": "https://id.example/k"}, "needs VGI_JWT_ISSUER and VGI_JWT_AUDIENCE"),
        ({"VGI_JWT_ISSUER": "https://id.example,", "VGI_JWT_AUDIENCE": "a"}, "VGI_JWT_ISSUER"),
        ({"VGI_JWT_ISSUER": "http://id.example", "VGI_JWT_AUDIENCE": "a"}, r"VGI_JWT_\*"),
        ({"VGI_OAUTH_CLIENT_ID": "cid"}, "needs VGI_OAUTH_RESOURCE"),
        ({**OAUTH, "VGI_OAUTH_USE_ID_TOKEN": "maybe"}, "VGI_OAUTH_USE_ID_TOKEN"),
        ({**OAUTH, "VGI_OAUTH_RESOURCE": "http://w.example"}, r"VGI_OAUTH_\*"),
        ({**PROOF, "VGI_PROXY_PROOF_MODE": "yes"}, "VGI_PROXY_PROOF_MODE"),
        ({**PROOF, "VGI_PROXY_PROOF_MODE": ""}, "VGI_PROXY_PROOF_MODE"),
        ({**PROOF, "VGI_PROXY_PROOF_SECRETS": ""}, "VGI_PROXY_PROOF_SECRETS"),
        ({**PROOF, "VGI_PROXY_PROOF_SECRETS": "k1:hunter2"}, "entry 1 of VGI_PROXY_PROOF_SECRETS"),
        ({**PROOF, "VGI_PROXY_PROOF_SECRETS": f"k1:{SECRET},k1:{SECRET}"}, "entry 2 of VGI_PROXY_PROOF_SECRETS"),
        ({**PROOF, "VGI_PROXY_PROOF_ORIGIN_ID": "a b"}, r"VGI_PROXY_PROOF_\*"),
        ({**PROOF, "VGI_PROXY_PROOF_SKEW": "long"}, "VGI_PROXY_PROOF_SKEW"),
        ({**PROOF, "VGI_PROXY_PROOF_SKEW": "-1"}, r"VGI_PROXY_PROOF_\*"),
    ],
)
def test_what_is_malformed_is_named_without_telling_secrets(environ: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named) as caught:
        from_environment(environ)
    assert "hunter2" not in str(caught.value)
    assert SECRET not in str(caught.value)
