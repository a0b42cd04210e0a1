"""Start or find the worker that a user's clients share: the launcher of ``launch:`` locations (spec 03, section 6).

There is no daemon. Whoever connects first starts the worker, and whoever comes later finds its socket, because all
compute the same name from the command, the working directory and the environment. The names are those of DuckDB's
extension and of every other launcher, so a worker that one of them has started serves this one, too.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import select
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import Error
from ..transports.sockets import check_path

IDLE_SECONDS = 300.0
"""How long a launched worker without connections lives, unless who starts it says otherwise."""

LOCK_SECONDS = 30.0
START_SECONDS = 60.0
PROBE_SECONDS = 2.0
MAX_NOISE = 1 << 20
"""Bytes that a worker may print before its ready line."""

_LOCK_POLL_SECONDS = 0.05
_REFUSED_PAUSES = (0.05, 0.1, 0.2)
_READY = b"UNIX:"


class LaunchError(Error):
    """A shared worker could not be found or started."""


@dataclass(frozen=True)
class Place:
    """Where a shared worker is found.

    Attributes:
        lock: the file that launchers lock while they look or start.
        socket: where the worker listens.
    """

    lock: Path
    socket: Path


def launch(arguments: Sequence[str], *, idle_timeout: float = IDLE_SECONDS, state_directory: str | None = None) -> str:
    """The path of the socket on which the worker of this command listens; it is started if it does not run.

    Args:
        arguments: the command, as :func:`split_arguments` makes it.
        idle_timeout: seconds without connections after which a worker that is started now leaves; 0: never.
        state_directory: where the sockets are; that of the user's other launchers if None.

    Raises:
        LaunchError: it does not start, or does not listen where it should.
        ConnectError: the path of the socket is too long.
    """
    if os.name != "posix":
        raise LaunchError("launch: locations need a POSIX system here; use a command instead")
    place = find_place(arguments, state_directory)
    check_path(str(place.socket))
    with _locked(place.lock):
        if not is_alive(place.socket):
            _remove_stale(place.socket)
            _start(arguments, place.socket, idle_timeout)
    return str(place.socket)


def split_arguments(text: str) -> list[str]:
    """The arguments in the text after ``launch:``, split as a shell would, but without any expansion (spec 03, 6.1).

    Raises:
        ValueError: there are none, or a quote or a backslash is left open.

    Example:
        >>> split_arguments("my-worker --name 'Ada L.' a\\"b c\\"d")
        ['my-worker', '--name', 'Ada L.', 'ab cd']
    """
    words: list[str] = []
    word: str | None = None
    quote = ""
    characters = iter(text)
    for character in characters:
        if character == quote:
            quote = ""
        elif character == "\\" and quote != "'":
            following = next(characters, None)
            if following is None:
                raise ValueError("unterminated quote" if quote else "there is nothing after the last backslash")
            stays = quote and following not in '"\\$`\n'
            word = (word or "") + (character + following if stays else following)
        elif quote:
            word = (word or "") + character
        elif character in "'\"":
            quote = character
            word = word or ""  # "" is an empty word
        elif character in " \t\n":
            words += [] if word is None else [word]
            word = None
        else:
            word = (word or "") + character
    if quote:
        raise ValueError("unterminated quote")
    words += [] if word is None else [word]
    if not words:
        raise ValueError("it names no command")
    return words


def find_place(arguments: Sequence[str], state_directory: str | None = None) -> Place:
    """Where the worker of a command is found, from this working directory and environment.

    Raises:
        LaunchError: the folder cannot be made, or belongs to another user.
    """
    folder = Path(state_directory) if state_directory is not None else default_folder(os.environ)
    folder = folder.absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.geteuid():
            raise LaunchError(
                f"the state directory {folder} is not owned by the current user (uid={os.geteuid()}); name another one"
            )
        folder.chmod(0o700)
    except OSError as error:
        raise LaunchError(f"the state directory {folder} cannot be used: {error.strerror}") from error
    try:
        here = os.getcwd()
    except OSError:
        here = ""
    name = worker_hash(arguments, here, os.environ)
    return Place(folder / f"{name}.lock", folder / f"{name}.sock")


def default_folder(environment: Mapping[str, str]) -> Path:
    """The folder of a user's launchers (spec 03, section 6.2)."""
    runtime = environment.get("XDG_RUNTIME_DIR")
    if runtime:
        return Path(runtime) / "vgi-rpc"
    temporary = environment.get("TMPDIR", "").rstrip("/")
    return Path(temporary or "/tmp") / f"vgi-rpc-{os.geteuid()}"


