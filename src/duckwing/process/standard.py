"""Standard input and output, taken away from user code.

In stdio mode one stray byte on descriptor 1 makes the client wait for ever (spec 01, section 2.4).
"""

from __future__ import annotations

import functools
import os
import sys


@functools.cache
def take_standard_streams() -> tuple[int, int]:
    """Private descriptors of the process's standard input and output; there is one pair per process.

    From the first call on, descriptor 1 leads to standard error, so that ``print`` and child
    processes cannot write into the protocol, and descriptor 0 to nothing, so that they cannot
    read from it.

    Returns:
        The descriptor to read requests from, and the one to write answers to.

    Raises:
        SystemExit: with status 1 and a message, if the process was started without standard input
            or output.
    """
    try:
        requests, answers = _duplicate(0), _duplicate(1)
    except OSError as error:
        raise SystemExit(
            f"a worker talks over standard input and output, and one of them is closed ({error.strerror}): "
            "start it with both"
        ) from None
    nothing = os.open(os.devnull, os.O_RDWR)  # becomes standard error itself if that is closed
    os.dup2(2, 1)
    os.dup2(nothing, 0)
    if nothing == 2:
        os.set_inheritable(2, True)
    else:
        os.close(nothing)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)
    if sys.platform == "win32":
        import msvcrt

        for descriptor in (requests, answers):
            msvcrt.setmode(descriptor, os.O_BINARY)
    return requests, answers


def _duplicate(descriptor: int) -> int:
    """A copy that children do not inherit and that is none of 0, 1 and 2, even if one of these is free."""
    if sys.platform == "win32":
        return os.dup(descriptor)
    import fcntl

    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)


def on_terminal() -> bool:
    """Whether a person started this process and expects it to say something."""
    try:
        return os.isatty(0)
    except OSError:
        return False
