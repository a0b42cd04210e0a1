"""Which version an ATTACH gets."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import duckwing as dw
from duckwing import CatalogError
from duckwing.catalog.versions import resolve_version
from duckwing.types import BIGINT

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


@pytest.mark.parametrize("spec", ["1", "1.2", "^1.2.0", "~1.2.0", "1.2.1"])
def test_exact_versions(spec: str) -> None:
    assert resolve_version("1.2.0", VERSIONS, "data_version_spec", exact=True) == "1.2.0"
    assert resolve_version(None, VERSIONS, "data_version_spec", exact=True) == "2.1.0"
    with pytest.raises(CatalogError, match=re.escape(f"Unsupported data_version_spec '{spec}': there is 2.1.0")):
        resolve_version(spec, VERSIONS, "data_version_spec", exact=True)


def test_what_is_told_of_the_versions_of_data() -> None:
    assert dw.Catalog("c").data_version_spec is None
    assert dw.Catalog("c", data_versions=["2.0.0", "1.0.0"]).data_version_spec == "2.0.0, 1.0.0"
    assert dw.Catalog("c", data_versions=["2.0.0"], data_version_spec=">=1.0.0").data_version_spec == ">=1.0.0"
    with pytest.raises(dw.DeclarationError, match="data_version_spec="):
        dw.Catalog("c", data_version_spec=3)  # type: ignore[arg-type]


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


# Tables for each version


def one() -> object:
    return [(1,)]


ONE = dw.table_function(columns={"n": BIGINT})(one)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({}, {}, "already has a table or view 't'; tables of one name need version="),
        ({"version": 1}, {}, "tables of one name need version="),
        ({"version": 1}, {"version": "1"}, "table 't' already has a version 1"),
        ({"data_versions": ["a", "b"]}, {"data_versions": "b"}, "data_versions= without a common one"),
        (
            {"version": 1, "since": datetime.date(2024, 1, 1)},
            {"version": 2, "since": datetime.date(2023, 1, 1)},
            "declare the oldest first",
        ),
        (
            {"version": 1},
            {"since": datetime.date(2023, 1, 1)},
            "since= says since when a version is there; give version=",
        ),
        ({"version": 1}, {"version": 2.0}, "version= is a number or a text, not 2.0"),
        ({"version": 1}, {"version": True}, "version= is a number or a text, not True"),
        ({"version": 1}, {"version": 2, "since": "2024"}, "since= is a date or a datetime, not '2024'"),
        ({"version": 1}, {"version": 2, "time_travel": True}, "choose one"),
    ],
)
def test_tables_of_one_name_that_cannot_be_told_apart(
    first: dict[str, Any], second: dict[str, Any], expected: str
) -> None:
    catalog = dw.Catalog("c", data_versions=["a", "b"])
    catalog.table("t", ONE, **first)
    with pytest.raises(dw.DeclarationError, match=re.escape(expected)):
        catalog.table("t", ONE, **second)
    with pytest.raises(dw.DeclarationError, match="already has a table or view 't'"):
        catalog.view("t", "SELECT 1")


def test_a_view_has_no_versions() -> None:
    catalog = dw.Catalog("c")
    catalog.view("t", "SELECT 1")
    with pytest.raises(dw.DeclarationError, match="already has a table or view 't'"):
        catalog.table("t", ONE, version=1)
