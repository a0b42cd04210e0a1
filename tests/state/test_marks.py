"""Marks of calls that change a scope: one whose process died makes every later call fail."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from duckwing.errors import StateError
from duckwing.state import marks
from duckwing.state.living import process_file
from duckwing.state.marks import FileMarks

from .processes import Process

MARKS = """
import os
from pathlib import Path
from duckwing.errors import StateError
from duckwing.state.marks import FileMarks
marks = FileMarks(Path(sys.argv[1]), Path(sys.argv[1]) / "processes")
def fails(call):
    try:
        call()
    except StateError:
        return True
    return False
"""


def test_a_process_killed_between_begin_and_end_spoils_the_scope_for_good(tmp_path: Path) -> None:
    survivor = FileMarks(tmp_path, tmp_path / "processes")
    survivor.begin()
    survivor.end()
    with Process(MARKS + "marks.begin(); say('begun'); input()", tmp_path) as process:
        assert process.hear() == "begun"
        survivor.begin()  # somebody else's running call is no harm
        survivor.check()
        survivor.end()
        process.kill()
    for _ in range(2):
        for call in (survivor.begin, survivor.check, FileMarks(tmp_path, tmp_path / "processes").begin):
            with pytest.raises(StateError, match="run the query again"):
                call()
    with Process(MARKS + "say(fails(marks.begin) and fails(marks.check))", tmp_path) as process:
        assert process.hear_all() == ["True"]


def test_a_process_killed_outside_of_a_call_does_no_harm(tmp_path: Path) -> None:
    survivor = FileMarks(tmp_path, tmp_path / "processes")
    with Process(MARKS + "marks.begin(); marks.end(); say('ended'); input()", tmp_path) as process:
        assert process.hear() == "ended"
        process.kill()
    survivor.begin()
    survivor.end()
    survivor.check()


def test_a_process_that_exits_in_the_middle_of_a_call_spoils_the_scope(tmp_path: Path) -> None:
    with Process(MARKS + "marks.begin()", tmp_path) as process:
        process.finish()
    with pytest.raises(StateError):
        FileMarks(tmp_path, tmp_path / "processes").check()


def test_the_mark_stays_until_the_last_thread_ends(tmp_path: Path) -> None:
    """One of two overlapping calls ends, then the process is killed: the other one died."""
    script = MARKS + "marks.begin(); marks.begin(); marks.end(); say('begun'); input()"
    with Process(script, tmp_path) as process:
        assert process.hear() == "begun"
        process.kill()
    with pytest.raises(StateError):
        FileMarks(tmp_path, tmp_path / "processes").check()


def test_threads_begin_and_end_at_once(tmp_path: Path) -> None:
    shared = FileMarks(tmp_path, tmp_path / "processes")
    failures: list[BaseException] = []

    def call() -> None:
        try:
            for _ in range(500):
                shared.begin()
                shared.end()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert 1 not in (tmp_path / "marks").read_bytes()[: marks.SLOTS]


def test_a_forked_child_does_not_keep_a_dead_parent_alive(tmp_path: Path) -> None:
    script = (
        MARKS
        + """
marks.begin()
child = os.fork()
if child == 0:
    import signal
    signal.pause()
say(child)
input()
"""
    )
    with Process(script, tmp_path) as process:
        child = int(process.hear())
        try:
            process.kill()
            os.kill(child, 0)  # it lives, and has inherited every descriptor
            with pytest.raises(StateError):
                FileMarks(tmp_path, tmp_path / "processes").begin()
        finally:
            os.kill(child, 9)


def test_a_forked_child_has_marks_of_its_own(tmp_path: Path) -> None:
    script = (
        MARKS
        + """
marks.begin()
if (child := os.fork()) == 0:
    marks.end()    # the parent's
    marks.begin()  # its own
    os.kill(os.getpid(), 9)
os.waitpid(child, 0)
say(fails(marks.check))
"""
    )
    with Process(script, tmp_path) as process:
        assert process.hear_all() == ["True"]


def test_slots_of_dead_processes_are_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two slots, four processes that died outside of a call leave room; living ones do not."""
    monkeypatch.setattr(marks, "SLOTS", 2)
    monkeypatch.setattr(marks, "_SIZE", 34)
    small = MARKS.replace(
        "marks = FileMarks(", "from duckwing.state import marks; marks.SLOTS, marks._SIZE = 2, 34\nmarks = FileMarks("
    )
    for _ in range(4):
        with Process(small + "marks.begin(); marks.end(); say('ended'); input()", tmp_path) as process:
            assert process.hear() == "ended"
    with Process(small + "marks.begin(); marks.end(); say('ended'); input()", tmp_path) as process:
        assert process.hear() == "ended"
        first = FileMarks(tmp_path, tmp_path / "processes")
        first.begin()
        first.end()
        second = FileMarks(tmp_path, tmp_path / "processes")
        with pytest.raises(StateError, match="more than 2 processes"):
            second.begin()
        first.close()
        second.begin()
        second.end()


def test_the_file_of_a_process_that_ended_in_good_order_is_gone(tmp_path: Path) -> None:
    with Process(MARKS + "say(len(os.listdir(Path(sys.argv[1]) / 'processes')))", tmp_path) as process:
        assert process.hear_all() == ["1"]
    assert os.listdir(tmp_path / "processes") == []
    assert process_file(tmp_path / "processes") is process_file(tmp_path / "processes")
    assert len(os.listdir(tmp_path / "processes")) == 1


def test_a_call_that_is_alone_waits_for_the_one_that_it_may_repeat(tmp_path: Path) -> None:
    first, second = (FileMarks(tmp_path, tmp_path / "processes") for _ in range(2))
    first.begin()
    done = threading.Event()

    def repeat() -> None:
        second.begin(alone=True)
        done.set()

    repeated = threading.Thread(target=repeat)
    repeated.start()
    assert not done.wait(0.2)
    first.end()
    assert done.wait(30)
    repeated.join()
    second.end()


def test_it_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "WAIT_SECONDS", 0.1)
    first, second = (FileMarks(tmp_path, tmp_path / "processes") for _ in range(2))
    first.begin()
    with pytest.raises(StateError, match="has not ended, though its process lives"):
        second.begin(alone=True)
    first.end()
    second.begin(alone=True)
    second.end()
