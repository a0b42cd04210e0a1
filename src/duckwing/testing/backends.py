"""Checks that a backend does what its protocol says (see :mod:`duckwing.testing.stores`)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from ..errors import StateError
from ..state.store import Store
from .expectations import expect, holds, raises

if TYPE_CHECKING:
    from ..state.backend import Backend
    from ..state.scope import Kind

SECONDS = 60.0
"""How long other threads may take, and a lease to run out."""


def check_backend(backend: Backend, other: Backend) -> None:
    """Try scopes, leases and sweeps.

    Args:
        backend: it keeps nothing that is of use to anybody; its scopes are removed.
        other: opened anew at the same place, as another machine would.
    """
    for kind in ("execution", "transaction", "attachment"):
        _check_scope(backend, other, kind, b"\x00\xff" + kind.encode())
    _check_scope(backend, other, "execution", bytes(range(256)) * 40)
    _check_creation(backend, other)
    _check_sweep(backend, other)
    _check_leases(backend, other)


def _check_scope(backend: Backend, other: Backend, kind: Kind, scope: bytes) -> None:
    backend.remove(kind, scope)
    expect(f"exists({kind!r}) before it is made", other.exists(kind, scope), False)
    raises("store() of no scope", StateError, partial(other.store, kind, scope))
    store = backend.create(kind, scope)
    expect("exists() elsewhere", other.exists(kind, scope), True)
    raises("create() of one that exists", StateError, partial(other.create, kind, scope))
    store.put("n", b"a", b"1")
    same = other.store(kind, scope)
    expect("a value elsewhere", same.get("n", b"a"), b"1")
    neighbour = backend.create(kind, scope + b"\x00")
    expect("a value of another scope", neighbour.get("n", b"a"), None)
    same.push([b"item"])
    same.append("n", b"a", b"")
    same.counter_set("n", b"a", 1)
    other.remove(kind, scope)
    other.remove(kind, scope)
    expect("exists() after remove()", backend.exists(kind, scope), False)
    _all_fail("after remove()", store)
    fresh = backend.create(kind, scope)
    content = (fresh.pop(), fresh.scan("n"), fresh.log_scan("n", b"a"), fresh.counter_get("n", b"a"))
    expect("what is in a scope that was made again", content, (None, [], [], 0))
    _all_fail("of another scope of the same name", same)
    expect("what these have changed", fresh.scan("n"), [])
    neighbour.put("n", b"a", b"2")
    backend.close()
    expect("a value after close()", neighbour.get("n", b"a"), b"2")
    backend.remove(kind, scope)
    backend.remove(kind, scope + b"\x00")


def _all_fail(when: str, store: Store) -> None:
    operations: Iterable[tuple[str, Callable[[], object]]] = (
        ("push", lambda: store.push([b"x"])),
        ("pop", store.pop),
        ("clear_queue", store.clear_queue),
        ("get", lambda: store.get("n", b"a")),
        ("get_many", lambda: store.get_many("n", [b"a"])),
        ("put", lambda: store.put("n", b"a", b"x")),
        ("put_many", lambda: store.put_many("n", [(b"a", b"x")])),
        ("scan", lambda: store.scan("n")),
        ("drain", lambda: store.drain("n")),
        ("delete", lambda: store.delete("n", [b"a"])),
        ("delete of a range", lambda: store.delete("n")),
        ("append", lambda: store.append("n", b"a", b"x")),
        ("log_scan", lambda: store.log_scan("n", b"a")),
        ("counter_get", lambda: store.counter_get("n", b"a")),
        ("counter_add", lambda: store.counter_add("n", b"a", 1)),
        ("counter_set", lambda: store.counter_set("n", b"a", 1)),
        ("counter_delete", lambda: store.counter_delete("n", b"a")),
        ("clear", store.clear),
    )
    for name, operation in operations:
        raises(f"{name} {when}", StateError, operation)


def _check_creation(backend: Backend, other: Backend) -> None:
    """Of many who make a scope at once, one succeeds."""
    made, refused = list[Store](), list[BaseException]()

    def make(one: Backend) -> None:
        try:
            made.append(one.create("execution", b"at once"))
        except StateError as error:
            refused.append(error)

    threads = [threading.Thread(target=make, args=(one,), daemon=True) for one in (backend, other) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    expect("how many of 8 made a scope, and how many were refused", (len(made), len(refused)), (1, 7))
    backend.remove("execution", b"at once")


def _check_sweep(backend: Backend, other: Backend) -> None:
    backend.sweep(0)
    store = backend.create("execution", b"idle")
    store.put("n", b"a", b"1")
    expect("sweep() of what was used within the hour", other.sweep(3600), 0)
    expect("a value after that", store.get("n", b"a"), b"1")
    expect("sweep(0)", other.sweep(0), 1)
    expect("exists() after it", backend.exists("execution", b"idle"), False)
    raises("get() after it", StateError, partial(store.get, "n", b"a"))


def _check_leases(backend: Backend, other: Backend) -> None:
    name = "a lease/é"
    expect("holder() without a lease", backend.holder(name), None)
    lease = backend.lease(name, 3600)
    if lease is None:
        raise AssertionError("lease() of a name that nobody holds: expected a lease, got None")
    expect("holder() elsewhere", other.holder(name), lease.holder)
    expect("lease() of a name that is held", other.lease(name, 3600), None)
    expect("renew()", lease.renew(), True)
    lease.release()
    lease.release()
    expect("holder() after release()", other.holder(name), None)
    expect("renew() after release()", lease.renew(), False)
    short = other.lease(name, 0.05)
    if short is None:
        raise AssertionError("lease() of a name that was given up: expected a lease, got None")
    holds("each lease has its own holder", short.holder != lease.holder and len(short.holder) == 32)
    pause = threading.Event()
    for _ in range(int(SECONDS / 0.02)):
        if backend.holder(name) is None:
            break
        pause.wait(0.02)
    expect("holder() of a lease that has run out", backend.holder(name), None)
    expect("renew() of it", short.renew(), False)
    after = backend.lease(name, 3600)
    holds("a lease that has run out can be taken", after is not None)
    short.release()
    expect("holder() after the release of an older lease", other.holder(name), after.holder if after else None)
    if after is not None:
        after.release()
