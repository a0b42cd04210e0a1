"""Stores in a PostgreSQL database (the extra ``postgres``), for processes of any machine.

Everything is in one schema, which the first process makes (:mod:`~duckwing.state.postgres_tables`). An operation is
one statement, committed by itself: where it takes several steps they are a function in the schema. So a client
that dies leaves nothing half done and no lock behind.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import StateError
from .connections import TIMEOUT_SECONDS, Connections
from .postgres_tables import GONE, TABLES
from .scope import scope_name
from .store import COUNTER_MAX, COUNTER_MIN, TOUCH_SECONDS, checked_counter

if TYPE_CHECKING:
    from psycopg import Connection

    from .scope import Kind
    from .store import Store

SCHEMA = "duckwing_1"
"""The schema of the tables. Its number is that of their layout: versions of another one do not meet in a database."""

LONGEST_KEY = 2500
"""Bytes that namespace and key may have together: PostgreSQL's indexes do not take more."""

_FOREIGN_KEY = "23503"
_OUT_OF_RANGE = "22003"

_IS_GONE = "the state of this call is gone: it has ended or was swept; run the query again"

_LOCK = 0x6475636B77696E67
"""Of processes that make the schema at once, the holder of this advisory lock does."""

_EXISTS = "SELECT to_regclass('duckwing_1.scope') IS NOT NULL"
_TOUCH = "UPDATE duckwing_1.scope SET used = clock_timestamp() WHERE id = %s"
_PUT = (
    "INSERT INTO duckwing_1.item (scope, ns, key, value) VALUES (%s, %s, %s, %s) "
    "ON CONFLICT (scope, ns, key) DO UPDATE SET value = excluded.value"
)
_SET = (
    "INSERT INTO duckwing_1.counter (scope, ns, key, value) VALUES (%s, %s, %s, %s) "
    "ON CONFLICT (scope, ns, key) DO UPDATE SET value = excluded.value"
)
# Reads of one row join it to that of the scope, so that no row means no scope.
_GET = (
    "SELECT i.value FROM duckwing_1.scope s "
    "LEFT JOIN duckwing_1.item i ON i.scope = s.id AND i.ns = %s AND i.key = %s WHERE s.id = %s"
)
_COUNTER = (
    "SELECT coalesce(c.value, 0) FROM duckwing_1.scope s "
    "LEFT JOIN duckwing_1.counter c ON c.scope = s.id AND c.ns = %s AND c.key = %s WHERE s.id = %s"
)
_GET_MANY = "SELECT key, value FROM duckwing_1.item WHERE scope = %s AND ns = %s AND key = ANY (%s::bytea[])"
_SCAN = (
    "SELECT key, value FROM duckwing_1.item "
    "WHERE scope = %s AND ns = %s AND key >= %s AND (%s::bytea IS NULL OR key < %s) ORDER BY key {order} LIMIT %s"
)
_SCANS = {False: _SCAN.format(order="ASC"), True: _SCAN.format(order="DESC")}
_LOG = "SELECT id, item FROM duckwing_1.log WHERE scope = %s AND ns = %s AND key = %s AND id > %s ORDER BY id LIMIT %s"

_CREATE = "INSERT INTO duckwing_1.scope (name) VALUES (%s) ON CONFLICT DO NOTHING RETURNING id"
_OPEN = "UPDATE duckwing_1.scope SET used = clock_timestamp() WHERE name = %s RETURNING id"
_FIND = "SELECT id FROM duckwing_1.scope WHERE name = %s"
_REMOVE = "DELETE FROM duckwing_1.scope WHERE name = %s"
_IDLE = "SELECT id FROM duckwing_1.scope WHERE used <= clock_timestamp() - make_interval(secs => %s)"
_EXPIRE = (
    "DELETE FROM duckwing_1.scope WHERE id = %s AND used <= clock_timestamp() - make_interval(secs => %s) RETURNING id"
)

