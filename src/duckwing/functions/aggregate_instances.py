"""Aggregates with an instance of the author's class for each group: simple, and slower."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..types.numpy_views import to_numpy
from .aggregate import BoundAggregate, spread
from .nulls import take

if TYPE_CHECKING:
    from ..state.store import Store

GROUPS = "_vgi/groups"
"""The groups whose rows are in no result and in no other group."""

DONE = "_vgi/done"
"""The groups that have given their result, or been merged into others; they may be asked for again."""


class InstanceStates:
    """The states of one execution's groups.

    Args:
        bound: the function with its constants.
        store: where the processes share them.
    """

    def __init__(self, bound: BoundAggregate, store: Store):
        self._bound = bound
        self._store = store
        self._fields = bound.function.state

    def update(self, ids: pa.Array, columns: list[pa.Array]) -> None:
        """Take in rows.

        Args:
            ids: the group of each row, int64.
            columns: the arguments of each row, in their declared types.
        """
        ids, columns = self._bound.only_counted(ids, columns)
        if not len(ids):
            return
        if self._bound.function.form == "row":
            self._update_rows(ids.to_pylist(), columns)
        else:
            self._update_arrays(ids, columns)

    def combine(self, source: pa.Array, target: pa.Array) -> None:
        """Take the groups of ``source`` into those of ``target``, pair by pair."""
        pairs = list(zip(source.to_pylist(), target.to_pylist(), strict=True))
        saved = self._load(dict.fromkeys(group for pair in pairs for group in pair))
        known = {group: self._rebuilt(data) for group, data in saved.items()}
        changed: dict[int, Any] = {}
        for taken, into in pairs:
            other = known.get(taken)
            if other is None:
                continue
            instance = known.get(into)
            if instance is None:
                instance = known[into] = self._bound.instance()
            # A source keeps its state: the engine may merge it again.
            instance.merge(self._copy(other))
            changed[into] = instance
        self._save(changed)
        self._done({source: saved[source] for source, _ in pairs if source in saved and source not in changed})

    def finalize(self, ids: pa.Array) -> pa.Array:
        """The result of each group."""
        groups = ids.to_pylist()
        saved = self._load(dict.fromkeys(groups))
        known = {group: self._rebuilt(data) for group, data in saved.items()}
        there = [place for place, group in enumerate(groups) if group in known]
        if not there:
            return self._bound.empty(len(groups))
        results = self._bound.one([known[groups[place]].result() for place in there])
        self._done(saved)
        if len(there) == len(groups):
            return results
        return spread(results, pa.array(there, pa.int64()), self._bound.empty(len(groups)))

    def outstanding(self) -> bool:
        """Whether there is a group whose rows are in no result and in no other group."""
        return bool(self._store.scan(GROUPS, limit=1))

    def _done(self, saved: Mapping[int, bytes]) -> None:
        if not saved:
            return
        # In this order, so that a state is always in one of the two.
        self._store.put_many(DONE, [(_key(group), data) for group, data in saved.items()])
        self._store.delete(GROUPS, [_key(group) for group in saved])

    def close(self) -> None:
        """Nothing is open."""

    def _update_rows(self, groups: Sequence[int], columns: list[pa.Array]) -> None:
        instances = self._instances(dict.fromkeys(groups))
        for group, row in zip(groups, self._bound.rows(columns, len(groups)), strict=True):
            instances[group].update(*row)
        self._save(instances)

    def _update_arrays(self, ids: pa.Array, columns: list[pa.Array]) -> None:
        import numpy as np

        unique, inverse, counts = np.unique(to_numpy(ids), return_inverse=True, return_counts=True)
        order = pa.array(np.argsort(inverse, kind="stable"))
        sorted_columns = [take(column, order) for column in columns] if len(unique) > 1 else columns
        instances = self._instances(unique.tolist())
        start = 0
        for group, count in zip(unique.tolist(), counts.tolist(), strict=True):
            rows = [column.slice(start, count) for column in sorted_columns]
            instances[group].update(*self._bound.arguments(rows))
            start += count
        self._save(instances)

    def _instances(self, groups: Iterable[int]) -> dict[int, Any]:
        groups = list(groups)
        saved = self._load(groups)
        return {group: self._rebuilt(saved[group]) if group in saved else self._bound.instance() for group in groups}

    def _load(self, groups: Iterable[int]) -> dict[int, bytes]:
        """The saved states of those of the groups that have one."""
        saved: dict[int, bytes] = {}
        missing = list(groups)
        for namespace in (GROUPS, DONE):
            found = self._store.get_many(namespace, [_key(group) for group in missing])
            saved |= {group: data for group, data in zip(missing, found, strict=True) if data is not None}
            missing = [group for group in missing if group not in saved]
        return saved

    def _save(self, instances: Mapping[int, Any]) -> None:
        self._store.put_many(GROUPS, [(_key(group), self._fields.save(i)) for group, i in instances.items()])

    def _copy(self, instance: Any) -> Any:
        return self._rebuilt(self._fields.save(instance))

    def _rebuilt(self, data: bytes) -> Any:
        instance = self._bound.instance()
        self._fields.load(instance, data)
        return instance


def _key(group: int) -> bytes:
    return group.to_bytes(8, "big", signed=True)
