"""Tokens of splits: for whom they are, and how long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

import duckwing as dw
from duckwing.client.arguments import encode_arguments
from duckwing.errors import ArgumentError
from duckwing.protocol.attach import CatalogAttachRequest
from duckwing.protocol.calls import BindRequest, CallType
from duckwing.protocol.scans import PlanRequest
from duckwing.rpc.call import ANONYMOUS, Call, Identity
from duckwing.rpc.codec import decode, encode
from duckwing.service import Service
from duckwing.service.attach import catalog_attach
from duckwing.service.binding import bind_function
from duckwing.service.splits import redeem, table_function_plan
from duckwing.types import BIGINT

demo = dw.Catalog("demo")


@demo.table_function(columns={"n": BIGINT}, split_ttl=60)
class parts:
    def plan(self) -> list[str]:
        return ["a", "b"]

    def scan(self, split: str) -> Iterator[tuple[int]]:
        yield (0,)


ANN = Identity("bearer", "ann", authenticated=True)
BEN = Identity("bearer", "ben", authenticated=True)
OTHER_ANN = Identity("basic", "ann", authenticated=True)
CALLERS = [ANONYMOUS, ANN, BEN, OTHER_ANN]
NOBODY = Identity("bearer", "ann", authenticated=False)


class Served:
    """One service, and one bind of ``parts``."""

    def __init__(self) -> None:
        self.service = Service([demo])
        call = Call({}, "server")
        attached = catalog_attach(self.service, call, CatalogAttachRequest("demo"))
        self.bind_call = encode(
            BindRequest(
                function_name="parts",
                arguments=encode_arguments((), {}),
                function_type=CallType.TABLE,
                attach_opaque_data=attached.attach_opaque_data,
                schema_path=("main",),
            )
        )

    def tokens(self, caller: Identity = ANONYMOUS) -> list[bytes]:
        plan = table_function_plan(self.service, Call({}, "server", caller), PlanRequest(self.bind_call))
        return [split.token for split in plan.splits]

    def redeem(self, *tokens: bytes, caller: Identity = ANONYMOUS) -> list[tuple[int, Any]]:
        call = Call({}, "server", caller)
        bind_call = decode(BindRequest, self.bind_call)
        return list(redeem(bind_function(self.service, call, bind_call), call, bind_call, tokens))


@pytest.fixture
def served() -> Served:
    return Served()


def test_places_and_values(served: Served) -> None:
    first, second = served.tokens()
    assert served.redeem(first, second) == [(0, "a"), (1, "b")]
    assert served.redeem(second, first, second) == [(1, "b"), (0, "a"), (1, "b")]


def test_another_service_of_the_same_user_reads_them(served: Served) -> None:
    assert Served().redeem(*served.tokens()) == [(0, "a"), (1, "b")]


@pytest.mark.parametrize("caller", CALLERS)
def test_a_token_is_for_its_caller_alone(served: Served, caller: Identity) -> None:
    tokens = served.tokens(caller)
    assert served.redeem(*tokens, caller=caller) == [(0, "a"), (1, "b")]
    for other in CALLERS:
        if other is caller:
            continue
        with pytest.raises(ArgumentError, match=r"\[SPLIT_TOKEN_INVALID\] .* made for another caller"):
            served.redeem(*tokens, caller=other)


def test_who_is_not_authenticated_is_nobody(served: Served) -> None:
    assert served.redeem(*served.tokens(NOBODY), caller=ANONYMOUS) == [(0, "a"), (1, "b")]


def test_a_token_grows_old(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = served.tokens()
    made = time.time()
    monkeypatch.setattr(time, "time", lambda: made + 58)
    assert served.redeem(*tokens) == [(0, "a"), (1, "b")]
    monkeypatch.setattr(time, "time", lambda: made + 61)
    with pytest.raises(ArgumentError, match=r"\[SPLIT_SNAPSHOT_EXPIRED\] a split token is older than 60 s"):
        served.redeem(*tokens)


def test_a_token_shows_nothing_of_its_value(served: Served) -> None:
    """And no two are alike."""
    tokens = [token for _ in range(3) for token in served.tokens()]
    assert len(set(tokens)) == 6
    assert len({token[:28] for token in tokens}) == 1
    assert not any(b'"a"' in token for token in tokens)
