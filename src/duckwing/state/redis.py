"""Stores in a Redis server (the extra ``redis``), for processes of any machine.

Every operation is a script (:mod:`~duckwing.state.redis_scripts`), which nothing else runs beside.

State that silently lost its last changes would make wrong answers. So a server that evicts keys is refused, and a
scope ends with the run of the server in which it was made, unless the server writes every change to its
disk before it answers (``appendonly yes``, ``appendfsync always``).
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import StateError
from . import redis_scripts as scripts
from .connections import TIMEOUT_SECONDS, Connections
from .scope import scope_name
from .store import COUNTER_MAX, COUNTER_MIN, TOUCH_SECONDS, checked_counter

if TYPE_CHECKING:
    from redis import Redis

    from .scope import Kind
    from .store import Store

PREFIX = b"duckwing:1:"
"""How all keys begin. The number is that of their layout: versions of another one do not meet in a database."""

_PARTS = (b"scope", b"queue", b"names", b"values", b"entries", b"items", b"counters")
_SCOPES = PREFIX + b"scopes"
_IS_GONE = (
    "the state of this call is gone: it has ended, was swept, or Redis was restarted without 'appendonly yes' and "
    "'appendfsync always'; run the query again"
)


class _Connection:
    """One connection.

    Attributes:
        client: sends commands over it.
        run: the id of the run of the server that it reaches.
        durable: whether all changes outlast that run.
    """

    def __init__(self, url: str, timeout: float):
        from redis import ConnectionPool, Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        # Repeating is not for a library to decide: what was sent may have been done.
        pool = ConnectionPool.from_url(
            url,
            decode_responses=False,
            socket_timeout=timeout,
            socket_connect_timeout=min(timeout, 10),
            retry=Retry(NoBackoff(), 0),
            retry_on_timeout=False,
            retry_on_error=[],
            health_check_interval=0,
            protocol=2,
            max_connections=1,
        )
        self._pool = pool
        self.client: Redis = Redis(connection_pool=pool, single_connection_client=True)
        self._scripts: dict[str, Any] = {}
        try:
            self._look()
        except BaseException:
            self.close()
            raise

    def _look(self) -> None:
        from redis.exceptions import ResponseError

        self.client.ping()  # which a server that is still reading its files refuses
        self.run = str(_info(self.client, "server")["run_id"]).encode()
        policy = _info(self.client, "memory").get("maxmemory_policy", "noeviction")
        if policy != "noeviction":
            raise StateError(f"Redis must not evict state: set maxmemory-policy to noeviction, it is {policy}")
        try:
            settings: Any = self.client.config_get("append*")
        except ResponseError:  # not allowed, so unknown
            settings = {}
        self.durable = settings.get("appendonly") == "yes" and settings.get("appendfsync") == "always"

    def execute(self, script: str, keys: Sequence[bytes], arguments: Sequence[bytes | int | float]) -> Any:
        known = self._scripts.get(script)
        if known is None:
            known = self._scripts[script] = self.client.register_script(script)
        return known(keys=keys, args=arguments)

    def is_idle(self) -> bool:
        connection: Any = self.client.connection
        try:
            return connection is not None and not connection.can_read(timeout=0)
        except Exception:
            return False

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.client.close()
        with contextlib.suppress(Exception):
            self._pool.disconnect()


class RedisBackend:
    """A :class:`~duckwing.state.backend.Backend` in a database of Redis 6 or newer, which is no cluster.

    Args:
        url: of the server and its database, as redis-py takes it.
        timeout: seconds after which an operation fails.

    Raises:
        StateError: the URL is none, or the extra ``redis`` is not installed.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT_SECONDS):
        try:
            from redis import connection, exceptions
        except ImportError as error:
            raise StateError("Redis needs redis-py: pip install 'duckwing[redis]'") from error
        try:
            parsed: Mapping[str, object] = connection.parse_url(url)  # type: ignore[no-untyped-call]
        except ValueError:  # its text may have a password in it
            raise StateError("this is no URL of Redis; expected redis://user:password@host:port/database") from None
        self._where = parsed.get("path") or f"{parsed.get('host', 'localhost')}:{parsed.get('port', 6379)}"
        self._connections: Connections[_Connection] = Connections(
            lambda: _Connection(url, timeout),
            _Connection.close,
            _Connection.is_idle,
            (exceptions.ConnectionError, exceptions.TimeoutError),
            timeout,
        )

    def create(self, kind: Kind, scope: bytes) -> Store:
        name = scope_name(kind, scope).encode()
        id_ = os.urandom(16).hex().encode()
        with self.connection() as connection:
            run = b"" if connection.durable else connection.run
            made = connection.execute(scripts.CREATE, _keys(name), (id_, connection.run, name, run))
        if not made:
            raise StateError(f"{name.decode()} exists already")
        return RedisStore(self, name, id_)

    def store(self, kind: Kind, scope: bytes) -> Store:
        name = scope_name(kind, scope).encode()
        id_ = self.use(name)
        if id_ is None:
            raise StateError(_IS_GONE)
        return RedisStore(self, name, id_)

    def exists(self, kind: Kind, scope: bytes) -> bool:
        with self.connection() as connection:
            known: Any = connection.client.hmget(_keys(scope_name(kind, scope).encode())[0], ["id", "run"])
            return known[0] is not None and known[1] in (b"", connection.run)

    def remove(self, kind: Kind, scope: bytes) -> None:
        self._remove(scope_name(kind, scope).encode(), b"")

    def sweep(self, idle_seconds: float) -> int:
        with self.connection() as connection:
            seconds, microseconds = connection.client.time()
            until = seconds + microseconds / 1e6 - idle_seconds
            names: Any = connection.client.zrangebyscore(_SCOPES, "-inf", until)
        return sum(self._remove(name, idle_seconds) for name in names)

    def lease(self, name: str, seconds: float) -> RedisLease | None:
        key, holder = _lease_key(name), os.urandom(16).hex()
        with self.connection() as connection:
            held = connection.client.set(key, holder, nx=True, px=_milliseconds(seconds))
        return RedisLease(self, key, holder, seconds) if held else None

    def holder(self, name: str) -> str | None:
        with self.connection() as connection:
            holder: Any = connection.client.get(_lease_key(name))
        return None if holder is None else holder.decode()

    def close(self) -> None:
        self._connections.close()

    def use(self, name: bytes, id_: bytes = b"") -> bytes | None:
        """Say that a scope is in use, if it has this id; the id that it has, None if there is none."""
        with self.connection() as connection:
            found: bytes | None = connection.execute(scripts.OPEN, _keys(name), (id_, connection.run, name))
        return found

    def execute(self, script: str, keys: Sequence[bytes], arguments: Sequence[bytes | int | float]) -> Any:
        """The result of a script.

        Raises:
            StateError: it failed.
        """
        with self.connection() as connection:
            return connection.execute(script, keys, arguments)

    @contextlib.contextmanager
    def connection(self) -> Iterator[_Connection]:
        """A connection for this thread; the errors of its block become those of stores."""
        from redis.exceptions import RedisError, ResponseError

        try:
            with self._connections.use() as connection:
                yield connection
        except ResponseError as error:
            if scripts.GONE in str(error):
                raise StateError(_IS_GONE) from None
            if scripts.OVERFLOW in str(error):
                raise OverflowError("a counter has 64 bits, and the sum does not fit them") from None
            raise StateError(self._problem(error)) from error
        except (RedisError, OSError) as error:
            raise StateError(self._problem(error)) from error

    def _problem(self, error: Exception) -> str:
        return (
            f"cannot keep state in Redis at {self._where}: {error}; see that the server runs and has room, "
            "and run the query again"
        )

    def _remove(self, name: bytes, idle_seconds: float | bytes) -> int:
        return int(self.execute(scripts.REMOVE, _keys(name), (b"", b"", name, idle_seconds)))


