"""Checks that a store, or a backend, does what its protocol says: for those who write their own.

>>> from duckwing.state.memory import MemoryStore
>>> from duckwing.testing.stores import check_store
>>> store = MemoryStore()
>>> check_store(lambda: store)

Each check raises :class:`AssertionError`, which says what was done, what was expected and what came. It begins by
deleting what is in the scope.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..state.store import COUNTER_MAX, COUNTER_MIN, Store
from .backends import check_backend as check_backend
from .expectations import expect, holds, raises

if TYPE_CHECKING:
    from ..state.scope import Kind

OpenStore = Callable[[], Store]
"""Opens the store of a scope that belongs to the check: each call the same one, as another thread or process would."""

KEYS = (
    b"",
    b"\x00",
    b"\x00\x00",
    b"\x00\xff",
    b"a",
    b"a\x00",
    b"a\x01",
    b"ab",
    b"b",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\xff\xff",
)
"""Keys in the order that they have."""

LARGE = 10_000_000
"""Bytes of the largest value that is tried."""

SECONDS = 60.0
"""How long other threads and processes may take."""


def check_store(open_store: OpenStore) -> None:
    """Try every operation, the bounds of what it takes, and several threads at once."""
    for check in (
        _check_queue,
        _check_values,
        _check_ranges,
        _check_deletion,
        _check_names,
        _check_logs,
        _check_counters,
        _check_clear,
        _check_sizes,
        _check_threads,
    ):
        _emptied(open_store)
        check(open_store)
    _emptied(open_store)


def check_processes(open_store: OpenStore, *, processes: int = 4, rounds: int = 100) -> None:
    """Let several processes change one scope at once.

    Args:
        open_store: as everywhere, but it must be possible to pickle it: a class or a function of a module, or a
            ``functools.partial`` of one.
        processes: how many.
        rounds: how often each does everything.
    """
    store = _emptied(open_store)
    store.push(b"first %d" % i for i in range(rounds))
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(processes), context.Queue()
    children = [
        context.Process(target=_take_part, args=(open_store, number, processes, rounds, start, results), daemon=True)
        for number in range(processes)
    ]
    for child in children:
        child.start()
    try:
        answers = [results.get(timeout=SECONDS) for _ in children]
        for child in children:
            child.join(SECONDS)
    finally:
        for child in children:
            child.kill()
            child.join()
        results.close()
    for _, problem in answers:
        expect("the exceptions in a process", problem, None)
    taken = [part for part, _ in answers]
    pushed = [b"first %d" % i for i in range(rounds)]
    pushed += [b"%d %d" % (number, i) for number in range(processes) for i in range(rounds)]
    popped = [item for part in taken for item in part["popped"]]
    expect("all items that were popped", sorted(popped), sorted(pushed))
    for part in taken:
        for number in range(processes):
            own = [item for item in part["popped"] if item.startswith(b"%d " % number)]
            expect(
                "one process's items as another popped them", own, sorted(own, key=lambda item: int(item.split()[1]))
            )
    drained = [pair for part in taken for pair in part["drained"]] + store.drain("drain")
    expected = [(b"%d %d %s" % (n, i, x), b"") for n in range(processes) for i in range(rounds) for x in (b"a", b"b")]
    expect("all that was drained", sorted(drained), sorted(expected))
    for part in taken:
        for first, second in part["pairs"]:
            expect("two values that were put together and drained", first, second)
        expect("ids that were missed by a reader of the log", part["missed"], [])
    expect("a counter that all have added to", store.counter_get("n", b"counter"), processes * rounds)
    log = store.log_scan("n", b"log")
    expect("the ids of the log", [id_ for id_, _ in log], sorted({id_ for id_, _ in log}))
    for number in range(processes):
        own = [item for _, item in log if item.startswith(b"%d " % number)]
        expect("one process's items in the log", own, [b"%d %d" % (number, i) for i in range(rounds)])
    _emptied(open_store)


def check_randomly(open_store: OpenStore, *, examples: int = 40, steps: int = 40) -> None:
    """Do the same to the store and to dictionaries, and compare every answer. Needs hypothesis.

    Args:
        open_store: as everywhere. It is opened twice, and what one has done the other must see.
        examples: how many sequences of operations are tried.
        steps: how many operations each of them has.
    """
    from .store_machine import run

    run(open_store, examples=examples, steps=steps)


def open_scope(url: str, kind: Kind, scope: bytes) -> Store:
    """The store of a scope at a URL that :func:`~duckwing.state.backend.open_backend` takes."""
    from ..state.backend import open_backend

    return open_backend(url).store(kind, scope)


def _check_queue(open_store: OpenStore) -> None:
    first, second = open_store(), open_store()
    expect("pop() of an empty queue", first.pop(), None)
    expect("push([])", first.push([]), 0)
    expect("push() of an iterator", first.push(iter([b"", b"\x00\xff", b"c"])), 3)
    expect("push() elsewhere", second.push([b"d"]), 1)
    popped = [store.pop() for store in (first, second, first, second, first)]
    expect("pop() until the queue is empty", popped, [b"", b"\x00\xff", b"c", b"d", None])
    many = [b"%d" % i for i in range(5000)]
    first.push(many)
    expect("pop() of many", [second.pop() for _ in range(10)], many[:10])
    expect("clear_queue()", first.clear_queue(), 4990)
    expect("clear_queue() of an empty one", second.clear_queue(), 0)
    expect("pop() of a cleared queue", second.pop(), None)


def _check_values(open_store: OpenStore) -> None:
    first, second = open_store(), open_store()
    expect("get() without a value", first.get("n", b"a"), None)
    first.put("n", b"a", b"1")
    expect("get() elsewhere", second.get("n", b"a"), b"1")
    second.put("n", b"a", b"")
    expect("get() of an empty value", first.get("n", b"a"), b"")
    first.put_many("n", iter([(b"a", b"2"), (b"b", b"\x00\xff"), (b"a", b"3")]))
    first.put_many("n", [])
    expect("get_many()", second.get_many("n", [b"b", b"?", b"a", b"b"]), [b"\x00\xff", None, b"3", b"\x00\xff"])
    expect("get_many() of nothing", second.get_many("n", []), [])
    items = [(i.to_bytes(4, "big"), bytes(i % 300)) for i in range(5000)]
    first.put_many("many", items)
    expect("get_many() of many", second.get_many("many", [key for key, _ in items]), [value for _, value in items])
    expect("scan() of many", second.scan("many"), items)
    expect("drain()", first.drain("many"), items)
    expect("drain() again", second.drain("many"), [])
    first.close()
    expect("get() after close()", first.get("n", b"a"), b"3")


def _check_ranges(open_store: OpenStore) -> None:
    store = open_store()
    items = [(key, b"of " + key) for key in KEYS]
    store.put_many("n", reversed(items))
    store.put("m", b"other", b"")
    for start in (None, *KEYS, b"\x00\x01", b"c"):
        for end in (None, *KEYS, b"\x00\x01", b"c"):
            expected = [
                pair for pair in items if (start is None or pair[0] >= start) and (end is None or pair[0] < end)
            ]
            what = f"scan('n', {start!r}, {end!r}"
            expect(f"{what})", store.scan("n", start, end), expected)
            expect(
                f"{what}, reverse=True, limit=3)",
                store.scan("n", start, end, reverse=True, limit=3),
                expected[::-1][:3],
            )
    expect("scan(limit=0)", store.scan("n", limit=0), [])


def _check_deletion(open_store: OpenStore) -> None:
    store = open_store()
    items = [(key, b"") for key in KEYS]
    store.put_many("n", items)
    store.put_many("m", items)
    expect("delete() of keys, one of them twice", store.delete("n", [b"a", b"?", b"a", b""]), 2)
    expect("delete() of no keys", store.delete("n", []), 0)
    expect("delete() of a range", store.delete("n", start=b"a", end=b"b"), 3)
    expect("what is left", [key for key, _ in store.scan("n")], [k for k in KEYS[1:] if not b"a" <= k < b"b"])
    expect("delete() of a namespace", store.delete("n"), len(KEYS) - 5)
    expect("another namespace", store.scan("m"), items)
    store.put_many("many", ((b"%d" % i, b"") for i in range(5000)))
    expect("delete() of many keys", store.delete("many", [b"%d" % i for i in range(4999)]), 4999)


def _check_names(open_store: OpenStore) -> None:
    store = open_store()
    # Pairs that a store must not mix up when it joins namespace and key.
    names = [
        ("", b""),
        ("", b"a"),
        ("a", b""),
        ("a", b"b"),
        ("ab", b""),
        ("é", b""),
        ("\x00", b""),
        ("a\x00", b"b"),
        ("a/b", b""),
    ]
    for i, (ns, key) in enumerate(names):
        store.put(ns, key, b"%d" % i)
        store.counter_set(ns, key, i)
        store.append(ns, key, b"%d" % i)
    for i, (ns, key) in enumerate(names):
        expect(f"get({ns!r}, {key!r})", store.get(ns, key), b"%d" % i)
        expect(f"counter_get({ns!r}, {key!r})", store.counter_get(ns, key), i)
        expect(f"log_scan({ns!r}, {key!r})", [item for _, item in store.log_scan(ns, key)], [b"%d" % i])
    expect("scan() of the namespace 'a'", store.scan("a"), [(b"", b"2"), (b"b", b"3")])


def _check_logs(open_store: OpenStore) -> None:
    first, second = open_store(), open_store()
    expect("log_scan() of no log", first.log_scan("n", b"a"), [])
    ids = [
        store.append("n", key, b"%d" % i)
        for i, (store, key) in enumerate([(first, b"a"), (second, b"b"), (second, b"a"), (first, b"a")])
    ]
    expect("the ids of append(), which must increase", ids, sorted(set(ids)))
    log = [(ids[0], b"0"), (ids[2], b"2"), (ids[3], b"3")]
    expect("log_scan()", second.log_scan("n", b"a"), log)
    expect("log_scan(after=first)", second.log_scan("n", b"a", after=ids[0]), log[1:])
    expect("log_scan(after=id of another log)", second.log_scan("n", b"a", after=ids[1]), log[1:])
    expect("log_scan(limit=2)", second.log_scan("n", b"a", limit=2), log[:2])
    expect("log_scan(limit=0)", second.log_scan("n", b"a", limit=0), [])
    expect("log_scan(after=last)", second.log_scan("n", b"a", after=ids[3]), [])
    expect("log_scan(after=largest)", second.log_scan("n", b"a", after=COUNTER_MAX), [])
    first.clear()
    holds("ids do not come again after clear()", second.append("n", b"a", b"") > ids[3])


def _check_counters(open_store: OpenStore) -> None:
    first, second = open_store(), open_store()
    expect("counter_get() without a counter", first.counter_get("n", b""), 0)
    expect("counter_add(5)", first.counter_add("n", b"", 5), 5)
    expect("counter_add(-7)", second.counter_add("n", b"", -7), -2)
    for value in (COUNTER_MAX, COUNTER_MIN, (1 << 53) + 1):
        first.counter_set("n", b"", value)
        expect(f"counter_get() after counter_set({value})", second.counter_get("n", b""), value)
    span = COUNTER_MAX - COUNTER_MIN
    for start, amount in (
        (COUNTER_MAX, 1),
        (COUNTER_MIN, -1),
        (1, COUNTER_MAX),
        (-1, span),
        (0, span + 1),
        (5, -span - 1),
    ):
        first.counter_set("n", b"", start)
        raises(f"counter_add({amount}) to {start}", OverflowError, partial(second.counter_add, "n", b"", amount))
        expect("the counter after an overflow", first.counter_get("n", b""), start)
    first.counter_set("n", b"", COUNTER_MIN)
    expect("counter_add() from the smallest to the largest", second.counter_add("n", b"", span), COUNTER_MAX)
    expect("counter_add() back", second.counter_add("n", b"", -span), COUNTER_MIN)
    for value in (COUNTER_MAX + 1, COUNTER_MIN - 1):
        raises(f"counter_set({value})", OverflowError, partial(first.counter_set, "n", b"", value))
    raises("counter_add() to no counter", OverflowError, partial(first.counter_add, "n", b"new", COUNTER_MAX + 1))
    expect("a counter that overflowed at once", first.counter_get("n", b"new"), 0)
    expect("a value with the key of a counter", first.get("n", b""), None)
    first.counter_delete("n", b"")
    first.counter_delete("n", b"")
    expect("counter_get() after counter_delete()", second.counter_get("n", b""), 0)


def _check_clear(open_store: OpenStore) -> None:
    first, second = open_store(), open_store()
    first.push([b"item"])
    for ns in ("n", "m"):
        first.put(ns, b"a", b"")
        first.append(ns, b"a", b"")
        first.counter_set(ns, b"a", 1)
    second.clear()
    left = [(first.scan(ns), first.log_scan(ns, b"a"), first.counter_get(ns, b"a")) for ns in ("n", "m")]
    expect("values, logs and counters after clear()", left, [([], [], 0)] * 2)
    expect("the queue after clear()", first.pop(), b"item")


def _check_sizes(open_store: OpenStore) -> None:
    first, second = open_store(), open_store()
    large = bytes(range(256)) * (LARGE // 256)
    first.put("n", b"a", large)
    first.push([large])
    first.append("n", b"a", large)
    holds("a large value comes back", second.get("n", b"a") == large)
    holds("a large value is scanned", second.scan("n") == [(b"a", large)])
    holds("a large item comes back", second.pop() == large)
    holds("a large item of a log comes back", [item for _, item in second.log_scan("n", b"a")] == [large])
    key = bytes(range(256)) * 4
    first.put("n", key, b"1")
    first.put("n", key[:-1] + b"\x00", b"0")
    expect("scan() of keys of 1,024 bytes", second.scan("n", b"", b"\x01"), [(key[:-1] + b"\x00", b"0"), (key, b"1")])


def _check_threads(open_store: OpenStore) -> None:
    store, rounds, failures = open_store(), 50, list[BaseException]()

    def add() -> None:
        try:
            for i in range(rounds):
                store.counter_add("n", b"", 1)
                store.put_many("n", [(b"a", b"%d" % i), (b"b", b"%d" % i)])
                store.append("n", b"", b"")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=add, daemon=True) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    expect("exceptions in threads", failures, [])
    expect("a counter that ten threads have added to", store.counter_get("n", b""), 10 * rounds)
    expect("a log of ten threads", len(store.log_scan("n", b"")), 10 * rounds)
    expect("values that were put together", store.get("n", b"a"), store.get("n", b"b"))


def _take_part(open_store: OpenStore, number: int, processes: int, rounds: int, start: Any, results: Any) -> None:
    """What each process of :func:`check_processes` does."""
    found: dict[str, list[Any]] = {"popped": [], "drained": [], "pairs": [], "missed": []}
    try:
        store = open_store()
        seen: dict[int, bytes] = {}
        start.wait(SECONDS)
        for i in range(rounds):
            store.push([b"%d %d" % (number, i)])
            store.counter_add("n", b"counter", 1)
            store.append("n", b"log", b"%d %d" % (number, i))
            store.put_many("drain", [(b"%d %d %s" % (number, i, x), b"") for x in (b"b", b"a")])
            store.put_many(
                "pair", [(x, b"%d %d" % (number, i)) for x in ((b"a", b"b") if number % 2 else (b"b", b"a"))]
            )
            found["drained"] += store.drain("drain")
            pair = store.drain("pair")
            if pair:
                found["pairs"].append((pair[0][1], pair[-1][1] if len(pair) == 2 else None))
            seen.update(store.log_scan("n", b"log", after=max(seen, default=-1)))
            item = store.pop()
            if item is not None:
                found["popped"].append(item)
        # All have pushed what they will: the queue is empty when somebody finds it so.
        start.wait(SECONDS)
        while (item := store.pop()) is not None:
            found["popped"].append(item)
        found["missed"] = sorted({id_ for id_, _ in store.log_scan("n", b"log") if id_ <= max(seen)} - seen.keys())
        store.close()
        results.put((found, None))
    except BaseException as error:
        results.put((found, repr(error)))


def _emptied(open_store: OpenStore) -> Store:
    store = open_store()
    store.clear()
    store.clear_queue()
    return store
