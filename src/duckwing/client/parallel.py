"""Several streams read at the same time, as one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, cast

import pyarrow as pa

QUEUED = 2
"""Batches for each stream that are kept until somebody takes them."""

Read = Callable[[], Iterator[pa.RecordBatch]]


def gathered(readers: Sequence[Read]) -> Generator[pa.RecordBatch, None, None]:
    """The batches of all readers as they come, each reader in a thread; without threads if there is but one.

    The first error ends all of them, and so does leaving early.

    Raises:
        Exception: whatever a reader raises.
    """
    if len(readers) == 1:
        yield from readers[0]()
        return
    results: queue.Queue[pa.RecordBatch | BaseException | None] = queue.Queue(QUEUED * len(readers))
    stop = threading.Event()
    for number, reader in enumerate(readers):
        name = f"duckwing-scan-{number}"
        threading.Thread(target=_run, args=(reader, results, stop), name=name, daemon=True).start()
    running = len(readers)
    try:
        while running:
            result = results.get()
            if result is None:
                running -= 1
            elif isinstance(result, BaseException):
                raise result
            else:
                yield result
    finally:
        stop.set()
        while running:  # each of them says that it has ended, and may have to get rid of a batch before
            running -= results.get() is None


def _run(reader: Read, results: queue.Queue[Any], stop: threading.Event) -> None:
    try:
        # A generator, whose end cancels its stream.
        with closing(cast("Generator[pa.RecordBatch, None, None]", reader())) as batches:
            for batch in batches:
                results.put(batch)
                if stop.is_set():
                    return
    except BaseException as error:
        results.put(error)
    finally:
        results.put(None)


def together(tasks: Sequence[Callable[[], None]]) -> None:
    """Run tasks at the same time, each in a thread; without threads if there is but one.

    Raises:
        Exception: what the first of them that failed raises, after all have ended.
    """
    if len(tasks) == 1:
        tasks[0]()
        return
    with ThreadPoolExecutor(len(tasks), thread_name_prefix="duckwing-call") as pool:
        for future in [pool.submit(task) for task in tasks]:
            future.result()