class RedisLease:
    """A :class:`~duckwing.state.backend.Lease`."""

    def __init__(self, backend: RedisBackend, key: bytes, holder: str, seconds: float):
        self._backend = backend
        self._key = key
        self._holder = holder
        self._seconds = seconds

    @property
    def holder(self) -> str:
        return self._holder

    def renew(self) -> bool:
        arguments = (self._holder.encode(), _milliseconds(self._seconds))
        return bool(self._backend.execute(scripts.RENEW, (self._key,), arguments))

    def release(self) -> None:
        self._backend.execute(scripts.RELEASE, (self._key,), (self._holder.encode(),))


class RedisStore:
    """The :class:`~duckwing.state.store.Store` of the scope ``name`` while it has the id ``id_``."""

    def __init__(self, backend: RedisBackend, name: bytes, id_: bytes):
        self._backend = backend
        self._name = name
        self._id = id_
        self._keys = _keys(name)[: len(_PARTS)]
        self._touched = time.monotonic()

    def push(self, items: Iterable[bytes]) -> int:
        return int(self._run("push", *items))

    def pop(self) -> bytes | None:
        item: bytes | None = self._run("pop")
        return item

    def clear_queue(self) -> int:
        return int(self._run("clear_queue"))

    def get(self, ns: str, key: bytes) -> bytes | None:
        return self.get_many(ns, [key])[0]

    def get_many(self, ns: str, keys: Sequence[bytes]) -> list[bytes | None]:
        return list(self._run("get", *(joined(ns, key) for key in keys)))

    def put(self, ns: str, key: bytes, value: bytes) -> None:
        self._run("put", joined(ns, key), value)

    def put_many(self, ns: str, items: Iterable[tuple[bytes, bytes]]) -> None:
        self._run("put", *(part for key, value in items for part in (joined(ns, key), value)))

    def scan(
        self,
        ns: str,
        start: bytes | None = None,
        end: bytes | None = None,
        *,
        reverse: bool = False,
        limit: int | None = None,
    ) -> list[tuple[bytes, bytes]]:
        found = self._run("scan_back" if reverse else "scan", *_range(ns, start, end), -1 if limit is None else limit)
        return _pairs(ns, found)

    def drain(self, ns: str) -> list[tuple[bytes, bytes]]:
        return _pairs(ns, self._run("drain", *_range(ns, None, None)))

    def delete(
        self,
        ns: str,
        keys: Sequence[bytes] | None = None,
        *,
        start: bytes | None = None,
        end: bytes | None = None,
    ) -> int:
        if keys is None:
            return int(self._run("delete_range", *_range(ns, start, end)))
        return int(self._run("delete", *(joined(ns, key) for key in keys)))

    def append(self, ns: str, key: bytes, item: bytes) -> int:
        return int(self._run("append", _log(ns, key), item))

    def log_scan(self, ns: str, key: bytes, *, after: int = -1, limit: int | None = None) -> list[tuple[int, bytes]]:
        log = _log(ns, key)
        first = b"(" + log + struct.pack(">Q", min(after, COUNTER_MAX)) if after >= 0 else b"[" + log
        found = self._run("log_scan", first, b"[" + log + b"\xff" * 8, -1 if limit is None else limit)
        return [(int.from_bytes(id_, "big"), item) for id_, item in zip(found[::2], found[1::2], strict=True)]

    def counter_get(self, ns: str, key: bytes) -> int:
        return int(self._run("counter_get", joined(ns, key)))

    def counter_add(self, ns: str, key: bytes, amount: int) -> int:
        if abs(amount) > COUNTER_MAX - COUNTER_MIN:  # no counter can take it
            raise OverflowError("a counter has 64 bits, and the sum does not fit them")
        return int(self._run("counter_add", joined(ns, key), *_steps(amount)))

    def counter_set(self, ns: str, key: bytes, value: int) -> None:
        self._run("counter_set", joined(ns, key), checked_counter(value))

    def counter_delete(self, ns: str, key: bytes) -> None:
        self._run("counter_delete", joined(ns, key))

    def clear(self) -> None:
        self._run("clear")

    def close(self) -> None:
        """Nothing: the connections are the backend's."""

    def _run(self, operation: str, *arguments: bytes | int) -> Any:
        now = time.monotonic()
        if now - self._touched >= TOUCH_SECONDS:
            self._touched = now
            self._backend.use(self._name, self._id)
        with self._backend.connection() as connection:
            return connection.execute(scripts.STORE[operation], self._keys, (self._id, connection.run, *arguments))


