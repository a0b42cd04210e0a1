"""The stores of one machine: what every store does, and one file under several threads and processes."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from duckwing.errors import StateError
from duckwing.state.memory import MemoryStore
from duckwing.state.sqlite import SqliteStore
from duckwing.state.store import Store
from duckwing.testing.stores import check_processes, check_randomly, check_store

from .processes import Process


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path)
    yield store
    store.close()


OPEN = """
from pathlib import Path
from duckwing.state.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]))
"""


@pytest.fixture(params=["memory", "sqlite"])
def open_store(request: pytest.FixtureRequest, path: Path) -> Callable[[], Store]:
    memory = MemoryStore()
    return (lambda: memory) if request.param == "memory" else partial(SqliteStore, path)


def test_stores_do_what_the_protocol_says(open_store: Callable[[], Store]) -> None:
    check_store(open_store)


def test_stores_agree_with_a_model(open_store: Callable[[], Store]) -> None:
    check_randomly(open_store)


def test_processes_share_a_file(path: Path) -> None:
    check_processes(partial(SqliteStore, path), processes=3, rounds=50)


def test_many_keys_at_once(store: SqliteStore) -> None:
    items = [(i.to_bytes(4, "big"), bytes(i % 300)) for i in range(2048)]
    store.put_many("n", items)
    assert store.get_many("n", [key for key, _ in reversed(items)]) == [value for _, value in reversed(items)]
    assert store.scan("n") == items


def test_processes_share_a_queue(store: SqliteStore, path: Path) -> None:
    """Four processes open a new file at once, push 2,500 items each and pop until nothing is left."""
    script = (
        OPEN
        + """
say("ready"); input()
number = int(sys.argv[2])
for first in range(0, 2500, 500):
    store.push(b"%d" % (number * 2500 + i) for i in range(first, first + 500))
say("pushed"); input()
while (item := store.pop()) is not None:
    say(item.decode())
"""
    )
    processes = [Process(script, path, number) for number in range(4)]
    for expected in ("ready", "pushed"):
        for process in processes:
            assert process.hear() == expected
        for process in processes:
            process.tell()
    popped: list[list[str]] = [[] for _ in processes]

    def read(number: int) -> None:
        with processes[number] as process:
            popped[number] = process.hear_all()

    threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(item) for items in popped for item in items) == list(range(10_000))
    for items in popped:  # first in, first out: of each process's items the order is known
        for number in range(4):
            own = [int(item) for item in items if int(item) // 2500 == number]
            assert own == sorted(own)


def test_processes_share_counters_logs_and_values(store: SqliteStore, path: Path) -> None:
    script = (
        OPEN
        + """
for i in range(500):
    store.counter_add("n", b"counter", 1)
    store.append("n", b"log", b"%s %d" % (sys.argv[2].encode(), i))
store.put("n", sys.argv[2].encode(), b"done")
"""
    )
    with Process(script, path, 0) as first, Process(script, path, 1) as second, Process(script, path, 2) as third:
        for process in (first, second, third):
            process.finish()
    assert store.counter_get("n", b"counter") == 1500
    assert store.get_many("n", [b"0", b"1", b"2"]) == [b"done"] * 3
    log = store.log_scan("n", b"log")
    assert [entry for entry, _ in log] == sorted({entry for entry, _ in log})
    for number in range(3):
        own = [item for _, item in log if item.startswith(b"%d " % number)]
        assert own == [b"%d %d" % (number, i) for i in range(500)]


def test_a_put_that_has_returned_is_seen_by_others(store: SqliteStore, path: Path) -> None:
    script = (
        OPEN
        + """
while True:
    input()
    say(store.get("n", b"key").decode())
"""
    )
    with Process(script, path) as other:
        for i in range(200):
            store.put("n", b"key", b"%d" % i)
            other.tell()
            assert other.hear() == str(i)


def test_threads_share_a_store(store: SqliteStore) -> None:
    def add() -> None:
        for _ in range(300):
            store.counter_add("n", b"", 1)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.counter_get("n", b"") == 1200


def test_a_forked_child_uses_its_own_connections(path: Path) -> None:
    script = (
        OPEN
        + """
import os
store.put("n", b"before", b"1")
child = os.fork()
if child == 0:
    assert store.get("n", b"before") == b"1"
    for i in range(200):
        store.counter_add("n", b"c", 1)
    store.put("n", b"child", b"2")
    os._exit(0)
for i in range(200):
    store.counter_add("n", b"c", 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert store.get("n", b"child") == b"2"
say(store.counter_get("n", b"c"))
"""
    )
    with Process(script, path) as process:
        assert process.hear_all() == ["400"]
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_fork_in_the_middle_of_an_operation_is_an_error_in_the_child(path: Path) -> None:
    script = (
        OPEN
        + """
import os, threading
from duckwing.errors import StateError
inside, go_on = threading.Event(), threading.Event()
def use():
    with store._connection():
        inside.set()
        go_on.wait()
thread = threading.Thread(target=use)
thread.start()
inside.wait()
child = os.fork()
if child == 0:
    try:
        SqliteStore(Path(sys.argv[1])).get("n", b"")
    except StateError:
        os._exit(7)
    os._exit(0)
go_on.set()
thread.join()
say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
assert store.get("n", b"") is None
"""
    )
    with Process(script, path) as process:
        assert process.hear_all() == ["7"]


def test_a_killed_writer_loses_nothing_that_had_returned(store: SqliteStore, path: Path) -> None:
    script = (
        OPEN
        + """
i = 0
while True:
    store.put_many("n", [(b"a", b"%d" % i), (b"b", b"%d" % i)])
    say(i)
    i += 1
"""
    )
    with Process(script, path) as process:
        while (last := process.hear()) != "50":
            pass
        process.kill()
        last = ([last, *process._process.stdout.read().split()] if process._process.stdout else [last])[-1]
    first, second = store.get_many("n", [b"a", b"b"])
    assert first is not None
    assert first == second
    assert int(first) in (int(last), int(last) + 1)


def test_a_failed_put_many_changes_nothing(store: SqliteStore) -> None:
    store.put("n", b"a", b"old")
    with pytest.raises(StateError):
        store.put_many("n", [(b"a", b"new"), (b"b", object())])  # type: ignore[list-item]
    assert store.scan("n") == [(b"a", b"old")]


def test_no_space_is_an_error_that_says_so(store: SqliteStore, path: Path) -> None:
    store.put("n", b"a", b"x")
    with store._connection() as connection:
        connection.execute("PRAGMA max_page_count = 30")
    with pytest.raises(StateError, match="no space left"):
        store.put("n", b"b", bytes(1_000_000))
    assert store.scan("n") == [(b"a", b"x")]


def test_a_removed_scope_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="was removed; run the query again"):
        SqliteStore(tmp_path / "gone" / "store.db").get("n", b"")


def test_a_file_of_another_layout_is_refused(store: SqliteStore, path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StateError, match="layout 99"):
        store.get("n", b"")
    os.truncate(path, 0)
    path.write_bytes(b"no database " * 1000)
    with pytest.raises(StateError):
        store.get("n", b"")