_LEASE = (
    "INSERT INTO duckwing_1.lease AS l (name, holder, until) "
    "VALUES (%s, %s, clock_timestamp() + make_interval(secs => %s)) "
    "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = clock_timestamp() + make_interval(secs => %s) "
    "WHERE l.until <= clock_timestamp() RETURNING holder"
)
_RENEW = (
    "UPDATE duckwing_1.lease SET until = clock_timestamp() + make_interval(secs => %s) "
    "WHERE name = %s AND holder = %s AND until > clock_timestamp() RETURNING holder"
)
_RELEASE = "DELETE FROM duckwing_1.lease WHERE name = %s AND holder = %s"
_HOLDER = "SELECT holder FROM duckwing_1.lease WHERE name = %s AND until > clock_timestamp()"
_EXPIRE_LEASES = "DELETE FROM duckwing_1.lease WHERE until <= clock_timestamp()"

_T = TypeVar("_T")
Rows = list[Any]


class PostgresBackend:
    """A :class:`~duckwing.state.backend.Backend` in a database of PostgreSQL 13 or newer.

    Args:
        url: of the database, as libpq takes it. Its user may make a schema there, or owns ``duckwing_1``.
        timeout: seconds after which an operation fails.

    Raises:
        StateError: the URL is none, or the extra ``postgres`` is not installed.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT_SECONDS):
        try:
            import psycopg
        except ImportError as error:
            raise StateError("PostgreSQL needs psycopg: pip install 'duckwing[postgres]'") from error
        try:
            self._parameters = psycopg.conninfo.conninfo_to_dict(url)
        except psycopg.Error:  # its text repeats the URL, which may have a password
            raise StateError("this is no URL of PostgreSQL; expected postgresql://user@host:port/database") from None
        self._timeout = timeout
        self._connections: Connections[Connection[Any]] = Connections(
            self._connect, _close, _is_idle, (psycopg.OperationalError,), timeout
        )

    def create(self, kind: Kind, scope: bytes) -> Store:
        name = scope_name(kind, scope)
        rows = self.run(_CREATE, (name,))
        if not rows:
            raise StateError(f"{name} exists already")
        return PostgresStore(self, rows[0][0])

    def store(self, kind: Kind, scope: bytes) -> Store:
        rows = self.run(_OPEN, (scope_name(kind, scope),))
        if not rows:
            raise StateError(_IS_GONE)
        return PostgresStore(self, rows[0][0])

    def exists(self, kind: Kind, scope: bytes) -> bool:
        return bool(self.run(_FIND, (scope_name(kind, scope),)))

    def remove(self, kind: Kind, scope: bytes) -> None:
        self.run(_REMOVE, (scope_name(kind, scope),))

    def sweep(self, idle_seconds: float) -> int:
        self.run(_EXPIRE_LEASES, ())
        # One by one: many at once could take longer than a statement may.
        return sum(len(self.run(_EXPIRE, (id_, idle_seconds))) for (id_,) in self.run(_IDLE, (idle_seconds,)))

    def lease(self, name: str, seconds: float) -> PostgresLease | None:
        holder = os.urandom(16).hex()
        rows = self.run(_LEASE, (name, holder, seconds, seconds))
        return PostgresLease(self, name, holder, seconds) if rows else None

    def holder(self, name: str) -> str | None:
        rows = self.run(_HOLDER, (name,))
        return rows[0][0] if rows else None

    def close(self) -> None:
        self._connections.close()

    def run(self, statement: str, parameters: Sequence[object]) -> Rows:
        """The rows of one statement, which is committed.

        Raises:
            StateError: it failed.
            OverflowError: a number does not fit 64 bits.
        """
        import psycopg

        with self._explained(), self._connections.use() as connection, psycopg.Cursor(connection) as cursor:
            cursor.execute(statement.encode(), parameters, binary=True)
            return cursor.fetchall() if cursor.description is not None else []

    def _connect(self) -> Connection[Any]:
        options = (
            f"{self._parameters.get('options') or ''} -c statement_timeout={round(self._timeout * 1000)} "
            r"-c default_transaction_isolation=read\ committed -c default_transaction_read_only=off"
        )
        defaults = {"connect_timeout": 10, "application_name": "duckwing"}
        parameters: dict[str, Any] = {**defaults, **self._parameters, "options": options.strip()}
        # The server gives up first, so that what it was doing is undone.
        bounded = _connection_class(self._timeout + 5)
        connection = bounded.connect(**parameters, autocommit=True)
        try:
            _make_tables(connection)
        except BaseException:
            _close(connection)
            raise
        return connection

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            if error.sqlstate in (GONE, _FOREIGN_KEY):
                raise StateError(_IS_GONE) from None
            if error.sqlstate == _OUT_OF_RANGE:
                raise OverflowError("a counter has 64 bits, and the sum does not fit them") from None
            raise StateError(self._problem(error)) from error
        except (OSError, TimeoutError) as error:
            raise StateError(self._problem(error)) from error

    def _problem(self, error: Exception) -> str:
        host, name = (self._parameters.get(key) or "(default)" for key in ("host", "dbname"))
        what = " ".join(str(error).split()) or type(error).__name__
        return (
            f"cannot keep state in the PostgreSQL database {name} on {host}: {what}; "
            "see that the server runs, and run the query again"
        )


class PostgresLease:
    """A :class:`~duckwing.state.backend.Lease`."""

    def __init__(self, backend: PostgresBackend, name: str, holder: str, seconds: float):
        self._backend = backend
        self._name = name
        self._holder = holder
        self._seconds = seconds

    @property
    def holder(self) -> str:
        return self._holder

    def renew(self) -> bool:
        return bool(self._backend.run(_RENEW, (self._seconds, self._name, self._holder)))

    def release(self) -> None:
        self._backend.run(_RELEASE, (self._name, self._holder))


class PostgresStore:
    """The :class:`~duckwing.state.store.Store` of the scope whose row is ``scope``."""

    def __init__(self, backend: PostgresBackend, scope: int):
        self._backend = backend
        self._scope = scope
        self._touched = time.monotonic()

    def push(self, items: Iterable[bytes]) -> int:
        added = list(items)
        self._run("SELECT duckwing_1.push(%s, %s::bytea[])", self._scope, added)
        return len(added)

    def pop(self) -> bytes | None:
        item: bytes | None = self._run("SELECT duckwing_1.pop(%s)", self._scope)[0][0]
        return item

    def clear_queue(self) -> int:
        return int(self._run("SELECT duckwing_1.clear_queue(%s)", self._scope)[0][0])

    def get(self, ns: str, key: bytes) -> bytes | None:
        value: bytes | None = self._one(_GET, ns.encode(), key, self._scope)
        return value

    def get_many(self, ns: str, keys: Sequence[bytes]) -> list[bytes | None]:
        found: dict[bytes, bytes] = dict(self._some(_GET_MANY, self._scope, ns.encode(), list(keys)))
        return [found.get(key) for key in keys]

    def put(self, ns: str, key: bytes, value: bytes) -> None:
        self._run(_PUT, self._scope, *_checked(ns, key), value)

    def put_many(self, ns: str, items: Iterable[tuple[bytes, bytes]]) -> None:
        values = dict(items)
        for key in values:
            _checked(ns, key)
        keys, contents = list(values), list(values.values())
        self._run(
            "SELECT duckwing_1.put_many(%s, %s, %s::bytea[], %s::bytea[])", self._scope, ns.encode(), keys, contents
        )

    def scan(
        self,
        ns: str,
        start: bytes | None = None,
        end: bytes | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> list[tuple[bytes, bytes]]:
        found: Rows = self._some(_SCANS[reverse], self._scope, ns.encode(), start or b"", end, end, limit)
        return [(key, value) for key, value in found]

    def drain(self, ns: str) -> list[tuple[bytes, bytes]]:
        found = self._run("SELECT k, v FROM duckwing_1.drain(%s, %s)", self._scope, ns.encode())
        return sorted((key, value) for key, value in found)

    def delete(
        self,
        ns: str,
        keys: Sequence[bytes] | None = None,
        *,
        start: bytes | None = None,
        end: bytes | None = None,
    ) -> int:
        if keys is None:
            query = "SELECT duckwing_1.delete_range(%s, %s, %s, %s::bytea)"
            return int(self._run(query, self._scope, ns.encode(), start or b"", end)[0][0])
        query = "SELECT duckwing_1.delete_keys(%s, %s, %s::bytea[])"
        return int(self._run(query, self._scope, ns.encode(), list(keys))[0][0])

    def append(self, ns: str, key: bytes, item: bytes) -> int:
        return int(self._run("SELECT duckwing_1.append(%s, %s, %s, %s)", self._scope, *_checked(ns, key), item)[0][0])

    def log_scan(self, ns: str, key: bytes, *, after: int = -1, limit: int | None = None) -> list[tuple[int, bytes]]:
        after = max(COUNTER_MIN, min(after, COUNTER_MAX))
        return [(id_, item) for id_, item in self._some(_LOG, self._scope, ns.encode(), key, after, limit)]

    def counter_get(self, ns: str, key: bytes) -> int:
        return int(self._one(_COUNTER, ns.encode(), key, self._scope))

    def counter_add(self, ns: str, key: bytes, amount: int) -> int:
        if (
            abs(amount) > COUNTER_MAX - COUNTER_MIN
        ):  # no counter can take it, and a number may be longer than PostgreSQL's
            raise OverflowError("a counter has 64 bits, and the sum does not fit them")
        query = "SELECT duckwing_1.counter_add(%s, %s, %s, %s::numeric)"
        return int(self._run(query, self._scope, *_checked(ns, key), amount)[0][0])

    def counter_set(self, ns: str, key: bytes, value: int) -> None:
        self._run(_SET, self._scope, *_checked(ns, key), checked_counter(value))

    def counter_delete(self, ns: str, key: bytes) -> None:
        query = "DELETE FROM duckwing_1.counter WHERE scope = %s AND ns = %s AND key = %s RETURNING 1"
        self._some(query, self._scope, ns.encode(), key)

    def clear(self) -> None:
        self._run("SELECT duckwing_1.clear(%s)", self._scope)

    def close(self) -> None:
        """Nothing: the connections are the backend's."""

    def _run(self, statement: str, *parameters: object) -> Rows:
        now = time.monotonic()
        if now - self._touched >= TOUCH_SECONDS:
            self._touched = now
            self._backend.run(_TOUCH, (self._scope,))
        return self._backend.run(statement, parameters)

    def _one(self, statement: str, *parameters: object) -> Any:
        rows = self._run(statement, *parameters)
        if not rows:
            self._fail()
        return rows[0][0]

    def _some(self, statement: str, *parameters: object) -> Rows:
        """Rows of the scope, of which there may be none although it is there."""
        rows = self._run(statement, *parameters)
        if not rows and not self._run("SELECT FROM duckwing_1.scope WHERE id = %s", self._scope):
            self._fail()
        return rows

    def _fail(self) -> None:
        raise StateError(_IS_GONE)


