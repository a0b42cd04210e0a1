"""Where state is kept, and where it is refused."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from duckwing.errors import StateError
from duckwing.state import places
from duckwing.state.places import memory_root, state_root

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the places of Linux")


def test_the_chosen_folders_are_made_for_this_user_alone(root: Path, tmp_path: Path) -> None:
    assert state_root() == root
    assert memory_root() == tmp_path / "memory"
    for folder in (root, tmp_path / "memory"):
        assert folder.stat().st_mode & 0o777 == 0o700


@linux_only
def test_the_default_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DUCKWING_STATE_DIR")
    monkeypatch.delenv("DUCKWING_MEMORY_DIR")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", "not/absolute")
    assert state_root() == tmp_path / "home" / ".local" / "state" / "duckwing"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert state_root() == tmp_path / "xdg" / "duckwing"
    monkeypatch.setattr(places, "_SHARED_MEMORY", tmp_path)
    assert memory_root() == tmp_path / f"duckwing-{os.geteuid()}"
    monkeypatch.setattr(places, "_SHARED_MEMORY", tmp_path / "nowhere")
    assert memory_root() == tmp_path / "xdg" / "duckwing" / "memory"


def test_a_folder_that_others_may_write_to_is_refused(root: Path, tmp_path: Path) -> None:
    for folder, place in ((root, state_root), (tmp_path / "memory", memory_root)):
        place()
        for mode in (0o770, 0o702):
            folder.chmod(mode)
            with pytest.raises(StateError, match="others may write"):
                place()


def test_a_folder_of_another_user_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state_root()
    another = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: another)
    with pytest.raises(StateError, match="another user"):
        state_root()


def test_a_link_is_not_followed_where_anybody_may_make_one(root: Path, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir(mode=0o700)
    (tmp_path / "memory").symlink_to(tmp_path / "target")
    with pytest.raises(StateError, match="no folder"):
        memory_root()
    root.symlink_to(tmp_path / "target")
    assert state_root() == root


def test_a_place_where_nothing_can_be_made_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        monkeypatch.setenv("DUCKWING_STATE_DIR", str(path))
        with pytest.raises(StateError, match="cannot keep state in"):
            state_root()
