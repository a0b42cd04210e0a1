"""The shared memory beside a connection: large batches lie there, and only a pointer travels (spec 01, section 15).

The client makes a segment for each connection, and removes it. Connections are in lockstep, so the side whose turn it
is may change the table of allocations without a lock. Never more than the segment's real size is believed.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import sys

import pyarrow as pa

from ..rpc.errors import MalformedMessage
from ..rpc.framing import END_OF_STREAM

DATA_OFFSET = 65536
MAX_ALLOCATIONS = 4094

MIN_BATCH_BYTES = 1 << 17
"""From how many bytes on a message goes through the memory, unless the environment says otherwise: the client's own."""

_MAGIC = b"VGIS"
_VERSION = 1
_HEAD = struct.Struct("<4sIQI")
_COUNT = struct.Struct("<I")
_COUNT_OFFSET = 16
_TABLE_OFFSET = 24
_ENTRY = struct.Struct("<QQ")


def min_batch_bytes() -> int:
    """``VGI_RPC_SHM_MIN_BATCH_BYTES``, or the default if it is not set or no number."""
    try:
        return int(os.environ["VGI_RPC_SHM_MIN_BATCH_BYTES"])
    except (KeyError, ValueError):
        return MIN_BATCH_BYTES


class Segment:
    """A segment that somebody else has made, attached to.

    Args:
        name: its POSIX name without the leading slash.
        size: what its maker says of its size in bytes.

    Attributes:
        name: as above.

    Raises:
        OSError: there is no such segment, or not for this user.
        ValueError: it is not what its maker says.
    """

    def __init__(self, name: str, size: int):
        if sys.platform == "win32":
            raise OSError("shared memory is not supported on Windows")
        # Not multiprocessing.shared_memory, which would remove the segment at the end of this process.
        import _posixshmem  # type: ignore[import-not-found]

        if "/" in name or "\0" in name:
            raise ValueError(f"{name!r} is no name of a shared memory segment")
        self.name = name
        self._min_batch_bytes = min_batch_bytes()
        self._file = _posixshmem.shm_open(f"/{name}", os.O_RDWR, mode=0o600)
        try:
            if size <= DATA_OFFSET or os.fstat(self._file).st_size < size:
                raise ValueError(f"segment {name} has {os.fstat(self._file).st_size} bytes; the client says {size}")
            self._memory = mmap.mmap(self._file, size)
        except BaseException:
            os.close(self._file)
            raise
        self._size = size
        self._backed = DATA_OFFSET
        magic, version, data_size, _ = _HEAD.unpack_from(self._memory)
        if (magic, version, data_size) != (_MAGIC, _VERSION, size - DATA_OFFSET):
            self.close()
            raise ValueError(f"segment {name} does not begin as version {_VERSION} of the protocol has it")

    def put(self, batch: pa.RecordBatch) -> tuple[int, int] | None:
        """Write a batch as an IPC stream.

        Args:
            batch: without dictionaries.

        Returns:
            Its offset and length; None if it is small, or there is no room.
        """
        # Not nbytes: it ends the process where a union that was read is empty.
        size = pa.ipc.get_record_batch_size(batch)
        if size < self._min_batch_bytes or not batch.num_rows:
            return None
        length = batch.schema.serialize().size + size + len(END_OF_STREAM)
        offset = self._allocate(length)
        if offset is None:
            return None
        room = memoryview(self._memory)[offset : offset + length]
        with pa.FixedSizeBufferWriter(pa.py_buffer(room)) as sink, pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        return offset, length

    def take(self, offset: int, length: int) -> bytes:
        """A copy of what lies there; its place is free from now on.

        Raises:
            MalformedMessage: it is not inside the segment.
        """
        if not (offset >= DATA_OFFSET and length >= 0 and offset + length <= self._size):
            raise MalformedMessage(
                f"bytes {offset} to {offset + length} are not inside a segment of {self._size} bytes"
            )
        data = self._memory[offset : offset + length]
        self._free(offset)
        return data

    def close(self) -> None:
        """Detach; the segment goes on existing."""
        with contextlib.suppress(BufferError):  # somebody still reads a batch; the memory goes when they are done
            self._memory.close()
        os.close(self._file)

    def _entries(self) -> list[tuple[int, int]]:
        (count,) = _COUNT.unpack_from(self._memory, _COUNT_OFFSET)
        if count > MAX_ALLOCATIONS:
            raise MalformedMessage(f"a shared memory segment says that it has {count} allocations")
        end = _TABLE_OFFSET + count * _ENTRY.size
        return list(_ENTRY.iter_unpack(self._memory[_TABLE_OFFSET:end]))

    def _set_entries(self, entries: list[tuple[int, int]]) -> None:
        table = b"".join(_ENTRY.pack(*entry) for entry in entries)
        self._memory[_TABLE_OFFSET : _TABLE_OFFSET + len(table)] = table
        _COUNT.pack_into(self._memory, _COUNT_OFFSET, len(entries))

    def _allocate(self, length: int) -> int | None:
        """The offset of the first gap of ``length`` bytes, which is taken from now on; None if there is none."""
        entries = self._entries()
        if len(entries) == MAX_ALLOCATIONS:
            return None
        cursor, index = DATA_OFFSET, 0
        while index < len(entries) and entries[index][0] - cursor < length:
            cursor = sum(entries[index])
            index += 1
        if cursor + length > self._size:
            return None
        if not self._back(cursor + length):
            return None
        entries.insert(index, (cursor, length))
        self._set_entries(entries)
        return cursor

    def _back(self, end: int) -> bool:
        """See to it that there is memory behind the first ``end`` bytes: else touching them would be fatal."""
        if end > self._backed:
            if hasattr(os, "posix_fallocate"):
                try:
                    os.posix_fallocate(self._file, self._backed, end - self._backed)
                except OSError:
                    return False
            self._backed = end
        return True

    def _free(self, offset: int) -> None:
        self._set_entries([entry for entry in self._entries() if entry[0] != offset])