def worker_hash(arguments: Sequence[str], directory: str, environment: Mapping[str, str]) -> str:
    """The name of a shared worker: equal for equal commands, working directories and ``VGI_RPC_*`` variables (6.3)."""
    relevant = {name: value for name, value in environment.items() if name.startswith("VGI_RPC_")}
    ordered = dict(sorted(relevant.items(), key=lambda item: os.fsencode(item[0])))
    text = json.dumps(
        {"cmd": list(arguments), "cwd": directory, "env": ordered}, ensure_ascii=False, separators=(",", ":")
    )
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:16]


def is_alive(path: Path) -> bool:
    """Whether a worker listens on ``path``; the connection is closed without a byte (spec 03, section 6.5)."""
    for pause in (*_REFUSED_PAUSES, None):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(PROBE_SECONDS)
            try:
                probe.connect(str(path))
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK):
                    return True  # it has more clients than it can take at once
                if error.errno != errno.ECONNREFUSED or pause is None:
                    return False
            else:
                return True
        time.sleep(pause)
    raise AssertionError("the last attempt has no pause")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock, which other launchers take with ``flock``, too: it excludes no ``lockf``."""
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except (BlockingIOError, InterruptedError):
                if time.monotonic() >= deadline:
                    raise LaunchError(
                        f"timed out acquiring the lock {path} after {LOCK_SECONDS:g} s; does another launcher hang?"
                    ) from None
            time.sleep(_LOCK_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _remove_stale(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise LaunchError(f"{path} is in the way: it is not a socket; remove it")
        path.unlink()
    except FileNotFoundError:
        return


def _start(arguments: Sequence[str], path: Path, idle_timeout: float) -> None:
    """Start the worker and return when it listens."""
    command = [*arguments, "--unix", str(path), "--idle-timeout", seconds_text(idle_timeout)]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            restore_signals=False,  # SIGPIPE stays ignored, as workers find it under the extension
        )
    except OSError as error:
        raise LaunchError(f"{arguments[0]} cannot be started: {error.strerror}") from error
    # It belongs to everybody from now on. Nobody ends it; somebody must take note of its end.
    reaper = threading.Thread(target=process.wait, name="duckwing-launched", daemon=True)
    try:
        assert process.stdout is not None
        with process.stdout:
            ready = _ready_line(process.stdout.fileno())
        if ready is None:
            status = process.wait()
            raise LaunchError(
                f"the worker exited before it listened, with {_ending(status)}: {' '.join(command)}\n"
                "Its standard error is not kept; run the command to see what it says"
            )
        if ready != os.fsencode(path):
            raise LaunchError(f"the worker listens on {os.fsdecode(ready)} instead of {path}")
    except BaseException:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        raise
    finally:
        if process.returncode is None:
            reaper.start()


def _ready_line(descriptor: int) -> bytes | None:
    """What follows ``UNIX:`` in the first line that begins so; None: the output ended before.

    Raises:
        LaunchError: it does not come in time, or after too much else.
    """
    deadline = time.monotonic() + START_SECONDS
    output = b""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while True:
        for line in output.split(b"\n")[:-1]:
            if line.startswith(_READY):
                return line.removesuffix(b"\r")[len(_READY) :]
        if len(output) > MAX_NOISE:
            raise LaunchError(f"the worker printed more than {MAX_NOISE} bytes, but no line 'UNIX:<path>'")
        remaining = deadline - time.monotonic()
        if remaining <= 0 or not poll.poll(remaining * 1000):
            raise LaunchError(
                f"the worker did not print 'UNIX:<path>' within {START_SECONDS:g} s; does it know --unix PATH?"
            )
        data = os.read(descriptor, 1 << 16)
        if not data:
            return None
        output += data


def seconds_text(seconds: float) -> str:
    """Seconds as workers are told them: plain decimals, at most three (spec 03, section 6.6).

    Example:
        >>> [seconds_text(value) for value in (300, 1.5, 0.0004, 0)]
        ['300', '1.5', '0', '0']
    """
    return f"{seconds:.3f}".rstrip("0").rstrip(".")


def _ending(status: int) -> str:
    return f"status {status}" if status >= 0 else f"signal {-status}"
