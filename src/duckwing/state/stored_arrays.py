"""Numbers by group id where a scope is on a server: this process's copies, and a value for each group in the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from .scope import Ids
    from .store import Store

    Array = np.ndarray[Any, Any]

_GROUPS, _CHANGES = "_vgi/group", "_vgi/group changes"
_COUNTS = "_vgi/groups by state"
_PRESENT = "present"


class StoredArrays:
    """See :class:`~duckwing.state.scope.Arrays`.

    Args:
        store: of the scope.
        fields: the type of each array's elements by name.
    """

    def __init__(self, store: Store, fields: Mapping[str, np.dtype[Any]]):
        import numpy as np

        self._store = store
        self._record = np.dtype([(_PRESENT, np.uint8), *((f"field-{name}", dtype) for name, dtype in fields.items())])
        self._numbers: Array = np.zeros(0, self._record)
        self._states: dict[int, int] = {}
        self._told: set[str] = set()

    def __getitem__(self, field: str) -> Array:
        """The array of a field; valid until the next :meth:`reserve`."""
        array: Array = self._numbers[f"field-{field}"]
        return array

    @property
    def present(self) -> Array:
        """The byte of each group."""
        array: Array = self._numbers[_PRESENT]
        return array

    def reserve(self, length: int) -> None:
        """Make the arrays at least ``length`` long."""
        if length > len(self._numbers):
            import numpy as np

            longer = np.zeros(length + length // 4, self._record)
            longer[: len(self._numbers)] = self._numbers
            self._numbers = longer

    def refresh(self, length: int) -> int:
        """How many of ``length`` elements there are."""
        return min(length, len(self._numbers))

    def load(self, ids: Ids) -> None:
        """Take in what other processes have made of some groups."""
        import numpy as np

        wanted = np.unique(ids[ids >= 0])
        if not len(wanted):
            return
        self.reserve(int(wanted[-1]) + 1)
        nothing = bytes(self._record.itemsize)
        found = self._store.get_many(_GROUPS, _keys(wanted))
        rows = np.frombuffer(b"".join(nothing if value is None else value for value in found), self._record)
        self._numbers[wanted] = rows
        self._states = dict(zip(wanted.tolist(), rows[_PRESENT].tolist(), strict=True))

    def save(self, ids: Ids) -> None:
        """Give some groups to other processes."""
        import numpy as np

        changed = np.unique(ids[(ids >= 0) & (ids < len(self._numbers))])
        changed = changed[self.present[changed] != 0]
        if not len(changed):
            return
        data, size = self._numbers[changed].tobytes(), self._record.itemsize
        values = (data[start : start + size] for start in range(0, len(data), size))
        balance: dict[int, int] = {}
        for group, state in zip(changed.tolist(), self.present[changed].tolist(), strict=True):
            before = self._states.get(group, 0)
            if state != before:
                balance[state] = balance.get(state, 0) + 1
                balance[before] = balance.get(before, 0) - 1
                self._states[group] = state
        self._store.put_many(_GROUPS, zip(_keys(changed), values, strict=True))
        for state, amount in balance.items():
            if state and amount:
                self._store.counter_add(_COUNTS, bytes([state]), amount)

    def has(self, state: int) -> bool:
        """Whether the byte of any group is ``state``."""
        return self._store.counter_get(_COUNTS, bytes([state])) != 0

    def mark(self, name: str) -> None:
        """Leave a name for all processes."""
        if name not in self._told:
            self._store.put(_CHANGES, name.encode(), b"")
            self._told.add(name)

    def marks(self) -> Iterable[str]:
        """The names that were left."""
        return [key.decode() for key, _ in self._store.scan(_CHANGES)]

    def close(self) -> None:
        """Give back the memory."""
        self._numbers = self._numbers[:0]


def _keys(ids: Ids) -> list[bytes]:
    data = ids.astype(">i8").tobytes()
    return [data[start : start + 8] for start in range(0, len(data), 8)]
