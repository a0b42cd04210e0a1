"""Versions and what requirements say about them (PEP 440), as SQL functions."""

from __future__ import annotations

import functools
import re
from typing import Annotated, NamedTuple

import duckwing as dw
from duckwing.types import BIGINT, LIST, STRUCT, VARCHAR


class Key(NamedTuple):
    """The parts of a version from the one that matters most to the one that matters least.

    Lists make the order come out right: a shorter one comes before those that it begins.
    """

    epoch: int
    release: list[int]
    pre: list[int]
    post: int
    dev: int
    local: list[str]


KEY = STRUCT(
    {
        "epoch": BIGINT,
        "release": LIST(BIGINT),
        "pre": LIST(BIGINT),
        "post": BIGINT,
        "dev": BIGINT,
        "local": LIST(VARCHAR),
    }
)


@dw.scalar(examples=[("SELECT version_key('1.10') > version_key('1.9')", "as text, '1.10' comes first")])
def version_key(version: str) -> Annotated[Key | None, KEY]:
    """What to sort and compare versions by; NULL for what is no version.

    Equal versions, such as '1.0' and '1', have equal keys.
    """
    parsed = _parse(version)
    return parsed.key if parsed else None


@dw.scalar(examples=["SELECT version_series('3.11.7')", "SELECT version_series('3.11.7', 1)"])
def version_series(version: str, numbers: int = 2) -> str | None:
    """The first numbers of a version, as in '3.11' of '3.11.7'; NULL for what is no version.

    Args:
        numbers: how many.
    """
    parsed = _parse(version)
    return ".".join(map(str, parsed.numbers[:numbers])) if parsed else None


@dw.scalar(examples=["SELECT version_matches('2.4.1', '>=2,<3')"])
def version_matches(version: str, specifier: str) -> bool | None:
    """Whether a version is one that a requirement accepts; NULL if either of them cannot be read.

    An empty specifier accepts every version. Pre-releases are accepted like others.
    """
    parsed = _parse(version)
    if parsed is None:
        return None
    results = [_accepts(clause.strip(), parsed) for clause in specifier.split(",") if clause.strip()]
    return None if None in results else all(results)


PRE = {"a": 1, "alpha": 1, "b": 2, "beta": 2, "c": 3, "rc": 3, "pre": 3, "preview": 3}
FINAL = [4]
ONLY_DEV = [0]
NO_POST = -1
NO_DEV = 2**63 - 1


class Version(NamedTuple):
    """A version, its numbers as they were written ('1.0' and '1' have one key), and the text."""

    key: Key
    numbers: tuple[int, ...]
    text: str

    @property
    def public(self) -> Key:
        return self.key._replace(local=[])

    @property
    def earliest(self) -> Key:
        """What '<' ends before: '<2' does not mean 2.0rc1, though that comes before 2."""
        if self.key.pre != FINAL or self.key.dev != NO_DEV:
            return self.key
        return self.key._replace(pre=ONLY_DEV if self.key.post == NO_POST else FINAL, dev=0)

    def begins_with(self, epoch: int, numbers: tuple[int, ...]) -> bool:
        padded = self.numbers + (0,) * len(numbers)
        return self.key.epoch == epoch and padded[: len(numbers)] == numbers


VERSION = re.compile(
    r"""v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)
    (?:[-_.]?(?P<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_number>\d+)?)?
    (?P<post>-\d+|[-_.]?(?:post|rev|r)[-_.]?\d*)?
    (?:[-_.]?(?P<dev>dev)[-_.]?(?P<dev_number>\d+)?)?
    (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?""",
    re.VERBOSE | re.ASCII,
)
CLAUSE = re.compile(r"(~=|===|==|!=|<=|>=|<|>)\s*(\S+)")
WILDCARD = re.compile(r"(==|!=)\s*v?(?:(\d+)!)?(\d+(?:\.\d+)*)\.\*", re.ASCII)


@functools.lru_cache(maxsize=10_000)
def _parse(text: str) -> Version | None:
    """``text`` as a version, None if it is none or has a number that no BIGINT holds."""
    text = text.strip().lower()
    match = VERSION.fullmatch(text)
    if match is None:
        return None
    part = match.groupdict()
    numbers = _numbers(part["release"])
    pre = [PRE[part["pre"]], int(part["pre_number"] or 0)] if part["pre"] else FINAL
    if part["dev"] and not part["pre"] and not part["post"]:
        pre = ONLY_DEV
    key = Key(
        epoch=int(part["epoch"] or 0),
        release=_without_trailing_zeros(numbers),
        pre=pre,
        post=int(re.sub(r"\D", "", part["post"]) or 0) if part["post"] else NO_POST,
        dev=int(part["dev_number"] or 0) if part["dev"] else NO_DEV,
        local=[_local_key(item) for item in re.split(r"[-_.]", part["local"])] if part["local"] else [],
    )
    if max(key.epoch, *key.release, *key.pre, key.post, key.dev) >= 2**63:
        return None
    return Version(key, numbers, text)


def _accepts(clause: str, found: Version) -> bool | None:
    if wildcard := WILDCARD.fullmatch(clause):
        operator, epoch, release = wildcard.groups()
        return found.begins_with(int(epoch or 0), _numbers(release)) == (operator == "==")
    match = CLAUSE.fullmatch(clause)
    if match is None:
        return None
    operator, text = match.groups()
    if operator == "===":
        return found.text == text.lower()
    wanted = _parse(text)
    if wanted is None or (wanted.key.local and operator not in ("==", "!=")):
        return None
    match operator:
        case "==" | "!=":
            mine = found.key if wanted.key.local else found.public
            return (mine == wanted.key) == (operator == "==")
        case "<=":
            return found.public <= wanted.key
        case ">=":
            return found.public >= wanted.key
        case "<":
            return found.key < wanted.earliest
        case ">":
            # '>2' does not mean 2.post1 either, unlike '>2.post0'.
            plain = wanted.key.post == NO_POST and wanted.key.dev == NO_DEV
            return found.public > wanted.key and not (plain and found.key[:3] == wanted.key[:3])
    if len(wanted.numbers) < 2:
        return None  # ~=1 does not say what may change
    return found.public >= wanted.key and found.begins_with(wanted.key.epoch, wanted.numbers[:-1])


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


def _without_trailing_zeros(numbers: tuple[int, ...]) -> list[int]:
    significant = list(numbers)
    while len(significant) > 1 and significant[-1] == 0:
        significant.pop()
    return significant


def _local_key(item: str) -> str:
    """Numbers come after words, and a number with more digits after one with fewer."""
    digits = item.lstrip("0") or "0"
    return f"~{len(digits):04}{digits}" if item.isdecimal() else item