def _checked(ns: str, key: bytes) -> tuple[bytes, bytes]:
    name = ns.encode()
    if len(name) + len(key) > LONGEST_KEY:
        raise StateError(
            f"PostgreSQL takes {LONGEST_KEY} bytes of namespace and key together, not {len(name) + len(key)}; "
            "use a digest of the key"
        )
    return name, key


def _make_tables(connection: Connection[Any]) -> None:
    if _is_made(connection):
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        if not _is_made(connection):
            connection.execute(TABLES)


def _is_made(connection: Connection[Any]) -> bool:
    row = connection.execute(_EXISTS).fetchone()
    return row is not None and row[0]


def _close(connection: Connection[Any]) -> None:
    with contextlib.suppress(Exception):
        connection.close()


def _is_idle(connection: Connection[Any]) -> bool:
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    return not connection.closed and not poll.poll(0)


@cache
def _connection_class(seconds: float) -> type[Connection[Any]]:
    """Connections that fail when the server does not answer for so long: its own timeout needs one that lives."""
    import psycopg

    class Bounded(psycopg.Connection[Any]):
        def wait(self, gen: Generator[Any, Any, _T], *arguments: Any, **options: Any) -> _T:
            return _until(gen, self.pgconn.socket, time.monotonic() + seconds)

    return Bounded


def _until(steps: Generator[Any, Any, _T], socket: int, end: float) -> _T:
    """Go through ``steps``, which say what they want of the socket and are told when it is so, until ``end``."""
    from psycopg.waiting import Ready, Wait

    poll = select.poll()
    ready: int | None = None
    while True:
        try:
            wanted = steps.send(ready)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        poll.register(socket, (select.POLLIN if wanted & Wait.R else 0) | (select.POLLOUT if wanted & Wait.W else 0))
        happened = poll.poll(max(0.0, end - time.monotonic()) * 1000)
        if not happened:
            steps.close()
            raise TimeoutError("the server does not answer")
        event = happened[0][1]
        # Reading is what finds an error.
        ready = (Ready.R if event & ~select.POLLOUT else 0) | (Ready.W if event & select.POLLOUT else 0)
