"""Versions of a catalog's data and of its code, and which of them an ATTACH gets (spec 04, section 3.3)."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import CatalogError

_SPEC = re.compile(r"([~^]?)(\d+)(?:\.(\d+)(?:\.(\d+))?)?")


@dataclass(frozen=True)
class Release:
    """A release of a catalog's data, for ``vgi_catalogs(…)``.

    Attributes:
        version: such as ``2.1.0``.
        released_at: when, with a time zone; None: not known.
        summary: what is new.
        notes_url: where more is said.
    """

    version: str
    released_at: datetime.datetime | None = None
    summary: str = ""
    notes_url: str | None = None


def resolve_version(spec: str | None, versions: Sequence[str], label: str, *, exact: bool = False) -> str | None:
    """The version that an ATTACH gets.

    ``1.2.3`` and any other text is exactly that version, ``1`` the newest of this major, ``1.2`` is
    ``1.2.0``, ``^1.2.3`` the newest of the same major from there on, ``~1.2.3`` the newest of the same
    major and minor.

    Args:
        spec: what the user asks for; None or empty: the first of ``versions``.
        versions: what there is, the default first. None at all: no particular version.
        label: what is asked for, such as ``data_version_spec``.
        exact: any text is exactly that version.

    Raises:
        CatalogError: there is no such version.
    """
    if not spec:
        return versions[0] if versions else None
    if spec in versions:
        return spec
    match = None if exact else _SPEC.fullmatch(spec)
    if match is not None:
        kind, major, minor, patch = match[1], *(None if part is None else int(part) for part in match.groups()[1:])
        numbered = {version: tuple(map(int, version.split("."))) for version in versions if _is_triple(version)}
        low = (major, minor or 0, patch or 0)
        found = [
            version
            for version, number in numbered.items()
            if number >= low
            and (
                (kind == "^" and patch is not None and number[0] == major)
                or (kind == "~" and patch is not None and number[:2] == (major, minor))
                or (kind == "" and minor is None and number[0] == major)
                or (kind == "" and minor is not None and patch is None and number == low)
            )
        ]
        if found:
            return max(found, key=lambda version: numbered[version])
    known = ", ".join(versions) or "no particular version"
    raise CatalogError(f"Unsupported {label} '{spec}': there is {known}")


def _is_triple(version: str) -> bool:
    return re.fullmatch(r"\d+\.\d+\.\d+", version) is not None
