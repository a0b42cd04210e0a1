"""Alternating repetition, and what is reported of it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

Unit = Literal["seconds", "bytes"]


QUICK = 100
"""By how much sizes are divided where it only matters that a case runs."""


@dataclass(frozen=True)
class Effort:
    """What is done for a figure.

    Attributes:
        rounds: how often each side runs.
        quick: it is only to be seen that everything runs; the figures mean nothing.
    """

    rounds: int
    quick: bool = False

    def size(self, full: int, least: int = 1) -> int:
        """How much of something there is, where it is ``full`` in earnest."""
        return max(full // QUICK, least) if self.quick else full

    def at_most(self, rounds: int) -> Effort:
        """The same with no more rounds than ``rounds``."""
        return replace(self, rounds=min(self.rounds, rounds))


@dataclass(frozen=True)
class Samples:
    """What one side measured, in the order of the rounds; in seconds or bytes."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)


@dataclass(frozen=True)
class Target:
    """A bound that the project has set itself: the median ratio, or the highest value, is at most ``bound``."""

    of: Literal["ratio", "value"]
    bound: float
    text: str


@dataclass(frozen=True)
class Comparison:
    """Ours against one peer or limit.

    Attributes:
        case: name of the case that measured it.
        what: what Duckwing did.
        ours: its samples.
        against: what the peer or limit is.
        theirs: its samples, from the same rounds.
        unit: of both.
        target: what the project demands, if anything.
    """

    case: str
    what: str
    ours: Samples
    against: str
    theirs: Samples
    unit: Unit = "seconds"
    target: Target | None = None

    @property
    def ratio(self) -> Samples:
        """Ours divided by theirs, round by round: load that comes and goes meets both sides of a round."""
        return Samples(tuple(ours / theirs for ours, theirs in zip(self.ours.values, self.theirs.values, strict=True)))

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without a target."""
        if self.target is None:
            return None
        return (self.ratio.median if self.target.of == "ratio" else self.ours.high) <= self.target.bound


Side = Callable[[], float]
"""Does its work once and returns what it measured: setting up and tearing down are its own affair."""


def alternate(sides: Mapping[str, Side], rounds: int, *, warm_up: bool = True) -> dict[str, Samples]:
    """Run all sides in turn, ``rounds`` times, after one round that is not counted.

    Every second round runs them in the opposite order, so that none always follows the same other.

    Args:
        sides: what to run, by name.
        rounds: how often.
        warm_up: whether there is the round that is not counted.
    """
    measured: dict[str, list[float]] = {name: [] for name in sides}
    if warm_up:
        for side in sides.values():
            side()
    for number in range(rounds):
        for name in list(sides)[:: 1 if number % 2 == 0 else -1]:
            measured[name].append(sides[name]())
    return {name: Samples(tuple(values)) for name, values in measured.items()}


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of one call of ``work``."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def check(found: object, expected: object) -> None:
    """A wrong answer has no speed.

    Raises:
        RuntimeError: this one is wrong.
    """
    if found != expected:
        raise RuntimeError(f"expected {expected}, got {found}: a wrong answer has no speed")
