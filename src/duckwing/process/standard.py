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
        OSError: the process was started without standard input or output.
    """
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        os.dup2(2, 1)
    except OSError:
        os.dup2(nothing, 1)
    os.dup2(nothing, 0)
    os.close(nothing)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)
    if sys.platform == "win32":
        import msvcrt

        for descriptor in (requests, answers):
            msvcrt.setmode(descriptor, os.O_BINARY)
    return requests, answers


def on_terminal() -> bool:
    """Whether a person started this process and expects it to say something."""
    try:
        return os.isatty(0)
    except OSError:
        return False
