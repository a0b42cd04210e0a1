"""Aggregates with an instance of the author's class for each group: simple, and slower.

What is kept of a group is the state of an instance. Once that is large, it is put aside as a *part*, and the rows that
follow go to a new instance: so a list of all values that there were is not read and written again with each batch.
Who needs the whole state merges the parts, in the order of the rows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

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


PARTS = "_vgi/parts"
"""What was put aside: by group and number."""

PART_BYTES = 64 << 10
"""A state of more bytes is put aside."""

_KEPT = struct.Struct(">I?")
_PART_KEY = struct.Struct(">qI")


class _Kept(NamedTuple):
    """What is kept of a group.

    Attributes:
        parts: how many were put aside.
        state: of the instance to which rows go; None: there is none yet.
    """

    parts: int = 0
    state: bytes | None = None

    def encode(self) -> bytes:
        return _KEPT.pack(self.parts, self.state is not None) + (self.state or b"")

    @classmethod
    def decode(cls, data: bytes) -> _Kept:
        parts, has_state = _KEPT.unpack_from(data)
        return cls(parts, data[_KEPT.size :] if has_state else None)


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
        known = {group: self._whole(group, kept) for group, kept in saved.items()}
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
        self._save(changed, {})
        self._done({source: saved[source] for source, _ in pairs if source in saved and source not in changed})

    def finalize(self, ids: pa.Array) -> pa.Array:
        """The result of each group."""
        groups = ids.to_pylist()
        saved = self._load(dict.fromkeys(groups))
        known = {group: self._whole(group, kept) for group, kept in saved.items()}
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

    def _done(self, saved: Mapping[int, _Kept]) -> None:
        if not saved:
            return
        # In this order, so that a state is always in one of the two.
        self._store.put_many(DONE, [(_key(group), kept.encode()) for group, kept in saved.items()])
        self._store.delete(GROUPS, [_key(group) for group in saved])

    def close(self) -> None:
        """Nothing is open."""

    def _update_rows(self, groups: Sequence[int], columns: list[pa.Array]) -> None:
        saved, instances = self._open(dict.fromkeys(groups))
        for group, row in zip(groups, self._bound.rows(columns, len(groups)), strict=True):
            instances[group].update(*row)
        self._save(instances, saved)

    def _update_arrays(self, ids: pa.Array, columns: list[pa.Array]) -> None:
        import numpy as np

        unique, inverse, counts = np.unique(to_numpy(ids), return_inverse=True, return_counts=True)
        order = pa.array(np.argsort(inverse, kind="stable"))
        sorted_columns = [take(column, order) for column in columns] if len(unique) > 1 else columns
        groups = unique.tolist()
        saved, instances = self._open(groups)
        start = 0
        for group, count in zip(groups, counts.tolist(), strict=True):
            rows = [column.slice(start, count) for column in sorted_columns]
            instances[group].update(*self._bound.arguments(rows))
            start += count
        self._save(instances, saved)

    def _load(self, groups: Iterable[int]) -> dict[int, _Kept]:
        """What is kept of those of the groups that there are."""
        saved: dict[int, _Kept] = {}
        missing = list(groups)
        for namespace in (GROUPS, DONE):
            found = self._store.get_many(namespace, [_key(group) for group in missing])
            saved |= {g: _Kept.decode(data) for g, data in zip(missing, found, strict=True) if data is not None}
            missing = [group for group in missing if group not in saved]
        return saved

    def _save(self, instances: Mapping[int, Any], saved: Mapping[int, _Kept]) -> None:
        """Keep the states of groups, which follow what was put aside of them: that of ``saved``."""
        parts: list[tuple[bytes, bytes]] = []
        kept: list[tuple[bytes, bytes]] = []
        for group, instance in instances.items():
            count, state = saved.get(group, _NOTHING).parts, self._fields.save(instance)
            if len(state) > PART_BYTES:
                parts.append((_PART_KEY.pack(group, count), state))
                kept.append((_key(group), _Kept(count + 1).encode()))
            else:
                kept.append((_key(group), _Kept(count, state).encode()))
        if parts:
            self._store.put_many(PARTS, parts)
        self._store.put_many(GROUPS, kept)

    def _open(self, groups: Iterable[int]) -> tuple[dict[int, _Kept], dict[int, Any]]:
        """What is kept of groups, and for each the instance to which further rows go."""
        saved = self._load(groups)
        states = {group: saved.get(group, _NOTHING).state for group in groups}
        return saved, {g: self._bound.instance() if s is None else self._rebuilt(s) for g, s in states.items()}

    def _whole(self, group: int, kept: _Kept) -> Any:
        """An instance with all rows of a group."""
        keys = [_PART_KEY.pack(group, number) for number in range(kept.parts)]
        states = [*(self._store.get_many(PARTS, keys) if keys else ()), kept.state]
        instances = [self._rebuilt(state) for state in states if state is not None]
        while len(instances) > 1:  # neighbours first: a merge may take as long as both are large
            for left, right in zip(instances[::2], instances[1::2], strict=False):
                left.merge(right)
            instances = instances[::2]
        return instances[0]

    def _copy(self, instance: Any) -> Any:
        return self._rebuilt(self._fields.save(instance))

    def _rebuilt(self, data: bytes) -> Any:
        instance = self._bound.instance()
        self._fields.load(instance, data)
        return instance


_NOTHING = _Kept()


def _key(group: int) -> bytes:
    return group.to_bytes(8, "big", signed=True)
