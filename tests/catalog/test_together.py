"""Catalogs of one worker that share what belongs to a whole database."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR


def worker(declare: Callable[[dw.Catalog, bool], object]) -> dw.Worker:
    """A worker of two catalogs, in each of which something is declared."""
    first, second = dw.Catalog("first"), dw.Catalog("second")
    declare(first, True)
    declare(second, False)
    return dw.Worker(first, second)


def greeting(name: str) -> str:
    return f"Hello {name}"


def publish(catalog: dw.Catalog, first: bool, prefix: str = "") -> None:
    function = dw.scalar(name="greet" if first else "GREET")(greeting)
    catalog.add(function)
    catalog.publish(function, prefix=prefix)


@pytest.mark.parametrize(
    ("declare", "expected"),
    [
        (
            lambda catalog, first: catalog.setting("limit" if first else "LIMIT", BIGINT if first else VARCHAR),
            "setting 'LIMIT' is BIGINT in catalog 'first' and VARCHAR in 'second'",
        ),
        (
            lambda catalog, first: catalog.secret_type("key", {"a" if first else "b": VARCHAR}),
            "secret type 'key' has other parameters in catalog 'second' than in 'first'",
        ),
        (
            lambda catalog, first: catalog.secret_type("key", {"a": VARCHAR}, redact=["a"] if first else []),
            "secret type 'key' has other parameters",
        ),
        (publish, "catalogs 'first' and 'second' both publish 'GREET'"),
    ],
)
def test_what_two_catalogs_cannot_share(declare: Callable[[dw.Catalog, bool], object], expected: str) -> None:
    with pytest.raises(dw.DeclarationError, match=expected):
        worker(declare).service()


@pytest.mark.parametrize(
    "declare",
    [
        lambda catalog, first: catalog.setting("limit", BIGINT, default=1 if first else 2),
        lambda catalog, first: catalog.secret_type("key", {"a": VARCHAR}, redact=["a"]),
        lambda catalog, first: publish(catalog, first, prefix="one" if first else "two"),
        lambda catalog, first: catalog.schema("main2").scalar(greeting),
    ],
)
def test_what_two_catalogs_can_share(declare: Callable[[dw.Catalog, bool], object]) -> None:
    assert [catalog.catalog_name for catalog in worker(declare).service().catalogs] == ["first", "second"]


def test_a_catalog_is_no_provider() -> None:
    with pytest.raises(dw.DeclarationError, match=r"one worker serves several catalogs: Worker\(one, other\)"):
        dw.Catalog("one").mount(dw.Catalog("other"))  # type: ignore[arg-type]
