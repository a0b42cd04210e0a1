"""The real extension against protected workers: tokens, and the flows by which it gets some."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
import uvicorn
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

import duckwing as dw
from duckwing.http.app import Application
from duckwing.http.authentication import (
    Authenticator,
    Presented,
    ProtectedResource,
    Reason,
    Rejected,
    TokenExchange,
    Unavailable,
    jwt_bearer,
    static_bearer,
)
from duckwing.http.settings import Served, Settings
from duckwing.rpc.call import Identity

from .provider import AUDIENCE, CLIENT, DEVICE, Provider

pytestmark = [pytest.mark.sql, pytest.mark.full]

REJECTED = "bearer token was rejected"
NO_CHALLENGE = "advertised no OAuth challenge"


@contextmanager
def served(authenticate: Authenticator, resource: ProtectedResource | None, listener: socket.socket) -> Iterator[None]:
    """A worker that says who calls it, on ``listener``."""
    demo = dw.Catalog("demo")

    @demo.scalar(stability="volatile")
    def me(n: int, ctx: dw.Context) -> str:
        return f"{ctx.caller.domain} {ctx.caller.principal} {n}"

    settings = Settings(keys=[os.urandom(32)], authenticate=authenticate, resource=resource)
    worker = Application(Served("demo", "1", dw.Worker(demo).server), settings)
    exchange = TokenExchange(resource) if resource and resource.token_path() else None

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if exchange and resource and scope["type"] == "http" and scope["path"] == resource.token_path():
            response = await exchange(Request(scope, receive))
            await response(scope, receive, send)
        else:
            await worker(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(application, log_level="warning", proxy_headers=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    # It listens before the server runs, so that nobody has to wait for it.
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def address(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def attached(connection: duckdb.DuckDBPyConnection, listener: socket.socket, options: str = "") -> None:
    connection.execute(f"ATTACH 'demo' (TYPE vgi, LOCATION '{address(listener)}'{options})")


def me(connection: duckdb.DuckDBPyConnection) -> str:
    row = connection.execute("SELECT demo.main.me(7)").fetchone()
    assert row is not None
    return str(row[0])


def test_a_static_token(connection: duckdb.DuckDBPyConnection, listener: socket.socket) -> None:
    with served(static_bearer({"t1": "alice"}), None, listener):
        attached(connection, listener, ", bearer_token 't1'")
        assert me(connection) == "bearer alice 7"
        connection.execute("DETACH demo")
        for options, message in ((", bearer_token 't2'", REJECTED), ("", NO_CHALLENGE)):
            with pytest.raises(duckdb.Error, match=message):
                attached(connection, listener, options)


@pytest.mark.parametrize("outages", [3, 4])
def test_the_client_waits_for_an_outage_to_end(
    connection: duckdb.DuckDBPyConnection, listener: socket.socket, outages: int
) -> None:
    checked = static_bearer({"t1": "alice"})
    left = [Unavailable(retry_after=1) for _ in range(outages)]

    def authenticate(presented: Presented, /) -> Identity:
        if left:
            raise left.pop()
        return checked(presented)

    with served(authenticate, None, listener):
        if outages < 4:
            attached(connection, listener, ", bearer_token 't1'")
            assert me(connection) == "bearer alice 7"
        else:
            with pytest.raises(duckdb.Error, match="authentication_unavailable"):
                attached(connection, listener, ", bearer_token 't1'")


@pytest.mark.parametrize("use_id_token", [False, True])
def test_the_device_flow(connection: duckdb.DuckDBPyConnection, listener: socket.socket, use_id_token: bool) -> None:
    with Provider() as provider:
        resource = ProtectedResource(
            resource=address(listener),
            authorization_servers=(provider.issuer,),
            scopes=("openid", "email"),
            client_id=CLIENT,
            device_code_client_id="device",
            device_code_client_secret="hush",
            use_id_token=use_id_token,
        )
        good = provider.token()
        tokens = {"access_token": "opaque", "id_token": good} if use_id_token else {"access_token": good}
        provider.grants = [{"error": "authorization_pending"}, {**tokens, "token_type": "Bearer", "expires_in": 600}]
        with served(jwt_bearer(provider.issuer, AUDIENCE), resource, listener):
            connection.execute("SET vgi_oauth_flow = 'device_code'")
            attached(connection, listener)
            assert me(connection) == "jwt alice 7"
        asked, *polled = provider.forms
        assert (asked["client_id"], asked["scope"]) == ("device", "openid email")
        assert [form["grant_type"] for form in polled] == [DEVICE, DEVICE]
        assert {form["client_secret"] for form in polled} == {"hush"}


@pytest.mark.skipif(sys.platform != "linux", reason="the browser is opened by another program")
@pytest.mark.parametrize("secret", [None, "hush"])
def test_the_flow_through_a_browser(
    secret: str | None,
    connection: duckdb.DuckDBPyConnection,
    listener: socket.socket,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opener = tmp_path / "xdg-open"  # what the extension opens browsers with, where there are none
    opener.write_text(
        f"#!{sys.executable}\nimport sys, urllib.request\nurllib.request.urlopen(sys.argv[1], timeout=30)\n"
    )
    opener.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with Provider() as provider:
        resource = ProtectedResource(
            resource=address(listener),
            authorization_servers=(provider.issuer,),
            client_id=CLIENT,
            client_secret=secret,
            token_endpoint=f"{address(listener)}/_oauth/token" if secret else None,
        )
        provider.grants = [{"access_token": provider.token(), "token_type": "Bearer"}]
        with served(jwt_bearer(provider.issuer, AUDIENCE), resource, listener):
            connection.execute("SET vgi_oauth_flow = 'pkce'")
            connection.execute("SET vgi_oauth_timeout_seconds = 20")
            attached(connection, listener)
            assert me(connection) == "jwt alice 7"
        (form,) = provider.forms
        assert form["grant_type"] == "authorization_code"
        assert form.get("client_secret") == secret  # which the client has not been told
        assert form["redirect_uri"].startswith("http://localhost:")
        assert form["redirect_uri"].endswith("/oauth-callback.html")


def test_a_token_that_no_longer_counts_is_renewed(
    connection: duckdb.DuckDBPyConnection, listener: socket.socket
) -> None:
    with Provider() as provider:
        resource = ProtectedResource(
            resource=address(listener), authorization_servers=(provider.issuer,), client_id=CLIENT
        )
        checked = jwt_bearer(provider.issuer, AUDIENCE)
        over: set[str] = set()

        def authenticate(presented: Presented, /) -> Identity:
            identity = checked(presented)
            if identity.principal in over:
                raise Rejected(Reason.EXPIRED)
            return identity

        provider.grants = [
            {"access_token": provider.token(sub=name), "refresh_token": f"for {name}", "token_type": "Bearer"}
            for name in ("first", "second")
        ]
        with served(authenticate, resource, listener):
            attached(connection, listener, ", oauth_refresh_token 'given'")
            assert me(connection) == "jwt first 7"
            over.add("first")
            assert me(connection) == "jwt second 7"
        assert [form["refresh_token"] for form in provider.forms] == ["given", "for first"]
        assert {form["client_id"] for form in provider.forms} == {CLIENT}
