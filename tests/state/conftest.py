"""Folders of their own for every test."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of state on disk; that of memory is ``memory`` beside it."""
    monkeypatch.setenv("DUCKWING_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("DUCKWING_MEMORY_DIR", str(tmp_path / "memory"))
    return tmp_path / "state"
