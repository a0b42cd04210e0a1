"""A store in one SQLite file, for any number of processes of one machine."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..errors import StateError
from .store import checked_counter

BUSY_SECONDS = 30.0
"""How long an operation waits for other writers before it fails."""

_VERSION = 1

# A table without rowid would keep values in the tree of the keys, which is slower from about 500 bytes on.
_TABLES = """
CREATE TABLE queue (id INTEGER PRIMARY KEY, item BLOB NOT NULL);
CREATE TABLE item (ns TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, UNIQUE (ns, key));
CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, ns TEXT NOT NULL, key BLOB NOT NULL, item BLOB NOT NULL);
CREATE INDEX log_by_key ON log (ns, key, id);
CREATE TABLE counter (ns TEXT NOT NULL, key BLOB NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (ns, key)) WITHOUT ROWID;
"""

_PUT = "INSERT INTO item (ns, key, value) VALUES (?, ?, ?) ON CONFLICT (ns, key) DO UPDATE SET value = excluded.value"
_SET = "INSERT OR REPLACE INTO counter (ns, key, value) VALUES (?, ?, ?)"
_RANGE = "ns = ?1 AND key >= coalesce(?2, x'') AND (?3 IS NULL OR key < ?3)"
_LARGEST = (1 << 63) - 1

_KEYS_AT_ONCE = 256
_GET_MANY = f"SELECT key, value FROM item WHERE ns = ? AND key IN ({', '.join('?' * _KEYS_AT_ONCE)})"  # noqa: S608


class SqliteStore:
    """A :class:`~duckwing.state.store.Store` in the file ``path``, made by the first operation.

    The file may be used by every thread and process of the machine at once; each connection is used
    by one thread at a time and by the process that opened it. Writing is not synchronised to the disk
    (``synchronous=OFF``): what a killed process has written stays, because the operating system has
    it, and what a power failure takes, takes the query with it, too. Waiting for the disk would cost
    a hundred times the rest. The write-ahead log needs a local file system.

    SQLite must not be carried across a fork: a child would share the parent's record of who holds which
    lock. So idle connections are closed before a fork, and where another thread was in the middle of
    an operation, the child's operations on this file fail with a ``StateError``.
    """

    def __init__(self, path: Path):
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._forks = _forks()
        self._forks.watch(self)

    def push(self, items: Iterable[bytes]) -> int:
        rows = [(item,) for item in items]
        with self._transaction() as connection:
            connection.executemany("INSERT INTO queue (item) VALUES (?)", rows)
        return len(rows)

    def pop(self) -> bytes | None:
        with self._transaction() as connection:
            row = connection.execute("SELECT id, item FROM queue ORDER BY id LIMIT 1").fetchone()
            if row is None:
                return None
            connection.execute("DELETE FROM queue WHERE id = ?", row[:1])
        item: bytes = row[1]
        return item

    def clear_queue(self) -> int:
        with self._connection() as connection:
            return connection.execute("DELETE FROM queue").rowcount

    def get(self, ns: str, key: bytes) -> bytes | None:
        with self._connection() as connection:
            row = connection.execute("SELECT value FROM item WHERE ns = ? AND key = ?", (ns, key)).fetchone()
        return None if row is None else row[0]

    def get_many(self, ns: str, keys: Sequence[bytes]) -> list[bytes | None]:
        found: dict[bytes, bytes] = {}
        with self._connection() as connection:
            for start in range(0, len(keys), _KEYS_AT_ONCE):
                chunk = keys[start : start + _KEYS_AT_ONCE]
                padding = [None] * (_KEYS_AT_ONCE - len(chunk))
                found.update(connection.execute(_GET_MANY, (ns, *chunk, *padding)))
        return [found.get(key) for key in keys]

    def put(self, ns: str, key: bytes, value: bytes) -> None:
        with self._connection() as connection:
            connection.execute(_PUT, (ns, key, value))

    def put_many(self, ns: str, items: Iterable[tuple[bytes, bytes]]) -> None:
        rows = [(ns, key, value) for key, value in items]
        with self._transaction() as connection:
            connection.executemany(_PUT, rows)

    def scan(
        self,
        ns: str,
        start: bytes | None = None,
        end: bytes | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> list[tuple[bytes, bytes]]:
        order = "DESC" if reverse else "ASC"
        query = f"SELECT key, value FROM item WHERE {_RANGE} ORDER BY key {order} LIMIT ?4"  # noqa: S608
        with self._connection() as connection:
            return connection.execute(query, (ns, start, end, _LARGEST if limit is None else limit)).fetchall()

    def drain(self, ns: str) -> list[tuple[bytes, bytes]]:
        with self._transaction() as connection:
            found = connection.execute("SELECT key, value FROM item WHERE ns = ? ORDER BY key", (ns,)).fetchall()
            connection.execute("DELETE FROM item WHERE ns = ?", (ns,))
        return found

    def delete(
        self,
        ns: str,
        keys: Sequence[bytes] | None = None,
        *,
        start: bytes | None = None,
        end: bytes | None = None,
    ) -> int:
        if keys is None:
            with self._connection() as connection:
                return connection.execute(f"DELETE FROM item WHERE {_RANGE}", (ns, start, end)).rowcount  # noqa: S608
        with self._transaction() as connection:
            deleted = connection.executemany("DELETE FROM item WHERE ns = ? AND key = ?", [(ns, key) for key in keys])
            return max(deleted.rowcount, 0)

    def append(self, ns: str, key: bytes, item: bytes) -> int:
        with self._connection() as connection:
            added = connection.execute("INSERT INTO log (ns, key, item) VALUES (?, ?, ?)", (ns, key, item)).lastrowid
        assert added is not None
        return added

    def log_scan(self, ns: str, key: bytes, *, after: int = -1, limit: int | None = None) -> list[tuple[int, bytes]]:
        query = "SELECT id, item FROM log WHERE ns = ? AND key = ? AND id > ? ORDER BY id LIMIT ?"
        with self._connection() as connection:
            return connection.execute(query, (ns, key, after, _LARGEST if limit is None else limit)).fetchall()

    def counter_get(self, ns: str, key: bytes) -> int:
        with self._connection() as connection:
            return _counter(connection, ns, key)

    def counter_add(self, ns: str, key: bytes, amount: int) -> int:
        with self._transaction() as connection:
            value = checked_counter(_counter(connection, ns, key) + amount)
            connection.execute(_SET, (ns, key, value))
        return value

    def counter_set(self, ns: str, key: bytes, value: int) -> None:
        checked_counter(value)
        with self._connection() as connection:
            connection.execute(_SET, (ns, key, value))

    def counter_delete(self, ns: str, key: bytes) -> None:
        with self._connection() as connection:
            connection.execute("DELETE FROM counter WHERE ns = ? AND key = ?", (ns, key))

    def clear(self) -> None:
        with self._transaction() as connection:
            for table in ("item", "log", "counter"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608

    def close(self) -> None:
        while self._idle:
            with contextlib.suppress(IndexError, sqlite3.Error):
                self._idle.pop().close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection that is the only writer until the block ends."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                if connection.in_transaction:  # an error for want of space has rolled back already
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """A connection that nobody else uses until the block ends."""
        with self._forks.in_use(self._path):
            connection: sqlite3.Connection | None = None
            try:
                connection = self._take() or self._connect()
                yield connection
            except (sqlite3.Error, OSError) as error:
                if connection is not None:
                    connection.close()
                raise StateError(self._explained(error)) from error
            except BaseException:
                if connection is not None:
                    connection.close()
                raise
            self._idle.append(connection)

    def _take(self) -> sqlite3.Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _explained(self, error: Exception) -> str:
        if not self._path.parent.is_dir():
            return f"the state of this call is gone: {self._path.parent} was removed; run the query again"
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return f"no space left to keep state in {self._path.parent}; make room, or set DUCKWING_STATE_DIR"
        return f"cannot keep state in {self._path}: {error}"


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -16000")
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            if connection.execute("PRAGMA user_version").fetchone()[0] == _VERSION:
                return
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            break
        except sqlite3.OperationalError as error:
            # SQLite does not wait when several connections turn a new file to write-ahead logging at once.
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.001)
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found == 0:
        for statement in _TABLES.strip().split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.execute("COMMIT")
    if found not in (0, _VERSION):
        raise sqlite3.DatabaseError(f"it has layout {found} of another version of Duckwing, not {_VERSION}")


def _counter(connection: sqlite3.Connection, ns: str, key: bytes) -> int:
    row = connection.execute("SELECT value FROM counter WHERE ns = ? AND key = ?", (ns, key)).fetchone()
    return 0 if row is None else row[0]


class _Forks:
    """Keeps SQLite's connections on one side of every fork (see :class:`SqliteStore`)."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._stores: weakref.WeakSet[SqliteStore] = weakref.WeakSet()
        self._using: dict[Path, int] = {}
        self._inherited: frozenset[Path] = frozenset()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._before, after_in_parent=self._gate.release, after_in_child=self._in_child)

    def watch(self, store: SqliteStore) -> None:
        """Close what ``store`` leaves idle before every fork from now on."""
        with self._gate:
            self._stores.add(store)

    @contextlib.contextmanager
    def in_use(self, path: Path) -> Iterator[None]:
        """While this lasts, a forked child inherits a connection to ``path``."""
        if path in self._inherited:
            raise StateError(f"this process was forked while another thread of its parent was using {path}")
        with self._gate:
            self._using[path] = self._using.get(path, 0) + 1
        try:
            yield
        finally:
            with self._gate:
                self._using[path] -= 1
                if not self._using[path]:
                    del self._using[path]

    def _before(self) -> None:
        self._gate.acquire()
        for store in self._stores:
            store.close()

    def _in_child(self) -> None:
        self._inherited |= frozenset(self._using)
        self._using.clear()
        self._gate.release()


@functools.cache
def _forks() -> _Forks:
    return _Forks()
