"""Items kept on disk by several processes: nothing is lost, their order, damage, a full disk."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from duckwing.errors import StateError
from duckwing.state.scope import NO_INDEX
from duckwing.state.spool import FileSpool, read_spools

from .processes import Process


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "spools"
    path.mkdir()
    return path


def items(folder: Path) -> list[bytes]:
    return [entry.read() for entry in read_spools(folder)]


def test_items_come_back_in_their_order(folder: Path) -> None:
    kept = [b"first", b"", bytes(range(256)) * 5000, b"last"]
    spool = FileSpool(folder)
    for item in kept:
        spool.append(memoryview(item))
        assert items(folder)[-1] == item  # at once, not only when the file is closed
    spool.close()
    assert items(folder) == kept


def test_nothing_is_there(folder: Path) -> None:
    assert list(read_spools(folder)) == []
    FileSpool(folder).close()
    assert list(read_spools(folder)) == []


def test_other_files_are_left_alone(folder: Path) -> None:
    (folder / "store.db").write_bytes(b"x" * 100)
    spool = FileSpool(folder)
    spool.append(b"item")
    spool.close()
    assert items(folder) == [b"item"]


def test_an_index_decides_over_all_files(folder: Path) -> None:
    spools = [FileSpool(folder) for _ in range(3)]
    for index in (7, 1, 4, 0, 2**62, 3, 5, 2, 6):
        spools[index % 3].append(str(index).encode(), index)
    for spool in spools:
        spool.close()
    assert items(folder) == [str(index).encode() for index in (0, 1, 2, 3, 4, 5, 6, 7, 2**62)]


def test_every_reader_gets_the_same(folder: Path) -> None:
    spools = [FileSpool(folder) for _ in range(4)]
    for n in range(40):
        spools[n % 4].append(b"%d" % n)
    for spool in spools:
        spool.close()
    entries = read_spools(folder)
    assert list(read_spools(folder)) == list(entries)
    assert {entry.index for entry in entries} == {NO_INDEX}
    numbers = [int(entry.read()) for entry in entries]
    assert sorted(numbers) == list(range(40))
    for first in range(4):
        of_one = [n for n in numbers if n % 4 == first]
        assert of_one == sorted(of_one)


def test_threads_and_processes(folder: Path) -> None:
    script = """
        from pathlib import Path
        from duckwing.state.spool import FileSpool
        spool = FileSpool(Path(sys.argv[1]))
        for n in range(1000):
            spool.append(f"{sys.argv[2]} {n}".encode() * 7, n)
    """
    spool = FileSpool(folder)

    def append(name: str) -> None:
        for n in range(1000):
            spool.append(f"{name} {n}".encode() * 7, n)

    threads = [threading.Thread(target=append, args=(name,)) for name in "ab"]
    with Process(script, folder, "c") as one, Process(script, folder, "d") as two:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        one.finish()
        two.finish()
    spool.close()
    assert sorted(items(folder)) == sorted(f"{name} {n}".encode() * 7 for name in "abcd" for n in range(1000))


def test_a_killed_process_loses_nothing_that_it_appended(folder: Path) -> None:
    script = """
        from pathlib import Path
        from duckwing.state.spool import FileSpool
        spool = FileSpool(Path(sys.argv[1]))
        spool.append(b"x" * 100_000)
        say("appended")
        input()
    """
    with Process(script, folder) as process:
        assert process.hear() == "appended"
        process.kill()
    assert items(folder) == [b"x" * 100_000]


def test_files_are_private(folder: Path) -> None:
    spool = FileSpool(folder)
    [path] = folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    spool.close()


def test_a_write_in_pieces(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:7]))
    spool = FileSpool(folder)
    spool.append(b"0123456789" * 10)
    spool.append(b"more")
    spool.close()
    assert items(folder) == [b"0123456789" * 10, b"more"]


def test_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was begun is taken back, so that what was kept before can still be read."""
    write = os.write
    spool = FileSpool(folder)
    spool.append(b"before")
    room = 10

    def limited(file: int, data: memoryview) -> int:
        nonlocal room
        if room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = write(file, data[:room])
        room -= written
        return written

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", limited)
        with pytest.raises(StateError, match=r"cannot keep 10,000 bytes .*No space left.*DUCKWING_STATE_DIR"):
            spool.append(b"x" * 10_000)
    spool.append(b"after")
    spool.close()
    assert items(folder) == [b"before", b"after"]


def test_a_file_that_is_cut_off(folder: Path) -> None:
    spool = FileSpool(folder)
    spool.append(b"x" * 100)
    spool.append(b"y" * 100)
    spool.close()
    [path] = folder.iterdir()
    os.truncate(path, path.stat().st_size - 1)
    first, second = read_spools(folder)
    assert first.read() == b"x" * 100
    with pytest.raises(StateError, match="kept input is not complete; run the query again"):
        second.read()
    os.truncate(path, 8)
    with pytest.raises(StateError, match="kept input cannot be read"):
        read_spools(folder)


def test_a_file_that_is_gone(folder: Path) -> None:
    spool = FileSpool(folder)
    spool.append(b"x")
    spool.close()
    [entry] = read_spools(folder)
    entry.path.unlink()
    with pytest.raises(StateError, match=r"kept input cannot be read \(No such file"):
        entry.read()
