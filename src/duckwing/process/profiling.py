"""Where a process spends its time, looked at while it serves: ``--profile FOLDER``.

A thread looks at the stacks of all others some hundred times a second, which costs some hundredths of their time.
What passes between two looks is given to the stack that is seen, as work or as waiting. Each process writes a file of
folded stacks, the form that flame graph tools read: a line for each stack, its frames from the outermost one with
semicolons between them, and microseconds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from types import CodeType, FrameType

INTERVAL_SECONDS = 0.005
GLANCE_SECONDS = 0.0001
WORKING_NS = 20_000
"""A thread works if it uses so much of a processor within a glance of so long."""

SWITCH_SECONDS = 0.00001
"""A thread that computes gives Python's lock away for a look after so long. By default it would be 5 ms: most turns
take less, and they would never be seen but where they end, when the process reads the next request. Even so a look
comes some 0.05 ms late: what takes less may be taken for what follows it."""

WRITE_SECONDS = 2.0
"""A process that is killed loses what it has not written yet."""

WAITING = "[waiting]"
"""The innermost frame of a thread that waits: for input, for a lock, for a processor."""

SUFFIX = ".folded"

_Stack = tuple[str, ...]


@contextlib.contextmanager
def profiled(folder: str) -> Iterator[None]:
    """Look at what the process does within the block.

    Args:
        folder: where the file goes, ``PID.folded``; made if need be.

    Raises:
        SystemExit: with status 1, after a message on standard error, if nothing can be written there.
    """
    path = os.path.join(folder, f"{os.getpid()}{SUFFIX}")
    try:
        os.makedirs(folder, exist_ok=True)
        with open(path, "w", encoding="utf-8"):
            pass
    except OSError as error:
        print(f"--profile {folder}: cannot write {path}: {error.strerror}", file=sys.stderr)
        raise SystemExit(1) from None
    profiler = _Profiler(path)
    profiler.start()
    try:
        yield
    finally:
        profiler.stop()


class _Profiler:
    """Looks, adds up, and writes from time to time.

    Args:
        path: of the file.
    """

    def __init__(self, path: str):
        self._path = path
        self._microseconds: Counter[_Stack] = Counter()
        self._names: dict[CodeType, str] = {}
        self._switching = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="duckwing-profiler", daemon=True)

    def start(self) -> None:
        self._switching = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECONDS)
        self._thread.start()

    def stop(self) -> None:
        """Write for the last time."""
        self._over.set()
        self._thread.join()
        sys.setswitchinterval(self._switching)

    def _run(self) -> None:
        if sys.platform != "win32":  # signals are for the main thread, which may wait for one
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        last = written = time.monotonic()
        self._look(0)
        while not self._over.wait(INTERVAL_SECONDS):
            now = time.monotonic()
            self._look(int((now - last) * 1e6))
            last = now
            if now - written >= WRITE_SECONDS:
                self._write()
                written = time.monotonic()
        self._look(int((time.monotonic() - last) * 1e6))
        self._write()

    def _look(self, passed: int) -> None:
        """Give each thread's stack the microseconds since the last look."""
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        stacks = sys._current_frames()
        stacks.pop(threading.get_ident(), None)
        seen = [
            (thread, _processor_ns(thread), (names.get(thread) or "thread", *self._frames(frame)))
            for thread, frame in stacks.items()
        ]
        stacks.clear()
        # All others stand still for as long as this thread has Python's lock: whoever works goes on now.
        time.sleep(GLANCE_SECONDS)
        for thread, before, stack in seen:
            works = before is None or (_processor_ns(thread) or 0) - before >= WORKING_NS
            self._microseconds[stack if works else (*stack, WAITING)] += passed

    def _frames(self, innermost: FrameType) -> _Stack:
        frames: list[str] = []
        frame: FrameType | None = innermost
        while frame is not None:
            code = frame.f_code
            name = self._names.get(code)
            if name is None:
                name = self._names[code] = _name(code, str(frame.f_globals.get("__name__", "?")))
            frames.append(name)
            frame = frame.f_back
        return tuple(reversed(frames))

    def _write(self) -> None:
        """Write everything so far, or, if there is no room for it, leave what was written before."""
        beside = f"{self._path}.new"
        with contextlib.suppress(OSError):
            with open(beside, "w", encoding="utf-8") as file:
                for stack, microseconds in self._microseconds.items():
                    file.write(f"{';'.join(stack)} {microseconds}\n")
            os.replace(beside, self._path)


def _processor_ns(thread: int) -> int | None:
    """The processor time that a thread has used; None: this system does not tell, or the thread has ended."""
    try:
        return time.clock_gettime_ns(time.pthread_getcpuclockid(thread))
    except (AttributeError, OSError):
        return None


def _name(code: CodeType, module: str) -> str:
    if module == "__main__":  # as authors' files are run
        module = os.path.basename(code.co_filename).removesuffix(".py")
    return f"{module}.{code.co_qualname}:{code.co_firstlineno}".replace(";", ",")
