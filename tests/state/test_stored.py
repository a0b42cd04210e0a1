"""Scopes on a server: what several machines share, and what makes an error of the death of one of them."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duckwing.errors import StateError
from duckwing.state import lifelines, stored, stored_marks
from duckwing.state.arrays import MappedArrays
from duckwing.state.backend import Backend, open_backend
from duckwing.state.stored import StoredScopes

from . import servers
from .processes import Process

SCOPES = """
from duckwing.state.backend import open_backend
from duckwing.state.stored import StoredScopes
scopes = StoredScopes(open_backend(sys.argv[1]))
"""

FIELDS: dict[str, np.dtype[Any]] = {"total": np.dtype(np.int64), "small": np.dtype(np.int8)}

ids = itertools.count()


@pytest.fixture(scope="module", params=["redis", "postgres"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with getattr(servers, request.param)() as server:
        yield server.url


@pytest.fixture
def backend(url: str) -> Iterator[Backend]:
    backend = open_backend(url)
    yield backend
    backend.close()


@pytest.fixture
def here(url: str) -> Iterator[StoredScopes]:
    scopes = StoredScopes(open_backend(url))
    yield scopes
    scopes.close()


@pytest.fixture
def there(url: str) -> Iterator[StoredScopes]:
    """Another machine."""
    scopes = StoredScopes(open_backend(url))
    yield scopes
    scopes.close()


@pytest.fixture
def id_() -> bytes:
    return b"scope %d" % next(ids)


def test_a_scope_is_the_same_everywhere(here: StoredScopes, there: StoredScopes, id_: bytes) -> None:
    assert there.open("execution", id_) is None
    made = here.create("execution", id_)
    found = there.open("execution", id_)
    assert found is not None
    made.store.put("", b"key", b"value")
    assert found.store.get("", b"key") == b"value"
    assert here.open("execution", id_) is made  # what a process keeps of it belongs to it
    assert there.open_or_create("execution", id_) is found
    with pytest.raises(StateError, match="exists already"):
        there.create("execution", id_)


def test_a_removed_scope_is_gone_everywhere(here: StoredScopes, there: StoredScopes, id_: bytes) -> None:
    here.create("transaction", id_)
    found = there.open("transaction", id_)
    assert found is not None
    here.remove("transaction", id_)
    here.remove("transaction", id_)
    assert there.open("transaction", id_) is None
    assert not found.is_current()
    assert there.open_or_create("transaction", id_).store.get("", b"key") is None
    with pytest.raises(StateError):
        found.store.get("", b"key")


def test_spools(here: StoredScopes, there: StoredScopes, id_: bytes) -> None:
    one, other = here.create("execution", id_), there.open_or_create("execution", id_)
    assert list(one.spooled()) == []
    first, second = one.spool(), other.spool()
    for number in range(10):
        (first if number % 3 else second).append(b"%d" % number)
    first.append(b"late", 2)
    second.append(memoryview(b"early"), 1)
    second.append(b"late, too", 2)
    items = [entry.read() for entry in other.spooled()]
    assert items == [*(b"%d" % number for number in range(10)), b"early", b"late", b"late, too"]
    assert [entry.read() for entry in one.spooled()] == items
    entry = one.spooled()[0]
    one.store.clear()
    with pytest.raises(StateError, match="run the query again"):
        entry.read()


def test_kept_bytes(here: StoredScopes, there: StoredScopes, id_: bytes) -> None:
    one, other = here.create("execution", id_), there.open_or_create("execution", id_)
    assert other.kept("rows") is None
    one.keep("rows", b"first")
    one.keep("rows", b"\x00" * 100_000)
    assert other.kept("rows") == b"\x00" * 100_000
    other.drop("rows")
    other.drop("rows")
    assert one.kept("rows") is None


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.booleans(), st.lists(st.tuples(st.integers(0, 40), st.integers(-100, 100)), min_size=1)),
        max_size=12,
    )
)
def test_arrays_are_those_of_one_machine(
    here: StoredScopes, there: StoredScopes, tmp_path: Path, batches: list[tuple[bool, list[tuple[int, int]]]]
) -> None:
    """What several machines do in turn has the same outcome as on one machine, which maps its memory."""
    id_ = b"scope %d" % next(ids)
    folder = tmp_path / id_.decode()
    folder.mkdir()
    mapped = MappedArrays(folder, FIELDS)
    mapped.reserve(1)
    arrays = [scopes.open_or_create("execution", id_).arrays(FIELDS) for scopes in (here, there)]
    for which, rows in batches:
        groups = np.array([group for group, _ in rows])
        values = np.array([value for _, value in rows])
        for numbers in (mapped, arrays[which]):
            numbers.load(groups)
            numbers.reserve(int(groups.max()) + 1)
            np.add.at(numbers["total"], groups, values)
            numbers.present[groups] = 1 + (values % 2)
            numbers.save(groups)
    everything = np.arange(41)
    for one in arrays:
        one.load(everything)
        assert one.refresh(1000) >= 41
        known = mapped.refresh(41)
        assert one["total"][:known].tolist() == mapped["total"][:known].tolist()
        assert not one["total"][known:41].any()
        assert [one.has(state) for state in (1, 2)] == [mapped.has(state) for state in (1, 2)]
    arrays[0].mark("total.add")
    assert list(arrays[1].marks()) == ["total.add"]
    mapped.close()


def test_marks_of_the_living_do_no_harm(here: StoredScopes, there: StoredScopes, id_: bytes) -> None:
    one, other = here.create("execution", id_), there.open_or_create("execution", id_)
    first, second = one.marks.begin(), other.marks.begin()
    first.end()
    third = one.marks.begin()
    second.end()
    third.end()
    other.marks.check()


def run(read: Callable[[], None], done: threading.Event) -> None:
    read()
    done.set()


def test_who_reads_waits_for_those_who_write(here: StoredScopes, there: StoredScopes, id_: bytes) -> None:
    one, other = here.create("execution", id_), there.open_or_create("execution", id_)
    for read in (other.marks.check, lambda: other.marks.begin(alone=True).end()):
        mark = one.marks.begin()
        done = threading.Event()
        reader = threading.Thread(target=run, args=(read, done))
        reader.start()
        assert not done.wait(0.2)
        later = one.marks.begin()  # has nothing to do with what the reader wants to know
        mark.end()
        if read == other.marks.check:
            assert done.wait(30)
        later.end()
        assert done.wait(30)
        reader.join()


def test_nobody_waits_for_ever(
    here: StoredScopes, there: StoredScopes, id_: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_marks, "WAIT_SECONDS", 0.1)
    mark = here.create("execution", id_).marks.begin()
    other = there.open_or_create("execution", id_)
    with pytest.raises(StateError, match="has not ended, though its process lives"):
        other.marks.check()
    mark.end()
    other.marks.check()


def test_a_lost_answer_spoils_the_scope_for_good(here: StoredScopes, there: StoredScopes, id_: bytes) -> None:
    one, other = here.create("execution", id_), there.open_or_create("execution", id_)
    one.marks.begin().lose()
    for call in (one.marks.check, other.marks.check, one.marks.begin, other.marks.begin):
        with pytest.raises(StateError, match="run the query again"):
            call()


def test_a_killed_process_spoils_the_scope_once_its_lease_is_over(
    url: str, here: StoredScopes, id_: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = here.create("execution", id_)
    script = (
        "from duckwing.state import lifelines\nlifelines.LEASE_SECONDS = 1.5\nlifelines.RENEW_SECONDS = 0.3\n"
        + SCOPES
        + f"mark = scopes.open('execution', {id_!r}).marks.begin(); say('begun'); input()"
    )
    monkeypatch.setattr(lifelines, "KNOWN_SECONDS", 0.1)
    with Process(script, url) as process:
        assert process.hear() == "begun"
        time.sleep(2)  # it renews its lease
        scope.marks.begin().end()
        process.kill()
    with pytest.raises(StateError, match="a worker process died while updating"):
        scope.marks.check()  # waits until it is known
    with pytest.raises(StateError, match="a worker process died while updating"):
        scope.marks.begin()


def test_a_process_killed_outside_of_a_call_does_no_harm(url: str, here: StoredScopes, id_: bytes) -> None:
    scope = here.create("execution", id_)
    script = SCOPES + f"scopes.open('execution', {id_!r}).marks.begin().end(); say('ended'); input()"
    with Process(script, url) as process:
        assert process.hear() == "ended"
        process.kill()
    scope.marks.begin().end()
    scope.marks.check()


def test_an_ended_scope_is_removed_and_may_begin_again(
    here: StoredScopes, there: StoredScopes, id_: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "GRACE_SECONDS", 0.0)
    scope = here.create("execution", id_)
    scope.store.put("", b"key", b"value")
    assert not there.may_begin_again("execution", id_)
    scope.end(complete=True)
    here._clean_up()
    assert there.open("execution", id_) is None
    assert there.may_begin_again("execution", id_)
    again = there.open_or_create("execution", id_)
    assert again.store.get("", b"key") is None
    there.remove("execution", id_)
    assert not here.may_begin_again("execution", id_)  # now it is lost


def test_a_scope_that_goes_on_is_not_removed(
    here: StoredScopes, there: StoredScopes, id_: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "GRACE_SECONDS", 0.0)
    here.create("execution", id_).end(complete=True)
    mark = there.open_or_create("execution", id_).marks.begin()
    here._clean_up()
    assert there.open("execution", id_) is not None
    mark.end()
    here._clean_up()
    there.remove("execution", id_)
    assert not here.may_begin_again("execution", id_)


def test_one_that_is_not_complete_cannot_begin_again(
    here: StoredScopes, id_: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "GRACE_SECONDS", 0.0)
    here.create("execution", id_).end(complete=False)
    here._clean_up()
    assert here.open("execution", id_) is None
    assert not here.may_begin_again("execution", id_)


def test_few_scopes_are_kept_open(here: StoredScopes, id_: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "MAX_OPEN", 2)
    scopes = [here.create("execution", id_ + b"%d" % number) for number in range(4)]
    scopes[0].store.put("", b"key", b"value")  # one that is used stays usable
    again = here.open("execution", id_ + b"0")
    assert again is not None
    assert again.store.get("", b"key") == b"value"


@pytest.mark.full
def test_a_forked_process_has_a_lease_of_its_own(url: str, id_: bytes) -> None:
    script = (
        SCOPES
        + f"""
scope = scopes.create('execution', {id_!r})
mark = scope.marks.begin()
import os
child = os.fork()
if not child:
    own = scopes.open('execution', {id_!r}).marks.begin()
    os._exit(0)  # dies in the middle
os.waitpid(child, 0)
mark.end()
say('done')
"""
    )
    with Process(script, url) as process:
        assert process.hear() == "done"
    scopes = StoredScopes(open_backend(url))
    found = scopes.open("execution", id_)
    assert found is not None
    with pytest.raises(StateError, match="a worker process died"):
        found.marks.check()
    scopes.close()
