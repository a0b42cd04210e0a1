"""The directories of scopes, and which of them a sweep removes."""

from __future__ import annotations

import gc
import json
import os
import threading
import time
from pathlib import Path

import pytest

from duckwing.errors import StateError
from duckwing.state import directory, sweep
from duckwing.state.directory import ScopeDirectories
from duckwing.state.living import Client, client
from duckwing.state.scope import Kind

from .processes import SAY, Process

HOUR, DAY = 3600.0, 86400.0

SCOPES = """
import os
from duckwing.state.directory import ScopeDirectories
scopes = ScopeDirectories()
"""


@pytest.fixture
def scopes(root: Path) -> ScopeDirectories:
    return ScopeDirectories()


@pytest.fixture
def twins(scopes: ScopeDirectories) -> Path:
    return scopes.memory


def names(root: Path) -> list[str]:
    return sorted(os.listdir(root / "scopes"))


def let_go(scopes: ScopeDirectories, kind: Kind, scope: bytes) -> None:
    found = scopes.open(kind, scope)
    assert found is not None
    found.close()


def test_a_scope_is_created_found_and_removed(root: Path, scopes: ScopeDirectories) -> None:
    assert scopes.open("execution", b"\x01/") is None
    made = scopes.create("execution", b"\x01/")
    assert made.path == root / "scopes" / "execution-012f"
    assert made.path.stat().st_mode & 0o777 == 0o700
    made.store.put("n", b"k", b"v")
    (made.memory / "file").write_bytes(b"x")
    assert made.memory.stat().st_mode & 0o777 == 0o700
    assert scopes.open("execution", b"\x01/") is made
    other = ScopeDirectories()
    found = other.open_or_create("execution", b"\x01/")
    assert found.store.get("n", b"k") == b"v"
    assert found.memory == made.memory
    with pytest.raises(StateError, match="exists already"):
        other.create("execution", b"\x01/")
    assert other.open("transaction", b"\x01/") is None
    made.remove()
    assert names(root) == []
    assert not found.memory.exists()
    assert scopes.open("execution", b"\x01/") is None
    assert other.open("execution", b"\x01/") is None
    scopes.remove("execution", b"\x01/")


def test_a_long_scope_has_a_short_name(scopes: ScopeDirectories) -> None:
    first, second = (scopes.create("transaction", bytes(5000) + end) for end in (b"a", b"b"))
    assert first.path != second.path
    assert len(first.path.name) < 100


def test_a_new_scope_sees_nothing_of_the_old_one(scopes: ScopeDirectories) -> None:
    """Also not what a process left that died while removing."""
    old = scopes.create("execution", b"e")
    (old.memory / "file").write_bytes(b"x")
    os.rename(old.path, old.path.with_name(".gone-test"))
    new = scopes.open_or_create("execution", b"e")
    assert new is not old
    assert os.listdir(new.memory) == []
    assert old.memory.exists()
    scopes.sweep()
    assert new.path.exists()
    assert new.memory.exists()
    assert not old.memory.exists()
    assert names(new.path.parent.parent) == ["execution-65"]


def test_removal_by_another_process_is_noticed(root: Path, scopes: ScopeDirectories) -> None:
    made = scopes.create("execution", b"e")
    assert scopes.open("execution", b"e") is made
    with Process(SCOPES + "scopes.remove('execution', b'e'); say(os.listdir(sys.argv[1]))", root / "scopes") as process:
        assert process.hear_all() == ["[]"]
    assert scopes.open("execution", b"e") is None
    made.remove()
    with Process(SCOPES + "scopes.create('execution', b'e').store.put('n', b'k', b'new')") as process:
        process.finish()
    found = scopes.open("execution", b"e")
    assert found is not None
    assert found.store.get("n", b"k") == b"new"
    made.remove()  # is not what is there now
    assert found.is_current()


def test_few_scopes_are_kept_open_but_never_one_in_use(
    scopes: ScopeDirectories, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "MAX_OPEN", 2)
    used = scopes.create("execution", b"used")
    used.store.put("n", b"k", b"v")
    before = len(os.listdir("/dev/fd"))
    for number in range(20):
        scopes.create("execution", bytes([number])).store.put("n", b"k", b"v")
    gc.collect()
    assert len(os.listdir("/dev/fd")) < before + 20
    assert scopes.open("execution", b"used") is used
    assert used.store.get("n", b"k") == b"v"


