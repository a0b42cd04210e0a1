"""Functions that are called without the name of their catalog (spec 04, section 12.1)."""

from __future__ import annotations

import pytest

import duckwing as dw
from duckwing.errors import DeclarationError

from .session import Session

pytestmark = pytest.mark.sql


def test_published_functions(fresh: Session) -> None:
    fresh.attach("published")
    assert fresh.row("SELECT dw_twice(4), (SELECT sum(n) FROM dw_some(5)), (SELECT dw_largest(n) FROM dw_some(5))") == (
        8,
        10,
        4,
    )
    assert fresh.row("SELECT published.twice(1), (SELECT count(*) FROM published.other.some(3))") == (2, 3)
    assert "dw_hidden does not exist" in fresh.error("SELECT dw_hidden(1)")


def test_what_cannot_be_published() -> None:
    one, two = dw.Catalog("one"), dw.Catalog("two")

    @two.scalar
    def twice(x: int) -> int:
        return 2 * x

    with pytest.raises(DeclarationError, match="catalog 'one' cannot publish what it does not have"):
        one.publish(twice)
    two.publish(twice, prefix="a")
    with pytest.raises(DeclarationError, match="catalog 'two' publishes with the prefix 'a' already"):
        two.publish(twice, prefix="b")
