"""Sealed values: only under the same key and context, and nothing changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duckwing.errors import StateError
from duckwing.state.seal import seal, unseal

from .processes import Process

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@same_folder
@given(data=st.binary(max_size=300), context=st.binary(max_size=20))
def test_what_was_sealed_comes_back(data: bytes, context: bytes) -> None:
    sealed = seal(data, context)
    assert unseal(sealed, context) == data
    assert len(sealed) == len(data) + 57
    assert seal(data, context) != sealed
    if len(data) >= 8:
        assert data not in sealed


@same_folder
@given(data=st.binary(max_size=80), place=st.integers(0), bit=st.integers(0, 7), cut=st.integers(1))
def test_any_change_is_noticed(data: bytes, place: int, bit: int, cut: int) -> None:
    sealed = seal(data, b"context")
    changed = bytearray(sealed)
    changed[place % len(sealed)] ^= 1 << bit
    for wrong in (bytes(changed), sealed[: cut % len(sealed)], sealed + b"\0", b""):
        with pytest.raises(StateError):
            unseal(wrong, b"context")


def test_the_context_belongs_to_it() -> None:
    sealed = seal(b"secret", b"context")
    for context in (b"", b"contex", b"context\0", b"other"):
        with pytest.raises(StateError, match="something else"):
            unseal(sealed, context)


def test_key_stream_and_tag_do_not_repeat() -> None:
    """Zeros show the key stream: no block comes twice, in one message or in two."""
    blocks = [seal(bytes(640), b"")[25:-32][i : i + 64] for _ in range(2) for i in range(0, 640, 64)]
    assert len(set(blocks)) == len(blocks)


def test_the_key_is_for_this_user_alone(root: Path) -> None:
    sealed = seal(b"secret", b"")
    key = root / "key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert os.listdir(root) == ["key"]
    key.chmod(0o640)
    with pytest.raises(StateError, match="chmod 600"):
        unseal(sealed, b"")
    key.chmod(0o600)
    moved = key.rename(root / "moved")
    key.symlink_to(moved)
    with pytest.raises(StateError, match="key file"):
        unseal(sealed, b"")
    key.unlink()
    with pytest.raises(StateError, match="another key"):
        unseal(sealed, b"")
    moved.replace(key)
    assert unseal(sealed, b"") == b"secret"
    key.write_bytes(b"short")
    with pytest.raises(StateError, match="damaged"):
        seal(b"", b"")


def test_processes_that_make_the_key_at_once_have_the_same(root: Path) -> None:
    script = """
from duckwing.state.seal import seal
say("ready"); input()
say(seal(b"secret", b"").hex())
"""
    processes = [Process(script) for _ in range(6)]
    for process in processes:
        assert process.hear() == "ready"
    for process in processes:
        process.tell()
    for process in processes:
        with process:
            assert [unseal(bytes.fromhex(line), b"") for line in process.hear_all()] == [b"secret"]
    assert os.listdir(root) == ["key"]
