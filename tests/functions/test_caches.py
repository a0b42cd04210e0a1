"""Caches that are computed, and those of functions over tables."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

import duckwing as dw
from duckwing.functions.arguments import Arguments
from duckwing.functions.context import Context, Invocation
from duckwing.types import BIGINT


def test_a_cache_that_is_computed() -> None:
    @dw.table_function(columns={"n": BIGINT}, cache=lambda ttl: dw.Cache(ttl=ttl) if ttl else None)
    def kept(*, ttl: int = 5) -> dict[str, list[int]]:
        return {"n": [ttl]}

    def tags(ttl: int) -> Any:
        arguments = Arguments((), {"ttl": pa.array([ttl])})
        return kept.bind(kept.signature.parameters, arguments, Context(Invocation("kept", "demo"))).cache_tags()

    assert tags(7)[b"vgi.cache.ttl"] == b"7"
    assert tags(0) is None
    with pytest.raises(dw.DeclarationError, match="cache= wants 'nosuch'"):
        dw.table_function(columns={"n": BIGINT}, cache=lambda nosuch: None)(kept.function)


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda cache: dw.buffering(cache=cache), "too late for a validator"),
        (lambda cache: dw.table_in_out(cache=cache), "validator= wants 'nosuch'"),
    ],
)
def test_caches_of_functions_over_tables(declare: Any, message: str) -> None:
    def function(data: pa.Table) -> pa.Table:
        return data

    validator = (lambda: "x") if "late" in message else (lambda nosuch: "x")
    with pytest.raises(dw.DeclarationError, match=message):
        declare(dw.Cache(ttl=0, validator=validator))(function)
    assert declare(dw.Cache(ttl=60))(function).cache.seconds == 60
