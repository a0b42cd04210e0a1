"""Aggregates over all groups at once: their numbers are arrays that the worker's processes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..errors import ArgumentError, OutputError
from ..types.numpy_views import to_numpy
from .aggregate import BoundAggregate, spread
from .groups import PUT, Groups

if TYPE_CHECKING:
    import numpy as np

    from ..state.scope import Arrays, Ids, Scope


_FRESH, _DONE = 1, 2
"""The byte of a group that has rows, and whether they have gone into a result or another group."""


class GroupStates:
    """The states of one execution's groups.

    Args:
        bound: the function with its constants.
        scope: where the processes share them.
    """

    def __init__(self, bound: BoundAggregate, scope: Scope):
        self._bound = bound
        self._fields = bound.function.per_group
        self._arrays: Arrays = scope.arrays({name: field.dtype for name, field in self._fields.items()})
        self._used: set[tuple[str, str]] = set()
        self._nonzero = [field for field in self._fields.values() if field.default]
        self._instance = bound.instance()
        for name, field in self._fields.items():
            setattr(self._instance, name, field)
        self._author_merge = getattr(self._instance, "merge", None)

    def update(self, ids: pa.Array, columns: list[pa.Array]) -> None:
        """Take in rows.

        Args:
            ids: the group of each row, int64.
            columns: the arguments of each row, in their declared types.
        """
        ids, columns = self._bound.only_counted(ids, columns)
        if len(ids):
            groups = to_numpy(ids)
            self._arrays.load(groups)
            self._reserve(groups)
            self._instance.update(self._groups(groups), *self._bound.arguments(columns))
            self._arrays.save(groups)

    def combine(self, source: pa.Array, target: pa.Array) -> None:
        """Take the groups of ``source`` into those of ``target``, pair by pair."""
        import numpy as np

        sources, targets = to_numpy(source), to_numpy(target)
        both = np.concatenate((sources, targets))
        self._arrays.load(both)
        while len(sources):
            # What a pair reads may be what another one writes: such pairs are merged one after another.
            count = len(sources)
            if np.isin(sources, targets).any():
                count = _independent(sources.tolist(), targets.tolist())
            there = self._there(sources[:count])
            if there.any():
                self._arrays.present[sources[:count][there]] = _DONE
                self._merge(sources[:count][there], targets[:count][there])
            sources, targets = sources[count:], targets[count:]
        self._arrays.save(both)

    def finalize(self, ids: pa.Array) -> pa.Array:
        """The result of each group."""
        import numpy as np

        wanted = to_numpy(ids)
        count = len(wanted)
        self._arrays.load(wanted)
        there = self._there(wanted)
        present = wanted[there]
        if not len(present):
            return self._bound.empty(count)
        if self._author_merge is None:
            self._changes()  # An author learns of what is missing also where nothing happens to be merged.
        results = self._bound.results(self._instance.result(self._groups(present)), len(present))
        self._arrays.present[present] = _DONE
        self._arrays.save(present)
        if len(present) == count:
            return results
        return spread(results, pa.array(np.flatnonzero(there)), self._bound.empty(count))

    def outstanding(self) -> bool:
        """Whether there is a group whose rows are in no result and in no other group."""
        return self._arrays.has(_FRESH)

    def close(self) -> None:
        """Unmap the memory."""
        self._arrays.close()

    def _groups(self, ids: Ids) -> Groups:
        return Groups(ids, self._arrays, self._bound.function.what, self._used)

    def _there(self, ids: Ids) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which of the groups have a value."""
        known = self._arrays.refresh(int(ids.max(initial=-1)) + 1)
        there: np.ndarray[Any, np.dtype[np.bool_]] = (ids >= 0) & (ids < known)
        if known:
            there[there] = self._arrays.present[ids[there]] != 0
        return there

    def _reserve(self, ids: Ids) -> None:
        """Make sure that the groups exist and have their defaults."""
        if ids.min() < 0:
            raise ArgumentError(f"{self._bound.function.what}: groups are numbered from 0, got {ids.min()}")
        self._arrays.reserve(int(ids.max()) + 1)
        present = self._arrays.present
        if self._nonzero:
            new = ids[present[ids] == 0]
            for field in self._nonzero:
                self._arrays[field.name][new] = field.default
        present[ids] = _FRESH

    def _merge(self, sources: Ids, targets: Ids) -> None:
        self._reserve(targets)
        if self._author_merge is not None:
            for chosen in _rounds(targets):
                self._author_merge(self._groups(targets[chosen]), self._groups(sources[chosen]))
            return
        import numpy as np

        groups = self._groups(targets)
        for name, change in self._changes().items():
            field = self._fields[name]
            values = self._arrays[name][sources]
            groups.apply(getattr(np, change), field, values)

    def _changes(self) -> dict[str, str]:
        """How each field is changed, by whatever process."""
        changes: dict[str, str] = {}
        for mark in self._arrays.marks():
            name, _, change = mark.rpartition(".")
            if change == PUT or changes.setdefault(name, change) != change:
                raise OutputError(
                    f"{self._bound.function.what}: field '{name}' is changed with "
                    f"{'put()' if change == PUT else f'{changes[name]} and {change}'}, so only you know how two groups "
                    "merge; write merge(self, groups, other)"
                )
        return changes


def _independent(sources: list[int], targets: list[int]) -> int:
    """How many pairs from the first on can be merged at once: no target of them is a source of them."""
    read: set[int] = set()
    written: set[int] = set()
    for count, (source, target) in enumerate(zip(sources, targets, strict=True)):
        read.add(source)
        written.add(target)
        if count and (source in written or target in read):
            return count
    return len(sources)


def _rounds(targets: Ids) -> list[Any]:
    """The pairs in rounds in which no target repeats, in their order."""
    import numpy as np

    unique, counts = np.unique(targets, return_counts=True)
    if len(unique) == len(targets):
        return [slice(None)]
    order = np.argsort(targets, kind="stable")
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    turn = np.empty(len(targets), np.int64)
    turn[order] = np.arange(len(targets)) - np.repeat(starts, counts)
    return [np.flatnonzero(turn == number) for number in range(int(counts.max()))]
