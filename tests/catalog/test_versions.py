"""Which version an ATTACH gets."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duckwing import CatalogError
from duckwing.catalog.versions import resolve_version

VERSIONS = ("2.1.0", "1.10.2", "1.2.0", "1.2.9", "1.9.1", "0.3.0", "nightly")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (None, "2.1.0"),
        ("", "2.1.0"),
        ("1.2.0", "1.2.0"),
        ("nightly", "nightly"),
        ("1", "1.10.2"),
        ("2", "2.1.0"),
        ("0", "0.3.0"),
        ("1.2", "1.2.0"),
        ("^1.2.0", "1.10.2"),
        ("^1.9.5", "1.10.2"),
        ("~1.2.0", "1.2.9"),
        ("~1.2.9", "1.2.9"),
        ("^0.1.0", "0.3.0"),
    ],
)
def test_version(spec: str | None, expected: str) -> None:
    assert resolve_version(spec, VERSIONS, "data_version_spec") == expected


@pytest.mark.parametrize(
    "spec", ["3", "1.3", "1.2.1", "~1.3.0", "~1.2.10", "^2.1.1", "^1", "~1.2", ">=1.0.0", "Nightly", "1.2.0 "]
)
def test_no_version(spec: str) -> None:
    expected = f"Unsupported data_version_spec '{spec}': there is 2.1.0, 1.10.2, 1.2.0, 1.2.9, 1.9.1, 0.3.0, nightly"
    with pytest.raises(CatalogError, match=re.escape(expected)):
        resolve_version(spec, VERSIONS, "data_version_spec")


def test_without_versions() -> None:
    assert resolve_version(None, (), "implementation_version") is None
    with pytest.raises(CatalogError, match="Unsupported implementation_version '1': there is no particular version"):
        resolve_version("1", (), "implementation_version")


NUMBERS = st.tuples(*[st.integers(0, 12)] * 3)


@given(st.lists(NUMBERS, min_size=1, unique=True), NUMBERS, st.sampled_from("^~"))
def test_ranges(numbers: list[tuple[int, int, int]], low: tuple[int, int, int], kind: str) -> None:
    same = 1 if kind == "^" else 2
    allowed = [number for number in numbers if number >= low and number[:same] == low[:same]]
    texts = [".".join(map(str, number)) for number in numbers]
    spec = kind + ".".join(map(str, low))
    if allowed:
        assert resolve_version(spec, texts, "x") == ".".join(map(str, max(allowed)))
    else:
        with pytest.raises(CatalogError):
            resolve_version(spec, texts, "x")