def test_threads_that_open_and_create_at_once_get_the_same(scopes: ScopeDirectories) -> None:
    found: list[object] = []
    barrier = threading.Barrier(4)

    def ask() -> None:
        barrier.wait()
        found.append(scopes.open_or_create("attachment", b"a"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(one is found[0] for one in found)


def test_processes_that_create_and_remove_at_once_never_meet_half_a_scope(root: Path) -> None:
    script = (
        SCOPES
        + """
input()
from duckwing.errors import StateError
for i in range(150):
    found = scopes.open_or_create("execution", b"e")
    if i % 3 == 0:
        found.remove()
    elif i % 3 == 1:
        found.close()
        try:
            os.utime(found.path / "alive", (1, 1))
        except FileNotFoundError:
            pass
        scopes.sweep()
say("done")
"""
    )
    with Process(script) as first, Process(script) as second, Process(script) as third:
        for process in (first, second, third):
            process.tell()
        for process in (first, second, third):
            assert process.hear_all() == ["done"]
    assert set(names(root)) <= {"execution-65"}


def test_the_client_is_the_nearest_ancestor_that_is_no_shell(scopes: ScopeDirectories) -> None:
    """A worker that a shell started for this process works for this process."""
    answer = "import json; from duckwing.state.living import client; print(json.dumps(list(client())))"
    script = """
import os, shlex
os.system(shlex.join([sys.executable, "-c", sys.argv[1]]) + "; true")
input()
"""
    with Process(script, answer) as process:
        parent = Client.from_json(json.loads(process.hear()))
        assert parent.is_alive() in (True, None)
        alive = parent.is_alive()
    assert parent.process == process._process.pid
    assert parent.is_alive() is (None if alive is None else False)
    ours = Client.from_json(list(client()))
    assert ours == client()
    assert ours.is_alive() in (True, None)
    assert ours._replace(place="elsewhere").is_alive() is None
    if ours.is_alive():
        assert ours._replace(start=ours.start + 1).is_alive() is False


CREATE = (
    SCOPES
    + """
for kind in ("execution", "transaction", "attachment"):
    (scopes.create(kind, sys.argv[1].encode()).memory / "file").write_bytes(b"x")
say("made")
input()
"""
)


def leave(kind_of_end: str, scope: str) -> None:
    """Let a worker whose client ends make scopes, and end both."""
    script = "import subprocess; subprocess.run([sys.executable, '-c', *sys.argv[1:]], check=True)"
    with Process(script, SAY + CREATE, scope) as process:
        assert process.hear() == "made"
        if kind_of_end == "killed":
            process.kill()
        else:
            process.tell()
            process.finish()


@pytest.mark.parametrize("end", ["killed", "finished"])
def test_sweep_removes_what_the_dead_have_left(root: Path, scopes: ScopeDirectories, twins: Path, end: str) -> None:
    leave(end, "s")
    assert len(names(root)) == len([twin for twin in twins.iterdir() if twin.is_dir()]) == 3
    deadline = time.monotonic() + 60
    while names(root) and time.monotonic() < deadline:  # a killed client's child ends a little later
        scopes.sweep(time.time() + 120)
    assert names(root) == []
    assert [twin for twin in twins.iterdir() if twin.is_dir()] == []


def test_sweep_leaves_alone_what_a_living_process_has_open(root: Path, scopes: ScopeDirectories, twins: Path) -> None:
    ours = scopes.create("execution", b"ours")
    assert ours.memory.exists()
    with Process(CREATE, "theirs") as process:
        assert process.hear() == "made"
        everything = names(root)
        assert len(everything) == 4
        scopes.sweep(time.time() + 10 * DAY)
        ScopeDirectories().sweep(time.time() + 10 * DAY)
        assert names(root) == everything
        assert len([twin for twin in twins.iterdir() if twin.is_dir()]) == 4
        process.kill()
    assert ours.is_current()


def test_what_has_ended_goes_soon(root: Path, scopes: ScopeDirectories) -> None:
    scopes.create("execution", b"w").end(complete=True)
    scopes.create("execution", b"p").end(complete=False)
    scopes.sweep(time.time() + 3)
    assert names(root) == ["execution-70", "execution-77"]
    scopes.sweep(time.time() + 10)
    assert names(root) == ["execution-70"]
    scopes.sweep(time.time() + 70)
    assert names(root) == []


def test_sweeps_go_on_as_long_as_there_are_new_scopes(
    root: Path, scopes: ScopeDirectories, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "SWEEP_EVERY", 0.0)
    monkeypatch.setattr(sweep, "COMPLETE_SECONDS", 0.0)
    for number in range(50):
        scopes.create("execution", bytes([number])).end(complete=True)
    assert len(names(root)) < 10


def test_a_sweep_may_leave_a_rest(root: Path, scopes: ScopeDirectories) -> None:
    for number in range(50):
        scopes.create("execution", bytes([number])).end(complete=True)
    for path in (root / "scopes").iterdir():
        for name in ("alive", "ended"):
            os.utime(path / name, (1, 1))
    assert not scopes.sweep(seconds=0.0)
    assert scopes.sweep()
    assert names(root) == []


def test_sweep_removes_what_nobody_has_opened_for_an_hour(root: Path, scopes: ScopeDirectories) -> None:
    """Its client, the process of the tests, lives."""
    with Process(CREATE, "s") as process:
        assert process.hear() == "made"
        process.tell()
        process.finish()
    scopes.sweep(time.time() + HOUR - 60)
    assert len(names(root)) == 3
    scopes.sweep(time.time() + HOUR + 60)
    assert names(root) == ["attachment-73"]
    scopes.sweep(time.time() + 100 * DAY)
    assert names(root) == ["attachment-73"]


def test_opening_a_scope_makes_it_young_again(root: Path, scopes: ScopeDirectories) -> None:
    scopes.create("execution", b"e").close()
    alive = root / "scopes" / "execution-65" / "alive"
    os.utime(alive, (1, 1))
    let_go(scopes, "execution", b"e")
    ScopeDirectories().sweep()
    assert names(root) == ["execution-65"]
    os.utime(alive, (1, 1))
    ScopeDirectories().sweep()
    assert names(root) == []


def test_a_process_sweeps_when_it_first_creates(root: Path, scopes: ScopeDirectories) -> None:
    scopes.create("execution", b"old").close()
    os.utime(root / "scopes" / "execution-6f6c64" / "alive", (1, 1))
    with Process(SCOPES + "scopes.create('execution', b'new'); say('made')") as process:
        assert process.hear_all() == ["made"]
    assert names(root) == ["execution-6e6577"]


def test_sweep_follows_no_links_and_touches_nothing_else(root: Path, scopes: ScopeDirectories, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "alive").touch()
    (outside / "precious").touch()
    os.utime(outside / "alive", (1, 1))
    (root / "scopes" / "execution-aa").symlink_to(outside)
    (root / "scopes" / ".gone-aa").symlink_to(outside)
    (scopes.memory / "execution-aa.bb").symlink_to(outside)
    (root / "scopes" / "notes").mkdir()
    made = scopes.create("execution", b"e")
    (made.path / "link").symlink_to(outside)
    (made.memory / "link").symlink_to(outside)
    scopes.sweep(time.time() + 10 * DAY)
    made.remove()
    assert sorted(os.listdir(outside)) == ["alive", "precious"]
    assert "notes" in names(root)


def test_sweep_never_raises(root: Path, scopes: ScopeDirectories) -> None:
    broken = scopes.create("execution", b"e")
    living = scopes.create("execution", b"living")
    assert living.memory.exists()
    broken.close()
    (broken.path / "about.json").write_text('{"token": 3')
    scopes.sweep()
    with pytest.raises(StateError, match="damaged"):
        scopes.open("execution", b"e")
    scopes.sweep(time.time() + 2 * HOUR)
    assert names(root) == [living.path.name]
    for folder in ("scopes", "processes"):
        os.rename(root / folder, root / f"{folder}-elsewhere")
    scopes.sweep()
    assert living.memory.exists()


def test_sweep_removes_the_files_of_dead_processes_only(root: Path, scopes: ScopeDirectories) -> None:
    scopes.create("execution", b"e").marks.begin()
    ours = os.listdir(root / "processes")
    assert len(ours) == 1
    with Process(SCOPES + "scopes.create('execution', b'f').marks.begin(); say('begun'); input()") as process:
        assert process.hear() == "begun"
        scopes.sweep()
        assert len(os.listdir(root / "processes")) == 2
        process.kill()
    scopes.sweep()
    assert os.listdir(root / "processes") == ours
    found = scopes.open("execution", b"f")
    assert found is not None
    with pytest.raises(StateError, match="died while updating"):
        found.marks.check()


def test_the_lock_of_a_scope_survives_other_uses_of_its_file(root: Path, scopes: ScopeDirectories) -> None:
    """Record locks go with any descriptor of the process: opening, sweeping and closing must not lose them."""
    made = scopes.create("execution", b"e")
    other = ScopeDirectories()
    let_go(other, "execution", b"e")
    other.sweep(time.time() + 10 * DAY)
    with Process(SCOPES + f"scopes.sweep({time.time() + 10 * DAY})") as process:
        process.finish()
    assert made.is_current()
    made.close()
    with Process(SCOPES + f"scopes.sweep({time.time() + 10 * DAY})") as process:
        process.finish()
    assert names(root) == []


def test_a_forked_child_does_not_keep_a_scope(root: Path, scopes: ScopeDirectories) -> None:
    script = (
        SCOPES
        + """
made = scopes.create("execution", b"e")
made.store.put("n", b"k", b"v")
child = os.fork()
if child == 0:
    found = scopes.open("execution", b"e")
    assert found is not made
    assert found.store.get("n", b"k") == b"v"
    found.close()
    made.close()
    del found
    import signal
    say("closed")
    signal.pause()
say(child)
input()
"""
    )
    with Process(script) as process:
        child = int(next(line for line in (process.hear(), process.hear()) if line != "closed"))
        try:
            scopes.sweep(time.time() + 10 * DAY)
            assert names(root) == ["execution-65"]  # the parent's hold has survived what the child did
            process.kill()
            scopes.sweep(time.time() + 10 * DAY)
            assert names(root) == []
        finally:
            os.kill(child, 9)


def test_twins_of_other_roots_are_left_alone(root: Path, scopes: ScopeDirectories, tmp_path: Path) -> None:
    other = ScopeDirectories(tmp_path / "other").create("execution", b"e")
    assert other.memory.is_relative_to(tmp_path / "memory")
    scopes.sweep(time.time() + 10 * DAY)
    assert other.memory.exists()
    os.rename(tmp_path / "other", tmp_path / "elsewhere")
    scopes.sweep()
    assert other.memory.exists()
    scopes.sweep(time.time() + 10 * DAY)
    assert not other._memory or not other._memory.exists()
