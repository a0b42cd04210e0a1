"""What calls leave for each other, in whatever process they run: ``ctx.state``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, StateError
from ..state.values import dump_value, load_value

if TYPE_CHECKING:
    from ..state.scope import Kind, Scope
    from .context import Invocation

_VALUES = "values"
_COUNTERS = "counters"
_LOGS = "logs"


class State:
    """State by how long it lives.

    Every process of the worker sees the same, on several machines if they share a server
    (docs/state-stores.md). What processes of several threads or queries do at once, happens one after
    another; there are no transactions over several calls.

    Example:
        ```python
        @demo.scalar(stability="volatile")
        def ticket(name: str, ctx: dw.Context) -> int:
            return ctx.state.attachment.add(f"tickets of {name}")
        ```
    """

    def __init__(self, invocation: Invocation):
        self._invocation = invocation

    @property
    def execution(self) -> StateScope:
        """As long as one call of a function in one query runs.

        Raises:
            ArgumentError: the function is only being bound.
        """
        execution = self._invocation.execution
        if execution is None:
            raise ArgumentError(f"function '{self._invocation.function}' has no execution yet: it is being bound")
        # What follows the first 16 bytes is no part of the name (service/executions.py).
        return self._scope("execution", execution[:16])

    @property
    def transaction(self) -> StateScope:
        """As long as the user's transaction.

        Raises:
            ArgumentError: the catalog has no transactions.
        """
        if self._invocation.transaction is None:
            raise ArgumentError(
                f"function '{self._invocation.function}' is in no transaction; declare Catalog(…, transactions=True)"
            )
        return self._scope("transaction", self._invocation.transaction)

    @property
    def attachment(self) -> StateScope:
        """As long as the catalog stays attached in the user's session."""
        if self._invocation.attachment is None:
            raise ArgumentError(f"function '{self._invocation.function}' was called without an attached catalog")
        return self._scope("attachment", self._invocation.attachment)

    def _scope(self, kind: Kind, scope: bytes) -> StateScope:
        if self._invocation.scopes is None:
            raise StateError("there is no shared state here")
        return StateScope(self._invocation.scopes().open_or_create(kind, scope))


class StateScope:
    """Values, counters, logs and one queue.

    Values are plain: None, numbers, text, bytes, dates and times, ``Decimal``, ``UUID``, lists,
    tuples, sets, dicts, numpy arrays, Arrow data. They come back as they were. Keys are text.
    """

    def __init__(self, scope: Scope):
        self._kept = scope  # open as long as its store is used
        self._store = scope.store

    def get(self, key: str, default: Any = None) -> Any:
        """The value of ``key``, ``default`` if it has none."""
        data = self._store.get(_VALUES, key.encode())
        return default if data is None else load_value(data)

    def put(self, key: str, value: Any) -> None:
        """Set the value of ``key``.

        Raises:
            TypeError: the value is none that can be kept.
        """
        self._store.put(_VALUES, key.encode(), dump_value(value))

    def delete(self, key: str) -> bool:
        """Remove the value of ``key``; whether there was one."""
        return bool(self._store.delete(_VALUES, [key.encode()]))

    def items(self) -> Iterator[tuple[str, Any]]:
        """All keys with values, and their values, by key."""
        for key, data in self._store.scan(_VALUES):
            yield key.decode(), load_value(data)

    def push(self, *items: Any) -> None:
        """Append work items to the queue."""
        self._store.push([dump_value(item) for item in items])

    def pop(self, default: Any = None) -> Any:
        """Take the oldest item out of the queue: no two calls get the same one. ``default`` if it is empty."""
        data = self._store.pop()
        return default if data is None else load_value(data)

    def add(self, counter: str, amount: int = 1) -> int:
        """Add to a counter, which begins at 0; its new value.

        Raises:
            OverflowError: it leaves the range of 64 bits.
        """
        return self._store.counter_add(_COUNTERS, counter.encode(), amount)

    def count(self, counter: str) -> int:
        """The value of a counter."""
        return self._store.counter_get(_COUNTERS, counter.encode())

    def append(self, log: str, item: Any) -> None:
        """Append to a log."""
        self._store.append(_LOGS, log.encode(), dump_value(item))

    def read(self, log: str) -> Iterable[Any]:
        """All items of a log, oldest first."""
        return [load_value(data) for _, data in self._store.log_scan(_LOGS, log.encode())]
