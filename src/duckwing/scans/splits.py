"""Scans in parts that any process reads: what ``plan`` returns, and what ``scan`` gets (spec 07, section 14)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import OutputError
from ..state.values import dump_value


@dataclass(frozen=True)
class Split:
    """A part of a scan with what is known of it. ``plan`` may yield these or the bare values.

    Attributes:
        value: names the part, such as a path or a range of keys: plain values, nothing that lives in one process.
            The same value must always mean the same rows, since a split may be read again, or by another process.
        rows: how many rows it has, about; None: not known.
        exact: ``rows`` is exact.
        bytes: how many bytes it has, about; None: not known.
    """

    value: Any
    rows: int | None = None
    exact: bool = False
    bytes: int | None = None


@dataclass(frozen=True)
class PlannedSplit:
    """A split as it travels.

    Attributes:
        ordinal: its place in the plan.
        split: what the author said.
        payload: its value as bytes.
    """

    ordinal: int
    split: Split
    payload: bytes


def planned(plan: Any, what: str, start: int = 0) -> Iterator[PlannedSplit]:
    """The splits of a plan from one on.

    Args:
        plan: what ``plan()`` returned.
        what: names the function in error messages.
        start: so many are left out.

    Raises:
        OutputError: it is no plan, or a value cannot travel.
    """
    if isinstance(plan, (str, bytes)) or not isinstance(plan, Iterable):
        raise OutputError(f"{what}: plan() must return its splits, such as a list of paths; it returned {plan!r:.80}")
    for ordinal, item in enumerate(plan):
        if ordinal < start:
            continue
        split = item if isinstance(item, Split) else Split(item)
        try:
            payload = dump_value(split.value)
        except TypeError as error:
            raise OutputError(
                f"{what}: split {ordinal} of plan() cannot travel to another process ({error}); "
                "name the part by plain values, such as a path or a range of keys"
            ) from None
        yield PlannedSplit(ordinal, split, payload)