def joined(ns: str, key: bytes) -> bytes:
    """One name for a namespace and a key in it: of one namespace, names are in the order of the keys."""
    return _namespace(ns) + key


def _namespace(ns: str) -> bytes:
    name = ns.encode()
    return struct.pack(">I", len(name)) + name


def _range(ns: str, start: bytes | None, end: bytes | None) -> tuple[bytes, bytes]:
    """The bounds of the names from ``start`` to ``end``."""
    prefix = _namespace(ns)
    # Neither a length of namespaces nor text ends with the byte 0xFF.
    behind = prefix[:-1] + bytes([prefix[-1] + 1]) if end is None else prefix + end
    return b"[" + prefix + (start or b""), b"(" + behind


def _pairs(ns: str, found: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    size = len(_namespace(ns))
    return [(name[size:], value) for name, value in zip(found[::2], found[1::2], strict=True)]


def _log(ns: str, key: bytes) -> bytes:
    # The length comes first, so that no log's name begins another's.
    return _namespace(ns) + struct.pack(">I", len(key)) + key


def _steps(amount: int) -> list[int]:
    """``amount`` as a sum of numbers of 64 bits, all of its sign: a sum that fits in the end fits all the time."""
    sign = -1 if amount < 0 else 1
    steps = [sign * COUNTER_MAX] * (abs(amount) // COUNTER_MAX)
    return [*steps, amount - sum(steps)]


def _keys(name: bytes) -> list[bytes]:
    return [*(PREFIX + part + b":" + name for part in _PARTS), _SCOPES]


def _lease_key(name: str) -> bytes:
    return PREFIX + b"lease:" + name.encode()


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _info(client: Redis, section: str) -> Mapping[str, object]:
    found: Any = client.info(section)
    return found  # type: ignore[no-any-return]
