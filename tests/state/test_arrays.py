"""Arrays that several processes map: they grow in any of them, and a full file system is an error."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from duckwing.errors import StateError
from duckwing.state.arrays import MappedArrays

from .processes import Process

FIELDS: dict[str, np.dtype[Any]] = {"total": np.dtype(np.int64), "small": np.dtype(np.int8)}

OPEN = """
import numpy as np
from pathlib import Path
from duckwing.errors import StateError
from duckwing.state.arrays import MappedArrays
arrays = MappedArrays(Path(sys.argv[1]), {"total": np.dtype(np.int64), "small": np.dtype(np.int8)})
"""


@pytest.fixture
def arrays(tmp_path: Path) -> MappedArrays:
    return MappedArrays(tmp_path, FIELDS)


def test_new_elements_are_zero(arrays: MappedArrays) -> None:
    arrays.reserve(100_000)
    assert arrays.length >= 100_000
    for array in (arrays["total"], arrays["small"], arrays.present):
        assert len(array) >= 100_000
        assert not array.any()


def test_growing_keeps_what_is_there(arrays: MappedArrays) -> None:
    for length in (1, 10, 70_000, 69_000, 300_000):
        arrays.reserve(length)
        arrays["total"][length - 1] = length
        arrays["small"][length - 1] = length % 100
    assert [arrays["total"][n - 1] for n in (1, 10, 69_000, 70_000, 300_000)] == [1, 10, 69_000, 70_000, 300_000]
    assert np.count_nonzero(arrays["small"]) == 2


def test_what_nobody_reserved(arrays: MappedArrays) -> None:
    assert arrays.refresh(0) == 0
    assert arrays.refresh(5) == 0
    arrays.reserve(5)
    assert arrays.refresh(5) == 5
    assert arrays.refresh(10**9) == arrays.length


def test_growth_is_seen_by_those_who_look(tmp_path: Path, arrays: MappedArrays) -> None:
    other = MappedArrays(tmp_path, FIELDS)
    arrays.reserve(10)
    arrays["total"][9] = 1
    assert other.refresh(10) == 10
    assert other["total"][9] == 1
    other.reserve(500_000)
    other["total"][499_999] = 2
    assert arrays.refresh(500_000) == 500_000
    assert arrays["total"][[9, 499_999]].tolist() == [1, 2]


@pytest.mark.skipif(sys.platform == "win32", reason="a mapped file cannot be lengthened")
def test_two_processes_grow_them_at_once(tmp_path: Path) -> None:
    """Each has every second element; both reserve in small steps, and neither loses what the other wrote."""
    script = f"""
    {OPEN.strip().replace(chr(10), chr(10) + "    ")}
    first = int(sys.argv[2])
    say("ready")
    input()
    for step in range(1, 200):
        arrays.reserve(step * 2_500)
        mine = np.arange(first, step * 2_500, 2)
        arrays["total"][mine] += 1
        arrays["small"][mine[-1]] = first + 1
    """
    with Process(script, tmp_path, 0) as even, Process(script, tmp_path, 1) as odd:
        for process in (even, odd):
            assert process.hear() == "ready"
        for process in (even, odd):
            process.tell()
        for process in (even, odd):
            process.finish()
    arrays = MappedArrays(tmp_path, FIELDS)
    length = 199 * 2_500
    assert arrays.refresh(length) == length
    expected = 199 - np.arange(length) // 2_500
    assert np.array_equal(arrays["total"][:length], expected)
    assert np.bincount(arrays["small"][:length]).tolist() == [length - 2 * 199, 199, 199]


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of that kind")
def test_no_room(tmp_path: Path) -> None:
    """A limit of the process stands in for a full file system: both end the same call."""
    script = f"""
    {OPEN.strip().replace(chr(10), chr(10) + "    ")}
    import resource
    arrays.reserve(1_000)
    arrays["total"][:1_000] = 7
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    try:
        arrays.reserve(1_000_000)
    except StateError as error:
        say(error)
    say(arrays["total"][:1_000].sum())
    """
    with Process(script, tmp_path) as process:
        message = process.hear()
        assert message.startswith("there is no room for 1,310,720 bytes of state in shared memory (")
        assert message.endswith("or set DUCKWING_MEMORY_DIR to a directory on a larger file system")
        assert process.hear() == "7000"


def test_pages_are_there_before_they_are_touched(tmp_path: Path, arrays: MappedArrays) -> None:
    arrays.reserve(1_000_000)
    for file in tmp_path.iterdir():
        if hasattr(os.stat(file), "st_blocks"):
            assert os.stat(file).st_blocks * 512 >= os.stat(file).st_size >= 1_000_000


def test_where_the_system_cannot_allocate(
    tmp_path: Path, arrays: MappedArrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    arrays.reserve(100_000)
    arrays["total"][99_999] = 5
    arrays.reserve(1_000_000)
    assert arrays["total"][99_999] == 5
    assert os.stat(tmp_path / "field-total").st_size >= 8_000_000


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"cannot open .*; run the query again"):
        MappedArrays(tmp_path / "gone", FIELDS).reserve(1)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="shows the open files of a process")
def test_nothing_stays_open(arrays: MappedArrays) -> None:
    def files() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = files()
    for length in (1_000, 100_000, 1_000_000):
        arrays.reserve(length)
    arrays.close()
    assert files() == before
    assert arrays.length == 0


def test_marks(tmp_path: Path, arrays: MappedArrays) -> None:
    assert list(arrays.marks()) == []
    for name in ("total.add", "small.put", "total.add"):
        arrays.mark(name)
    assert sorted(MappedArrays(tmp_path, FIELDS).marks()) == ["small.put", "total.add"]
